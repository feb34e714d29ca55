"""The programme: at a constant rate one picture with its samples, from a source or a slate, never nothing."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples
from streams.music import Music
from streams.overlay import Overlays
from streams.painter import Painter
from streams.plan import Plan
from streams.requests import SlateName
from streams.slates import Slates
from streams.wanted import Wanted

Sink = Callable[[Frame, Samples], None]
CLOSED = "slate:closed"
SILENT = (CLOSED, "slate:air_raid")  # never with music
FIRST_SECONDS = 1.0  # the most a broadcast that begins with a slate waits for it to be drawn
LATE = 0.5  # seconds behind before the clock is set anew: the machine slept or was stopped


class Source(Protocol):
    """What pictures come from."""

    def take(self) -> tuple[Frame | None, Samples] | None:
        """The next picture with its samples; None when there is none now."""


@dataclass(frozen=True)
class Levels:
    """Sound of about a tenth of a second, in dB of full scale, left and right."""

    rms_db: tuple[float, float]
    peak_db: tuple[float, float]


class Programme:
    """Decides picture by picture. Everything public may be called from any thread."""

    def __init__(self, plan: Plan, form: Format, readers: Mapping[str, Source], sink: Sink) -> None:
        self.frames = 0
        self.repeated = 0
        self.showing = "slate:starting"
        self.latest: Frame | None = None
        self.clean = form.black()  # the same without what is written over it
        self.levels = Levels((-100.0, -100.0), (-100.0, -100.0))
        self.sealed: Sink | None = None  # takes what is going on in the hall while nobody may see it
        self._closed = False
        self._turn = threading.Lock()  # held while a picture is made and given away
        self._plan, self._form, self._readers, self._sink = plan, form, readers, sink
        self.slates = Slates(plan, form)
        self.overlays = Overlays(plan, form)
        self.music = Music(find_ffmpeg(plan.ffmpeg), plan.music, plan.music_db, form)
        self.painter = Painter(form, plan.templates, plan.arms, (self.overlays, self.slates))
        self._wanted = "slate:starting"
        self._held: Frame | None = None
        self._missing = 0
        self._good = 0
        self._lost = True
        self._seen = False
        self._blank = False  # the source has no picture
        self._gather = max(1, form.fps // 10)
        self._heard: deque[Samples] = deque(maxlen=self._gather)
        self._silence = form.silence()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="programme", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present picture."""
        self._stop.set()
        self._thread.join()

    def show(self, scene: str) -> None:
        """Want a scene; it is in the next picture if it can be."""
        if scene != self._wanted:
            self._held = None
            self._seen = False
            self._lost = True
        self._wanted = scene

    def recall(self, wanted: Wanted) -> None:
        """Be as an instruction of before wants it."""
        self.slates.until(wanted.times)
        self.show(wanted.scene)
        if wanted.name:
            self.name(wanted.name, wanted.role)
        for kind, values in wanted.overlays.items():
            self.overlays.apply(kind, values)

    def close(self) -> None:
        """Show nothing of the hall from here on: when this returns, the last picture of it has been given."""
        self._closed = True
        with self._turn:
            self._held = self.latest = None
            self.showing = CLOSED

    def slate(self, name: SlateName, within: float = 0) -> Frame:
        """A slate as it looks now; waits so many seconds for it to be drawn."""
        late = time.monotonic() + within
        while not self.slates.drawn(name) and time.monotonic() < late and not self._stop.is_set():
            time.sleep(0.02)
        return self.slates.look(name, self._plan.now())

    def open(self) -> None:
        """Show the wanted scene again."""
        self._closed = False

    def name(self, name: str, role: str) -> None:
        """Put a name in the picture, or take it off."""
        if name:
            self.overlays.set("lower_third", name=name, role=role)
        else:
            self.overlays.clear("lower_third")

    def _run(self) -> None:
        if self._closed or self._wanted.startswith("slate:"):
            self.slate("closed" if self._closed else cast(SlateName, self._wanted[6:]), FIRST_SECONDS)
        step = 1 / self._plan.fps
        due = time.monotonic()
        while not self._stop.is_set():
            with self._turn:
                self._sink(*self._next())
            self.frames += 1
            due += step
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -LATE:
                due = time.monotonic()

    def _next(self) -> tuple[Frame, Samples]:
        frame, sound, showing = self._chosen()
        if self._closed:
            if self.sealed is not None:
                self.sealed(frame, sound)
            frame, sound, showing = self._page("closed"), self._silence, CLOSED
            self.music.cut()
        else:
            sound = self.music.over(sound, showing.startswith("slate:") and showing not in SILENT)
        self.showing = showing
        self._heard.append(sound)
        self._measure()
        self.clean = frame
        if showing == self._wanted and showing.startswith("source:") and not self._blank:
            frame = self.overlays.over(frame)
        self.latest = frame
        return frame, sound

    def _chosen(self) -> tuple[Frame, Samples, str]:
        """What the wanted scene gives now, and what that is."""
        wanted = self._wanted
        kind, _, which = wanted.partition(":")
        # Every source is emptied at the programme's pace, whether it is shown or not.
        taken = {name: reader.take() for name, reader in self._readers.items()}
        if kind == "slate":
            return self._page(which), self._silence, wanted
        return self._live(wanted, taken.get(which))

    def _live(self, wanted: str, pair: tuple[Frame | None, Samples] | None) -> tuple[Frame, Samples, str]:
        if pair is None:
            self._missing += 1
            self._good = 0
            if self._held is not None and self._missing <= self._plan.hold_seconds * self._plan.fps:
                self.repeated += 1
                return self._held, self._silence, wanted
            self._lost, self._held = True, None
        else:
            self._missing = 0
            self._good += 1
            # A source that has never been shown is shown at once; one that was lost proves itself first.
            if not self._lost or not self._seen or self._good >= self._plan.return_seconds * self._plan.fps:
                self._lost, self._seen = False, True
                self._blank = pair[0] is None
                self._held = self._page("sound") if pair[0] is None else pair[0]
                return self._held, pair[1], wanted
        stand_in = "technical" if self._seen else "starting"
        return self._page(stand_in), self._silence, f"slate:{stand_in}"

    def _page(self, name: str) -> Frame:
        return self.slates.frame(cast(SlateName, name), self._plan.now())

    def _measure(self) -> None:
        if self.frames % self._gather != 0:
            return
        self.levels = levels_of(np.concatenate(tuple(self._heard)))


def levels_of(samples: Samples) -> Levels:
    """How loud some samples are."""
    sound = np.ascontiguousarray(samples.T, dtype=np.float32)  # a row each: much faster to go through
    power = (sound @ sound.T).diagonal() / len(samples)
    peak = np.maximum(sound.max(axis=1), -sound.min(axis=1))
    return Levels(_decibels(np.sqrt(power)), _decibels(peak))


def _decibels(values: NDArray[np.float32]) -> tuple[float, float]:
    """Of full scale."""
    left, right = (round(20 * math.log10(max(float(value) / 32768, 1e-5)), 1) for value in values)
    return left, right
