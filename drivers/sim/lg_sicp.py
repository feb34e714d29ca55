"""An LG display that is not there, off when the program starts.

Knobs beyond the acts: ``settings`` (by command), ``computer`` (only a computer's codes of inputs are taken),
``lower`` (its numbers are in lower case), ``said`` (the last requests).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from avctl.config import Device
from drivers.lg_sicp import INPUTS, NO_WALL, LgSicp, Options
from drivers.polled import Codec, Lines
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

REQUEST = re.compile(r"([a-z]{2}) ([0-9a-fA-F]{2,3}) ([0-9a-fA-F]{1,4})")
SERIAL_NUMBER = "901KCHK00007"
ONE_BYTE: Mapping[str, int] = {  # what a client may set, and the greatest value
    "ka": 1,
    "kd": 1,
    "ke": 1,
    "kf": 100,
    "kg": 100,
    "kh": 100,
    "dj": 1,
    "de": 0x14,
    "df": 0x14,
    "dg": 0x64,
    "dh": 0x64,
    "fw": 1,
    "fg": 1,
    "mn": 3,
}
READ_ONLY = ("kz", "dn", "dl")
IN_STANDBY = ("ka", "kz", "fw", "mn")
NORMAL, NO_SIGNAL, OFF_BY_REMOTE, OFF_BY_LINE = 0, 1, 2, 4  # of kz


class LgSicpSimulator(FramedSimulator[str]):
    """One display."""

    title = "LG display"
    port = LgSicp.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.settings = {"ka": 0, "kd": 0, "ke": 1, "kf": 20, "kg": 50, "kh": 60, "di": 1, "dj": 0}
        self.settings |= {"fw": 1, "fg": 0, "mn": 0, "kz": NORMAL, "dn": 36, "dl": 1234, "xb": 0x90}
        self.settings |= {"de": 10, "df": 10, "dg": 50, "dh": 50}
        self.off_by = OFF_BY_LINE
        self.wall = "00"
        self.computer = self.lower = False
        self.said: deque[str] = deque(maxlen=100)

    def codec(self) -> Codec[str]:
        return Lines(b"\r", 64, "ascii")

    async def heard(self, peer: Peer, frame: str) -> None:
        self.said.append(frame)
        found = REQUEST.fullmatch(frame.strip())
        if found is None or int(found[2], 16) != self.options.set_id:  # 00 and foreign ids: silence
            return
        command, data = found[1], found[3].upper()
        if command == "ka" and data == "01" and not self.settings["ka"] and not self.refusing:
            await asyncio.sleep(self.options.boot_seconds)  # it answers once it is up
        told = self._obey(command, data)
        verdict, value = ("NG", data) if told is None else ("OK", told)
        value = value.lower() if self.lower else value
        await self.reply(peer, f"{command[1]} {found[2]} {verdict}{value}x".encode())

    @act
    def press_power(self) -> None:
        """Press the power button of the remote control."""
        self._switch(1 - self.settings["ka"], OFF_BY_REMOTE)

    @act
    def press_source(self, name: str) -> None:
        """Choose an input with the remote control."""
        if name not in INPUTS:
            raise ValueError(f"name: one of {', '.join(INPUTS)}")
        self.settings["xb"] = INPUTS[name][0]

    @act
    def lose_signal(self, on: bool = True) -> None:
        """Take the picture off the input, or bring it back."""
        self.settings["kz"] = NO_SIGNAL if on else NORMAL

    @act
    def heat(self, celsius: int) -> None:
        """Bring the inside to a temperature."""
        self.settings["dn"] = max(0, min(celsius, 255))

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), **self.settings, "dd": self.wall}

    def _obey(self, command: str, data: str) -> str | None:
        """The data of the answer, None to refuse."""
        if not self.settings["ka"] and command not in IN_STANDBY:
            return None
        if data == "FF":
            if command == "fy":
                return SERIAL_NUMBER
            if command == "dd":
                return self.wall
            if command == "kz" and not self.settings["ka"]:
                return f"{self.off_by:02X}"
            value = self.settings.get(command)
            return None if value is None else f"{value:02X}"
        if self.refusing or command in READ_ONLY:
            return None
        if command == "dd":
            self.wall = data if len(data) == 2 and (data in NO_WALL or "0" not in data) else self.wall
            return data if self.wall == data else None
        value = int(data, 16)
        if command == "xb":
            known = [code for codes in INPUTS.values() for code in (codes[-1:] if self.computer else codes)]
        elif command == "di":  # a tile of the wall that is set: counted from 1
            known = list(range(1, self._tiles() + 1))
        else:
            known = list(range(ONE_BYTE.get(command, -1) + 1))
        if value not in known:
            return None
        if command == "ka":
            self._switch(value, OFF_BY_LINE)
        self.settings[command] = value
        return data

    def _tiles(self) -> int:
        return 1 if self.wall in NO_WALL else int(self.wall[0], 16) * int(self.wall[1], 16)

    def _switch(self, on: int, why: int) -> None:
        self.settings["ka"], self.off_by = on, why


SIMULATOR = LgSicpSimulator
