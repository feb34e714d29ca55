"""What was given to the encoder and is not yet in a finished segment, by number."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from streams.clock import Clock
from streams.frames import Frame, Samples

STOOD_STILL = timedelta(seconds=0.6)  # a little more than the loop makes up for


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture with its samples, and when it was taken."""

    frame: Frame
    sound: Samples
    at: datetime


class Backlog:
    """Numbered pairs, at most ``most`` of them: references only, a picture is never copied.

    Numbers go up by one for each pair that is kept. They are also places in time for those who encode: pair
    *n* belongs at *n* / rate. The moments are counted by a clock that nobody sets, evenly: a loop that
    was late and hurries does not make its pictures shorter.
    """

    def __init__(self, most: int, fps: int, clock: Clock) -> None:
        self.first = 0
        self.dropped = 0
        self._most = most
        self._pairs: deque[Pair] = deque()
        self._more = threading.Condition()
        self._step = timedelta(seconds=1 / fps)
        self._next: datetime | None = None
        self._clock = clock

    @property
    def end(self) -> int:
        """The number of the next pair."""
        return self.first + len(self._pairs)

    def put(self, frame: Frame, sound: Samples, *, pushed: bool) -> None:
        """Keep a pair. When full: ``pushed``, somebody takes them but too slowly, this one is not kept, for
        what was begun must go on without a hole; else the oldest goes."""
        with self._more:
            pair = Pair(frame, sound, self._moment())
            if len(self._pairs) >= self._most:
                self.dropped += 1
                if pushed:
                    return
                self._pairs.popleft()
                self.first += 1
            self._pairs.append(pair)
            self._more.notify_all()

    def _moment(self) -> datetime:
        """When the next picture is: a step after the last, or now when the loop stood still meanwhile."""
        now = self._clock.now()
        at = self._next if self._next is not None and now - self._next < STOOD_STILL else now
        self._next = at + self._step
        return at

    def get(self, number: int, seconds: float) -> Pair | None:
        """The pair of a number, waited for; None when it does not come, or is gone."""
        with self._more:
            if number >= self.first + len(self._pairs):
                self._more.wait(seconds)
            if self.first <= number < self.first + len(self._pairs):
                return self._pairs[number - self.first]
            return None

    def moment(self, number: int) -> datetime | None:
        """When a pair was taken; None when it is not here."""
        with self._more:
            here = self.first <= number < self.first + len(self._pairs)
            return self._pairs[number - self.first].at if here else None

    def forget(self, number: int | None) -> None:
        """Let go of everything before a number; None: of everything."""
        with self._more:
            end = self.first + len(self._pairs)
            number = end if number is None else min(number, end)
            while self.first < number:
                self._pairs.popleft()
                self.first += 1
