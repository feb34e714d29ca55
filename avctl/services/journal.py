"""The journal: every event worth keeping, on disk, together with what other services keep beside it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from avctl.bus import Bus
from avctl.events import Event, ReadingsChanged, decode, encode, subject_of
from avctl.services.secrecy import masked
from avctl.store import Store, records
from avctl.store.engine import cause_of
from avctl.store.records import EVERYTHING, Filter, JournalRow

log = logging.getLogger(__name__)

# Numbers are reserved in blocks of this size, see ``first_number``.
BLOCK = 10_000
# So many events go into one transaction: preparing it must not hold up the rest of the program.
BATCH = 1000
# While nothing can be written, so many events are kept in memory; beyond them readings are let go.
PATIENCE = 50_000
PAGE = 500
ENDED = "the journal has ended"


@dataclass(frozen=True)
class Write:
    """Something to keep in the same transaction as an event: a function of ``records`` and its value.

    It may be made twice after a fault, so it replaces what is there.
    """

    save: Callable[[AsyncConnection, Any], Awaitable[None]]
    value: Any


Keeper = Callable[[Event], Write | None]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An event that waits to be written, with what is kept beside it; none when it is transient."""

    number: int
    event: Event | None = None
    writes: list[Write] = field(default_factory=list)

    @cached_property
    def line(self) -> JournalRow | None:
        """The journal's line, made when it is written: whoever published must not wait for it.

        None when there is none to write, or none can be made.
        """
        if self.event is None:
            return None
        try:
            return _line(self.event)
        except (ValueError, TypeError):
            log.exception("event %d cannot be written", self.number)
            return None


async def first_number(store: Store) -> int:
    """The number a new bus starts from: higher than any that was ever handed out.

    Viewers are told events before they are on disk, and some events are never written. After a kill the
    journal's last number may therefore be lower than one a viewer holds; counting on from it would hand the
    same number out twice, and the viewer would miss what happened. So numbers are reserved in blocks, in the
    journal's own transactions, and a start begins behind the last block: it leaps ahead.
    """
    async with store.write() as connection:
        start = max(await records.reserved_number(connection), await records.last_number(connection))
        await records.reserve_number(connection, start + BLOCK)
    return start


@asynccontextmanager
async def posting(store: Store, bus: Bus) -> AsyncIterator[None]:
    """For another program than the controller: what its bus carries is left in the record.

    Only the controller gives numbers and writes the journal; it publishes what it finds left there within
    seconds, or at its next start.
    """
    carried: list[Event] = []
    bus.listen(carried.append)
    try:
        yield
    finally:
        if carried:
            async with store.write() as connection:
                for event in carried:
                    await records.post_event(connection, masked(encode(event)))


