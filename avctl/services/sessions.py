"""The sessions: booked, run and ended; each change is an event, each act happens once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from avctl.bus import Bus
from avctl.commands import (
    AmendSession,
    BookSession,
    CancelSession,
    CloseSession,
    OpenSession,
    ResumeSession,
    SuspendSession,
)
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import ChapterMarked, Event, ItemStarted, SessionBooked, SessionEvent, now
from avctl.model.session import OVER, RUNNING, Booking, Phase, Session, amended, booking_of
from avctl.services.journal import Journal, Write
from avctl.store import Store, records

RECENT = timedelta(days=31)  # sittings that ended within are held in memory from the start


class Sessions:
    """Holds every session that is not over, and those that ended since the start."""

    def __init__(self, config: Config, bus: Bus, store: Store, journal: Journal) -> None:
        self._config = config
        self._bus = bus
        self._store = store
        self._settled = journal.settled
        self._sessions: dict[str, Session] = {}
        self._booking = asyncio.Lock()
        bus.listen(self._fold, SessionEvent)
        bus.listen(self._item, ItemStarted)
        journal.keep(self._kept)
        journal.keep(_chapter)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern the schedule; ``services.run`` answers the acts of a sitting."""
        desk.handle(BookSession, self.book)
        desk.handle(AmendSession, self.amend)

    async def restore(self) -> None:
        """Take in what the record holds, at start: what is not over, and what was lately."""
        async with self._store.read() as connection:
            lately = await records.sessions_between(connection, now() - RECENT, now())
            not_over = await records.open_sessions(connection)
        self._sessions.update((session.id, session) for session in (*lately, *not_over))

    async def find(self, session: str) -> Session:
        """As ``get``, and looks into the record for sittings of long ago."""
        if session not in self._sessions:
            async with self._store.read() as connection:
                found = await records.session_of(connection, session)
            if found is not None:
                return found
        return self.get(session)

    async def between(self, since: datetime, until: datetime) -> tuple[Session, ...]:
        """Those planned to begin from ``since`` and before ``until``, by planned start."""
        await self._settled()
        async with self._store.read() as connection:
            return await records.sessions_between(connection, since, until)

    async def chapters(self, session: str) -> tuple[ChapterMarked, ...]:
        """The moments of a session worth finding again, in order."""
        await self._settled()
        async with self._store.read() as connection:
            return await records.chapters_of(connection, session)

    def __iter__(self) -> Iterator[Session]:
        return iter(sorted(self._sessions.values(), key=lambda session: session.booking.starts_at))

    def get(self, session: str) -> Session:
        """The session of an id; NotFound when there is none."""
        try:
            return self._sessions[session]
        except KeyError:
            raise NotFound(f"there is no session {session!r}") from None

    def in_room(self, room: str) -> Session | None:
        """The session a room is busy with: running, else being prepared, else the next one planned."""
        mine = [one for one in self._sessions.values() if one.room == room and one.phase not in OVER]
        order = {Phase.OPEN: 0, Phase.SUSPENDED: 0, Phase.READY: 1, Phase.PREPARING: 1}
        mine.sort(key=lambda one: (order.get(one.phase, 2), one.booking.starts_at))
        return mine[0] if mine else None

    def running_in(self, room: str) -> Session | None:
        """The session that is open or suspended in a room."""
        found = self.in_room(room)
        return found if found is not None and found.phase in RUNNING else None

    async def book(self, command: BookSession) -> Session:
        """Enter a session; Conflict names what it clashes with."""
        booking = booking_of(command.details)
        async with self._booking:
            self._fits(booking, None)
            zone = ZoneInfo(self._config.site.timezone)
            identifier = f"{booking.starts_at.astimezone(zone):%Y%m%d}-{secrets.token_hex(3)}"
            self._bus.publish(
                SessionBooked(
                    session=identifier, actor=command.actor, details=booking.model_dump(mode="json")
                )
            )
            await self._settled()
        return self.get(identifier)

    async def amend(self, command: AmendSession) -> Session:
        """Change a booking; Conflict as in ``book``."""
        async with self._booking:
            session = self.get(command.session)
            event = session.amend(command.details, command.actor)
            booking = amended(session.booking, command.details)
            if session.phase in RUNNING and booking.room != session.room:
                raise Conflict("a running session cannot change its room")
            self._fits(booking, session.id)
            self._bus.publish(event)
            await self._settled()
        return self.get(command.session)

    async def open(self, command: OpenSession) -> Session:
        """Begin the sitting, unless another one runs in the room."""
        session = self.get(command.session)
        running = self.running_in(session.room) if session.room else None
        if running is not None and running.id != session.id:
            raise Conflict(f"{running.title!r} ({running.id}) is running in this room")
        return await self._tell(session.id, session.open(command.actor))

    async def suspend(self, command: SuspendSession) -> Session:
        """Interrupt the sitting."""
        event = self.get(command.session).suspend(command.reason, command.actor)
        return await self._tell(command.session, event)

    async def resume(self, command: ResumeSession) -> Session:
        """Go on."""
        return await self._tell(command.session, self.get(command.session).resume(command.actor))

    async def close(self, command: CloseSession) -> Session:
        """End the sitting."""
        return await self._tell(command.session, self.get(command.session).close(command.actor))

    async def cancel(self, command: CancelSession) -> Session:
        """Call the sitting off."""
        return await self._tell(command.session, self.get(command.session).cancel(command.actor))

    async def _tell(self, session: str, event: SessionEvent | None) -> Session:
        if event is not None:
            self._bus.publish(event)
            await self._settled()
        return self.get(session)

    def _fits(self, booking: Booking, session: str | None) -> None:
        if not booking.off_site and booking.room not in {room.id for room in self._config.rooms}:
            known = ", ".join(room.id for room in self._config.rooms)
            raise BadArgument("room", f"one of {known} (got {booking.room!r})")
        for other in self._sessions.values():
            if other.id != session and other.clashes(booking):
                when = other.booking
                raise Conflict(
                    f"the room is taken by {other.title!r} ({other.id}) from "
                    f"{when.starts_at.isoformat()} to {when.ends_at.isoformat()}"
                )

    def _kept(self, event: Event) -> Write | None:
        match event:
            case SessionEvent() if not event.transient:
                session = self._sessions.get(event.session)
            case ItemStarted():
                session = self.running_in(self._room_of(event.device))
            case _:
                return None
        return None if session is None else Write(records.save_session, session)

    def _room_of(self, device: str) -> str:
        return next((one.room for one in self._config.devices if one.id == device), "")

    def _fold(self, event: SessionEvent) -> None:
        if isinstance(event, SessionBooked):
            self._sessions[event.session] = Session.booked(event)
        elif (session := self._sessions.get(event.session)) is not None:
            self._sessions[event.session] = session.after(event)

    def _item(self, event: ItemStarted) -> None:
        session = self.running_in(self._room_of(event.device))
        if session is not None:
            self._sessions[session.id] = session.after(event)


def _chapter(event: Event) -> Write | None:
    return Write(records.save_chapter, event) if isinstance(event, ChapterMarked) else None
