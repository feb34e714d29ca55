"""The ladder encoder: an ffmpeg fed with pictures and samples, replaced when it dies or stands still.

What is not yet in a finished segment is kept. A new life of the encoder gets that again first, so that
nothing is missing from lists and recording because an encoder died.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from streams import beat
from streams.backlog import Backlog, Pair
from streams.child import Child
from streams.clock import Clock
from streams.coders import Chip
from streams.ffmpeg import PRIVATE_PLAYLIST, encoder_command
from streams.frames import Format, Frame, Samples
from streams.ladder import Ladder, Step, origins
from streams.plan import Plan
from streams.reader import PIPE_BYTES
from streams.standstill import Standstill
from streams.status import remembered_step
from streams.still import cause, with_x264, workable

log = logging.getLogger(__name__)

STOPPED_SECONDS = 0.5  # how long it may take nothing when it was stopped by a signal
STUCK_SECONDS = 1.5  # when it does nothing, once it has begun: a disk may keep it waiting
START_SECONDS = 10.0  # the same before it has begun, or when it is to end
SLOW_SECONDS = 20.0  # how long it may take nothing, however much it does
LOOK_SECONDS = 0.1
HOPELESS = 0.7  # of real time: a slower run is not waited for, what it has begun is encoded anew
PAUSES = (0.0, 0.2, 1.0)  # before the next life, after so many short ones
SHORT_SECONDS = 10.0
BARREN = 3  # lives of a chip without a segment, one after the other, until x264 encodes


class Run:
    """One life of the encoder: its private segments, and the number of its first picture.

    ``origins``: whose segments each list has. ``discarded``: nothing of it that is not listed yet may
    ever be.
    """

    def __init__(self, plan: Plan, step: Step, folder: Path, first: int) -> None:
        self.step = step
        self.origins = origins(plan, step)
        self.folder = folder
        self.first = first
        self.last: int | None = None  # it ends before this picture, for another to go on
        self.over = False
        self.final = False  # nobody goes on after it
        self.discarded = False
        self.closing = threading.Event()
        self._length = plan.segment_seconds * plan.fps
        self._turn = threading.Lock()
        self._reached = {"video": first, "audio": first}

    @property
    def taken(self) -> int:
        """How many pictures it has taken."""
        return self._reached["video"] - self.first

    def goes_on(self, name: str, number: int) -> bool:
        """Whether a pipe gets the picture, or samples, of a number."""
        with self._turn:
            self._reached[name] = number
            return self.last is None or number < self.last

    def wind_up(self) -> None:
        """Take no more than what fills the present segment, then end."""
        with self._turn:
            begun = max(self._reached.values()) + 1 - self.first
            self.last = self.first + -(-begun // self._length) * self._length


class Encoder:
    """Takes what the programme gives. ``runs`` are the lives whose segments have not all been listed.

    ``settle`` is called (in a thread) between two lives: it takes over what the last one finished.
    """

    def __init__(
        self,
        plan: Plan,
        form: Format,
        program: str,
        folder: Path,
        changed: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.ladder = Ladder(plan, remembered_step(folder.parent))
        self.restarts = 0
        self.alive = False
        self.taken = 0
        self.runs: list[Run] = []
        self.reason = ""
        self.fault = ""  # why a chip does not encode that should
        self.look_seconds = LOOK_SECONDS
        self.settle: Callable[[], object] = lambda: None
        self._plan, self._form, self._program, self._folder = plan, form, program, folder
        self._changed = changed
        kept = plan.segment_seconds + plan.limits.backlog_seconds
        self._backlog = Backlog(round(kept * plan.fps), plan.fps, clock)
        self._waiting: dict[str, float] = {}  # since when a pipe does not take what is written
        self._number = 0
        self._barren, self._cause = 0, ""
        self._ending = False
        self._run: Run | None = None
        self._child: Child | None = None

    @property
    def dropped(self) -> int:
        """Pictures it was too slow for, or that came while there was none."""
        return self._backlog.dropped

    @property
    def plan(self) -> Plan:
        """Everything comes out as planned."""
        return self._plan

    @property
    def target(self) -> int:
        """The length of a segment in whole seconds."""
        return self._plan.segment_seconds

    @property
    def behind(self) -> float:
        """Seconds of pictures that wait to be taken."""
        run = self._run
        return (self._backlog.end - run.first - run.taken) / self._plan.fps if run is not None else 0.0

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
        short = 0
        self._plan, self.fault = await asyncio.to_thread(workable, self._plan, self._program)
        while not self._ending:
            began = time.monotonic()
            run = await self._live()
            if not self._ending and not run.discarded and run.last is None:
                self.restarts += 1
                log.warning("another encoder goes on: %s", self.reason)
                self._mind_the_chip(run)
                self._changed()
                if time.monotonic() - began > SHORT_SECONDS:
                    short = 0
                await asyncio.sleep(PAUSES[short])
                short = min(short + 1, len(PAUSES) - 1)

    @property
    def chip(self) -> Chip:
        """What encodes now."""
        return self._plan.encoder

    def _mind_the_chip(self, run: Run) -> None:
        """A broadcast does not end because of a driver."""
        made = (run.folder / self._plan.programme.name / PRIVATE_PLAYLIST).exists()
        self._barren = 0 if made else self._barren + 1
        if self.chip != "x264" and self._barren >= BARREN:
            self.fault = self._cause or self.reason
            log.error("%s does not work any more, x264 encodes instead: %s", self.chip, self.fault)
            self._plan = with_x264(self._plan)

    def end(self) -> None:
        """Let it write what it has, and close."""
        self._ending = True
        if self._run is not None:
            self._run.final = True
            self._run.closing.set()

    async def _live(self) -> Run:
        await asyncio.to_thread(self.settle)
        self._number += 1
        run = Run(self._plan, self.ladder.step, self._folder / f"{self._number:04d}", self._backlog.first)
        for name in set(run.origins.values()):
            (run.folder / name).mkdir(parents=True)
        video, video_end = os.pipe()
        audio, audio_end = os.pipe()
        # Not that of the sound: it would be seconds ahead of the pictures when these are late.
        fcntl.fcntl(video, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        first = run.first / self._plan.fps
        command = encoder_command(self._program, self._plan, video, audio, run.folder, first, run.step)
        child = Child("encoder", command, pass_fds=(video, audio), memory=self._plan.limits.child_memory)
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
                self.ladder.begin()
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
        standstill = Standstill(child.pid)
        took, taken = time.monotonic(), self.taken
        ended = asyncio.ensure_future(child.ended())
        try:
            while not ended.done():
                await asyncio.wait((ended,), timeout=beat.left(LOOK_SECONDS))
                now = time.monotonic()
                if taken != self.taken:
                    took, taken = now, self.taken
                waited = now - min(tuple(self._waiting.values()), default=now)
                still = min(standstill.look(now), waited)
                if run.closing.is_set():
                    continue
                # What fits into the pipe is taken by nobody yet.
                begun = run.taken * self._form.frame_bytes > PIPE_BYTES
                patience = STUCK_SECONDS if begun else START_SECONDS
                if still > (STOPPED_SECONDS if standstill.stopped else patience):
                    self.reason = "the encoder stood still"
                    return
                if waited > SLOW_SECONDS:
                    self.reason = "the encoder takes no pictures"
                    return
                if run.last is not None:
                    if now - took > START_SECONDS:
                        self.reason = "the encoder did not end"
                        return
                elif begun and self.ladder.look(now, self.behind, run.taken):
                    self._changed()
                    if self.ladder.speed < HOPELESS:
                        run.last = run.first + run.taken
                        return
                    run.wind_up()
            self.reason = child.said or "the encoder ended"
            self._cause = cause(child.tail)
        finally:
            ended.cancel()

    def _feed(self, name: str, end: int, part: Callable[[Pair], Frame | Samples], run: Run) -> None:
        """Write what waits; when the run is closing, what still waits is written and the pipe closed."""
        number = run.first
        try:
            while not run.discarded and run.goes_on(name, number):
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
