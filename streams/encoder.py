"""The ladder encoder: an ffmpeg fed with pictures and samples, replaced when it dies or stands still.

What is not yet in a finished segment is kept. A new life of the encoder gets that again first, so that
nothing is missing from lists and recording because an encoder died.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from streams.backlog import Backlog, Pair
from streams.child import Child
from streams.ffmpeg import encoder_command
from streams.frames import Format, Frame, Samples
from streams.plan import Plan
from streams.reader import PIPE_BYTES

KEPT_SECONDS = 3.0  # beyond one segment: to notice a death, and to begin again
START_SECONDS = 10.0  # how long it may take to begin, on a machine that has much to do
STUCK_SECONDS = 1.5  # how long it may take nothing, once it has begun
PAUSE = 0.2


class Run:
    """One life of the encoder: its private segments, and the number of its first picture.

    ``discarded``: nothing of it that is not listed yet may ever be.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self.folder = folder
        self.first = first
        self.over = False
        self.discarded = False
        self.closing = threading.Event()


class Encoder:
    """Takes what the programme gives. ``runs`` are the lives whose segments have not all been listed.

    ``settle`` is called (in a thread) between two lives: it takes over what the last one finished.
    """

    def __init__(
        self, plan: Plan, form: Format, program: str, folder: Path, changed: Callable[[], None]
    ) -> None:
        self.restarts = 0
        self.alive = False
        self.taken = 0
        self.runs: list[Run] = []
        self.reason = ""
        self.settle: Callable[[], object] = lambda: None
        self._plan, self._form, self._program, self._folder = plan, form, program, folder
        self._changed = changed
        self._backlog = Backlog(round((plan.segment_seconds + KEPT_SECONDS) * plan.fps), plan.fps)
        self._waiting: dict[str, float] = {}  # since when a pipe does not take what is written
        self._number = 0
        self._ending = False
        self._run: Run | None = None
        self._child: Child | None = None

    @property
    def dropped(self) -> int:
        """Pictures it was too slow for, or that came while there was none."""
        return self._backlog.dropped

    def put(self, frame: Frame, sound: Samples) -> None:
        """Give it a picture with its samples; called by the programme, never waits."""
        if not self._ending:
            self._backlog.put(frame, sound, pushed=self.alive)

    def moment(self, number: int) -> datetime | None:
        """When the picture of a number was taken; None once it is ``finished`` or discarded."""
        return self._backlog.moment(number)

    def finished(self, number: int) -> None:
        """Everything before this picture is in finished segments: it need not be given again."""
        self._backlog.forget(number)

    def discard(self) -> None:
        """Lose whatever has been given and is not listed: what is given from here on is all that comes out.

        The present life ends by force and another begins. Called before a lister's lock is taken: whoever
        holds that lock sees ``discarded``.
        """
        self._backlog.forget(None)
        for run in tuple(self.runs):
            run.discarded = True
            run.closing.set()
        if self._child is not None:
            self._child.kill()

    async def run(self) -> None:
        """Keep one alive until ``end`` or cancelled."""
        shutil.rmtree(self._folder, ignore_errors=True)
        while not self._ending:
            run = await self._live()
            if not self._ending and not run.discarded:
                self.restarts += 1
                self._changed()
                await asyncio.sleep(PAUSE)

    def end(self) -> None:
        """Let it write what it has, and close."""
        self._ending = True
        if self._run is not None:
            self._run.closing.set()

    async def _live(self) -> Run:
        await asyncio.to_thread(self.settle)
        self._number += 1
        run = Run(self._folder / f"{self._number:04d}", self._backlog.first)
        for name in self._plan.names:
            (run.folder / name).mkdir(parents=True)
        video, video_end = os.pipe()
        audio, audio_end = os.pipe()
        for end in (video, audio):
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        command = encoder_command(
            self._program, self._plan, video, audio, run.folder, run.first / self._plan.fps
        )
        child = Child("encoder", command, pass_fds=(video, audio))
        threads = [
            threading.Thread(target=self._feed, args=("video", video_end, _picture, run), daemon=True),
            threading.Thread(target=self._feed, args=("audio", audio_end, _sound, run), daemon=True),
        ]
        try:
            async with child:
                os.close(video)
                os.close(audio)
                self._run, self._child = run, child
                self._waiting.clear()
                self.runs.append(run)
                for thread in threads:
                    thread.start()
                self.alive = True
                self._changed()
                await self._watch(child, run)
        finally:
            self.alive = False
            self._child = None
            run.closing.set()
            for thread in threads:
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join)
            run.over = True
        return run

    async def _watch(self, child: Child, run: Run) -> None:
        """Until it ends. One that does not take what is written is stuck, whatever it claims."""
        began = self.taken
        ended = asyncio.ensure_future(child.ended())
        try:
            while not ended.done():
                await asyncio.wait((ended,), timeout=0.2)
                patience = STUCK_SECONDS if self.taken > began else START_SECONDS
                longest = time.monotonic() - min(tuple(self._waiting.values()), default=time.monotonic())
                if not run.closing.is_set() and longest > patience:
                    self.reason = "the encoder stood still"
                    return
            self.reason = child.said or "the encoder ended"
        finally:
            ended.cancel()

    def _feed(self, name: str, end: int, part: Callable[[Pair], Frame | Samples], run: Run) -> None:
        """Write what waits; when the run is closing, what still waits is written and the pipe closed."""
        number = run.first
        try:
            while not run.discarded:
                pair = self._backlog.get(number, 0.1)
                if pair is None:
                    if run.closing.is_set():
                        return
                    continue
                self._waiting[name] = time.monotonic()
                view = part(pair).data.cast("B")
                while view and not run.discarded:
                    view = view[os.write(end, view) :]
                self._waiting.pop(name, None)
                self.taken += 1
                number += 1
        except BrokenPipeError:
            pass
        finally:
            with suppress(OSError):
                os.close(end)


def _picture(pair: Pair) -> Frame:
    return pair.frame


def _sound(pair: Pair) -> Samples:
    return pair.sound
