"""Row 11: what a supervised broadcast costs beside a bare ffmpeg doing the same encode, and how many fit."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.bare import bare
from bench.broadcast import LADDER, ONE, Rungs, broadcast, clip, listed, memory_mb, segments_of, sent, spent

SETTLE_SEGMENTS = 4
MEASURED_SECONDS = 40.0
FIT_SECONDS = 30.0
MOST = 6
SEGMENT_SECONDS = 2


async def cost(folder: Path, free_port: Callable[[], int], rungs: Rungs, ours: bool) -> dict[str, float]:
    """CPU of one broadcast, in percent of a core, and its memory, while it really keeps up."""
    port = free_port()
    first = rungs[0][0]
    make, where = (broadcast, folder / "live") if ours else (bare, folder)
    source = clip(folder.parent, rungs[0][1], rungs[0][2])
    async with (
        make(folder, f"srt://127.0.0.1:{port}?mode=listener", rungs) as process,
        sent(source, f"srt://127.0.0.1:{port}?mode=caller"),
    ):
        playlist = where / first / "index.m3u8"
        await segments_of(playlist, SETTLE_SEGMENTS)
        before, known = spent(process), listed(playlist)
        await asyncio.sleep(MEASURED_SECONDS)
        used, made = spent(process) - before, listed(playlist) - known
        return {
            "cpu_percent": round(100 * used / MEASURED_SECONDS, 1),
            "memory_mb": memory_mb(process),
            "kept_up": round(made * SEGMENT_SECONDS / MEASURED_SECONDS, 2),
        }


async def together(folder: Path, free_port: Callable[[], int], count: int, ours: bool) -> float:
    """The slowest of so many 720p broadcasts at once: seconds made for each second that passed."""
    source = clip(folder.parent, *ONE[0][1:3])
    async with AsyncExitStack() as stack:
        lists = []
        for number in range(count):
            port, one = free_port(), folder / f"{number}"
            make, where = (broadcast, one / "live") if ours else (bare, one)
            await stack.enter_async_context(make(one, f"srt://127.0.0.1:{port}?mode=listener", ONE))
            await stack.enter_async_context(sent(source, f"srt://127.0.0.1:{port}?mode=caller"))
            lists.append(where / ONE[0][0] / "index.m3u8")
        for one in lists:
            await segments_of(one, 2)
        before = [listed(one) for one in lists]
        await asyncio.sleep(FIT_SECONDS)
        made = min(listed(one) - known for one, known in zip(lists, before, strict=True))
        return round(made * SEGMENT_SECONDS / FIT_SECONDS, 2)


async def fit(folder: Path, free_port: Callable[[], int], ours: bool) -> dict[str, Any]:
    """One more, and one more, until one does not keep up."""
    seen: dict[int, float] = {}
    for count in range(1, MOST + 1):
        where = folder / f"{'ours' if ours else 'bare'}-{count}"
        where.mkdir()
        try:
            seen[count] = await together(where, free_port, count, ours)
        except TimeoutError:
            seen[count] = 0.0
        if seen[count] < 0.9:
            break
    return {"fit": max((count for count, pace in seen.items() if pace >= 0.9), default=0), "pace": seen}


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """One 720p and a ladder of three, ours and bare in turn; then as many as fit."""
    found: dict[str, Any] = {
        "what": "CPU of a broadcast with watch, meters and recording, beside bare ffmpeg, same encode",
        "wanted": {"one_720p_ratio": 1.25, "ladder_of_three_ratio": 1.15},
        "cores": os.cpu_count(),
    }
    for name, rungs in (("one_720p", ONE), ("ladder_of_three", LADDER)):
        ours = await cost(folder / f"{name}-ours", free_port, rungs, True)
        other = await cost(folder / f"{name}-bare", free_port, rungs, False)
        ratio = round(ours["cpu_percent"] / other["cpu_percent"], 2)
        found[name] = {"avctl": ours, "bare_ffmpeg": other, "ratio": ratio}
    found["how_many_720p_fit"] = {
        "avctl": await fit(folder, free_port, True),
        "bare_ffmpeg": await fit(folder, free_port, False),
    }
    return found
