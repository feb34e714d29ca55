"""Rows 2 and 3: a device does something -> a browser shows it; a button there -> it is confirmed there.

Row 2 has dashboards and a crowd of devices around it. In row 3 the simulated system answers late.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.programs import program, spread, until
from bench.seats import Chamber, chamber

SEATS = 60
DASHBOARDS = 50
METERS = 40  # half of them in the room that is looked at
RATE = 200.0  # events a second, of all meters together
CHANGES = 200
ACTS = 100
ANSWER_SECONDS = 0.01

_DENY = """(seat) => {
  const found = document.querySelector(`#waits-${seat} button[hx-post$="/deny_request"]`);
  if (found === null) return 0;
  const at = performance.timeOrigin + performance.now();
  found.click();
  return at;
}"""
_GONE = "([seat, since]) => window.seen.find((one) => one[0] === seat && one[1] === 0 && one[2] >= since)"


def crowd(port: int) -> str:
    """The meters, for the configuration."""
    meters = [
        f'[[devices]]\nid = "meter-{place}"\nroom = "{("hall", "other")[place % 2]}"\n'
        f'driver = "bench.meter"\nport = {port}\noptions = {{ place = {place} }}\n'
        for place in range(METERS)
    ]
    return "\n".join(('[[rooms]]\nid = "other"\ntitle = "Other"', *meters))


@asynccontextmanager
async def dashboards(here: Chamber, count: int) -> AsyncIterator[list[int]]:
    """So many pages more that look at the room; how many bytes each was sent."""
    stream = await here.page.evaluate("document.body.dataset.stream")
    origin = await here.page.evaluate("location.origin")
    cookies = {one["name"]: one["value"] for one in await here.page.context.cookies()}
    got = [0] * count

    async def look(place: int, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", stream) as answer:
            answer.raise_for_status()
            async for data in answer.aiter_raw():
                got[place] += len(data)

    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=origin,
                cookies=cookies,
                timeout=None,
                limits=httpx.Limits(max_connections=count),
            )
        )
        looking = [asyncio.create_task(look(place, client)) for place in range(count)]

        async def everybody() -> bool:
            return all(got)

        try:
            await until(everybody)
            yield got
        finally:
            for one in looking:
                one.cancel()
            await asyncio.gather(*looking, return_exceptions=True)


async def _presses(here: Chamber, seats: list[int], count: int, dice: random.Random) -> list[float]:
    taken = []
    for _ in range(count):
        await asyncio.sleep(dice.uniform(0.01, 0.15))
        taken.append(await here.press(dice.choice(seats)))
    return taken


async def shown(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Row 2: with one page in calm, then with all of them and the crowd."""
    dice, port = random.Random(5), free_port()
    seats = list(range(2, SEATS + 1))
    async with chamber(folder / "calm", free_port, SEATS) as here:
        await here.load()
        await here.watch()
        calm = await _presses(here, seats, CHANGES, dice)
    around = folder / "crowd.toml"
    around.write_text('[[rooms]]\nid = "hall"\ntitle = "Hall"\n' + crowd(port), encoding="utf-8")
    crowding = (sys.executable, "-m", "bench.crowd", str(around), str(RATE))
    async with (
        program(*crowding, log=folder / "crowd.log"),
        chamber(folder / "busy", free_port, SEATS, more=crowd(port)) as here,
    ):
        await here.load()
        await here.watch()
        async with dashboards(here, DASHBOARDS - 1) as got:
            busy = await _presses(here, seats, CHANGES, dice)
    return {
        "what": "a button at a seat -> the page of the room in Chromium shows it",
        "wanted": {"p95_ms": 50},
        "dashboards": DASHBOARDS,
        "events_per_second": RATE,
        "megabytes_a_dashboard": round(sum(got) / len(got) / 1e6, 2),
        "shown": spread(busy),
        "compared_with": {"one_page_and_no_crowd": spread(calm)},
    }


async def confirmed(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Row 3: refuse somebody who waits; the page takes the row away once the system has said so."""
    dice = random.Random(6)
    async with chamber(folder, free_port, SEATS, late=ANSWER_SECONDS) as here:
        await here.load()
        await here.watch()
        taken = []
        for _ in range(ACTS):
            seat = dice.randrange(2, SEATS + 1)
            await here.press(seat)

            async def pressed(seat: int = seat) -> float:
                return float(await here.page.evaluate(_DENY, seat))

            begun = await until(pressed)
            found = await here.page.wait_for_function(_GONE, arg=[seat, begun - 1], polling=20)
            at: list[float] = await found.json_value()
            taken.append(at[2] - begun)
    return {
        "what": "a button in Chromium -> the page shows that the device did it",
        "wanted": {"p95_ms": 100},
        "device_answers_after_ms": ANSWER_SECONDS * 1000,
        "confirmed": spread(taken),
    }
