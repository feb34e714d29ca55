"""Row 23: a hall with 1,500 seats on the page of its room: what it weighs, and what one change costs."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, async_playwright

from avctl.config import read
from bench import floor, tap
from bench.player import CHROMIUM
from bench.programs import spread
from drivers.sim.shure_dis import ShureDisSimulator

SEATS = 1500
FEW = 15  # a committee's room, which it is compared with
LOADS = 5
CHANGES = 60
WAITING = 10  # who waits all the time, so that a change is one among others
PATIENCE_MS = 60_000

# Who came to the list of those who wait, and who left it: when the page had it, by the clock of the machine.
_WATCH = """() => {
  const listed = () => [...document.querySelectorAll("ol.waiting > li[id]")];
  const waiting = () => new Set(listed().map((one) => one.id.slice(6)));
  window.seen = []; window.stands = 0;
  let before = waiting(), frame = performance.now();
  new MutationObserver(() => {
    const now = waiting(), at = performance.timeOrigin + performance.now();
    for (const seat of now) if (!before.has(seat)) window.seen.push([Number(seat), 1, at]);
    for (const seat of before) if (!now.has(seat)) window.seen.push([Number(seat), 0, at]);
    before = now;
  }).observe(document.querySelector("main"), { childList: true, subtree: true });
  const frames = (at) => {
    window.stands = Math.max(window.stands, at - frame);
    frame = at;
    requestAnimationFrame(frames);
  };
  requestAnimationFrame(frames);
}"""

_SHOWN = """([seat, comes, since]) =>
  window.seen.find((one) => one[0] === seat && one[1] === comes && one[2] >= since)"""


@dataclass
class Chamber:
    """A hall that is simulated, the controller beside it, and the page of its room in a real browser."""

    hall: ShureDisSimulator
    client: httpx.AsyncClient
    page: Page
    data: Path
    fragments: list[str] = field(default_factory=list)  # each part that the page was sent

    async def load(self) -> float:
        """Milliseconds until the page shows who has the floor."""
        begun = time.perf_counter()
        await self.page.goto("/control/hall")
        await self.page.wait_for_selector("#part-floor-hall")
        return (time.perf_counter() - begun) * 1000

    async def watch(self) -> None:
        """Write down from now on what the page shows."""
        await self.page.evaluate(_WATCH)

    async def press(self, seat: int) -> float:
        """Milliseconds from a button at a seat to the page that shows it."""
        comes = int(seat not in self.hall.waiting)
        begun = time.time() * 1000
        self.hall.press(seat)
        found = await self.page.wait_for_function(
            _SHOWN, arg=[seat, comes, begun - 1], timeout=PATIENCE_MS, polling=20
        )
        at: list[float] = await found.json_value()
        return at[2] - begun


@asynccontextmanager
async def chamber(
    folder: Path, free_port: Callable[[], int], seats: int, more: str = "", late: float = 0.0
) -> AsyncIterator[Chamber]:
    """A hall with so many seats, whose sitting is open, with its page; ``more`` of a configuration around it.

    ``late``: so many seconds after each question it answers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = {"web": free_port(), "hall": free_port()}
    (folder / "house.toml").write_text(
        f'[web]\nport = {ports["web"]}\n[[rooms]]\nid = "hall"\ntitle = "Зала"\n'
        f'[[devices]]\nid = "hall"\nroom = "hall"\ndriver = "shure_dis"\nport = {ports["hall"]}\n' + more,
        encoding="utf-8",
    )
    device = read(folder / "house.toml", {}).devices[0]
    if late:
        device = device.model_copy(update={"port": free_port()})
    hall = ShureDisSimulator(device)
    hall.seats = {seat: f"Депутат {seat}" for seat in range(1, seats + 1)}
    hall.settings["max_requests"] = str(seats)
    async with (
        hall,
        tap.Hall(late).relaying(ports["hall"], lambda: int(hall.bound)) if late else nullcontext(),
        floor.controller(folder, ports, ("hall",)) as client,
        async_playwright() as play,
    ):
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            context = await browser.new_context(base_url=f"http://127.0.0.1:{ports['web']}", locale="uk-UA")
            page = await context.new_page()
            account = {"name": "bench", "password": "a long enough one"}
            assert (await page.request.post("/api/v1/login", data=account)).ok
            found = Chamber(hall=hall, client=client, page=page, data=folder / "data")
            wire = await context.new_cdp_session(page)
            await wire.send("Network.enable")
            wire.on("Network.eventSourceMessageReceived", lambda message: _keep(found, message))
            yield found
        finally:
            await browser.close()


def _keep(here: Chamber, message: dict[str, Any]) -> None:
    if message["eventName"] == "parts":
        here.fragments.append(message["data"])


async def _hall(folder: Path, free_port: Callable[[], int], seats: int) -> dict[str, Any]:
    dice = random.Random(seats)
    async with chamber(folder / str(seats), free_port, seats) as here:
        loads = [await here.load() for _ in range(LOADS)]
        weight = len(await (await here.page.request.get("/control/hall")).body())
        await here.watch()
        *standing, seat = dice.sample(range(2, seats + 1), min(WAITING, seats - 2) + 1)
        for one in standing:
            await here.press(one)
        here.fragments.clear()
        taken, sizes, counts = [], [], []
        for _ in range(CHANGES):
            begun = len(here.fragments)
            taken.append(await here.press(seat))
            new = here.fragments[begun:]
            sizes.append(sum(len(one.encode()) for one in new))
            counts.append(sum(one.count("<section") for one in new))
        stands = await here.page.evaluate("window.stands")
        nodes = await here.page.evaluate("document.querySelectorAll('*').length")
    return {
        "seats": seats,
        "page": {"bytes": weight, "elements": nodes, "shown_ms": round(statistics.median(loads))},
        "change": {
            **spread(taken),
            "bytes": round(statistics.median(sizes)),
            "fragments": statistics.median(counts),
        },
        "longest_frame_ms": round(stands),
    }


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """The same in a hall with 1,500 seats and in a committee's room."""
    many = await _hall(folder, free_port, SEATS)
    return {
        "what": "one button at one of 1,500 seats -> the page of the room in Chromium shows it",
        "wanted": {"fragments": 1, "p95_ms": 50},
        "waiting_meanwhile": WAITING,
        **many,
        "compared_with": await _hall(folder, free_port, FEW),
    }
