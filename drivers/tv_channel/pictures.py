"""The picture and the sound of a channel: one ffmpeg that is given the stream and looks at key frames only.

It writes a small JPEG for a key frame a second to a pipe, and says on its standard error what its filters
find: blackdetect, freezedetect, silencedetect, ebur128. Read and written by ffmpeg 5.1 to 9.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import ffmpeg

from avctl.child import Child, Rank
from avctl.errors import ConfigError, LinkError
from avctl.events import now
from avctl.ffmpeg import find_ffmpeg

WIDTH = 320
EVERY = 0.9  # seconds between two pictures, a little less than one: key frames come when they come
WAITING = 4 * 2**20  # bytes that may wait for ffmpeg; what is more it does not get
MEMORY = 400 * 2**20
LOUD_LOOKS = 300  # thirty seconds of ebur128, which says something ten times a second
FIRST_LOOKS = 30  # those before its three seconds are full
SILENT_LUFS = -70.0  # ebur128's word for nothing
END = b"\xff\xd9"  # of a JPEG; ffmpeg's have none inside
RANK = Rank(nice=12, oom=700)  # whatever is on air goes before

MARKS = {
    "lavfi.black_start": ("black", True),
    "lavfi.black_end": ("black", False),
    "lavfi.freezedetect.freeze_start": ("frozen", True),
    "lavfi.freezedetect.freeze_end": ("frozen", False),
}
SAID = re.compile(r"(lavfi\.[a-z_.]+)[=:]|(silence_(?:start|end)): |\bS: *(-?[\d.]+|-?inf|nan)")


def command(
    program: str,
    out: int,
    *,
    video: bool,
    sound: bool,
    form: str,
    number: int,
    black_seconds: float,
    freeze_seconds: float,
    silence_seconds: float,
    every_picture: bool,
) -> list[str]:
    """ffmpeg's arguments: the stream on its input, JPEGs on the descriptor ``out``."""
    keys = {} if every_picture else {"skip_frame": "nokey"}
    stream = ffmpeg.input(
        "pipe:0",
        format=form,
        threads=1,
        probesize=1_500_000,
        analyzeduration=3_000_000,
        fflags="+discardcorrupt",
        **keys,
    )
    part = f"p:{number}:" if number else ""
    outputs = []
    if video:
        seen = (
            stream[f"{part}v:0"]
            .filter("select", f"isnan(prev_selected_t)+gte(t-prev_selected_t,{EVERY})+lt(t,prev_selected_t)")
            .filter("scale", WIDTH, -2, flags="fast_bilinear")
            .filter("blackdetect", d=black_seconds, pix_th=0.10)
            .filter("freezedetect", n="-60dB", d=freeze_seconds)
            .filter("metadata", mode="print")
        )
        outputs.append(
            ffmpeg.output(
                seen,
                f"pipe:{out}",
                format="image2pipe",
                vcodec="mjpeg",
                pix_fmt="yuvj420p",
                fps_mode="passthrough",
                **{"q:v": 7, "threads": 1, "flush_packets": 1},
            )
        )
    if sound:
        heard = (
            stream[f"{part}a:0"]
            .filter("silencedetect", noise="-50dB", d=silence_seconds)
            .filter("ebur128", framelog="info")
        )
        outputs.append(ffmpeg.output(heard, "-", format="null"))
    compiled: list[str] = ffmpeg.compile(
        ffmpeg.merge_outputs(*outputs).global_args("-hide_banner", "-nostats", "-loglevel", "info"),
        cmd=program,
    )
    return compiled


class Pictures:
    """What one run of ffmpeg has seen and heard; None of each is: not known yet."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self.picture: tuple[bytes, datetime] | None = None
        self.pictures = 0
        self.black: bool | None = None
        self.frozen: bool | None = None
        self.silent: bool | None = None
        self.left_out = 0  # bytes that ffmpeg was too slow for
        self._loud: deque[float] = deque(maxlen=LOUD_LOOKS)
        self._heard = 0
        self._child: Child | None = None
        self.ended = asyncio.Event()

    @property
    def loudness(self) -> float | None:
        """The mean of half a minute in LUFS, by energy; None when nothing is to be heard."""
        if not self._loud:
            return None
        mean = sum(10 ** (one / 10) for one in self._loud) / len(self._loud)
        return 10 * math.log10(mean) if mean > 10 ** (SILENT_LUFS / 10) else None

    def feed(self, data: bytes) -> None:
        """Give it what has come, unless it still has too much."""
        if self._child is None or not self._child.alive:
            return
        pipe = self._child.input
        if pipe.transport.get_write_buffer_size() > WAITING:
            self.left_out += len(data)
            return
        with suppress(OSError):
            pipe.write(data)

    @asynccontextmanager
    async def looking(self, name: str, **wanted: Any) -> AsyncIterator[None]:
        """Look and listen while the context lasts."""
        try:
            program = find_ffmpeg()
        except ConfigError as fault:
            raise LinkError(str(fault)) from fault
        read, write = os.pipe()
        child = Child(
            f"tv {name}",
            command(program, write, **wanted),
            pass_fds=(write,),
            wants_input=True,
            heard=self.hear,
            memory=MEMORY,
            rank=RANK,
        )
        try:
            await child.__aenter__()
        except LinkError:
            os.close(read)
            raise
        finally:
            os.close(write)
        self._child = child
        tasks = [asyncio.create_task(self._see(read)), asyncio.create_task(self._wait(child))]
        try:
            yield
        finally:
            self._child = None
            await child.__aexit__(None, None, None)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def hear(self, line: str) -> None:
        """A line of ffmpeg's."""
        found = SAID.search(line)
        if found is None:
            return
        mark, silence, level = found.groups()
        if mark in MARKS:
            name, value = MARKS[mark]
            setattr(self, name, value)
        elif silence:
            self.silent = silence == "silence_start"
        elif level is not None:
            self.silent = bool(self.silent)  # there is sound at all
            number = float(level)
            self._heard += 1
            if self._heard > FIRST_LOOKS:
                self._loud.append(number if math.isfinite(number) else -120.0)

    async def _wait(self, child: Child) -> None:
        code = await child.ended()
        self._log.debug("ffmpeg ended with %s: %s", code, child.said)
        self.ended.set()

    async def _see(self, read: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0)
        )
        try:
            rest = b""
            while data := await reader.read(65536):
                *pictures, rest = (rest + data).split(END)
                if pictures:
                    self.pictures += len(pictures)
                    self.picture = pictures[-1] + END, now()
                    self.black, self.frozen = bool(self.black), bool(self.frozen)
        finally:
            transport.close()
