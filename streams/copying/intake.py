"""One source that is passed on: an ffmpeg that unpacks it without decoding, and the pieces of it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import ffmpeg

from avctl.errors import LinkError
from streams import beat
from streams.child import Child
from streams.copying.segmenter import MOST_SECONDS, Begun, Piece, Segmenter
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.inputs import opened
from streams.plan import Plan, SourcePlan
from streams.reader import MISSING, PAUSES, PIPE_BYTES, STALL_SECONDS
from streams.tally import Tally

GATHER_SECONDS = 0.2  # between two looks at the pipe: waking up costs more than reading
COUNT_SECONDS = 2.0
KEPT = 8  # finished pieces: long enough to return to a source, or to a stand-in
SILENCE_KBPS = 64
CHANNELS = {"mono": 1, "stereo": 2}
_VIDEO = re.compile(r"Stream #0:\S+.*: Video: (\w+)(?: \(([^)]*)\))?.*?, (\d+)x(\d+)")
_RATE = re.compile(r", ([\d.]+) (?:fps|tbr)")
_AUDIO = re.compile(r"Stream #0:\S+.*: Audio: (\w+).*?, (\d+) Hz, (mono|stereo|\S+)")


class Sound(StrEnum):
    """What is done with the sound of a source."""

    COPIED = "copied"
    ENCODED = "encoded"
    NONE = "none"  # there is none: silence is added


@dataclass(frozen=True)
class Shape:
    """What an encoder sends, as far as a slate must be like it."""

    width: int
    height: int
    fps: float
    profile: str = ""
    rate: int = SAMPLE_RATE
    channels: int = 2


def now() -> float:
    """A clock that nobody sets."""
    return time.monotonic()


class Intake:
    """Keeps one source read. ``came`` gets every byte that came, from the thread that reads."""

    def __init__(self, plan: Plan, source: SourcePlan, program: str, came: Callable[[bytes], None]) -> None:
        self.id = source.id
        self.frames = 0
        self.restarts = 0
        self.dropped = self.repeated = 0  # what comes is passed on
        self.tally = Tally()
        self.reason = "not connected yet"
        self.since = datetime.now().astimezone()
        self.shape: Shape | None = None
        self.pieces: deque[Piece] = deque(maxlen=KEPT)
        self.longest = MOST_SECONDS  # of a piece, that can be listed
        self._plan, self._source, self._program, self._came = plan, source, program, came
        self._sound = Sound.COPIED
        self._present = False
        self._heard = 0.0
        self._good_since: float | None = None
        self._segmenter = Segmenter(0, plan.segment_seconds)
        self._lock = threading.Lock()
        self._refused = ""
        self._counted = now(), 0
        self._listening = False  # to what ffmpeg says of its input
        self._told: Shape | None = None

    @property
    def present(self) -> bool:
        """Whether pictures really arrive, and can be shown."""
        return self._present

    @property
    def good_seconds(self) -> float:
        """For how long pictures that can be shown have been coming."""
        began = self._good_since
        return 0.0 if began is None else now() - began

    def flowing(self, seconds: float) -> bool:
        """Whether something that can be shown came within so many seconds."""
        return self._present and now() - self._heard < seconds

    @property
    def begun(self) -> Begun | None:
        """The piece that is being filled."""
        return self._segmenter.begun

    @property
    def life(self) -> int:
        """Which start of ffmpeg it is."""
        return self._segmenter.life

    @property
    def interval(self) -> float | None:
        """Seconds between key frames; None until two have come."""
        return self._segmenter.interval

    def cut(self) -> None:
        """Finish the piece now: the source is left, or lost."""
        with self._lock:
            if (piece := self._segmenter.cut()) is not None:
                self.pieces.append(piece)

    def look(self) -> None:
        """Judge how it is; called ten times a second."""
        if (passed := now() - self._counted[0]) >= COUNT_SECONDS:
            self.tally.fps = round((self.frames - self._counted[1]) / passed, 1)
            self._counted = now(), self.frames
        late = now() - self._heard
        if late > self._plan.hold_seconds + 0.5:
            if self._present:
                self.cut()
            self._see(False, "no picture comes")
            return
        if (begun := self.begun) is not None:
            waited = now() - begun.at
            apart = max(self.interval or 0.0, waited - 1.0)
            if waited > 2 * MOST_SECONDS:
                with self._lock:
                    self._segmenter.drop()
            if apart > self.longest:
                self._see(
                    False,
                    f"its key frames are {apart:.1f} s apart: {self.longest:.1f} s at most can be shown",
                )
                return
            self._see(True, "")

    def _see(self, present: bool, reason: str) -> None:
        if present is not self._present:
            self._present = present
            self.since = datetime.now().astimezone()
            self._good_since = now() if present else None
        if reason and not self._refused:
            self.reason = reason

    async def run(self) -> None:
        """Start ffmpeg again whenever it ends or stands still, until cancelled."""
        tries = 0
        while True:
            before, sound = self.frames, self._sound
            try:
                await self._read()
            except (LinkError, OSError) as fault:
                self.reason = str(fault)
            self.cut()
            self._see(False, "")
            if sound is not self._sound:
                continue  # it is known better now how to read it
            self.restarts += 1
            tries = 0 if self.frames > before else min(tries + 1, len(PAUSES) - 1)
            await asyncio.sleep(PAUSES[tries])

    async def _read(self) -> None:
        stream, stream_end = os.pipe()
        fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        with self._lock:
            self._segmenter = Segmenter(self.life + 1, self._plan.segment_seconds)
        self._refused, self.tally.audio = "", ""
        self._listening = False
        child = Child(
            f"intake {self.id}",
            intake_command(self._program, self._source, self._sound, stream_end),
            pass_fds=(stream_end,),
            secrets=(self._source.url,),
            heard=lambda line: self._hear(line, child),
        )
        thread = threading.Thread(target=self._pour, args=(stream,), daemon=True)
        try:
            async with child:
                os.close(stream_end)
                stream_end = -1
                thread.start()
                await self._watch(child)
        finally:
            if stream_end >= 0:
                os.close(stream_end)
            if thread.ident is not None:
                await asyncio.to_thread(thread.join)
            os.close(stream)
        if self._sound is Sound.COPIED and any(MISSING in line for line in child.tail):
            self._sound = Sound.NONE
        self.reason = self._refused or child.said or "the source ended"

    def _hear(self, line: str, child: Child) -> None:
        """Learn what the encoder sends; one that must be read in another way is read again."""
        self.tally.hear(line)
        if line.startswith(("Input #", "Output #", "Stream mapping")):
            self._listening = line.startswith("Input #0")
            if not self._listening and self._told is not None:
                self.shape = self._told
        elif self._listening and (found := _VIDEO.search(line)):
            if found[1] != "h264":
                self._refused = f"it sends {found[1]}: only H.264 can be passed on as it is"
                child.kill()
            rate = _RATE.search(line)  # not known when the encoder was joined in the middle
            fps = float(rate[1]) if rate is not None else float(self._plan.fps)
            self._told = Shape(int(found[3]), int(found[4]), fps, found[2] or "")
        elif self._listening and (found := _AUDIO.search(line)):
            self._listening = False  # the first sound is the one
            copied = found[1] == "aac" and found[3] in CHANNELS
            if copied and self._told is not None:
                self._told = replace(self._told, rate=int(found[2]), channels=CHANNELS[found[3]])
            self._again(Sound.COPIED if copied else Sound.ENCODED, child)

    def _again(self, sound: Sound, child: Child) -> None:
        if sound is not self._sound:
            self._sound = sound
            child.kill()

    async def _watch(self, child: Child) -> None:
        """Until it ends, or has brought nothing for too long after it had begun."""
        began = self.frames
        ended = asyncio.ensure_future(child.ended())
        try:
            while not ended.done():
                await asyncio.wait((ended,), timeout=beat.left(0.5))
                if self.frames > began and now() - self._heard > STALL_SECONDS:
                    return
        finally:
            ended.cancel()

    def _pour(self, end: int) -> None:
        before, pictures = now(), 0
        while data := os.read(end, PIPE_BYTES):
            moment = now()
            with self._lock:
                try:
                    finished = self._segmenter.feed(data, before, moment)
                except ValueError:
                    return
                self.frames += self._segmenter.pictures - pictures
                pictures = self._segmenter.pictures
                self.pieces.extend(finished)
            self._heard = moment
            self._came(data)
            before = moment
            time.sleep(GATHER_SECONDS)


def intake_command(program: str, source: SourcePlan, sound: Sound, stream: int) -> list[str]:
    """Unpack one source into a transport stream; only sound that viewers cannot have is encoded."""
    address, options = opened(source)
    feed = ffmpeg.input(address, **options)
    heard: Any = feed["a:0"]
    coded: dict[str, Any] = {"c:v": "copy", "c:a": "copy"}
    if sound is not Sound.COPIED:
        coded = {"c:v": "copy", "c:a": "aac", "b:a": "128k", "ar": SAMPLE_RATE, "ac": 2}
    if sound is Sound.ENCODED:
        heard = feed["a:0"].filter("aresample", SAMPLE_RATE, **{"async": 1})
    elif sound is Sound.NONE:
        coded["b:a"] = f"{SILENCE_KBPS}k"
        silence = ffmpeg.input(f"anullsrc=r={SAMPLE_RATE}:cl=stereo", format="lavfi")
        heard = silence.audio
    out = ffmpeg.output(
        feed["v:0"],
        heard,
        f"pipe:{stream}",
        format="mpegts",
        flush_packets=1,
        muxdelay=0,
        muxpreload=0,
        max_interleave_delta=500_000,
        # Every key frame has the parameters with it: whoever begins there can decode.
        **{"bsf:v": "h264_mp4toannexb,dump_extra=freq=keyframe"},
        **coded,
    )
    return compiled(out, program, "info")
