"""Sharp/NEC displays, on TCP 7142 or a serial line (source: NEC's control manuals and Python SDK).

Frame: ``01 30 destination 30 type length 02 text 03 check 0D``; the text is upper-case hexadecimal, the check
the XOR of everything after 01. Its answer has its id where the question had ours. It never speaks unasked.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import xor

from pydantic import Field

from avctl.capabilities import Brightness, Inputs, Layouts, Picture, Power, Volume
from avctl.errors import ProtocolError, Rejected
from drivers import frames
from drivers.polled import Codec, Display, SerialDisplayOptions, one_of, percent, within

SOH, STX, ETX, CR = 0x01, 0x02, 0x03, 0x0D
CONTROLLER = 0x30

INPUTS: Mapping[str, int] = {
    "hdmi1": 0x11,
    "hdmi2": 0x12,
    "hdmi3": 0x82,
    "dp1": 0x0F,
    "dp2": 0x10,
    "dp3": 0x80,
    "dvi": 0x03,
    "vga": 0x01,
    "video": 0x05,
    "component": 0x0C,
    "option": 0x0D,
    "player": 0x87,
}
_NAMES = {code: name for name, code in INPUTS.items()}
POWER: Mapping[int, str] = {1: "on", 2: "standby", 3: "suspended", 4: "off"}
ON, OFF = 1, 4

BRIGHTNESS, INPUT, VOLUME, MUTE, HOURS = "0010", "0060", "0062", "008D", "00FF"
INPUT_OF_NEW_MODELS, SENSOR, TEMPERATURE, SCREEN_MUTE = "1106", "0278", "0279", "10B6"
COLUMNS, ROWS, POSITION, TILE_MODE = "02D0", "02D1", "02D2", "02D3"
MUTED, SOUNDS = 1, 2
WHOLE, TILED = 1, 2

DIAGNOSES: Mapping[range, str] = {
    range(0x70, 0x79): "power supply",
    range(0x80, 0x84): "fan",
    range(0x90, 0x92): "lamp",
    range(0xA0, 0xA3): "temperature",
    range(0xB0, 0xB1): "no signal",
    range(0xC0, 0xC1): "option board",
    range(0xD0, 0xD1): "log full",
    range(0xD1, 0xD2): "clock",
    range(0xE0, 0xED): "electronics",
}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of either direction; ``kind`` A asks and B answers, C/D read a value, E/F set one."""

    to: int
    sender: int = CONTROLLER
    kind: str
    text: str


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    text = frame.text.encode("ascii")
    head = bytes((0x30, frame.to, frame.sender)) + f"{frame.kind}{len(text) + 2:02X}".encode()
    body = head + bytes((STX,)) + text + bytes((ETX,))
    return bytes((SOH,)) + body + bytes((reduce(xor, body), CR))


class Frames(frames.Frames[Frame]):
    """Frames of an NEC display."""

    header, told = SOH, "frames of a display"

    def size(self, begun: bytes) -> int | None:
        if len(begun) < 7:
            return None
        try:
            return 7 + int(begun[5:7], 16) + 2
        except ValueError:
            raise ProtocolError("a frame without its length") from None

    def read(self, frame: bytes) -> Frame:
        if reduce(xor, frame[1:-2]) != frame[-2] or frame[7:8] != b"\x02" or frame[-3] != ETX:
            raise ProtocolError(f"wrong check: {frame.hex(' ')}")
        text = frame[8:-3].decode("ascii", "replace")
        return Frame(to=frame[2], sender=frame[3], kind=chr(frame[4]), text=text)


class Options(SerialDisplayOptions):
    """What an NEC display can be told in the configuration."""

    answer_seconds: float = Field(7, gt=0, le=30, description="Silence after which the link is given up.")
    monitor_id: int = Field(1, ge=1, le=100, description="The monitor id in the display's own menu.")


