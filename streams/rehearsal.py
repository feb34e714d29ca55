"""A broadcast for nobody: the session's own plan run for some seconds in a folder of its own, and looked at.

It is a runner like any other, with a tone under its slate (or a test picture where pictures are passed on),
that publishes and records where no address leads to. It ends itself soon when nobody minds it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import time
import wave
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import ffmpeg
import numpy as np

from avctl.errors import AvctlError, ConfigError, LinkError
from avctl.wire import unix
from streams import rfc8216
from streams.album import PREVIEW_FILE
from streams.child import leashed
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.folder import make_private, save_plan, size_of
from streams.keeper import gone, reap, running, spawn
from streams.plan import LimitsPlan, OverlaysPlan, Plan, SourcePlan, load_plan
from streams.playlist import MASTER
from streams.priority import LATER
from streams.probe import Looked, look_at, small
from streams.recording import FOLDER as RECORDING
from streams.requests import SOCKET_FILE
from streams.still import cause

log = logging.getLogger(__name__)

HERTZ, LEVEL_DB = 1000, -18.0  # EBU R 68: alignment level
OFF_DB, OFF_HERTZ = 1.0, 5.0
APART = 0.06  # mean difference of luma that a clock that goes, and an encoder, may make
PLAIN = 0.02  # less contrast is no slate
NAME = "rehearsal-"
SOURCE = "test"
LOOK_SECONDS = 0.1
LEAVE_SECONDS = 3.0
MARGIN = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What was found; ``fault`` is why nothing could be."""

    segment: str = ""
    apart: float = 1.0
    contrast: float = 0.0
    hertz: float = 0.0
    level_db: float = -100.0
    grown: int = 0
    still: str = ""  # a folder in which nothing was written
    seconds: float = 0.0
    fault: str = ""

    @property
    def seen(self) -> bool:
        """Whether the slate arrived as it was shown."""
        return bool(self.segment) and self.apart <= APART and self.contrast >= PLAIN

    @property
    def heard(self) -> bool:
        """Whether the tone arrived as it was sent."""
        return abs(self.level_db - LEVEL_DB) <= OFF_DB and abs(self.hertz - HERTZ) <= OFF_HERTZ

    @property
    def recorded(self) -> bool:
        """Whether every disk has it."""
        return self.grown > 0 and not self.still


async def rehearse(folder: Path, plan: Plan, program: str, seconds: float) -> Rehearsed:
    """Run it until everything is proven or the time is over; nothing of it stays."""
    found = Rehearsed(fault="the runner does not answer")
    began = time.monotonic()
    # Its own name from the first: under the session's lies the real recording, also on the second disk.
    plan = plan.model_copy(update={"session": f"{NAME}{plan.session}"[:64]})
    await discard(folder, plan)
    try:
        plan = await asyncio.to_thread(_prepared, folder, plan, program, seconds)
        pid = spawn(folder)
        try:
            async with asyncio.timeout(seconds):
                await _publish(folder)
                found = Rehearsed(fault="no segment was listed")
                while not (found.seen and found.heard and found.recorded):
                    found = await _look(folder, plan, program, found)
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            pass
        finally:
            await asyncio.shield(_leave(pid))
    finally:
        await discard(folder, plan)
    return replace(found, seconds=round(time.monotonic() - began, 1))


async def discard(folder: Path, plan: Plan | None = None, *, at_once: bool = False) -> None:
    """End whoever rehearses in a folder, and take away what it left, also on the second disk of its plan."""
    if (pid := running(folder)) is not None:
        await _leave(pid, (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL))
    if plan is None:
        with suppress(ConfigError):
            plan = load_plan(folder)
    places = [folder] if plan is None else places_of(folder, plan)
    for place in places:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


def places_of(folder: Path, plan: Plan) -> list[Path]:
    """Where a rehearsal records."""
    second = plan.record.second_folder
    return [folder, *((Path(second) / plan.session,) if second and plan.session.startswith(NAME) else ())]


