"""Facts, past tense. Any number of listeners; never answered.

An event is plain data: numbers, text, booleans, tuples and mappings of these, aware datetimes, enums.
``number`` is given by the bus when the event is published and is its place in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from pydantic import TypeAdapter


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


class Link(StrEnum):
    """What we know of the connection to a device."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a session is suspended."""

    BREAK = "break"
    TECHNICAL = "technical"
    CLOSED = "closed"
    AIR_RAID = "air_raid"


class Severity(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. ``actor`` is the account that caused it; empty when nobody did."""

    transient: ClassVar[bool] = False  # true: shown to viewers, not worth the journal

    at: datetime = field(default_factory=now)
    actor: str = ""
    number: int = 0


# --- devices ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DeviceEvent(Event):
    """Something a device did or said."""

    device: str


@dataclass(frozen=True, kw_only=True)
class LinkChanged(DeviceEvent):
    """The connection to a device came or went."""

    link: Link
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadingsChanged(DeviceEvent):
    """Values a device reports, only those that differ from before."""

    readings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MicOpened(DeviceEvent):
    """A microphone went live."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class MicClosed(DeviceEvent):
    """A microphone went silent."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class FloorRequested(DeviceEvent):
    """A participant asked for the floor and waits."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class FloorRequestEnded(DeviceEvent):
    """A participant no longer waits: got the floor, withdrew or was refused."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class ItemStarted(DeviceEvent):
    """The discussion system opened an agenda item; ``title`` is empty when it closed the last one."""

    item: str
    title: str


@dataclass(frozen=True, kw_only=True)
class VerbAsked(DeviceEvent):
    """Somebody asked a device to do something."""

    verb: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VerbDone(DeviceEvent):
    """The device did what was asked and its readings say so."""

    verb: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VerbRefused(DeviceEvent):
    """The device did not do what was asked."""

    verb: str
    arguments: Mapping[str, Any]
    reason: str


# --- sessions --------------------------------------------------------------------------------------


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
    """Fields of the booking were changed."""

    details: Mapping[str, Any]


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
    """The sitting was interrupted."""

    reason: Reason


@dataclass(frozen=True, kw_only=True)
class SessionResumed(SessionEvent):
    """The sitting went on."""


@dataclass(frozen=True, kw_only=True)
class SessionClosed(SessionEvent):
    """The sitting ended."""


@dataclass(frozen=True, kw_only=True)
class SessionCancelled(SessionEvent):
    """The sitting will not take place."""


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
class ChapterMarked(SessionEvent):
    """A moment of the recording worth finding again. ``kind``: item, speaker, phase."""

    kind: str
    title: str


# --- broadcasts ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BroadcastWanted(SessionEvent):
    """Somebody asked for the programme to be public, or to be dark."""

    live: bool


@dataclass(frozen=True, kw_only=True)
class BroadcastArmed(SessionEvent):
    """The runner is up; nothing is public yet."""


@dataclass(frozen=True, kw_only=True)
class BroadcastWentLive(SessionEvent):
    """The public playlist advances."""


@dataclass(frozen=True, kw_only=True)
class BroadcastDegraded(SessionEvent):
    """On air, but not as it should be."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class BroadcastEnding(SessionEvent):
    """The runner was told to end: outputs are being closed."""


@dataclass(frozen=True, kw_only=True)
class BroadcastEnded(SessionEvent):
    """The programme ended and its files are closed."""


@dataclass(frozen=True, kw_only=True)
class BroadcastFailed(SessionEvent):
    """The programme cannot be kept up."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class ClosedPartEntered(SessionEvent):
    """Nothing of the hall is in any output from here on."""


@dataclass(frozen=True, kw_only=True)
class ClosedPartProven(SessionEvent):
    """The public output was looked at and listened to, and nothing of the hall is in it."""


@dataclass(frozen=True, kw_only=True)
class ClosedPartChecked(SessionEvent):
    """It was looked at again and is still so."""

    transient: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class ClosedPartDoubted(SessionEvent):
    """The public output is not what a closed part shows, or it could not be looked at."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class ClosedPartLeft(SessionEvent):
    """The hall is seen again."""


@dataclass(frozen=True, kw_only=True)
class BroadcastMeasured(SessionEvent):
    """Numbers of the programme: loudness, bitrate, latency, restarts."""

    transient: ClassVar[bool] = True

    meters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RecordingReady(SessionEvent):
    """The recording can be played; ``seconds`` is its length, ``size`` its bytes."""

    seconds: float
    size: int


# --- the machine -----------------------------------------------------------------------------------


class Room(StrEnum):
    """How much of a disk is free."""

    ENOUGH = "enough"
    LOW = "low"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class DiskSpaceChanged(Event):
    """A disk of recordings has more, or less, room than before; ``percent`` is free."""

    folder: str
    room: Room
    percent: float


# --- alerts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AlertEvent(Event):
    """Something about an alert."""

    alert: str


@dataclass(frozen=True, kw_only=True)
class AlertRaised(AlertEvent):
    """Something a person must see."""

    rule: str
    subject: str
    severity: Severity
    text: str


@dataclass(frozen=True, kw_only=True)
class AlertCleared(AlertEvent):
    """The cause is gone."""


@dataclass(frozen=True, kw_only=True)
class AlertAcknowledged(AlertEvent):
    """A person has it in hand."""

    reason: str


# --- people ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AccountEvent(Event):
    """Something about an account."""

    account: str


@dataclass(frozen=True, kw_only=True)
class LoggedIn(AccountEvent):
    """A person logged in, from a network address."""

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class LoggedOut(AccountEvent):
    """A person logged out."""


@dataclass(frozen=True, kw_only=True)
class LoginRefused(AccountEvent):
    """Somebody tried a wrong name or password, from a network address."""

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountChanged(AccountEvent):
    """An account was added, disabled, or given a new password or token; ``change`` says which."""

    change: str


# --- reading them back -----------------------------------------------------------------------------


@cache
def kinds() -> Mapping[str, type[Event]]:
    """Every kind of event by its name."""
    found: dict[str, type[Event]] = {}
    todo: list[type[Event]] = [Event]
    while todo:
        kind = todo.pop()
        children = kind.__subclasses__()
        todo.extend(children)
        if not children:
            found[kind.__name__] = kind
    return found


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(kinds()[kind])


def encode(event: Event) -> dict[str, Any]:
    """The event as JSON data, with its kind under ``event``."""
    data: dict[str, Any] = _adapter(type(event).__name__).dump_python(event, mode="json")
    return {"event": type(event).__name__, **data}


def decode(data: Mapping[str, Any]) -> Event:
    """The event of what ``encode`` gave; KeyError for a kind this version does not know."""
    fields = dict(data)
    event: Event = _adapter(fields.pop("event")).validate_python(fields)
    return event


def subject_of(event: Event) -> str:
    """What the event is about: a device, a session, an account or an alert's subject."""
    for name in ("device", "session", "account", "subject", "alert"):
        value = getattr(event, name, None)
        if value:
            return str(value)
    return ""
