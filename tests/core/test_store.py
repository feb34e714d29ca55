"""The record: opened safely, brought up to date, quick to start however long it has grown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from avctl.errors import ConfigError
from avctl.events import AlertAcknowledged, AlertCleared, AlertRaised, ChapterMarked, SessionBooked, Severity
from avctl.model.alert import Alert
from avctl.model.session import Phase, Session
from avctl.services.journal import first_number
from avctl.store import Store, open_store, records, sqlite_url, tables
from avctl.store.migrations import HEAD
from avctl.store.migrations.upgrade import settings

DETAILS = {
    "title": "Пленарне засідання",
    "room": "plenary",
    "starts_at": "2027-02-11T10:00:00+02:00",
    "ends_at": "2027-02-11T18:00:00+02:00",
    "agenda": [{"number": "1", "title": "Про бюджет"}],
}


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite://") as opened:
        yield opened


def session(identifier: str, number: int = 1, **details: Any) -> Session:
    return Session.booked(SessionBooked(session=identifier, number=number, details={**DETAILS, **details}))


def alert(identifier: str, **fields: Any) -> Alert:
    raised = {
        "rule": "device_offline",
        "subject": "wall",
        "severity": Severity.WARNING,
        "text": "no connection",
    }
    return Alert.of(AlertRaised(alert=identifier, **{**raised, **fields}))


async def pragma(connection: AsyncConnection, name: str) -> Any:
    return (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()


# --- opening ---------------------------------------------------------------------------------------


async def test_a_file_is_opened_so_that_an_answered_act_survives_a_power_cut(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    async with open_store(sqlite_url(path)) as store, store.write() as writer, store.read() as reader:
        assert await pragma(writer, "journal_mode") == "wal"
        assert await pragma(writer, "synchronous") == 2  # FULL
        for connection in (writer, reader):
            assert await pragma(connection, "foreign_keys") == 1
            assert await pragma(connection, "busy_timeout") == 5000
        assert await pragma(reader, "query_only") == 1
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_reader_sees_neither_half_a_transaction_nor_waits_for_it(tmp_path: Path) -> None:
    async with open_store(sqlite_url(tmp_path / "record.sqlite")) as store:
        async with store.write() as writer:
            await records.save_session(writer, session("s"))
            async with store.read() as reader:
                assert await records.open_sessions(reader) == ()
        async with store.read() as reader:
            assert len(await records.open_sessions(reader)) == 1


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async def fail(store: Store) -> None:
        async with store.write() as connection:
            await records.save_session(connection, session("s"))
            stray = ChapterMarked(session="other", number=2, kind="item", title="1")
            await records.save_chapter(connection, stray)

    async with open_store(sqlite_url(tmp_path / "record.sqlite")) as store:
        with pytest.raises(IntegrityError):
            await fail(store)
        async with store.read() as connection:
            assert await records.open_sessions(connection) == ()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    async with open_store(sqlite_url(tmp_path / "record.sqlite")) as store:
        with pytest.raises(OperationalError, match="readonly"):
            async with store.read() as connection:
                await records.save_session(connection, session("s"))


@pytest.mark.parametrize("url", ["", "not an address", "sqlite:////nowhere/at/all/record.sqlite"])
async def test_an_address_that_cannot_be_used_is_a_fault_of_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError):
        async with open_store(url):
            pass


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    path.write_bytes(b"minutes of the sitting" * 100)
    with pytest.raises(ConfigError, match="file is not a database"):
        async with open_store(sqlite_url(path)):
            pass
    assert path.read_bytes() == b"minutes of the sitting" * 100


async def test_two_programs_may_open_a_new_record_at_the_same_moment(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "record.sqlite")

    async def one() -> int:
        async with open_store(url) as store:
            return await first_number(store)

    assert len(set(await asyncio.gather(one(), one(), one()))) == 3


# --- migrations ------------------------------------------------------------------------------------


def differences(path: Path) -> list[Any]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata
        )
    engine.dispose()
    return found


async def test_the_migrations_make_the_tables_the_program_expects(tmp_path: Path) -> None:
    async with open_store(sqlite_url(tmp_path / "record.sqlite")):
        pass
    assert differences(tmp_path / "record.sqlite") == []


def test_the_newest_revision_is_the_one_a_start_looks_for() -> None:
    assert ScriptDirectory.from_config(settings()).get_heads() == [HEAD]


async def test_a_record_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "record.sqlite")
    async with open_store(url):
        pass
    script = (
        "import asyncio, sys\n"
        "from avctl.store import open_store\n"
        "async def main():\n"
        f"    async with open_store({url!r}): print('alembic' in sys.modules)\n"
        "asyncio.run(main())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert said.decode().strip() == "False"


async def test_the_record_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "record.sqlite")
    async with open_store(url) as store, store.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer avctl"):
        async with open_store(url):
            pass


# --- kill -9 ---------------------------------------------------------------------------------------

WRITER = """
import asyncio, sys
from avctl.bus import Bus
from avctl.events import MicOpened, SessionBooked
from avctl.model.session import Session
from avctl.services.journal import Journal, Write, first_number
from avctl.store import open_store, records

