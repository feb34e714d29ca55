"""Series on the council's clock: over the change of clocks, past midnight, and changed in part."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avctl.errors import BadArgument
from avctl.model.booking import Booking, Place, booking_of
from avctl.model.series import MOST, Occurrence, alike, moved, occurrences, placed, rearranged

KYIV = ZoneInfo("Europe/Kyiv")
clocks = st.times(max_value=time(23, 59)).map(lambda one: one.replace(second=0, microsecond=0))
days = st.dates(date(2026, 1, 1), date(2029, 12, 31))


def booking(starts: datetime, hours: float = 2, **changes: object) -> Booking:
    details: dict[str, object] = {
        "title": "Комісія",
        "room": "plenary",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=hours)).isoformat(),
    }
    return booking_of(details | changes)


@settings(deadline=None, max_examples=60)
@given(days, clocks)
def test_a_weekly_series_stays_at_its_hour_whatever_the_clocks_do(day: date, clock: time) -> None:
    start = datetime.combine(day, clock)
    for number, at in enumerate(occurrences("FREQ=WEEKLY;COUNT=30", start, KYIV)):
        assert at == start + timedelta(weeks=number)
        shown = placed(at, KYIV)
        if time(3) <= clock < time(4):
            continue  # the hour that is skipped in spring, and comes twice in autumn
        assert shown.replace(tzinfo=None) == at


@settings(deadline=None, max_examples=60)
@given(days, clocks, st.integers(1, 23))
def test_an_occurrence_moved_over_the_change_of_clocks_lasts_by_the_clock(
    day: date, clock: time, hours: int
) -> None:
    one = booking(datetime(2027, 2, 11, 10, tzinfo=KYIV), hours)
    at = datetime.combine(day, clock)
    there = moved(one, at, KYIV)
    starts, ends = (datetime.fromisoformat(there[name]) for name in ("starts_at", "ends_at"))
    assert ends > starts
    assert timedelta(hours=hours - 1) <= ends - starts <= timedelta(hours=hours + 1)
    assert there.keys() == {"starts_at", "ends_at"}


def test_the_skipped_hour_of_spring_is_an_hour_later_and_a_night_sitting_is_as_long_as_it_lasts() -> None:
    assert f"{placed(datetime(2027, 3, 28, 3, 30), KYIV):%H:%M %z}" == "04:30 +0300"
    night = booking(datetime(2027, 3, 27, 22, tzinfo=KYIV), 4)
    assert night.ends_at.astimezone(KYIV).strftime("%d %H:%M") == "28 02:00"
    over = booking_of(
        {
            **night.model_dump(mode="json"),
            "ends_at": placed(datetime(2027, 3, 28, 5, 0), KYIV).isoformat(),
        }
    )
    assert over.ends_at - over.starts_at == timedelta(hours=6)


def test_until_in_utc_or_as_a_day_has_the_last_sitting() -> None:
    start = datetime(2027, 3, 18, 10)
    expected = [datetime(2027, 3, 18, 10), datetime(2027, 3, 25, 10), datetime(2027, 4, 1, 10)]
    for until in ("20270401T070000Z", "20270401", "20270401T100000"):
        assert list(occurrences(f"RRULE:FREQ=WEEKLY;UNTIL={until}", start, KYIV)) == expected


@pytest.mark.parametrize(
    "rule",
    [
        *(
            "",
            "nonsense",
            "FREQ=HOURLY",
            "FREQ=WEEKLY;BYDAY=ZZ",
            "FREQ=WEEKLY;COUNT=0",
            "FREQ=WEEKLY;UNTIL=x",
        ),
        *("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", f"FREQ=DAILY;COUNT={MOST + 1}"),
        *("FREQ=DAILY", "FREQ=DAILY\nDTSTART:20270101", "FREQ=DAILY;COUNT=9" + "9" * 30),
    ],
)
def test_a_rule_that_cannot_be_booked_names_the_field(rule: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        occurrences(rule, datetime(2027, 3, 18, 10), KYIV)
    assert refusal.value.field == "rule"


def test_a_change_of_one_means_the_same_by_the_clock_for_another() -> None:
    before = booking(datetime(2027, 3, 25, 10, tzinfo=KYIV))
    after = booking(datetime(2027, 3, 26, 11, tzinfo=KYIV), 3, title="Бюджет")
    details = {
        "title": "Бюджет",
        "starts_at": after.starts_at.isoformat(),
        "ends_at": after.ends_at.isoformat(),
    }
    summer = booking(datetime(2027, 4, 1, 10, tzinfo=KYIV))
    same = alike(details, before, after, summer, KYIV)
    assert same["title"] == "Бюджет"
    assert datetime.fromisoformat(same["starts_at"]) == datetime(2027, 4, 2, 8, tzinfo=UTC)
    assert datetime.fromisoformat(same["ends_at"]) == datetime(2027, 4, 2, 11, tzinfo=UTC)
    place = Place(series="a", rule="FREQ=WEEKLY", at=datetime(2027, 4, 1, 10), moved=True)
    exception = summer.model_copy(update={"place": place})
    assert alike(details, before, after, exception, KYIV) == {"title": "Бюджет"}


# --- another rule ----------------------------------------------------------------------------------------


@st.composite
def a_series(draw: st.DrawFn) -> tuple[list[Occurrence], list[datetime]]:
    """Occurrences that were, some of them exceptions, and the times of another rule."""
    moments = st.integers(0, 40).map(lambda day: datetime(2027, 3, 1, 10) + timedelta(days=day))
    places = draw(st.lists(moments, unique=True, max_size=12))
    existing = [
        Occurrence(session=f"s{number}", at=at, regular=draw(st.booleans()), stays=draw(st.booleans()))
        for number, at in enumerate(places)
    ]
    return existing, draw(st.lists(moments, unique=True, max_size=12))


@settings(deadline=None, max_examples=200)
@given(a_series())
def test_another_rule_is_kept_to_and_exceptions_too(
    series: tuple[list[Occurrence], list[datetime]],
) -> None:
    existing, wanted = series
    plan = rearranged(existing, wanted)
    by_name = {one.session: one for one in existing}
    # Nobody is called off who has a time of its own, runs, or was called off already.
    assert all(by_name[name].regular and not by_name[name].stays for name in plan.gone)
    assert not any(by_name[name].stays for name in plan.kept)
    # Each time of the rule is had once at most, and nothing is where the rule has nothing.
    places = [*plan.kept.values(), *plan.added]
    assert len(places) == len(set(places))
    assert set(places) <= set(wanted)
    # What both rules know stays where it is.
    for one in existing:
        if one.at in wanted and not one.stays:
            assert plan.kept[one.session] == one.at
            assert one.session not in plan.gone
    # A time is left out for those only that run, are over, or were called off by themselves.
    missed = set(wanted) - set(places)
    assert len(missed) <= sum(one.stays for one in existing)
    # Every regular one is kept or called off.
    for one in existing:
        if one.regular and not one.stays:
            assert (one.session in plan.kept) != (one.session in plan.gone)


@settings(deadline=None, max_examples=50)
@given(a_series())
def test_the_same_rule_again_changes_nothing(series: tuple[list[Occurrence], list[datetime]]) -> None:
    existing, _wanted = series
    plan = rearranged(existing, [one.at for one in existing])
    assert (plan.added, plan.gone) == ((), ())
    assert plan.kept == {one.session: one.at for one in existing if not one.stays}


def test_thursdays_become_fridays_with_all_that_was_entered() -> None:
    thursdays = [datetime(2027, 3, 4, 10) + timedelta(weeks=week) for week in range(3)]
    existing = [Occurrence(session=f"s{number}", at=at) for number, at in enumerate(thursdays)]
    plan = rearranged(existing, [at + timedelta(days=1) for at in thursdays])
    assert plan.kept == {f"s{number}": at + timedelta(days=1) for number, at in enumerate(thursdays)}
    assert (plan.added, plan.gone) == ((), ())
