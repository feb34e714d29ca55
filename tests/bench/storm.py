"""Row 24: 300 seats press within a second, for SECONDS (of the environment): nothing lost, all in order."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.programs import spread, until
from bench.seats import SEATS, Chamber, chamber

SECONDS = int(os.environ.get("SECONDS", "60"))
PRESSES = 300  # in each second
CROWD = 450  # of whom so many press in any one second: some ask, some withdraw
CALM = 30  # single presses before the storm, which its figures are compared with
LOOKS = 5.0  # questions of others in each second, meanwhile


async def _storm(here: Chamber, crowd: list[int], dice: random.Random) -> list[tuple[int, int, float]]:
    """Each press: the seat, whether it asks, when."""
    pressed, begun = [], time.monotonic()
    for second in range(SECONDS):
        for place, seat in enumerate(dice.sample(crowd, PRESSES)):
            wait = begun + second + place / PRESSES - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            pressed.append((seat, int(seat not in here.hall.waiting), time.time() * 1000))
            here.hall.press(seat)
    return pressed


async def _others(here: Chamber, session: str, taken: list[float]) -> None:
    """Somebody else looks at the floor by the API all the time."""
    while True:
        begun = time.perf_counter()
        (await here.client.get(f"/api/v1/sessions/{session}/floor")).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(1 / LOOKS)


def _shown(pressed: list[tuple[int, int, float]], seen: list[list[float]]) -> tuple[list[float], int]:
    """How late the page had each press; and how many it passed over, having the seat's next one at once."""
    found: dict[tuple[int, int], list[float]] = {}
    for seat, comes, at in seen:
        found.setdefault((int(seat), int(comes)), []).append(at)
    late, passed = [], 0
    following: dict[int, float] = {}
    for seat, comes, at in reversed(pressed):
        until_ = following.get(seat, float("inf"))
        following[seat] = at
        shown = next((one for one in found.get((seat, comes), ()) if one >= at), None)
        if shown is None or shown > until_ + 1000:
            passed += 1
        else:
            late.append(shown - at)
    return late, passed


def _journalled(data: Path) -> int:
    """How many requests for the floor, and ends of such, are in the record."""
    (file,) = data.glob("*.db")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as record:
        kinds = "('FloorRequested', 'FloorRequestEnded')"
        return int(record.execute(f"SELECT count(*) FROM journal WHERE kind IN {kinds}").fetchone()[0])


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Calm, then the storm, then whether everything is there and in the order of the system."""
    dice = random.Random(7)
    async with chamber(folder, free_port, SEATS) as here:
        await here.load()
        await here.watch()
        *crowd, calm_seat = dice.sample(range(2, SEATS + 1), CROWD + 1)
        before = _journalled(here.data)
        calm = [await here.press(calm_seat) for _ in range(CALM)]
        session = (await here.client.get("/api/v1/sessions")).json()[0]["id"]
        await here.page.evaluate("() => { window.seen = []; window.stands = 0; }")
        here.fragments.clear()
        looks: list[float] = []
        others = asyncio.create_task(_others(here, session, looks))
        pressed = await _storm(here, crowd, dice)
        ended = time.monotonic()
        order = list(here.hall.waiting)

        async def on_the_page() -> bool:
            rows = await here.page.evaluate(
                "[...document.querySelectorAll('ol.waiting > li[id]')].map((one) => Number(one.id.slice(6)))"
            )
            return bool(rows == order)

        await until(on_the_page)
        settled = time.monotonic() - ended
        others.cancel()
        await asyncio.gather(others, return_exceptions=True)
        floor = (await here.client.get(f"/api/v1/sessions/{session}/floor")).json()

        async def written() -> bool:
            return _journalled(here.data) - before >= CALM + len(pressed)

        await until(written)
        late, passed = _shown(pressed, await here.page.evaluate("window.seen"))
        stands = await here.page.evaluate("window.stands")
    return {
        "what": f"{PRESSES} seats press within a second, for {SECONDS} s; a page in Chromium looks on",
        "wanted": {"lost": 0, "order": "that of the system"},
        "presses": len(pressed),
        "lost": CALM + len(pressed) - (_journalled(here.data) - before),
        "waiting_at_the_end": len(order),
        "order_is_right": {
            "api": [one["seat"] for one in floor["waiting"]] == order,
            "page": True,  # waited for above
            "page_settled_after_s": round(settled, 2),
        },
        "page": {
            **spread(late),
            "overtaken": passed,
            "fragments": len(here.fragments),
            "megabytes": round(sum(len(one.encode()) for one in here.fragments) / 1e6, 1),
            "longest_frame_ms": round(stands),
        },
        "api_floor": spread(looks),
        "compared_with": {"one_press_in_calm": spread(calm)},
    }