async def main(url, details):
    async with open_store(url) as store:
        bus = Bus(await first_number(store))
        journal = Journal(store, bus)
        journal.keep(lambda event: Write(records.save_session, Session.booked(event))
                     if isinstance(event, SessionBooked) else None)
        running = asyncio.create_task(journal.run())
        while True:
            bus.publish(SessionBooked(session=f"s{bus.last_number + 1}", details=details))
            answered = bus.last_number
            for seat in range(20):
                bus.publish(MicOpened(device="hall", seat=seat))
            await journal.settled()
            print(answered, flush=True)
            for seat in range(20):
                bus.publish(MicOpened(device="hall", seat=seat))

asyncio.run(main(sys.argv[1], eval(sys.argv[2])))
"""


async def test_nothing_answered_is_lost_when_the_program_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    answered: list[int] = []
    for acts in (1, 30, 7):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, sqlite_url(path), repr(DETAILS), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        numbers = [int(await process.stdout.readline()) for _ in range(acts)]
        process.send_signal(signal.SIGKILL)
        numbers += [int(line) for line in (await process.stdout.read()).split(b"\n")[:-1]]
        assert await process.wait() == -signal.SIGKILL
        assert not answered or numbers[0] > answered[-1] + 20  # handed out before the kill, never again
        answered += numbers
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with open_store(sqlite_url(path)) as store, store.read() as connection:
        lines = await records.events_after(connection, 0, 1_000_000)
        booked = {line.number for line in lines if line.kind == "SessionBooked"}
        assert booked.issuperset(answered)
        assert {f"s{number}" for number in booked} == {
            found.id for found in await records.open_sessions(connection)
        }


# --- a start does not grow with the journal --------------------------------------------------------


async def test_what_a_start_and_a_page_ask_is_answered_by_indexes(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    async with open_store(sqlite_url(path)) as store:
        async with store.write() as connection:
            await connection.exec_driver_sql(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
                INSERT INTO journal
                SELECT i, '2026-01-01 00:00:00.000000', 'ReadingsChanged', 'device' || (i % 200),
                       CASE i % 1000 WHEN 0 THEN 'olena' ELSE '' END, '{}' FROM n
                """
            )
            await connection.exec_driver_sql(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO sessions
                SELECT 's' || i, 'plenary', 'closed', '2026-01-01 00:00:00.000000',
                       '2026-01-01 01:00:00.000000', '{}', i FROM n
                """
            )
            await connection.exec_driver_sql(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO alerts
                SELECT 'a' || i, 'device_offline', 'wall', 'warning', '2026-01-01 00:00:00.000000',
                       '2026-01-01 00:00:01.000000', NULL, '', '{}' FROM n
                """
            )
        for statistics in (False, True):
            if statistics:
                async with store.write() as connection:
                    await connection.exec_driver_sql("ANALYZE")
            plans = await _plans(store)
            assert len(plans) >= 12
            for statement, plan in plans.items():
                for step in plan:
                    assert not step.startswith("SCAN") or "uq_alerts_raised" in step, (statement, plan)


