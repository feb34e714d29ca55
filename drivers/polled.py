"""Devices that are asked one question at a time, on TCP or a serial line: what their drivers share.

A make gives the codec of its answers and ``look``, which asks for everything that is shown. Whatever a verb
changes is looked at at once: only what the device itself reports is shown.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from avctl import wire
from avctl.driver import Driver, Turns, together
from avctl.errors import BadArgument, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.events import Link
from avctl.lan import Mac, wake

Answer = TypeVar("Answer")
Heard = TypeVar("Heard", covariant=True)

WAKING_SECONDS = 90.0  # within which a display that was woken is told to switch on, once it can be reached


class Codec(Protocol[Heard]):
    """Answers out of bytes that come in any portions; ProtocolError for what cannot be one."""

    def feed(self, data: bytes) -> Iterable[Heard]:
        """The answers complete so far."""
        ...


class Options(BaseModel):
    """What every device that is asked can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    poll: float = Field(5, gt=0, le=600, description="Seconds between two looks at the device.")
    answer_seconds: float = Field(2, gt=0, le=30, description="Silence after which the link is given up.")


class Polled(Driver, ABC, Generic[Answer]):
    """A device that is asked; serves by looking at it until it fails to answer."""

    Options = Options

    _turns: Turns[Answer] | None = None
    _patient_until = float("-inf")

    @abstractmethod
    def codec(self) -> Codec[Answer]:
        """The codec of one connection's answers."""

    @abstractmethod
    async def look(self) -> None:
        """Ask for everything that is shown, and report it."""

    async def begin(self) -> None:
        """What comes before the first look: a greeting, a log-in."""

    def unasked(self, answer: Answer) -> None:
        """Something that answers no question: a fault, unless the make speaks by itself."""
        raise ProtocolError(f"an answer nobody asked for: {answer!r:.100}")

    def received(self, data: bytes) -> None:
        """Bytes, before they are taken apart."""

    def screen(self, answer: Answer) -> None:
        """Look at an answer before whoever asked gets it: a refused log-in is everybody's end."""

    def shown(self, request: bytes) -> str:
        """What the log gets instead of a request with a secret in it; empty: the request."""
        return ""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[wire.Wire]:
        """The line to the device: a serial one where the port is a path, else TCP."""
        if isinstance(self.device.port, str):
            rate = getattr(self.options, "baud_rate", 9600)
            async with wire.serial_line(self.device.port, self.log, rate) as line:
                yield line
        else:
            async with wire.tcp(self.device.host, self.device.port or self.port, self.log) as stream:
                yield stream

    async def serve(self) -> None:
        """Look at the device until it fails to answer."""
        self._news = asyncio.Event()
        async with self.connected() as line:
            self._turns = Turns(lambda request: line.send(request, self.shown(request)))
            try:
                await together(self._hear(line), self._watch(), self._turns.ended())
            finally:
                self._turns = None

    async def ask(self, request: bytes, fits: Callable[[Answer], bool] = lambda _: True) -> Answer:
        """The answer to a request; where answers say what they answer, ``fits`` tells."""
        if self._turns is None:
            raise LinkError("the device is not connected")
        return await self._turns.ask(request, self.options.answer_seconds, fits=fits, forgive=self.starting)

    def look_again(self) -> None:
        """Look at once: something was changed, or it said that something is."""
        self._news.set()

    def be_patient(self, seconds: float) -> None:
        """Forgive silence for so long, as while it starts."""
        self._patient_until = asyncio.get_running_loop().time() + seconds

    @property
    def starting(self) -> bool:
        """Whether silence is normal now, and no reason to call it offline."""
        return asyncio.get_running_loop().time() < self._patient_until

    @property
    def warming(self) -> float:
        return max(0.0, self._patient_until - asyncio.get_running_loop().time())

    async def _hear(self, line: wire.Wire) -> None:
        codec = self.codec()
        while True:
            data = await line.receive()
            self.received(data)
            for answer in codec.feed(data):
                self.screen(answer)
                if self._turns is not None and not self._turns.heard(answer) and not self.starting:
                    self.unasked(answer)

    async def _watch(self) -> None:
        await self.begin()
        while True:
            self._news.clear()
            starting = self.starting
            try:
                await self.look()
            except NoAnswer:
                if not (starting or self.starting):
                    raise
                continue
            self.online()
            await self.rest(self.options.poll, self._news)


