"""Row 5: a device is unplugged, or falls silent -> viewers of the events are told that it is offline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.council import Council, council
from bench.programs import spread

DEVICES = {
    "hall-dicentis": "speaks unasked",
    "hall-camera-1": "polled each 1 s",
    "hall-wall-1": "polled each 5 s",
}
TIMES = 5
SILENCE = (("mute", {"on": True}), ("mute", {"on": False}))


async def links(here: Council) -> AsyncIterator[tuple[str, str]]:
    """Every change of a link, as a viewer gets it."""
    async with here.client.stream("GET", "/api/v1/events", timeout=None) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                if event["event"] == "LinkChanged":
                    yield event["device"], event["link"]


async def take_away(here: Council, device: str, away: tuple[str, Any], back: tuple[str, Any]) -> list[float]:
    """Milliseconds from the accident to the news of it, a few times."""
    news = links(here)
    heard: asyncio.Queue[tuple[str, str, float]] = asyncio.Queue()

    async def listen() -> None:
        async for subject, link in news:
            heard.put_nowait((subject, link, perf_counter()))

    async def told(link: str) -> float:
        async with asyncio.timeout(60):
            while True:
                subject, now, at = await heard.get()
                if (subject, now) == (device, link):
                    return at

    listening = asyncio.create_task(listen())
    taken = []
    try:
        await asyncio.sleep(1)  # the stream is open and what stood before has passed
        for _ in range(TIMES):
            begun = perf_counter()
            (await here.simulators.post(f"/simulators/{device}/{away[0]}", json=away[1])).raise_for_status()
            taken.append((await told("offline") - begun) * 1000)
            (await here.simulators.post(f"/simulators/{device}/{back[0]}", json=back[1])).raise_for_status()
            await told("online")
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return taken


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Each kind of device, with a cable that breaks loudly and one that breaks silently."""
    found: dict[str, Any] = {}
    async with council(folder) as here:
        for device, kind in DEVICES.items():
            found[device] = {
                "kind": kind,
                "unplugged": spread(await take_away(here, device, ("unplug", {}), ("plug", {}))),
                "silent": spread(
                    await take_away(here, device, ("mute", {"on": True}), ("mute", {"on": False}))
                ),
            }
    return {
        "what": "device unplugged -> shown offline",
        "wanted": "5 s for a device that speaks unasked, 2 polls for a polled one",
        **found,
    }