async def _plans(store: Store) -> dict[str, list[str]]:
    """How SQLite answers each question of a start, and those behind a page."""
    asked: list[tuple[str, Any]] = []
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    async with store.read() as connection:
        wire = connection.sync_connection
        assert wire is not None

        def note(_: Connection, __: object, statement: str, parameters: Any, *rest: object) -> None:
            asked.append((statement, parameters))

        event.listen(wire, "before_cursor_execute", note)
        await records.reserved_number(connection)
        await records.last_number(connection)
        await records.posted_events(connection, 0)
        await records.open_sessions(connection)
        await records.sessions_between(connection, moment + timedelta(days=1), moment + timedelta(days=32))
        await records.raised_alerts(connection)
        await records.chapters_of(connection, "s1")
        await records.session_of(connection, "none")
        await records.alert_of(connection, "none")
        await records.events_after(connection, 199_990, 100)
        await records.events_before(connection, 200_000, 10)
        for which in (
            records.Filter(kinds=("MicOpened",)),
            records.Filter(subject="device7"),
            records.Filter(actor="olena"),
        ):
            await records.events_before(connection, None, 10, which)
        event.remove(wire, "before_cursor_execute", note)
        plans = {}
        for statement, parameters in asked:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[f"{statement} {parameters}"] = [row[3] for row in rows]
    return plans


# --- questions -------------------------------------------------------------------------------------


async def test_moments_come_back_aware_and_in_utc(store: Store) -> None:
    kyiv = timezone(timedelta(hours=2))
    at = datetime(2027, 2, 11, 0, 30, 0, 5, tzinfo=kyiv)
    line = records.JournalRow(number=1, at=at, kind="MicOpened", subject="hall", actor="", data={})
    async with store.write() as connection:
        await records.append_events(connection, [line])
        (found,) = await records.events_after(connection, 0, 10)
        assert found.at == at
        assert found.at.tzinfo is UTC
        raw = (await connection.exec_driver_sql("SELECT at FROM journal")).scalar_one()
        assert raw == "2027-02-10 22:30:00.000005"


async def test_a_moment_that_does_not_say_where_is_refused(store: Store) -> None:
    naive = datetime(2027, 2, 11)  # the point: no time zone
    line = records.JournalRow(number=1, at=naive, kind="MicOpened", subject="hall", actor="", data={})
    with pytest.raises(StatementError, match="has no time zone"):
        async with store.write() as connection:
            await records.append_events(connection, [line])


async def test_a_session_comes_back_as_it_was_kept(store: Store) -> None:
    planned = session("s1")
    later = session("s2", starts_at="2027-02-12T10:00:00+02:00", ends_at="2027-02-12T11:00:00+02:00")
    async with store.write() as connection:
        for one in (later, planned):
            await records.save_session(connection, one)
        assert await records.open_sessions(connection) == (planned, later)
        assert await records.session_of(connection, "s2") == later
        assert await records.session_of(connection, "s3") is None
        opening = planned.open("olena")
        assert opening is not None
        opened = planned.after(opening)
        await records.save_session(connection, opened)
        assert await records.session_of(connection, "s1") == opened
        assert await records.sessions_in(connection, [Phase.OPEN]) == (opened,)
        closing = opened.close("olena")
        assert closing is not None
        await records.save_session(connection, opened.after(closing))
        assert await records.open_sessions(connection) == (later,)
        day = datetime(2027, 2, 11, tzinfo=UTC)
        found = await records.sessions_between(connection, day, day + timedelta(days=1))
        assert [one.id for one in found] == ["s1"]


async def test_chapters_come_back_in_order_and_belong_to_a_session(store: Store) -> None:
    async with store.write() as connection:
        await records.save_session(connection, session("s"))
        marks = [
            ChapterMarked(session="s", number=number, kind="item", title=f"Питання {number}")
            for number in (9, 3)
        ]
        for mark in marks:
            await records.save_chapter(connection, mark)
        await records.save_chapter(connection, marks[0])  # after a fault, once more
        assert await records.chapters_of(connection, "s") == (marks[1], marks[0])


async def test_an_alert_is_raised_once_for_a_rule_and_subject(store: Store) -> None:
    first = alert("a")
    async with store.write() as connection:
        await records.save_alert(connection, first)
        known = first.after(AlertAcknowledged(alert="a", actor="olena", reason="on my way"))
        await records.save_alert(connection, known)
        assert await records.raised_alerts(connection) == (known,)
    with pytest.raises(IntegrityError):
        async with store.write() as connection:
            await records.save_alert(connection, alert("b"))
    async with store.write() as connection:
        cleared = known.after(AlertCleared(alert="a"))
        await records.save_alert(connection, cleared)
        again = alert("b")
        await records.save_alert(connection, again)
        assert await records.raised_alerts(connection) == (again,)
        assert await records.alert_of(connection, "a") == cleared
        assert await records.alerts_before(connection, None, 10) == (again, cleared)
        assert await records.alerts_before(connection, again.raised_at, 10) == (cleared,)
