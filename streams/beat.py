"""One beat for what a runner does now and then: its sleepers wake together, each waking costs a little."""

from __future__ import annotations

import asyncio
import math
import time

BEATS = 10  # a second, as meters are told


def left(seconds: float) -> float:
    """How long to wait so as to wake with the beat that is nearest to so many seconds from now.

    What is shorter than a beat stays as it is.
    """
    if seconds * BEATS < 1:
        return seconds
    moment = time.monotonic()
    return max(0.0, round((moment + seconds) * BEATS) / BEATS - moment)


def next_left() -> float:
    """How long it is until the next beat."""
    moment = time.monotonic()
    return (math.floor(moment * BEATS) + 1) / BEATS - moment


async def pause(seconds: float) -> None:
    """Sleep about so long: half a beat more or less."""
    await asyncio.sleep(left(seconds))
