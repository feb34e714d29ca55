"""A week of the council in fast time: the whole controller, by a clock that jumps from minute to minute."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from avctl.bus import Subscription
from avctl.clock import Clock
from avctl.commands import (
    BeginItem,
    BookSeries,
    BookSession,
    CancelSession,
    CloseSession,
    Command,
    NoteQuorum,
    OpenSession,
    ResumeSession,
    SuspendSession,
)
from avctl.config import Config, parse
from avctl.errors import Clashing
from avctl.events import AlertCleared, AlertRaised, Event, Reason
from avctl.main.compose import controller as compose
from avctl.model.session import Phase, Session
from avctl.services.controller import Controller
from avctl.store.records import Filter
from drivers.sim.samsung_mdc import POWER, SamsungMdcSimulator

KYIV = ZoneInfo("Europe/Kyiv")
MONDAY = datetime(2027, 3, 22, tzinfo=KYIV)  # the clocks change on its Sunday
PATIENCE = 20.0
AGENDA = [{"number": str(number), "title": f"Питання {number}", "minutes": 20} for number in range(1, 6)]
# Who sits, day, hour, minutes, room (none: elsewhere), and how the sitting goes.
COMMITTEES = (
    ("бюджету", 0, 10, 120, "committee", "plain"),
    ("освіти", 0, 10, 120, "committee-2", "closed"),
    ("власності", 0, 14, 90, "committee", "plain"),
    ("екології", 0, 12, 120, "", "plain"),
    ("транспорту", 1, 9, 120, "committee", "long"),
    ("культури", 1, 11, 90, "committee", "late"),  # ten minutes after the one before
    ("охорони здоров'я", 1, 10, 120, "committee-2", "plain"),
    ("законності", 1, 15, 60, "committee-2", "closed"),
    ("містобудування", 2, 10, 180, "committee", "plain"),
    ("регламенту", 2, 10, 60, "committee-2", "closed"),
    ("підприємництва", 2, 14, 90, "", "plain"),
    ("молоді", 4, 10, 90, "committee", "cancelled"),
    ("самоврядування", 4, 11, 90, "committee-2", "plain"),
    ("комунального господарства", 4, 14, 120, "committee", "plain"),
)


class FastClock(Clock):
    """Stands until it is told how late it is; whoever waits by it is woken in turn."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._asleep: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0
        self._slept = asyncio.Event()

    def now(self) -> datetime:
        return self._moment

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self._moment + timedelta(seconds=seconds), self._count, woken)
        heapq.heappush(self._asleep, entry)
        self._slept.set()
        try:
            await woken
        finally:
            if entry in self._asleep:  # its task was ended
                self._asleep.remove(entry)
                heapq.heapify(self._asleep)

    async def be(self, moment: datetime) -> None:
        """Be so late, and wait until everybody who was woken by it waits again."""
        self._moment = max(moment, self._moment)
        waiting = len(self._asleep)
        while self._asleep and self._asleep[0][0] <= self._moment:
            heapq.heappop(self._asleep)[2].set_result(None)
        while len(self._asleep) < waiting:
            self._slept.clear()
            await self._slept.wait()


@dataclass
class Week:
    """A controller by a fast clock, and a technician with a diary of what is to be done when."""

    controller: Controller
    clock: FastClock
    heard: Subscription
    diary: list[tuple[datetime, int, Callable[[], Command]]] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)
    raised: Counter[str] = field(default_factory=Counter)

    def at(self, moment: datetime, command: Callable[[], Command]) -> None:
        heapq.heappush(self.diary, (moment, len(self.diary), command))

    async def until(self, moment: datetime) -> None:
        """Let time pass, minute by minute by day, and do what the diary says."""
        async with asyncio.timeout(PATIENCE * 10):
            while self.clock.now() < moment:
                local = self.clock.now().astimezone(KYIV)
                step = timedelta(minutes=1 if 7 <= local.hour < 22 else 10)
                await self.clock.be(min(moment, self.clock.now() + step))
                await self._prepared()
                while self.diary and self.diary[0][0] <= self.clock.now():
                    await self.controller.desk.obey(heapq.heappop(self.diary)[2]())

    async def _prepared(self) -> None:
        """A preparation takes its own time, of real devices: what is begun is waited for."""
        self.seen += self.heard.waiting()
        async with asyncio.timeout(PATIENCE):
            while any(one.phase is Phase.PREPARING for one in self.controller.sessions):
                self.seen.append(await self.heard.next())


