"""One source of the programme: an ffmpeg that decodes it, and the pictures and samples that came out.

Picture *n* of a start belongs to its *n*-th share of samples, so both are taken in pairs and let go in pairs.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

import numpy as np

from streams import beat
from streams.child import Child
from streams.cushion import MOST, Cushion
from streams.frames import CHANNELS, Format, Frame, Samples
from streams.inputs import Parts, explained, reader_command
from streams.plan import Plan, SourcePlan
from streams.tally import Tally

PIPE_BYTES = 1 << 20  # the most an ordinary user may ask for
MOST_BACKLOG = 4 * MOST  # pictures without their sound, or samples without their picture
STALL_SECONDS = 6.0
PAUSES = (0.2, 0.5, 1.0, 2.0)
MISSING = "matches no streams"  # what ffmpeg says of a source without sound, or without picture


class Reader:
    """Keeps one source read, whatever happens to it. ``take`` is called by the programme's thread."""

    def __init__(self, plan: Plan, source: SourcePlan, form: Format, program: str) -> None:
        self.id = source.id
        self.frames = 0
        self.restarts = 0
        self.dropped = 0  # pictures that came faster than they were wanted
        self.repeated = 0  # times that the programme wanted one and there was none
        self.tally = Tally()
        self.reason = "not connected yet"
        self.since = datetime.now().astimezone()
        self.heard_at = 0.0
        self._plan, self._source, self._form, self._program = plan, source, form, program
        self._lock = threading.Lock()
        self._pictures: deque[Frame] = deque()
        self._sounds: deque[Samples] = deque()
        self._cushion = Cushion(form.fps)
        self._present = False
        self._latest: Frame | None = None
        self._parts = Parts.BOTH
        self._why = ""

    @property
    def present(self) -> bool:
        """Whether pictures really arrive."""
        return self._present

    @property
    def latest(self) -> Frame | None:
        """The last picture that was taken, to look at; None when none is there."""
        return self._latest if self._present else None

    def take(self) -> tuple[Frame | None, Samples] | None:
        """The next picture with its samples; None when there is none. A source without picture has None in
        the picture's place."""
        with self._lock:
            lengths = (len(self._pictures), len(self._sounds))
            ready = min(length for length, there in zip(lengths, self._there(), strict=True) if there)
            if not self._cushion.enough(ready):
                self.repeated += self._present
                return None
            for _ in range(self._cushion.excess(ready)):
                self._drop()
                self.dropped += 1
            return self._drop()

    def _there(self) -> tuple[bool, bool]:
        return self._parts is not Parts.SOUND, self._parts is not Parts.PICTURE

    def _drop(self) -> tuple[Frame | None, Samples]:
        picture, sound = self._there()
        if picture:
            self._latest = self._pictures.popleft()
        return (
            self._latest if picture else None,
            self._sounds.popleft() if sound else self._form.silence(),
        )

    async def run(self) -> None:
        """Start ffmpeg again whenever it ends or stands still, until cancelled."""
        tries = 0
        while True:
            before = self.frames
            await self._read()
            self._see(False)
            self.restarts += 1
            tries = 0 if self.frames > before else min(tries + 1, len(PAUSES) - 1)
            await asyncio.sleep(PAUSES[tries])

    async def _read(self) -> None:
        video, video_end = os.pipe()
        audio, audio_end = os.pipe()
        for end in (video, audio):
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._flush()
        self._why = ""
        threads = [
            threading.Thread(target=pour, args=(video, self._form.frame_bytes, self._picture), daemon=True),
            threading.Thread(target=pour, args=(audio, self._form.sound_bytes, self._samples), daemon=True),
        ]
        try:
            async with self.tally.counting() as lines, self._decoding(video_end, audio_end, lines) as child:
                os.close(video_end)
                os.close(audio_end)
                video_end = audio_end = -1
                for thread in threads:
                    thread.start()
                await self._watch(child)
        finally:
            for end in (video_end, audio_end):
                if end >= 0:
                    os.close(end)
            for thread in threads:
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)
            os.close(video)
            os.close(audio)
        self._parts = self._parts_of(child)
        self.reason = self._why or child.said or "the source ended"

    def _hear(self, line: str) -> None:
        """What it complains of may be of use while it goes on trying."""
        self.tally.hear(line)
        if why := explained(line):
            self._why = self.reason = why

    def _decoding(self, video: int, audio: int, lines: int) -> Child:
        ends = (video, audio, lines)
        command = reader_command(self._program, self._plan, self._source, *ends, self._parts)
        return Child(
            f"reader {self.id}",
            command,
            pass_fds=ends,
            secrets=(self._source.url,),
            heard=self._hear,
            memory=self._plan.limits.child_memory,
        )

    def _parts_of(self, child: Child) -> Parts:
        """What to read next time: what this time was not there is left out, once."""
        if self._parts is not Parts.BOTH:
            return Parts.BOTH
        for line in child.tail:
            if MISSING in line:  # Stream specifier ':a' in filtergraph description … matches no streams.
                return Parts.SOUND if ":v'" in line else Parts.PICTURE
        return Parts.BOTH

    async def _watch(self, child: Child) -> None:
        began = self.frames
        ended = asyncio.ensure_future(child.ended())
        try:
            while not ended.done():
                await asyncio.wait((ended,), timeout=beat.left(0.2))
                self.tally.look()
                late = time.monotonic() - self.heard_at
                if self.frames > began:
                    self._see(late < self._plan.hold_seconds + 0.5)
                    if late > STALL_SECONDS:
                        return
        finally:
            ended.cancel()

    def _see(self, present: bool) -> None:
        if present is not self._present:
            self._present = present
            self.since = datetime.now().astimezone()
            self.reason = "" if present else self.reason or "no picture comes"

    def _flush(self) -> None:
        with self._lock:
            self._pictures.clear()
            self._sounds.clear()
            self._cushion.empty()

    def _picture(self, data: bytearray) -> None:
        with self._lock:
            self._pictures.append(np.frombuffer(data, dtype=np.uint8))
            self.frames += 1
            self.heard_at = time.monotonic()
            while len(self._pictures) > MOST_BACKLOG:  # the sound stands still: nothing can be shown anyway
                self._pictures.popleft()
                self.dropped += 1

    def _samples(self, data: bytearray) -> None:
        with self._lock:
            self._sounds.append(np.frombuffer(data, dtype=np.int16).reshape(-1, CHANNELS))
            if self._parts is Parts.SOUND:
                self.frames += 1
                self.heard_at = time.monotonic()
            while len(self._sounds) > MOST_BACKLOG:
                self._sounds.popleft()


def pour(end: int, size: int, full: Callable[[bytearray], None]) -> None:
    """Read whole pieces until the other side closes; a half piece at the end is nothing."""
    while True:
        data = bytearray(size)
        view, filled = memoryview(data), 0
        while filled < size:
            count = os.readv(end, [view[filled:]])
            if count == 0:
                return
            filled += count
        full(data)
