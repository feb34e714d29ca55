"""Philips displays over SICP, on TCP 5000 or a serial line (source: Philips' SICP documents; nodel).

Frame: ``size monitor group data… check``; size counts every byte, the check is the XOR of those before it.
A question is answered by a report with the same code, an act by ``00 06`` (done), ``00 15`` or ``00 18``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import xor

from pydantic import Field

from avctl.capabilities import Inputs, Picture, Power, Volume, lacking
from avctl.errors import ProtocolError, Rejected
from drivers.polled import Codec, Display, SerialDisplayOptions, one_of, percent

SHORTEST, LONGEST = 5, 40
STATUS = 0x00
DONE, REFUSED, NOT_AVAILABLE = 0x06, 0x15, 0x18
SET_POWER, POWER, SET_VOLUME, VOLUME = 0x18, 0x19, 0x44, 0x45
SIGNAL, BACKLIGHT, SET_BACKLIGHT, TEXT, SET_INPUT, INPUT = 0x59, 0x71, 0x72, 0xA1, 0xAC, 0xAD
ON, OFF = 0x02, 0x01

INPUTS: Mapping[str, int] = {
    "hdmi1": 0x0D,
    "hdmi2": 0x06,
    "hdmi3": 0x0F,
    "hdmi4": 0x19,
    "dp1": 0x0A,
    "dp2": 0x07,
    "dvi": 0x0E,
    "vga": 0x05,
    "video": 0x01,
    "ops": 0x0B,
    "usb": 0x0C,
    "browser": 0x10,
    "player": 0x16,
    "whiteboard": 0x1C,
}
_NAMES = {code: name for name, code in INPUTS.items()}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of either direction."""

    monitor: int
    data: bytes


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    body = bytes((len(frame.data) + 4, frame.monitor, 0)) + frame.data
    return body + bytes((reduce(xor, body),))


class Frames:
    """Frames out of bytes that come in any portions; there is no mark at which one begins."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames complete so far; ProtocolError for what cannot be one; what came with it is dropped."""
        self._kept += data
        while self._kept:
            size = self._kept[0]
            if not SHORTEST <= size <= LONGEST:
                shown = bytes(self._kept[:LONGEST]).hex(" ")
                self._kept.clear()
                raise ProtocolError(f"not a frame: {shown}")
            if len(self._kept) < size:
                return
            frame = bytes(self._kept[:size])
            del self._kept[:size]
            # A document prints the acknowledgement with another last byte: this one is taken whatever it is.
            if reduce(xor, frame[:-1]) != frame[-1] and frame[3:-1] != bytes((STATUS, DONE)):
                self._kept.clear()
                raise ProtocolError(f"wrong check: {frame.hex(' ')}")
            yield Frame(monitor=frame[1], data=frame[3:-1])


class Options(SerialDisplayOptions):
    """What a Philips display can be told in the configuration."""

    monitor_id: int = Field(1, ge=1, le=255, description="The monitor id in the display's own menu.")


class PhilipsSicp(Display[Frame], Power, Inputs, Volume, Picture):
    """A display; also reports signal and model."""

    title = "Philips display"
    port = 5000
    serial = True
    told_apart_by = "monitor_id"
    Options = Options

    mute = lacking("its muting is not in the published part of the protocol: set the volume to 0")

    def codec(self) -> Codec[Frame]:
        return Frames()

    async def switch(self, on: bool) -> None:
        await self._act(SET_POWER, ON if on else OFF)

    async def set_input(self, name: str) -> None:
        code = INPUTS[one_of(name, INPUTS)]
        await self._act(SET_INPUT, code, code, 1, 0)  # with its name on the screen

    async def set_volume(self, level: int) -> None:
        await self._act(SET_VOLUME, percent(level))

    async def show_picture(self, on: bool) -> None:
        await self._act(SET_BACKLIGHT, int(not on))

    def unasked(self, answer: Frame) -> None:
        if answer.monitor == self.options.monitor_id:  # others are other displays on the same line
            super().unasked(answer)

    async def _say(self, code: int, *data: int, answer: int) -> bytes:
        """What the answer has after its code; Rejected when it says no."""
        frame = await self.ask(
            encode(Frame(monitor=self.options.monitor_id, data=bytes((code, *data)))),
            fits=lambda said: said.monitor == self.options.monitor_id and said.data[0] in (answer, STATUS),
        )
        if frame.data[0] == STATUS:
            if frame.data[1:2] == bytes((DONE,)) and answer == STATUS:
                return b""
            reason = "has no such function now" if frame.data[1:2] == bytes((NOT_AVAILABLE,)) else "refuses"
            raise Rejected(f"the display {reason}", frame.data[1:].hex())
        if len(frame.data) < 2:
            raise ProtocolError(f"a report without a value: {frame.data.hex(' ')}")
        return frame.data[1:]

    async def _act(self, code: int, *data: int) -> None:
        await self._say(code, *data, answer=STATUS)
        self.look_again()

    async def _read(self, code: int) -> int | None:
        """What is reported; None when it refuses, which is normal for what it lacks or in standby."""
        with suppress(Rejected):
            return (await self._say(code, answer=code))[0]
        return None

    async def look(self) -> None:
        power = await self._read(POWER)
        if power is not None:
            self.report(power=power == ON, inputs=tuple(INPUTS))
        if power != ON:
            self.report(fault="")
            return
        if (code := await self._read(INPUT)) is not None:
            self.report(input=_NAMES.get(code, f"input_{code:02x}"))
        if (level := await self._read(VOLUME)) is not None and level <= 100:
            self.report(volume=level)
        if (dark := await self._read(BACKLIGHT)) is not None:
            self.report(picture=dark == 0)
        if (signal := await self._read(SIGNAL)) is not None:
            self.report(signal=signal == 1, fault="" if signal else "no signal")
        if "model" not in self.readings:
            with suppress(Rejected):
                text = await self._say(TEXT, 0, answer=TEXT)
                self.report(model=text.decode("ascii", "replace").strip("\0 "))


DRIVER = PhilipsSicp
