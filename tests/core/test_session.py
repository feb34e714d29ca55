"""The life of a session: what may follow what, and what a booking must say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from avctl.errors import BadArgument, Conflict
from avctl.events import (
    ItemStarted,
    Reason,
    SessionBooked,
    SessionClosed,
    SessionReady,
    SpeakerShown,
    now,
)
from avctl.model.booking import booking_of
from avctl.model.session import Phase, Session, in_minutes

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
    session = session.after(act(session))
    assert act(session) is None


def test_a_planned_session_cannot_be_suspended_and_says_so() -> None:
    with pytest.raises(Conflict, match="a session that is planned cannot be suspended"):
        booked().suspend(Reason.BREAK, "olena")


def test_a_cancelled_session_cannot_be_opened() -> None:
    session = booked()
    session = session.after(session.cancel("olena"))
    with pytest.raises(Conflict):
        session.open("olena")


def test_a_closed_part_is_left_by_resuming_only() -> None:
    session = booked()
    session = session.after(session.open("olena"))
    session = session.after(session.suspend(Reason.CLOSED, "olena"))
    with pytest.raises(Conflict, match="closed part"):
        session.suspend(Reason.BREAK, "olena")
    assert session.resume("olena") is not None


def test_a_late_end_of_the_preparation_does_not_close_an_open_session() -> None:
    session = booked()
    session = session.after(session.prepare("olena"))
    session = session.after(session.open("olena"))
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
        ({"policy": "delayed", "release_at": START.isoformat()}, "release_at"),
        ({"policy": "delayed", "release_hours": -1}, "release_hours"),
        ({"agenda": [{"number": "1"}]}, "agenda.0.title"),
    ],
)
def test_a_booking_that_is_wrong_names_the_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        booking_of(booking(**changes))
    assert refusal.value.field == field


def test_a_delayed_session_is_released_so_many_hours_after_its_real_end() -> None:
    session = booked(policy="delayed", release_hours=24)
    assert session.release_at == START + timedelta(hours=8 + 24)
    session = session.after(session.open("olena"))
    closed = SessionClosed(session="s1", at=START + timedelta(hours=9))
    session = session.after(closed)
    released = START + timedelta(hours=9 + 24)
    assert session.release_at == released
    assert not session.released(released - timedelta(seconds=1))
    assert session.released(released)


def test_a_moment_of_release_may_be_booked_and_counts_for_delayed_sessions_only() -> None:
    moment = START + timedelta(hours=10)
    assert booked(policy="delayed", release_at=moment.isoformat()).release_at == moment
    for policy in ("live", "record", "none"):
        assert booked(policy=policy, release_hours=2).release_at is None


def test_before_its_end_no_recording_is_released_and_a_kept_one_needs_a_person() -> None:
    late = START + timedelta(days=365)
    closed = SessionClosed(session="s1", at=START)
    assert not booked().released(late)
    assert booked().after(closed).released(START)
    assert not booked(policy="record").after(closed).released(late)


def test_an_interruption_may_say_until_when_and_the_time_may_change() -> None:
    session = booked()
    session = session.after(session.open("olena"))
    first, later = now() + timedelta(minutes=15), now() + timedelta(minutes=30)
    session = session.after(session.suspend(Reason.BREAK, "olena", first))
    since = session.since
    assert session.until == first
    assert session.suspend(Reason.BREAK, "olena", first) is None
    session = session.after(session.suspend(Reason.BREAK, "olena", later))
    assert (session.until, session.since) == (later, since)
    session = session.after(session.suspend(Reason.AIR_RAID, "olena"))
    assert session.until is None
    assert session.since > since
    session = session.after(session.resume("olena"))
    assert session.until is None


@pytest.mark.parametrize(
    ("reason", "minutes", "said"),
    [
        (Reason.BREAK, -1, "a moment to come"),
        (Reason.TECHNICAL, 60 * 24 + 1, "at most 24 hours"),
        (Reason.CLOSED, 5, "for break, technical, power only"),
        (Reason.AIR_RAID, 5, "for break, technical, power only"),
    ],
)
def test_a_time_that_cannot_be_is_refused(reason: Reason, minutes: int, said: str) -> None:
    session = booked()
    session = session.after(session.open("olena"))
    with pytest.raises(BadArgument, match=said):
        session.suspend(reason, "olena", now() + timedelta(minutes=minutes))


def test_minutes_from_now_end_on_a_whole_one() -> None:
    until = in_minutes(5)
    assert (until.second, until.microsecond) == (0, 0)
    assert timedelta(minutes=4, seconds=59) < until - now() <= timedelta(minutes=6)
