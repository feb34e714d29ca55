"""PTZ cameras over VISCA (sources: Sony SRG-300H technical manual, PTZOptics and Minrray VISCA manuals).

Packet: ``81 … FF``, reply: ``90 … FF``, over Sony's UDP 52381, plain UDP, plain TCP, or a serial line. A
command is accepted at once and completed later. The camera never speaks unasked: it is polled, faster while
it moves.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from avctl import wire
from avctl.capabilities import Camera, Power
from avctl.driver import Driver, together
from avctl.errors import AvctlError, BadArgument, LinkError, NoAnswer, Rejected, Unsupported
from drivers.visca.chain import Place, place_on
from drivers.visca.codec import RESET, SYNTAX, Kind, command, nibbles, number
from drivers.visca.line import Line, Request

PORTS: Mapping[str, int] = {"sony-udp": 52381, "udp": 1259, "tcp": 5678}
POWER, ZOOM, PAN_TILT = command(0x09, 0x04, 0x00), command(0x09, 0x04, 0x47), command(0x09, 0x06, 0x12)
MOTION, VERSION = command(0x09, 0x06, 0x10), command(0x09, 0x00, 0x02)
MODELS: Mapping[int, str] = {
    0x0511: "SRG-120DH",
    0x0513: "SRG-300H",
    0x0617: "SRG-X400",
    0x051C: "BRC-X400",
    0x051F: "BRC-AM7",
}
SONY = 0x0001
RESERVED = frozenset((*range(90, 100), 255))  # PTZOptics keeps these numbers for functions
FASTEST_PAN, FASTEST_TILT = 0x18, {"sony": 0x17, "ptzoptics": 0x14}
TALLY: Mapping[str, tuple[int, ...]] = {
    "sony": (0x01, 0x7E, 0x01, 0x0A, 0x00),
    "ptzoptics": (0x0A, 0x02, 0x02),
}
PAN: Mapping[str, int] = {"left": 1, "right": 2, "stop": 3}
TILT: Mapping[str, int] = {"up": 1, "down": 2, "stop": 3}
NEAR = 8  # steps a camera at rest may seem to move
TALLY_AGAIN = 10.0  # seconds: BRC-AM7 puts the lamp out unless "on" comes again within 15
MOVING_POLL = 0.2  # seconds between two looks at a camera that moves


class Options(BaseModel):
    """What a VISCA camera can be told in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transport: Literal["sony-udp", "udp", "tcp"] = Field(
        "sony-udp",
        description="sony-udp (52381), udp without a header (1259), tcp (5678); not asked on a serial line.",
    )
    address: int = Field(1, ge=1, le=7, description="Place of the camera on a serial line, the first is 1.")
    baud_rate: Literal[9600, 19200, 38400] = Field(9600, description="Speed of a serial line.")
    recall_speed: int = Field(
        0, ge=0, le=24, description="Speed of recalls, 1 (slow) to 24; 0: as the camera is set."
    )
    family: Literal["sony", "ptzoptics"] = Field(
        "sony", description="ptzoptics: presets 90 to 99 and 255 are functions and are never recalled."
    )
    poll: float = Field(1, gt=0, le=60, description="Seconds between two looks at a camera at rest.")
    answer_seconds: float = Field(0.4, gt=0, le=5, description="Silence after which a request is repeated.")
    tries: int = Field(3, ge=1, le=10, description="How often a request is sent before it counts as lost.")
    recall_seconds: float = Field(
        15, gt=0, le=60, description="Seconds a recall may take until the camera accepts it and arrives."
    )
    settle_seconds: float = Field(
        1.5, gt=0, le=10, description="Rest after which a camera that reports no arrival has arrived."
    )


class _Recall:
    """A shot on its way."""

    def __init__(self, preset: int, request: Request, begun: float) -> None:
        self.preset, self.request, self.begun = preset, request, begun


