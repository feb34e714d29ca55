"""What each part of a page is given: one frozen dataclass per template, nothing left to decide.

Text that needs translation is a message id, translated by the template; moments are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Button:
    """Something that can be asked for now; a dangerous one asks ``again`` before it does."""

    id: str
    url: str
    label: str
    kind: str = ""
    key: str = ""
    again: str = ""
    values: str = ""


@dataclass(frozen=True, kw_only=True)
class Air:
    """What viewers have now.

    ``state``: none, or that of the broadcast. ``on``: viewers have a picture; ``going``: it was asked for,
    and they have none yet. ``fault`` is in the words of whoever reported it; ``slate`` is the name of the
    slate viewers see instead of the hall; ``sources`` has what each sends, by its id.
    """

    state: str = "none"
    on: bool = False
    going: bool = False
    since: datetime | None = None
    fault: str = ""
    music_fault: str = ""
    recording: bool = False
    slate: str = ""
    name: str = ""
    role: str = ""
    recorded: int = 0
    kbps: tuple[tuple[str, int], ...] = ()
    restarts: int = 0
    advancing: bool | None = None
    growing: bool | None = None
    source: str = ""
    latency: int | None = None
    viewers: int = 0
    loudness: tuple[tuple[str, str], ...] = ()
    sources: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    closed_at: datetime | None = None
    proven_at: datetime | None = None
    doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class State:
    """A state block: its look, its shape, its word and since when. ``until`` counts down to a moment."""

    look: str
    shape: str
    word: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AlertView:
    """An alert, as the pages say it."""

    id: str
    severity: str
    severity_word: str
    subject: str
    word: str
    detail: str
    since: datetime
    until: datetime | None
    acknowledged_by: str
    acknowledged_reason: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Strip:
    """parts/strip.html: how many alerts, and the most urgent one."""

    count: int
    first: AlertView | None


@dataclass(frozen=True, kw_only=True)
class Tile:
    """parts/tile.html: a room at a glance."""

    room: str
    title: str
    state: State
    fault: bool
    session: str
    session_title: str
    starts_at: datetime | None
    item: str
    seat: int
    speaker: str
    speaker_role: str
    speaks_since: datetime | None
    online: int
    devices: int
    faults: tuple[str, ...]
    air: Air
    buttons: tuple[Button, ...]


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """parts/tiles.html: every room, the one that needs a person first."""

    rooms: tuple[Tile, ...]
    watching: int


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """When a sitting will end: the item under way is done at ``free_at``, then come ``rest`` seconds.

    ``ends_at`` is the planned end.
    """

    free_at: datetime
    rest: float
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Bar:
    """parts/bar.html: room, session, phase, time; red across while on air, violet in a closed part."""

    room: str
    title: str
    session_title: str
    phase: str
    states: tuple[State, ...]
    closed: bool
    air: Air
    starts_at: datetime | None
    ends_at: datetime | None
    outlook: Outlook | None


@dataclass(frozen=True, kw_only=True)
class Work:
    """parts/work.html: the buttons in the order of work, and what preparation could not do."""

    room: str
    session: str
    session_title: str
    phase: str
    starts_at: datetime | None
    faults: tuple[str, ...]
    preparing: bool
    buttons: tuple[Button, ...]
    lengths: Lengths | None
    may_run: bool
    may_book: bool
    before: Before | None


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long an interruption may take; ``until``: when the present one ends, None when it is not known."""

    word: str
    until: datetime | None
    buttons: tuple[Button, ...]


@dataclass(frozen=True, kw_only=True)
class Before:
    """The session that ended last in a room; ``recorded`` once its recording can be played."""

    id: str
    title: str
    ended_at: datetime
    recorded: bool
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of the programme."""

    id: str
    title: str
    link: str
    word: str
    since: datetime
    stand_in: bool
    shown: bool
    picture: str
    fps: str
    audio: str
    dropped: int
    repeated: int
    cut: Button | None
    restore: Button | None


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Somewhere else the programme goes to."""

    title: str
    live: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Programme:
    """parts/programme.html: what goes out, where to, and the name in the picture."""

    session: str
    air: Air
    slate: str
    sources: tuple[Source, ...]
    platforms: tuple[Platform, ...]
    reduced: str  # what is encoded because the machine is too slow for everything; empty: everything is
    watch: str
    off: Button | None


@dataclass(frozen=True, kw_only=True)
class MosaicRoom:
    """One room of the multiview."""

    room: str
    title: str
    state: State
    on: bool
    viewers: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """parts/mosaic.html: every room's programme and sources, as pictures."""

    rooms: tuple[MosaicRoom, ...]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A seat that speaks or waits."""

    seat: int
    name: str
    group: str
    chairman: bool
    since: datetime
    buttons: tuple[Button, ...]
    limit: float | None = None  # seconds
    over: bool = False


@dataclass(frozen=True, kw_only=True)
class FloorView:
    """parts/floor.html: who speaks and who waits."""

    device: str
    known: bool
    item: str
    speakers: tuple[Person, ...]
    waiting: tuple[Person, ...]
    buttons: tuple[Button, ...]
    may_operate: bool


@dataclass(frozen=True, kw_only=True)
class Item:
    """A question of the agenda; ``now`` while it is considered."""

    number: str
    title: str
    now: bool
    speaker: str = ""
    document: str = ""
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """parts/alerts.html: what is raised and what was; ``reasons`` lately given are offered again."""

    raised: tuple[AlertView, ...]
    cleared: tuple[AlertView, ...]
    reasons: tuple[str, ...]
    may_acknowledge: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the log or the journal. ``word`` and ``detail_word`` are message ids."""

    number: int
    at: datetime
    actor: str
    subject: str
    word: str
    detail_word: str = ""
    detail: str = ""
    device: str = ""
    look: str = ""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """parts/log.html: the last acts."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class PublicSession:
    """A session as the public sees it. ``state``: soon, live, break, closed, ended, recording, cancelled.

    ``goes_on``: when a broadcast that is interrupted does, where no time is known.
    ``kept``: it has a recording, now or later. Closed items of its ``agenda`` have a number and nothing else.
    """

    id: str
    title: str
    body: str
    kind: str
    room: str
    starts_at: datetime
    ends_at: datetime
    state: str
    word: str
    goes_on: str
    since: datetime | None
    until: datetime | None
    on_air: bool
    will_air: bool
    kept: bool
    recorded: bool
    release_at: datetime | None
    item: str
    speaker: str
    speaker_role: str
    agenda: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Home:
    """parts/home.html: on air, next, archive."""

    on_air: tuple[PublicSession, ...]
    next: tuple[PublicSession, ...]
    archive: tuple[PublicSession, ...]


@dataclass(frozen=True, kw_only=True)
class Now:
    """parts/now.html: what happens in the session that is being watched."""

    session: PublicSession