class Lines:
    """Lines of text out of bytes, for makes that speak in lines; an empty one is passed over."""

    def __init__(self, end: bytes, longest: int = 1024, encoding: str = "utf-8") -> None:
        self._end, self._longest, self._encoding = end, longest, encoding
        self._kept = b""

    def feed(self, data: bytes) -> Iterable[str]:
        """The lines complete so far; ProtocolError for one that is too long or no text."""
        *lines, self._kept = (self._kept + data).split(self._end)
        if len(self._kept) > self._longest or any(len(line) > self._longest for line in lines):
            self._kept = b""
            raise ProtocolError(f"a line of more than {self._longest} bytes")
        for line in lines:
            try:
                text = line.decode(self._encoding).strip("\r\n")
            except UnicodeDecodeError:
                raise ProtocolError(f"not text: {line[:40].hex(' ')}") from None
            if text:
                yield text


class WakeOptions(Options):
    """What a device can be told that may sleep."""

    mac: Mac = Field(
        "", description="Its MAC address: it is woken by it while it cannot be reached; empty: never."
    )
    wake_host: str = Field("255.255.255.255", description="Where the wake-up goes: a broadcast address.")
    wake_port: int = Field(9, ge=1, le=65535, description="Port of the wake-up.")


class DisplayOptions(WakeOptions):
    """What every display can be told."""

    boot_seconds: float = Field(
        15, ge=0, le=120, description="Seconds it may be silent, or refuse, after power-on."
    )


class Display(Polled[Answer]):
    """A display: switched by the make's own ``switch``, woken by its MAC address from deep sleep."""

    Options = DisplayOptions

    _waking_until = float("-inf")

    @property
    def while_away(self) -> tuple[str, ...]:
        """Switching it on, where its MAC address is known."""
        return ("set_power",) if self.options.mac else ()

    @abstractmethod
    async def switch(self, on: bool) -> None:
        """Tell the display to be on, or in standby."""

    async def serve(self) -> None:
        """Look at the display until it fails to answer."""
        self.report(wakes=bool(self.options.mac))
        await super().serve()

    async def set_power(self, on: bool) -> None:
        """Switch it on, also when it left the network with its power; or to standby."""
        if self.link is not Link.ONLINE and on and self.options.mac:
            await wake(self.options.mac, self.options.wake_host, self.options.wake_port, self.log)
            self._waking_until = asyncio.get_running_loop().time() + WAKING_SECONDS
            return
        await self._switch(on)

    async def _switch(self, on: bool) -> None:
        self._waking_until = float("-inf")
        before, asked = self._patient_until, self._turns is not None
        if not on:
            self.be_patient(0)
        elif not self.readings.get("power"):
            # Some answer only once they are up: what was given up while they were not may still be answered.
            boot = self.options.boot_seconds
            self.be_patient(boot + self.options.answer_seconds if boot else 0)
        try:
            await self.switch(on)
        except NoAnswer:
            if not self.starting:
                raise
        except LinkError:  # some hang up as they start, before they have said yes: their readings will tell
            if not (asked and self.starting):
                raise
        except Rejected:  # nothing begins
            self._patient_until = before
            raise
        self.look_again()

    async def begin(self) -> None:
        """Switch it on if it was woken for that: its network may be up without its picture."""
        if asyncio.get_running_loop().time() < self._waking_until:
            await self._switch(True)


class SerialDisplayOptions(DisplayOptions):
    """What a display can be told that may stand on a serial line."""

    baud_rate: int = Field(9600, ge=1200, le=115200, description="Speed of a serial line.")


def percent(level: int, field: str = "level") -> int:
    """A level that can be set; BadArgument says what was expected."""
    return within(level, 0, 100, field)


def within(value: int, least: int, most: int, field: str) -> int:
    """A number in its range; BadArgument says what was expected."""
    if not least <= value <= most:
        raise BadArgument(field, f"a number from {least} to {most} (got {value})")
    return value


def one_of(name: str, names: Iterable[str], field: str = "name") -> str:
    """A name that is known; BadArgument says which are."""
    known = tuple(names)
    if name not in known:
        raise BadArgument(field, f"one of {', '.join(each or repr(each) for each in known)} (got {name!r})")
    return name
