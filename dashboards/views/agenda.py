"""What the run of show is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboards.views.parts import Button, Item, Outlook


@dataclass(frozen=True, kw_only=True)
class ShowItem:
    """An item of the run of show.

    ``minutes`` it may take, ``planned`` by somebody or its share of the rest; ``began``: when it was begun
    last, ``begins``: when it will be. While it is under way: ``since`` when, less the seconds ``paused``, its
    ``limit`` in seconds, and ``stopped``, the seconds at which its clock stands in an interruption.
    """

    item: Item
    minutes: int
    planned: bool
    began: datetime | None
    begins: datetime | None
    since: datetime | None
    limit: int | None
    paused: int
    stopped: float | None
    following: bool
    begin: Button | None


@dataclass(frozen=True, kw_only=True)
class Quorum:
    """How many are there, as somebody counted, and how many must be."""

    present: int | None
    needed: int
    there: bool
    button: Button | None


@dataclass(frozen=True, kw_only=True)
class Coming:
    """The next booking of the room, which is needed ``since``; ``late``: this one will still be there."""

    title: str
    since: datetime
    starts_at: datetime
    late: bool


@dataclass(frozen=True, kw_only=True)
class Stamped:
    """An act that belongs in the minutes."""

    at: datetime
    word: str
    text: str
    actor: str


@dataclass(frozen=True, kw_only=True)
class RunOfShow:
    """parts/agenda.html. ``listed``: the item under way stands in the agenda."""

    room: str
    session: str = ""
    item: str = ""
    listed: bool = False
    items: tuple[ShowItem, ...] = ()
    outlook: Outlook | None = None
    next: Button | None = None
    quorum: Quorum | None = None
    coming: Coming | None = None
    record: tuple[Stamped, ...] = ()
