"""Looks and listens as a person would: black, frozen, silent, clipped, one channel dead, out of phase.

Cheap on purpose: five small pictures a second and the sound as it is. The limits are those of ffmpeg's
blackdetect (98 % of the pixels below 10 % of white) and freezedetect (-60 dB). Only a source is judged, as it
came, without what is written over it: a slate is silent, and stands still, by intent.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from streams.frames import CHANNELS, SAMPLE_RATE, Format, Frame, Samples
from streams.plan import WatchPlan

LOOKS = 5  # a second
SMALL = 80  # pixels across the picture that is looked at
DARK, DARK_SHARE = 16 + 22, 0.98
STILL = 0.255  # mean difference of luma between two looks: -60 dB of full scale
CLIPPED_RUN = 3  # samples at full scale in a row
FULL = 32767
DEAD_DB, HEARD_DB = 20.0, -50.0  # one channel so far below the other, which can be heard
AGAINST = (
    -0.7
)  # correlation of left and right below which they take each other away where there is one speaker
CLIPPING_FORGIVEN = 0.1  # a clean second undoes a tenth of a clipped one: speech has pauses
GOOD_SECONDS = 1.0
PART = 480  # samples: silence is found to a hundredth of a second
ALL = 1e9


@dataclass
class Condition:
    """Something that is wrong when it lasts; ``since``: when it had lasted for ``seconds``.

    Bad seconds add up; a good one takes ``forgives`` of them back: all, when it must last without a break.
    """

    seconds: float
    forgives: float = ALL
    since: datetime | None = None
    _bad: float = 0
    _good: float = 0

    def see(self, bad: bool, passed: float) -> None:
        """Whether it was so for this while."""
        if bad:
            self._good = 0
            self._bad = min(self._bad + passed, self.seconds)
            if self.since is None and self._bad > self.seconds - 0.001:
                self.since = datetime.now().astimezone()
        else:
            self._good += passed
            if self.since is None or self._good >= GOOD_SECONDS:
                self._bad -= passed * self.forgives
                if self._bad <= 0:
                    self._bad, self.since = 0, None

    def forget(self) -> None:
        """Nothing is judged now."""
        self.since, self._bad, self._good = None, 0, 0


@dataclass(frozen=True)
class Heard:
    """What was given for one look."""

    frame: Frame
    sound: Samples
    judged: bool


class Watch:
    """Judges in a thread of its own; ``put`` is called by the programme's thread and never waits."""

    def __init__(self, plan: WatchPlan, form: Format, longest: float = 1.0) -> None:
        """``longest``: seconds that a picture stands for at most, when no other comes."""
        self._conditions = {
            "black": Condition(plan.black_seconds),
            "freeze": Condition(plan.freeze_seconds),
            "silence": Condition(plan.silence_seconds),
            "clipping": Condition(plan.clipping_seconds, CLIPPING_FORGIVEN),
            "channel_dead": Condition(plan.channel_seconds, 1),
            "out_of_phase": Condition(plan.phase_seconds, 1),
        }
        self._silence_db = plan.silence_db
        self._form = form
        self._every = max(1, form.fps // LOOKS)
        self._step = max(1, form.width // SMALL)
        self._sounds: list[Samples] = []
        self._work: deque[Heard] = deque(maxlen=LOOKS)
        self._more = threading.Semaphore(0)
        self._before: NDArray[np.int16] | None = None
        self._looked = self._pictured = 0.0
        self._picture: Frame | None = None
        self._longest = longest
        self._before_silence: Samples | None = None  # what was heard last, unless it was silence
        self._ending = False
        self.changed: Callable[[], object] = lambda: None  # called by the watch's thread
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
        """A picture with its samples, nothing written over it; ``judged`` while it is a source's."""
        self._sounds.append(sound)
        if len(self._sounds) >= self._every:
            heard, self._sounds = np.concatenate(self._sounds), []
            self._work.append(Heard(frame, heard, judged))
            self._more.release()

    def _run(self) -> None:
        while self._more.acquire() and not self._ending:
            before = tuple(self.conditions)
            try:
                self._judge(self._work.popleft())
            except IndexError:
                continue  # it was too slow, and what it should have looked at is gone
            if tuple(self.conditions) != before:
                self.changed()

    def _judge(self, heard: Heard) -> None:
        if not heard.judged:
            self._before, self._before_silence, self._looked, self._pictured = None, None, 0.0, 0.0
            for one in self._conditions.values():
                one.forget()
            return
        now, usual = time.monotonic(), self._every / self._form.fps
        # Looks are lost on a machine that is too slow; what was before stands for them, a second at most.
        passed = min(now - self._looked, 1.0) if self._looked else usual
        self._looked = now
        seen = self._conditions
        if heard.frame is not self._picture:  # else it has been judged
            self._picture = heard.frame
            self._see(heard.frame, min(now - self._pictured, self._longest) if self._pictured else usual)
            self._pictured = now
        # A row each: much faster to go through than pairs.
        sound = np.ascontiguousarray(heard.sound.T, dtype=np.float32)
        (left, across), (_, right) = (sound @ sound.T).tolist()  # how much each has, and both have in common
        level = _decibels(left / len(heard.sound)), _decibels(right / len(heard.sound))
        loudest, quietest = max(level), min(level)
        silent = loudest < self._silence_db
        begun = 0.0  # within the look before
        if silent and self._before_silence is not None:
            begun = silent_end(self._before_silence, self._silence_db)
        self._before_silence = None if silent else heard.sound
        seen["silence"].see(silent, passed + begun)
        seen["clipping"].see(_clipped(heard.sound), passed)
        # In a pause nothing is known of channels: what was found out while somebody spoke is kept.
        if loudest > HEARD_DB:
            seen["channel_dead"].see(loudest - quietest > DEAD_DB, passed)
        if quietest > HEARD_DB:
            # 1: both channels have the same, 0: nothing in common, -1: one is the other turned over.
            seen["out_of_phase"].see(across < AGAINST * math.sqrt(left * right), passed)

    def _see(self, frame: Frame, passed: float) -> None:
        luma = self._form.planes(frame)[0][:: self._step, :: self._step].astype(np.int16)
        black = bool((luma < DARK).mean() >= DARK_SHARE)
        still = self._before is not None and bool(np.abs(luma - self._before).mean() < STILL)
        self._before = luma
        self._conditions["black"].see(black, passed)
        self._conditions["freeze"].see(still and not black, passed)


def silent_end(sound: Samples, below: float) -> float:
    """For how many seconds at its end it is silence."""
    parts = sound[len(sound) % PART :].reshape(-1, PART, CHANNELS).astype(np.float32)
    powers = np.square(parts).mean(axis=1).max(axis=1)[::-1].tolist()
    silent = takewhile(lambda power: _decibels(power) < below, powers)
    return sum(1 for _ in silent) * PART / SAMPLE_RATE


def _decibels(power: float) -> float:
    """Of full scale."""
    return 10 * math.log10(max(power / 32768**2, 1e-10))


def _clipped(sound: Samples) -> bool:
    if sound.max() < FULL and sound.min() > -FULL:
        return False
    full = np.abs(sound.astype(np.int32)) >= FULL
    run = full[:-2] & full[1:-1] & full[2:]
    return bool(run.any())
