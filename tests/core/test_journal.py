"""What was answered is on disk; what could not be written is not lost."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import avctl.services.journal as journal_module
from avctl.bus import Bus
from avctl.events import (
    AccountChanged,
    BroadcastMeasured,
    ChapterMarked,
    Event,
    Link,
    LinkChanged,
    MicOpened,
    ReadingsChanged,
    SessionOpened,
    VerbAsked,
)
from avctl.services.journal import BLOCK, ENDED, Journal, Write, first_number, posting
from avctl.store import Store, open_store, records, sqlite_url
from avctl.store.records import Filter


@pytest.fixture(params=["memory", "file"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url = "sqlite://" if request.param == "memory" else sqlite_url(tmp_path / "record.sqlite")
    async with open_store(url, patience=0.05) as opened:
        yield opened


@asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[Journal]:
    task = asyncio.create_task(journal.run())
    await asyncio.sleep(0)  # a task cancelled before its first step never runs
    try:
        yield journal
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  a fact of the journal, which tells nobody
            await asyncio.sleep(0)


async def numbers(store: Store) -> list[int]:
    async with store.read() as connection:
        return [row.number for row in await records.events_after(connection, 0, 100_000)]


async def test_what_is_published_is_written_in_order(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus)) as journal:
        for seat in range(2500):
            bus.publish(MicOpened(device="hall", seat=seat))
        await journal.settled()
        assert await numbers(store) == list(range(1, 2501))
        seats = [event.seat async for event in journal.replay(0) if isinstance(event, MicOpened)]
    assert seats == list(range(2500))


async def test_events_published_before_the_journal_runs_are_written_too(store: Store) -> None:
    bus = Bus()
    journal = Journal(store, bus)
    bus.publish(MicOpened(device="hall", seat=1))
    async with running(journal):
        await journal.settled()
        assert await numbers(store) == [1]


async def test_what_is_published_last_is_written_before_it_ends(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus, gather=60)) as journal:
        await journal.settled()
        bus.publish(MicOpened(device="hall", seat=1))
    assert await numbers(store) == [1]
    assert journal.fault == ENDED
    bus.publish(MicOpened(device="hall", seat=2))
    await journal.settled()


async def test_an_act_that_waits_does_not_wait_for_more_to_gather(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus, gather=3600)) as journal:
        bus.publish(MicOpened(device="hall", seat=1))
        await journal.settled()
        assert await numbers(store) == [1]


async def test_transient_events_are_numbered_but_not_written(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus)) as journal:
        bus.publish(BroadcastMeasured(session="s", meters={"loudness": -23.0}))
        await journal.settled()
        bus.publish(MicOpened(device="hall", seat=1))
        await journal.settled()
        assert await numbers(store) == [2]


async def test_a_start_leaps_ahead_of_every_number_handed_out(store: Store) -> None:
    bus = Bus(await first_number(store))
    async with running(Journal(store, bus)) as journal:
        bus.publish(MicOpened(device="hall", seat=1))
        await journal.settled()
        for _ in range(BLOCK - 10):
            bus.publish(BroadcastMeasured(session="s", meters={}))
        bus.publish(MicOpened(device="hall", seat=2))
        await journal.settled()
    assert await first_number(store) > bus.last_number
    assert await first_number(store) > bus.last_number + BLOCK


async def test_what_a_keeper_gives_is_in_the_transaction_of_its_event(store: Store) -> None:
    bus = Bus()
    journal = Journal(store, bus)
    asked: list[Event] = []

    def keeper(event: Event) -> Write | None:
        asked.append(event)
        return (
            Write(records.post_event, {"beside": event.number}) if isinstance(event, SessionOpened) else None
        )

    journal.keep(keeper)
    async with running(journal):
        bus.publish(MicOpened(device="hall", seat=1))
        bus.publish(SessionOpened(session="s", actor="olena"))
        await journal.settled()
        async with store.read() as connection:
            assert await records.posted_events(connection, 0) == ((1, {"beside": 2}),)
    assert len(asked) == 2


async def test_a_keeper_that_fails_costs_its_row_and_not_the_event(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus()
    journal = Journal(store, bus)

    def keeper(event: Event) -> Write | None:
        raise RuntimeError("a fault of ours")

    journal.keep(keeper)
    async with running(journal):
        bus.publish(MicOpened(device="hall", seat=1))
        await journal.settled()
        assert await numbers(store) == [1]
    assert "a listener failed" in caplog.text


async def test_a_row_the_database_refuses_does_not_hold_up_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus()
    journal = Journal(store, bus)

    def keeper(event: Event) -> Write | None:
        return Write(records.save_chapter, event) if isinstance(event, ChapterMarked) else None

    journal.keep(keeper)
    async with running(journal):
        bus.publish(MicOpened(device="hall", seat=1))
        bus.publish(ChapterMarked(session="no such session", kind="item", title="1"))
        bus.publish(MicOpened(device="hall", seat=2))
        await journal.settled()
        assert await numbers(store) == [1, 2, 3]
        assert journal.fault == ""
    assert "what is kept beside event 2 cannot be written" in caplog.text


async def test_a_full_disk_keeps_events_waiting_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus()
    async with (
        open_store(sqlite_url(tmp_path / "record.sqlite")) as store,
        running(Journal(store, bus, retry=0.01)) as journal,
    ):
        async with store.write() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for seat in range(3000):
            bus.publish(MicOpened(device="hall", seat=seat))
        await journal.settled()  # does not wait for a disk that refuses
        assert "full" in journal.fault
        bus.publish(SessionOpened(session="s", actor="olena"))
        await until(lambda: caplog.text.count("cannot be written, trying on") == 1)
        async with store.write() as connection:
            await connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        await until(lambda: journal.fault == "")
        await journal.settled()
        assert await numbers(store) == list(range(1, 3002))
    assert caplog.text.count("cannot be written, trying on") == 1
    assert journal.lost == 0


async def test_a_locked_database_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    bus = Bus()
    async with (
        open_store(sqlite_url(path), patience=0.01) as store,
        running(Journal(store, bus, retry=0.01)) as journal,
    ):
        await journal.settled()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            bus.publish(LinkChanged(device="wall", link=Link.OFFLINE))
            await journal.settled()
            assert "locked" in journal.fault
            other.execute("ROLLBACK")
        await until(lambda: journal.fault == "")
        assert await numbers(store) == [1]


async def test_what_waits_for_the_disk_is_in_the_replay(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    bus = Bus()
    async with (
        open_store(sqlite_url(path), patience=0.01) as store,
        running(Journal(store, bus, retry=0.01)) as journal,
    ):
        bus.publish(MicOpened(device="hall", seat=1))
        await journal.settled()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            bus.publish(MicOpened(device="hall", seat=2))
            found = [event.number async for event in journal.replay(0)]
            other.execute("ROLLBACK")
    assert found == [1, 2]


async def test_readings_are_let_go_when_the_disk_refuses_for_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "PATIENCE", 10)
    caplog.set_level("INFO")
    path = tmp_path / "record.sqlite"
    bus = Bus()
    async with (
        open_store(sqlite_url(path), patience=0.01) as store,
        running(Journal(store, bus, retry=0.01)) as journal,
    ):
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(15):
                bus.publish(ReadingsChanged(device="mixer", readings={"level": -20}))
            bus.publish(SessionOpened(session="s", actor="olena"))
            await journal.settled()
            assert "locked" in journal.fault
            other.execute("ROLLBACK")
        await until(lambda: journal.fault == "")
        await journal.settled()
        assert await numbers(store) == [*range(1, 11), 16]
        assert journal.lost == 5
    assert "written again; 5 readings were let go" in caplog.text


async def test_secrets_are_not_written(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus)) as journal:
        arguments = {
            "pin": "4711",
            "streamKey": "abc-secret",
            "target": {"new_password": "hunter2hunter2", "url": "rtmp://user:hunter2@host/live"},
            "links": ["https://meet.example/j/1?pwd=hunter2&room=3"],
            "on": True,
            "keyboard": "uk",
        }
        bus.publish(VerbAsked(device="encoder", verb="push", arguments=arguments, actor="olena"))
        await journal.settled()
        (line,) = await journal.page()
    assert line.data["arguments"] == {
        "pin": "•••",
        "streamKey": "•••",
        "target": {"new_password": "•••", "url": "rtmp://•••@host/live"},
        "links": ["https://meet.example/j/1?pwd=•••&room=3"],
        "on": True,
        "keyboard": "uk",
    }


async def test_what_a_broken_device_says_can_be_written(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus)) as journal:
        readings = {"name": "a\0b\udcff", "level": float("nan")}
        bus.publish(ReadingsChanged(device="mixer", readings=readings))
        await journal.settled()
        (line,) = await journal.page()
    assert line.data["readings"] == {"name": "ab\\udcff", "level": None}


async def test_an_event_that_is_no_plain_data_costs_only_itself(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus()
    async with running(Journal(store, bus)) as journal:
        bus.publish(ReadingsChanged(device="mixer", readings={"level": object()}))
        bus.publish(MicOpened(device="hall", seat=1))
        await journal.settled()
        assert await numbers(store) == [2]
    assert "event 1 cannot be written" in caplog.text


async def test_the_journal_is_read_by_kind_subject_actor_and_time(store: Store) -> None:
    bus = Bus()
    async with running(Journal(store, bus)) as journal:
        bus.publish(MicOpened(device="hall", seat=1))
        bus.publish(SessionOpened(session="s", actor="olena"))
        bus.publish(MicOpened(device="committee", seat=2))
        await journal.settled()
        everything = await journal.page()
        assert [line.number for line in everything] == [3, 2, 1]
        assert [line.number for line in await journal.page(before=3, limit=1)] == [2]

        async def found(which: Filter) -> list[int]:
            return [line.number for line in await journal.page(which=which)]

        assert await found(Filter(kinds=("MicOpened",))) == [3, 1]
        assert await found(Filter(subject="committee")) == [3]
        assert await found(Filter(actor="olena")) == [2]
        assert await found(Filter(since=everything[1].at)) == [3, 2]
        assert await found(Filter(until=everything[1].at)) == [1]
        assert [event.number async for event in journal.replay(1, Filter(kinds=("MicOpened",)))] == [3]


async def test_an_event_of_another_program_is_published_and_written_once(store: Store) -> None:
    bus = Bus()
    heard: list[AccountChanged] = []
    bus.listen(heard.append, AccountChanged)
    async with running(Journal(store, bus, collect=0.01)) as journal:
        other = Bus()
        async with posting(store, other):
            other.publish(AccountChanged(account="olena", change="disabled", actor="command line"))
        await until(lambda: bool(heard))
        await journal.settled()
        assert [line.actor for line in await journal.page()] == ["command line"]
        async with store.read() as connection:
            assert await records.posted_events(connection, 0) == ()
    assert len(heard) == 1
