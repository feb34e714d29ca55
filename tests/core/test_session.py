"""The life of a session: what may follow what, and what a booking must say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avctl.errors import BadArgument, Conflict
from avctl.events import (
    ItemStarted,
    Reason,
    SessionBooked,
    SessionReady,
    SpeakerShown,
)
from avctl.model.session import Booking, Phase, Session, booking_of

START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)


def booking(**changes: object) -> dict[str, object]:
    details: dict[str, object] = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "starts_at": START.isoformat(),
        "ends_at": (START + timedelta(hours=8)).isoformat(),
    }
    return details | changes


def booked(**changes: object) -> Session:
    return Session.booked(SessionBooked(session="s1", actor="olena", details=booking(**changes)))


def test_a_sitting_goes_from_booking_to_its_end() -> None:
    session = booked()
    assert session.phase is Phase.PLANNED
    for act, phase in (
        (lambda one: one.prepare("olena"), Phase.PREPARING),
        (lambda one: SessionReady(session="s1", faults=("camera 2: no answer",)), Phase.READY),
        (lambda one: one.open("olena"), Phase.OPEN),
        (lambda one: one.suspend(Reason.BREAK, "olena"), Phase.SUSPENDED),
        (lambda one: one.suspend(Reason.AIR_RAID, "olena"), Phase.SUSPENDED),
        (lambda one: one.resume("olena"), Phase.OPEN),
        (lambda one: one.close("olena"), Phase.CLOSED),
    ):
        event = act(session)
        session = session.after(event)
        assert session.phase is phase
    assert session.closed_at is not None
    assert session.faults == ("camera 2: no answer",)


@pytest.mark.parametrize(
    "act",
    [
        lambda one: one.prepare("olena"),
        lambda one: one.open("olena"),
        lambda one: one.cancel("olena"),
    ],
)
def test_the_same_act_twice_is_one_act(act: object) -> None:
    session = booked()
    session = session.after(act(session))  # type: ignore[operator]
    assert act(session) is None  # type: ignore[operator]


def test_a_planned_session_cannot_be_suspended_and_says_so() -> None:
    with pytest.raises(Conflict, match="a session that is planned cannot be suspended"):
        booked().suspend(Reason.BREAK, "olena")


def test_a_cancelled_session_cannot_be_opened() -> None:
    session = booked()
    session = session.after(session.cancel("olena"))  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        session.open("olena")


def test_a_closed_part_is_left_by_resuming_only() -> None:
    session = booked()
    session = session.after(session.open("olena"))  # type: ignore[arg-type]
    session = session.after(session.suspend(Reason.CLOSED, "olena"))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="closed part"):
        session.suspend(Reason.BREAK, "olena")
    assert session.resume("olena") is not None


def test_a_late_end_of_the_preparation_does_not_close_an_open_session() -> None:
    session = booked()
    session = session.after(session.prepare("olena"))  # type: ignore[arg-type]
    session = session.after(session.open("olena"))  # type: ignore[arg-type]
    assert session.after(SessionReady(session="s1")).phase is Phase.OPEN


def test_who_speaks_and_the_item_are_part_of_the_session() -> None:
    session = booked().after(SpeakerShown(session="s1", name="Олена Марчук", role="Фракція А"))
    session = session.after(ItemStarted(device="hall", item="2", title="Про бюджет"))
    assert (session.speaker, session.speaker_role, session.item) == (
        "Олена Марчук",
        "Фракція А",
        "Про бюджет",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"ends_at": START.isoformat()}, "ends_at"),
        ({"ends_at": (START + timedelta(days=2)).isoformat()}, "ends_at"),
        ({"starts_at": "2027-02-11T10:00:00"}, "starts_at"),
        ({"room": ""}, "room"),
        ({"policy": "sometimes"}, "policy"),
        ({"colour": "red"}, "colour"),
        ({"agenda": [{"number": "1"}]}, "agenda.0.title"),
    ],
)
def test_a_booking_that_is_wrong_names_the_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        booking_of(booking(**changes))
    assert refusal.value.field == field


def test_an_off_site_session_needs_no_room_and_clashes_with_nobody() -> None:
    elsewhere = booking_of(booking(room="", off_site=True))
    assert not booked().clashes(elsewhere)


moments = st.integers(min_value=0, max_value=20)


@given(moments, moments, moments, moments)
def test_two_bookings_clash_exactly_when_a_minute_belongs_to_both(a: int, b: int, c: int, d: int) -> None:
    first, second = sorted((a, b + 21)), sorted((c, d + 21))
    mine = booked(starts_at=minute(first[0]).isoformat(), ends_at=minute(first[1]).isoformat())
    other = Booking.model_validate(
        booking(starts_at=minute(second[0]).isoformat(), ends_at=minute(second[1]).isoformat())
    )
    shared = set(range(*first)) & set(range(*second))
    assert mine.clashes(other) == bool(shared)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)
