"""What each page is given: one frozen dataclass per template, nothing left to decide.

Text that needs translation is a message id, translated by the template; moments are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from dashboards.views.parts import Line, PublicSession


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry of the navigation."""

    url: str
    title: str
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class Chrome:
    """What surrounds every page. ``stream`` is the address of its live changes, empty when it has none."""

    title: str
    council: str
    language: str
    path: str
    dark: bool = False
    account: str = ""
    role: str = ""
    csrf: str = ""
    navigation: tuple[Link, ...] = ()
    stream: str = ""
    banner: str = ""
    languages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page made of parts: home.html, control.html, alerts.html. ``parts`` are rendered already."""

    chrome: Chrome
    parts: Mapping[str, Markup]


@dataclass(frozen=True, kw_only=True)
class CallsPage:
    """calls.html: the big screen of the visitors' queue."""

    chrome: Chrome
    parts: Mapping[str, Markup]
    speak: bool


@dataclass(frozen=True, kw_only=True)
class WatchPage:
    """watch.html and embed.html. ``source`` is a playlist or a file; empty: nothing to play yet."""

    chrome: Chrome
    parts: Mapping[str, Markup]
    session: PublicSession
    live: str
    recording: str
    chapters: str
    votes: str  # address of its votes; empty: there are none that everybody may see


@dataclass(frozen=True, kw_only=True)
class RoomPage:
    """room.html."""

    chrome: Chrome
    parts: Mapping[str, Markup]
    room: str
    title: str
    preview: str
    booking: BookingForm | None
    sound: bool = False


@dataclass(frozen=True, kw_only=True)
class PreparationPage:
    """preparation.html: the sheet of a room's preparation, for paper too."""

    chrome: Chrome
    parts: Mapping[str, Markup]
    room: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An option of a list."""

    value: str
    word: str
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class BookingForm:
    """parts/booking.html: what was typed, and what is wrong with it."""

    action: str
    csrf: str
    values: Mapping[str, str]
    faults: Mapping[str, str]
    kinds: tuple[Choice, ...]
    policies: tuple[Choice, ...]
    rooms: tuple[Choice, ...]
    back: str
    fixed_room: str = ""


@dataclass(frozen=True, kw_only=True)
class LoginPage:
    """login.html."""

    chrome: Chrome
    name: str
    next: str
    fault: str
    wait: int


@dataclass(frozen=True, kw_only=True)
class JournalPage:
    """journal.html."""

    chrome: Chrome
    lines: tuple[Line, ...]
    older: str


@dataclass(frozen=True, kw_only=True)
class SeatRow:
    """A seat and who sits there; ``origin`` is a message id."""

    seat: int
    name: str
    group: str
    origin: str
    substituted: bool


@dataclass(frozen=True, kw_only=True)
class CellFault:
    """What is wrong in a cell of a file; ``word`` is a message id."""

    column: str
    word: str
    value: str


@dataclass(frozen=True, kw_only=True)
class ListRow:
    """A row of a file that was looked at."""

    number: int
    name: str
    group: str
    seat: str
    card: str
    faults: tuple[CellFault, ...]


@dataclass(frozen=True, kw_only=True)
class ListPreview:
    """A list that waits for a person's word."""

    id: str
    source: str
    good: int
    bad: int
    rows: tuple[ListRow, ...]


@dataclass(frozen=True, kw_only=True)
class SeatsPage:
    """seats.html: who sits where in one session, and how that is changed."""

    chrome: Chrome
    room: str
    session: str
    session_title: str
    starts_at: datetime | None
    rows: tuple[SeatRow, ...]
    source: str
    listed: int
    without_seat: tuple[str, ...]
    may_change: bool
    preview: ListPreview | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    fault_detail: str = ""
    fault_field: str = ""


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """An account."""

    name: str
    role: str
    disabled: bool
    since: datetime
    self: bool
    rooms: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """people.html. ``password`` is shown once, to the administrator who has just set it."""

    chrome: Chrome
    people: tuple[PersonRow, ...]
    roles: tuple[Choice, ...]
    values: Mapping[str, str]
    faults: Mapping[str, str]
    password: str = ""
    password_of: str = ""


@dataclass(frozen=True, kw_only=True)
class ProblemPage:
    """problem.html: what went wrong and what to do next."""

    chrome: Chrome
    status: int
    heading: str
    advice: str
    detail: str
