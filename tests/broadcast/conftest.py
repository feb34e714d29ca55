"""A broadcast as small as it can be: real processes, real ffmpeg, pictures the size of a stamp."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams import rfc8216
from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples
from streams.plan import Plan
from streams.reader import Reader
from streams.requests import socket_path
from streams.status import RunnerStatus, read_status

DEADLINE = 25.0
WIDTH, HEIGHT = 320, 180
GREEN = (0, 200, 0)
TONE = ("-f", "lavfi", "-i", "sine=440:r=48000", "-c:a", "aac")


@dataclass
class Running:
    """A runner's process and its folder."""

    folder: Path
    process: asyncio.subprocess.Process
    url: str
    lists: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def look_at_lists(self) -> None:
        """What a player sees of each list, held against what it saw before."""
        for path in (self.folder / "live").glob("*/index.m3u8"):
            name, text = path.parent.name, path.read_text()
            self.faults += rfc8216.faults(self.lists.get(name), text)
            self.lists[name] = text

    def status(self) -> RunnerStatus:
        """What it last wrote of itself."""
        return read_status(self.folder)

    def playlist(self, rendition: str = "big") -> str:
        """The public list of a rendition; empty while there is none."""
        path = self.folder / "live" / rendition / "index.m3u8"
        return path.read_text() if path.exists() else ""

    def segments(self) -> int:
        """How many segments have ever been listed."""
        listed = self.playlist()
        if not listed:
            return 0
        first = next(line for line in listed.splitlines() if "MEDIA-SEQUENCE" in line)
        return int(first.rpartition(":")[2]) + listed.count("#EXTINF")

    async def until(self, fact: Callable[[], bool], seconds: float = DEADLINE) -> None:
        """Wait for what is written on the disk or told by the kernel."""
        try:
            async with asyncio.timeout(seconds):
                while not _true(fact):
                    self.look_at_lists()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log = (self.folder / "runner.log").read_text()
            raise AssertionError(f"it never came true\n{self.status()!r}\n{self.playlist()}\n{log}") from None

    async def ask(self, **request: Any) -> dict[str, Any]:
        """Say something over the control socket and give the answer."""
        reader, writer = await self.connect()
        try:
            writer.write(json.dumps({"id": 1, **request}).encode() + b"\n")
            async with asyncio.timeout(DEADLINE):
                while True:
                    message: dict[str, Any] = json.loads(await reader.readline())
                    if "event" not in message:
                        return message
        finally:
            writer.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of one's own."""
        with socket_path(self.folder) as path:
            return await asyncio.open_unix_connection(path)

    def children(self, word: str) -> list[psutil.Process]:
        """The runner's children whose command line has a word in it."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if any(word in part for part in process.cmdline()):
                    found.append(process)
        return found

    def child(self, word: str) -> psutil.Process:
        """The one that must be there."""
        found = self.children(word)
        assert found, f"there is no {word} among the runner's children"
        return found[0]

    def family(self) -> list[int]:
        """Every process that has this folder on its command line, and the runner's children."""
        mine = str(self.folder)
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(mine in part for part in process.cmdline()):
                    found.append(process.pid)
        return found


def _true(fact: Callable[[], bool]) -> bool:
    with suppress(OSError, ValueError):
        return fact()
    return False


@pytest.fixture
def runner(
    tmp_path: Path, free_port: Callable[[], int]
) -> Callable[..., AbstractAsyncContextManager[Running]]:
    """Starts runners in one folder; a second one in the same test is a restart."""
    port = free_port()

    @asynccontextmanager
    async def start(
        url: str = "srt://127.0.0.1:{port}?mode=listener", **changes: Any
    ) -> AsyncIterator[Running]:
        url = url.format(port=port)
        plan = {
            "session": "s1",
            "title": "Пленарне засідання",
            "council": "Київська міська рада",
            "sources": [{"id": "hall", "url": url}],
            "renditions": [
                {"name": "big", "width": WIDTH, "height": HEIGHT, "video_kbps": 400},
                {"name": "small", "width": 160, "height": 90, "video_kbps": 100},
            ],
            "audio_only_kbps": 48,
            "preset": "ultrafast",
            "segment_seconds": 1,
            "return_seconds": 0.5,
            "limits": {"step_down": False},
        }
        (tmp_path / "plan.json").write_text(json.dumps(plan | changes))
        with (tmp_path / "runner.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "streams.runner",
                str(tmp_path),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running = Running(tmp_path, process, url)
        try:
            yield running
            running.look_at_lists()
            assert running.faults == []
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                await process.wait()

    return start


@pytest.fixture
def source() -> Callable[[str], AbstractAsyncContextManager[asyncio.subprocess.Process]]:
    """Pushes a picture (green) and a tone to an address, dialling again while nobody listens."""

    @asynccontextmanager
    async def push(
        url: str, colour: str = "0x00C800", sound: tuple[str, ...] = TONE
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        target = url.replace("mode=listener", "mode=caller&connect_timeout=500")
        form = "flv" if url.startswith("rtmp") else "mpegts"
        command = (
            f"until {find_ffmpeg()} {' '.join(_sent(colour, sound))} -f {form} '{target}'; do sleep 0.1; done"
        )
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", command, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    return push


def _sent(colour: str, sound: tuple[str, ...]) -> tuple[str, ...]:
    picture = f"color=c={colour}:s={WIDTH}x{HEIGHT}:r=25"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25")
    return ("-v", "quiet", "-re", "-f", "lavfi", "-i", picture, *sound, *coded)


@pytest.fixture
def look() -> Callable[[Path], Any]:
    """Decodes a file's last picture: rows x columns x RGB."""
    import numpy as np

    def decode(path: Path) -> Any:
        command = [
            find_ffmpeg(),
            "-v",
            "error",
            "-i",
            str(path),
            "-pix_fmt",
            "rgb24",
            "-f",
            "rawvideo",
            "pipe:1",
        ]
        raw = subprocess.run(command, capture_output=True, check=True).stdout
        return np.frombuffer(raw, dtype=np.uint8).reshape(-1, HEIGHT, WIDTH, 3)[-1]

    return decode


@pytest.fixture
def reading() -> Callable[..., AbstractAsyncContextManager[Reader]]:
    """Reads one source as the runner does."""

    @asynccontextmanager
    async def read(url: str, program: str = "") -> AsyncIterator[Reader]:
        plan = Plan.model_validate(
            {
                "session": "s1",
                "sources": [{"id": "hall", "url": url}],
                "renditions": [{"name": "big", "width": WIDTH, "height": HEIGHT, "video_kbps": 400}],
            }
        )
        form = Format(width=WIDTH, height=HEIGHT, fps=plan.fps)
        reader = Reader(plan, plan.sources[0], form, program or find_ffmpeg())
        task = asyncio.create_task(reader.run())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return read


@pytest.fixture
def pairs() -> Callable[[Reader, int], Awaitable[list[tuple[Frame | None, Samples]]]]:
    """The next pictures with their samples that come."""

    async def take(reader: Reader, count: int) -> list[tuple[Frame | None, Samples]]:
        found = []
        async with asyncio.timeout(DEADLINE + 5):
            while len(found) < count:
                if (pair := reader.take()) is not None:
                    found.append(pair)
                else:
                    await asyncio.sleep(0.02)
        return found

    return take
