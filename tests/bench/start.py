"""Row 12: from the command to an answer, and to the first picture."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from avctl.main.demo import demo_file, with_free_ports
from bench.council import council, first_segment
from bench.programs import program, until

TIMES = 5


async def start_once(folder: Path) -> float:
    """Seconds from ``avctl run`` to ``/health`` that says ok."""
    text, moved = with_free_ports(demo_file().read_text(encoding="utf-8"))
    file = folder / "house.toml"
    file.write_text(text, encoding="utf-8")
    run = (sys.executable, "-m", "avctl", "run", "--config", str(file), "--data", str(folder / "data"))
    begun = perf_counter()
    async with (
        program(*run, log=folder / "controller.log"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{moved[8000]}") as client,
    ):

        async def well() -> bool:
            return (await client.get("/health")).status_code == 200

        await until(well)
        return perf_counter() - begun


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """The controller a few times with the record it made the first time, then the whole demo."""
    runs = [round(await start_once(folder), 2) for _ in range(TIMES)]
    async with council(folder) as here:
        live = await first_segment(here) - here.begun
    return {
        "what": "avctl run -> /health ok; avctl demo -> first live segment in a viewer's hands",
        "wanted": {"health_s": 2, "first_segment_s": 10},
        "health_s": {"first": runs[0], "later": sorted(runs[1:])},
        "first_segment_s": round(live, 2),
    }
