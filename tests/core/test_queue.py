"""The neutral queue: what two looks say happened, and what a book of tickets keeps."""

from __future__ import annotations

from typing import Any

from avctl.model.queue import happened
from drivers.queue import Book, Listed


def row(number: str, state: str, counter: str = "", service: str = "1", calls: int = 0) -> dict[str, Any]:
    since = "2026-11-28T09:00:00+00:00"
    told = {"number": number, "state": state, "counter": counter, "service": service}
    return {**told, "since": since, "calls": calls}


def between(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    told = happened("q", {"tickets": before}, {"tickets": after})
    return [(type(one).__name__, getattr(one, "ticket", ""), getattr(one, "outcome", "")) for one in told]


def test_a_tickets_way_is_told_step_by_step() -> None:
    waiting, called = row("А012", "waiting"), row("А012", "called", "3", calls=1)
    assert between([], [waiting]) == [("TicketTaken", "А012", "")]
    assert between([waiting], [row("А012", "waiting", service="2")]) == [("TicketTransferred", "А012", "")]
    assert between([waiting], [called]) == [("TicketCalled", "А012", "")]
    assert between([called], [called]) == []
    assert between([called], [row("А012", "called", "3", calls=2)]) == [("TicketRecalled", "А012", "")]
    assert between([called], [row("А012", "called", "4", calls=2)]) == [("TicketCalled", "А012", "")]
    assert between([called], [row("А012", "serving", "3", calls=1)]) == [("TicketServed", "А012", "")]
    assert between([called], [row("А012", "no_show", "3")]) == [("TicketEnded", "А012", "no_show")]


def test_what_happened_between_two_looks_is_told_as_one() -> None:
    served = row("Б-7", "serving", "1", calls=1)
    assert between([], [served]) == [
        ("TicketTaken", "Б-7", ""),
        ("TicketCalled", "Б-7", ""),
        ("TicketServed", "Б-7", ""),
    ]
    assert between([served], []) == [("TicketEnded", "Б-7", "done")]
    assert between([row("Б-7", "waiting")], []) == [("TicketEnded", "Б-7", "removed")]


def test_a_number_that_is_given_anew_is_another_ticket() -> None:
    over, new = row("А001", "done", "1"), row("А001", "waiting")
    assert between([over], [over, new]) == [("TicketTaken", "А001", "")]
    assert between([over, new], [over, new]) == []


def test_counters_open_and_close() -> None:
    before = {"counters": {"1": {"open": True}, "2": {"open": False}}}
    after = {"counters": {"1": {"open": False}, "2": {"open": True}, "3": {"open": True}}}
    told = [(type(one).__name__, getattr(one, "counter", "")) for one in happened("q", before, after)]
    assert told == [("CounterClosed", "1"), ("CounterOpened", "2")]


def test_a_book_keeps_since_when_how_often_and_how_it_ended() -> None:
    book = Book()
    (first,) = book.take({"A1": Listed(number="A1", state="waiting", service="1", ago=60)})
    (again,) = book.take({"A1": Listed(number="A1", state="waiting", service="1", ago=61)})
    assert again["since"] == first["since"]  # a system's count of seconds is no news
    (called,) = book.take({"A1": Listed(number="A1", state="called", counter="3")})
    assert (called["calls"], called["service"]) == (1, "1")
    book.called_again("A1")
    (recalled,) = book.take({"A1": Listed(number="A1", state="called", counter="3")})
    assert recalled["calls"] == 2
    book.ends_as("A1", "no_show")
    (over, other) = book.take({"B1": Listed(number="B1", state="waiting")})
    assert (over["number"], over["state"], other["number"]) == ("A1", "no_show", "B1")
    assert [one["state"] for one in book.take({})] == ["no_show", "removed"]
    for number in range(100):
        book.take({f"C{number}": Listed(number=f"C{number}", state="serving")})
    assert len(book.take({})) == 20
