"""Samsung professional displays over MDC, on TCP 1515 or a serial line (source: Samsung MDC protocol manual).

Frame: ``AA command id length data… checksum``; answer: ``AA FF id length 'A'|'N' command data… checksum``.
The display never speaks unasked: it is polled, one request outstanding at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from avctl import wire
from avctl.capabilities import Brightness, Hours, Inputs, Layouts, Lock, Picture, Power, Volume
from avctl.errors import AuthRefused, LinkError, ProtocolError, Rejected
from drivers import frames
from drivers.polled import Display, SerialDisplayOptions, one_of, percent, within
from drivers.samsung_mdc import timer

HEADER = 0xAA
ANSWER = 0xFF
EVERY_DISPLAY = 0xFE
ACKNOWLEDGED, REFUSED = 0x41, 0x4E
SECURED, PASSED, FAILED = b"MDCSTART<<TLS>>", b"MDCAUTH<<PASS>>", b"MDCAUTH<<FAIL:"


class Command(IntEnum):
    """Codes in the vendor's order."""

    STATUS = 0x00
    SERIAL_NUMBER = 0x0B
    ERROR_STATUS = 0x0D
    POWER = 0x11
    VOLUME = 0x12
    MUTE = 0x13
    INPUT = 0x14
    BRIGHTNESS = 0x25
    REMOTE_CONTROL = 0x36
    WALL_MODE = 0x5C
    VIDEO_WALL = 0x84
    WALL_LAYOUT = 0x89
    MODEL_NAME = 0x8A
    TIMER = 0xA4
    PANEL = 0xF9


INPUTS: Mapping[str, int] = {
    "hdmi1": 0x21,
    "hdmi2": 0x23,
    "hdmi3": 0x31,
    "hdmi4": 0x33,
    "dp1": 0x25,
    "dp2": 0x26,
    "dp3": 0x27,
    "hdbaset": 0x55,
    "dvi": 0x18,
    "pc": 0x14,
    "component": 0x08,
    "av": 0x0C,
    "rf": 0x30,
    "dtv": 0x40,
    "plugin": 0x50,
    "magicinfo": 0x20,
    "magicinfo_s": 0x60,
    "widi": 0x61,
    "internal": 0x62,
    "url": 0x63,
    "whiteboard": 0x64,
    "browser": 0x65,
}
# A display may report the "PC" or "video" twin of the input it was told to show.
TWINS: Mapping[int, int] = {0x1F: 0x18, 0x22: 0x21, 0x24: 0x23, 0x32: 0x31, 0x34: 0x33}
_NAMES = {code: name for name, code in INPUTS.items()}


