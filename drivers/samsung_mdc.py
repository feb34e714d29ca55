"""Samsung professional displays over MDC, on TCP 1515 or a serial line (source: Samsung MDC protocol manual).

Frame: ``AA command id length data… checksum``; answer: ``AA FF id length 'A'|'N' command data… checksum``.
The display never speaks unasked: it is polled, one request outstanding at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from avctl import wire
from avctl.capabilities import Brightness, Inputs, Layouts, Power, Volume
from avctl.driver import Driver, Turns, together
from avctl.errors import AuthRefused, BadArgument, LinkError, NoAnswer, ProtocolError, Rejected

HEADER = 0xAA
ANSWER = 0xFF
EVERY_DISPLAY = 0xFE
ACKNOWLEDGED, REFUSED = 0x41, 0x4E
SECURED, PASSED, FAILED = b"MDCSTART<<TLS>>", b"MDCAUTH<<PASS>>", b"MDCAUTH<<FAIL:"
NOISE = 64  # bytes of line noise forgiven before a header


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
    VIDEO_WALL = 0x84
    WALL_LAYOUT = 0x89
    MODEL_NAME = 0x8A


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


class Codec:
    """Frames out of bytes that come in any portions; noise before a header is passed over."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._noise = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames complete so far; ProtocolError for a wrong checksum or for too much noise."""
        self._kept += data
        while frame := self._next():
            yield frame

    def _next(self) -> Frame | None:
        start = self._kept.find(HEADER)
        passed = len(self._kept) if start < 0 else start
        del self._kept[:passed]
        self._noise += passed
        if self._noise > NOISE:
            self._noise = 0
            raise ProtocolError("these are not MDC frames")
        if len(self._kept) < 4 or len(self._kept) < self._kept[3] + 5:
            return None
        end = self._kept[3] + 5
        frame = bytes(self._kept[:end])
        del self._kept[:end]
        self._noise = 0
        if sum(frame[1:-1]) % 256 != frame[-1]:
            raise ProtocolError(f"wrong checksum: {frame.hex(' ')}")
        return Frame(command=frame[1], display=frame[2], data=frame[4:-1])


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in INPUTS]:
        raise ValueError(f"names out of {', '.join(INPUTS)}; not {', '.join(unknown)}")
    return names


