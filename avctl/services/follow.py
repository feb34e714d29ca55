"""Follow the floor: microphone on -> camera's shot, lower third, chapter; last one off -> the wide shot."""

from __future__ import annotations

import asyncio
import logging

from avctl.bus import Bus
from avctl.commands import Command, Operate, ShowOverlay, ShowSpeaker
from avctl.config import Config, Room, Shot
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import (
    ChapterMarked,
    DeviceEvent,
    ItemStarted,
    MicClosed,
    MicOpened,
    SessionEvent,
    SessionOpened,
    SessionResumed,
    SessionSuspended,
)
from avctl.model.floor import Floor, Place
from avctl.model.session import Phase
from avctl.services.house import House
from avctl.services.sessions import Sessions

log = logging.getLogger(__name__)

ACTOR = "follow"
FOLLOWED = (Phase.READY, Phase.OPEN)


class Follow:
    """Keeps the floor of each hall and turns it into pictures, names and chapters."""

    def __init__(self, config: Config, bus: Bus, desk: Desk, house: House, sessions: Sessions) -> None:
        self._config, self._bus, self._desk = config, bus, desk
        self._house, self._sessions = house, sessions
        self._rooms = {device.id: config.room(device.room) for device in config.devices}
        self._floors: dict[str, Floor] = {}
        self._wide: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        bus.listen(self._hear, DeviceEvent)
        bus.listen(self._turn, SessionEvent)

    def floor(self, room: str) -> Floor | None:
        """The floor of a room; None when it has no discussion system."""
        hall = next(iter(self._house.in_room(room, "Discussion")), None)
        return None if hall is None else self._floors.get(hall.id, Floor(device=hall.id))

    async def close(self) -> None:
        """Let every timer and act go."""
        for timer in self._wide.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hear(self, event: DeviceEvent) -> None:
        room = self._rooms.get(event.device)
        if room is None or event.device not in self._house:
            return
        if "Discussion" not in self._house.state(event.device).capabilities:
            return
        floor = self._floors.get(event.device, Floor(device=event.device)).after(event)
        self._floors[event.device] = floor
        match event:
            case MicOpened():
                self._opened(room, floor, event)
            case MicClosed():
                self._closed(room, floor)
            case ItemStarted() if event.title:
                session = self._sessions.running_in(room.id)
                if session is not None:
                    self._bus.publish(
                        ChapterMarked(session=session.id, kind="item", title=event.title, at=event.at)
                    )
                    self._item(session.id, event)

    def _opened(self, room: Room, floor: Floor, event: MicOpened) -> None:
        session = self._sessions.in_room(room.id)
        if session is None or session.phase not in FOLLOWED:
            return
        if (timer := self._wide.pop(room.id, None)) is not None:
            timer.cancel()
        shot = self._shot(room, floor, event.seat)
        if shot is not None:
            self._recall(shot)
        if session.phase is Phase.OPEN:
            place = next(place for place in floor.speakers if place.seat == event.seat)
            self._name(session.id, place)
            # After a restart the hall tells again who speaks: that is no new chapter.
            if place.name and place.name != session.speaker:
                self._bus.publish(
                    ChapterMarked(session=session.id, kind="speaker", title=place.name, at=event.at)
                )

    def _closed(self, room: Room, floor: Floor) -> None:
        session = self._sessions.in_room(room.id)
        if session is None or session.phase not in FOLLOWED:
            return
        if session.phase is Phase.OPEN:
            self._name(session.id, floor.speakers[-1] if floor.speakers else None)
        if not floor.speakers and (wide := self._online(room.wide)) is not None:
            loop = asyncio.get_running_loop()
            if (timer := self._wide.pop(room.id, None)) is not None:
                timer.cancel()
            self._wide[room.id] = loop.call_later(self._config.follow.wide_after, self._recall, wide)
        elif floor.speakers and (shot := self._shot(room, floor, floor.speakers[-1].seat)) is not None:
            self._recall(shot)

    def _turn(self, event: SessionEvent) -> None:
        """Show the floor as it is when a sitting opens or goes on; no name while it is interrupted."""
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
            self._name(session.id, floor.speakers[-1])

    def _shot(self, room: Room, floor: Floor, seat: int) -> Shot | None:
        """The shot of a seat; with several microphones open, one camera cannot show all: the wide one."""
        wide = self._online(room.wide)
        if len(floor.speakers) > 1 and wide is not None:
            return wide
        return self._online(tuple(shot for shot in room.shots if shot.shows(seat))) or wide

    def _online(self, shots: tuple[Shot, ...]) -> Shot | None:
        return next((shot for shot in shots if self._house.state(shot.camera).online), None)

    def _recall(self, shot: Shot) -> None:
        arguments = {"preset": shot.preset}
        self._obey(Operate(actor=ACTOR, device=shot.camera, verb="recall_preset", arguments=arguments))

    def _name(self, session: str, place: Place | None) -> None:
        if not self._config.follow.lower_third:
            return
        name, role = (place.name, place.group) if place is not None else ("", "")
        self._obey(ShowSpeaker(actor=ACTOR, session=session, name=name, role=role))

    def _item(self, session: str, event: ItemStarted) -> None:
        if self._config.follow.item_line and self._sessions.get(session).broadcastable:
            values: dict[str, str | int] = {"number": event.item[:20], "title": event.title[:1000]}
            self._obey(ShowOverlay(actor=ACTOR, session=session, kind="item", values=values))

    def _obey(self, command: Command) -> None:
        task = asyncio.get_running_loop().create_task(self._try(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self, command: Command) -> None:
        try:
            await self._desk.obey(command)
        except AvctlError as refusal:
            log.warning("%s was refused: %s", type(command).__name__, refusal)