@pytest.fixture
def config(free_port: Callable[[], int]) -> Config:
    rooms = ("plenary", "committee", "committee-2")
    wall = {"id": "wall", "room": "plenary", "driver": "samsung_mdc", "port": free_port()}
    settings = {
        "preparation": {"answer_seconds": 5, "seconds": 10, "retry_seconds": 0.05},
        "rooms": [{"id": room, "title": room} for room in rooms],
        "devices": [wall | {"title": "Відеостіна", "options": {"poll": 0.5}}],
    }
    return parse(settings, "test", {})


@asynccontextmanager
async def begun(config: Config, folder: Path, clock: FastClock) -> AsyncIterator[Week]:
    async with compose(config, folder, clock) as controller:
        with controller.bus.subscribe() as heard:
            yield Week(controller, clock, heard)


def details(title: str, starts: datetime, minutes: int, room: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "kind": "committee",
        "room": room,
        "off_site": not room,
        "policy": "none",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(minutes=minutes)).isoformat(),
        "agenda": AGENDA,
        **more,
    }


async def book_the_week(week: Week) -> dict[str, Session]:
    """Fourteen committees, the council, and the executive committee past midnight."""
    desk, booked = week.controller.desk, {}
    for name, day, hour, minutes, room, _goes in COMMITTEES:
        starts = MONDAY + timedelta(days=day, hours=hour)
        title = f"Комісія {name}"
        booked[name] = await desk.obey(
            BookSession(actor="olena", details=details(title, starts, minutes, room))
        )
    thursday = MONDAY + timedelta(days=3, hours=10)
    plenary = details("Пленарне засідання", thursday, 480, "plenary", setup_minutes=60, kind="plenary")
    (booked["council"], _next) = await desk.obey(
        BookSeries(actor="olena", details=plenary, rule="FREQ=WEEKLY;COUNT=2")
    )
    evening = details("Слухання", thursday + timedelta(hours=8, minutes=30), 60, "plenary", kind="hearing")
    booked["hearing"] = await desk.obey(BookSession(actor="olena", details=evening))
    night = MONDAY + timedelta(days=5, hours=23)
    executive = details("Виконком", night, 150, "committee", kind="executive")
    booked["executive"] = await desk.obey(BookSession(actor="olena", details=executive))
    with pytest.raises(Clashing, match="Комісія бюджету"):
        await desk.obey(
            BookSession(
                actor="olena", details=details("Друга", MONDAY + timedelta(hours=11), 60, "committee")
            )
        )
    return booked


def plan(week: Week, session: Session, goes: str) -> None:
    """Write in the diary how a sitting goes."""
    who, starts, ends = {"actor": "taras"}, session.booking.starts_at, session.booking.ends_at

    def after(minutes: float, kind: type[Command], moment: datetime = starts, **more: Any) -> None:
        when = moment + timedelta(minutes=minutes)
        week.at(when, lambda: kind(session=session.id, **who, **more))

    if goes == "cancelled":
        return after(-120, CancelSession, reason="немає кворуму")
    late = 20 if goes == "late" else 0  # when the sitting before is out
    # Pressed twice, by two people: it is done once.
    for _twice in range(2):
        after(late, OpenSession)
        after(late + 1, BeginItem, place=1)
    after(late + 2, NoteQuorum, present=61)
    after(late + 20, BeginItem, place=2)
    if goes == "closed":
        after(25, SuspendSession, reason=Reason.CLOSED)
        after(30, BeginItem, place=3)
        after(45, ResumeSession, confirmed=True)
    over = 15 if goes == "long" else -5
    for _twice in range(2):
        after(over, CloseSession, ends)
    return None