class NecDisplay(Display[Frame], Power, Inputs, Volume, Brightness, Picture, Layouts):
    """A display or one tile of a wall; reports state, temperature (°C), hours, fault, model and serial."""

    title = "NEC display"
    port = 7142
    serial = True
    told_apart_by = "monitor_id"
    Options = Options

    _input = INPUT

    def codec(self) -> Codec[Frame]:
        return Frames()

    async def switch(self, on: bool) -> None:
        said = await self._command(f"C203D6{ON if on else OFF:04X}", "00C203D6")
        self.log.debug("power: %s", said)

    async def set_input(self, name: str) -> None:
        await self._set(self._input, INPUTS[one_of(name, INPUTS)])

    async def set_volume(self, level: int) -> None:
        await self._set(VOLUME, percent(level))

    async def mute(self, on: bool) -> None:
        await self._set(MUTE, MUTED if on else SOUNDS)

    async def set_brightness(self, level: int) -> None:
        await self._set(BRIGHTNESS, percent(level))

    async def show_picture(self, on: bool) -> None:
        await self._set(SCREEN_MUTE, SOUNDS if on else MUTED)

    async def join_wall(self, rows: int, columns: int, tile: int) -> None:
        within(rows, 1, 15, "rows")
        within(columns, 1, 15, "columns")
        within(tile, 1, rows * columns, "tile")
        for opcode, value in ((COLUMNS, columns), (ROWS, rows), (POSITION, tile), (TILE_MODE, TILED)):
            await self._set(opcode, value)

    async def leave_wall(self) -> None:
        await self._set(TILE_MODE, WHOLE)

    def unasked(self, answer: Frame) -> None:
        if answer.to == CONTROLLER and answer.sender == self._address:  # others stand on the same line
            super().unasked(answer)

    @property
    def _address(self) -> int:
        return 0x40 + int(self.options.monitor_id)

    # --- asking ------------------------------------------------------------------------------------------

    async def _say(self, kind: str, text: str, answer: str) -> str:
        """The text of an answer of this kind; Rejected when the display cannot now, or not at all."""
        request = encode(Frame(to=self._address, kind=kind, text=text))
        said = await self.ask(
            request,
            fits=lambda frame: frame.sender == self._address and (frame.kind == answer or frame.text == "BE"),
        )
        if said.text == "BE":
            raise Rejected("the display cannot do that now", "BE")
        return said.text

    async def _command(self, text: str, begins: str) -> str:
        said = await self._say("A", text, "B")
        if not said.startswith(begins):
            raise Rejected(f"the display refuses {text}", said[:2])
        return said[len(begins) :]

    async def _value(self, kind: str, opcode: str, text: str, answer: str) -> tuple[int, int]:
        """Present and greatest value of a parameter, as read or as set."""
        said = await self._say(kind, text, answer)
        if len(said) != 16 or said[2:6] != opcode:
            raise ProtocolError(f"an answer to another question: {said}")
        if said[:2] != "00":
            raise Rejected(f"the display does not support {opcode}", said[:2])
        return _hex(said[12:]), _hex(said[8:12])

    async def _set(self, opcode: str, value: int) -> None:
        await self._value("E", opcode, f"{opcode}{value:04X}", "F")
        self.look_again()

    async def _read(self, opcode: str) -> int | None:
        """What a parameter is; None when it cannot tell, which is normal for what a model lacks."""
        with suppress(Rejected):
            return (await self._value("C", opcode, opcode, "D"))[0]
        return None

    # --- looking -----------------------------------------------------------------------------------------

    async def look(self) -> None:
        with suppress(Rejected):
            state = _hex((await self._command("01D6", "0200D600"))[-4:])
            self.report(power=state == ON, state=POWER.get(state, str(state)), inputs=tuple(INPUTS))
        if not self.readings.get("power"):  # in standby many answer nothing else
            self.report(fault="")
            return
        await self._look_at_input()
        for opcode, reading in ((VOLUME, "volume"), (BRIGHTNESS, "brightness"), (HOURS, "hours")):
            if (value := await self._read(opcode)) is not None:
                self.report(**{reading: value // 2 if reading == "hours" else value})
        if (sound := await self._read(MUTE)) is not None:
            self.report(muted=sound == MUTED)
        if (dark := await self._read(SCREEN_MUTE)) is not None:
            self.report(picture=dark != MUTED)
        if (mode := await self._read(TILE_MODE)) is not None:
            self.report(wall=mode == TILED)
            for opcode, reading in ((COLUMNS, "columns"), (ROWS, "rows"), (POSITION, "tile")):
                if (value := await self._read(opcode)) is not None:
                    self.report(**{reading: value})
        await self._look_for_faults()

    async def _look_at_input(self) -> None:
        # Kept only once it was answered: while a display starts it has neither for a moment.
        for opcode in dict.fromkeys((self._input, INPUT, INPUT_OF_NEW_MODELS)):
            if (code := await self._read(opcode)) is not None:
                self._input = opcode
                self.report(input=_NAMES.get(code, f"input_{code:02x}"))
                return

    async def _look_for_faults(self) -> None:
        with suppress(Rejected):
            await self._value("E", SENSOR, f"{SENSOR}0001", "F")
            if (half_degrees := await self._read(TEMPERATURE)) is not None:
                self.report(temperature=half_degrees // 2)
        with suppress(Rejected):
            said = await self._command("B1", "A1")
            codes = [_hex(said[at : at + 2]) for at in range(0, len(said), 2)]
            self.report(fault=", ".join(dict.fromkeys(_diagnosis(code) for code in codes if code)))
        for command, answer, reading in (("C216", "C316", "serial"), ("C217", "C317", "model")):
            if reading not in self.readings:
                with suppress(Rejected):
                    said = await self._command(command, answer)
                    self.report(**{reading: _text(said)})


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise ProtocolError(f"no number: {text!r}") from None


def _text(said: str) -> str:
    try:
        return bytes.fromhex(said).decode("ascii", "replace").strip("\0 ")
    except ValueError:
        raise ProtocolError(f"no text: {said!r}") from None


def _diagnosis(code: int) -> str:
    return next((word for codes, word in DIAGNOSES.items() if code in codes), f"diagnosis {code:02X}")


DRIVER = NecDisplay
