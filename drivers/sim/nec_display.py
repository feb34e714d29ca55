"""An NEC display that is not there, off when the program starts.

Knobs beyond the acts: ``values`` (by opcode), ``greatest``, ``diagnoses`` (codes), ``new_model`` (its input
has another opcode), ``busy`` (it answers that it cannot now), ``settling`` (all
but its power), ``said`` (the last frames).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from avctl.config import Device
from drivers.nec_display import (
    BRIGHTNESS,
    COLUMNS,
    CONTROLLER,
    HOURS,
    INPUT,
    INPUT_OF_NEW_MODELS,
    INPUTS,
    MUTE,
    POSITION,
    POWER,
    ROWS,
    SCREEN_MUTE,
    SENSOR,
    TEMPERATURE,
    TILE_MODE,
    VOLUME,
    Frame,
    Frames,
    NecDisplay,
    Options,
    encode,
)
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

SERIAL_NUMBER, MODEL, FIRMWARE = "95000123", "V554", "R1.200"
CONTRAST, POWER_READ, KEY_LOCK, FANS, BEZELS, TILE_MEMORY = "0012", "00D6", "00FB", "027B", "02D5", "104A"
LAN_POWER, MONITOR, NO_SIGNAL = "10D3", "023E", 0xB0
FRAME_COMPENSATION = ("1101", "1102", "1103")
READ_ONLY = (HOURS, TEMPERATURE, POWER_READ, FANS)
TIMINGS = "4E001A5E1770"  # 67.5 kHz, 60 Hz

_HEX = re.compile("[0-9A-F]+")


class NecDisplaySimulator(FramedSimulator[Frame]):
    """One display."""

    title = "NEC display"
    port = NecDisplay.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.power = 4
        self.values = {BRIGHTNESS: 60, INPUT: 0x11, VOLUME: 20, MUTE: 2, HOURS: 2469, SENSOR: 1}
        self.values |= {TEMPERATURE: 73, SCREEN_MUTE: 2, COLUMNS: 1, ROWS: 1, POSITION: 1, TILE_MODE: 1}
        self.values |= {CONTRAST: 50, KEY_LOCK: 1, FANS: 1, BEZELS: 1, TILE_MEMORY: 1, LAN_POWER: 2}
        self.values |= {MONITOR: self.options.monitor_id, **dict.fromkeys(FRAME_COMPENSATION, 0)}
        self.greatest = {VOLUME: 100, BRIGHTNESS: 100, INPUT: 100, SENSOR: 3, MUTE: 2, SCREEN_MUTE: 2}
        self.greatest |= {CONTRAST: 100, POWER_READ: 4, FANS: 2, TILE_MODE: 2, MONITOR: 100}
        self.diagnoses = [0]
        self.new_model = self.busy = self.settling = False
        self.said: deque[Frame] = deque(maxlen=100)
        self._up_at = 0.0

    def codec(self) -> Codec[Frame]:
        return Frames()

    async def heard(self, peer: Peer, frame: Frame) -> None:
        mine = 0x40 + self.options.monitor_id
        if frame.to not in (mine, 0x2A):
            return
        self.said.append(frame)
        kind, text = self._obey(frame)
        if text:  # in one segment: the maker's own client reads the length with one call
            await self.reply(peer, encode(Frame(to=CONTROLLER, sender=mine, kind=kind, text=text)))

    @act
    def press_power(self) -> None:
        """Press the power button of the remote control."""
        self._switch(4 if self.power == 1 else 1)

    @act
    def press_source(self, name: str) -> None:
        """Choose an input with the remote control."""
        if name not in INPUTS:
            raise ValueError(f"name: one of {', '.join(INPUTS)}")
        self.values[INPUT] = INPUTS[name]

    @act
    def diagnose(self, code: int) -> None:
        """Have its self-diagnosis find something: 128 a fan, 160 heat, 176 no signal; 0 nothing."""
        self.diagnoses = [code]

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "power": POWER[self.power], **self.values, "diagnoses": self.diagnoses}

    def _obey(self, frame: Frame) -> tuple[str, str]:
        """Kind and text of the answer; no text: silence."""
        starting = asyncio.get_running_loop().time() < self._up_at
        if starting or self.busy:
            return "B", "BE"
        match frame.kind:
            case "A":
                return "B", self._command(frame.text)
            case "C" if self.power == 1 and not self.settling:
                return "D", self._read(frame.text)
            case "E" if self.power == 1 and not self.settling:
                return "F", self._set(frame.text[:4], frame.text[4:])
        return "B", "BE"

    def _command(self, text: str) -> str:
        if text == "01D6":
            return f"0200D6000004{self.power:04X}"
        if text.startswith("C203D6") and text[6:] in ("0001", "0004") and not self.refusing:
            self._switch(int(text[6:]))
            return f"00{text}"
        if self.power != 1:
            return "BE"
        if text.startswith("CA02") and len(text) == 6:
            return "CB0200" + text[4:] + FIRMWARE
        if text.startswith("CA0301") and len(text) == 16:
            return self._tile(bytes.fromhex(text[6:]) if _HEX.fullmatch(text) else b"")
        match text:
            case "07":
                return TIMINGS if NO_SIGNAL not in self.diagnoses else "4E80" + "0" * 8
            case "B1":
                return "A1" + "".join(f"{code:02X}" for code in self.diagnoses)
            case "C216":
                return "C316" + SERIAL_NUMBER.encode().hex().upper()
            case "C217":
                return "C317" + MODEL.encode().hex().upper()
        return "BE"

    def _tile(self, wanted: bytes) -> str:
        """Be a tile of a matrix: columns, rows, always 1, input, memory."""
        fits = len(wanted) == 5 and all(0 < size <= 10 for size in wanted[:2]) and wanted[2] == 1
        if self.refusing or not fits or wanted[3] not in INPUTS.values():
            return "CB030101"
        self.values |= {COLUMNS: wanted[0], ROWS: wanted[1], TILE_MODE: 2, INPUT: wanted[3]}
        self.values[TILE_MEMORY] = wanted[4]
        return "CB030100"

    def _read(self, opcode: str) -> str:
        inner = INPUT if self.new_model and opcode == INPUT_OF_NEW_MODELS else opcode
        missing = inner not in self.values or (self.new_model and opcode == INPUT)
        if inner == POWER_READ:
            return f"00{opcode}000004{self.power:04X}"
        value, most = self.values.get(inner, 0), self.greatest.get(inner, 255)
        return f"{missing:02X}{opcode}00{most:04X}{0 if missing else value:04X}"

    def _set(self, opcode: str, text: str) -> str:
        inner = INPUT if self.new_model and opcode == INPUT_OF_NEW_MODELS else opcode
        value = int(text, 16) if len(text) == 4 and _HEX.fullmatch(text) else -1
        fits = value in INPUTS.values() if inner == INPUT else 0 <= value <= self.greatest.get(inner, 255)
        if self.refusing or inner not in self.values or inner in READ_ONLY or not fits:
            return f"01{opcode}000000{0:04X}"
        self.values[inner] = value
        return f"00{opcode}00{self.greatest.get(inner, 255):04X}{value:04X}"

    def _switch(self, state: int) -> None:
        if state == 1 and self.power != 1:
            self._up_at = asyncio.get_running_loop().time() + self.options.boot_seconds
        self.power = state


SIMULATOR = NecDisplaySimulator