class Journal:
    """Writes what the bus carries. ``fault`` says why it cannot at the moment; empty when all is well.

    Make it after ``first_number`` and before anything publishes; end its ``run`` last.
    ``gather``: seconds in which events are gathered for one transaction, since one costs as much as thirty
    events do; what a person was answered is on disk all the same, see ``settled``. ``retry``: seconds between
    tries while the disk refuses; ``collect``: seconds between looks at what other programs left.
    """

    def __init__(
        self, store: Store, bus: Bus, *, gather: float = 0.25, retry: float = 1.0, collect: float = 2.0
    ) -> None:
        self.fault = ""
        self.lost = 0
        self._store, self._bus = store, bus
        self._gather, self._retry, self._every = gather, retry, collect
        self._pending: deque[Entry] = deque()
        self._heard = self._written = self._reserved = bus.last_number
        self._collected = 0
        self._wake, self._hurry, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._ending = False
        bus.listen(self._hear)

    def keep(self, keeper: Keeper, *kinds: type[Event]) -> None:
        """Ask ``keeper`` at each event of these kinds what to keep in the event's transaction.

        Call it after the service's own ``bus.listen``, so that the event is folded when the keeper is asked.
        The bus guards it: a keeper that fails is logged, and the event is kept all the same.
        """
        self._bus.listen(partial(self._ask, keeper), *kinds)

    async def run(self) -> None:
        """Write until cancelled; what was published by then is written before it ends."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect(), name="journal: collect")
                writer = asyncio.create_task(self._keep_writing(), name="journal: write")
                try:
                    await asyncio.shield(writer)
                except asyncio.CancelledError:
                    self._ending = True
                    self._wake.set()
                    self._hurry.set()
                    await writer
                    raise
        finally:
            self.fault = self.fault or ENDED
            self._news.set()

    async def settled(self) -> None:
        """Wait until everything published so far is on disk.

        It does not wait for a disk that refuses: a sitting goes on without its journal. ``fault`` says so.
        """
        number = self._bus.last_number
        while self._written < number and not self.fault:
            self._hurry.set()
            self._news.clear()
            await self._news.wait()

    async def replay(self, after: int, which: Filter = EVERYTHING) -> AsyncIterator[Event]:
        """The events after a number, oldest first: all that were published before the call, maybe later ones.

        Whoever also has a subscription drops what comes twice by its number. Kinds and shapes that this
        version does not know any more are left out; transient events are not kept.
        """
        await self.settled()
        unwritten = tuple(line for entry in self._pending if (line := entry.line) is not None)
        last = after
        while True:
            async with self._store.read() as connection:
                rows = await records.events_after(connection, last, PAGE, which)
            for row in rows:
                last = row.number
                with suppress(KeyError, ValidationError):
                    yield decode(row.data)
            if len(rows) < PAGE:
                break
        for row in unwritten:
            if row.number > last and which.passes(row):
                with suppress(KeyError, ValidationError):
                    yield decode(row.data)

    async def page(
        self, before: int | None = None, limit: int = 100, which: Filter = EVERYTHING
    ) -> tuple[JournalRow, ...]:
        """Lines of the journal before a number (the newest when None), newest first."""
        async with self._store.read() as connection:
            return await records.events_before(connection, before, limit, which)

    # --- hearing: synchronous, called by the bus -----------------------------------------------------

    def _hear(self, event: Event) -> None:
        self._heard = event.number
        if event.transient:
            if not self._pending:
                self._written = event.number
            if self._must_reserve():
                self._wake.set()
        elif len(self._pending) >= PATIENCE and isinstance(event, ReadingsChanged):
            self.lost += 1
        else:
            self._pending.append(Entry(number=event.number, event=event))
            self._wake.set()

    def _ask(self, keeper: Keeper, event: Event) -> None:
        if (write := keeper(event)) is None:
            return
        if not self._pending or self._pending[-1].number != event.number:
            self._pending.append(Entry(number=event.number))
            self._wake.set()
        self._pending[-1].writes.append(write)

    def _must_reserve(self) -> bool:
        return self._reserved - self._heard < BLOCK // 2

    # --- writing -------------------------------------------------------------------------------------

    async def _keep_writing(self) -> None:
        while not (self._ending and not self._pending):
            await self._wake.wait()
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._gather):
                    await self._hurry.wait()
            self._hurry.clear()
            while not await self._flush():
                if self._ending:
                    log.error("%d events could not be written: %s", len(self._pending), self.fault)
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._retry):
                        await self._ended()
            if self._pending:
                self._wake.set()
            if len(self._pending) >= BATCH:
                self._hurry.set()

    async def _ended(self) -> None:
        while not self._ending:
            self._wake.clear()
            await self._wake.wait()

    async def _flush(self) -> bool:
        """Write what waits; false when the disk refuses. An entry stays where it is until it is written."""
        entries, upto = tuple(islice(self._pending, BATCH)), self._heard
        if len(entries) < len(self._pending):
            upto = entries[-1].number
        try:
            await self._write_all(entries)
        except (SQLAlchemyError, OSError) as fault:
            self._failed(cause_of(fault))
            return False
        for _ in entries:
            self._pending.popleft()
        self._written = upto
        if self.fault:
            log.info("The journal is written again; %d readings were let go meanwhile", self.lost)
            self.fault = ""
        self._news.set()
        return True

    def _failed(self, cause: str) -> None:
        if not self.fault:
            log.error("The journal cannot be written, trying on: %s", cause)
        self.fault = cause
        self._news.set()

    async def _write_all(self, entries: tuple[Entry, ...]) -> None:
        try:
            await self._write(entries)
        except (SQLAlchemyError, ValueError, TypeError) as fault:
            if not _our_own(fault):
                raise
            for entry in entries:  # one of them is bad: the others must not wait for it
                await self._write_one(entry)

    async def _write_one(self, entry: Entry) -> None:
        try:
            await self._write((entry,))
        except (SQLAlchemyError, ValueError, TypeError) as fault:
            if not _our_own(fault):
                raise
            log.exception("what is kept beside event %d cannot be written", entry.number)
            await self._write((Entry(number=entry.number, event=entry.event),))

    async def _write(self, entries: tuple[Entry, ...]) -> None:
        reserve = self._heard + BLOCK if self._must_reserve() else 0
        if not entries and not reserve:
            return
        lines = [line for entry in entries if (line := entry.line) is not None]
        async with self._store.write() as connection:
            if self.fault:
                # The answer to a commit may have been lost, and part of a bad batch may be written.
                known = await records.last_number(connection)
                lines = [line for line in lines if line.number > known]
            await records.append_events(connection, lines)
            for entry in entries:
                for write in entry.writes:
                    await write.save(connection, write.value)
            if reserve:
                await records.reserve_number(connection, reserve)
        self._reserved = max(self._reserved, reserve)

    # --- other programs ------------------------------------------------------------------------------

    async def _collect(self) -> None:
        """Publish what the command line left, so that it is shown, numbered and written like the rest."""
        while True:
            with suppress(SQLAlchemyError, OSError):  # a disk that refuses is the writer's to tell
                async with self._store.read() as connection:
                    found = await records.posted_events(connection, self._collected)
                for identifier, data in found:
                    self._collected = identifier
                    try:
                        self._bus.publish(decode(data))
                    except (KeyError, ValidationError):
                        log.warning("Another program left an event of an unknown kind: %s", data.get("event"))
                    taken = Entry(number=self._heard)
                    taken.writes.append(Write(records.take_posted, identifier))
                    self._pending.append(taken)
                    self._wake.set()
            await asyncio.sleep(self._every)


def _line(event: Event) -> JournalRow:
    data = masked(encode(event))
    return JournalRow(
        number=event.number,
        at=event.at,
        kind=type(event).__name__,
        subject=str(masked({"subject": subject_of(event)})["subject"])[:128],
        actor=event.actor[:64],
        data=data,
    )


def _our_own(fault: BaseException) -> bool:
    """Whether the values are wrong, so that trying again is useless."""
    if isinstance(fault, DBAPIError):
        return isinstance(fault, IntegrityError | DataError | ProgrammingError)
    return not isinstance(fault, SQLAlchemyError) or hasattr(fault, "statement")
