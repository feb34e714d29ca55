"""What each page is given: one frozen dataclass per template, nothing left to decide.

Text that needs translation is a message id, translated by the template; moments are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from dashboards.views.parts import Button, Line, PublicSession


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
    languages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page made of parts: home.html, control.html, alerts.html. ``parts`` are rendered already."""

    chrome: Chrome
    parts: Mapping[str, Markup]


@dataclass(frozen=True, kw_only=True)
class WatchPage:
    """watch.html and embed.html. ``source`` is a playlist or a file; empty: nothing to play yet."""

    chrome: Chrome
    parts: Mapping[str, Markup]
    session: PublicSession
    live: str
    recording: str
    chapters: str


@dataclass(frozen=True, kw_only=True)
class RoomPage:
    """room.html."""

    chrome: Chrome
    parts: Mapping[str, Markup]
    room: str
    title: str
    preview: str
    booking: BookingForm | None


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
class SchedulePage:
    """schedule.html."""

    chrome: Chrome
    days: tuple[tuple[datetime, tuple[ScheduleRow, ...]], ...]
    booking: BookingForm | None


@dataclass(frozen=True, kw_only=True)
class ScheduleRow:
    """A session in the schedule."""

    id: str
    title: str
    body: str
    room: str
    room_url: str
    starts_at: datetime
    ends_at: datetime
    kind: str
    policy: str
    phase: str
    off_site: bool
    cancel: Button | None


@dataclass(frozen=True, kw_only=True)
class JournalPage:
    """journal.html."""

    chrome: Chrome
    lines: tuple[Line, ...]
    older: str


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """An account."""

    name: str
    role: str
    disabled: bool
    since: datetime
    self: bool


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
