"""Lines of the log and of the journal: what happened, in the words of the pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from pydantic import ValidationError

from avctl.errors import NotFound
from avctl.events import (
    AlarmChanged,
    AlertAcknowledged,
    AlertCleared,
    AlertEvent,
    AlertRaised,
    BroadcastDegraded,
    BroadcastFailed,
    ChapterMarked,
    ClashOverridden,
    ClosedPartDoubted,
    ContentApproved,
    ContentKept,
    CounterClosed,
    CounterOpened,
    DeviceEvent,
    DutyTold,
    EmergencyMissed,
    EmergencyOrdered,
    EmergencyReached,
    Event,
    GoldenCompared,
    GoldenRestored,
    ItemCalled,
    ItemStarted,
    LineJudged,
    Link,
    LinkChanged,
    LoadRestored,
    LoadShed,
    LoadSpared,
    MicClosed,
    MicOpened,
    OverlayShown,
    ParticipantsListed,
    PlaylistKept,
    PreparationBegan,
    PreparationEnded,
    QualityReduced,
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    QuorumNoted,
    ReadingsChanged,
    RecordingReady,
    RoomEvent,
    ScreenNotRestored,
    SeatRestored,
    SeatSubstituted,
    SessionAmended,
    SessionCancelled,
    SessionEvent,
    SessionReady,
    SessionSuspended,
    ShotForgotten,
    ShotStored,
    SoundMuted,
    SoundRestored,
    SourceCut,
    SourceRestored,
    SpeakerShown,
    SpeakingTimeOver,
    StandInTaken,
    SuggestionDropped,
    TicketEnded,
    TicketEvent,
    VerbAsked,
    VerbDone,
    VerbRefused,
    decode,
    subject_of,
)
from avctl.model.account import Act, Role, permitted
from avctl.model.preparation import Stage
from avctl.model.vote import Outcome
from avctl.services.controller import Controller
from avctl.store.records import Filter, JournalRow
from dashboards import views
from dashboards.happened_words import HAPPENED
from dashboards.house import room_of_subject
from dashboards.words import ALARMS, LINKS, OUTCOMES, OVERLAYS, REASONS, RULES, SLATES, STAGES, TICKETS, VERBS

KEPT = 40
QUIET = (SpeakerShown, ChapterMarked, PreparationBegan, LineJudged)
# Acts of avctl itself that a technician does not want between the people's.
BY_ITSELF = ("follow", "preparation", "votes", "")
TOLD = (
    *("ItemCalled", "Quorum"),
    *("Session", "Clash", "Duty", "Broadcast", "Alert", "Recording", "ClosedPart", "Source", "StandIn"),
    *("Cameras", "Shot", "Question", "Participants", "Seat", "Speaking", "Sound", "Golden"),
    *("Suspension", "Resumption", "Suggestion"),
    *("VerbDone", "VerbRefused"),
)
LOGGED = tuple(name for name in HAPPENED if name.startswith(TOLD))


class Diary:
    """The last acts of each room, so that a page need not ask the store."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._rooms: dict[str, deque[Event]] = {
            room.id: deque(maxlen=KEPT) for room in controller.config.rooms
        }
        self._filled = False
        controller.bus.listen(self._hear, SessionEvent, RoomEvent, AlertEvent, VerbDone, VerbRefused)

    async def fill(self) -> None:
        """Take in what happened before the start; once."""
        if self._filled:
            return
        self._filled = True
        rows = await self._controller.journal.page(limit=300, which=Filter(kinds=LOGGED))
        known = {event.number for events in self._rooms.values() for event in events}
        for row in rows:
            event = event_of(row)
            room = "" if event is None or event.number in known else self._room(event)
            if event is not None and room and len(self._rooms[room]) < KEPT:
                self._rooms[room].appendleft(event)

    def lines(self, controller: Controller, subject: str, role: Role | None, language: str) -> views.Lines:
        """The last acts of a room, the latest first."""
        events = self._rooms.get(subject, ())
        return views.Lines(lines=tuple(line_of(controller, event, role) for event in reversed(events)))

    def _hear(self, event: Event) -> None:
        if room := self._room(event):
            self._rooms[room].append(event)

    def _room(self, event: Event) -> str:
        """The room whose log an event belongs to; empty when it belongs to none."""
        if event.transient or isinstance(event, QUIET):
            return ""
        if isinstance(event, VerbDone | OverlayShown) and event.actor in BY_ITSELF:
            return ""
        if isinstance(event, RoomEvent):
            room = event.room
        else:
            room = room_of_subject(self._controller, _subject(self._controller, event))
        return room if room in self._rooms else ""


def event_of(row: JournalRow) -> Event | None:
    """The event of a line; None when this version does not know it any more."""
    try:
        return decode({**row.data, "number": row.number})
    except (KeyError, ValidationError):
        return None


def _subject(controller: Controller, event: Event) -> str:
    if isinstance(event, AlertAcknowledged | AlertCleared):
        try:
            return controller.alerts.get(event.alert).subject
        except NotFound:
            return ""
    return subject_of(event)


def line_of(controller: Controller, event: Event, role: Role | None) -> views.Line:
    """An event as a line, for somebody with this role."""
    subject = _subject(controller, event)
    device = ""
    if isinstance(event, DeviceEvent | AlertEvent) and subject in controller.house:
        subject = device = controller.house.state(subject).title
    detail_word, detail, look = _detail(event)
    if _veiled(event, role):
        detail_word, detail = _verb(event) if isinstance(event, VerbDone | VerbRefused) else "", ""
    if isinstance(event, SessionSuspended) and event.until is not None:
        detail = f"{event.until.astimezone(controller.config.site.zone):→ %H:%M}"
    return views.Line(
        number=event.number,
        at=event.at,
        actor=event.actor,
        subject=subject,
        word=HAPPENED.get(type(event).__name__, type(event).__name__),
        detail_word=detail_word,
        detail=detail,
        device=device if isinstance(event, DeviceEvent) else "",
        look=look,
    )


