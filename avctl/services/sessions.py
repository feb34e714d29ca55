"""The sessions: booked, run and ended; each change is an event, each act happens once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from avctl.bus import Bus
from avctl.commands import (
    AmendSession,
    BookSession,
    Scope,
)
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import BadArgument, Clashing, Conflict, NotFound, Stale
from avctl.events import (
    ChapterMarked,
    ClashOverridden,
    Event,
    ItemStarted,
    SessionBooked,
    SessionEvent,
    now,
)
from avctl.model import clash
from avctl.model.booking import Booking, Policy, amended, booking_of, changes
from avctl.model.clash import Clash, Taken
from avctl.model.series import TIMES, alike, meant
from avctl.model.session import BEFORE, OVER, RUNNING, Phase, Session
from avctl.services.journal import Journal, Write
from avctl.store import Store, people, records
from avctl.store.records import Filter

SAID = 5  # clashes that a refusal names; a program gets them all
RECENT = timedelta(days=31)  # sittings that ended within are held in memory from the start


class Sessions:
    """Holds every session that is not over, and those that ended since the start."""

    def __init__(self, config: Config, bus: Bus, store: Store, journal: Journal) -> None:
        self._config = config
        self._bus = bus
        self._store = store
        self._journal = journal
        self._settled = journal.settled
        self._sessions: dict[str, Session] = {}
        self._in_rooms: dict[str, str] = {}  # the session of each room: asked at every microphone
        self._booking = asyncio.Lock()
        bus.listen(self._fold, SessionEvent)
        bus.listen(self._item, ItemStarted)
        journal.keep(self._kept, SessionEvent, ItemStarted)
        journal.keep(_chapter, ChapterMarked)

    def handle(self, desk: Desk) -> None:
        """Answer the bookings; ``services.series`` answers series, ``services.run`` the acts of a sitting."""
        desk.handle(BookSession, self.book)
        desk.handle(AmendSession, self.amend)

    async def restore(self) -> None:
        """Take in what the record holds, at start: what is not over, and what was lately."""
        async with self._store.read() as connection:
            lately = await records.sessions_between(connection, now() - RECENT, now())
            not_over = await records.open_sessions(connection)
        for session in (*lately, *not_over):
            self._hold(session)

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

    @property
    def config(self) -> Config:
        """What the council is made of."""
        return self._config

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
        if room not in self._in_rooms:
            mine = (one for one in self._sessions.values() if one.room == room and one.phase not in OVER)
            order = {Phase.OPEN: 0, Phase.SUSPENDED: 0, Phase.READY: 1, Phase.PREPARING: 1}
            first = min(mine, key=lambda one: (order.get(one.phase, 2), one.booking.starts_at), default=None)
            self._in_rooms[room] = first.id if first is not None else ""
        return self._sessions.get(self._in_rooms[room])

    def running_in(self, room: str) -> Session | None:
        """The session that is open or suspended in a room."""
        found = self.in_room(room)
        return found if found is not None and found.phase in RUNNING else None

    def next_in(self, session: Session) -> Session | None:
        """The next one that is booked in a session's room after it; None off-site."""
        mine = [
            one
            for one in self._sessions.values()
            if session.room
            and one.room == session.room
            and one.phase in BEFORE
            and one.id != session.id
            and one.booking.starts_at >= session.booking.starts_at
        ]
        return min(mine, key=lambda one: one.booking.starts_at, default=None)

    async def book(self, command: BookSession) -> Session:
        """Enter a session; Clashing names what it clashes with."""
        (session,) = await self.book_all((command.details,), command.actor, command.override)
        return session

    async def book_all(
        self, wanted: Sequence[Mapping[str, Any]], actor: str, override: str = ""
    ) -> tuple[Session, ...]:
        """Enter several sessions, all or none."""
        bookings = [self._usually(booking_of(details)) for details in wanted]
        await self.known(bookings)
        async with self._booking:
            found = self._fits([(self.new_id(booking), booking) for booking in bookings], override)
            for identifier, booking, clashes in found:
                self._book(identifier, booking, actor)
                self.overridden(identifier, actor, override, clashes)
            await self._settled()
        return tuple(self.get(identifier) for identifier, _booking, _clashes in found)

    def _book(self, identifier: str, booking: Booking, actor: str) -> None:
        details = booking.model_dump(mode="json")
        self._bus.publish(SessionBooked(session=identifier, actor=actor, details=details))

    async def amend(self, command: AmendSession) -> Session:
        """Change a booking; Clashing as in ``book``, Stale when somebody was quicker."""
        if command.version is not None:
            await self._must_be_fresh(self.get(command.session), command.version)
        session = self.get(command.session)
        after = amended(session.booking, command.details)
        details = dict(command.details)
        if session.booking.place is not None and command.scope is Scope.THIS and set(TIMES) & set(details):
            details["place"] = session.booking.place.model_copy(update={"moved": True}).model_dump(
                mode="json"
            )
        zone, wanted = self._config.site.zone, {session.id: details}
        for one in meant(self, session, command.scope):
            if one.id != session.id:
                wanted[one.id] = alike(command.details, session.booking, after, one.booking, zone)
        await self.amend_all(
            wanted, command.actor, version=command.version, override=command.override, reason=command.reason
        )
        return self.get(command.session)

    async def amend_all(
        self,
        wanted: Mapping[str, Mapping[str, Any]],
        actor: str,
        *,
        version: int | None = None,
        override: str = "",
        reason: str = "",
        added: Sequence[Booking] = (),
        gone: Sequence[str] = (),
        gone_because: str = "",
    ) -> None:
        """Change several bookings, all or none. ``version`` is that of the first of them.

        With them some are ``added``, and those that are ``gone`` are called off.
        """
        fresh = [self._usually(booking) for booking in added]
        await self.known(
            [*(amended(self.get(one).booking, details) for one, details in wanted.items()), *fresh]
        )
        async with self._booking:
            bookings: list[tuple[str, Booking]] = []
            for identifier, details in wanted.items():
                session = self.get(identifier)
                if version is not None and not bookings and session.version != version:
                    await self._must_be_fresh(session, version)
                booking = self._usually(amended(session.booking, details))
                if session.phase in RUNNING and booking.room != session.room:
                    raise Conflict("a running session cannot change its room")
                bookings.append((identifier, booking))
            events: list[SessionEvent | None] = [
                self.get(identifier).amend(different, actor, reason)
                for identifier, booking in bookings
                if (different := changes(self.get(identifier).booking, booking))
            ]
            events += [self.get(one).cancel(actor, gone_because) for one in gone]
            new = [(self.new_id(booking), booking) for booking in fresh]
            found = self._fits([*bookings, *new], override, gone)
            for event in events:
                if event is not None:
                    self._bus.publish(event)
            for identifier, booking in new:
                self._book(identifier, booking, actor)
            for identifier, _booking, clashes in found:
                self.overridden(identifier, actor, override, clashes)
            await self._settled()

    async def _must_be_fresh(self, session: Session, version: int) -> None:
        """Stale with who changed what since, unless the version is the newest."""
        if session.version == version:
            return
        await self._settled()
        rows = await self._journal.page(which=Filter(kinds=("SessionAmended",), subject=session.id))
        changed = tuple(
            {
                "at": row.at.isoformat(),
                "by": row.actor,
                "fields": row.data["details"],
                "before": row.data.get("before", {}),
            }
            for row in reversed(rows)
            if row.number > version
        )
        who = session.changed_by or "somebody"
        raise Stale(f"{who} changed this session meanwhile", session, changed)

    async def tell(self, session: str, event: SessionEvent | None) -> Session:
        """Publish what an act decided, if anything; the session once that is kept."""
        if event is not None:
            self._bus.publish(event)
            await self._settled()
        return self.get(session)

    async def kept(self) -> None:
        """Until what was published is on disk."""
        await self._settled()

    def _usually(self, booking: Booking) -> Booking:
        """The booking with what the configuration says where nobody did."""
        said = booking.release_at is not None or booking.release_hours is not None
        if booking.policy is not Policy.DELAYED or said:
            return booking
        return booking.model_copy(update={"release_hours": self._config.schedule.release_hours})

    def new_id(self, booking: Booking) -> str:
        """An id nobody has: its day, and something nobody guesses."""
        return f"{booking.starts_at.astimezone(self._config.site.zone):%Y%m%d}-{secrets.token_hex(3)}"

    async def known(self, bookings: Iterable[Booking]) -> None:
        """BadArgument for people on duty whom nobody knows."""
        wanted = {name for booking in bookings for name in booking.on_duty}
        if wanted:
            async with self._store.read() as connection:
                known = {account.name for account in await people.all_accounts(connection)}
            if strangers := sorted(wanted - known):
                raise BadArgument("on_duty", f"names of accounts (there is no {', '.join(strangers)})")

    def _fits(
        self, wanted: Sequence[tuple[str, Booking]], override: str, gone: Iterable[str] = ()
    ) -> list[tuple[str, Booking, tuple[Clash, ...]]]:
        """Each booking with what it clashes with; Clashing when it does and nobody overrides that."""
        for _identifier, booking in wanted:
            self._has_a_place(booking)
        each = self.clashes_of(wanted, gone)
        every = [one for clashes in each for one in clashes]
        if every and not override.strip():
            zone = self._config.site.zone
            said = "; ".join(one.says(zone) for one in every[:SAID])
            more = f"; and {len(every) - SAID} more" if len(every) > SAID else ""
            raise Clashing(said + more, tuple(one.data() for one in every))
        return [(*one, clashes) for one, clashes in zip(wanted, each, strict=True)]

    def clashes_of(
        self, wanted: Sequence[tuple[str, Booking]], gone: Iterable[str] = ()
    ) -> list[tuple[Clash, ...]]:
        """What each booking would clash with, those before it included; ``gone``: what will be called off."""
        others = self._taken((*(one for one, _booking in wanted), *gone))
        found = []
        for _identifier, booking in wanted:
            found.append(tuple(clash.clashes(booking, others, self._config.schedule.broadcasts)))
            others.append(Taken(session="", booking=booking))
        return found

    def _taken(self, leave_out: Iterable[str]) -> list[Taken]:
        mine = set(leave_out)
        return [
            Taken(session=one.id, booking=one.booking)
            for one in self._sessions.values()
            if one.id not in mine and one.phase not in OVER
        ]

    def _has_a_place(self, booking: Booking) -> None:
        if not booking.title:
            raise BadArgument("title", "a title that is more than blanks")
        rooms = [room.id for room in self._config.rooms]
        if not booking.off_site and booking.room not in rooms:
            raise BadArgument("room", f"one of {', '.join(rooms)} (got {booking.room!r})")
        source = booking.remote_source
        if source and source not in {one.id for one in self._config.in_room(booking.room)}:
            raise BadArgument("remote_source", f"the id of a source in the room (got {source!r})")

    def overridden(self, session: str, actor: str, reason: str, clashes: tuple[Clash, ...]) -> None:
        """Tell that something stands although it clashes, and why."""
        if clashes:
            said = tuple(one.says(self._config.site.zone) for one in clashes)
            told = ClashOverridden(session=session, actor=actor, reason=reason.strip(), clashes=said)
            self._bus.publish(told)

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
            self._hold(Session.booked(event))
        elif (session := self._sessions.get(event.session)) is not None:
            self._hold(session.after(event))

    def _hold(self, session: Session) -> None:
        before = self._sessions.get(session.id)
        self._sessions[session.id] = session
        if before is None or before.phase is not session.phase or before.booking is not session.booking:
            self._in_rooms.clear()

    def _item(self, event: ItemStarted) -> None:
        session = self.running_in(self._room_of(event.device))
        if session is not None:
            self._hold(session.after(event))


def _chapter(event: Event) -> Write | None:
    return Write(records.save_chapter, event) if isinstance(event, ChapterMarked) else None
