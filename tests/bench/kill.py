"""Row 8: the controller is killed with ``kill -9`` and started again; the programme must not notice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.council import council, first_segment, listed_over
from bench.programs import until

WATCHED_SECONDS = 30.0
SEGMENT_SECONDS = 2.0


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Watch the segments over the death of the controller; see when its successor has the programme."""
    async with council(folder) as here:
        await first_segment(here)
        watching = asyncio.create_task(listed_over(here, WATCHED_SECONDS))
        await asyncio.sleep(WATCHED_SECONDS / 4)

        os.kill(here.facts["processes"]["controller"], signal.SIGKILL)
        killed = perf_counter()

        async def adopted() -> bool:
            answer = await here.client.get(f"/api/v1/broadcasts/{here.session}")
            return answer.status_code == 200 and answer.json()["actual"] == "live"

        await until(adopted)
        readopted = perf_counter() - killed
        seen = await watching
    numbers, moments = sorted(seen), sorted(seen.values())
    pauses = [later - sooner for sooner, later in zip(moments, moments[1:], strict=False)]
    return {
        "what": "controller killed with kill -9 and started again",
        "wanted": {"segments_lost": 0, "readopted_s": 3},
        "watched_s": WATCHED_SECONDS,
        "segments_seen": len(numbers),
        "segments_lost": numbers[-1] - numbers[0] + 1 - len(numbers),
        "longest_pause_between_segments_s": round(max(pauses), 2),
        "segment_s": SEGMENT_SECONDS,
        "readopted_s": round(readopted, 2),
    }
