"""Looks at a source that is passed on: its key frames, small, and its sound, decoded by an ffmpeg of its own.

What goes out does not depend on it: it may be slow, stand still, or die.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
import time
from collections import deque
from contextlib import suppress

import ffmpeg
import numpy as np

from avctl.errors import LinkError
from streams import beat
from streams.child import Child
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.frames import CHANNELS, Format, Frame, Samples
from streams.reader import PIPE_BYTES, pour

SMALL = Format(width=640, height=360, fps=10)  # ten looks a second, and their share of the sound
BEHIND = 5  # tenths of a second of sound
STALLED_SECONDS = 15.0
PAUSE_SECONDS = 1.0


class Look:
    """One source. ``put`` is called by the thread that reads it, and never waits."""

    def __init__(self, name: str, program: str) -> None:
        self.picture: Frame | None = None
        self._name, self._program = name, program
        self._sounds: deque[Samples] = deque()
        self._end: int | None = None
        self._lock = threading.Lock()
        self._given = self._seen = 0.0

    def put(self, data: bytes) -> None:
        """What came of the source; what the decoder does not take is not looked at."""
        with self._lock:
            if self._end is not None:
                self._given = time.monotonic()
                with suppress(OSError):  # the pipe is full, or its reader is gone
                    os.write(self._end, data)

    def take(self) -> Samples | None:
        """The next tenth of a second of sound; None when there is none."""
        while len(self._sounds) > BEHIND:
            self._sounds.popleft()
        return self._sounds.popleft() if self._sounds else None

    async def run(self) -> None:
        """Keep a decoder alive until cancelled."""
        while True:
            with suppress(LinkError, OSError):  # a broadcast goes on without being looked at
                await self._decode()
            self.picture = None
            self._sounds.clear()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _decode(self) -> None:
        (into, give), (video, video_end), (audio, audio_end) = os.pipe(), os.pipe(), os.pipe()
        fcntl.fcntl(give, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(give, False)
        theirs: tuple[int, ...] = (into, video_end, audio_end)
        child = Child(
            f"look {self._name}",
            look_command(self._program, into, video_end, audio_end),
            pass_fds=theirs,
        )
        threads = [
            threading.Thread(target=pour, args=(video, SMALL.frame_bytes, self._picture), daemon=True),
            threading.Thread(target=pour, args=(audio, SMALL.sound_bytes, self._sound), daemon=True),
        ]
        try:
            async with child:
                for end in theirs:
                    os.close(end)
                theirs = ()
                for thread in threads:
                    thread.start()
                with self._lock:
                    self._end = give
                await self._useful(child)
        finally:
            with self._lock:
                self._end = None
                os.close(give)
            for end in theirs:
                os.close(end)
            for thread in threads:
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)
            os.close(video)
            os.close(audio)

    async def _useful(self, child: Child) -> None:
        """Until it ends, or has shown nothing though it is given something."""
        self._seen = time.monotonic()
        ended = asyncio.ensure_future(child.ended())
        try:
            while not ended.done():
                await asyncio.wait((ended,), timeout=beat.left(1))
                if self._given - self._seen > STALLED_SECONDS:
                    return
        finally:
            ended.cancel()

    def _picture(self, data: bytearray) -> None:
        self.picture = np.frombuffer(data, dtype=np.uint8)
        self._seen = time.monotonic()

    def _sound(self, data: bytearray) -> None:
        self._sounds.append(np.frombuffer(data, dtype=np.int16).reshape(-1, CHANNELS))


def look_command(program: str, stream: int, video: int, audio: int) -> list[str]:
    """Key frames as small pictures, all of the sound as samples."""
    feed = ffmpeg.input(
        f"pipe:{stream}",
        format="mpegts",
        skip_frame="nokey",
        threads=1,
        fflags="nobuffer",
        analyzeduration=1_000_000,
    )
    pictures = (
        feed["v:0"]
        .filter(
            "scale",
            SMALL.width,
            SMALL.height,
            force_original_aspect_ratio="decrease",
            force_divisible_by=2,
            flags="fast_bilinear",
            out_range="tv",
        )
        .filter("pad", SMALL.width, SMALL.height, "(ow-iw)/2", "(oh-ih)/2")
        .output(f"pipe:{video}", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    )
    sound = feed["a:0"].output(
        f"pipe:{audio}", format="s16le", acodec="pcm_s16le", ac=CHANNELS, ar=SAMPLE_RATE, flush_packets=0
    )
    return compiled(ffmpeg.merge_outputs(pictures, sound), program, "error")
