"""How much the encoder does: when the machine is too slow for the whole ladder, step by step less of it.

The best rung is the programme and the recording: it is encoded at every step, at its own size and rate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from streams.plan import AUDIO_ONLY, Plan, Preset, RenditionPlan

# What a picture costs with each preset of x264, of what veryfast costs (measured, 720p).
WORK: dict[Preset, float] = {
    "ultrafast": 0.45,
    "superfast": 0.65,
    "veryfast": 1.0,
    "faster": 1.6,
    "fast": 2.0,
    "medium": 2.6,
}
# Not ultrafast: its streams have another profile, and a joined recording has one.
FASTER: tuple[Preset, ...] = ("veryfast", "superfast")
SCALING = 0.1  # what it costs to carry and scale a picture, in the same measure

WINDOW = 2.0  # seconds looked at
BEHIND = 0.8  # seconds of pictures not taken yet that are too many, unless they become fewer
FEWER = 0.2  # by so many seconds within the window
IN_TIME = 0.4  # seconds of pictures not taken yet while there is room
SPARE = 1.15  # how much faster than real time a step is expected to be, when it is chosen
LONGEST = 1800.0  # seconds without trouble that are waited for at most before a step is tried again


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is encoded: with which preset, and which rungs, the best first."""

    preset: Preset
    rungs: tuple[RenditionPlan, ...]

    @property
    def work(self) -> float:
        """What it costs, to be compared with other steps."""
        return sum(one.width * one.height * (WORK[self.preset] + SCALING) for one in self.rungs)

    @property
    def names(self) -> tuple[str, ...]:
        """The rungs' names."""
        return tuple(one.name for one in self.rungs)


def whole(plan: Plan) -> Step:
    """Everything that is planned."""
    return Step(preset=plan.preset, rungs=plan.renditions)


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """Everything first; then faster presets; then one rung less at a time, the most expensive first."""
    rungs = plan.renditions
    presets = (plan.preset, *(one for one in FASTER if WORK[one] < WORK[plan.preset]))
    steps = [Step(preset=preset, rungs=rungs) for preset in presets]
    for dear in sorted(rungs[1:], key=_size, reverse=True):
        rungs = tuple(one for one in rungs if one is not dear)
        steps.append(Step(preset=presets[-1], rungs=rungs))
    return tuple(steps)


def origins(plan: Plan, step: Step) -> dict[str, str]:
    """Whose segments each list has at a step: its own, or those of the next smaller picture that is encoded,
    for a line that carried the missing one carries them too; when there is none, of the smallest."""
    encoded = sorted(step.rungs, key=_size)
    found = {}
    for one in plan.renditions:
        smaller = [other.name for other in encoded if _size(other) < _size(one)]
        found[one.name] = one.name if one in encoded else (smaller or [encoded[0].name])[-1]
    return {**found, **({AUDIO_ONLY: AUDIO_ONLY} if plan.audio_only_kbps else {})}


def _size(rung: RenditionPlan) -> tuple[int, int]:
    return rung.width * rung.height, rung.video_kbps


class Ladder:
    """Decides on the step from how far the encoder is behind. ``at`` is the number of the step.

    Down as soon as it falls behind, by as much as its speed asks for; sooner unless it ``matters``:
    it is seen or recorded, so that a broadcast on air keeps what another gives up. Up by one when it was in
    time for ``up_after_seconds``; a step that had to be taken back soon is tried again after twice as long.
    """

    def __init__(self, plan: Plan, at: int = 0) -> None:
        self.steps = steps_of(plan) if plan.limits.step_down else (whole(plan),)
        self.at = min(at, len(self.steps) - 1)
        self.matters = True
        self.speed = 1.0  # pictures taken in the time of a picture, when it was last too slow
        self._fps, self._patience = plan.fps, plan.limits.up_after_seconds
        self._wait = self._patience
        self._looks: deque[tuple[float, float, int]] = deque()  # when, seconds behind, pictures taken
        self._in_time_since: float | None = None
        self._went_up: float | None = None

    @property
    def step(self) -> Step:
        """What is to be encoded."""
        return self.steps[self.at]

    @property
    def reduced(self) -> str:
        """What is encoded instead of everything; empty when everything is."""
        return f"{', '.join(self.step.names)} ({self.step.preset})" if self.at else ""

    def begin(self) -> None:
        """A new run of the encoder: how far the last one was behind is no measure of it."""
        self._looks.clear()
        self._in_time_since = None

    def look(self, moment: float, behind: float, taken: int) -> bool:
        """Judge; true when the step is another now. ``taken``: pictures that this run has taken."""
        if behind > IN_TIME:
            self._in_time_since = None
        elif self._in_time_since is None:
            self._in_time_since = moment
        self._looks.append((moment, behind, taken))
        window = WINDOW if self.matters else WINDOW / 2
        while len(self._looks) > 1 and moment - self._looks[1][0] >= window:
            self._looks.popleft()
        if moment - self._looks[0][0] >= window and self._falls_behind():
            return self._down(moment)
        if self.at and self._in_time_since is not None and moment - self._in_time_since >= self._wait:
            return self._up(moment)
        if self._went_up is not None and moment - self._went_up > 2 * self._wait:
            self._went_up, self._wait = None, self._patience  # it holds
        return False

    def _falls_behind(self) -> bool:
        least = min(behind for _, behind, _ in self._looks)
        return (
            least > (BEHIND if self.matters else BEHIND / 2)
            and self._looks[0][1] - self._looks[-1][1] < FEWER
        )

    def _down(self, moment: float) -> bool:
        if self._went_up is not None:
            self._wait = min(2 * self._wait, max(LONGEST, self._patience))
            self._went_up = None
        if self.at == len(self.steps) - 1:
            return False
        (since, _, before), (_, _, taken) = self._looks[0], self._looks[-1]
        self.speed = max(0.05, (taken - before) / self._fps / (moment - since))
        enough = self.step.work * self.speed / SPARE
        self.at += 1
        while self.at < len(self.steps) - 1 and self.step.work > enough:
            self.at += 1
        return True

    def _up(self, moment: float) -> bool:
        self.at -= 1
        self.speed = 1.0
        self._went_up = moment
        return True
