"""A projector that is not there: PJLink class 2 or 1, with a password or without, off at the start.

Knobs beyond the acts: ``level`` (its class), ``lamps`` (hours, empty: none), ``hangs_up`` (after each
command), ``warm_seconds``, ``patient_seconds`` (of silence, until it hangs up), ``said`` (the last commands).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from avctl.config import Device
from drivers.pjlink import LONGEST, PARTS, POWER, Options, Pjlink, digest, faults, input_code, input_name
from drivers.polled import Codec, Lines
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

SALT = "498e4a67"  # as in the standard's own example; eight characters, which clients count on
INPUTS = "11 31 32 52 6A"
TEXTS: Mapping[str, str] = {
    "NAME": "Hall projector",
    "INF1": "JBMIA",
    "INF2": "PX-1",
    "INFO": "",
    "SNUM": "10002000",
    "SVER": "1.04",
    "IRES": "1920x1080",
    "RRES": "1920x1200",
    "RLMP": "LAMP01",
    "RFIL": "FILTER01",
}


class PjlinkSimulator(FramedSimulator[str]):
    """One projector."""

    title = "Projector"
    port = Pjlink.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.level = 2
        self.settings = {"POWR": "0", "INPT": "31", "AVMT": "30", "FREZ": "0"}
        self.lamps = [1234]
        self.faults = dict.fromkeys(PARTS, 0)
        self.filter_hours = 500
        self.hangs_up = False
        self.warm_seconds = 0.0
        self.patient_seconds = 30.0
        self.steps = {"SVOL": 0, "MVOL": 0}  # that its volumes were moved by: it does not tell where they are
        self.said: deque[str] = deque(maxlen=100)
        self._let_in: WeakSet[Peer] = WeakSet()

    def codec(self) -> Codec[str]:
        return Lines(b"\r", LONGEST)

    def patience(self, peer: Peer) -> float:
        return self.patient_seconds

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        wanted = bool(self.options.password.get_secret_value())
        await self.reply(peer, f"PJLINK {f'1 {SALT}' if wanted else '0'}\r".encode())
        if not wanted:
            self._let_in.add(peer)
        return True

    async def heard(self, peer: Peer, frame: str) -> None:
        self.said.append(frame)
        if peer not in self._let_in:
            seal = digest(SALT, self.options.password.get_secret_value())
            if not frame.startswith(seal):
                await self.reply(peer, b"PJLINK ERRA\r")
                peer.writer.close()
                return
            self._let_in.add(peer)
        frame = frame[frame.find("%") :]  # a client may put the digest before every command
        level, command, value = frame[1:2], frame[2:6].upper(), frame[7:]
        answer = self._answer(int(level) if level.isdigit() else 9, command, value)
        await self.reply(peer, f"%{level}{command}={answer}\r".encode())
        if self.hangs_up:
            peer.writer.close()

    @act
    async def press_power(self) -> None:
        """Press the power button of the remote control."""
        self._switch(self.settings["POWR"] in ("0", "2"))
        self._notice(f"POWR={self.settings['POWR']}")

    @act
    def press_source(self, name: str) -> None:
        """Choose an input with the remote control."""
        if input_code(name) not in INPUTS.split():
            raise ValueError(f"name: one of {', '.join(map(input_name, INPUTS.split()))}")
        self.settings["INPT"] = input_code(name)
        self._notice(f"INPT={self.settings['INPT']}")

    @act
    def fail(self, part: str, grade: int = 2) -> None:
        """Have a part fail: fan, lamp, temperature, cover, filter, other; 2 error, 1 warning, 0 mended."""
        if part not in PARTS or grade not in (0, 1, 2):
            raise ValueError(f"part: one of {', '.join(PARTS)}; grade: 0 to 2")
        self.faults[part] = grade
        self._notice(f"ERST={self._errors()}")

    @act
    def age(self, hours: int) -> None:
        """Let the lamp have burnt for so many hours."""
        self.lamps = [hours]

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "power": POWER[self.settings["POWR"]],
            "input": input_name(self.settings["INPT"]),
            "muting": self.settings["AVMT"],
            "lamp_hours": self.lamps,
            "fault": faults(self._errors()),
        }

    def _answer(self, level: int, command: str, value: str) -> str:
        if level > self.level or (level == 1 and command in ("SNUM", "SVER", "IRES", "FILT", "FREZ", "INNM")):
            return "ERR1"
        if command in self.steps and level == 2 and value != "?":
            return self._step(command, value)
        if value == "?" or (command == "INNM" and value.startswith("?")):
            return self._tell(command, value)
        if command not in self.settings:
            return "ERR1"
        if self.refusing or (command != "POWR" and self.settings["POWR"] != "1"):
            return "ERR3"
        known = {
            "POWR": ("0", "1"),
            "INPT": tuple(INPUTS.split()),
            "AVMT": ("10", "11", "20", "21", "30", "31"),
            "FREZ": ("0", "1"),
        }
        if value not in known[command]:
            return "ERR2"
        if command == "POWR":
            self._switch(value == "1")
        elif command == "AVMT":
            self.settings["AVMT"] = _muting(self.settings["AVMT"], value)
        else:
            self.settings[command] = value
        return "OK"

    def _step(self, command: str, value: str) -> str:
        """Move a volume one step up or down."""
        if value not in ("0", "1"):
            return "ERR2"
        if self.refusing or self.settings["POWR"] != "1":
            return "ERR3"
        self.steps[command] += 1 if value == "1" else -1
        return "OK"

    def _tell(self, command: str, value: str) -> str:
        match command:
            case "POWR":
                return self.settings["POWR"]
            case "INPT" | "AVMT" | "FREZ":
                return self.settings[command] if self.settings["POWR"] == "1" else "ERR3"
            case "CLSS":
                return str(self.level)
            case "INST":
                return INPUTS if self.level == 2 else INPUTS[:8]
            case "ERST":
                return self._errors()
            case "LAMP":
                burns = int(self.settings["POWR"] == "1")
                return " ".join(f"{hours} {burns}" for hours in self.lamps) or "ERR1"
            case "FILT":
                return str(self.filter_hours)
            case "INNM":
                return input_name(value[1:]) if value[1:] in INPUTS.split() else "ERR2"
        return TEXTS.get(command, "ERR1")

    def _errors(self) -> str:
        return "".join(str(self.faults[part]) for part in PARTS)

    def _switch(self, on: bool) -> None:
        if on == (self.settings["POWR"] in ("1", "3")):
            return
        if not self.warm_seconds:
            self.settings["POWR"] = str(int(on))
            return
        self.settings["POWR"] = "3" if on else "2"
        self.spawn(self._settle("1" if on else "0"))

    async def _settle(self, state: str) -> None:
        await asyncio.sleep(self.warm_seconds)
        self.settings["POWR"] = state

    def _notice(self, said: str) -> None:
        """Tell the controller by UDP, as class 2 does for one that is registered."""
        if self.level == 2 and self.options.notices_port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
                line.sendto(f"%2{said}\r".encode(), ("127.0.0.1", self.options.notices_port))


def _muting(before: str, value: str) -> str:
    """What AVMT reads once a part was muted or let go: 30 none, 11 picture, 21 sound, 31 both."""
    picture, sound = before in ("11", "31"), before in ("21", "31")
    if value[0] in "13":
        picture = value[1] == "1"
    if value[0] in "23":
        sound = value[1] == "1"
    return {(False, False): "30", (True, False): "11", (False, True): "21", (True, True): "31"}[
        picture, sound
    ]


SIMULATOR = PjlinkSimulator