def input_name(code: int) -> str:
    """The name of an input, or of the input whose twin it is."""
    return _NAMES.get(TWINS.get(code, code), f"input_{code:02x}")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of either direction; in an answer ``command`` is FF and data begins with 'A' or 'N'."""

    command: int
    display: int
    data: bytes = b""


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    body = bytes((frame.command, frame.display, len(frame.data))) + frame.data
    return bytes((HEADER,)) + body + bytes((sum(body) % 256,))


class Codec(frames.Frames[Frame]):
    """Frames of MDC."""

    header, told = HEADER, "MDC frames"

    def size(self, begun: bytes) -> int | None:
        return begun[3] + 5 if len(begun) >= 4 else None

    def read(self, frame: bytes) -> Frame:
        if sum(frame[1:-1]) % 256 != frame[-1]:
            raise ProtocolError(f"wrong checksum: {frame.hex(' ')}")
        return Frame(command=frame[1], display=frame[2], data=frame[4:-1])


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in INPUTS]:
        raise ValueError(f"names out of {', '.join(INPUTS)}; not {', '.join(unknown)}")
    return names


class Options(SerialDisplayOptions):
    """What a Samsung display can be told in the configuration."""

    display_id: int = Field(1, ge=0, le=0xFD, description="The id set in the display's own menu.")
    pin: SecretStr | None = Field(None, description="PIN of secured mode, four digits; absent: not secured.")
    wall_mode: Literal["", "natural", "full"] = Field(
        "",
        description="How a wall's picture is cut: natural hides what is behind the bezels; empty: as it is.",
    )
    inputs: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(
        (), description="Names of the inputs it has; empty: all MDC knows."
    )


class SamsungMdc(Display[Frame], Power, Inputs, Volume, Brightness, Picture, Layouts, Lock, Hours):
    """A display or one tile of a wall; also reports wall_mode, temperature (°C), fault, model and serial."""

    title = "Samsung display (MDC)"
    port = 1515
    serial = True
    told_apart_by = "display_id"
    Options = Options

    def codec(self) -> Codec:
        return Codec()

    async def switch(self, on: bool) -> None:
        await self._set(Command.POWER, int(on))

    async def set_input(self, name: str) -> None:
        await self._set(Command.INPUT, INPUTS[one_of(name, self._inputs())])

    async def set_volume(self, level: int) -> None:
        await self._set(Command.VOLUME, percent(level))

    async def mute(self, on: bool) -> None:
        await self._set(Command.MUTE, int(on))

    async def set_brightness(self, level: int) -> None:
        await self._set(Command.BRIGHTNESS, percent(level))

    async def show_picture(self, on: bool) -> None:
        await self._set(Command.PANEL, int(not on))

    async def join_wall(self, rows: int, columns: int, tile: int) -> None:
        within(rows, 1, 15, "rows")
        within(columns, 1, 15, "columns")
        within(tile, 1, min(rows * columns, 100), "tile")
        await self._set(Command.VIDEO_WALL, 1)  # a layout is refused while the wall is off
        await self._set(Command.WALL_LAYOUT, rows << 4 | columns, tile)
        if self.options.wall_mode:
            await self._set(Command.WALL_MODE, int(self.options.wall_mode == "full"))

    async def leave_wall(self) -> None:
        await self._set(Command.VIDEO_WALL, 0)

    async def lock_remote(self, on: bool) -> None:
        await self._set(Command.REMOTE_CONTROL, int(not on))

    async def set_hours(self, on_at: str, off_at: str, days: Literal["daily", "weekdays"] = "daily") -> None:
        wanted = timer.Hours.wanted(on_at, off_at, days)
        await self._set(Command.TIMER, *wanted.over(await self._say(Command.TIMER)))

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[wire.Wire]:
        self._begun = b""
        async with super().connected() as line:
            if self.options.pin is not None and isinstance(line, wire.Stream):
                await self._log_in(line, self.options.pin.get_secret_value().rjust(4, "0"))
            yield line

    async def _log_in(self, stream: wire.Stream, pin: str) -> None:
        """Secured mode: TLS on the open connection, then the PIN."""
        if await self._line_from(stream) != SECURED:
            raise ProtocolError("the display is not in secured mode, yet a PIN is configured")
        await stream.secure(wire.trusting())
        await stream.send(pin.encode(), shown="(PIN)")
        verdict = await self._line_from(stream)
        if verdict.startswith(FAILED):  # the code is written 0x0002 or 0002
            raise AuthRefused("the PIN is blocked" if verdict.endswith(b"0002>>") else "the PIN is wrong")
        if verdict != PASSED:
            raise ProtocolError(f"neither passed nor failed: {verdict.hex(' ')}")

    async def _line_from(self, stream: wire.Stream) -> bytes:
        got = b""
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                while not got.endswith(b">>"):
                    got += await stream.receive()
        except TimeoutError:
            raise LinkError("no answer while logging in") from None
        return got

    def received(self, data: bytes) -> None:
        self._begun = (self._begun + data)[: len(SECURED)]
        if self._begun == SECURED:
            raise AuthRefused("the display is in secured mode and no PIN is configured")

    def screen(self, answer: Frame) -> None:
        if self._mine(answer) and (len(answer.data) < 2 or answer.data[0] not in (ACKNOWLEDGED, REFUSED)):
            raise ProtocolError(f"an answer without its status: {answer.data.hex(' ')}")

    def unasked(self, answer: Frame) -> None:
        if self._mine(answer):
            super().unasked(answer)

    def _mine(self, answer: Frame) -> bool:
        """Whether it is from this display: other ids are others on the same serial chain."""
        return answer.command == ANSWER and answer.display == self.options.display_id

    async def _say(self, command: Command, *data: int, least: int = 0) -> bytes:
        """The data of the answer, at least so many bytes; Rejected when the display refuses."""
        frame = await self.ask(
            encode(Frame(command=command, display=self.options.display_id, data=bytes(data))),
            fits=lambda answer: self._mine(answer) and answer.data[1] == command,
        )
        if frame.data[0] == REFUSED:
            raise Rejected(f"the display refused {command.name.lower()}", code=frame.data[2:].hex())
        if len(frame.data) - 2 < least:
            raise ProtocolError(f"{command.name.lower()} is too short: {frame.data.hex(' ')}")
        return frame.data[2:]

    async def _set(self, command: Command, *data: int) -> None:
        await self._say(command, *data)
        self.look_again()

    async def look(self) -> None:
        # Refusals are normal in standby, while booting and outside the wall: they are no faults.
        with suppress(Rejected):
            status = await self._say(Command.STATUS, least=4)
            self.report(inputs=self._inputs())
            self.report(power=status[0] == 1, muted=status[2] == 1, input=input_name(status[3]))
            if status[1] <= 100:
                self.report(volume=status[1])
        if self.readings.get("power"):
            with suppress(Rejected):
                self.report(brightness=(await self._say(Command.BRIGHTNESS, least=1))[0])
            with suppress(Rejected):
                self.report(picture=(await self._say(Command.PANEL, least=1))[0] == 0)
            with suppress(Rejected):
                self.report(locked=(await self._say(Command.REMOTE_CONTROL, least=1))[0] == 0)
            with suppress(Rejected):
                hours = timer.Hours.read(await self._say(Command.TIMER))
                self.report(on_at=hours.on_at, off_at=hours.off_at, days=hours.days)
            with suppress(Rejected):
                full = (await self._say(Command.WALL_MODE, least=1))[0] == 1
                self.report(wall_mode="full" if full else "natural")
            with suppress(Rejected):
                self.report(wall=(await self._say(Command.VIDEO_WALL, least=1))[0] == 1)
            with suppress(Rejected):
                layout, tile = (await self._say(Command.WALL_LAYOUT, least=2))[:2]
                self.report(rows=layout >> 4, columns=layout & 15, tile=tile)
            for name, command in (("model", Command.MODEL_NAME), ("serial", Command.SERIAL_NUMBER)):
                if name not in self.readings:
                    with suppress(Rejected):
                        text = await self._say(command)
                        self.report(**{name: text.decode("ascii", "replace").strip("\0 ")})
        await self._look_for_faults()

    async def _look_for_faults(self) -> None:
        try:
            lamp, heat, _, signal, celsius, fan = (await self._say(Command.ERROR_STATUS, least=6))[:6]
        except Rejected:
            if not self.readings.get("power"):
                self.report(fault="")
            return
        found = {
            "lamp": lamp == 1,
            "temperature": heat == 1,
            "fan": fan == 1,
            "no signal": signal == 1 and bool(self.readings.get("power")),
            "signal out of range": signal == 2 and bool(self.readings.get("power")),
        }
        self.report(temperature=celsius, fault=", ".join(name for name, present in found.items() if present))

    def _inputs(self) -> tuple[str, ...]:
        return tuple(name for name in INPUTS if name in (self.options.inputs or INPUTS))


DRIVER = SamsungMdc
