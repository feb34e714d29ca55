"""Looks and listens to the programme as a person would: black, frozen, silent, clipped, one channel dead.

Cheap on purpose: five small pictures a second and the sound as it is. The limits are those of ffmpeg's
blackdetect (98 % of the pixels below 10 % of white) and freezedetect (-60 dB). Only a source is judged: a
slate is silent, and stands still, by intent.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from streams.frames import Format, Frame, Samples
from streams.plan import WatchPlan

LOOKS = 5  # a second
SMALL = 80  # pixels across the picture that is looked at
DARK, DARK_SHARE = 16 + 22, 0.98
STILL = 0.255  # mean difference of luma between two looks: -60 dB of full scale
CLIPPED_RUN = 3  # samples at full scale in a row
FULL = 32767
DEAD_DB, HEARD_DB = 20.0, -50.0  # one channel so far below the other, which can be heard
GOOD_SECONDS = 1.0


@dataclass
class Condition:
    """Something that is wrong when it lasts. ``since`` is when it began, once it has lasted long enough."""

    seconds: float
    since: datetime | None = None
    _began: float | None = None
    _good: float | None = None

    def see(self, bad: bool, now: float) -> None:
        """Whether it is so at this moment, by the monotonic clock."""
        if bad:
            self._good = None
            if self._began is None:
                self._began = now
            if self.since is None and now - self._began >= self.seconds:
                self.since = datetime.now().astimezone()
        else:
            if self._good is None:
                self._good = now
            if now - self._good >= GOOD_SECONDS or self.since is None:
                self.since = self._began = None

    def forget(self) -> None:
        """Nothing is judged now."""
        self.since = self._began = self._good = None


@dataclass(frozen=True)
class Heard:
    """What was given for one look."""

    frame: Frame
    sound: Samples
    judged: bool


class Watch:
    """Judges in a thread of its own; ``put`` is called by the programme's thread and never waits."""

    def __init__(self, plan: WatchPlan, form: Format) -> None:
        self._conditions = {
            "black": Condition(plan.black_seconds),
            "freeze": Condition(plan.freeze_seconds),
            "silence": Condition(plan.silence_seconds),
            "clipping": Condition(plan.clipping_seconds),
            "channel_dead": Condition(plan.channel_seconds),
        }
        self._silence_db = plan.silence_db
        self._form = form
        self._every = max(1, form.fps // LOOKS)
        self._step = max(1, form.width // SMALL)
        self._sounds: list[Samples] = []
        self._work: deque[Heard] = deque(maxlen=LOOKS)
        self._more = threading.Semaphore(0)
        self._before: NDArray[np.int16] | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    @property
    def conditions(self) -> dict[str, datetime]:
        """What is wrong, and since when."""
        return {name: one.since for name, one in self._conditions.items() if one.since is not None}

    def start(self) -> None:
        """Begin to judge."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ending = True
        self._more.release()
        self._thread.join()

    def put(self, frame: Frame, sound: Samples, *, judged: bool) -> None:
        """A picture of the programme with its samples; ``judged`` while it is a source's."""
        self._sounds.append(sound)
        if len(self._sounds) >= self._every:
            heard, self._sounds = np.concatenate(self._sounds), []
            self._work.append(Heard(frame, heard, judged))
            self._more.release()

    def _run(self) -> None:
        while self._more.acquire() and not self._ending:
            try:
                self._judge(self._work.popleft())
            except IndexError:
                continue  # it was too slow, and what it should have looked at is gone

    def _judge(self, heard: Heard) -> None:
        if not heard.judged:
            self._before = None
            for one in self._conditions.values():
                one.forget()
            return
        now = time.monotonic()
        luma = self._form.planes(heard.frame)[0][:: self._step, :: self._step].astype(np.int16)
        black = bool((luma < DARK).mean() >= DARK_SHARE)
        still = self._before is not None and bool(np.abs(luma - self._before).mean() < STILL)
        self._before = luma
        level = _decibels(heard.sound)
        loudest, quietest = max(level), min(level)
        self._conditions["black"].see(black, now)
        self._conditions["freeze"].see(still and not black, now)
        self._conditions["silence"].see(loudest < self._silence_db, now)
        self._conditions["clipping"].see(_clipped(heard.sound), now)
        dead = loudest > HEARD_DB and loudest - quietest > DEAD_DB
        self._conditions["channel_dead"].see(dead, now)


def _decibels(sound: Samples) -> tuple[float, float]:
    power = np.square(sound.astype(np.float32) / 32768).mean(axis=0)
    left, right = 10 * np.log10(np.maximum(power, 1e-10))
    return float(left), float(right)


def _clipped(sound: Samples) -> bool:
    full = np.abs(sound.astype(np.int32)) >= FULL
    run = full[:-2] & full[1:-1] & full[2:]
    return bool(run.any())
