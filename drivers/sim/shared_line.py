"""Simulators that stand on one serial line with others: a chain of cameras hears all that is said on it."""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod

from avctl.config import Device
from drivers.sim.line import Terminal
from drivers.sim.server import Simulator


class SerialSimulator(Simulator):
    """A simulator on a serial line. Several with the same path are on one: each hears everything."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.line: SharedLine | None = None

    @property
    def address(self) -> str:
        """The path."""
        return str(self.bound)

    @abstractmethod
    async def received(self, data: bytes) -> None:
        """Deal with bytes from the line; answer through ``reply``."""

    async def reply(self, answer: bytes) -> None:
        """Put an answer on the line, as the faults allow."""
        faulty = await self.fault(answer)
        if faulty and self.line is not None:
            os.write(self.line.far, faulty)

    async def listen(self) -> None:
        path = str(self.bound)
        self.line = _lines.get(path) or SharedLine(path)
        self.line.members.append(self)

    async def hang_up(self) -> None:
        if self.line is not None:
            self.line.members.remove(self)
            if not self.line.members:
                self.line.close()
            self.line = None
        self.rest()


class SharedLine:
    """A serial line, and the simulators on its far end."""

    def __init__(self, path: str) -> None:
        self.members: list[SerialSimulator] = []
        self._path, self._terminal = path, Terminal(path)
        self.far = self._terminal.far
        _lines[path] = self
        asyncio.get_running_loop().add_reader(self.far, self._ready)

    def close(self) -> None:
        """Take the line away."""
        del _lines[self._path]
        asyncio.get_running_loop().remove_reader(self.far)
        self._terminal.close()

    def _ready(self) -> None:
        data = os.read(self.far, 4096)
        for member in tuple(self.members):
            member.spawn(member.received(data))


_lines: dict[str, SharedLine] = {}  # those of this process: a path exists once
