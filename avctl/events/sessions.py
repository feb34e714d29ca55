"""What became of sessions, and what was shown of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from avctl.events.event import Event


class Reason(StrEnum):
    """Why a session is suspended."""

    BREAK = "break"
    TECHNICAL = "technical"
    CLOSED = "closed"
    AIR_RAID = "air_raid"
    POWER = "power"


@dataclass(frozen=True, kw_only=True)
class SessionEvent(Event):
    """Something that happened to a session."""

    session: str


@dataclass(frozen=True, kw_only=True)
class SessionBooked(SessionEvent):
    """A session was entered in the schedule. ``details`` has the fields of the booking."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class SessionAmended(SessionEvent):
    """Fields of the booking were changed; ``before`` has them as they were."""

    details: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DutyTold(SessionEvent):
    """A person on duty was told what became of the session, or could not be; ``problem`` says why."""

    person: str
    change: str
    told: bool
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ClashOverridden(SessionEvent):
    """Somebody who may booked what clashes, and said why. ``clashes`` says with what."""

    reason: str
    clashes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SessionPreparing(SessionEvent):
    """The room is being brought to its wanted state."""


@dataclass(frozen=True, kw_only=True)
class SessionReady(SessionEvent):
    """The preparation ended; ``faults`` says what could not be made ready."""

    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SessionOpened(SessionEvent):
    """The sitting began."""


@dataclass(frozen=True, kw_only=True)
class SessionSuspended(SessionEvent):
    """The sitting was interrupted; ``until``: when it is to go on, as far as that is known."""

    reason: Reason
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SessionResumed(SessionEvent):
    """The sitting went on."""


@dataclass(frozen=True, kw_only=True)
class SessionClosed(SessionEvent):
    """The sitting ended."""


@dataclass(frozen=True, kw_only=True)
class SessionCancelled(SessionEvent):
    """The sitting will not take place; ``reason`` as far as somebody gave one."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ItemCalled(SessionEvent):
    """An agenda item was begun by hand; ``place`` is where it stands in the agenda, from 1."""

    place: int
    item: str
    title: str
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class QuorumNoted(SessionEvent):
    """How many members are there was noted for the minutes; ``quorum`` is how many must be."""

    present: int
    quorum: int


@dataclass(frozen=True, kw_only=True)
class SpeakerShown(SessionEvent):
    """The lower third of the programme changed; both empty: it was taken off."""

    name: str
    role: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceCut(SessionEvent):
    """Another source is the hall."""

    source: str


@dataclass(frozen=True, kw_only=True)
class OverlayShown(SessionEvent):
    """Something was written over the hall's picture, or taken off."""

    overlay: str
    shown: bool


@dataclass(frozen=True, kw_only=True)
class StandInTaken(SessionEvent):
    """A source has no picture: its stand-in is shown for it."""

    source: str
    using: str


@dataclass(frozen=True, kw_only=True)
class SourceRestored(SessionEvent):
    """The main feed of a source is used again."""

    source: str


@dataclass(frozen=True, kw_only=True)
class QuestionPut(SessionEvent):
    """A question was put to the vote; ``vote`` is its number in the session, ``round`` the system's own id.

    By ``threshold``, ``elected`` and ``quorum`` it will be decided; ``present``: as somebody said.
    """

    vote: int
    title: str
    device: str
    round: str
    threshold: str
    elected: int
    quorum: int
    item: str = ""
    present: int | None = None
    closed_part: bool = False


@dataclass(frozen=True, kw_only=True)
class QuestionDecided(SessionEvent):
    """A vote has its result: ``counts`` by choice, ``ballots`` by seat (``name``, ``group``, ``choice``)."""

    vote: int
    title: str
    outcome: str
    present: int
    counts: Mapping[str, int]
    ballots: Mapping[str, Mapping[str, str]]
    closed_part: bool = False


@dataclass(frozen=True, kw_only=True)
class QuestionLost(SessionEvent):
    """A vote has no result that could be believed, and has to be repeated."""

    vote: int
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ChapterMarked(SessionEvent):
    """A moment of the recording worth finding again. ``kind``: item, speaker, phase."""

    kind: str
    title: str