def _prepared(folder: Path, plan: Plan, program: str, seconds: float) -> Plan:
    """Leave the runner everything; the plan it has."""
    make_private(folder)
    tone = folder / "tone.wav"
    _write_tone(tone)
    source = folder / "test.ts"  # where it is not there, the slate is shown, with the tone as its music
    if plan.stream_copy:
        _write_test(program, source, tone, plan)
    plan = plan.model_copy(
        update={
            "sources": (SourcePlan(id=SOURCE, url=f"file://{source}", title="", loop=True),),
            "planned_end": datetime.now().astimezone() + timedelta(seconds=seconds) + MARGIN,
            "grace_seconds": 0,
            "music": str(tone),
            "music_db": 0,
            "overlays": OverlaysPlan(),
            "pushes": (),
            "disk_reserve_mb": 0,
            "disk_floor_mb": 0,
            # Never in the way of what is on air.
            "limits": LimitsPlan(nice=0, cpu_weight=100, step_down=False),
        }
    )
    save_plan(folder, plan)
    return plan


def _write_tone(path: Path) -> None:
    moments = np.arange(SAMPLE_RATE) / SAMPLE_RATE  # whole periods: it goes on and on without a click
    samples = np.rint(np.sin(2 * np.pi * HERTZ * moments) * 10 ** (LEVEL_DB / 20) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.repeat(samples, 2).tobytes())


def _write_test(program: str, path: Path, tone: Path, plan: Plan) -> None:
    """A picture with the tone, as a hall's encoder would send it; LinkError says why there is none."""
    size, keys = plan.programme, plan.segment_seconds * plan.fps
    picture = ffmpeg.input(f"smptebars=size={size.width}x{size.height}:rate={plan.fps}", format="lavfi")
    sound = ffmpeg.input(str(tone), stream_loop=-1).audio
    coded = {"c:v": "libx264", "preset": "ultrafast", "pix_fmt": "yuv420p", "g": keys, "bf": 0, "c:a": "aac"}
    out = ffmpeg.output(picture, sound, str(path), format="mpegts", t=10, **coded)
    done = subprocess.run(
        leashed(compiled(out, program, "error"), LATER), capture_output=True, check=False, timeout=30
    )
    if done.returncode:
        raise LinkError(cause(done.stderr.decode(errors="replace").splitlines()) or "ffmpeg failed")


async def _publish(folder: Path) -> None:
    """Tell the runner, once it is there."""
    while True:
        try:
            async with unix(folder / SOCKET_FILE, log) as wire:
                await wire.send(json.dumps({"id": 1, "do": "publish"}).encode() + b"\n")
                rest = b""
                while b'"id": 1' not in rest and b'"id":1' not in rest:
                    rest = rest[-64:] + await wire.receive()
                return
        except LinkError:
            await asyncio.sleep(LOOK_SECONDS)


async def _look(folder: Path, plan: Plan, program: str, before: Rehearsed) -> Rehearsed:
    """What is there now: the newest segment of the best rendition that every list has."""
    sizes = {place: size_of(place / RECORDING) for place in places_of(folder, plan)}
    found = replace(
        before,
        grown=min(sizes.values()),
        still=next((str(place) for place, size in sizes.items() if not size), ""),
    )
    segment, init = await asyncio.to_thread(_newest, folder / "live")
    if segment is None or f"{segment.parent.name}/{segment.name}" == before.segment:
        return found
    try:
        looked: Looked = await look_at(program, segment, init)
        apart = looked.difference(await asyncio.to_thread(small, folder / PREVIEW_FILE))
    except (AvctlError, OSError) as fault:
        return replace(found, fault=str(fault))
    hertz, level = await asyncio.to_thread(looked.tone)
    return replace(
        found,
        fault="",
        segment=f"{segment.parent.name}/{segment.name}",
        apart=apart,
        contrast=looked.contrast,
        hertz=hertz,
        level_db=level,
    )


def _newest(live: Path) -> tuple[Path | None, Path | None]:
    """As a player comes to it: the master list, its lists, their segments; none until all have one."""
    try:
        lines = (live / MASTER).read_text(encoding="ascii").splitlines()
        lists = [live / line for line in lines if line and not line.startswith("#")]
        entries = [rfc8216.read(one.read_text(encoding="ascii")).entries for one in lists]
    except (OSError, ValueError):
        return None, None
    if not lists or not all(entries):
        return None, None
    newest = entries[0][-1]
    folder = lists[0].parent
    return folder / newest.uri, folder / newest.map if newest.map else None


async def _leave(pid: int, ways: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGKILL)) -> None:
    """In order, so that it takes its children and its control group with it; else by force."""
    for number in ways:
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await gone(pid)
                break
    reap(pid)
