"""Who sits in the seats: lists, substitutions and what the systems say, for every session and its room."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from avctl.bus import Bus
from avctl.commands import ListParticipants, RestoreSeat, SubstituteParticipant
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import (
    Event,
    ParticipantsListed,
    SeatRestored,
    SeatSubstituted,
    SessionCancelled,
    SessionClosed,
    SessionEvent,
)
from avctl.model.floor import Floor
from avctl.model.participants import (
    LAST_SEAT,
    Occupant,
    Origin,
    Seating,
    as_list,
    folded,
    logged_in,
    named,
)
from avctl.model.session import OVER, Session
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.services.roster import LONGEST, Row, read
from avctl.services.sessions import Sessions
from avctl.store import Store, records

MOST_PREVIEWS = 50
NOBODY: Mapping[str, Mapping[str, Any]] = {}


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A list that was looked at and waits for a person's word; nothing of it is written."""

    id: str
    session: str
    rows: tuple[Row, ...]
    origin: Origin
    source: str

    @property
    def good(self) -> tuple[Row, ...]:
        """The rows that can be taken over."""
        return tuple(row for row in self.rows if row.good)


class Participants:
    """Holds the people of every session that is not over, and those that ended since the start."""

    def __init__(self, bus: Bus, store: Store, journal: Journal, house: House, sessions: Sessions) -> None:
        self._bus, self._store, self._settled = bus, store, journal.settled
        self._house, self._sessions = house, sessions
        self._seatings: dict[str, Seating] = {}
        self._previews: dict[str, Preview] = {}
        self._resolved: dict[str, tuple[Seating, object, Mapping[int, Occupant]]] = {}
        bus.listen(self._fold, SessionEvent)
        journal.keep(self._kept, ParticipantsListed, SeatSubstituted, SeatRestored, SessionClosed)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern people in seats."""
        desk.handle(ListParticipants, self.take_over)
        desk.handle(SubstituteParticipant, self.substitute)
        desk.handle(RestoreSeat, self.give_back)

    async def restore(self) -> None:
        """Take in what the record holds of the sessions that are held, at start."""
        wanted = [session.id for session in self._sessions]
        async with self._store.read() as connection:
            for seating in await records.seatings(connection, wanted):
                self._seatings[seating.session] = seating

    # --- who is where ------------------------------------------------------------------------------------

    def seating(self, session: str) -> Seating:
        """What was said of the people of a session."""
        return self._seatings.get(session) or Seating(session=session)

    async def find(self, session: Session) -> tuple[Seating, tuple[Occupant, ...]]:
        """What was said, and who sits where; in one that is over: who sat there at its end."""
        if session.phase not in OVER:
            return self.seating(session.id), tuple(self._occupants(session).values())
        await self._settled()
        async with self._store.read() as connection:
            kept = await records.seatings(connection, [session.id])
        return (kept[0], kept[0].sat) if kept else (Seating(session=session.id), ())

    def who(self, room: str, seat: int) -> Occupant:
        """Who sits at a seat of a room now."""
        found = self._said(room)
        return _of(self._told(room), seat) if found is None else found.get(seat) or Occupant(seat=seat)

    def named(self, room: str, floor: Floor) -> Floor:
        """The floor with the names that are known now; a system that is away names nobody."""
        found = self._said(room)
        if found is None:
            return floor if floor.known else floor.named(lambda seat: ("", ""))
        known = found

        def name(seat: int) -> tuple[str, str]:
            one = known.get(seat)
            return (one.name, one.group) if one is not None else ("", "")

        return floor.named(name)

    def _said(self, room: str) -> Mapping[int, Occupant] | None:
        """Who sits where in a room's session; None when nobody said anything, and the system alone knows."""
        if not self._seatings or (session := self._sessions.in_room(room)) is None:
            return None
        seating = self._seatings.get(session.id)
        return None if seating is None or seating.empty else self._occupants(session)

    def _occupants(self, session: Session) -> Mapping[int, Occupant]:
        now = self._sessions.in_room(session.room) if session.room else None
        told = self._told(session.room) if now is not None and now.id == session.id else NOBODY
        seating = self.seating(session.id)
        before = self._resolved.get(session.id)
        if before is None or before[0] is not seating or before[1] is not told:
            before = self._resolved[session.id] = (seating, told, seating.occupants(told))
        return before[2]

    def _told(self, room: str) -> Mapping[str, Mapping[str, Any]]:
        """What the room's system says of its seats; nothing while it is away."""
        hall = next(iter(self._house.in_room(room, "Discussion")), None)
        if hall is None or not hall.online:
            return NOBODY
        told: Mapping[str, Mapping[str, Any]] = hall.readings.get("seats") or NOBODY
        return told

    # --- what people say ---------------------------------------------------------------------------------

    async def look(self, session: str, data: bytes, source: str) -> Preview:
        """Read a file and keep what it says until somebody confirms it; BadFile when it is no list."""
        self._open(session)
        rows = await asyncio.to_thread(read, data)
        return self._keep(session, rows, Origin.IMPORT, source)

    async def look_back(self, session: str) -> Preview:
        """The people of the last session of the same body in the same room; NotFound when there were none."""
        mine = self._open(session)
        async with self._store.read() as connection:
            last = await records.last_seating(
                connection, mine.room, mine.booking.body, mine.booking.starts_at
            )
        if last is None:
            raise NotFound("no earlier session of this body in this room has people in its record")
        title, seating = last
        rows = tuple(
            Row(number=at, name=one.name, group=one.group, seat=str(one.seat), card="")
            for at, one in enumerate((one for one in seating.sat if one.name), 1)
        )
        return self._keep(session, rows, Origin.EARLIER, title)

    def _keep(self, session: str, rows: tuple[Row, ...], origin: Origin, source: str) -> Preview:
        while len(self._previews) >= MOST_PREVIEWS:
            self._previews.pop(next(iter(self._previews)))
        preview = Preview(
            id=secrets.token_urlsafe(12), session=session, rows=rows, origin=origin, source=source[:200]
        )
        self._previews[preview.id] = preview
        return preview

    def preview(self, session: str, preview: str) -> Preview:
        """A list that waits for confirmation; NotFound when it was confirmed, or is too old."""
        found = self._previews.get(preview)
        if found is None or found.session != session:
            raise NotFound("this list was taken over already, or looked at too long ago: send it again")
        return found

    async def take_over(self, command: ListParticipants) -> Seating:
        """Make the good rows of a list that was looked at the people of the session."""
        self._open(command.session)
        preview = self.preview(command.session, command.preview)
        if not preview.good:
            raise Conflict("none of the rows can be taken over")
        del self._previews[preview.id]
        people = as_list(row.participant for row in preview.good)
        return await self._tell(
            ParticipantsListed(
                session=command.session,
                actor=command.actor,
                people=people,
                origin=preview.origin.value,
                source=preview.source,
            )
        )

    async def substitute(self, command: SubstituteParticipant) -> Seating:
        """Say who sits at a seat now; without a name its number is shown."""
        session = self._open(command.session)
        if not 1 <= command.seat <= LAST_SEAT:
            raise BadArgument("seat", f"a number from 1 to {LAST_SEAT} (got {command.seat})")
        name, group = _text("name", command.name), _text("group", command.group)
        if not group and name:
            known = (one for one in self.seating(session.id).people if folded(one.name) == folded(name))
            group = next((one.group for one in known), "")
        instead = ""
        if (now := self._sessions.in_room(session.room)) is not None and now.id == session.id:
            told = self._told(session.room)
            if name and told and str(command.seat) not in told:
                raise BadArgument("seat", f"a seat of this hall, {command.seat} is not")
            instead = logged_in(told.get(str(command.seat), {}))
        return await self._tell(
            SeatSubstituted(
                session=session.id,
                actor=command.actor,
                seat=command.seat,
                name=name,
                group=group,
                instead=instead,
            )
        )

    async def give_back(self, command: RestoreSeat) -> Seating:
        """Take a substitution back."""
        session = self._open(command.session)
        if command.seat not in (self.seating(session.id).substitutes or {}):
            raise NotFound(f"there is no substitution at seat {command.seat}")
        return await self._tell(SeatRestored(session=session.id, actor=command.actor, seat=command.seat))

    def _open(self, session: str) -> Session:
        found = self._sessions.get(session)
        if found.phase in OVER:
            raise Conflict(f"a session that is {found.phase} keeps its people as they were")
        return found

    async def _tell(self, event: SessionEvent) -> Seating:
        self._bus.publish(event)
        await self._settled()
        return self.seating(event.session)

    # --- keeping -----------------------------------------------------------------------------------------

    def _fold(self, event: SessionEvent) -> None:
        match event:
            case ParticipantsListed() | SeatSubstituted() | SeatRestored():
                self._seatings[event.session] = self.seating(event.session).after(event)
            case SessionClosed():
                self._end(event.session)
            case SessionCancelled():
                self._resolved.pop(event.session, None)

    def _end(self, session: str) -> None:
        """Keep who sat where at the end: the next session of this body may begin with it."""
        found = self._sessions.get(session)
        seating = self.seating(session)
        # The session is over by now, so its room's system is asked here and not through ``_occupants``.
        sat = tuple(seating.occupants(self._told(found.room) if found.room else NOBODY).values())
        self._resolved.pop(session, None)
        if any(one.name for one in sat):
            self._seatings[session] = replace(seating, sat=sat)

    def _kept(self, event: Event) -> Write | None:
        match event:
            case ParticipantsListed() | SeatSubstituted() | SeatRestored() | SessionClosed():
                seating = self._seatings.get(event.session)
                return None if seating is None else Write(records.save_seating, seating)
        return None


def _of(told: Mapping[str, Mapping[str, Any]], seat: int) -> Occupant:
    """Who sits at a seat by the system's word alone."""
    row = told.get(str(seat), {})
    if not (name := named(row)):
        return Occupant(seat=seat)
    origin = Origin.CARD if logged_in(row) else Origin.SYSTEM
    return Occupant(seat=seat, name=name, group=str(row.get("group") or ""), origin=origin)


def _text(field: str, text: str) -> str:
    plain = " ".join(text.split())
    if len(plain) > LONGEST or not plain.isprintable():
        raise BadArgument(field, f"at most {LONGEST} printable characters")
    return plain
