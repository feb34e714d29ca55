"""A Q-SYS core that is not there, with the channels that its device's options name; one, if they name none.

Each control has a name of its own (``Control.…``) and is that of a component too (``Component.…``), named
after its channel. Knobs beyond the acts: ``controls`` (value by name), ``state_now`` (Active, Standby,
Idle), ``said`` (methods), ``patient_seconds`` (of silence, until it hangs up).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from avctl.config import Device
from drivers.polled import Codec
from drivers.qsys_qrc import (
    LOGON_REQUIRED,
    STANDBY,
    UNKNOWN_CONTROL,
    Channel,
    Messages,
    Options,
    QsysQrc,
    encode,
)
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

LOGON, NO_OP = "Logon", "NoOp"
NO_REQUEST, NO_METHOD, NO_PARAMETERS = -32600, -32601, -32602
EXHAUSTED, UNKNOWN_GROUP, UNKNOWN_COMPONENT = 5, 6, 7
GROUPS = 4
LEAST, MOST = -100.0, 20.0  # of a level, in dB
ALONE = Channel(name="Main", mute="mute", level="gain")


class Refused(Exception):
    """An error to answer with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.answer = {"error": {"code": code, "message": message}}


@dataclass
class Group:
    """Controls that a client follows: how it names each, and which have changed since it was told."""

    controls: dict[tuple[str, str], str] = field(default_factory=dict)  # component or "", name -> control
    changed: dict[tuple[str, str], None] = field(default_factory=dict)  # in the order of their changes
    rate: float | None = None  # of pushes; None: it asks
    pushing: bool = False

    def add(self, controls: Iterable[tuple[str, str, str]]) -> None:
        """Follow more; what is new counts as changed."""
        for component, name, control in controls:
            self.controls[component, name] = control
            self.changed[component, name] = None


