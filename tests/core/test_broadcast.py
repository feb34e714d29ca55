from __future__ import annotations

import pytest

from avctl.errors import Conflict
from avctl.events import (
    BroadcastArmed,
    BroadcastDegraded,
    BroadcastEnded,
    BroadcastEnding,
    BroadcastFailed,
    BroadcastMeasured,
    BroadcastWentLive,
    RecordingReady,
    SessionEvent,
    now,
)
from avctl.model.broadcast import Broadcast, State, Wanted


def after(*events: SessionEvent) -> Broadcast:
    broadcast = Broadcast(session="s", since=now())
    for event in events:
        broadcast = broadcast.after(event)
    return broadcast


def test_what_is_wanted_and_what_is_are_two_facts() -> None:
    wanted = after(BroadcastArmed(session="s")).go_live("petro")
    assert wanted is not None
    asked = after(BroadcastArmed(session="s"), wanted)
    assert (asked.wanted, asked.state, asked.on_air) == (Wanted.LIVE, State.ARMED, False)
    live = asked.after(BroadcastWentLive(session="s"))
    assert (live.state, live.on_air, live.published) == (State.LIVE, True, True)


def test_asking_twice_is_asked_once() -> None:
    broadcast = after(BroadcastArmed(session="s"))
    wanted = broadcast.go_live("petro")
    assert wanted is not None
    assert broadcast.after(wanted).go_live("olena") is None
    dark = broadcast.go_dark("petro")
    assert dark is not None
    assert broadcast.after(dark).go_dark("olena") is None


def test_what_has_gone_dark_does_not_come_back() -> None:
    dark = after(BroadcastArmed(session="s")).go_dark("petro")
    assert dark is not None
    with pytest.raises(Conflict):
        after(BroadcastArmed(session="s"), dark).go_live("olena")
    for end in (BroadcastEnding(session="s"), BroadcastEnded(session="s")):
        with pytest.raises(Conflict):
            after(end).go_live("olena")


def test_a_fault_on_air_keeps_the_picture_and_says_why() -> None:
    faulty = after(BroadcastWentLive(session="s"), BroadcastDegraded(session="s", reason="no source"))
    assert (faulty.state, faulty.reason, faulty.on_air) == (State.DEGRADED, "no source", True)
    assert faulty.after(BroadcastWentLive(session="s")).reason == ""
    armed = after(BroadcastArmed(session="s"), BroadcastDegraded(session="s", reason="no source"))
    assert not armed.on_air


def test_since_is_when_the_state_changed_not_when_it_was_told_again() -> None:
    first = BroadcastDegraded(session="s", reason="no source")
    again = BroadcastDegraded(session="s", reason="no encoder")
    broadcast = after(BroadcastWentLive(session="s"), first, again)
    assert (broadcast.since, broadcast.reason) == (first.at, "no encoder")


def test_the_end_leaves_the_playlist_public_and_knows_the_recording() -> None:
    ended = after(
        BroadcastWentLive(session="s"),
        BroadcastMeasured(session="s", meters={"latency": 4.2}),
        BroadcastEnded(session="s"),
        RecordingReady(session="s", seconds=61.5, size=1000),
    )
    assert (ended.published, ended.on_air, ended.meters) == (True, False, {})
    assert (ended.seconds, ended.size) == (61.5, 1000)
    assert after(BroadcastFailed(session="s", reason="disk")).reason == "disk"