def _veiled(event: Event, role: Role | None) -> bool:
    """Whether it may tell of a vote in a closed part, to somebody who may not see those."""
    if role is not None and permitted(role, Act.CLOSE_PARTS):
        return False
    match event:
        case QuestionPut() | QuestionDecided():
            return event.closed_part
        case VerbAsked() | VerbDone() | VerbRefused():
            return event.verb == "open_vote"
    return isinstance(event, QuestionLost)


def _detail(event: Event) -> tuple[str, str, str]:
    """(a message id, plain text, a look) of what is worth saying beside the kind of event."""
    match event:
        case VerbDone() | VerbAsked():
            return _verb(event), _arguments(event.arguments.values()), ""
        case VerbRefused():
            return _verb(event), event.reason, "fault"
        case SessionSuspended():
            return REASONS[event.reason], "", ""
        case SessionAmended() | SessionCancelled():
            return "", event.reason, ""
        case ClashOverridden():
            return "", f"{event.reason} ({'; '.join(event.clashes)})", "fault"
        case DutyTold():
            return "", f"{event.person}: {event.problem}" if event.problem else event.person, ""
        case SessionReady():
            return "", "; ".join(event.faults), "fault" if event.faults else ""
        case PreparationEnded():
            return STAGES[Stage(event.stage)], "", ""
        case GoldenCompared():
            return "", ", ".join(event.differing) or "–", "fault" if event.differing else ""
        case GoldenRestored():
            told = ", ".join(event.settings)
            return "", "; ".join((told, *event.faults)).strip("; "), "fault" if event.faults else ""
        case BroadcastDegraded() | BroadcastFailed() | ClosedPartDoubted():
            return "", event.reason, "fault"
        case AlertRaised():
            return RULES.get(event.rule, ""), event.text, "fault"
        case AlertAcknowledged():
            return "", event.reason, ""
        case LinkChanged():
            return LINKS[event.link], event.reason, "fault" if event.link is Link.OFFLINE else ""
        case ReadingsChanged():
            return "", ", ".join(event.readings), ""
        case MicOpened() | MicClosed():
            return "", str(event.seat), ""
        case TicketEnded():
            return TICKETS.get(event.outcome, ""), event.ticket, ""
        case TicketEvent():
            return "", f"{event.ticket} → {event.counter}" if event.counter else event.ticket, ""
        case CounterOpened() | CounterClosed():
            return "", event.counter, ""
        case ItemStarted():
            return "", event.title, ""  # its number may be the system's own key
        case ItemCalled():
            return "", f"{event.item} {event.title}".strip(), ""
        case QuorumNoted():
            return "", f"{event.present}/{event.quorum}", "" if event.present >= event.quorum else "fault"
        case SpeakerShown():
            return "", event.name, ""
        case OverlayShown():
            return OVERLAYS.get(event.overlay, ""), "" if event.shown else "–", ""
        case SourceCut() | SourceRestored():
            return "", event.source, ""
        case ShotStored():
            return "", f"{event.seat}: {event.camera}, {event.preset}", ""
        case ShotForgotten():
            return "", f"{event.seat}: {event.camera}", ""
        case ParticipantsListed():
            return "", f"{event.source}: {len(event.people)}", ""
        case SeatSubstituted():
            return "", f"{event.seat}: {event.name or '–'}", ""
        case SeatRestored():
            return "", str(event.seat), ""
        case SpeakingTimeOver():
            return "", f"{event.seat} {event.name}".strip(), ""
        case SoundMuted() | SoundRestored():
            return "", ", ".join(event.channels), ""
        case StandInTaken():
            return "", event.using, "fault"
        case QualityReduced():
            return "", event.to, "fault"
        case QuestionPut():
            return "", f"№ {event.vote} {event.title}", ""
        case QuestionDecided():
            return OUTCOMES[Outcome(event.outcome)], f"№ {event.vote} {event.title}", ""
        case QuestionLost():
            return "", f"№ {event.vote} {event.title}: {event.reason}", "fault"
        case ChapterMarked():
            return "", event.title, ""
        case RecordingReady():
            return "", f"{event.seconds / 60:.0f} min", ""
        case AlarmChanged():
            said = ", ".join(f"{name}: {word}" for name, word in event.said.items())
            return ALARMS.get(event.alarm, ""), said, "fault" if event.alarm == "unknown" else ""
        case EmergencyOrdered():
            return SLATES["air_raid"] if event.kind == "air_raid" else "", event.text, "fault"
        case EmergencyReached():
            return "", f"{event.device}: {event.seconds:.1f} s", ""
        case EmergencyMissed() | ScreenNotRestored():
            return "", f"{event.device}: {event.reason}", "fault"
        case ContentKept() | ContentApproved() | PlaylistKept():
            return "", f"№ {event.version}", ""
        case LoadShed() | LoadRestored():
            return "", " ".join(filter(None, (event.load, event.fault))), "fault" if event.fault else ""
        case LoadSpared():
            return "", event.load, ""
        case SuggestionDropped():
            return "", event.reason, ""
        case _:
            return "", "", ""


def _verb(event: VerbAsked | VerbDone | VerbRefused) -> str:
    """What was asked of the device: "switch on" says more than "power"."""
    values = " ".join(str(value) for value in event.arguments.values())
    return VERBS.get(f"{event.verb} {values}", VERBS.get(event.verb, event.verb))


def _arguments(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values if not isinstance(value, bool))
