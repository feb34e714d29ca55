"""Rows 6 and 9: a source is lost -> the slate is in the programme; black, freeze, silence -> an alert."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.council import Council, council, first_segment, listed_over
from bench.programs import spread

SOURCE = "hall-encoder"
TIMES = 5
SETTLED = 6.0  # seconds of a programme that was watched before anything happens
Event = dict[str, Any]
# What is done at the encoder, the alert of it, and after how many seconds it is wanted (config/avctl.toml).
WRONG = (("black", "black", 3.0), ("freeze", "freeze", 10.0), ("silence", "silence", 10.0))


@asynccontextmanager
async def news(here: Council) -> AsyncIterator[Callable[..., Any]]:
    """What gives the moment of the next event that fits, as a viewer of the events gets it."""
    heard: asyncio.Queue[tuple[float, Event]] = asyncio.Queue()
    ready = asyncio.Event()

    async def listen() -> None:
        async with here.client.stream("GET", "/api/v1/events", timeout=None) as stream:
            ready.set()
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    heard.put_nowait((perf_counter(), json.loads(line.removeprefix("data:"))))

    async def told(fits: Callable[[Event], bool], after: float) -> float:
        async with asyncio.timeout(60):
            while True:
                at, event = await heard.get()
                if at > after and fits(event):
                    return at

    listening = asyncio.create_task(listen())
    try:
        await ready.wait()
        yield told
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def _shows(session: str, kind: str) -> Callable[[Event], bool]:
    def fits(event: Event) -> bool:
        showing = str(event.get("readings", {}).get("showing", ""))
        return event.get("device") == f"programme-{session}" and showing.startswith(kind)

    return fits


def _alert(kind: str, rule: str) -> Callable[[Event], bool]:
    return lambda event: event["event"] == kind and event.get("rule", rule) == rule


async def _at_encoder(here: Council, act: str, body: dict[str, Any]) -> float:
    begun = perf_counter()
    (await here.simulators.post(f"/simulators/{SOURCE}/{act}", json=body)).raise_for_status()
    return begun


async def slate(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Row 6: the cable of the hall's encoder is pulled and put back; the list is watched all the time."""
    taken = []
    async with council(folder) as here, news(here) as told:
        await first_segment(here)
        await asyncio.sleep(SETTLED)
        listing = asyncio.create_task(listed_over(here, TIMES * 10.0))
        for _ in range(TIMES):
            begun = await _at_encoder(here, "unplug", {})
            taken.append((await told(_shows(here.session, "slate:"), begun) - begun) * 1000)
            begun = await _at_encoder(here, "plug", {})
            await told(_shows(here.session, "source:"), begun)
            await asyncio.sleep(2)
        moments = sorted((await listing).values())
    return {
        "what": "a source's cable is pulled -> the programme shows the slate, as the API tells it",
        "wanted": {"max_ms": 1000, "outputs": "uninterrupted"},
        "slate": spread(taken),
        "segment_s": 2.0,
        "longest_pause_between_segments_s": round(max(b - a for a, b in pairwise(moments)), 2),
    }


async def alerts(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Row 9: the encoder sends black, one picture, silence; how long after the set time the alert comes."""
    over: dict[str, Any] = {}
    async with council(folder) as here, news(here) as told:
        await first_segment(here)
        await asyncio.sleep(SETTLED)
        for act, rule, seconds in WRONG:
            begun = await _at_encoder(here, act, {"on": True})
            over[rule] = {
                "set_s": seconds,
                "over_s": round(await told(_alert("AlertRaised", rule), begun) - begun - seconds, 2),
            }
            begun = await _at_encoder(here, act, {"on": False})
            await told(_alert("AlertCleared", rule), begun)
    return {
        "what": "black, a standing picture, silence of a source -> alert, over the set time",
        "wanted": {"over_s": 1},
        **over,
    }
