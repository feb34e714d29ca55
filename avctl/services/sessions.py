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
    BookSeries,
    BookSession,
    CancelSession,
    CloseSession,
    OpenSession,
    ResumeSession,
    Scope,
    SuspendSession,
)
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import BadArgument, Clashing, Conflict, NotFound, Stale
from avctl.events import (
    ChapterMarked,
    ClashOverridden,
    Event,
    ItemStarted,
    Reason,
    SessionBooked,
    SessionEvent,
    now,
)
from avctl.model import clash
from avctl.model.booking import Booking, Policy, amended, booking_of, changes
from avctl.model.clash import Clash, Taken
from avctl.model.series import TIMES, alike, moved, occurrences
from avctl.model.session import BEFORE, OVER, RUNNING, Phase, Session, in_minutes
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
        self._booking = asyncio.Lock()
        bus.listen(self._fold, SessionEvent)
        bus.listen(self._item, ItemStarted)
        journal.keep(self._kept, SessionEvent, ItemStarted)
        journal.keep(_chapter, ChapterMarked)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern the schedule; ``services.run`` answers the acts of a sitting."""
        desk.handle(BookSession, self.book)
        desk.handle(BookSeries, self.book_series)
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
        """Enter a session; Clashing names what it clashes with."""
        (session,) = await self.book_all((command.details,), command.actor, command.override)
        return session

    async def book_series(self, command: BookSeries) -> tuple[Session, ...]:
        """Enter a session for each occurrence of a rule, all or none."""
        first, zone = booking_of(command.details), self._config.site.zone
        clock = first.starts_at.astimezone(zone).replace(tzinfo=None)
        series, details = secrets.token_hex(6), first.model_dump(mode="json")
        wanted = []
        for at in await asyncio.to_thread(occurrences, command.rule, clock, zone):
            place = {"series": series, "rule": command.rule, "at": at.isoformat()}
            wanted.append({**details, **moved(first, at, zone), "place": place})
        return await self.book_all(wanted, command.actor, command.override)

    def of_series(self, session: str, scope: Scope) -> tuple[Session, ...]:
        """The session and, of its series, those that may still be changed and are meant, in order."""
        this = self.get(session)
        place = this.booking.place
        if place is None or scope is Scope.THIS:
            return (this,)
        found = [
            one
            for one in self._sessions.values()
            if (its := one.booking.place) is not None
            and its.series == place.series
            and (one.id == session or one.phase in BEFORE)
            and (scope is Scope.ALL or its.at >= place.at)
        ]
        return tuple(sorted(found, key=lambda one: one.booking.starts_at))

    async def book_all(
        self, wanted: Sequence[Mapping[str, Any]], actor: str, override: str = ""
    ) -> tuple[Session, ...]:
        """Enter several sessions, all or none."""
        bookings = [self._usually(booking_of(details)) for details in wanted]
        await self.known(bookings)
        async with self._booking:
            found = self._fits([(self._new_id(booking), booking) for booking in bookings], override)
            for identifier, booking, clashes in found:
                details = booking.model_dump(mode="json")
                self._bus.publish(SessionBooked(session=identifier, actor=actor, details=details))
                self._overridden(identifier, actor, override, clashes)
            await self._settled()
        return tuple(self.get(identifier) for identifier, _booking, _clashes in found)

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
        for one in self.of_series(session.id, command.scope):
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
    ) -> None:
        """Change several bookings, all or none. ``version`` is that of the first of them."""
        await self.known([amended(self.get(one).booking, details) for one, details in wanted.items()])
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
            events = [
                self.get(identifier).amend(different, actor, reason)
                for identifier, booking in bookings
                if (different := changes(self.get(identifier).booking, booking))
            ]
            found = self._fits(bookings, override)
            for event in events:
                self._bus.publish(event)
            for identifier, _booking, clashes in found:
                self._overridden(identifier, actor, override, clashes)
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

    async def open(self, command: OpenSession) -> Session:
        """Begin the sitting, unless another one runs in the room."""
        session = self.get(command.session)
        running = self.running_in(session.room) if session.room else None
        if running is not None and running.id != session.id:
            raise Conflict(f"{running.title!r} ({running.id}) is running in this room")
        return await self._tell(session.id, session.open(command.actor))

    async def suspend(self, command: SuspendSession) -> Session:
        """Interrupt the sitting, or change until when."""
        session, until = self.get(command.session), command.until
        if not command.timed:
            until = session.until if command.reason is session.reason else self._usual(command.reason)
        event = session.suspend(command.reason, command.actor, until)
        return await self._tell(command.session, event)

    def _usual(self, reason: Reason) -> datetime | None:
        """When an interruption ends that nobody set a time for."""
        minutes = self._config.broadcast.break_minutes if reason is Reason.BREAK else 0
        return in_minutes(minutes) if minutes else None

    async def resume(self, command: ResumeSession) -> Session:
        """Go on."""
        return await self._tell(command.session, self.get(command.session).resume(command.actor))

    async def close(self, command: CloseSession) -> Session:
        """End the sitting."""
        return await self._tell(command.session, self.get(command.session).close(command.actor))

    async def cancel(self, command: CancelSession) -> Session:
        """Call the sitting off."""
        return await self._tell(
            command.session, self.get(command.session).cancel(command.actor, command.reason)
        )

    async def _tell(self, session: str, event: SessionEvent | None) -> Session:
        if event is not None:
            self._bus.publish(event)
            await self._settled()
        return self.get(session)

    def _usually(self, booking: Booking) -> Booking:
        """The booking with what the configuration says where nobody did."""
        said = booking.release_at is not None or booking.release_hours is not None
        if booking.policy is not Policy.DELAYED or said:
            return booking
        return booking.model_copy(update={"release_hours": self._config.schedule.release_hours})

    def _new_id(self, booking: Booking) -> str:
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
        self, wanted: Sequence[tuple[str, Booking]], override: str
    ) -> list[tuple[str, Booking, tuple[Clash, ...]]]:
        """Each booking with what it clashes with; Clashing when it does and nobody overrides that."""
        for _identifier, booking in wanted:
            self._has_a_place(booking)
        each = self.clashes_of(wanted)
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
        rooms = [room.id for room in self._config.rooms]
        if not booking.off_site and booking.room not in rooms:
            raise BadArgument("room", f"one of {', '.join(rooms)} (got {booking.room!r})")
        source = booking.remote_source
        if source and source not in {one.id for one in self._config.in_room(booking.room)}:
            raise BadArgument("remote_source", f"the id of a source in the room (got {source!r})")

    def _overridden(self, session: str, actor: str, reason: str, clashes: tuple[Clash, ...]) -> None:
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
            self._sessions[event.session] = Session.booked(event)
        elif (session := self._sessions.get(event.session)) is not None:
            self._sessions[event.session] = session.after(event)

    def _item(self, event: ItemStarted) -> None:
        session = self.running_in(self._room_of(event.device))
        if session is not None:
            self._sessions[session.id] = session.after(event)


def _chapter(event: Event) -> Write | None:
    return Write(records.save_chapter, event) if isinstance(event, ChapterMarked) else None
