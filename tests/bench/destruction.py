"""Row 7: every process of a broadcast killed and stopped in turn, a real player in Chromium looking on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
from playwright.async_api import Page, async_playwright

from bench.council import Council, council, first_segment, segments
from streams import rfc8216
from streams.recording import FOLDER, lines_of

CHROMIUM = "/usr/bin/chromium"
QUIET_SECONDS = 14.0  # after each blow, for everything to be as before
STOPPED_SECONDS = 4.0
SEGMENT_MS = 2000
# Which of the runner's children a blow is for, by a word of its command line.
CHILDREN = {"reader": "fps_mode", "encoder": "libx264", "loudness": "ebur128"}

WATCH_PLAYER = """() => {
  const video = document.querySelector("video");
  window.player = { stalls: [], seen: performance.now(), at: video.currentTime };
  setInterval(() => {
    const now = performance.now(), player = window.player;
    if (video.currentTime !== player.at) {
      if (now - player.seen > 250) player.stalls.push(Math.round(now - player.seen));
      player.at = video.currentTime; player.seen = now;
    }
  }, 50);
}"""


def victims(here: Council) -> dict[str, int]:
    """The processes of the broadcast by what they are."""
    status = json.loads((here.playlist.parents[2] / "status.json").read_text(encoding="utf-8"))
    facts = json.loads((here.data / "demo.json").read_text(encoding="utf-8"))
    found = {"controller": int(facts["processes"]["controller"]), "runner": int(status["pid"])}
    for child in psutil.Process(found["runner"]).children(recursive=True):
        with suppress(psutil.Error):
            line = " ".join(child.cmdline())
            found.update({name: child.pid for name, word in CHILDREN.items() if word in line})
    return found


def blows() -> Iterator[tuple[str, str]]:
    """What is done to whom, in turn."""
    for name in ("reader", "encoder", "loudness", "runner", "controller"):
        yield name, "kill -9"
    for name in ("reader", "encoder", "runner"):
        yield name, "kill -STOP"


async def strike(pid: int, how: str) -> None:
    """Kill, or stop for a while."""
    if how == "kill -9":
        os.kill(pid, signal.SIGKILL)
        return
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(STOPPED_SECONDS)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


async def one_blow(here: Council, page: Page, name: str, how: str) -> dict[str, Any]:
    """What a blow costs: until the next new segment, and what the player shows of it."""
    pid = victims(here).get(name)
    if pid is None:
        return {"to": name, "blow": how, "fault": "there is no such process"}
    before = here.playlist.read_text(encoding="utf-8")
    known = max(segments(before), default=-1)
    await page.evaluate("() => { window.player.stalls = [] }")
    began = perf_counter()
    blow = asyncio.create_task(strike(pid, how))
    listed: list[float] = []
    faults: set[str] = set()
    while perf_counter() - began < QUIET_SECONDS:
        text = here.playlist.read_text(encoding="utf-8")
        if text != before:
            faults.update(rfc8216.faults(before, text))
            before = text
        newest = max(segments(text), default=-1)
        if newest > known:
            listed.append(perf_counter() - began)
            known = newest
        await asyncio.sleep(0.02)
    await blow
    pauses = [later - sooner for sooner, later in zip([0.0, *listed], listed, strict=False)]
    stalls: list[int] = await page.evaluate("() => window.player.stalls")
    return {
        "to": name,
        "blow": how,
        "longest_pause_ms": round(max(pauses, default=QUIET_SECONDS) * 1000),
        "over_a_segment_ms": max(0, round(max(pauses, default=QUIET_SECONDS) * 1000) - SEGMENT_MS),
        "player_stalls_ms": stalls,
        "playlist_faults": sorted(faults),
    }


def holes(here: Council) -> list[float]:
    """What is missing in the recording, in milliseconds for each hole."""
    lines = list(lines_of(here.playlist.parents[2] / FOLDER))
    missing = [
        (later.at - sooner.at).total_seconds() - sooner.seconds
        for sooner, later in zip(lines, lines[1:], strict=False)
    ]
    return [round(one * 1000) for one in missing if one > 0.05]


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """One broadcast, one player, blow after blow."""
    table = []
    async with council(folder) as here, async_playwright() as play:
        await first_segment(here)
        browser = await play.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
        )
        page = await browser.new_page()
        await page.goto(f"{here.facts['url']}/watch/{here.session}")
        await page.wait_for_function(
            "() => { const video = document.querySelector('video'); return video && video.currentTime > 1 }",
            timeout=60_000,
        )
        await page.evaluate(WATCH_PLAYER)
        await asyncio.sleep(QUIET_SECONDS / 2)
        for name, how in blows():
            row = await one_blow(here, page, name, how)
            print(json.dumps(row, ensure_ascii=False), flush=True)
            table.append(row)
        missing = holes(here)
        await browser.close()
    return {
        "what": "every process of a broadcast killed and stopped in turn, a player in Chromium looking on",
        "wanted": {"over_a_segment_ms": 2000, "player_stalls_ms": 0},
        "segment_ms": SEGMENT_MS,
        "table": table,
        "holes_in_the_recording_ms": missing,
    }
