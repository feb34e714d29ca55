"""How long to wait before the next try."""

from __future__ import annotations


class BackOff:
    """Pauses in seconds that double from ``first`` up to ``longest``, and start over after a success."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def succeeded(self) -> None:
        """The next pause is the first again."""
        self._next = self._first

    def pause(self) -> float:
        """The length of the next pause."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        return pause
