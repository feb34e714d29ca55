"""Behringer X32 and Midas M32 mixers over OSC, on UDP 10023 (source: Maillot, Unofficial X32 OSC protocol).

An address without an argument asks, with one it sets. A set is not answered to whoever made it, so it is read
back. ``/xremote`` has the mixer tell for ten seconds what others change. Levels go in steps of 1/1023.
"""

from __future__ import annotations

import asyncio
import math
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from avctl.capabilities import Mixing
from avctl.driver import Driver, together
from avctl.errors import BadArgument, LinkError, NoAnswer, ProtocolError
from avctl.events import Link, SoundMeasured
from avctl.wire import Datagrams, udp

Value = int | float | str

RENEW_SECONDS = 8.0  # of the ten for which it tells what others change
AT_ONCE = 16  # questions under way: the mixer overruns when there are many
TRIES = 3
SETTLE_SECONDS = 1.0  # after a scene, before everything is read again
READ_SECONDS = 30.0
HOLD_SECONDS = 1.0  # a channel that paused for a breath still sounds
STRIP = re.compile(r"(/(?:ch|bus|mtx)/\d\d|/dca/\d|/main/st)/(?:mix/)?(config/name|on|fader)")
KINDS = {"bus": "/bus/{:02d}", "matrix": "/mtx/{:02d}", "dca": "/dca/{}"}
SCENE = "/-show/prepos/current"
METERS = "/meters/1"  # 32 inputs first, linear, little-endian
OUTPUTS = "/meters/2"  # 16 buses, 6 matrices, main left and right first
FIELDS = {"config/name": "name", "on": "muted", "fader": "level"}
SILENCE_DB = -99.0


def encode(address: str, *arguments: Value | bytes) -> bytes:
    """The datagram of a message; without arguments it is a question."""
    message = OscMessageBuilder(address)
    for argument in arguments:
        message.add_arg(argument)
    # The mixer's own questions have no type tags at all.
    data: bytes = message.build().dgram
    return data if arguments else data[: data.index(b",")]


def decode(datagram: bytes) -> tuple[str, tuple[Any, ...]]:
    """Address and arguments of a message; ProtocolError when it is none."""
    try:
        message = OscMessage(datagram)
    except (ParseError, ValueError, IndexError, struct.error) as fault:
        raise ProtocolError(f"not OSC: {datagram[:40].hex(' ')}") from fault
    return message.address, tuple(message.params)


def decibels(fader: float) -> float | None:
    """The level of a fader from 0 to 1; None at its very end, which is silence."""
    if fader <= 0:
        return None
    if fader >= 0.5:
        level = 40 * fader - 30
    elif fader >= 0.25:
        level = 80 * fader - 50
    elif fader >= 0.0625:
        level = 160 * fader - 70
    else:
        level = 480 * fader - 90
    return round(level, 1)


def fader(level: float) -> float:
    """The place of a fader for a level in dB."""
    if level <= -90:
        return 0.0
    if level < -60:
        return (level + 90) / 480
    if level < -30:
        return (level + 70) / 160
    if level < -10:
        return (level + 50) / 80
    return min(1.0, (level + 30) / 40)


def meters(blob: bytes, wanted: int) -> tuple[float, ...]:
    """The first levels of a packet of meters, 1.0 is full scale."""
    count = int.from_bytes(blob[:4], "little")
    if count < wanted or len(blob) < 4 + 4 * count:
        raise ProtocolError(f"meters of {len(blob)} bytes")
    return struct.unpack_from(f"<{wanted}f", blob, 4)


def loudness(level: float) -> float:
    """A linear level in dB below full scale."""
    return round(20 * math.log10(level), 1) if level > 1e-5 else SILENCE_DB


def outputs(levels: tuple[float, ...]) -> dict[str, float]:
    """The levels of the mixer's outputs, in dB, by the names of its strips."""
    named = [*(f"bus-{one}" for one in range(1, 17)), *(f"matrix-{one}" for one in range(1, 7))]
    found = {name: loudness(level) for name, level in zip(named, levels, strict=False)}
    return found | {"0": loudness(max(levels[22:24]))}


