"""Row 20: sound and picture after fifty losses of the source: its sender killed, its network cut."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from bench.clap import Sender, apart, listed, recorded
from bench.programs import program, until
from streams.requests import socket_path
from streams.status import RunnerStatus, read_status

LOSSES = 50
CUT_SECONDS = 1.2  # longer than a picture is held
LONG_CUT_SECONDS = 6.5  # longer than SRT waits for its other side
LONG_CUT_EVERY = 10
SHOWN_SECONDS = 1.6  # of the hall between two losses: at least one flash
PATIENCE = 180.0  # a machine that does much else is slow, not wrong
WIDTH, HEIGHT = 640, 360


class Relay(asyncio.DatagramProtocol):
    """A network of one's own between sender and runner, that can be cut."""

    def __init__(self, port: int) -> None:
        self.cut = False
        self._to = ("127.0.0.1", port)
        self._ways: dict[Any, asyncio.DatagramTransport] = {}
        self._inner: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.cut:
            return
        if addr in self._ways:
            self._ways[addr].sendto(data)
            return
        task = asyncio.create_task(self._open(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, data: bytes, addr: Any) -> None:
        loop = asyncio.get_running_loop()
        way, _ = await loop.create_datagram_endpoint(lambda: _Back(self, addr), remote_addr=self._to)
        self._ways[addr] = way
        way.sendto(data)

    def back(self, data: bytes, addr: Any) -> None:
        """What the runner answers."""
        if not self.cut and self._inner is not None:
            self._inner.sendto(data, addr)

    def close(self) -> None:
        """Every way at once."""
        for way in self._ways.values():
            way.close()
        if self._inner is not None:
            self._inner.close()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, addr: Any) -> None:
        self._relay, self._addr = relay, addr

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._relay.back(data, self._addr)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens just now."""


@asynccontextmanager
async def relay(outside: int, inside: int) -> AsyncIterator[Relay]:
    """Whatever comes to one port goes to the other, and back."""
    loop = asyncio.get_running_loop()
    _, found = await loop.create_datagram_endpoint(lambda: Relay(inside), local_addr=("127.0.0.1", outside))
    try:
        yield found
    finally:
        found.close()


async def ask(folder: Path, **request: Any) -> None:
    """Tell the runner something."""
    with socket_path(folder) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(json.dumps({"id": 1, **request}).encode() + b"\n")
    while "event" in json.loads(await reader.readline()):
        pass
    writer.close()


def status(folder: Path) -> RunnerStatus | None:
    """What the runner last said of itself."""
    with suppress(OSError, ValueError):
        return read_status(folder)
    return None


async def shows(folder: Path, what: str) -> None:
    """Wait until the programme shows a source or a slate."""

    async def shown() -> bool:
        found = status(folder)
        return found is not None and found.showing.startswith(what)

    await until(shown, PATIENCE)


async def lose(sender: Sender, way: Relay, folder: Path, number: int) -> str:
    """One loss, and the return of the picture; what kind it was."""
    if number % 2:
        how = "sender killed"
        sender.kill()
        await shows(folder, "slate:")
    else:
        long = number % LONG_CUT_EVERY == 0
        how = "network cut for long" if long else "network cut"
        way.cut = True
        await asyncio.sleep(LONG_CUT_SECONDS if long else CUT_SECONDS)
        way.cut = False
    await shows(folder, "source:")
    return how


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Fifty losses, then look at the recording and at each public list."""
    inside, outside = free_port(), free_port()
    renditions = [
        {"name": "360p", "width": WIDTH, "height": HEIGHT, "video_kbps": 700},
        {"name": "180p", "width": 320, "height": 180, "video_kbps": 200},
    ]
    plan = {
        "session": "together",
        "title": "Пленарне засідання",
        "council": "Київська міська рада",
        "sources": [{"id": "hall", "url": f"srt://127.0.0.1:{inside}?mode=listener"}],
        "renditions": renditions,
        "preset": "ultrafast",
        "segment_seconds": 1,
        "return_seconds": 0.2,
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    target = f"srt://127.0.0.1:{outside}?mode=caller&connect_timeout=500"
    sender, losses, returns = Sender(target, WIDTH, HEIGHT), dict[str, int](), []
    command = (sys.executable, "-m", "streams.runner", str(folder))
    async with relay(outside, inside) as way, program(*command, log=folder / "runner.log"), sender.sending():

        async def up() -> bool:
            found = status(folder)
            return found is not None and found.phase == "armed"

        await until(up, PATIENCE)
        await ask(folder, do="publish")
        await ask(folder, do="show", scene="source:hall")
        await shows(folder, "source:")
        for number in range(1, LOSSES + 1):
            await asyncio.sleep(SHOWN_SECONDS)
            began = perf_counter()
            how = await lose(sender, way, folder, number)
            losses[how] = losses.get(how, 0) + 1
            returns.append(round(perf_counter() - began, 1))
        await asyncio.sleep(4 * SHOWN_SECONDS)
        await ask(folder, do="end")
        await until(lambda: _over(folder), PATIENCE)
    return {
        "what": "sound against picture after fifty losses of the source: sender killed, network cut",
        "wanted": {"worst_ms": 40},
        "losses": losses,
        "longest_return_s": max(returns),
        "recording": await apart(recorded(folder), folder),
        **{str(one["name"]): await apart(listed(folder, str(one["name"])), folder) for one in renditions},
    }


async def _over(folder: Path) -> bool:
    found = status(folder)
    return found is not None and found.phase == "ended"
