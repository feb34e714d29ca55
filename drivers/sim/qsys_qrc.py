"""A Q-SYS core that is not there, with the named controls that its device's options name.

Knobs beyond the acts: ``controls`` (value by name), ``state_now`` (Active, Standby, Idle), ``said``
(methods).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
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


class QsysQrcSimulator(FramedSimulator[dict[str, Any]]):
    """The core."""

    title = "DSP"
    port = QsysQrc.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.state_now = "Active"
        channels: tuple[Channel, ...] = (self.options.main, *self.options.channels)
        self.controls: dict[str, bool | float] = {one.mute: False for one in channels if one.mute}
        self.controls |= {one.level: 0.0 for one in channels if one.level}
        self.said: deque[str] = deque(maxlen=100)
        self._let_in: WeakSet[Peer] = WeakSet()
        self._groups: WeakKeyDictionary[Peer, dict[str, list[str]]] = WeakKeyDictionary()
        self._pushing: WeakKeyDictionary[Peer, set[str]] = WeakKeyDictionary()

    def codec(self) -> Codec[dict[str, Any]]:
        return Messages()

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        await self.reply(peer, encode({"method": "EngineStatus", "params": self._status()}))
        return True

    async def heard(self, peer: Peer, frame: dict[str, Any]) -> None:
        method, number = str(frame.get("method")), frame.get("id")
        self.said.append(method)
        if method == NO_OP:
            return
        answer = self._answer(peer, method, frame.get("params"))
        if number is not None:
            await self.reply(peer, encode({**answer, "id": number}))

    async def nonsense(self, peer: Peer) -> None:
        await self.reply(peer, encode({**_error(-32700, "Parse error"), "id": None}))

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

    def _answer(self, peer: Peer, method: str, said: Any) -> dict[str, Any]:
        parameters = said if isinstance(said, Mapping) else {}
        if method == LOGON:
            right = (self.options.user, self.options.password.get_secret_value())
            if (parameters.get("User"), parameters.get("Password")) != right:
                return _error(LOGON_REQUIRED, "Logon required")
            self._let_in.add(peer)
            return {"result": True}
        if self.options.user and peer not in self._let_in:
            return _error(LOGON_REQUIRED, "Logon required")
        if method == "StatusGet":
            return {"result": self._status()}
        if self.state_now == "Standby":
            return _error(STANDBY, "Core is on Standby")
        names = said if method == "Control.Get" else parameters.get("Controls", ())
        if isinstance(names, list) and (strangers := [name for name in names if name not in self.controls]):
            return _error(UNKNOWN_CONTROL, f"Unknown control '{strangers[0]}'")
        match method:
            case "Control.Get" if isinstance(names, list):
                return {"result": [self._control(name) for name in names]}
            case "Control.Set":
                return self._set(str(parameters.get("Name")), parameters.get("Value"))
            case "ChangeGroup.AddControl" if isinstance(names, list):
                groups = self._groups.setdefault(peer, {})
                groups.setdefault(str(parameters.get("Id")), []).extend(names)
                return {"result": True}
            case "ChangeGroup.AutoPoll" if parameters.get("Id") in self._groups.get(peer, {}):
                self._pushing.setdefault(peer, set()).add(str(parameters.get("Id")))
                return {"result": True}
            case "ChangeGroup.AutoPoll":
                return _error(6, "Unknown change group")
        return _error(-32601, "Method not found")

    def _set(self, name: str, value: Any) -> dict[str, Any]:
        if name not in self.controls:
            return _error(UNKNOWN_CONTROL, f"Unknown control '{name}'")
        if self.refusing or not isinstance(value, bool | int | float):
            return _error(-32602, "Invalid params")
        self._put(name, value)
        return {"result": self._control(name)}

    def _put(self, name: str, value: bool | float) -> None:
        self.controls[name] = value
        for peer, ids in tuple(self._pushing.items()) if not self.muted else ():
            for group in ids:
                if name in self._groups[peer][group]:
                    told = {"Id": group, "Changes": [self._control(name)]}
                    peer.push(encode({"method": "ChangeGroup.Poll", "params": told}))

    def _control(self, name: str) -> dict[str, Any]:
        value = self.controls[name]
        text = ("muted" if value else "unmuted") if isinstance(value, bool) else f"{value:.1f}dB"
        return {"Name": name, "String": text, "Value": value, "Position": float(value == 1)}

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


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


SIMULATOR = QsysQrcSimulator