class Options(BaseModel):
    """What a Samsung display can be told in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    display_id: int = Field(1, ge=0, le=0xFD, description="The id set in the display's own menu.")
    pin: SecretStr | None = Field(None, description="PIN of secured mode, four digits; absent: not secured.")
    poll: float = Field(5, gt=0, le=600, description="Seconds between two looks at the display.")
    answer_seconds: float = Field(2, gt=0, le=30, description="Silence after which the link is given up.")
    boot_seconds: float = Field(15, ge=0, le=120, description="Seconds it may stay silent after power-on.")
    baud_rate: int = Field(9600, ge=1200, le=115200, description="Speed of a serial line.")
    inputs: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(
        (), description="Names of the inputs it has; empty: all MDC knows."
    )


class SamsungMdc(Driver, Power, Inputs, Volume, Brightness, Layouts):
    """A display or one tile of a wall; also reports temperature (°C), fault (text), model and serial."""

    title = "Samsung display (MDC)"
    port = 1515
    serial = True
    told_apart_by = "display_id"
    Options = Options

    _turns: Turns[Frame] | None = None
    _woken_at = float("-inf")

    async def serve(self) -> None:
        """Poll the display until it fails to answer."""
        self._news = asyncio.Event()
        async with self._connected() as line:
            self._turns = Turns(line.send)
            try:
                await together(self._hear(line), self._watch(), self._turns.ended())
            finally:
                self._turns = None

    async def set_power(self, on: bool) -> None:
        await self._set(Command.POWER, int(on))
        if on and not self.readings.get("power"):
            self._woken_at = asyncio.get_running_loop().time()

    async def set_input(self, name: str) -> None:
        if name not in self._inputs():
            raise BadArgument("name", f"one of {', '.join(self._inputs())} (got {name!r})")
        await self._set(Command.INPUT, INPUTS[name])

    async def set_volume(self, level: int) -> None:
        await self._set(Command.VOLUME, _percent(level))

    async def mute(self, on: bool) -> None:
        await self._set(Command.MUTE, int(on))

    async def set_brightness(self, level: int) -> None:
        await self._set(Command.BRIGHTNESS, _percent(level))

    async def join_wall(self, rows: int, columns: int, tile: int) -> None:
        for field, value, most in (
            ("rows", rows, 15),
            ("columns", columns, 15),
            ("tile", tile, min(rows * columns, 100)),
        ):
            if not 1 <= value <= most:
                raise BadArgument(field, f"a number from 1 to {most} (got {value})")
        await self._set(Command.VIDEO_WALL, 1)  # a layout is refused while the wall is off
        await self._set(Command.WALL_LAYOUT, rows << 4 | columns, tile)

    async def leave_wall(self) -> None:
        await self._set(Command.VIDEO_WALL, 0)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[wire.Wire]:
        if isinstance(self.device.port, str):
            async with wire.serial_line(self.device.port, self.log, self.options.baud_rate) as line:
                yield line
            return
        async with self._tcp(self.device.port or self.port) as stream:
            if self.options.pin is not None:
                await self._log_in(stream, self.options.pin.get_secret_value().rjust(4, "0"))
            yield stream

    def _tcp(self, port: int) -> AbstractAsyncContextManager[wire.Stream]:
        return wire.tcp(self.device.host, port, self.log)

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

    async def _hear(self, line: wire.Wire) -> None:
        codec = Codec()
        begun = b""
        while True:
            data = await line.receive()
            begun = (begun + data)[: len(SECURED)]
            if begun == SECURED:
                raise AuthRefused("the display is in secured mode and no PIN is configured")
            for frame in codec.feed(data):
                # Other ids are other displays on the same serial chain.
                if frame.command == ANSWER and frame.display == self.options.display_id:
                    self._answered(frame)

    def _answered(self, frame: Frame) -> None:
        if len(frame.data) < 2 or frame.data[0] not in (ACKNOWLEDGED, REFUSED):
            raise ProtocolError(f"an answer without its status: {frame.data.hex(' ')}")
        if self._turns is not None and not self._turns.heard(frame) and not self._starting:
            raise ProtocolError(f"an answer nobody asked for: {frame.data.hex(' ')}")

    async def _ask(self, command: Command, *data: int, least: int = 0) -> bytes:
        """The data of the answer, at least so many bytes; Rejected when the display refuses."""
        if self._turns is None:
            raise LinkError("the display is not connected")
        request = encode(Frame(command=command, display=self.options.display_id, data=bytes(data)))
        frame = await self._turns.ask(
            request,
            self.options.answer_seconds,
            fits=lambda answer: answer.data[1] == command,
            forgive=self._starting,  # silence is normal then, and no reason to call it offline
        )
        if frame.data[0] == REFUSED:
            raise Rejected(f"the display refused {command.name.lower()}", code=frame.data[2:].hex())
        if len(frame.data) - 2 < least:
            raise ProtocolError(f"{command.name.lower()} is too short: {frame.data.hex(' ')}")
        return frame.data[2:]

    async def _set(self, command: Command, *data: int) -> None:
        await self._ask(command, *data)
        self._news.set()  # look at once: only what the display reports is shown

    @property
    def _starting(self) -> bool:
        """Whether we switched it on a short while ago."""
        ready_at: float = self._woken_at + self.options.boot_seconds
        return asyncio.get_running_loop().time() < ready_at

    async def _watch(self) -> None:
        while True:
            self._news.clear()
            starting = self._starting
            try:
                await self._look()
            except NoAnswer:
                if not (starting or self._starting):
                    raise
                continue
            self.online()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.options.poll):
                    await self._news.wait()

    async def _look(self) -> None:
        # Refusals are normal in standby, while booting and outside the wall: they are no faults.
        with suppress(Rejected):
            status = await self._ask(Command.STATUS, least=4)
            self.report(inputs=self._inputs())
            self.report(power=status[0] == 1, muted=status[2] == 1, input=input_name(status[3]))
            if status[1] <= 100:
                self.report(volume=status[1])
        if self.readings.get("power"):
            with suppress(Rejected):
                self.report(brightness=(await self._ask(Command.BRIGHTNESS, least=1))[0])
            with suppress(Rejected):
                self.report(wall=(await self._ask(Command.VIDEO_WALL, least=1))[0] == 1)
            with suppress(Rejected):
                layout, tile = (await self._ask(Command.WALL_LAYOUT, least=2))[:2]
                self.report(rows=layout >> 4, columns=layout & 15, tile=tile)
            for name, command in (("model", Command.MODEL_NAME), ("serial", Command.SERIAL_NUMBER)):
                if name not in self.readings:
                    with suppress(Rejected):
                        text = await self._ask(command)
                        self.report(**{name: text.decode("ascii", "replace").strip("\0 ")})
        await self._look_for_faults()

    async def _look_for_faults(self) -> None:
        try:
            lamp, heat, _, signal, celsius, fan = (await self._ask(Command.ERROR_STATUS, least=6))[:6]
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


def _percent(level: int) -> int:
    if not 0 <= level <= 100:
        raise BadArgument("level", f"a number from 0 to 100 (got {level})")
    return level


DRIVER = SamsungMdc