class Options(BaseModel):
    """What an X32 or M32 can be told in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int = Field(32, ge=1, le=32, description="How many of its channels are used, from the first.")
    buses: int = Field(0, ge=0, le=16, description="How many of its buses are used: bus-1 and so on.")
    matrices: int = Field(0, ge=0, le=6, description="How many of its matrices are used: matrix-1 and so on.")
    dcas: int = Field(0, ge=0, le=8, description="How many of its DCA groups are used: dca-1 and so on.")
    poll: float = Field(1.5, gt=0, le=8, description="Seconds between two signs of life.")
    answer_seconds: float = Field(0.5, gt=0, le=5, description="Silence after which it is asked again.")
    sounds_db: float = Field(-45, ge=-90, le=0, description="Level from which a channel counts as sounding.")


class BehringerX32(Driver, Mixing):
    """A mixer; also reports model and firmware."""

    title = "Mixer (Behringer X32, Midas M32)"
    port = 10023
    Options = Options

    _wire: Datagrams | None = None

    async def serve(self) -> None:
        """Read everything once, then hear what changes, until it falls silent."""
        self._awaited: dict[str, asyncio.Future[tuple[Any, ...]]] = {}
        self._strips: dict[str, dict[str, Any]] = {}
        self._sounded: dict[int, float] = {}
        self._outputs: dict[str, float] = {}
        self._places = dict(self._named())
        self._names = {place: name for name, place in self._places.items()}
        self._again = asyncio.Event()
        self._renewed = self._read_at = -math.inf
        async with udp(self.device.host, int(self.device.port or self.port), self.log) as self._wire:
            try:
                await together(self._hear(self._wire), self._watch())
            finally:
                self._wire = None
                for future in self._awaited.values():
                    future.cancel()

    async def mute_channel(self, channel: int | str, on: bool) -> None:
        await self._set(_address(self._strip(channel), "on"), int(not on))

    async def set_level(self, channel: int | str, decibels: float) -> None:
        if not -90 <= decibels <= 10:
            raise BadArgument("decibels", f"a number from -90 (silence) to 10 (got {decibels:g})")
        await self._set(_address(self._strip(channel), "fader"), fader(decibels))

    async def recall_scene(self, number: int) -> None:
        if not 0 <= number <= 99:
            raise BadArgument("number", f"a number from 0 to 99 (got {number})")
        self._send("/-action/goscene", number)
        await self._ask(SCENE)
        self._again.set()

    # --- asking ------------------------------------------------------------------------------------------

    def _named(self) -> Iterator[tuple[str, str]]:
        """The strips that are used: what they are called, and the beginning of their addresses."""
        yield "0", "/main/st"
        yield from ((str(one), f"/ch/{one:02d}") for one in range(1, self.options.channels + 1))
        for kind, count in self._more().items():
            yield from ((f"{kind}-{one}", KINDS[kind].format(one)) for one in range(1, count + 1))

    def _strip(self, channel: int | str) -> str:
        if (place := self._places.get(str(channel))) is not None:
            return place
        more = "".join(f", {kind}-1 to {kind}-{count}" for kind, count in self._more().items() if count)
        raise BadArgument("channel", f"0 (main) to {self.options.channels}{more} (got {channel})")

    def _more(self) -> dict[str, int]:
        return {"bus": self.options.buses, "matrix": self.options.matrices, "dca": self.options.dcas}

    def _send(self, address: str, *arguments: Value) -> None:
        if self._wire is None:
            raise LinkError("the mixer is not connected")
        self._wire.send_now(encode(address, *arguments))

    async def _set(self, address: str, value: Value) -> None:
        """Set something and read it back: the mixer says nothing to whoever sets."""
        self._send(address, value)
        await self._ask(address)

    async def _ask(self, address: str) -> tuple[Any, ...]:
        """The answer to a question, asked again when a datagram was lost."""
        for _ in range(TRIES):
            future = self._awaited.get(address)
            if future is None or future.done():
                future = self._awaited[address] = asyncio.get_running_loop().create_future()
            self._send(address)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.options.answer_seconds):
                    return await asyncio.shield(future)
        raise NoAnswer(f"the mixer does not answer {address}")

    # --- the link ----------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        told = await self._ask("/info")
        self.report(model=str(told[2]) if len(told) > 2 else "", firmware=str(told[-1]) if told else "")
        self._renew()
        await self._read_all()
        self.online()
        loop = asyncio.get_running_loop()
        while True:
            await self.rest(self.options.poll, self._again)
            if self._again.is_set():
                await asyncio.sleep(SETTLE_SECONDS)
            self._renew()
            # It tells only four listeners: one more is told nothing, and must look now and then.
            if self._again.is_set() or loop.time() - self._read_at >= READ_SECONDS:
                await self._read_all()
            else:
                await self._ask("/xinfo")
            self._pause()

    def _renew(self) -> None:
        """Have it tell us what changes, and how loud it is, for the next ten seconds."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed >= RENEW_SECONDS - self.options.poll:
            self._renewed = now
            self._send("/xremote")
            self._send("/meters", METERS)
            self._send("/meters", OUTPUTS)

    async def _read_all(self) -> None:
        self._again.clear()
        self._read_at = asyncio.get_running_loop().time()
        waiting = list(self._addresses())
        while waiting:
            now, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            await asyncio.gather(*(self._ask(address) for address in now))

    def _addresses(self) -> Iterator[str]:
        yield SCENE
        for place in self._places.values():
            yield from (_address(place, field) for field in FIELDS)

    async def _hear(self, wire: Datagrams) -> None:
        while True:
            address, arguments = decode(await wire.receive())
            self._take(address, arguments)
            future = self._awaited.get(address)
            if future is not None and not future.done():
                future.set_result(arguments)

    def _take(self, address: str, arguments: tuple[Any, ...]) -> None:
        match arguments:
            case (bytes() as blob,) if address == METERS:
                self._measured(meters(blob, 32))
            case (bytes() as blob,) if address == OUTPUTS:
                self._outputs = outputs(meters(blob, 24))
            case (int() as scene,) if address == SCENE:
                if self.readings.get("scene") not in (None, scene):
                    self._again.set()  # a scene changes everything, and not all of that is told
                self.report(scene=scene if scene >= 0 else None)
            case ((int() | float() | str()) as value,) if found := STRIP.fullmatch(address):
                if (name := self._names.get(found[1])) is not None:
                    self._strips.setdefault(name, {})[FIELDS[found[2]]] = _meaning(found[2], value)
                    self.report(channels={key: dict(strip) for key, strip in sorted(self._strips.items())})

    def _measured(self, levels: tuple[float, ...]) -> None:
        now, least = asyncio.get_running_loop().time(), 10 ** (self.options.sounds_db / 20)
        for channel, level in enumerate(levels[: self.options.channels], 1):
            if level >= least:
                self._sounded[channel] = now
        self._pause()
        if self.link is Link.ONLINE:
            used = enumerate(levels[: self.options.channels], 1)
            loud = {str(channel): loudness(level) for channel, level in used} | self._outputs
            self.publish(SoundMeasured(device=self.device.id, levels=loud))

    def _pause(self) -> None:
        """Forget channels that have been silent for a while."""
        now = asyncio.get_running_loop().time()
        sounding = (one for one, at in self._sounded.items() if now - at <= HOLD_SECONDS)
        self.report(signal=tuple(sorted(sounding)))


def _address(place: str, field: str) -> str:
    """Where a strip has something; the groups have no mix of their own."""
    inside = field if field == "config/name" or place.startswith("/dca") else f"mix/{field}"
    return f"{place}/{inside}"


def _meaning(field: str, value: Value) -> Any:
    match field, value:
        case "on", int():
            return value == 0
        case "fader", int() | float():
            return decibels(float(value))
        case _:
            return str(value)


DRIVER = BehringerX32
