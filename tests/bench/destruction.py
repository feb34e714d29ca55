"""Row 7: whatever can happen to a broadcast happens to it in turn, a real player in Chromium looking on."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from signal import SIGTERM
from time import perf_counter
from typing import Any

from bench import recovery
from bench.blows import Blow, NotHere, dropped, filled, killed, stepped, stopped, unplugged
from bench.clock import clock_for, set_clock
from bench.council import Council, council, first_segment, segments
from bench.player import Player, player
from streams import rfc8216
from streams.recording import FOLDER, lines_of

QUIET_SECONDS = 14.0  # after each blow, for everything to be as before
SEGMENT_MS = 2000
SMALL_DISK = "size=600m"

PROCESSES = (
    *(killed(name) for name in ("reader", "encoder", "loudness", "painter", "runner", "controller")),
    killed("controller", SIGTERM),
    *(stopped(name) for name in ("reader", "encoder", "runner", "controller")),
    unplugged(),
    dropped(),
)


async def one_blow(here: Council, viewer: Player, blow: Blow) -> dict[str, Any]:
    """What a blow costs: until the next new segment, what the player shows of it, what people are told."""
    before = here.playlist.read_text(encoding="utf-8")
    known = max(segments(before), default=-1)
    told = await last_line(here)
    await viewer.stalls()
    began = perf_counter()
    striking = asyncio.create_task(blow.strike(here))
    listed: list[float] = []
    faults: set[str] = set()
    while perf_counter() - began < QUIET_SECONDS or not striking.done():
        text = here.playlist.read_text(encoding="utf-8")
        if text != before:
            faults.update(rfc8216.faults(before, text))
            before = text
        newest = max(segments(text), default=-1)
        if newest > known:
            listed.append(perf_counter() - began)
            known = newest
        await asyncio.sleep(0.02)
    row: dict[str, Any] = {"to": blow.to, "blow": blow.what}
    try:
        await striking
    except NotHere as why:
        return {**row, "not_done": str(why)}
    ends = [*listed, perf_counter() - began]
    longest = round(max(later - sooner for sooner, later in zip([0.0, *listed], ends, strict=True)) * 1000)
    return {
        **row,
        "longest_pause_ms": longest,
        "over_a_segment_ms": max(0, longest - SEGMENT_MS),
        "player_stalls_ms": await viewer.stalls(),
        "playlist_faults": sorted(faults),
        "alerts": await alerts_since(here, told),
    }


async def last_line(here: Council) -> int:
    """The number of the journal's newest line."""
    answer = await here.client.get("/api/v1/journal", params={"limit": 1})
    return int(answer.json()[0]["number"])


async def alerts_since(here: Council, number: int) -> list[str]:
    """The rules of the alerts raised since a line of the journal."""
    asked = {"kind": "AlertRaised", "after": number, "limit": 500}
    answer = await here.client.get("/api/v1/journal", params=asked)
    return sorted({line["data"]["rule"] for line in answer.json()})


def holes(here: Council) -> list[int]:
    """What is missing in the recording, in milliseconds for each hole."""
    lines = list(lines_of(here.folder / FOLDER))
    missing = [
        (later.at - sooner.at).total_seconds() - sooner.seconds
        for sooner, later in zip(lines, lines[1:], strict=False)
    ]
    return [round(one * 1000) for one in missing if one > 0.05]


async def scene(folder: Path, blows: Sequence[Blow], **environment: str) -> dict[str, Any]:
    """One broadcast, one player, blow after blow."""
    table = []
    folder.mkdir(exist_ok=True)
    async with council(folder, **environment) as here:
        await first_segment(here)
        async with player(f"{here.facts['url']}/watch/{here.session}") as viewer:
            await asyncio.sleep(QUIET_SECONDS)
            for blow in blows:
                table.append(await one_blow(here, viewer, blow))
                print(json.dumps(table[-1], ensure_ascii=False), flush=True)
        return {"table": table, "holes_in_the_recording_ms": holes(here)}


@asynccontextmanager
async def small_disk(folder: Path) -> AsyncIterator[Path]:
    """A disk that is soon full; NotHere when we may not mount one."""
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", str(folder))
    done = await asyncio.to_thread(subprocess.run, mount, capture_output=True, text=True)
    if done.returncode:
        raise NotHere(done.stderr.strip())
    try:
        yield folder
    finally:
        await asyncio.to_thread(subprocess.run, ("umount", "-l", str(folder)))


async def on_a_full_disk(folder: Path) -> dict[str, Any]:
    """A disk that somebody fills to the last byte."""
    async with small_disk(folder) as disk:
        return await scene(disk, (filled(),))


async def under_a_clock_that_is_set(folder: Path) -> dict[str, Any]:
    """An hour forward, two back: for every process of avctl, and no other."""
    folder.mkdir()
    clock, environment = await clock_for(folder)
    setting = partial(set_clock, clock)
    return await scene(folder, (stepped(setting, 3600), stepped(setting, -3600)), **environment)


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Three broadcasts: blows to its processes, a full disk, a clock that is set."""
    found: dict[str, Any] = {
        "what": "whatever can happen to a broadcast, in turn, a player in Chromium looking on",
        "wanted": {"over_a_segment_ms": 2000, "player_stalls_ms": 0},
        "segment_ms": SEGMENT_MS,
        "processes": await scene(folder / "processes", PROCESSES),
    }
    for name, one in (("full_disk", on_a_full_disk), ("clock", under_a_clock_that_is_set)):
        try:
            found[name] = await one(folder / name)
        except (NotHere, RuntimeError, TimeoutError) as why:  # the last two: the council did not get up
            found[name] = {"not_done": str(why).strip().rpartition("\n")[2] or type(why).__name__}
    found["beside"] = await recovery.measure(folder / "beside", free_port)
    return found
