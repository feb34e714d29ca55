"""Sessions on a real bus, journal and record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avctl.bus import Bus
from avctl.commands import (
    AmendSession,
    BookSession,
    CancelSession,
    CloseSession,
    OpenSession,
    SuspendSession,
)
from avctl.config import Config, Room
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import Reason
from avctl.model.session import Phase
from avctl.services.journal import Journal, first_number
from avctl.services.run import Run
from avctl.services.sessions import Sessions
from avctl.store.engine import open_store, sqlite_url

CONFIG = Config(rooms=(Room(id="plenary", title="Сесійна зала"), Room(id="committee", title="к. 1017")))
START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)


class Desks:
    """The part of the controller that sessions need, on a record in a folder."""

    def __init__(self, bus: Bus, desk: Desk, sessions: Sessions, journal: Journal) -> None:
        self.bus, self.desk, self.sessions, self.journal = bus, desk, sessions, journal

    async def book(self, hour: int = 0, hours: int = 2, **changes: object) -> str:
        details = {
            "title": "Пленарне засідання",
            "room": "plenary",
            "starts_at": (START + timedelta(hours=hour)).isoformat(),
            "ends_at": (START + timedelta(hours=hour + hours)).isoformat(),
            "policy": "none",
        }
        session = await self.desk.obey(BookSession(actor="olena", details=details | changes))
        return str(session.id)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Desks]:
    async with open_store(sqlite_url(folder / "avctl.db")) as store:
        bus, desk = Bus(await first_number(store)), Desk()
        journal = Journal(store, bus)
        writing = asyncio.create_task(journal.run())
        sessions = Sessions(CONFIG, bus, store, journal)
        sessions.handle(desk)
        Run(bus, desk, sessions).handle(desk)
        await sessions.restore()
        yield Desks(bus, desk, sessions, journal)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_a_clash_names_what_it_clashes_with(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        first = await desks.book()
        with pytest.raises(Conflict, match=first):
            await desks.book(hour=1)
        await desks.book(hour=2)
        await desks.book(room="committee")


async def test_two_bookings_at_the_same_moment_are_one_and_a_clash(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        answers = await asyncio.gather(*(desks.book() for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(answer, str) for answer in answers) == 1
        assert sum(isinstance(answer, Conflict) for answer in answers) == 4


async def test_a_room_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        with pytest.raises(BadArgument, match="plenary, committee"):
            await desks.book(room="cellar")


async def test_a_cancelled_session_frees_its_room(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        first = await desks.book()
        await desks.desk.obey(CancelSession(actor="olena", session=first))
        await desks.book()


async def test_a_session_is_moved_unless_the_place_is_taken(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        first, second = await desks.book(), await desks.book(hour=2)
        later = {"ends_at": (START + timedelta(hours=3)).isoformat()}
        with pytest.raises(Conflict, match=second):
            await desks.desk.obey(AmendSession(actor="olena", session=first, details=later))
        moved = await desks.desk.obey(AmendSession(actor="olena", session=first, details={"title": "Бюджет"}))
        assert moved.title == "Бюджет"


async def test_two_sessions_never_run_in_one_room(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        first, second = await desks.book(), await desks.book(hour=2)
        await desks.desk.obey(OpenSession(actor="olena", session=first))
        with pytest.raises(Conflict, match="running in this room"):
            await desks.desk.obey(OpenSession(actor="olena", session=second))


async def test_a_repeated_act_is_one_event_in_the_journal(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        session = await desks.book()
        for _ in range(3):
            await desks.desk.obey(OpenSession(actor="olena", session=session))
        lines = await desks.journal.page()
        assert [line.kind for line in lines].count("SessionOpened") == 1
        assert {line.actor for line in lines} == {"olena"}


async def test_a_restart_finds_the_session_where_it_was(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        session, other = await desks.book(), await desks.book(hour=2)
        await desks.desk.obey(OpenSession(actor="olena", session=session))
        await desks.desk.obey(SuspendSession(actor="olena", session=session, reason=Reason.AIR_RAID))
        before = desks.sessions.get(session)
    async with office(tmp_path) as desks:
        assert desks.sessions.get(session) == before
        assert desks.sessions.get(session).reason is Reason.AIR_RAID
        assert desks.sessions.get(other).phase is Phase.PLANNED
        await desks.desk.obey(CloseSession(actor="olena", session=session))
    async with office(tmp_path) as desks:
        assert (await desks.sessions.find(session)).phase is Phase.CLOSED


async def test_an_unknown_session_is_not_found(tmp_path: Path) -> None:
    async with office(tmp_path) as desks:
        with pytest.raises(NotFound, match="no session 'nope'"):
            await desks.sessions.find("nope")