@pytest.mark.timeout(240)  # a loaded machine may need it
async def test_a_week_of_the_council(config: Config, tmp_path: Path) -> None:
    wall = SamsungMdcSimulator(config.devices[0])
    wall.settings[POWER] = 1
    clock = FastClock(MONDAY - timedelta(hours=1))
    async with wall:
        async with begun(config, tmp_path, clock) as week:
            booked = await book_the_week(week)
            for name, _day, _hour, _minutes, _room, goes in COMMITTEES:
                plan(week, booked[name], goes)
            await week.until(MONDAY + timedelta(days=3, hours=9))
            raised = [event for event in week.seen if isinstance(event, AlertRaised)]
            assert [(one.rule, one.text) for one in raised if one.rule != "preparation_failed"] == [
                ("overrun", "Комісія культури, 11:00"),
            ]
            cleared = {event.alert for event in week.seen if isinstance(event, AlertCleared)}
            assert {one.alert for one in raised if one.rule == "overrun"} <= cleared

            # The council sits: a break, an alarm, and in the middle of it the controller is started anew.
            council, diary = booked["council"], week.diary
            ten = council.booking.starts_at
            await week.until(ten)
            obey = week.controller.desk.obey
            await obey(OpenSession(actor="taras", session=council.id))
            await obey(BeginItem(actor="taras", session=council.id))
            await week.until(ten + timedelta(minutes=30))
            await obey(BeginItem(actor="taras", session=council.id))
            await week.until(ten + timedelta(minutes=40))
            alarm = SuspendSession(actor="taras", session=council.id, reason=Reason.AIR_RAID)
            await obey(alarm)
            await week.until(ten + timedelta(minutes=60))
            before = week.controller.sessions.get(council.id)
        await clock.be(ten + timedelta(minutes=63))
        async with begun(config, tmp_path, clock) as week:
            week.diary = diary
            obey, sessions = week.controller.desk.obey, week.controller.sessions
            assert sessions.get(council.id) == before
            assert (before.item_place, before.item_seconds(clock.now())) == (2, 600)
            await obey(alarm)  # asked again: it is so
            await week.until(ten + timedelta(minutes=87))
            await obey(ResumeSession(actor="taras", session=council.id))
            moved = sessions.get(council.id)
            assert moved.booking.ends_at == council.booking.ends_at + timedelta(minutes=47)
            assert moved.item_seconds(clock.now() + timedelta(minutes=1)) == 660
            await week.until(ten + timedelta(minutes=90))
            overrun = [one for one in week.controller.alerts.raised() if one.rule == "overrun"]
            assert [one.text for one in overrun] == ["Слухання, 18:30"]
            await week.until(ten + timedelta(hours=8))
            assert sessions.get(council.id).phase is Phase.OPEN  # nothing ends a sitting but a person
            await obey(CloseSession(actor="taras", session=council.id))
            plan(week, booked["hearing"], "plain")
            plan(week, booked["executive"], "plain")
            await week.until(MONDAY + timedelta(days=7))
            assert not [one for one in week.controller.alerts.raised() if one.rule == "overrun"]
            await tell_of_the_week(week, booked)


async def tell_of_the_week(week: Week, booked: dict[str, Session]) -> None:
    """The journal says that everything happened once, in its order, and nowhere two at a time."""
    sessions, journal = week.controller.sessions, week.controller.journal
    names = ("SessionPreparing", "SessionOpened", "SessionClosed", "ItemCalled", "QuorumNoted")
    found: dict[str, dict[str, list[datetime]]] = {}
    for name in (*names, "ClashOverridden"):
        for row in await journal.page(limit=500, which=Filter(kinds=(name,))):
            found.setdefault(row.subject, {}).setdefault(name, []).append(row.at)
    for name, session in booked.items():
        now, acts = sessions.get(session.id), found.get(session.id, {})
        if name == "молоді":
            assert now.phase is Phase.CANCELLED
            assert "SessionOpened" not in acts
            continue
        assert now.phase is Phase.CLOSED, name
        assert (len(acts["SessionOpened"]), len(acts["SessionClosed"])) == (1, 1), name
        if session.booking.off_site:
            assert "SessionPreparing" not in acts
            continue
        if name != "council":
            assert len(acts["QuorumNoted"]) == 1
        if name == "культури":  # the one before was in the room until long after its start
            assert "SessionPreparing" not in acts
            continue
        # An hour ahead, or once the sitting before is out.
        (begins,) = acts["SessionPreparing"]
        ahead = session.booking.starts_at - begins
        assert timedelta(minutes=0) < ahead <= timedelta(minutes=60), (name, ahead)
    assert len(found[booked["council"].id]["ClashOverridden"]) == 1
    assert booked["executive"].booking.ends_at.astimezone(KYIV).day == 28
    held = sorted(
        (one.room, one.opened_at, one.closed_at)
        for one in sessions
        if one.room and one.opened_at is not None and one.closed_at is not None
    )
    for (room, _opened, closed), (other, opens, _closes) in zip(held, held[1:], strict=False):
        assert room != other or closed <= opens
