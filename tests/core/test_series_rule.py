"""The rule of a series is changed later, on a real bus, journal and record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from avctl.bus import Bus
from avctl.commands import (
    AmendSession,
    BookSeries,
    BookSession,
    CancelSession,
    ChangeRule,
    OpenSession,
    Scope,
)
from avctl.config import Config, Room
from avctl.desk import Desk
from avctl.errors import BadArgument, Clashing, Conflict
from avctl.model.session import Phase, Session
from avctl.services.journal import Journal, first_number
from avctl.services.run import Run
from avctl.services.series import Series
from avctl.services.sessions import Sessions
from avctl.store.engine import open_store, sqlite_url

CONFIG = Config(rooms=(Room(id="plenary", title="Сесійна зала"), Room(id="committee", title="к. 1017")))
KYIV = ZoneInfo("Europe/Kyiv")
THURSDAY = datetime(2027, 3, 4, 10, tzinfo=KYIV)


@dataclass
class Office:
    """What the secretariat needs of the controller."""

    desk: Desk
    sessions: Sessions

    async def series(self, rule: str = "FREQ=WEEKLY;BYDAY=TH;COUNT=6") -> list[Session]:
        command = BookSeries(actor="olena", details=details(THURSDAY), rule=rule)
        return list(await self.desk.obey(command))

    async def change(self, session: Session, rule: str, scope: Scope, **more: Any) -> Session:
        found: Session = await self.desk.obey(
            ChangeRule(actor="olena", session=session.id, rule=rule, scope=scope, **more)
        )
        return found

    def days(self, *phases: Phase) -> list[str]:
        """When those are that are still to come, by the council's clock."""
        wanted = phases or (Phase.PLANNED,)
        found = [one for one in self.sessions if one.phase in wanted and one.room == "committee"]
        return [f"{one.booking.starts_at.astimezone(KYIV):%d.%m %a %H:%M}" for one in found]


def details(starts: datetime, room: str = "committee", **more: Any) -> dict[str, Any]:
    return {
        "title": "Комісія",
        "room": room,
        "policy": "none",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat(),
        **more,
    }


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_store(sqlite_url(tmp_path / "avctl.db")) as store:
        bus, desk = Bus(await first_number(store)), Desk()
        journal = Journal(store, bus)
        writing = asyncio.create_task(journal.run())
        sessions = Sessions(CONFIG, bus, store, journal)
        sessions.handle(desk)
        Series(sessions).handle(desk)
        Run(bus, desk, sessions).handle(desk)
        yield Office(desk, sessions)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_all_of_a_series_move_to_another_day_and_exceptions_stay(office: Office) -> None:
    one, two, three, four, five, _six = await office.series()
    alone = datetime(2027, 3, 17, 15, tzinfo=KYIV)
    hours = {"starts_at": alone.isoformat(), "ends_at": (alone + timedelta(hours=1)).isoformat()}
    await office.desk.obey(AmendSession(actor="olena", session=three.id, details=hours))
    await office.desk.obey(AmendSession(actor="olena", session=four.id, details={"title": "Виїзд у парк"}))
    await office.desk.obey(CancelSession(actor="olena", session=five.id, reason="свято"))
    await office.change(two, "FREQ=WEEKLY;BYDAY=FR;COUNT=6", Scope.ALL)
    # The clocks change on the 28th: ten o'clock stays ten o'clock.
    assert office.days() == [
        *("05.03 Fri 10:00", "12.03 Fri 10:00", "17.03 Wed 15:00", "26.03 Fri 10:00", "09.04 Fri 10:00"),
    ]
    assert office.sessions.get(one.id).booking.starts_at == datetime(2027, 3, 5, 8, tzinfo=UTC)
    assert office.sessions.get(four.id).title == "Виїзд у парк"
    assert office.sessions.get(five.id).cancelled_because == "свято"
    # And again, every second Friday: what was called off by itself is not booked again.
    await office.change(two, "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;COUNT=4", Scope.ALL)
    assert office.days() == ["05.03 Fri 10:00", "17.03 Wed 15:00", "16.04 Fri 10:00"]


async def test_this_and_following_leave_those_before_and_new_ones_are_booked(office: Office) -> None:
    _one, _two, three, *_rest = await office.series("FREQ=WEEKLY;BYDAY=TH;COUNT=4")
    await office.change(three, "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", Scope.FOLLOWING)
    assert office.days() == [
        *("04.03 Thu 10:00", "11.03 Thu 10:00", "18.03 Thu 10:00", "23.03 Tue 10:00", "25.03 Thu 10:00"),
        "30.03 Tue 10:00",
    ]
    rules = {one.booking.place.rule for one in office.sessions if one.booking.place is not None}
    assert rules == {"FREQ=WEEKLY;BYDAY=TH;COUNT=4", "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4"}


async def test_one_leaves_its_series_alone_or_for_a_rule_of_its_own(office: Office) -> None:
    one, two, *_rest = await office.series("FREQ=WEEKLY;BYDAY=TH;COUNT=3")
    assert (await office.change(two, "", Scope.THIS)).booking.place is None
    changed = await office.change(one, "FREQ=DAILY;COUNT=2", Scope.THIS)
    assert changed.booking.place is not None
    assert office.days() == ["04.03 Thu 10:00", "05.03 Fri 10:00", "11.03 Thu 10:00", "18.03 Thu 10:00"]
    series = {one.booking.place.series for one in office.sessions if one.booking.place is not None}
    assert len(series) == 2


async def test_all_or_nothing_when_the_new_rule_clashes(office: Office) -> None:
    one, *_rest = await office.series("FREQ=WEEKLY;BYDAY=TH;COUNT=3")
    taken = details(datetime(2027, 3, 12, 11, tzinfo=KYIV), title="Слухання")
    await office.desk.obey(BookSession(actor="olena", details=taken))
    before = office.days()
    with pytest.raises(Clashing, match="Слухання"):
        await office.change(one, "FREQ=WEEKLY;BYDAY=FR;COUNT=3", Scope.ALL)
    assert office.days() == before
    await office.change(one, "FREQ=WEEKLY;BYDAY=FR;COUNT=3", Scope.ALL, override="так домовлено")
    assert "12.03 Fri 10:00" in office.days()


async def test_what_runs_stays_and_what_is_no_rule_is_refused(office: Office) -> None:
    one, two, _three = await office.series("FREQ=WEEKLY;BYDAY=TH;COUNT=3")
    await office.desk.obey(OpenSession(actor="taras", session=one.id))
    await office.change(one, "FREQ=WEEKLY;BYDAY=FR;COUNT=2", Scope.ALL)
    assert office.days(Phase.OPEN) == ["04.03 Thu 10:00"]
    assert office.days() == ["12.03 Fri 10:00", "19.03 Fri 10:00"]
    with pytest.raises(BadArgument, match="rule"):
        await office.change(two, "щотижня", Scope.ALL)
    with pytest.raises(Conflict):
        await office.change(one, "", Scope.THIS)
