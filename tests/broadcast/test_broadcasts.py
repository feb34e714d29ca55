"""The controller's side, with a real runner: armed, public, named, dark; lost, found and mended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from avctl.bus import Bus, Subscription
from avctl.clock import Clock, going_by
from avctl.commands import (
    AmendSession,
    AnnounceSession,
    ArmBroadcast,
    BookSession,
    CloseSession,
    GoDark,
    GoLive,
    OpenSession,
    ResumeSession,
    ShowOverlay,
    ShowSpeaker,
    SuspendSession,
)
from avctl.config import Broadcast, Closed, Config, Device, Limits, Rendition, Room
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, NotFound, Unsupported
from avctl.events import (
    BroadcastDegraded,
    BroadcastEnded,
    BroadcastMeasured,
    BroadcastWanted,
    BroadcastWentLive,
    ClosedPartProven,
    Event,
    Link,
    LinkChanged,
    ReadingsChanged,
    Reason,
    RecordingReady,
    Severity,
    SpeakerShown,
)
from avctl.model.broadcast import State
from avctl.model.session import in_minutes
from avctl.services.alerts import Alerts
from avctl.services.house import House
from avctl.services.journal import Journal, first_number
from avctl.services.reminders import Reminders
from avctl.services.run import Run
from avctl.services.sessions import Sessions
from avctl.store import Store
from avctl.store.engine import open_store, sqlite_url
from streams.broadcast import Broadcasts
from streams.keeper import running
from streams.sim.feed import FeedSimulator
from streams.status import read_status

pytestmark = pytest.mark.timeout(120)

DEADLINE = 40.0
SECRET = "kyiv-2027-secret"


@dataclass
class Controller:
    """As much of a controller as a broadcast needs, on a folder that outlives it."""

    bus: Bus
    desk: Desk
    house: House
    sessions: Sessions
    broadcasts: Broadcasts
    journal: Journal
    store: Store
    heard: Subscription
    data: Path
    seen: list[Event] = field(default_factory=list)

    async def sees(self, kind: type[Event], **expected: Any) -> Event:
        """Wait for an event; what passes by is kept in ``seen``."""
        async with asyncio.timeout(DEADLINE):
            while True:
                event = await self.heard.next()
                self.seen.append(event)
                if isinstance(event, kind) and all(
                    getattr(event, name) == value for name, value in expected.items()
                ):
                    return event

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something is true; a running broadcast says something ten times a second."""
        async with asyncio.timeout(DEADLINE):
            while not fact():
                self.seen.append(await self.heard.next())

    async def book(self, policy: str = "live", begins: int = 0) -> str:
        now = datetime.now(UTC) + timedelta(minutes=begins)
        details = {
            "title": "Пленарне засідання",
            "room": "plenary",
            "starts_at": now.isoformat(),
            "ends_at": (now + timedelta(hours=1)).isoformat(),
            "policy": policy,
        }
        return str((await self.desk.obey(BookSession(actor="olena", details=details))).id)

    def playlist(self, session: str) -> str:
        path = self.broadcasts.folder(session) / "live" / "big" / "index.m3u8"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def config(free_port: Callable[[], int]) -> Config:
    url = f"srt://127.0.0.1:{free_port()}?mode=listener&passphrase={SECRET}"
    encoder = Device(id="encoder", room="plenary", driver="streams.feed", options={"url": url})
    ladder = (
        Rendition(name="big", width=320, height=180, video_kbps=400),
        Rendition(name="small", width=160, height=90, video_kbps=100),
    )
    return Config(
        rooms=(Room(id="plenary", title="Сесійна зала"),),
        devices=(encoder,),
        broadcast=Broadcast(
            preset="ultrafast",
            closed=Closed(withdraw_seconds=0),
            limits=Limits(step_down=False),
            segment_seconds=1,
            return_seconds=0.5,
            stalled_seconds=4,
            renditions=ladder,
        ),
    )


