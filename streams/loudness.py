"""Loudness of the programme after EBU R128 (Tech 3341), measured by ffmpeg's ebur128 in its own process."""

from __future__ import annotations

import asyncio
import math
import os
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import ffmpeg

from streams.child import Child
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.frames import Samples

WAITING = 50  # pictures' worth of sound: two seconds; what is beyond is lost to the measurement
PAUSE = 1.0
LOWEST = -69.9  # LUFS: at -70 the gate is closed, and nothing is known
KEYS = {
    "lavfi.r128.M": "momentary",
    "lavfi.r128.S": "short",
    "lavfi.r128.I": "integrated",
}


@dataclass(frozen=True, kw_only=True)
class Loud:
    """LUFS over 0.4 s, 3 s and since ``since``; the true peak since then in dBTP. None until known."""

    since: datetime
    momentary: float | None = None
    short: float | None = None
    integrated: float | None = None
    true_peak: float | None = None


class Loudness:
    """Measures until cancelled; when its process dies the integrated value begins anew, and says so."""

    def __init__(self, program: str) -> None:
        self.now = Loud(since=datetime.now().astimezone())
        self._program = program
        self._sounds: queue.Queue[Samples | None] = queue.Queue(WAITING)

    def put(self, sound: Samples) -> None:
        """Some samples of the programme; called by its thread, never waits."""
        with suppress(queue.Full):
            self._sounds.put_nowait(sound)

    async def run(self) -> None:
        """Keep one measurement alive."""
        while True:
            await self._measure()
            await asyncio.sleep(PAUSE)

    async def _measure(self) -> None:
        self.now = Loud(since=datetime.now().astimezone())
        sound, told = os.pipe(), os.pipe()
        command = loudness_command(self._program, sound[0], told[1])
        child = Child("loudness", command, pass_fds=(sound[0], told[1]))
        ended = threading.Event()
        threads = [
            threading.Thread(target=self._feed, args=(sound[1], ended), daemon=True),
            threading.Thread(target=self._hear, args=(told[0],), daemon=True),
        ]
        try:
            async with child:
                for end in (sound[0], told[1]):
                    os.close(end)
                for thread in threads:
                    thread.start()
                await child.ended()
        finally:
            ended.set()
            for thread in threads:
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)

    def _feed(self, end: int, ended: threading.Event) -> None:
        with suppress(BrokenPipeError), os.fdopen(end, "wb", buffering=0) as pipe:
            while not ended.is_set():
                try:
                    sound = self._sounds.get(timeout=0.2)
                except queue.Empty:
                    continue
                if sound is not None:
                    view = sound.data.cast("B")
                    while view:
                        view = view[pipe.write(view) or 0 :]

    def _hear(self, end: int) -> None:
        with os.fdopen(end, encoding="ascii", errors="replace") as lines:
            for line in lines:
                key, _, value = line.strip().partition("=")
                if key in KEYS:
                    with suppress(ValueError):
                        self._learn(KEYS[key], round(float(value), 1))
                elif key == "lavfi.r128.true_peak":  # a share of full scale
                    with suppress(ValueError):
                        peak = round(20 * math.log10(float(value)), 1)
                        self.now = replace(self.now, true_peak=peak)

    def _learn(self, name: str, value: float) -> None:
        known = value if value > LOWEST else None
        match name:
            case "momentary":
                self.now = replace(self.now, momentary=known)
            case "short":
                self.now = replace(self.now, short=known)
            case _:
                self.now = replace(self.now, integrated=known)


def loudness_command(program: str, sound: int, told: int) -> list[str]:
    """Samples in through a pipe, a few lines of figures out through another ten times a second."""
    measured = (
        ffmpeg.input(f"pipe:{sound}", format="s16le", ar=SAMPLE_RATE, ac=2, probesize=32, analyzeduration=0)
        .audio.filter("ebur128", peak="true", metadata=1, framelog="verbose")
        .filter("ametadata", "print", file=f"pipe:{told}", direct=1)
        .output("-", format="null")
    )
    return compiled(measured, program, "warning")