class Visca(Driver, Camera, Power):
    """A pan-tilt-zoom camera; also reports fault (text) and model."""

    title = "PTZ camera (VISCA)"
    port = PORTS["sony-udp"]
    serial = True
    shares_line = "address"
    Options = Options

    _line: Line | None = None
    _recall: _Recall | None = None
    _there: tuple[int, ...] = ()  # where the last recalled shot is
    _position: tuple[int, ...] = ()
    _position_at = 0.0  # since when it is there
    _completes = False  # whether this camera has ever reported an arrival
    _tells_motion = True
    _tally_at = math.inf

    async def serve(self) -> None:
        """Poll the camera until it fails to answer."""
        self._news = asyncio.Event()
        self._recall, self._tells_motion = None, True
        async with self._connected() as channel:
            options = self.options
            stream = self._transport in ("tcp", "serial")
            line = Line(
                channel.send_now,
                framed=self._transport == "sony-udp",
                # A stream loses nothing: there is no use in repeating.
                seconds=options.answer_seconds * (options.tries if stream else 1),
                tries=1 if stream else options.tries,
                stream=stream,
                address=options.address if self._transport == "serial" else 1,
            )
            self._line = line
            self._paced: set[int] = set()  # presets whose speed was told; Sony has one speed for all
            try:
                await together(self._hear(channel, line), self._watch(line), line.ended())
            finally:
                self._line = None

    def recall_preset(self, preset: int) -> Coroutine[Any, Any, None]:
        """As the capability says; the bytes leave when it is called, not when it is awaited."""
        number = self._number(preset)
        if self.options.recall_speed and self.options.family == "ptzoptics" and number not in self._paced:
            self._paced.add(number)
            self._put(0x06, 0x01, number, self.options.recall_speed)
        request = self._put(0x04, 0x3F, 0x02, number, patience=self.options.recall_seconds)
        recall = self._recall = _Recall(preset, request, asyncio.get_running_loop().time())
        request.done.add_done_callback(lambda _: self._news.set())
        self._news.set()  # a camera that accepts late is followed from now on
        return self._accepted(recall)

    async def _accepted(self, recall: _Recall) -> None:
        try:
            await _reply_to(recall.request)
        except AvctlError:
            if self._recall is recall:
                self._recall = None
            raise
        if self._recall is recall:
            self.report(preset=None, moving=True)

    async def store_preset(self, preset: int) -> None:
        await _reply_to(self._put(0x04, 0x3F, 0x01, self._number(preset)))

    async def drive(
        self,
        pan: Literal["left", "right", "stop"] = "stop",
        tilt: Literal["up", "down", "stop"] = "stop",
        speed: int = 8,
    ) -> None:
        if not 1 <= speed <= FASTEST_PAN:
            raise BadArgument("speed", f"a number from 1 to {FASTEST_PAN} (got {speed})")
        tilt_speed = min(speed, FASTEST_TILT[self.options.family])
        ways = _one_of("pan", pan, PAN), _one_of("tilt", tilt, TILT)
        await _reply_to(self._put(0x06, 0x01, speed, tilt_speed, *ways))
        self._lead_away()

    async def zoom(self, direction: Literal["tele", "wide", "stop"], speed: int = 3) -> None:
        if not 0 <= speed <= 7:
            raise BadArgument("speed", f"a number from 0 to 7 (got {speed})")
        way = _one_of("direction", direction, {"tele": 0x20 | speed, "wide": 0x30 | speed, "stop": 0x00})
        await _reply_to(self._put(0x04, 0x07, way))
        self._lead_away()

    async def set_tally(self, on: bool) -> None:
        lamp = command(*TALLY[self.options.family], 0x02 if on else 0x03)
        try:
            await _reply_to(self._send(Request(lamp)))
        except Rejected as refusal:
            if refusal.code == f"{SYNTAX:02x}":
                raise Unsupported(f"this camera has no on-air lamp that can be lit ({refusal})") from refusal
            raise
        self._tally_at = asyncio.get_running_loop().time() if on else math.inf
        self.report(tally=on)

    async def set_power(self, on: bool) -> None:
        await _reply_to(self._put(0x04, 0x00, 0x02 if on else 0x03))
        self._news.set()

    # --- asking ------------------------------------------------------------------------------------

    def _put(self, *values: int, patience: float = 0) -> Request:
        return self._send(Request(command(0x01, *values), patience=patience))

    def _send(self, request: Request) -> Request:
        if self._line is None:
            raise LinkError("the camera is not connected")
        self._line.put(request)
        return request

    async def _inquire(self, line: Line, inquiry: bytes, digits: int = 0) -> bytes:
        request = Request(inquiry, Kind.INQUIRY, digits=digits)
        line.put(request)
        return await _reply_to(request)

    def _number(self, preset: int) -> int:
        reserved = RESERVED if self.options.family == "ptzoptics" else frozenset()
        if not 0 <= preset <= 255 or preset in reserved:
            kept = " except 90 to 99 and 255" if reserved else ""
            raise BadArgument("preset", f"a number from 0 to 255{kept} (got {preset})")
        return preset

    def _lead_away(self) -> None:
        self._recall = None  # a shot that was on its way is given up
        self._news.set()

    # --- the link ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[wire.Stream | wire.Datagrams | Place]:
        port = self.device.port or PORTS[self.options.transport]
        if isinstance(port, str):
            options = self.options
            async with place_on(port, options.address, options.baud_rate, self.log) as place:
                yield place
        elif self.options.transport == "tcp":
            async with wire.tcp(self.device.host, port, self.log) as stream:
                yield stream
        else:
            async with wire.udp(self.device.host, port, self.log) as datagrams:
                yield datagrams

    @property
    def _transport(self) -> str:
        return "serial" if isinstance(self.device.port, str) else str(self.options.transport)

    async def _hear(self, channel: wire.Stream | wire.Datagrams | Place, line: Line) -> None:
        while True:
            line.heard(await channel.receive())

    async def _watch(self, line: Line) -> None:
        if self._transport == "sony-udp":
            reset = Request(RESET, Kind.CONTROL)
            line.put(reset)
            await reset.done
        if self.options.recall_speed and self.options.family == "sony":
            self._put(0x7E, 0x04, 0x1B, 0x02)  # one speed for all presets
            self._put(0x7E, 0x04, 0x1C, *nibbles(self.options.recall_speed, 2))
        while True:
            self._news.clear()
            try:
                await self._look(line)
            except NoAnswer:  # the line ends the link when it happens twice
                continue
            busy = self._recall is not None or self.readings.get("moving")
            await self.rest(min(self.options.poll, MOVING_POLL if busy else math.inf), self._news)

    # --- looking -----------------------------------------------------------------------------------

    async def _look(self, line: Line) -> None:
        with suppress(Rejected):
            self.report(power=(await self._inquire(line, POWER, 1))[0] == 0x02)
        self.online()
        if "model" not in self.readings:
            await self._look_for_model(line)
        if not self.readings.get("power"):
            self._recall = None
            self.report(preset=None, moving=False)
            return
        with suppress(Rejected):  # in standby, or while it starts
            await self._look_where(line)
        if asyncio.get_running_loop().time() - self._tally_at >= TALLY_AGAIN:
            with suppress(Rejected):
                await self.set_tally(True)

    async def _look_for_model(self, line: Line) -> None:
        try:
            told = await self._inquire(line, VERSION)
        except Rejected:
            self.report(model="")
            return
        vendor, model = int.from_bytes(told[:2], "big"), int.from_bytes(told[2:4], "big")
        known = MODELS.get(model) if vendor == SONY else None
        self.report(model=known or f"{vendor:04x}-{model:04x}")

    async def _look_where(self, line: Line) -> None:
        recall = self._recall
        # Before looking where it is: what rests, or has arrived, by then is where it will stay.
        arrived = recall is not None and recall.request.done.done()
        resting = await self._look_at_motion(line) if recall is not None else None
        told = await self._inquire(line, PAN_TILT)
        half = len(told) // 2  # four digits each, five on the BRC-AM7
        zoom = number(await self._inquire(line, ZOOM, 4))
        position = (number(told[:half], signed=True), number(told[half:], signed=True), zoom)
        still = _near(position, self._position)
        if not still:
            self._position_at = asyncio.get_running_loop().time()
        self._position = position
        self.report(pan=position[0], tilt=position[1], zoom=zoom)
        if self.readings.get("preset") is None or not _near(position, self._there):
            self.report(preset=None)  # never recalled, or moved by hand since
        if recall is not None and self._recall is recall:
            self._follow(recall, arrived, position, resting)
        self.report(moving=self._recall is not None or not still)

    def _follow(
        self, recall: _Recall, arrived: bool, position: tuple[int, ...], resting: bool | None
    ) -> None:
        """Decide whether the shot is there, lost, or still on its way."""
        now = asyncio.get_running_loop().time()
        if arrived and recall.request.done.exception() is None:
            self._completes = True
        elif arrived and isinstance(recall.request.done.exception(), Rejected):
            self._recall = None  # cancelled, by another controller perhaps
            return
        else:
            accepted = recall.request.replied.done() and recall.request.replied.exception() is None
            rested = now - max(recall.begun, self._position_at) >= self.options.settle_seconds
            overdue = now - recall.begun >= self.options.recall_seconds
            # A camera that reports arrivals is believed; one that never does has arrived once it rests.
            if not (
                accepted and rested and (resting or overdue or (resting is None and not self._completes))
            ):
                if overdue:
                    self._recall = None
                return
        self._recall = None
        self._there = position
        self.report(preset=recall.preset, moving=False)

    async def _look_at_motion(self, line: Line) -> bool | None:
        """Whether the camera says it rests; None when it does not tell."""
        if not self._tells_motion:
            return None
        try:
            told = await self._inquire(line, MOTION, 2)
        except Rejected:
            self._tells_motion = False
            return None
        word = int.from_bytes(told, "big")
        faults: dict[str, Any] = {
            "initialisation failed": word >> 12 & 3 == 3,
            "movement failed": word >> 10 & 3 == 3,
            "tilt mechanism": word >> 8 & 1,
            "pan mechanism": word >> 4 & 1,
        }
        self.report(fault=", ".join(name for name, present in faults.items() if present))
        return word >> 10 & 3 != 1


async def _reply_to(request: Request) -> bytes:
    """The first reply; a caller who stops waiting does not take it from the line."""
    return await asyncio.shield(request.replied)


def _near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return bool(other) and all(abs(a - b) <= NEAR for a, b in zip(one, other, strict=True))


def _one_of(field: str, value: str, ways: Mapping[str, int]) -> int:
    if value not in ways:
        raise BadArgument(field, f"one of {', '.join(ways)} (got {value!r})")
    return ways[value]


DRIVER = Visca
