"""Loudness of the programme after EBU R128 (Tech 3341), measured by ffmpeg's ebur128 in its own process."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

import ffmpeg

from avctl.errors import LinkError
from streams.child import Child
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.frames import Samples

log = logging.getLogger(__name__)

PIPE_BYTES = 1 << 19  # of sound that waits: almost three seconds; what is beyond is lost to the measurement
PAUSE = 1.0
STALLED = 10.0  # seconds without a figure, though sound is given, before the process is replaced
LOWEST = -69.9  # LUFS: at -70 the gate is closed, and nothing is known
GATHER_SECONDS = 0.08  # it tells a line at a time: waking up for each costs more than reading it
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
    """Measures until cancelled; when its process dies or stalls the figures begin anew and say so."""

    def __init__(self, program: str, stalled: float = STALLED) -> None:
        self.now = Loud(since=datetime.now().astimezone())
        self._program, self._stalled = program, stalled
        self._lock = threading.Lock()
        self._pipe: BinaryIO | None = None  # into which sound is put
        self._rest = memoryview(b"")  # of a sound of which the pipe took a part
        self._given = 0  # sounds taken so far
        self._told = 0.0  # when the last figure came
        self._complained = False

    def put(self, sound: Samples) -> bool:
        """Some samples of the programme; called by its thread, never waits. False when they are lost."""
        self._given += 1
        with self._lock, suppress(BrokenPipeError):
            return self._pipe is not None and self._passed(self._pipe) and self._pour(self._pipe, sound)
        return False

    def _passed(self, pipe: BinaryIO) -> bool:
        """Whether the rest is gone: a sample must not be cut in two."""
        self._rest = self._rest[pipe.write(self._rest) or 0 :]
        return not self._rest

    def _pour(self, pipe: BinaryIO, sound: Samples) -> bool:
        data = sound.data.cast("B")
        taken = pipe.write(data) or 0  # None: the pipe is full
        if taken:
            self._rest = memoryview(bytes(data[taken:]))
        return taken > 0

    async def run(self) -> None:
        """Keep one measurement alive; a programme goes on without it."""
        while True:
            try:
                why = await self._measure()
            except (LinkError, OSError) as fault:
                why = str(fault)
            self._anew()
            if not self._complained:
                self._complained = True
                log.warning("loudness is measured anew: %s", why)
            await asyncio.sleep(PAUSE)

    def _anew(self) -> None:
        self.now = Loud(since=datetime.now().astimezone())

    async def _measure(self) -> str:
        """One process, for as long as it tells something; why it ended."""
        with _pipe() as (sound, give), _pipe() as (hear, told):
            command = loudness_command(self._program, sound.fileno(), told.fileno())
            child = Child("loudness", command, pass_fds=(sound.fileno(), told.fileno()))
            thread = threading.Thread(target=self._hear, args=(hear,), daemon=True)
            fcntl.fcntl(give, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            os.set_blocking(give.fileno(), False)
            try:
                async with child:
                    sound.close()
                    told.close()
                    self._anew()
                    thread.start()
                    with self._lock:
                        self._pipe, self._rest = give, memoryview(b"")
                    return await self._useful(child)
            finally:
                with self._lock:
                    self._pipe = None
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)

    async def _useful(self, child: Child) -> str:
        """Wait until it died, or has told nothing of the sound it was given."""
        self._told, given = time.monotonic(), self._given
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stalled / 4):
                    return f"its process ended with {await child.ended()}: {child.said}"
            if self._given == given:  # nothing is measured when nothing is given
                self._told = time.monotonic()
            given = self._given
            if time.monotonic() - self._told > self._stalled:
                return "its process has stalled"

    def _hear(self, told: BinaryIO) -> None:
        rest = b""
        while said := os.read(told.fileno(), 1 << 16):
            *lines, rest = (rest + said).split(b"\n")
            for line in lines:
                self._understand(line.decode("ascii", errors="replace"))
            time.sleep(GATHER_SECONDS)

    def _understand(self, line: str) -> None:
        key, _, value = line.strip().partition("=")
        if key in KEYS:
            with suppress(ValueError):
                self._learn(KEYS[key], round(float(value), 1))
        elif key == "lavfi.r128.true_peak":  # a share of full scale
            with suppress(ValueError):
                peak = round(20 * math.log10(float(value)), 1)
                self.now = replace(self.now, true_peak=peak)

    def _learn(self, name: str, value: float) -> None:
        self._told, self._complained = time.monotonic(), False
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


@contextmanager
def _pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """A pipe's two ends, closed in the end, whoever closed them before."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as out, os.fdopen(write, "wb", buffering=0) as into:
        yield out, into
