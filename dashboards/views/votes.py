"""What the parts and pages about votes are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboards.views.parts import Button

if TYPE_CHECKING:
    from dashboards.views.pages import Choice, Chrome


@dataclass(frozen=True, kw_only=True)
class VoteBar:
    """How many chose something; ``share`` is of the longest bar there can be, in percent."""

    choice: str
    word: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class VoteShown:
    """A vote as pages show it. ``voted`` None, ``bars`` empty: the system does not tell."""

    number: int
    title: str
    item: str
    state: str
    word: str
    shape: str
    since: datetime
    voted: int | None
    bars: tuple[VoteBar, ...]
    outcome: str
    rule: str
    needed: int | None
    elected: int
    quorum: int
    present: int | None
    reason: str
    closed_part: bool
    known: bool
    url: str


@dataclass(frozen=True, kw_only=True)
class VoteForm:
    """What a vote is opened with."""

    url: str
    title: str
    repeats: bool  # the question was the last vote's already
    thresholds: tuple[Choice, ...]
    present: int | None  # as last counted for the quorum
    most: int


@dataclass(frozen=True, kw_only=True)
class VoteBlock:
    """parts/vote.html: the vote under way or the last one; ``able``: whether this room votes at all."""

    room: str
    able: bool
    vote: VoteShown | None
    form: VoteForm | None
    close: Button | None
    all_url: str  # of every vote of the session
    earlier: tuple[VoteShown, ...]


@dataclass(frozen=True, kw_only=True)
class Speaking:
    """Who speaks, on a screen."""

    seat: int
    name: str
    group: str
    since: datetime
    limit: float | None


@dataclass(frozen=True, kw_only=True)
class Screen:
    """parts/screen.html. ``state``: free, soon, open, hushed (not for everybody), pause, closed, ended."""

    council: str
    room: str
    title: str
    body: str
    state: str
    word: str
    begins: datetime | None
    until: datetime | None
    item: str
    speaking: tuple[Speaking, ...]
    vote: VoteShown | None


@dataclass(frozen=True, kw_only=True)
class RollRow:
    """Somebody's choice."""

    seat: int
    name: str
    group: str
    choice: str
    word: str


@dataclass(frozen=True, kw_only=True)
class RollGroup:
    """A faction, or everybody: ``name`` empty."""

    name: str
    rows: tuple[RollRow, ...]
    totals: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class VotePage:
    """vote.html: a vote to be printed."""

    chrome: Chrome
    vote: VoteShown
    session_title: str
    body: str
    opened_at: datetime
    closed_at: datetime | None
    groups: tuple[RollGroup, ...]
    by_name: bool
    path: str
    all_url: str  # of every vote of the session
    files: str  # address of the roll-call, without its ending; empty: there is none


@dataclass(frozen=True, kw_only=True)
class VotesPage:
    """votes.html: every vote of a session that whoever asks may see."""

    chrome: Chrome
    session_title: str
    body: str
    starts_at: datetime
    votes: tuple[VoteShown, ...]
