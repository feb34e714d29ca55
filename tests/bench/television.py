"""Row 25: what a watched TV channel costs, 20 of SD and 8 of HD, with a picture a second of each.

Counted is the processor of our own process (receiving, measuring, telling) and of each channel's ffmpeg; the
sender is a process of its own. Beside it a bare ffmpeg that decodes every picture and measures the same.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from avctl.bus import Bus
from avctl.config import Device
from avctl.driver import supervise
from bench.programs import program, until
from drivers.tv_channel import TvChannel
from streams.ffmpeg import find_ffmpeg

SECONDS, SETTLED, BARE_SECONDS = 20.0, 8.0, 10.0
# Title -> how many, size, bit/s of the whole stream.
KINDS = {"SD": (20, "720x576", 3_008_000), "HD": (8, "1920x1080", 8_008_000)}


def busy(process: psutil.Process) -> float:
    """Seconds of processor so far."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def programs() -> dict[int, psutil.Process]:
    """The ffmpegs of the channels."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "image2pipe" in child.cmdline():
                found[child.pid] = child
    return found


async def watched(title: str, folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """The cost of so many channels."""
    count, size, rate = KINDS[title]
    ports = [free_port() for _ in range(count + 1)]
    bus, log = Bus(), folder / "sender.log"
    events = 0

    def heard(_: object) -> None:
        nonlocal events
        events += 1

    bus.listen(heard)
    channels = [
        TvChannel(Device(id=f"tv-{at}", room="hall", driver="tv_channel", port=port), bus.publish)
        for at, port in enumerate(ports[:-1])
    ]
    command = (sys.executable, "-m", "bench.tv_sender", size, str(rate), *map(str, ports))
    async with program(*command, log=log):
        tasks = [asyncio.create_task(supervise(one, asyncio.Event())) for one in channels]
        try:

            async def pictured() -> bool:
                return all(one.picture() is not None for one in channels)

            await until(pictured, patience=120)
            await asyncio.sleep(SETTLED)
            own, began = psutil.Process(), asyncio.get_running_loop().time()
            before, mine = {pid: busy(one) for pid, one in programs().items()}, busy(own)
            pictures, told = sum(one._pictures.pictures for one in channels if one._pictures), events
            await asyncio.sleep(SECONDS)
            passed = asyncio.get_running_loop().time() - began
            after = programs()
            ffmpegs = sum(busy(one) - before.get(pid, 0) for pid, one in after.items()) / passed
            own_cores = (busy(own) - mine) / passed
            seen = sum(one._pictures.pictures for one in channels if one._pictures) - pictures
            found = {
                "channels": count,
                "size": size,
                "bit_s": rate,
                "cores": round(own_cores + ffmpegs, 3),
                "own_share_a_channel": round(own_cores / count, 4),
                "ffmpeg_share_a_channel": round(ffmpegs / count, 4),
                "pictures_a_second_a_channel": round(seen / passed / count, 2),
                "events_a_second": round((events - told) / passed, 2),
                "lost_by_us": sum(int(one.readings["own_losses"]) for one in channels),
                "continuity_errors": sum(int(one.readings["continuity_errors"]) for one in channels),
                "ffmpeg_mb_a_channel": round(
                    sum(one.memory_info().rss for one in after.values()) / 1e6 / max(1, len(after)), 1
                ),
                "own_mb": round(own.memory_info().rss / 1e6, 1),
            }
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return {**found, "bare_ffmpeg_share": round(await bare(ports[-1], folder), 4)}


async def bare(port: int, folder: Path) -> float:
    """The share of a core of ffmpeg alone, which decodes every picture."""
    command = (
        *(find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"udp://127.0.0.1:{port}?fifo_size=50000"),
        *("-vf", "fps=1,scale=320:-2,blackdetect,freezedetect", "-af", "silencedetect,ebur128"),
        *("-f", "null", "-"),
    )
    async with program(*command, log=folder / "bare.log") as process:
        found = psutil.Process(process.pid)
        await asyncio.sleep(5)
        before = busy(found)
        await asyncio.sleep(BARE_SECONDS)
        return (busy(found) - before) / BARE_SECONDS


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Both kinds."""
    return {
        "what": "TV channels watched: transport by our parser, a picture a second and sound by ffmpeg",
        "wanted": "20 SD or 8 HD channels on one core",
        **{title: await watched(title, folder, free_port) for title in KINDS},
    }
