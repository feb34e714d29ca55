"""A Philips display that is not there, off when the program starts.

Knobs beyond the acts: ``other_check`` (its acknowledgement has another last byte), ``said`` (last frames).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from avctl.config import Device
from drivers.philips_sicp import (
    BACKLIGHT,
    DONE,
    INPUT,
    INPUTS,
    NOT_AVAILABLE,
    OFF,
    ON,
    POWER,
    REFUSED,
    SET_BACKLIGHT,
    SET_INPUT,
    SET_POWER,
    SET_VOLUME,
    SIGNAL,
    STATUS,
    TEXT,
    VOLUME,
    Frame,
    Frames,
    Options,
    PhilipsSicp,
    encode,
)
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

TEXTS: Mapping[bytes, bytes] = {b"\0": b"55BDL4550D", b"\1": b"FB03.11", b"\2": b"20260101"}
VERSION, SET_COLD_START, COLD_START = 0xA2, 0xA3, 0xA4
VERSION_TOLD = b"2.03"
SET = {SET_POWER: POWER, SET_VOLUME: VOLUME, SET_BACKLIGHT: BACKLIGHT, SET_COLD_START: COLD_START}
KNOWN: Mapping[int, range] = {
    POWER: range(1, 3),
    VOLUME: range(101),
    BACKLIGHT: range(2),
    COLD_START: range(3),
}


class PhilipsSicpSimulator(FramedSimulator[Frame]):
    """One display."""

    title = "Philips display"
    port = PhilipsSicp.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.values = {POWER: OFF, VOLUME: 20, BACKLIGHT: 0, SIGNAL: 1, INPUT: INPUTS["hdmi1"]}
        self.values[COLD_START] = 2
        self.other_check = False
        self.said: deque[bytes] = deque(maxlen=100)
        self._up_at = 0.0

    def codec(self) -> Codec[Frame]:
        return Frames()

    async def heard(self, peer: Peer, frame: Frame) -> None:
        if frame.monitor != self.options.monitor_id:  # also 0, which is all of them: no answer
            return
        self.said.append(encode(frame))
        if asyncio.get_running_loop().time() < self._up_at:
            return
        answer = encode(Frame(monitor=frame.monitor, data=self._obey(frame.data)))
        if self.other_check and answer[3:5] == bytes((STATUS, DONE)):
            answer = answer[:-1] + b"\x07"
        await self.reply(peer, answer)

    @act
    def press_power(self) -> None:
        """Press the power button of the remote control."""
        self._switch(OFF if self.values[POWER] == ON else ON)

    @act
    def press_source(self, name: str) -> None:
        """Choose an input with the remote control."""
        if name not in INPUTS:
            raise ValueError(f"name: one of {', '.join(INPUTS)}")
        self.values[INPUT] = INPUTS[name]

    @act
    def lose_signal(self, on: bool = True) -> None:
        """Take the picture off the input, or bring it back."""
        self.values[SIGNAL] = int(not on)

    def state(self) -> Mapping[str, Any]:
        names = {POWER: "power", VOLUME: "volume", BACKLIGHT: "dark", SIGNAL: "signal", INPUT: "input"}
        return {**super().state(), **{name: self.values[code] for code, name in names.items()}}

    def _obey(self, data: bytes) -> bytes:
        code, rest = data[0], data[1:]
        if self.values[POWER] != ON and code not in (POWER, SET_POWER):
            return bytes((STATUS, NOT_AVAILABLE))
        if code in self.values and not rest:
            return bytes((code, self.values[code]))
        if code == TEXT and rest in TEXTS:
            return bytes((TEXT,)) + TEXTS[rest]
        if code == VERSION and len(rest) <= 1:
            return bytes((VERSION,)) + VERSION_TOLD
        if self.refusing:
            return bytes((STATUS, REFUSED))
        if code in SET and len(rest) == 1 and rest[0] in KNOWN[SET[code]]:
            if code == SET_POWER:
                self._switch(rest[0])
            else:
                self.values[SET[code]] = rest[0]
            return bytes((STATUS, DONE))
        if code == SET_INPUT and len(rest) == 4 and rest[0] in INPUTS.values():
            self.values[INPUT] = rest[0]
            return bytes((STATUS, DONE))
        return bytes((STATUS, REFUSED))

    def _switch(self, state: int) -> None:
        if state == ON and self.values[POWER] != ON:
            self._up_at = asyncio.get_running_loop().time() + self.options.boot_seconds
        self.values[POWER] = state


SIMULATOR = PhilipsSicpSimulator
