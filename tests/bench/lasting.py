"""Row 21: the demo's plenary broadcast for MINUTES (of the environment; 60 is an hour): memory and drift.

The hall's simulated encoder is told not to dial; a source that flashes and beeps takes its place.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil

from bench.clap import Sender, apart, recorded
from bench.council import Council, council, first_segment
from streams.recording import FOLDER, lines_of
from streams.sim.feed import pushed_to
from streams.status import read_status

MINUTES = float(os.environ.get("MINUTES", "3"))
ENCODER = "hall-encoder"
WIDTH, HEIGHT = 1280, 720
SAMPLE_SECONDS = 10.0
SETTLED = 0.1  # of the time: what a program takes while it begins is no growth
LOOKED_AT = 60.0  # seconds of the recording, in each of so many
LOOKED_EVERY = 600.0
# What the runner's children are, by a word of their command line.
CHILDREN = {"reader": "fps_mode", "encoder": "libx264", "loudness": "ebur128", "painter": "paint"}


def processes(here: Council) -> dict[str, psutil.Process]:
    """Every process of the broadcast, and the controller."""
    facts = json.loads((here.data / "demo.json").read_text(encoding="utf-8"))
    runner = psutil.Process(read_status(here.playlist.parents[2]).pid)
    found = {"controller": psutil.Process(int(facts["processes"]["controller"])), "runner": runner}
    for child in runner.children(recursive=True):
        with suppress(psutil.Error):
            line = " ".join(child.cmdline())
            name = next((name for name, word in CHILDREN.items() if word in line), f"other {child.name()}")
            found[name] = child
    return found


class Memory:
    """Resident megabytes and seconds of processor of each process over the time."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[float, float]]] = {}
        self._busy: dict[str, float] = {}
        self._lives: dict[str, set[int]] = {}
        self._began = perf_counter()

    def look(self, here: Council) -> None:
        """Take one sample."""
        at = perf_counter() - self._began
        for name, process in processes(here).items():
            with suppress(psutil.Error):
                self._seen.setdefault(name, []).append((at, process.memory_info().rss / 1e6))
                times = process.cpu_times()
                self._busy[name] = times.user + times.system
                self._lives.setdefault(name, set()).add(process.pid)

    def figures(self) -> dict[str, Any]:
        """For each process: at the begin, at the end, the most, and how it grows by a straight line."""
        found = {}
        for name, samples in self._seen.items():
            last = samples[-1][0]
            settled = [one for one in samples if one[0] > last * SETTLED] or samples
            times, sizes = (np.array(column) for column in zip(*settled, strict=True))
            growth = np.polyfit(times, sizes, 1)[0] * 3600 if len(settled) > 2 else 0.0
            found[name] = {
                "begin_mb": round(float(sizes[0]), 1),
                "end_mb": round(float(sizes[-1]), 1),
                "most_mb": round(float(sizes.max()), 1),
                "growth_mb_an_hour": round(float(growth), 2),
                "processes": len(self._lives[name]),
                "cores": round(self._busy[name] / max(last, 1), 3),
            }
        return found


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Let it run, then look at pieces of the recording."""
    memory, load = Memory(), []
    async with council(folder) as here:
        await first_segment(here)
        broadcast = here.playlist.parents[2]
        plan = json.loads((broadcast / "plan.json").read_text(encoding="utf-8"))
        (await here.simulators.post(f"/simulators/{ENCODER}/refuse", json={"on": True})).raise_for_status()
        target = pushed_to(next(one["url"] for one in plan["sources"] if one["id"] == ENCODER))
        sender = Sender(target, WIDTH, HEIGHT)
        async with sender.sending():
            began = perf_counter()
            while (passed := perf_counter() - began) < MINUTES * 60:
                await asyncio.sleep(SAMPLE_SECONDS)
                memory.look(here)
                load.append(os.getloadavg()[0])
                if passed // 60 != (passed + SAMPLE_SECONDS) // 60:
                    print(json.dumps({"minute": round(passed / 60), "memory": memory.figures()}), flush=True)
            status = read_status(broadcast)
        total = sum(line.seconds for line in lines_of(broadcast / FOLDER))
        looked = []
        for first in np.arange(SAMPLE_SECONDS * 2, total - LOOKED_AT / 2, min(LOOKED_EVERY, total / 3)):
            pieces = recorded(broadcast, float(first), LOOKED_AT)
            looked.append({"from_s": round(float(first)), **await apart(pieces, folder)})
    return {
        "what": "one broadcast of the demo for a long time",
        "wanted": {"worst_ms": 40, "memory": "flat"},
        "minutes": round(passed / 60, 1),
        "renditions": [one["name"] for one in plan["renditions"]],
        "load": {"least": min(load), "mean": round(sum(load) / len(load), 2), "most": max(load)},
        "recorded_s": round(total, 1),
        "pictures": status.frames,
        "repeated": status.repeated,
        "encoder": status.encoder.model_dump(),
        "source": status.sources[ENCODER].model_dump(mode="json"),
        "sender_starts": sender.starts,
        "sound_against_picture": looked,
        "memory": memory.figures(),
    }
