"""What the templates of TV channels are given."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.views.parts import State


@dataclass(frozen=True, kw_only=True)
class ChannelView:
    """One channel: its picture's address, its state, and what is on."""

    id: str
    title: str
    picture: str
    state: State
    fault: str  # what is wrong, as a message; empty: nothing
    unmeasured: str  # why its packets are not, as a message; empty: they are
    service: str
    now: str
    next: str
    bitrate: str
    loudness: str


@dataclass(frozen=True, kw_only=True)
class Television:
    """parts/tv.html: every channel that the building gets, as pictures."""

    channels: tuple[ChannelView, ...]
    wrong: int
