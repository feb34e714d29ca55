"""A bed of music under slates, decoded by a small ffmpeg of its own; without it there is silence."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import time
from contextlib import suppress
from typing import BinaryIO

import ffmpeg
import numpy as np

from avctl.errors import LinkError
from streams.child import Child
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.frames import CHANNELS, Format, Samples

log = logging.getLogger(__name__)

FADE_SECONDS = 0.5
AHEAD_SECONDS = 1.0  # decoded before it is needed; then ffmpeg waits, and costs nothing
STALLED = 3.0  # seconds in which something is wanted and nothing comes
BEGINNING = 12.0  # seconds until the first of it: on a busy machine a program takes long to start
PAUSES = (0.5, 2.0, 10.0, 30.0)  # before another try; a better file may lie there by then


class Music:
    """``over`` is called by the programme's thread and never waits; ``fault`` says why there is silence."""

    def __init__(self, program: str, path: str, level_db: float, form: Format) -> None:
        self.fault = ""
        self._program, self._path, self._level_db, self._form = program, path, level_db, form
        self._pieces: queue.Queue[Samples] = queue.Queue(max(1, round(AHEAD_SECONDS * form.fps)))
        self._came = 0.0  # when there was last enough
        self._strength = 0.0
        self._step = 1 / (FADE_SECONDS * form.fps)

    def over(self, sound: Samples, playing: bool) -> Samples:
        """A picture's samples with what is to be heard of the music; it fades in and out."""
        before = self._strength
        if not playing and before == 0:
            return sound
        try:
            piece = self._pieces.get_nowait()
        except queue.Empty:
            self._strength = 0.0
            return sound
        self._strength = min(1.0, before + self._step) if playing else max(0.0, before - self._step)
        strength = np.linspace(before, self._strength, len(piece), dtype=np.float32)[:, None]
        return np.clip(np.rint(sound + piece * strength), -32768, 32767).astype(np.int16)

    def cut(self) -> None:
        """Silence from here on, without a fade."""
        self._strength = 0.0

    async def run(self) -> None:
        """Have it decoded until cancelled; a programme goes on without."""
        if not self._path:
            await asyncio.Event().wait()
        tries = 0
        while True:
            try:
                heard, why = await self._decode()
            except (LinkError, OSError) as fault:
                heard, why = False, str(fault)
            if why != self.fault:
                log.warning("no music under slates for a moment: %s", why)
            # One that played has been killed: it is no fault of the file.
            self.fault, tries = ("", 0) if heard else (why, min(tries + 1, len(PAUSES) - 1))
            await asyncio.sleep(PAUSES[tries])

    async def _decode(self) -> tuple[bool, str]:
        """One process, for as long as something comes of it: whether anything did, and why it ended."""
        read, write = os.pipe()
        ended = threading.Event()
        began = self._came = time.monotonic() + BEGINNING - STALLED
        with os.fdopen(read, "rb", buffering=0) as pieces:
            thread = threading.Thread(target=self._gather, args=(pieces, ended), daemon=True)
            command = music_command(self._program, self._path, self._level_db, write)
            child = Child("music", command, pass_fds=(write,))
            try:
                async with child:
                    os.close(write)
                    write = -1
                    thread.start()
                    why = await self._useful(child)
            finally:
                ended.set()
                if write >= 0:
                    os.close(write)
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)
        return self._came != began, why

    async def _useful(self, child: Child) -> str:
        while time.monotonic() - self._came < STALLED:
            with suppress(TimeoutError):
                async with asyncio.timeout(STALLED / 4):
                    code = await child.ended()
                    return child.said or f"its process ended with {code}"
            if self._pieces.full():  # nothing more is wanted
                self.fault, self._came = "", time.monotonic()
        return "its process has stalled"

    def _gather(self, pieces: BinaryIO, ended: threading.Event) -> None:
        size = self._form.sound_bytes
        kept = b""
        while data := pieces.read(size - len(kept)):
            kept += data
            if len(kept) < size:
                continue
            piece = np.frombuffer(kept, dtype=np.int16).reshape(-1, CHANNELS)
            kept, self._came = b"", time.monotonic()
            while not ended.is_set():
                with suppress(queue.Full):
                    self._pieces.put(piece, timeout=0.2)
                    break


def music_command(program: str, path: str, level_db: float, end: int) -> list[str]:
    """The sound of a file, again and again, made louder or quieter."""
    # Only a file: what looks like an address, or a list of addresses, is not followed.
    feed = ffmpeg.input(f"file:{path}", stream_loop=-1, protocol_whitelist="file,pipe")
    sound = feed.audio.filter("volume", f"{level_db}dB").output(
        f"pipe:{end}", format="s16le", acodec="pcm_s16le", ac=CHANNELS, ar=SAMPLE_RATE
    )
    return compiled(sound, program, "error")
