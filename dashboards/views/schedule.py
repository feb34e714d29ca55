"""What the pages of the schedule are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboards.views.pages import Choice, Chrome


@dataclass(frozen=True, kw_only=True)
class SchedulePage:
    """schedule.html: the calendar fetches its sessions itself."""

    chrome: Chrome
    day: str
    lanes: tuple[Mapping[str, str], ...]
    may_book: bool
    may_override: bool
    may_manage: bool


@dataclass(frozen=True, kw_only=True)
class Note:
    """What somebody else changed while the form was open; ``clashes`` when it was changed here too."""

    who: str
    field: str
    text: str
    clashes: bool


@dataclass(frozen=True, kw_only=True)
class SessionForm:
    """A session as a form; ``version`` is 0 for one that is not booked yet."""

    action: str
    csrf: str
    values: Mapping[str, str]
    version: int
    kinds: tuple[Choice, ...]
    policies: tuple[Choice, ...]
    rooms: tuple[Choice, ...]
    sources: tuple[Choice, ...]
    bodies: tuple[str, ...]
    people: tuple[Choice, ...]
    templates: tuple[Choice, ...]
    repeats: tuple[Choice, ...]
    scopes: tuple[Choice, ...]
    items: tuple[Mapping[str, str], ...]
    rule: str
    phase: str
    cancelled_because: str
    changed_by: str
    changed_at: datetime | None
    may_change: bool
    may_cancel: bool
    may_repeat: bool
    people_url: str
    votes_url: str
    rule_scopes: tuple[Choice, ...]
    may_override: bool


@dataclass(frozen=True, kw_only=True)
class SessionPage:
    """session.html."""

    chrome: Chrome
    form: SessionForm
    faults: Mapping[str, str]
    clashes: tuple[str, ...]
    notes: tuple[Note, ...]
    without_mains: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ImportFault:
    """What is wrong in a line: the column as people know it, what was expected, what stands there."""

    field: str
    expected: str
    got: str


@dataclass(frozen=True, kw_only=True)
class ImportLine:
    """A line of a list."""

    number: int
    verdict: str
    word: str
    title: str
    starts_at: datetime | None
    ends_at: datetime | None
    room: str
    fields: tuple[str, ...]
    faults: tuple[ImportFault, ...]
    url: str


@dataclass(frozen=True, kw_only=True)
class ImportPage:
    """import.html. ``id`` is of the list that waits; empty: none does. ``done``: it has been booked."""

    chrome: Chrome
    fault: str = ""
    id: str = ""
    done: bool = False
    good: int = 0
    same: int = 0
    bad: int = 0
    unknown: tuple[str, ...] = ()
    lines: tuple[ImportLine, ...] = ()
    headings: tuple[str, ...] = ()
    item_headings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BodyRow:
    """Who sits."""

    id: str
    name: str
    name_en: str
    kind: str
    templates: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BodiesPage:
    """bodies.html: the list, and the form of one of them."""

    chrome: Chrome
    bodies: tuple[BodyRow, ...]
    values: Mapping[str, str]
    kinds: tuple[Choice, ...]
    faults: Mapping[str, str]
    sitting_kinds: tuple[Choice, ...]
    policies: tuple[Choice, ...]
    rooms: tuple[Choice, ...]
    chosen: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """account.html: one's own contact and calendar. ``address`` is shown once, when it was made."""

    chrome: Chrome
    contact: bool
    address: str = ""
    blackouts: str = ""
    fault: str = ""
    public: tuple[Choice, ...] = ()
