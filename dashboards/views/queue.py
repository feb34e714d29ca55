"""What the parts about the visitors' queue are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboards.views.parts import Button


@dataclass(frozen=True, kw_only=True)
class ServiceRow:
    """A service: how many wait, how many minutes on average (None: not known), since when the first."""

    name: str
    waiting: int
    minutes: int | None
    first: datetime | None


@dataclass(frozen=True, kw_only=True)
class TicketRow:
    """A ticket. ``say``: what is spoken when it is called."""

    id: str
    number: str
    service: str
    word: str
    state: str
    since: datetime
    counter: str
    calls: int
    say: str = ""


@dataclass(frozen=True, kw_only=True)
class CounterCard:
    """A counter and what can be done there."""

    id: str
    name: str
    open: bool
    word: str
    ticket: TicketRow | None
    buttons: tuple[Button, ...]


@dataclass(frozen=True, kw_only=True)
class QueueSystem:
    """One queue system; ``online`` false: what it said last."""

    id: str
    title: str
    online: bool
    link: str
    since: datetime
    waiting: int
    services: tuple[ServiceRow, ...]
    counters: tuple[CounterCard, ...]
    tickets: tuple[TicketRow, ...]
    over: tuple[TicketRow, ...]


@dataclass(frozen=True, kw_only=True)
class QueueView:
    """parts/queue.html."""

    systems: tuple[QueueSystem, ...]


@dataclass(frozen=True, kw_only=True)
class Calls:
    """parts/calls.html: the big screen. ``known`` false: nothing is known; ``old_since``: it is cut off."""

    council: str
    known: bool
    old_since: datetime | None
    called: tuple[TicketRow, ...]
    services: tuple[ServiceRow, ...]
    more: int
