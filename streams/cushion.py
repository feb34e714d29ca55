"""How many pictures of a source lie ready: as many as its unevenness needs, for every one more is delay."""

from __future__ import annotations

LEAST = 3  # pictures gathered before the first is shown: a network is never quite regular
MOST = 25  # pictures; more is delay, and goes at once
FIRST_SECONDS = 2.0  # of pictures, before what was never needed is let go
LAST_SECONDS = 600.0  # the longest that a gap makes it wait with that


class Cushion:
    """Told what lies ready each time the programme takes a picture.

    What a source gathers while it is opened, often a second, would stay in front of the programme for good.
    So the fewest that ever lay ready over some seconds are looked at: what is above ``LEAST`` of them was
    never needed, and goes. A gap says that it was too few: the next look takes twice as long, so a jitter
    that comes back every minute is known after some of them, and what it needs is kept.
    """

    def __init__(self, fps: int) -> None:
        self._first, self._last = round(FIRST_SECONDS * fps), round(LAST_SECONDS * fps)
        self.empty()

    def empty(self) -> None:
        """The source is opened anew, and nothing is known of it."""
        self._flowing = False
        self._looks, self._fewest, self._span = 0, MOST, self._first

    def enough(self, ready: int) -> bool:
        """Whether one of so many may be taken; the first only when some have gathered."""
        if ready >= (1 if self._flowing else LEAST):
            self._flowing = True
            return True
        if self._flowing:
            self._flowing = False
            self._looks, self._fewest, self._span = 0, MOST, min(2 * self._span, self._last)
        return False

    def excess(self, ready: int) -> int:
        """How many are to be let go before one of so many is taken."""
        self._looks += 1
        self._fewest = min(self._fewest, ready)
        excess = max(ready - MOST, 0)
        if self._looks >= self._span:
            excess = max(excess, self._fewest - LEAST)
            self._looks, self._fewest = 0, MOST
        return excess
