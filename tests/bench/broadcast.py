"""Broadcasts without a controller: the runner alone, fed by a clip that costs next to nothing to send."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from bench.programs import ENVIRONMENT
from streams.ffmpeg import find_ffmpeg
from streams.requests import socket_path

CLIP_SECONDS = 20
FPS = 25
# Two cores cannot do a ladder from 1080p: what does not keep up cannot be compared.
LADDER = (("720p", 1280, 720, 2500), ("480p", 854, 480, 1000), ("360p", 640, 360, 600))
ONE = LADDER[:1]

Rungs = Sequence[tuple[str, int, int, int]]


def clip(folder: Path, width: int, height: int) -> Path:
    """A hall to send again and again: moving pictures with some grain, speech-like sound."""
    target = folder / f"clip-{height}.ts"
    if target.exists():
        return target
    command = (
        *(find_ffmpeg(), "-v", "error", "-y"),
        *("-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r={FPS},noise=alls=6:allf=t"),
        *("-f", "lavfi", "-i", "aevalsrc='0.2*sin(2*PI*220*t)*(1+sin(2*PI*3*t))/2':s=48000"),
        *("-t", str(CLIP_SECONDS), "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"),
        *("-b:v", "6M", "-g", str(FPS), "-c:a", "aac", "-ac", "2", str(target)),
    )
    subprocess.run(command, check=True)
    return target


@asynccontextmanager
async def sent(file: Path, url: str) -> AsyncIterator[None]:
    """The clip is sent to an address for as long as the context lasts, dialled again while nobody listens."""
    form = "flv" if url.startswith("rtmp") else "mpegts"
    send = f"{find_ffmpeg()} -v quiet -re -stream_loop -1 -i {file} -c copy -f {form} '{url}'"
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f"while true; do {send}; sleep 0.2; done", start_new_session=True
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def plan(url: str, rungs: Rungs) -> dict[str, Any]:
    """What a runner is to do."""
    names = ("name", "width", "height", "video_kbps")
    return {
        "session": "bench",
        "title": "Пленарне засідання",
        "council": "Київська міська рада",
        "sources": [{"id": "hall", "url": url}],
        "renditions": [dict(zip(names, rung, strict=True)) for rung in rungs],
        "fps": FPS,
    }


@asynccontextmanager
async def broadcast(folder: Path, url: str, rungs: Rungs) -> AsyncIterator[psutil.Process]:
    """A runner that is on air, with the whole of its watch and meters."""
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(plan(url, rungs)), encoding="utf-8")
    with (folder / "runner.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams.runner", str(folder)), stdout=log, stderr=log, env=ENVIRONMENT
        )
    try:
        await _publish(folder)
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _publish(folder: Path) -> None:
    """Put it on air; its answer is waited for."""
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError), socket_path(folder) as path:
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(b'{"id": 1, "do": "publish"}\n')
                while line := await reader.readline():
                    if json.loads(line).get("ok"):
                        writer.close()
                        return
            await asyncio.sleep(0.1)


def listed(playlist: Path) -> int:
    """How many segments a list has ever had."""
    with suppress(OSError):
        text = playlist.read_text(encoding="ascii")
        first = next((line for line in text.splitlines() if "MEDIA-SEQUENCE" in line), ":0")
        return int(first.rpartition(":")[2]) + text.count("#EXTINF")
    return 0


async def segments_of(playlist: Path, count: int, patience: float = 90) -> None:
    """Wait until a list has had so many segments."""
    async with asyncio.timeout(patience):
        while listed(playlist) < count:
            await asyncio.sleep(0.05)


def spent(process: psutil.Process) -> float:
    """CPU seconds of a process and everything it started that still lives."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of a process and everything it started, in MB."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            total += one.memory_info().rss
    return round(total / 1e6, 1)
