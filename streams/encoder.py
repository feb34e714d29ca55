"""The ladder encoder: an ffmpeg fed with pictures and samples, replaced when it dies or stands still."""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from streams.child import Child
from streams.ffmpeg import encoder_command
from streams.frames import Format, Frame, Samples
from streams.plan import Plan
from streams.reader import PIPE_BYTES

QUEUE = 12  # pictures that may wait for it: about half a second
START_SECONDS = 10.0  # how long it may take to begin, on a machine that has much to do
STUCK_SECONDS = 1.5  # how long it may take nothing, once it has begun
PAUSE = 0.2


class Run:
    """One life of the encoder: its private segments, and when its first picture was taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.began: datetime | None = None
        self.over = False
        self.dropped = 0  # pictures it was too slow for: what follows them is later by the clock
        self.closing = threading.Event()


class Encoder:
    """Takes what the programme gives. ``runs`` are the lives whose segments have not all been listed."""

    def __init__(
        self, plan: Plan, form: Format, program: str, folder: Path, changed: Callable[[], None]
    ) -> None:
        self.restarts = 0
        self.alive = False
        self.taken = 0
        self.runs: list[Run] = []
        self.reason = ""
        self._plan, self._form, self._program, self._folder = plan, form, program, folder
        self._changed = changed
        self._pictures: queue.Queue[Frame] = queue.Queue(QUEUE)
        self._sounds: queue.Queue[Samples] = queue.Queue(QUEUE)
        self._took_at = time.monotonic()
        self._number = 0
        self._ending = False
        self._run: Run | None = None

    def put(self, frame: Frame, sound: Samples) -> None:
        """Give it a picture with its samples; called by the programme, never waits."""
        run = self._run
        if self._ending or not self.alive or run is None:
            return
        if self._pictures.full() or self._sounds.full():
            run.dropped += 1  # a pair is given whole or not at all: sound and picture stay together
            return
        if run.began is None:
            run.began = datetime.now().astimezone()
        self._pictures.put_nowait(frame)
        self._sounds.put_nowait(sound)

    async def run(self) -> None:
        """Keep one alive until ``end`` or cancelled."""
        shutil.rmtree(self._folder, ignore_errors=True)
        while not self._ending:
            await self._live()
            if not self._ending:
                self.restarts += 1
                self._changed()
                await asyncio.sleep(PAUSE)

    def end(self) -> None:
        """Let it write what it has, and close."""
        self._ending = True
        if self._run is not None:
            self._run.closing.set()

    async def _live(self) -> None:
        self._number += 1
        run = Run(self._folder / f"{self._number:04d}")
        for rendition in self._plan.renditions:
            (run.folder / rendition.name).mkdir(parents=True)
        video, video_end = os.pipe()
        audio, audio_end = os.pipe()
        for end in (video, audio):
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._pictures, self._sounds = queue.Queue(QUEUE), queue.Queue(QUEUE)
        command = encoder_command(self._program, self._plan, video, audio, run.folder)
        child = Child("encoder", command, pass_fds=(video, audio))
        threads = [
            threading.Thread(target=self._feed, args=(video_end, self._pictures, run), daemon=True),
            threading.Thread(target=self._feed, args=(audio_end, self._sounds, run), daemon=True),
        ]
        try:
            async with child:
                os.close(video)
                os.close(audio)
                self._run, self._took_at = run, time.monotonic()
                self.runs.append(run)
                for thread in threads:
                    thread.start()
                self.alive = True
                self._changed()
                await self._watch(child)
        finally:
            self.alive = False
            run.over = True
            run.closing.set()
            for thread in threads:
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)

    async def _watch(self, child: Child) -> None:
        """Until it ends. One that takes nothing is stuck, whatever it claims."""
        began = self.taken
        ended = asyncio.ensure_future(child.ended())
        try:
            while not ended.done():
                await asyncio.wait((ended,), timeout=0.2)
                patience = STUCK_SECONDS if self.taken > began else START_SECONDS
                if not self._ending and time.monotonic() - self._took_at > patience:
                    self.reason = "the encoder stood still"
                    return
            self.reason = child.said or "the encoder ended"
        finally:
            ended.cancel()

    def _feed(self, end: int, line: queue.Queue[Frame] | queue.Queue[Samples], run: Run) -> None:
        """Write what waits; when the run is closing, what still waits is written and the pipe closed."""
        try:
            while True:
                try:
                    piece = line.get(timeout=0.1)
                except queue.Empty:
                    if run.closing.is_set():
                        return
                    continue
                view = piece.data.cast("B")
                while view:
                    view = view[os.write(end, view) :]
                self._took_at = time.monotonic()
                self.taken += 1
        except BrokenPipeError:
            pass
        finally:
            os.close(end)
