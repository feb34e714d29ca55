"""Follow the floor: microphone on -> camera's shot, lower third, chapter; last one off -> the wide shot."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace

from avctl.bus import Bus
from avctl.commands import Command, ShowOverlay, ShowSpeaker
from avctl.config import Config, Room
from avctl.desk import Desk
from avctl.errors import AvctlError, Unsupported
from avctl.events import (
    CamerasHeld,
    CamerasReleased,
    ChapterMarked,
    DeviceEvent,
    ItemCalled,
    ItemStarted,
    Link,
    LinkChanged,
    MicClosed,
    MicOpened,
    ParticipantsListed,
    ReadingsChanged,
    RoomEvent,
    SeatRestored,
    SeatSubstituted,
    SessionEvent,
    SessionOpened,
    SessionResumed,
    SessionSuspended,
    SourceCut,
    VerbAsked,
)
from avctl.model.booking import AgendaItem
from avctl.model.floor import Floor, Place
from avctl.model.framing import in_picture
from avctl.model.session import Phase, Session
from avctl.services.director import ACTOR, Director
from avctl.services.framings import Framings
from avctl.services.house import House
from avctl.services.participants import Participants
from avctl.services.preparation.proof import ACTOR as PREPARING
from avctl.services.sessions import Sessions

log = logging.getLogger(__name__)

FOLLOWED = (Phase.READY, Phase.OPEN)
FLOOR = frozenset(("speakers", "waiting", "seats"))  # the readings that are the floor
BY_HAND = ("recall_preset", "drive", "zoom")
PRINTED = re.compile(r"\d{1,3}(\.\d{1,3}){0,3}\.?")  # a number as agendas print them


class Follow:
    """Keeps the floor of each hall and turns it into pictures, names and chapters."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        desk: Desk,
        house: House,
        sessions: Sessions,
        framings: Framings,
        participants: Participants,
    ) -> None:
        self._config, self._bus, self._desk = config, bus, desk
        self._house, self._sessions, self._framings = house, sessions, framings
        self._participants = participants
        self._written: dict[str, tuple[str, str]] = {}  # session -> the name and role last asked for
        self._rooms = {device.id: config.room(device.room) for device in config.devices}
        self._directors = {room.id: Director(config, room, desk, house) for room in config.rooms}
        self._floors: dict[str, Floor] = {}
        self._wide: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        bus.listen(self._look, ReadingsChanged, first=True)
        bus.listen(self._hear, DeviceEvent)
        bus.listen(self._turn, SessionEvent)
        bus.listen(self._seated, ParticipantsListed, SeatSubstituted, SeatRestored)
        bus.listen(self._decided, RoomEvent)

    def floor(self, room: str) -> Floor | None:
        """The floor of a room, with the names that are known now; None when it has no discussion system."""
        hall = next(iter(self._house.in_room(room, "Discussion")), None)
        if hall is None:
            return None
        return self._participants.named(room, self._floors.get(hall.id, Floor(device=hall.id)))

    async def close(self) -> None:
        """Let every timer and act go."""
        for timer in self._wide.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for director in self._directors.values():
            await director.close()

    # --- what happens ----------------------------------------------------------------------------------

    def _look(self, event: ReadingsChanged) -> None:
        """Move the camera at the first word of who speaks; names and chapters wait for the events of it."""
        if not FLOOR.isdisjoint(event.readings) and (room := self._hall(event.device)) is not None:
            before = self._floors.get(event.device, Floor(device=event.device))
            floor = self._floors[event.device] = before.after(event)
            spoke = floor.speakers is not before.speakers and floor.speaking != before.speaking
            if spoke and (session := self._followed(room)) is not None:
                self._frame(room, floor, session)

    def _hall(self, device: str) -> Room | None:
        """The room whose discussion system this is; None for any other device."""
        known = device in self._rooms and device in self._house
        if not known or "Discussion" not in self._house.state(device).capabilities:
            return None
        return self._rooms[device]

    def _hear(self, event: DeviceEvent) -> None:
        room = self._rooms.get(event.device)
        if room is None or event.device not in self._house:
            return
        match event:
            case LinkChanged() if event.link is Link.OFFLINE:
                if self._directors[room.id].relies_on(event.device):
                    self._frame_again(room)
            case VerbAsked() if event.verb in BY_HAND and event.actor not in (ACTOR, PREPARING):
                if self._followed(room) is not None:
                    self._framings.by_hand(room.id, event.actor)
        if self._hall(event.device) is None:
            return
        if isinstance(event, ReadingsChanged):
            if "seats" in event.readings:
                self._name_again(room)
            return
        before = self._floors.get(event.device, Floor(device=event.device))
        floor = self._floors[event.device] = before.after(event)
        match event:
            case MicOpened():
                self._opened(room, floor, event)
            case MicClosed():
                self._closed(room, floor)
            case ItemStarted() if event.title:
                session = self._sessions.running_in(room.id)
                # Told again after a restart, it is no new chapter.
                if session is not None and session.item_at == event.at and not session.item_closed:
                    self._bus.publish(
                        ChapterMarked(session=session.id, kind="item", title=event.title, at=event.at)
                    )
                    self._item(session.id, printed_number(event, session.booking.agenda), event.title)
            case LinkChanged():
                self._name_again(room)

    def _opened(self, room: Room, floor: Floor, event: MicOpened) -> None:
        session = self._followed(room)
        if session is None:
            return
        self._frame(room, floor, session)
        shown = in_picture(floor, self._config.follow.chairman)
        place = next((place for place in shown if place.seat == event.seat), None)
        if session.phase is Phase.OPEN and place is not None:
            place = self._known(room, place)
            self._name(session.id, place)
            # After a restart the hall tells again who speaks: that is no new chapter.
            if place.name and place.name != session.speaker:
                self._bus.publish(
                    ChapterMarked(session=session.id, kind="speaker", title=place.name, at=event.at)
                )

    def _closed(self, room: Room, floor: Floor) -> None:
        session = self._followed(room)
        if session is None:
            return
        if session.phase is Phase.OPEN:
            self._name(session.id, self._last(room, floor))
        self._frame(room, floor, session)

    def _turn(self, event: SessionEvent) -> None:
        """Show the floor as it is when a sitting opens or goes on; no name while it is interrupted."""
        if isinstance(event, SourceCut):
            self._was_cut(event)
        if isinstance(event, ItemCalled) and not event.closed:
            self._bus.publish(
                ChapterMarked(session=event.session, kind="item", title=event.title, at=event.at)
            )
            self._item(event.session, event.item, event.title)
        if not isinstance(event, SessionOpened | SessionResumed | SessionSuspended):
            return
        session = self._sessions.get(event.session)
        floor = self.floor(session.room)
        if isinstance(event, SessionOpened) and floor is not None and floor.item:
            # An item that was opened before the sitting is the sitting's first.
            self._bus.publish(ItemStarted(device=floor.device, item="", title=floor.item))
        if isinstance(event, SessionSuspended) or floor is None or not floor.speakers:
            if session.speaker:
                self._name(session.id, None)
        else:
            room = self._config.room(session.room)
            self._name(session.id, self._last(room, floor))
            self._frame_again(room)

    def _seated(self, event: SessionEvent) -> None:
        room = self._sessions.get(event.session).room
        if room in self._directors:
            self._name_again(self._config.room(room))

    def _was_cut(self, event: SourceCut) -> None:
        session = self._sessions.get(event.session)
        if session.room in self._directors:
            self._directors[session.room].was_cut(session.id, event.source)
            if event.actor != ACTOR and session.phase in FOLLOWED:
                self._framings.by_hand(session.room, event.actor)

    def _decided(self, event: RoomEvent) -> None:
        if isinstance(event, CamerasHeld):
            self._still(event.room)
        elif isinstance(event, CamerasReleased):
            self._frame_again(self._config.room(event.room))  # in silence what a person chose stays

    # --- the picture -----------------------------------------------------------------------------------

    def _frame(self, room: Room, floor: Floor, session: Session) -> None:
        """Show who speaks. Several: the whole room, for no shot has all; nobody: that too, later."""
        if self._framings.get(room.id).held:
            return
        if (timer := self._wide.pop(room.id, None)) is not None:
            timer.cancel()
        director = self._directors[room.id]
        speakers = in_picture(floor, self._config.follow.chairman)
        if not speakers:
            after = self._config.follow.wide_after
            loop = asyncio.get_running_loop()
            self._wide[room.id] = loop.call_later(after, director.show, session, room.wide)
            return
        shots = self._framings.shots_of(room.id, speakers[-1].seat)
        if len(speakers) > 1:
            director.show(session, room.wide, shots)
        else:
            director.show(session, shots, room.wide)

    def _frame_again(self, room: Room) -> None:
        self._still(room.id)
        floor, session = self.floor(room.id), self._followed(room)
        if floor is not None and floor.speakers and session is not None:
            self._frame(room, floor, session)

    def _still(self, room: str) -> None:
        """Give up whatever was about to be shown."""
        self._directors[room].rest()
        if (timer := self._wide.pop(room, None)) is not None:
            timer.cancel()

    def _followed(self, room: Room) -> Session | None:
        session = self._sessions.in_room(room.id)
        return session if session is not None and session.phase in FOLLOWED else None

    # --- names -----------------------------------------------------------------------------------------

    def _last(self, room: Room, floor: Floor) -> Place | None:
        """The one whose name stands in the picture; nobody while the system is away, which may be long."""
        speakers = in_picture(floor, self._config.follow.chairman) if floor.known else ()
        return self._known(room, speakers[-1]) if speakers else None

    def _known(self, room: Room, place: Place) -> Place:
        """A place with the name that is known now."""
        one = self._participants.who(room.id, place.seat)
        return replace(place, name=one.name, group=one.group)

    def _name_again(self, room: Room) -> None:
        """Somebody may be known by another name now, or no more: change what was written, if it differs."""
        session, floor = self._followed(room), self.floor(room.id)
        if session is None or session.phase is not Phase.OPEN or floor is None:
            return
        place = self._last(room, floor)
        written = (place.name, place.group) if place is not None else ("", "")
        # After a restart the programme may still show a name that somebody has given up meanwhile.
        if written != self._written.get(session.id, (session.speaker, session.speaker_role)):
            self._name(session.id, place)

    def _name(self, session: str, place: Place | None) -> None:
        if not self._config.follow.lower_third:
            return
        name, role = (place.name, place.group) if place is not None and place.name else ("", "")
        self._written[session] = (name, role)
        self._obey(ShowSpeaker(actor=ACTOR, session=session, name=name, role=role))

    def _item(self, session: str, item: str, title: str) -> None:
        if self._config.follow.item_line and self._sessions.get(session).broadcastable:
            values: dict[str, str | int] = {"number": item[:20], "title": title[:1000]}
            self._obey(ShowOverlay(actor=ACTOR, session=session, kind="item", values=values))

    def _obey(self, command: Command) -> None:
        task = asyncio.get_running_loop().create_task(self._try(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self, command: Command) -> None:
        try:
            await self._desk.obey(command)
        except Unsupported as refusal:  # a room that cannot do that is no fault
            log.debug("%s: %s", type(command).__name__, refusal)
        except AvctlError as refusal:
            log.warning("%s was refused: %s", type(command).__name__, refusal)


def printed_number(event: ItemStarted, agenda: tuple[AgendaItem, ...]) -> str:
    """The number of an item as the agenda prints it; a system's own key of it is none, and is not shown."""
    printed = next((item.number for item in agenda if item.title == event.title), "")
    return printed or (event.item if PRINTED.fullmatch(event.item) else "")
