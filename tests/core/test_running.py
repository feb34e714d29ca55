"""The run of a sitting: item by item, with what belongs in the minutes and an end that is foretold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avctl.errors import BadArgument, Conflict
from avctl.events import (
    Event,
    ItemStarted,
    Reason,
    SessionAmended,
    SessionBooked,
    SessionClosed,
    SessionOpened,
    SessionResumed,
    SessionSuspended,
)
from avctl.model.running import forecast, lengths
from avctl.model.session import Session

START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)
AGENDA = (
    {"number": "1", "title": "Про бюджет", "minutes": 30},
    {"number": "2", "title": "Про вулиці"},
    {"number": "3", "title": "Кадрове питання", "closed": True},
    {"number": "4", "title": "Різне"},
)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def booked(agenda: tuple[dict[str, Any], ...] = AGENDA) -> Session:
    details = {
        "title": "Комісія",
        "room": "plenary",
        "starts_at": START.isoformat(),
        "ends_at": minute(120).isoformat(),
        "agenda": agenda,
    }
    return Session.booked(SessionBooked(session="s", details=details, at=START, number=1))


def opened(**more: Any) -> Session:
    return booked(**more).after(SessionOpened(session="s", actor="taras", at=START))


def take_up(session: Session, place: int | None, at: datetime) -> Session:
    event = session.begin_item(place, "taras")
    assert event is not None
    return session.after(at_moment(event, at))


def at_moment(event: Event, at: datetime) -> Event:
    return type(event)(**{**vars(event), "at": at})


def test_items_nobody_planned_share_what_the_others_leave() -> None:
    assert lengths(booked().booking) == (1800, 1800, 1800, 1800)
    longer = booked(({"number": "1", "title": "Довге", "minutes": 240}, {"number": "2", "title": "Без часу"}))
    assert lengths(longer.booking) == (14400, 0)


def test_a_place_is_taken_up_once_and_the_last_item_has_no_next() -> None:
    session = take_up(opened(), None, minute(2))
    assert (session.item, session.item_number, session.item_place) == ("Про бюджет", "1", 1)
    assert session.begin_item(1, "olena") is None  # the other technician pressed at the same moment
    session = take_up(session, 4, minute(9))
    with pytest.raises(Conflict, match="no further item"):
        session.begin_item(None, "taras")
    with pytest.raises(BadArgument, match="1 to 4"):
        session.begin_item(5, "taras")
    with pytest.raises(Conflict, match="cannot take up"):
        booked().begin_item(1, "taras")


def test_an_interruption_stops_the_items_clock_and_moves_what_is_foretold() -> None:
    session = take_up(opened(), 1, minute(0))
    session = session.after(
        SessionSuspended(session="s", reason=Reason.BREAK, until=minute(25), at=minute(10))
    )
    assert session.item_seconds(minute(20)) == 600
    with pytest.raises(Conflict, match="interrupted"):
        session.begin_item(2, "taras")
    ahead = forecast(session, minute(20))
    assert ahead is not None
    assert ahead.free_at == minute(45)  # the break's end, and the twenty minutes that are left
    assert ahead.begins == {2: minute(45), 3: minute(75), 4: minute(105)}
    assert ahead.over(minute(20)) == timedelta(minutes=15)
    session = session.after(SessionResumed(session="s", at=minute(24)))
    assert session.item_seconds(minute(34)) == 1200
    # Later than it should be: the end moves with every minute.
    ahead = forecast(session, minute(60))
    assert ahead is not None
    assert ahead.ends_at(minute(60)) == minute(150)


def test_a_closed_part_works_on_the_agenda() -> None:
    session = take_up(opened(), 3, minute(0))
    session = session.after(SessionSuspended(session="s", reason=Reason.CLOSED, at=minute(5)))
    assert session.item_seconds(minute(10)) == 600
    session = take_up(session, 4, minute(10))
    assert session.closed_part
    assert session.after(SessionResumed(session="s", at=minute(20))).item_seconds(minute(30)) == 1200


def test_what_an_alarm_took_is_counted_whatever_followed_it() -> None:
    session = opened()
    for reason, at in ((Reason.AIR_RAID, 10), (Reason.POWER, 30), (Reason.BREAK, 40)):
        session = session.after(SessionSuspended(session="s", reason=reason, at=minute(at)))
    assert session.taken_away(minute(60)) == timedelta(minutes=30)
    assert session.after(SessionResumed(session="s", at=minute(60))).taken_away(minute(90)) == timedelta()
    slip = opened().after(SessionSuspended(session="s", reason=Reason.AIR_RAID, at=minute(1)))
    assert slip.taken_away(minute(1.4)) == timedelta()  # pressed by mistake


def test_the_record_has_who_did_what_and_when() -> None:
    session = take_up(opened(), 1, minute(1))
    quorum = session.note_quorum(61, 61, "olena")
    assert quorum is not None
    session = session.after(at_moment(quorum, minute(2)))
    assert session.note_quorum(61, 61, "olena") is None
    session = session.after(SessionSuspended(session="s", actor="taras", reason=Reason.BREAK, at=minute(3)))
    session = session.after(SessionResumed(session="s", actor="taras", at=minute(4)))
    session = session.after(SessionClosed(session="s", actor="taras", at=minute(5)))
    assert [(one.act, one.text, one.actor) for one in session.record] == [
        ("opened", "", "taras"),
        ("item", "1 Про бюджет", "taras"),
        ("quorum", "61/61", "olena"),
        ("suspended", "break", "taras"),
        ("resumed", "", "taras"),
        ("closed", "", "taras"),
    ]
    assert [one.at for one in session.record] == [minute(at) for at in range(6)]


def test_a_hall_that_tells_its_item_again_does_not_take_a_person_back() -> None:
    session = opened().after(ItemStarted(device="hall", item="t-1", title="про бюджет", at=minute(1)))
    assert (session.item_place, session.item_number) == (1, "1")
    session = take_up(session, 2, minute(5))
    again = session.after(ItemStarted(device="hall", item="t-1", title="про бюджет", at=minute(6)))
    assert (again.item, again.item_at, len(again.record)) == ("Про вулиці", minute(5), len(session.record))
    unlisted = session.after(ItemStarted(device="hall", item="t-9", title="Позачергове", at=minute(7)))
    assert (unlisted.item, unlisted.item_place) == ("Позачергове", 0)


def test_the_item_under_way_is_found_again_in_a_changed_agenda() -> None:
    session = take_up(opened(), 2, minute(1))
    agenda = ({"number": "0", "title": "Про порядок денний"}, *AGENDA)
    session = session.after(SessionAmended(session="s", details={"agenda": agenda}, at=minute(2)))
    assert (session.item, session.item_place) == ("Про вулиці", 3)
    session = session.after(SessionAmended(session="s", details={"agenda": AGENDA[2:]}, at=minute(3)))
    assert (session.item, session.item_place) == ("Про вулиці", 0)
