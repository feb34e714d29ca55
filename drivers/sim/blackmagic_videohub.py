"""A Blackmagic Videohub that is not there: 20 x 20, told in the router's own words.

Knobs beyond the acts: ``version`` (below 2.8 without the end of the prelude), ``present``, ``early`` (a
change is told before its acknowledgement), ``tables``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from avctl.config import Device
from drivers.blackmagic_videohub import (
    DEVICE,
    END,
    INPUTS,
    LOCKS,
    OUTPUTS,
    PREAMBLE,
    ROUTING,
    BlackmagicVideohub,
    Block,
    Blocks,
    encode,
)
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

SIZE = 20


class BlackmagicVideohubSimulator(FramedSimulator[Block]):
    """The router."""

    title = "Router"
    port = BlackmagicVideohub.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.version = "2.8"
        self.present = "true"
        self.early = False
        self.owners: dict[int, Peer] = {}
        self.tables: dict[str, list[str]] = {
            INPUTS: [f"Camera {number + 1}" for number in range(SIZE)],
            OUTPUTS: [f"Screen {number + 1}" for number in range(SIZE)],
            LOCKS: ["U"] * SIZE,
            ROUTING: ["0"] * SIZE,
        }

    def codec(self) -> Codec[Block]:
        return Blocks()

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        await self.reply(peer, encode(Block(header=PREAMBLE, lines=(f"Version: {self.version}",))))
        facts = (
            f"Device present: {self.present}",
            "Model name: Blackmagic Smart Videohub 20 x 20",
            "Friendly name: Hall",
            "Unique ID: 7C2E0D000001",
            f"Video inputs: {SIZE}",
            "Video processing units: 0",
            f"Video outputs: {SIZE}",
            "Video monitoring outputs: 0",
            "Serial ports: 0",
        )
        if self.present != "true":
            await self.reply(peer, encode(Block(header=DEVICE, lines=facts[:1])))
            return True
        await self.reply(peer, encode(Block(header=DEVICE, lines=facts)))
        for header in self.tables:
            await self.reply(peer, encode(self._seen_by(peer, self._all(header))))
        if self.version == "2.8":
            await self.reply(peer, encode(Block(header="CONFIGURATION", lines=("Take Mode: false",))))
            await self.reply(peer, encode(Block(header=END)))
        return True

    async def heard(self, peer: Peer, frame: Block) -> None:
        if frame.header == "PING":
            await self.reply(peer, b"ACK\n\n")
        elif frame.header not in self.tables or (frame.lines and self.refusing):
            await self.reply(peer, b"NAK\n\n")
        elif not frame.lines:
            await self.reply(peer, b"ACK\n\n" + encode(self._seen_by(peer, self._all(frame.header))))
        else:
            await self._change(peer, frame)

    async def nonsense(self, peer: Peer) -> None:
        await self.reply(peer, b"NAK\n\n")

    @act
    def press(self, output: int, source: int) -> None:
        """Press the buttons of an output and a source at its panel; both count from 1."""
        self._must_be(output)
        self._must_be(source)
        self._put(Block(header=ROUTING, lines=(f"{output - 1} {source - 1}",)))

    @act
    def name_source(self, source: int, name: str) -> None:
        """Write a name on an input, counted from 1."""
        self._must_be(source)
        self._put(Block(header=INPUTS, lines=(f"{source - 1} {name}",)))

    @act
    def lock(self, output: int, on: bool = True) -> None:
        """Have somebody else lock an output, counted from 1."""
        self._must_be(output)
        self._put(Block(header=LOCKS, lines=(f"{output - 1} {'L' if on else 'U'}",)))

    def state(self) -> Mapping[str, Any]:
        routes = {str(at + 1): int(source) + 1 for at, source in enumerate(self.tables[ROUTING])}
        return {**super().state(), "routes": routes}

    async def _change(self, peer: Peer, block: Block) -> None:
        for line in block.lines:
            number, _, value = line.partition(" ")
            known = number.isdigit() and int(number) < SIZE
            if block.header == ROUTING:
                known = known and value.isdigit() and int(value) < SIZE
                known = known and self._lock_for(peer, int(number)) != "L"
            elif block.header == LOCKS:
                known = known and value in ("O", "U", "F")
                known = known and (value == "F" or self._lock_for(peer, int(number)) != "L")
            if not known:
                await self.reply(peer, b"NAK\n\n")
                return
        if block.header == LOCKS:
            block = self._locked_by(peer, block)
        if self.early:
            self._put(block)
        await self.reply(peer, b"ACK\n\n")
        if not self.early:
            self._put(block)

    def _put(self, block: Block) -> None:
        for line in block.lines:
            number, _, value = line.partition(" ")
            self.tables[block.header][int(number)] = value
        if not self.muted:
            for peer in tuple(self.peers):
                peer.push(encode(self._seen_by(peer, block)))

    def _locked_by(self, peer: Peer, block: Block) -> Block:
        """What a change of locks makes of them: forced ones are open, own ones are the peer's."""
        lines = []
        for number, _, value in (line.partition(" ") for line in block.lines):
            if value == "O":
                self.owners[int(number)] = peer
            lines.append(f"{number} {'O' if value == 'O' else 'U'}")
        return Block(header=LOCKS, lines=tuple(lines))

    def _lock_for(self, peer: Peer, number: int) -> str:
        """The lock of an output as a client sees it: O is its own, L another's."""
        lock = self.tables[LOCKS][number]
        return "L" if lock == "O" and self.owners.get(number) is not peer else str(lock)

    def _seen_by(self, peer: Peer, block: Block) -> Block:
        if block.header != LOCKS:
            return block
        numbers = (line.partition(" ")[0] for line in block.lines)
        return Block(header=LOCKS, lines=tuple(f"{n} {self._lock_for(peer, int(n))}" for n in numbers))

    def _all(self, header: str) -> Block:
        lines = tuple(f"{number} {value}" for number, value in enumerate(self.tables[header]))
        return Block(header=header, lines=lines)

    def _must_be(self, number: int) -> None:
        if not 1 <= number <= SIZE:
            raise ValueError(f"a number from 1 to {SIZE}")


SIMULATOR = BlackmagicVideohubSimulator
