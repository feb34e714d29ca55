"""What clashes, for any bookings there may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from avctl.model.booking import Booking, booking_of
from avctl.model.clash import Scarce, Taken, clashes

START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def booking(first: int, last: int, **changes: object) -> Booking:
    details: dict[str, object] = {
        "title": "Засідання",
        "room": "plenary",
        "starts_at": minute(first).isoformat(),
        "ends_at": minute(last).isoformat(),
        "policy": "none",
    }
    return booking_of(details | changes)


@st.composite
def bookings(draw: st.DrawFn) -> Booking:
    first = draw(st.integers(0, 120))
    return booking(
        first,
        first + draw(st.integers(1, 90)),
        room=draw(st.sampled_from(("plenary", "committee"))),
        off_site=draw(st.booleans()),
        setup_minutes=draw(st.integers(0, 30)),
        breakdown_minutes=draw(st.integers(0, 30)),
        on_duty=draw(st.lists(st.sampled_from(("olena", "taras", "ivan")), unique=True, max_size=3)),
        policy=draw(st.sampled_from(("live", "record", "none"))),
    )


def minutes(one: Booking, *, margins: bool = True) -> set[int]:
    """Every minute that a booking has, counted one by one."""
    first, last = (one.since, one.until) if margins else (one.starts_at, one.ends_at)
    begin, end = (int((moment - START).total_seconds() // 60) for moment in (first, last))
    return set(range(begin, end))


def found(wanted: Booking, *others: Booking, broadcasts: int = 0) -> set[tuple[Scarce, str]]:
    taken = [Taken(session=f"s{number}", booking=one) for number, one in enumerate(others)]
    return {(clash.scarce, clash.subject) for clash in clashes(wanted, taken, broadcasts)}


@settings(deadline=None)
@given(bookings(), bookings())
def test_two_clash_exactly_when_a_minute_of_both_wants_the_same(one: Booking, other: Booking) -> None:
    shared = bool(minutes(one) & minutes(other))
    expected = {(Scarce.PERSON, name) for name in set(one.on_duty) & set(other.on_duty) if shared}
    if shared and one.room == other.room and not (one.off_site or other.off_site):
        expected.add((Scarce.ROOM, one.room))
    assert found(one, other) == expected


@settings(deadline=None)
@given(bookings(), bookings())
def test_a_clash_is_the_same_from_both_sides(one: Booking, other: Booking) -> None:
    assert found(one, other) == found(other, one)


@settings(deadline=None)
@given(bookings(), st.lists(bookings(), max_size=6), st.integers(1, 3))
def test_broadcasts_clash_exactly_when_a_minute_would_have_too_many(
    wanted: Booking, others: list[Booking], most: int
) -> None:
    carried = [one for one in others if one.broadcastable]
    at_once = max(
        (
            sum(now in minutes(one, margins=False) for one in carried)
            for now in minutes(wanted, margins=False)
        ),
        default=0,
    )
    expected = wanted.broadcastable and at_once + 1 > most
    assert ((Scarce.BROADCASTS, str(most)) in found(wanted, *others, broadcasts=most)) == expected


def test_a_clash_is_told_on_the_councils_clock() -> None:
    (clash,) = clashes(booking(0, 60), [Taken(session="s1", booking=booking(30, 16 * 60))], 0)
    said = clash.says(ZoneInfo("Europe/Kyiv"))
    assert said == "the room is taken by 'Засідання' (s1) from 11.02.2027 10:30 to 12.02.2027 02:00"
