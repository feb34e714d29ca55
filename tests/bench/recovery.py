"""Part of row 7: the same accidents to what a council would otherwise run; how long its list stands still."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psutil

from bench.bare import in_a_loop, nginx_rtmp
from bench.broadcast import ONE, broadcast, clip, listed, segments_of, sent

TIMES = 3
WATCHED_SECONDS = 12.0
AWAY_SECONDS = 5.0
SEGMENT_MS = 2000

Running = tuple[psutil.Process, Path, str, str]
"""The process of which one is killed, the list, where the source sends to, a word of the one to kill."""


@asynccontextmanager
async def ours(folder: Path, port: int) -> AsyncIterator[Running]:
    async with broadcast(folder, f"srt://127.0.0.1:{port}?mode=listener", ONE) as process:
        yield process, folder / "live/720p/index.m3u8", f"srt://127.0.0.1:{port}?mode=caller", "libx264"


@asynccontextmanager
async def loop(folder: Path, port: int) -> AsyncIterator[Running]:
    folder.mkdir()
    async with in_a_loop(folder, f"srt://127.0.0.1:{port}?mode=listener", ONE) as process:
        yield process, folder / "720p/index.m3u8", f"srt://127.0.0.1:{port}?mode=caller", "libx264"


@asynccontextmanager
async def nginx(folder: Path, port: int) -> AsyncIterator[Running]:
    folder.mkdir()
    async with nginx_rtmp(folder, port) as process:
        if process is None:
            raise LookupError("the machine has no nginx with RTMP (Debian: nginx-light, libnginx-mod-rtmp)")
        yield process, folder / "hls/hall.m3u8", f"rtmp://127.0.0.1:{port}/live/hall", "worker"


SYSTEMS = {"avctl": ours, "ffmpeg_in_a_loop": loop, "nginx_rtmp": nginx}


async def stands(playlist: Path, accident: Callable[[], Any]) -> int:
    """The longest time without a new segment from an accident on, in milliseconds."""
    known = listed(playlist)
    began = last = perf_counter()
    longest = 0.0
    happening = asyncio.ensure_future(accident())
    while perf_counter() - began < WATCHED_SECONDS or not happening.done():
        now = listed(playlist)
        if now != known:
            longest, last, known = max(longest, perf_counter() - last), perf_counter(), now
        await asyncio.sleep(0.02)
    await happening
    return round(max(longest, perf_counter() - last) * 1000)


async def accidents(folder: Path, free_port: Callable[[], int], name: str) -> dict[str, Any]:
    """A worker that dies, a few times; then a source that is away for a while."""
    source = clip(folder, *ONE[0][1:3])
    async with SYSTEMS[name](folder / name, free_port()) as (process, playlist, url, word):

        async def kill() -> None:
            for child in process.children(recursive=True):
                with suppress(psutil.Error):
                    if word in " ".join(child.cmdline()):
                        os.kill(child.pid, signal.SIGKILL)

        pauses = []
        async with sent(source, url):
            await segments_of(playlist, 3)
            for _ in range(TIMES):
                pauses.append(await stands(playlist, kill))

        async def back_later() -> None:
            await asyncio.sleep(AWAY_SECONDS)
            async with sent(source, url):
                await asyncio.sleep(WATCHED_SECONDS)

        away = await stands(playlist, back_later)
    return {
        "worker_killed_longest_pause_ms": {"median": round(median(pauses)), "max": max(pauses)},
        f"source_away_{AWAY_SECONDS:g}_s_longest_pause_ms": away,
    }


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Each system in turn."""
    folder.mkdir(exist_ok=True)
    found: dict[str, Any] = {"segment_ms": SEGMENT_MS}
    for name in SYSTEMS:
        try:
            found[name] = await accidents(folder, free_port, name)
        except LookupError as why:
            found[name] = {"not_done": str(why)}
        print(name, found[name], flush=True)
    return found
