"""Which parts of the pages an event may have changed."""

from __future__ import annotations

from collections.abc import Iterator

from avctl.events import (
    AirRaidEvent,
    AlertEvent,
    BlackoutEvent,
    ChapterMarked,
    ClosedPartChecked,
    DeviceEvent,
    EmergencyEvent,
    Event,
    FloorRequested,
    FloorRequestEnded,
    GoldenCompared,
    GoldenRestored,
    GoldenSaved,
    ItemStarted,
    LineBegun,
    LineJudged,
    LinkChanged,
    LobbyEvent,
    OverlayShown,
    PowerEvent,
    ReadingsChanged,
    RoomEvent,
    SessionAmended,
    SessionBooked,
    SessionCancelled,
    SessionEvent,
    SourceCut,
    SpeakerShown,
    SpeakingTimeOver,
    VerbAsked,
    VerbDone,
    VerbRefused,
    subject_of,
)
from avctl.services.controller import Controller
from dashboards.buttons import PROGRAMME, SOURCE
from dashboards.house import room_of_subject

Touch = tuple[str, str]

OF_SESSION = ("bar", "work", "programme", "floor", "vote", "screen", "cameras", "log")
# With each speaker: neither the agenda nor the preparation is another, and both may be long.
OF_SPEAKERS = (SpeakerShown, ChapterMarked, SourceCut, OverlayShown, SpeakingTimeOver)
OF_PREPARATION = ("preparation", "sheet")
OF_PROGRAMME = ("bar", "work", "programme")
OF_EMERGENCY = ("banner", "emergency", "lobby")
VOTES = {"vote", "voted", "vote_counts"}
OF_ALERT = ("alerts", "log")
VERBS = (VerbAsked, VerbDone, VerbRefused)


class Touched:
    """Knows which room, device or session an event belongs to, and what is shown of it."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def room(self, event: Event) -> str:
        """The room an event belongs to; empty when none."""
        if isinstance(event, RoomEvent):
            return event.room
        return room_of_subject(self._controller, subject_of(event))

    def by(self, event: Event) -> Iterator[Touch]:
        """The parts, each with its subject."""
        match event:
            case VerbAsked() | VerbDone() | VerbRefused():
                yield "log", self.room(event)
            case DeviceEvent():
                yield from self._by_device(event)
            case ClosedPartChecked():
                yield "bar", self.room(event)
            case LineBegun() | LineJudged():
                yield from ((part, self.room(event)) for part in OF_PREPARATION)
            case GoldenCompared() | GoldenSaved() | GoldenRestored():
                yield "golden", event.room
                yield "log", event.room
            case SessionEvent():
                yield from self._by_session(event)
            case RoomEvent():
                yield "cameras", event.room
                yield "sound", event.room
                yield "log", event.room
            case AirRaidEvent():
                yield "banner", ""
            case EmergencyEvent():
                yield from ((part, "") for part in OF_EMERGENCY)
            case LobbyEvent():
                yield "lobby", ""
            case PowerEvent() | BlackoutEvent():
                yield "mains", ""
            case AlertEvent():
                yield from self._by_alert()

    def _by_device(self, event: DeviceEvent) -> Iterator[Touch]:
        if event.device not in self._controller.house:
            return
        state = self._controller.house.state(event.device)
        room, links = state.room, isinstance(event, LinkChanged)
        if state.id.startswith(PROGRAMME):
            yield from ((part, room) for part in OF_PROGRAMME)
            yield "tiles", ""
            yield "mosaic", ""
            session = state.id.removeprefix(PROGRAMME)
            yield "now", session
            yield "home", ""
            return
        yield ("devices", room) if links else ("device", state.id)
        if links:
            yield "golden", room
        if "Pages" in state.capabilities or state.id in self._controller.config.lobby.inputs:
            yield "lobby", ""
        if {"Ups", "Outlets"} & set(state.capabilities):
            yield "mains", ""
        if "Camera" in state.capabilities:
            yield "cameras", room
        if "Voting" in state.capabilities:
            yield from self._by_votes(event, room)
        if "Counters" in state.capabilities:
            yield from (("queue", ""), ("waiting", ""), ("calls", ""), ("calls", state.id))
        if "Mixing" in state.capabilities:
            yield "sound", room
        if "Discussion" in state.capabilities:
            yield "floor", room
            yield "screen", room
            if not isinstance(event, FloorRequested | FloorRequestEnded):
                yield "cameras", room
            if isinstance(event, ItemStarted):
                yield "agenda", room
                yield "bar", room
            if not isinstance(event, ReadingsChanged) or "seats" in event.readings:
                session_now = self._controller.sessions.running_in(room)
                if session_now is not None:
                    yield "now", session_now.id
        if "Channel" in state.capabilities:
            yield "tv", ""
        if state.driver == SOURCE:
            yield "programme", room
            yield "mosaic", ""
        if links or "Discussion" in state.capabilities:
            yield "tiles", ""

    def _by_votes(self, event: DeviceEvent, room: str) -> Iterator[Touch]:
        if not isinstance(event, ReadingsChanged) or event.readings.keys() & VOTES:
            yield "vote", room
            yield "screen", room

    def _by_session(self, event: SessionEvent) -> Iterator[Touch]:
        room = self.room(event)
        parts = OF_SESSION if isinstance(event, OF_SPEAKERS) else (*OF_SESSION, "agenda", *OF_PREPARATION)
        yield from ((part, room) for part in parts)
        yield "tiles", ""
        yield "mosaic", ""
        yield "now", event.session
        yield "home", ""
        yield "banner", ""
        if isinstance(
            event, SessionBooked | SessionAmended | SessionCancelled
        ):  # blackouts name what they hit
            yield "mains", ""

    def _by_alert(self) -> Iterator[Touch]:
        # A cleared alert no longer says which room it was about; alerts are few.
        yield "strip", ""
        yield "banner", ""
        yield "tiles", ""
        yield "alerts", ""
        yield "tv", ""
        for room in self._controller.config.rooms:
            yield from ((part, room.id) for part in OF_ALERT)
