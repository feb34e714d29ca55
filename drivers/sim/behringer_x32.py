"""An X32 that is not there: its addresses as a dictionary, four listeners of ten seconds, scenes, meters.

Knobs beyond the acts: ``values`` (by address), ``scenes`` (by number), ``sound`` (linear, by channel),
``loud`` (linear, of the main output; None: the loudest channel that is not muted), ``listen_seconds``,
``heard`` (addresses of every message).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Any

from avctl.config import Device
from avctl.errors import ProtocolError
from drivers.behringer_x32 import METERS, OUTPUTS, SCENE, decode, encode, fader
from drivers.sim.server import UdpSimulator, act

LISTENERS = 4
STRIPS = {"ch": 32, "bus": 16, "mtx": 6}
GROUP: Mapping[str, int | float | str] = {"config/name": "", "on": 1, "fader": 0.75}
INFO = ("V2.07", "X32", "X32", "4.06")


class BehringerX32Simulator(UdpSimulator):
    """The mixer."""

    title = "Mixer"
    port = 10023

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.values: dict[str, int | float | str] = {SCENE: 0}
        strips = [f"/{kind}/{one:02d}" for kind, count in STRIPS.items() for one in range(1, count + 1)]
        for strip in (*strips, "/main/st"):
            self.values |= {f"{strip}/config/name": "", f"{strip}/mix/on": 1, f"{strip}/mix/fader": 0.75}
        for group in range(1, 9):
            self.values |= {f"/dca/{group}/{name}": value for name, value in GROUP.items()}
        self.scenes: dict[int, dict[str, int | float | str]] = {}
        self.sound: dict[int, float] = {}
        self.loud: float | None = None
        self.listen_seconds = 10.0
        self.heard: list[str] = []
        self.to_lose = 0
        self._listeners: dict[tuple[str, int], float] = {}
        self._metered: dict[tuple[tuple[str, int], str], asyncio.Task[None]] = {}

    @act
    async def press_mute(self, channel: int) -> None:
        """Press the mute button of a channel."""
        address = f"/ch/{channel:02d}/mix/on"
        await self._put(None, address, 0 if self.values[address] else 1)

    @act
    async def move_fader(self, channel: int, decibels: float) -> None:
        """Move a fader by hand."""
        await self._put(None, f"/ch/{channel:02d}/mix/fader", fader(decibels))

    @act
    def speak(self, channel: int, level: float = 0.3) -> None:
        """Have a sound of this level on a channel; 0: none."""
        self.sound[channel] = level

    @act
    def lose(self, count: int = 1) -> None:
        """Lose the next datagrams on their way here."""
        self.to_lose = count

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "scene": self.values[SCENE], "listeners": len(self._listeners)}

    async def received(self, peer: tuple[str, int], data: bytes) -> None:
        if self.to_lose:
            self.to_lose -= 1
            return
        try:
            address, arguments = decode(data)
        except ProtocolError:
            self.log.debug("passed over: %s", data.hex(" "))
            return
        self.heard.append(address)
        match address, arguments:
            case "/xremote", _:
                self._listen(peer)
            case "/info", _:
                await self.reply(peer, encode("/info", *INFO))
            case "/xinfo", _:
                await self.reply(peer, encode("/xinfo", self.host, *INFO[1:]))
            case "/status", _:
                await self.reply(peer, encode("/status", "active", self.host, "X32"))
            case "/node", (str() as branch,):
                await self._node(peer, branch.strip("/"))
            case "/meters", (str() as which, *_) if which in (METERS, OUTPUTS):
                self._meter(peer, which)
            case "/-action/goscene", (int() as number,):
                await self._scene(peer, number)
            case _, () if address in self.values:
                await self.reply(peer, encode(address, self.values[address]))
            case _, ((int() | float() | str()) as value,) if address in self.values and not self.refusing:
                await self._put(peer, address, value)

    def _listen(self, peer: tuple[str, int]) -> None:
        now = asyncio.get_running_loop().time()
        self._listeners = {one: until for one, until in self._listeners.items() if until > now}
        if peer in self._listeners or len(self._listeners) < LISTENERS:
            self._listeners[peer] = now + self.listen_seconds

    async def _put(self, peer: tuple[str, int] | None, address: str, value: int | float | str) -> None:
        """Set a value; whoever listens is told, except the one who set it, and only if it changed."""
        before = self.values[address]
        if isinstance(before, float):
            value = round(float(value) * 1023) / 1023
        elif isinstance(before, int) != isinstance(value, int):
            return
        if value == before:
            return
        self.values[address] = value
        now = asyncio.get_running_loop().time()
        for listener, until in tuple(self._listeners.items()):
            if listener != peer and until > now:
                await self.reply(listener, encode(address, value))

    async def _scene(self, peer: tuple[str, int], number: int) -> None:
        for address, value in self.scenes.get(number, {}).items():
            await self._put(peer, address, value)
        await self._put(peer, SCENE, number)

    async def _node(self, peer: tuple[str, int], branch: str) -> None:
        mine = [value for address, value in self.values.items() if address.startswith(f"/{branch}/")]
        if mine:
            words = " ".join(str(value) for value in mine)
            await self.reply(peer, encode("node", f"/{branch} {words}\n"))

    def _meter(self, peer: tuple[str, int], which: str) -> None:
        if (running := self._metered.pop((peer, which), None)) is not None:
            running.cancel()
        self._metered = {asked: task for asked, task in self._metered.items() if not task.done()}
        self._metered[peer, which] = self.spawn(self._meters(peer, which))

    async def _meters(self, peer: tuple[str, int], which: str) -> None:
        for _ in range(int(self.listen_seconds / 0.05)):
            inputs = [self.sound.get(channel, 0.0) for channel in range(1, 33)]
            levels = inputs + [0.0] * 64 if which == METERS else self._outputs(inputs)
            await self.reply(peer, encode(which, struct.pack(f"<I{len(levels)}f", len(levels), *levels)))
            await asyncio.sleep(0.05)

    def _outputs(self, inputs: list[float]) -> list[float]:
        """16 buses, 6 matrices, main left and right, mono; then how much each is held down."""
        heard = (level for one, level in enumerate(inputs, 1) if self.values[f"/ch/{one:02d}/mix/on"])
        main = self.loud if self.loud is not None else max(heard, default=0.0)
        return [0.0] * 22 + [main if self.values["/main/st/mix/on"] else 0.0] * 2 + [0.0] * 25


SIMULATOR = BehringerX32Simulator
