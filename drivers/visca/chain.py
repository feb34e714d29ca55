"""A serial line with up to seven cameras on it, opened once for all of them.

Addresses are set whenever it is opened, and again when a camera says that the chain has changed: then every
link ends and is made anew. One camera is asked at a time, for on RS-422 they would answer into each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from avctl import wire
from avctl.errors import DeviceError, LinkError
from drivers.frames import NOISE
from drivers.visca.codec import ADDRESS_SET, CLEAR_ALL, NETWORK_CHANGE, Packets, speaker

TURN_SECONDS = (
    0.15  # an answer takes 20 ms; a camera that accepts late, or is off, must not hold up the others
)
INQUIRY = 0x09
LAST = 7

_chains: dict[str, Chain] = {}  # the open lines of this machine: each exists once, whoever asks for it


class Place:
    """One camera's place on a line, to its driver a line of its own."""

    def __init__(self, chain: Chain, address: int, log: logging.Logger) -> None:
        self.chain, self.address, self.log = chain, address, log
        self._heard: asyncio.Queue[bytes | DeviceError] = asyncio.Queue()

    def send_now(self, data: bytes) -> None:
        """Have a packet put on the line, when it is this camera's turn."""
        self.chain.put(self.address, data)

    async def receive(self) -> bytes:
        """The next packet of this camera; raises what ended the line."""
        heard = await self._heard.get()
        if isinstance(heard, DeviceError):
            raise heard
        return heard

    def hear(self, heard: bytes | DeviceError) -> None:
        """Called by the chain."""
        if self.log.isEnabledFor(logging.DEBUG) and isinstance(heard, bytes):
            self.log.debug("<< %s", heard.hex(" "))
        self._heard.put_nowait(heard)


class Chain:
    """The line itself, while somebody has a place on it."""

    def __init__(self, port: str, baud_rate: int) -> None:
        self.baud_rate = baud_rate
        self.places: dict[int, Place] = {}
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opened.add_done_callback(_seen)
        self._port = port
        self._line: wire.SerialLine | None = None
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._turn = 0  # the address that was asked and has not answered yet
        self._timer: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(self._run(), name=f"visca: {port}")

    def put(self, address: int, packet: bytes) -> None:
        """Ask a camera, or have it wait for its turn; a look waits for every command."""
        if packet[1] == INQUIRY:
            self._waiting.append((address, packet))
        else:
            looks = (at for at, (_, other) in enumerate(self._waiting) if other[1] == INQUIRY)
            self._waiting.insert(next(looks, len(self._waiting)), (address, packet))
        if not self._turn:
            self._next()

    def leave(self, place: Place) -> None:
        """A camera is no longer listened to; its questions are not asked any more."""
        if self.places.get(place.address) is place:
            del self.places[place.address]
        self._waiting = deque(one for one in self._waiting if one[0] != place.address)

    async def _run(self) -> None:
        fault: DeviceError = LinkError("the line was closed")
        log = logging.getLogger(f"line.{self._port}")
        try:
            async with wire.serial_line(self._port, log, self.baud_rate) as self._line:
                await self._line.send(ADDRESS_SET)
                await self._line.send(CLEAR_ALL)
                self.opened.set_result(None)
                packets = Packets(NOISE)  # of a line that was just opened
                while True:
                    for packet in packets.feed(await self._line.receive()):
                        self._heard(packet)
        except DeviceError as problem:
            fault = problem
        finally:
            _chains.pop(self._port, None)
            if self._timer is not None:
                self._timer.cancel()
            if not self.opened.done():
                self.opened.set_exception(fault)
            for place in self.places.values():
                place.hear(fault)

    def _heard(self, packet: bytes) -> None:
        if packet[1] == NETWORK_CHANGE:
            raise LinkError("the cameras of the line have changed")
        address = speaker(packet)
        if (place := self.places.get(address)) is not None:
            place.hear(packet)
        if address and address == self._turn:
            self._next()

    def _next(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._turn = 0
        if self._waiting and self._line is not None:
            self._turn, packet = self._waiting.popleft()
            if (place := self.places.get(self._turn)) is not None:
                place.log.debug(">> %s", packet.hex(" "))
            self._line.send_now(packet)
            self._timer = asyncio.get_running_loop().call_later(TURN_SECONDS, self._next)


@asynccontextmanager
async def place_on(port: str, address: int, baud_rate: int, log: logging.Logger) -> AsyncIterator[Place]:
    """A camera's place on a serial line, which is opened for the first and closed after the last."""
    while (chain := _chains.get(port)) is not None and (not chain.places or chain.task.cancelling()):
        await asyncio.wait((chain.task,))  # it is being closed
    if chain is None:
        chain = _chains[port] = Chain(port, baud_rate)
    if chain.baud_rate != baud_rate:
        raise LinkError(f"another camera of {port} has {chain.baud_rate} baud, this one {baud_rate}")
    if address in chain.places:
        raise LinkError(f"another camera of {port} has the address {address} too")
    place = chain.places[address] = Place(chain, address, log)
    try:
        await asyncio.shield(chain.opened)
        yield place
    finally:
        chain.leave(place)
        if not chain.places:
            chain.task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.wait((chain.task,)))


def _seen(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()  # whoever wanted the line may have left
