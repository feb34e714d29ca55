"""Facts, past tense. Any number of listeners; never answered.

An event is plain data: numbers, text, booleans, tuples and mappings of these, aware datetimes, enums.
``number`` is given by the bus when the event is published and is its place in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from avctl.clock import now
from avctl.events.bodies import BodyEvent, BodyKept, BodyRemoved
from avctl.events.broadcasts import (
    BroadcastArmed,
    BroadcastDegraded,
    BroadcastEnded,
    BroadcastEnding,
    BroadcastFailed,
    BroadcastMeasured,
    BroadcastWanted,
    BroadcastWentLive,
    ClosedPartChecked,
    ClosedPartDoubted,
    ClosedPartEntered,
    ClosedPartLeft,
    ClosedPartProven,
    QualityReduced,
    QualityRestored,
    RecordingReady,
)
from avctl.events.building import (
    AirRaidBegan,
    AirRaidEnded,
    AirRaidEvent,
    AlarmChanged,
    BlackoutEvent,
    BlackoutKept,
    BlackoutRemoved,
    ContentApproved,
    ContentKept,
    ContentRemoved,
    EmergencyEvent,
    EmergencyLifted,
    EmergencyMissed,
    EmergencyOrdered,
    EmergencyReached,
    LoadRestored,
    LoadShed,
    LoadSpared,
    LobbyEvent,
    MainsLost,
    MainsReturned,
    PlaylistKept,
    PlaylistRemoved,
    PowerEvent,
    ResumptionSuggested,
    ScreenEvent,
    ScreenNotRestored,
    ScreenRestored,
    SuggestionDropped,
    SuspensionSuggested,
)
from avctl.events.devices import (
    DeviceEvent,
    FloorRequested,
    FloorRequestEnded,
    ItemStarted,
    Link,
    LinkChanged,
    MicClosed,
    MicOpened,
    ReadingsChanged,
    SoundMeasured,
    VerbAsked,
    VerbDone,
    VerbRefused,
    VoteClosed,
    VoteLost,
    VoteOpened,
)
from avctl.events.event import (
    Event,
    changed,
)
from avctl.events.participants import (
    ParticipantsListed,
    SeatRestored,
    SeatSubstituted,
    SpeakingTimeOver,
)
from avctl.events.people import (
    AccountChanged,
    AccountEvent,
    AlertAcknowledged,
    AlertCleared,
    AlertEvent,
    AlertRaised,
    LoggedIn,
    LoggedOut,
    LoginRefused,
    Severity,
)
from avctl.events.preparing import (
    GoldenCompared,
    GoldenRestored,
    GoldenSaved,
    LineBegun,
    LineJudged,
    PreparationBegan,
    PreparationEnded,
)
from avctl.events.queues import (
    CounterClosed,
    CounterOpened,
    TicketCalled,
    TicketEnded,
    TicketEvent,
    TicketRecalled,
    TicketServed,
    TicketTaken,
    TicketTransferred,
)
from avctl.events.rooms import (
    CamerasHeld,
    CamerasReleased,
    DiskSpaceChanged,
    Room,
    RoomEvent,
    ShotForgotten,
    ShotStored,
    SoundMuted,
    SoundRestored,
)
from avctl.events.sessions import (
    ChapterMarked,
    ClashOverridden,
    DutyTold,
    ItemCalled,
    OverlayShown,
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    QuorumNoted,
    Reason,
    SessionAmended,
    SessionBooked,
    SessionCancelled,
    SessionClosed,
    SessionEvent,
    SessionOpened,
    SessionPreparing,
    SessionReady,
    SessionResumed,
    SessionSuspended,
    SourceCut,
    SourceRestored,
    SpeakerShown,
    StandInTaken,
)

__all__ = [
    "AccountChanged",
    "AccountEvent",
    "AirRaidBegan",
    "AirRaidEnded",
    "AirRaidEvent",
    "AlarmChanged",
    "AlertAcknowledged",
    "AlertCleared",
    "AlertEvent",
    "AlertRaised",
    "BlackoutEvent",
    "BlackoutKept",
    "BlackoutRemoved",
    "BodyEvent",
    "BodyKept",
    "BodyRemoved",
    "BroadcastArmed",
    "BroadcastDegraded",
    "BroadcastEnded",
    "BroadcastEnding",
    "BroadcastFailed",
    "BroadcastMeasured",
    "BroadcastWanted",
    "BroadcastWentLive",
    "CamerasHeld",
    "CamerasReleased",
    "ChapterMarked",
    "ClashOverridden",
    "ClosedPartChecked",
    "ClosedPartDoubted",
    "ClosedPartEntered",
    "ClosedPartLeft",
    "ClosedPartProven",
    "CounterClosed",
    "CounterOpened",
    "ContentApproved",
    "ContentKept",
    "ContentRemoved",
    "DeviceEvent",
    "DiskSpaceChanged",
    "DutyTold",
    "EmergencyEvent",
    "EmergencyLifted",
    "EmergencyMissed",
    "EmergencyOrdered",
    "EmergencyReached",
    "Event",
    "FloorRequestEnded",
    "FloorRequested",
    "GoldenCompared",
    "GoldenRestored",
    "GoldenSaved",
    "ItemCalled",
    "ItemStarted",
    "LineBegun",
    "LineJudged",
    "Link",
    "LinkChanged",
    "LoadRestored",
    "LoadShed",
    "LoadSpared",
    "LobbyEvent",
    "LoggedIn",
    "LoggedOut",
    "LoginRefused",
    "MainsLost",
    "MainsReturned",
    "MicClosed",
    "MicOpened",
    "OverlayShown",
    "ParticipantsListed",
    "PlaylistKept",
    "PlaylistRemoved",
    "PowerEvent",
    "PreparationBegan",
    "PreparationEnded",
    "QualityReduced",
    "QualityRestored",
    "QuestionDecided",
    "QuestionLost",
    "QuestionPut",
    "QuorumNoted",
    "ReadingsChanged",
    "Reason",
    "RecordingReady",
    "ResumptionSuggested",
    "Room",
    "RoomEvent",
    "ScreenEvent",
    "ScreenNotRestored",
    "ScreenRestored",
    "SeatRestored",
    "SeatSubstituted",
    "SessionAmended",
    "SessionBooked",
    "SessionCancelled",
    "SessionClosed",
    "SessionEvent",
    "SessionOpened",
    "SessionPreparing",
    "SessionReady",
    "SessionResumed",
    "SessionSuspended",
    "Severity",
    "ShotForgotten",
    "ShotStored",
    "SoundMeasured",
    "SoundMuted",
    "SoundRestored",
    "SourceCut",
    "SourceRestored",
    "SpeakerShown",
    "SpeakingTimeOver",
    "StandInTaken",
    "TicketCalled",
    "TicketEnded",
    "TicketEvent",
    "TicketRecalled",
    "TicketServed",
    "TicketTaken",
    "TicketTransferred",
    "SuggestionDropped",
    "SuspensionSuggested",
    "VerbAsked",
    "VerbDone",
    "VerbRefused",
    "VoteClosed",
    "VoteLost",
    "VoteOpened",
    "changed",
    "decode",
    "encode",
    "kinds",
    "now",
    "subject_of",
]


SUBJECTS = (
    *("device", "account", "subject", "alert", "body"),
    *("content", "playlist", "blackout", "emergency"),
)


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
    """What the event is about: a device, a session, a room, an account, an alert's subject, a body, a
    content of screens."""
    if isinstance(event, RoomEvent):
        return event.room
    if isinstance(event, SessionEvent):
        return event.session
    for name in SUBJECTS:
        value = getattr(event, name, None)
        if value:
            return str(value)
    return ""
