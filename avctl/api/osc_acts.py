"""What a surface's press means in a room: the command it asks for, checked as a button of the page is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from avctl.api.osc_messages import numbered, pressed, whole
from avctl.capabilities import verbs_of
from avctl.commands import (
    CloseSession,
    Command,
    CutTo,
    GoLive,
    HoldCameras,
    MuteSound,
    OpenSession,
    Operate,
    PrepareSession,
    ReleaseCameras,
    ResumeSession,
    ShowSpeaker,
    SuspendSession,
)
from avctl.errors import Conflict, NotFound, Unsupported
from avctl.events import Reason
from avctl.model.account import Account, Act
from avctl.model.booking import Policy
from avctl.model.floor import Floor
from avctl.model.session import Phase, Session
from avctl.services.controller import Controller
from avctl.services.sound import PARTS


def _go_live(actor: str, session: Session) -> Command:
    """Open the sitting; for one that is open but should be on air and is not, its programme."""
    if session.phase is Phase.OPEN and session.booking.policy is Policy.LIVE and session.broadcastable:
        return GoLive(actor=actor, session=session.id)
    return OpenSession(actor=actor, session=session.id)


def _suspend(reason: Reason) -> Callable[[str, Session], Command]:
    return lambda actor, session: SuspendSession(actor=actor, session=session.id, reason=reason)


def _resume(actor: str, session: Session) -> Command:
    """A closed part is left by pressing twice, which is the confirmation."""
    return ResumeSession(actor=actor, session=session.id, confirmed=session.reason is Reason.CLOSED)


SESSION_ACTS: Mapping[str, Callable[[str, Session], Command]] = {
    "prepare": lambda actor, session: PrepareSession(actor=actor, session=session.id),
    "go-live": _go_live,
    "break": _suspend(Reason.BREAK),
    "technical": _suspend(Reason.TECHNICAL),
    "closed": _suspend(Reason.CLOSED),
    "resume": _resume,
    "end": lambda actor, session: CloseSession(actor=actor, session=session.id),
    "name-off": lambda actor, session: ShowSpeaker(actor=actor, session=session.id, name=""),
}
TWICE = frozenset({"go-live", "closed", "end"})  # as on the pages; leaving a closed part too
OF_ALL = {"mics-off": "close_all_mics", "clear": "clear_requests"}
OF_SEAT = {"grant": "grant_request", "deny": "deny_request", "up": "move_up", "priority": "take_priority"}


class RoomActs:
    """The acts of a room that are no session's own: microphones, cameras, sound."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def command(
        self, account: Account, room: str, words: Sequence[str], arguments: Sequence[Any]
    ) -> Command | None:
        """The command of an address; None when a button was let go, or it is so already."""
        actor = account.name
        match words:
            case ["mic", seat]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._mic(actor, room, seat, pressed(arguments))
            case ["mute-all"]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._mute_all(actor, room, pressed(arguments))
            case ["hold"]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._hold(actor, room, pressed(arguments))
            case ["mute", what] if what in PARTS:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._mute(actor, room, what, pressed(arguments))
            case ["preset", camera]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._preset(actor, room, camera, whole(arguments))
        if pressed(arguments) is False:
            return None
        match words:
            case ["next" | "mics-off" | "clear" as act]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._next(actor, room) if act == "next" else self._floor_act(actor, room, OF_ALL[act])
            case ["grant" | "deny" | "up" | "priority" as act, seat]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._floor_act(actor, room, OF_SEAT[act], seat=numbered("seat", seat))
            case ["preset", camera, number]:
                account.must_be_allowed(Act.OPERATE_DEVICES, room)
                return self._preset(actor, room, camera, numbered("preset", number))
            case ["cut", source]:
                account.must_be_allowed(Act.RUN_SESSIONS, room)
                return CutTo(actor=actor, session=self._session(room).id, source=source)
        raise NotFound(f"there is no act {'/'.join(words)!r} in a room")

    def _session(self, room: str) -> Session:
        if (session := self._controller.sessions.in_room(room)) is None:
            raise Conflict("this room has no session now")
        return session

    # --- microphones -------------------------------------------------------------------------------------

    def _floor(self, room: str) -> Floor:
        floor = self._controller.follow.floor(room)
        if floor is None:
            raise Unsupported("this room has no discussion system")
        return floor

    def _mic(self, actor: str, room: str, seat: str, wanted: bool | None) -> Command | None:
        # The act before this one at the same seat has been confirmed by now, so the floor knows the state:
        # a quick tap on a "speak while pressed" button does not leave a microphone open.
        floor, number = self._floor(room), numbered("seat", seat)
        speaks = any(place.seat == number for place in floor.speakers)
        opens = not speaks if wanted is None else wanted
        if floor.known and opens == speaks:
            return None  # a surface that echoes what it is shown asks for nothing
        verb = "open_mic" if opens else "close_mic"
        return Operate(actor=actor, device=floor.device, verb=verb, arguments={"seat": number})

    def _floor_act(self, actor: str, room: str, verb: str, **arguments: int) -> Command:
        return Operate(actor=actor, device=self._floor(room).device, verb=verb, arguments=arguments)

    def _next(self, actor: str, room: str) -> Command:
        floor = self._floor(room)
        if not floor.waiting:
            raise Conflict("nobody waits for the floor")
        if "grant_request" not in verbs_of(self._controller.house.driver(floor.device)):
            return self._floor_act(actor, room, "next_speaker")
        return self._floor_act(actor, room, "grant_request", seat=floor.waiting[0].seat)

    def _mute_all(self, actor: str, room: str, wanted: bool | None) -> Command | None:
        device = self._floor(room).device
        muted = self._controller.house.state(device).readings.get("all_muted") is True
        on = not muted if wanted is None else wanted
        if on == muted and "mute_all" in verbs_of(self._controller.house.driver(device)):
            return None
        return Operate(actor=actor, device=device, verb="mute_all", arguments={"on": on})

    # --- cameras and sound -------------------------------------------------------------------------------

    def _hold(self, actor: str, room: str, wanted: bool | None) -> Command | None:
        held = self._controller.framings.get(room).held
        on = not held if wanted is None else wanted
        if on == held:
            return None
        return HoldCameras(actor=actor, room=room) if on else ReleaseCameras(actor=actor, room=room)

    def _mute(self, actor: str, room: str, what: str, wanted: bool | None) -> Command | None:
        muted = muted_in(self._controller, room, what)
        on = not muted if wanted is None else wanted
        return None if on == muted else MuteSound(actor=actor, room=room, what=what, on=on)

    def _preset(self, actor: str, room: str, camera: str, preset: int) -> Command:
        cameras = {state.id for state in self._controller.house.in_room(room, "Camera")}
        if camera not in cameras:
            raise NotFound(f"there is no camera {camera!r} in this room")
        return Operate(actor=actor, device=camera, verb="recall_preset", arguments={"preset": preset})


def muted_in(controller: Controller, room: str, what: str) -> bool:
    """Whether every channel of a part of a room's sound is silent."""
    strips = controller.sounds.strips(room, what)
    return bool(strips) and all(strip.get("muted") is True for strip in strips.values())