class QsysQrcSimulator(FramedSimulator[dict[str, Any]]):
    """The core."""

    title = "DSP"
    port = QsysQrc.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.state_now = "Active"
        channels: tuple[Channel, ...] = (self.options.main, *self.options.channels)
        if not any(one.mute or one.level for one in channels):
            channels = (ALONE,)
        self.controls: dict[str, bool | float] = {one.mute: False for one in channels if one.mute}
        self.controls |= {one.level: 0.0 for one in channels if one.level}
        self.components: dict[str, dict[str, str]] = {}  # name of the control by the component's word for it
        for number, one in enumerate(channels):
            words = {"mute": one.mute, "gain": one.level}
            if said := {word: control for word, control in words.items() if control}:
                self.components[one.name or str(number)] = said
        self.said: deque[str] = deque(maxlen=100)
        self.patient_seconds = 60.0
        self._let_in: WeakSet[Peer] = WeakSet()
        self._groups: WeakKeyDictionary[Peer, dict[str, Group]] = WeakKeyDictionary()

    def codec(self) -> Codec[dict[str, Any]]:
        return Messages()

    def patience(self, peer: Peer) -> float:
        return self.patient_seconds

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        await self.reply(peer, encode({"method": "EngineStatus", "params": self._status()}))
        return True

    async def heard(self, peer: Peer, frame: dict[str, Any]) -> None:
        method, number = frame.get("method"), frame.get("id")
        self.said.append(str(method))
        if method == NO_OP:
            return
        try:
            if not isinstance(method, str):
                raise Refused(NO_REQUEST, "Invalid request")
            answer = {"result": self._result(peer, method, frame.get("params"))}
        except Refused as refusal:
            answer = refusal.answer
        if number is not None:
            await self.reply(peer, encode({**answer, "id": number}))
        self._push(peer)

    async def nonsense(self, peer: Peer) -> None:
        await self.reply(peer, encode({**Refused(-32700, "Parse error").answer, "id": None}))

    @act
    def press_mute(self, control: str) -> None:
        """Press a mute button of the design's own panel."""
        self._must_be(control)
        self._put(control, not self.controls[control])

    @act
    def move_fader(self, control: str, decibels: float) -> None:
        """Move a fader of the design's own panel."""
        self._must_be(control)
        self._put(control, decibels)

    @act
    def stand_by(self, on: bool = True) -> None:
        """Be the other core of a redundant pair, or the active one again."""
        self.state_now = "Standby" if on else "Active"
        for peer in tuple(self.peers):
            peer.push(encode({"method": "EngineStatus", "params": self._status()}))

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "engine": self.state_now, "controls": dict(self.controls)}

    # --- requests -----------------------------------------------------------------------------------------

    def _result(self, peer: Peer, method: str, said: Any) -> Any:
        parameters: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
        if method == LOGON:
            right = (self.options.user, self.options.password.get_secret_value())
            said_right = (parameters.get("User"), parameters.get("Password")) == right
            if self.options.user and not said_right:  # without a user it lets everybody in
                raise Refused(LOGON_REQUIRED, "Logon required")
            self._let_in.add(peer)
            return True
        if self.options.user and peer not in self._let_in:
            raise Refused(LOGON_REQUIRED, "Logon required")
        if method == "StatusGet":
            return self._status()
        if self.state_now == "Standby":
            raise Refused(STANDBY, "Core is on Standby")
        family, _, verb = method.partition(".")
        match family:
            case "Control":
                return self._of_control(verb, said)
            case "Component":
                return self._of_component(verb, parameters)
            case "ChangeGroup":
                return self._of_group(peer, verb, parameters)
        raise Refused(NO_METHOD, "Method not found")

    def _of_control(self, verb: str, said: Any) -> Any:
        match verb:
            case "Get" if isinstance(said, list):
                return [self._shown("", str(name), self._known(name)) for name in said]
            case "Set" if isinstance(said, Mapping):
                name = self._known(said.get("Name"))
                self._set(name, said)
                return self._shown("", name, name)
            case "Get" | "Set":
                raise Refused(NO_PARAMETERS, "Invalid params")
        raise Refused(NO_METHOD, "Method not found")

    def _of_component(self, verb: str, said: Mapping[str, Any]) -> Any:
        if verb == "GetComponents":
            return [{"Name": name, "Type": "gain", "Properties": []} for name in self.components]
        if verb not in ("GetControls", "Get", "Set"):
            raise Refused(NO_METHOD, "Method not found")
        name = str(said.get("Name"))
        if verb == "GetControls":
            return {"Name": name, "Controls": [self._described(name, word) for word in self._component(name)]}
        wanted = self._within(name, said.get("Controls"))
        if verb == "Set":
            for (*_, control), values in zip(wanted, said["Controls"], strict=True):
                self._set(control, values)
            return True
        return {"Name": name, "Controls": [self._shown("", word, control) for _, word, control in wanted]}

    def _of_group(self, peer: Peer, verb: str, said: Mapping[str, Any]) -> Any:
        number = str(said.get("Id"))
        groups = self._groups.setdefault(peer, {})
        if verb in ("AddControl", "AddComponentControl"):
            component = said.get("Component")
            if verb == "AddControl":
                added = self._named(said.get("Controls"))
            elif isinstance(component, Mapping):
                added = self._within(str(component.get("Name")), component.get("Controls"))
            else:
                raise Refused(NO_PARAMETERS, "Invalid params")
            if number not in groups and len(groups) >= GROUPS:
                raise Refused(EXHAUSTED, "Change groups exhausted")
            groups.setdefault(number, Group()).add(added)
            return True
        if verb not in ("Poll", "AutoPoll", "Remove", "Clear", "Invalidate", "Destroy"):
            raise Refused(NO_METHOD, "Method not found")
        if number not in groups:
            raise Refused(UNKNOWN_GROUP, "Unknown change group")
        group = groups[number]
        match verb:
            case "Poll":
                return self._changes(number, group)
            case "AutoPoll":
                rate = said.get("Rate")
                if not isinstance(rate, int | float) or rate < 0.1:
                    raise Refused(NO_PARAMETERS, "Invalid params")
                group.rate = float(rate)
            case "Remove":
                for one in self._named(said.get("Controls")):
                    group.controls.pop(one[:2], None)
                    group.changed.pop(one[:2], None)
            case "Clear":
                group.controls, group.changed = {}, {}
            case "Invalidate":
                group.changed = dict.fromkeys(group.controls)
            case "Destroy":
                del groups[number]
        return True

    # --- controls -----------------------------------------------------------------------------------------

    def _known(self, name: object) -> str:
        if not isinstance(name, str) or name not in self.controls:
            raise Refused(UNKNOWN_CONTROL, f"Unknown control '{name}'")
        return name

    def _component(self, name: str) -> Mapping[str, str]:
        if name not in self.components:
            raise Refused(UNKNOWN_COMPONENT, f"Unknown component '{name}'")
        return self.components[name]

    def _named(self, names: object) -> list[tuple[str, str, str]]:
        """Controls by their own names."""
        if not isinstance(names, list):
            raise Refused(NO_PARAMETERS, "Invalid params")
        return [("", str(name), self._known(name)) for name in names]

    def _within(self, component: str, wanted: object) -> list[tuple[str, str, str]]:
        """Controls as a component calls them."""
        words = self._component(component)
        if not isinstance(wanted, list) or not all(isinstance(one, Mapping) for one in wanted):
            raise Refused(NO_PARAMETERS, "Invalid params")
        names = [str(one.get("Name")) for one in wanted]
        if strangers := [name for name in names if name not in words]:
            raise Refused(UNKNOWN_CONTROL, f"Unknown control '{strangers[0]}'")
        return [(component, name, self._known(words[name])) for name in names]

    def _set(self, name: str, said: Mapping[str, Any]) -> None:
        if self.refusing:
            raise Refused(NO_PARAMETERS, "Invalid params")
        self._put(name, _value(said, isinstance(self.controls[name], bool)))

    def _put(self, name: str, value: bool | float) -> None:
        if value == self.controls[name]:
            return
        self.controls[name] = value
        for peer, groups in tuple(self._groups.items()):
            for group in groups.values():
                group.changed |= {key: None for key, control in group.controls.items() if control == name}
            self._push(peer)

    def _push(self, peer: Peer) -> None:
        """Have a client told what changed, at the rate it wants."""
        for number, group in self._groups.get(peer, {}).items():
            if group.rate is not None and group.changed and not group.pushing:
                group.pushing = True
                self.spawn(self._tell(peer, number, group, group.rate))

    async def _tell(self, peer: Peer, number: str, group: Group, rate: float) -> None:
        await asyncio.sleep(rate)
        group.pushing = False
        if self._groups.get(peer, {}).get(number) is group and not self.muted and group.changed:
            told = self._changes(number, group)
            peer.push(encode({"method": "ChangeGroup.Poll", "params": told}))

    def _changes(self, number: str, group: Group) -> dict[str, Any]:
        changed, group.changed = group.changed, {}
        return {"Id": number, "Changes": [self._shown(*key, group.controls[key]) for key in changed]}

    def _shown(self, component: str, word: str, control: str) -> dict[str, Any]:
        value = self.controls[control]
        text = ("muted" if value else "unmuted") if isinstance(value, bool) else f"{value:.1f}dB"
        place = float(value) if isinstance(value, bool) else (value - LEAST) / (MOST - LEAST)
        shown = {"Name": word, "String": text, "Value": value, "Position": round(place, 6)}
        return {"Component": component, **shown} if component else shown

    def _described(self, component: str, word: str) -> dict[str, Any]:
        control = self._known(self.components[component][word])
        kind = "Boolean" if isinstance(self.controls[control], bool) else "Float"
        limits = {} if kind == "Boolean" else {"ValueMin": LEAST, "ValueMax": MOST}
        return {**self._shown("", word, control), "Type": kind, **limits, "Direction": "Read/Write"}

    def _status(self) -> dict[str, Any]:
        return {
            "Platform": "Core 110f",
            "State": self.state_now,
            "DesignName": "Hall",
            "DesignCode": "abcdefghijkl",
            "IsRedundant": False,
            "IsEmulator": True,
            "Status": {"Code": 0, "String": "OK"},
        }

    def _must_be(self, control: str) -> None:
        if control not in self.controls:
            raise ValueError(f"control: one of {', '.join(self.controls)}")


def _value(said: Mapping[str, Any], switch: bool) -> bool | float:
    """What a control is told to be: by its value, its place between the ends, or its text."""
    value, place, text = said.get("Value"), said.get("Position"), said.get("String")
    if isinstance(value, bool | int | float):
        wanted = float(value)
    elif isinstance(place, int | float):
        wanted = float(place) if switch else LEAST + place * (MOST - LEAST)
    elif switch and isinstance(text, str):
        wanted = float(text.lower() in ("muted", "true", "yes", "1"))
    else:
        try:
            wanted = float(str(text).lower().removesuffix("db"))
        except ValueError:
            raise Refused(NO_PARAMETERS, "Invalid params") from None
    return wanted >= 0.5 if switch else max(LEAST, min(wanted, MOST))


SIMULATOR = QsysQrcSimulator
