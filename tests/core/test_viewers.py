"""Viewers are counted, not known: distinct ones, for a while, in a memory that has an end."""

from __future__ import annotations

from avctl.services.viewers import Viewers


def test_a_viewer_counts_once_in_each_session_and_once_in_all() -> None:
    viewers = Viewers()
    for session, address, program in (
        ("s1", "192.0.2.1", "Firefox"),
        ("s1", "192.0.2.1", "Firefox"),
        ("s1", "192.0.2.1", "Chromium"),
        ("s1", "192.0.2.2", "Firefox"),
        ("s2", "192.0.2.1", "Firefox"),
    ):
        viewers.saw(session, address, program)
    assert viewers.counts() == {"s1": 3, "s2": 1}
    assert (viewers.of("s1"), viewers.of("none"), viewers.total()) == (3, 0, 3)


def test_who_does_not_ask_again_is_forgotten() -> None:
    viewers = Viewers(seconds=-1)
    viewers.saw("s1", "192.0.2.1", "Firefox")
    assert (viewers.counts(), viewers.total()) == ({}, 0)


def test_a_flood_of_addresses_fills_no_memory() -> None:
    viewers = Viewers(most=10)
    viewers.saw("s1", "192.0.2.1", "Firefox")
    for number in range(1000):
        viewers.saw(f"s{number % 3}", f"2001:db8::{number:x}", "flood")
    assert sum(viewers.counts().values()) == 10
    viewers.saw("s1", "192.0.2.1", "Firefox")  # who is counted stays counted
    assert viewers.total() == 10


def test_nothing_that_is_kept_tells_who_it_was() -> None:
    kept = []
    for viewers in (Viewers(), Viewers()):
        viewers.saw("s1", "192.0.2.1", "Firefox")
        kept.append(repr(vars(viewers)))
        assert "192.0.2" not in kept[-1]
        assert "Firefox" not in kept[-1]
    assert kept[0] != kept[1]