@asynccontextmanager
async def controller(config: Config, data: Path) -> AsyncIterator[Controller]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(sqlite_url(data / "avctl.db")))
        bus, desk = Bus(await first_number(store)), Desk()
        journal = Journal(store, bus)
        writing = asyncio.create_task(journal.run())
        stack.push_async_callback(_end, writing)
        heard = stack.enter_context(bus.subscribe())
        house = House(config, bus, answer_seconds=10)
        sessions = Sessions(config, bus, store, journal)
        sessions.handle(desk)
        Run(bus, desk, sessions).handle(desk)
        broadcasts = Broadcasts(config, data, bus, desk, house, sessions)
        broadcasts.handle(desk)
        await sessions.restore()
        await stack.enter_async_context(house.running())
        await stack.enter_async_context(broadcasts.running())
        yield Controller(bus, desk, house, sessions, broadcasts, journal, store, heard, data)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def encoder(config: Config) -> AsyncIterator[FeedSimulator]:
    async with FeedSimulator(config.devices[0]) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def no_runner_is_left(tmp_path: Path) -> Any:
    yield
    for folder in (tmp_path / "broadcasts").glob("*"):
        if (pid := running(folder)) is not None:
            os.kill(pid, signal.SIGKILL)


async def test_a_sitting_goes_live_and_dark_and_leaves_a_recording(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(ArmBroadcast(actor="olena", session=session))
        await one.until(lambda: one.broadcasts.get(session).state is State.ARMED)
        await one.sees(LinkChanged, device="encoder", link=Link.ONLINE)
        assert one.playlist(session) == ""

        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(BroadcastWentLive, session=session)
        assert "#EXTINF" in one.playlist(session)
        measured = await one.sees(BroadcastMeasured, session=session)
        assert {"rms_db", "peak_db", "fps", "recorded"} <= set(measured.meters)

        await one.desk.obey(ShowSpeaker(actor="olena", session=session, name="Олена Марчук", role="Б"))
        await one.sees(SpeakerShown, name="Олена Марчук")
        programme = f"programme-{session}"
        await one.until(lambda: one.house.state(programme).readings.get("lower_third") == "Олена Марчук")

        def slates() -> dict[str, Any]:
            return dict(read_status(one.broadcasts.folder(session)).times)

        until, start = in_minutes(5), datetime.now(UTC) - timedelta(minutes=5)
        pause = SuspendSession(actor="olena", session=session, reason=Reason.BREAK, until=until, timed=True)
        await one.desk.obey(pause)
        await one.until(lambda: one.house.state(programme).readings["showing"] == "slate:break")
        await one.until(lambda: slates().get("break") == until)
        pid = running(one.broadcasts.folder(session))
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        moved = {"starts_at": start.isoformat()}
        await one.desk.obey(AmendSession(actor="olena", session=session, details=moved))
        await one.until(lambda: slates() == {"starting": start, "break": until})
        await one.until(lambda: one.house.state(programme).readings["showing"] == "slate:break")
        await one.desk.obey(ResumeSession(actor="olena", session=session))
        await one.until(lambda: slates() == {"starting": start})

        await one.desk.obey(SuspendSession(actor="olena", session=session, reason=Reason.CLOSED))
        assert not (one.broadcasts.folder(session) / "hall.permit").exists()
        await one.until(lambda: one.house.state(programme).readings["showing"] == "slate:closed")
        with pytest.raises(BadArgument, match="confirm"):
            await one.desk.obey(ResumeSession(actor="olena", session=session))
        assert one.broadcasts.get(session).closed_at is not None
        await one.desk.obey(ResumeSession(actor="olena", session=session, confirmed=True))
        await one.until(lambda: one.house.state(programme).readings["showing"] == "source:encoder")

        later = {"policy": "delayed", "release_hours": 3}
        await one.desk.obey(AmendSession(actor="olena", session=session, details=later))
        planned = one.sessions.get(session).booking.ends_at
        await one.until(lambda: slates().get("released") == planned + timedelta(hours=3))

        await one.desk.obey(CloseSession(actor="olena", session=session))
        await one.sees(BroadcastEnded, session=session)
        assert one.playlist(session).endswith("#EXT-X-ENDLIST\n")
        ready = await one.sees(RecordingReady, session=session)
        assert ready.seconds > 2
        assert (one.broadcasts.folder(session) / "archive" / "video.mp4").stat().st_size == ready.size
        assert programme not in one.house
        assert one.house.state("encoder").link is Link.CONNECTING
        with pytest.raises(Conflict):
            await one.desk.obey(GoLive(actor="olena", session=session))


@pytest.mark.parametrize(
    ("segments", "kind", "copied"), [("ts", "ts", False), ("fmp4", "m4s", False), ("ts", "ts", True)]
)
async def test_a_closed_part_is_proven_on_what_viewers_get_and_a_leak_is_taken_back(
    config: Config, encoder: FeedSimulator, tmp_path: Path, segments: str, kind: str, copied: bool
) -> None:
    packed = config.broadcast.model_copy(update={"segments": segments})
    (device,) = config.devices
    device = device.model_copy(update={"options": {**device.options, "stream_copy": copied}})
    config = config.model_copy(update={"broadcast": packed, "devices": (device,)})
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(BroadcastWentLive)
        programme = f"programme-{session}"
        await one.until(lambda: one.house.state(programme).readings.get("showing") == "source:encoder")
        if copied:  # nothing can be written over the picture; who speaks is told all the same
            await one.desk.obey(ShowSpeaker(actor="olena", session=session, name="Олена Марчук"))
            with pytest.raises(Unsupported, match="passed on as it is"):
                await one.desk.obey(ShowOverlay(actor="olena", session=session, kind="logo"))
        live = one.broadcasts.folder(session) / "live"
        shown = one.playlist(session).count("#EXTINF")
        await one.until(lambda: one.playlist(session).count("#EXTINF") >= shown + 3)
        hall = {path.parent.name: path.read_bytes() for path in sorted(live.glob(f"*/0*.{kind}"))}
        await one.desk.obey(SuspendSession(actor="olena", session=session, reason=Reason.CLOSED))
        await one.sees(ClosedPartProven, session=session)
        assert one.broadcasts.get(session).proven_at is not None

        # Somebody else's program writes the hall into the public folder.
        pid = running(one.broadcasts.folder(session))
        leaked: set[Path] = set()

        def leak() -> bool:
            for name, data in hall.items():
                newest = max(live.glob(f"{name}/0*.{kind}"))
                newest.write_bytes(data)
                leaked.add(newest)
            return one.broadcasts.get(session).doubt != ""

        await one.until(leak)
        assert "not" in one.broadcasts.get(session).doubt
        await one.sees(ClosedPartProven, session=session)
        assert running(one.broadcasts.folder(session)) != pid
        # What was taken back is gone at once; stand-ins come under its names a moment later.
        await one.until(lambda: all(path.exists() for path in leaked))
        assert all(path.read_bytes() not in hall.values() for path in leaked)
        await one.desk.obey(ResumeSession(actor="olena", session=session, confirmed=True))
        assert one.broadcasts.get(session).closed_at is None
        await one.until(lambda: one.house.state(programme).readings.get("showing") == "source:encoder")


async def test_a_runner_that_hangs_is_closed_by_force(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(BroadcastWentLive)
        pid = running(one.broadcasts.folder(session))
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await one.desk.obey(SuspendSession(actor="olena", session=session, reason=Reason.CLOSED))
        assert running(one.broadcasts.folder(session)) != pid
        await one.sees(ClosedPartProven, session=session)
        assert read_status(one.broadcasts.folder(session)).showing == "slate:closed"


async def test_pressing_twice_goes_live_once(config: Config, tmp_path: Path) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        press = GoLive(actor="olena", session=session)
        await asyncio.gather(one.desk.obey(press), one.desk.obey(press), one.desk.obey(press))
        await one.journal.settled()
        lines = await one.journal.page()
        assert [line.kind for line in lines].count("BroadcastWanted") == 1
        await asyncio.gather(*(one.desk.obey(GoDark(actor="olena", session=session)) for _ in range(2)))
        await one.journal.settled()
        lines = await one.journal.page()
        assert [line.kind for line in lines].count("BroadcastEnding") == 1


async def test_viewers_are_let_in_before_the_start_and_see_the_hall_when_it_opens(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book(begins=10)
        alerts = Alerts(config, one.bus, one.store, one.journal, one.house, one.sessions)
        for _look in range(2):  # as once a second: it is done once
            await Reminders(config, one.desk, one.sessions, alerts).look()
        await one.sees(BroadcastWentLive, session=session)
        wanted = [event for event in one.seen if isinstance(event, BroadcastWanted)]
        assert [(event.actor, event.live) for event in wanted] == [("avctl", True)]
    # A controller started anew shows them what they saw, and records nothing yet.
    async with controller(config, tmp_path) as one:
        programme, folder = f"programme-{session}", one.broadcasts.folder(session)
        await one.until(lambda: one.broadcasts.get(session).state is State.LIVE)
        await one.sees(BroadcastMeasured, session=session)
        assert one.house.state(programme).readings["showing"] == "slate:starting"
        assert "#EXTINF" in one.playlist(session)
        assert not read_status(folder).recording

        alerts = Alerts(config, one.bus, one.store, one.journal, one.house, one.sessions)
        reminders = Reminders(config, one.desk, one.sessions, alerts)
        for ahead, severity in ((4, None), (7, Severity.WARNING), (11, Severity.CRITICAL)):
            with going_by(Later(minutes=ahead)):
                await reminders.look()
            raised = [alert.severity for alert in alerts.raised() if alert.rule == "not_begun"]
            assert raised == ([severity] if severity else [])
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.until(lambda: one.house.state(programme).readings["showing"] == "source:encoder")
        await one.until(lambda: read_status(folder).recording)
        await reminders.look()
        assert not alerts.raised()
        with pytest.raises(Conflict, match="not announced"):
            await one.desk.obey(AnnounceSession(actor="olena", session=session))


class Later(Clock):
    """The machine's clock, some minutes ahead."""

    def __init__(self, minutes: int) -> None:
        self._ahead = timedelta(minutes=minutes)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


async def test_a_new_controller_finds_the_broadcast_and_can_end_it(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as first:
        session = await first.book()
        await first.desk.obey(OpenSession(actor="olena", session=session))
        await first.sees(BroadcastWentLive)
        pid = running(first.broadcasts.folder(session))
    listed = first.playlist(session).count("#EXTINF")
    async with controller(config, tmp_path) as second:
        await second.sees(BroadcastWentLive, session=session)
        assert running(second.broadcasts.folder(session)) == pid
        await second.until(lambda: second.playlist(session).count("#EXTINF") > listed)
        assert "#EXT-X-DISCONTINUITY\n" not in second.playlist(session)
        await second.desk.obey(SuspendSession(actor="olena", session=session, reason=Reason.CLOSED))
        await second.sees(ClosedPartProven)
    async with controller(config, tmp_path) as third:  # what viewers get is looked at as before
        assert third.broadcasts.hidden(session)
        assert third.broadcasts.get(session).closed_at is not None
        await third.sees(ClosedPartProven, session=session)
        await third.desk.obey(CloseSession(actor="olena", session=session))
        assert third.broadcasts.get(session).state is State.ENDED
        assert running(third.broadcasts.folder(session)) is None
        await third.sees(RecordingReady)
    async with controller(config, tmp_path) as fourth:
        again = fourth.broadcasts.get(session)
        assert again.state is State.ENDED
        assert again.published
        assert again.seconds > 0


async def test_a_runner_that_was_killed_is_started_again_where_it_was(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(BroadcastWentLive)
        await one.desk.obey(SuspendSession(actor="olena", session=session, reason=Reason.CLOSED))
        pid = running(one.broadcasts.folder(session))
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await one.sees(BroadcastDegraded, session=session)
        await one.sees(BroadcastWentLive, session=session)
        status = read_status(one.broadcasts.folder(session))
        assert status.pid != pid
        assert status.showing == "slate:closed"
        assert one.playlist(session).count("#EXT-X-DISCONTINUITY\n") == 1


async def test_a_runner_that_died_while_nobody_looked_is_started_by_the_next_controller(
    config: Config, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as first:
        session = await first.book()
        await first.desk.obey(OpenSession(actor="olena", session=session))
        await first.sees(BroadcastWentLive)
        pid = running(first.broadcasts.folder(session))
        assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with controller(config, tmp_path) as second:
        await second.sees(BroadcastWentLive, session=session)
        assert read_status(second.broadcasts.folder(session)).pid != pid


async def test_an_encoder_with_another_address_is_heard_by_the_broadcast_that_runs(
    config: Config, free_port: Callable[[], int], tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as first:
        session = await first.book()
        await first.desk.obey(OpenSession(actor="olena", session=session))
        await first.sees(BroadcastWentLive)
    moved = config.devices[0].model_copy(
        update={"options": {"url": f"srt://127.0.0.1:{free_port()}?mode=listener"}}
    )
    config = config.model_copy(update={"devices": (moved,)})
    async with FeedSimulator(moved), controller(config, tmp_path) as second:
        await second.sees(LinkChanged, device="encoder", link=Link.ONLINE)
        assert second.broadcasts.get(session).published


async def test_a_broadcast_that_stands_still_is_seen_on_the_disk(config: Config, tmp_path: Path) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(BroadcastWentLive)
        device = f"programme-{session}"
        await one.until(lambda: one.house.state(device).readings.get("growing") is True)
        folder = one.broadcasts.folder(session)
        for name in ("live", "recording"):  # the runner lives, and cannot write
            (folder / name).rename(folder / f"{name}.away")
            (folder / name).touch()
        await one.until(lambda: one.house.state(device).readings.get("advancing") is False)
        await one.until(lambda: one.house.state(device).readings.get("growing") is False)
        for name in ("live", "recording"):
            (folder / name).unlink()
            (folder / f"{name}.away").rename(folder / name)
        await one.until(lambda: one.house.state(device).readings.get("advancing") is True)


async def test_a_runner_that_was_stopped_is_replaced_at_once(config: Config, tmp_path: Path) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(BroadcastWentLive)
        folder = one.broadcasts.folder(session)
        pid = running(folder)
        assert pid is not None
        listed = one.playlist(session).count("#EXTINF")
        os.kill(pid, signal.SIGSTOP)
        await one.until(lambda: running(folder) not in (pid, None))
        await one.until(lambda: one.playlist(session).count("#EXTINF") > listed + 1)


async def test_an_unplugged_encoder_is_an_offline_device(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book()
        await one.desk.obey(OpenSession(actor="olena", session=session))
        await one.sees(LinkChanged, device="encoder", link=Link.ONLINE)
        await encoder.unplug()
        lost = await one.sees(LinkChanged, device="encoder", link=Link.OFFLINE)
        assert SECRET not in lost.reason
        await encoder.plug()
        await one.sees(LinkChanged, device="encoder", link=Link.ONLINE)
        readings = [event for event in one.seen if isinstance(event, ReadingsChanged)]
        assert SECRET not in repr(readings)
        assert SECRET not in repr(await one.journal.page(limit=500))
        folder = one.broadcasts.folder(session)
        assert SECRET not in (folder / "runner.log").read_text()
        assert SECRET not in (folder / "status.json").read_text()
        assert (folder / "plan.json").stat().st_mode & 0o077 == 0


async def test_a_session_without_broadcast_cannot_be_armed(config: Config, tmp_path: Path) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book(policy="none")
        with pytest.raises(Conflict, match="without a broadcast"):
            await one.desk.obey(ArmBroadcast(actor="olena", session=session))
        with pytest.raises(NotFound):
            one.broadcasts.get(session)
        await one.desk.obey(ShowSpeaker(actor="olena", session=session, name="Олена"))
        await one.sees(SpeakerShown, name="Олена")


async def test_a_session_that_is_only_recorded_is_never_public(
    config: Config, encoder: FeedSimulator, tmp_path: Path
) -> None:
    async with controller(config, tmp_path) as one:
        session = await one.book(policy="record")
        await one.desk.obey(OpenSession(actor="olena", session=session))
        device = f"programme-{session}"
        await one.until(lambda: one.house.state(device).readings.get("recorded", 0) > 0)
        with pytest.raises(Conflict, match="without a live broadcast"):
            await one.desk.obey(GoLive(actor="olena", session=session))
        assert not (one.broadcasts.folder(session) / "live" / "master.m3u8").exists()
        assert not one.broadcasts.get(session).published
        await one.desk.obey(CloseSession(actor="olena", session=session))
        await one.sees(RecordingReady)
