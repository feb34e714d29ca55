"""A source that flashes and beeps once a second, and how far apart the two are in what came out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from streams.ffmpeg import find_ffmpeg
from streams.recording import FOLDER, lines_of

FPS, RATE = 25, 48_000
LENGTH = 0.08  # seconds of a flash and of its beep
BRIGHT = 190  # mean luma of the middle of the picture: the test picture has 120, a slate less
LOUD = 6000  # of 32767
QUIET = 4800  # samples without sound before a beep
# A beep that belongs to a flash is nearer than to the flashes before and after it.
NEAR = RATE // 2


def sender_command(target: str, width: int, height: int) -> list[str]:
    """A moving picture that is white for two pictures in each second, and a tone as long.

    In the middle between two key frames: with those it begins again, and would flash too often.
    """
    now = f"between(mod(t+0.001,1),0.52,{0.52 + LENGTH})"  # 0.52 is the time of a picture
    picture = f"testsrc2=s={width}x{height}:r={FPS},drawbox=c=white:t=fill:enable='{now}'"
    sound = f"aevalsrc='if({now},sin(2*PI*1000*t)*0.8,0)':s={RATE}"
    return [
        *(find_ffmpeg(), "-v", "error", "-nostdin"),
        *("-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "2500k", "-g", "25"),
        *("-c:a", "aac", "-b:a", "128k", "-f", "flv" if target.startswith("rtmp") else "mpegts", target),
    ]


class Sender:
    """An encoder that is started again whenever it ends."""

    def __init__(self, target: str, width: int, height: int) -> None:
        self._command = sender_command(target, width, height)
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send while the context lasts."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def kill(self) -> None:
        """End the program as a crash would; it is started again."""
        if self._process is not None and self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)

    async def _run(self) -> None:
        try:
            while True:
                self.starts += 1
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
                )
                await self._process.wait()
                await asyncio.sleep(0.1)
        finally:
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()


async def heard_and_seen(pieces: Iterable[bytes], folder: Path) -> tuple[list[int], list[int]]:
    """Where (in samples from the start) flashes and beeps begin in a transport stream."""
    video, audio = folder / "seen.raw", folder / "heard.raw"
    seen = f"fps={FPS}:start_time=0,crop=iw/2:ih/3:iw/4:ih/6,scale=16:9,format=gray"
    heard = f"aresample={RATE}:async=1:min_hard_comp=0.01:first_pts=0"
    process = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "error", "-y", "-f", "mpegts", "-i", "pipe:0"),
        *("-map", "0:v", "-vf", seen, "-f", "rawvideo", str(video)),
        *("-map", "0:a", "-af", heard, "-ac", "1", "-f", "s16le", str(audio)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    for piece in pieces:
        process.stdin.write(piece)
        await process.stdin.drain()
    process.stdin.close()
    await process.wait()
    bright = np.fromfile(video, dtype=np.uint8).reshape(-1, 16 * 9).mean(axis=1) > BRIGHT
    loud = np.flatnonzero(np.abs(np.fromfile(audio, dtype=np.int16).astype(int)) > LOUD)
    beeps = loud[np.diff(loud, prepend=-2 * QUIET) > QUIET]
    flashes = np.flatnonzero(bright[1:] & ~bright[:-1]) + 1
    return [int(at) * RATE // FPS for at in flashes], [int(at) for at in beeps]


def offsets(flashes: list[int], beeps: list[int]) -> list[float]:
    """How much later the beep is than its flash, in milliseconds; a flash without a beep has none."""
    late = [min((beep - flash for beep in beeps), key=abs, default=RATE) for flash in flashes]
    return [round(one * 1000 / RATE, 1) for one in late if abs(one) < NEAR]


async def apart(pieces: Iterable[bytes], folder: Path) -> dict[str, Any]:
    """The figures of a transport stream."""
    flashes, beeps = await heard_and_seen(pieces, folder)
    late = offsets(flashes, beeps)
    return {
        "flashes": len(flashes),
        "beeps": len(beeps),
        "pairs": len(late),
        "median_ms": median(late) if late else None,
        "worst_ms": max(late, key=abs, default=None),
        "over_40_ms": sum(abs(one) > 40 for one in late),
        "phase_ms": round(median(at % RATE for at in flashes) * 1000 / RATE) if flashes else None,
    }


def recorded(broadcast: Path, first: float = 0, seconds: float = float("inf")) -> list[bytes]:
    """So many seconds of a broadcast's recording, from so many after its begin."""
    found, passed, lines = [], 0.0, list(lines_of(broadcast / FOLDER))
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        if first <= passed < first + seconds:
            ends = following.begin if following is not None and following.part == line.part else None
            with (broadcast / FOLDER / line.part).open("rb") as part:
                part.seek(line.begin)
                found.append(part.read() if ends is None else part.read(ends - line.begin))
        passed += line.seconds
    return found


def listed(broadcast: Path, rendition: str) -> list[bytes]:
    """Every segment of a public list."""
    folder = broadcast / "live" / rendition
    lines = (folder / "index.m3u8").read_text(encoding="ascii").splitlines()
    return [(folder / line).read_bytes() for line in lines if line and not line.startswith("#")]
