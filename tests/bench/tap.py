"""Taps on the wires of row 1: the moment before a microphone's bytes go in, and the one at which a camera's
are out. The latter is the kernel's own note, so that nobody's waking up is counted."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

STAMP = 35  # SO_TIMESTAMPNS: with each datagram the moment at which the kernel had it
RECALL = b"\x81\x01\x04\x3f\x02"


class Camera:
    """A socket in front of a camera, or in the place of one."""

    def __init__(self, port: int, behind: tuple[str, int] | None = None) -> None:
        self.arrived: dict[int, asyncio.Future[int]] = {}
        self._behind = behind
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        self._line.bind(("127.0.0.1", port))
        self._line.setblocking(False)
        self._backs: dict[Any, socket.socket] = {}

    def __enter__(self) -> Camera:
        asyncio.get_running_loop().add_reader(self._line, self._ready)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for line in (self._line, *self._backs.values()):
            loop.remove_reader(line)
            line.close()

    def expect(self, preset: int) -> asyncio.Future[int]:
        """When the recall of a preset is out, in nanoseconds."""
        found = self.arrived[preset] = asyncio.get_running_loop().create_future()
        return found

    def _ready(self) -> None:
        data, notes, _, peer = self._line.recvmsg(2048, 64)
        place = data.find(RECALL)
        if place >= 0 and (waiting := self.arrived.pop(data[place + 5], None)) is not None:
            seconds, nanoseconds = struct.unpack("qq", notes[0][2])
            waiting.set_result(seconds * 1_000_000_000 + nanoseconds)
        if self._behind is not None:
            if peer not in self._backs:
                back = self._backs[peer] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                back.connect(self._behind)
                back.setblocking(False)
                asyncio.get_running_loop().add_reader(back, lambda: self._line.sendto(back.recv(2048), peer))
            self._backs[peer].send(data)


class Hall:
    """A relay in front of a discussion system: notes when the first bytes after ``arm`` go on their way.

    ``late``: what the system says comes so many seconds later.
    """

    def __init__(self, late: float = 0.0) -> None:
        self.begun = 0
        self._said: deque[int] = deque(maxlen=256)
        self._armed = False
        self._late = late

    def arm(self) -> None:
        """What comes next from the system is the microphone."""
        self._armed = True

    def said_before(self, moment: int) -> int:
        """When the system said the last thing before a moment, in nanoseconds: what it is answered."""
        return max((one for one in self._said if one < moment), default=self.begun)

    @asynccontextmanager
    async def relaying(self, port: int, behind: Callable[[], int]) -> AsyncIterator[None]:
        """Stand at ``port`` in front of the system."""

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far, near = await asyncio.open_connection("127.0.0.1", behind())
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._pass(reader, near, noted=False))
                    ways.create_task(self._pass(far, writer, noted=True))
            except* OSError:
                pass
            finally:
                near.close()
                writer.close()

        async with await asyncio.start_server(meet, "127.0.0.1", port):
            yield

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, noted: bool) -> None:
        while data := await reader.read(65536):
            if noted and self._armed:
                self._armed, self.begun = False, time.time_ns()
            if noted and self._late:
                await asyncio.sleep(self._late)
            if noted:
                self._said.append(time.time_ns())
            writer.write(data)
        raise ConnectionResetError  # the other way ends with this one
