"""A source with another that stands in for it: taken over by itself, given back by a person."""

from __future__ import annotations

from streams.frames import Frame, Samples
from streams.reader import Reader

TAKEOVER_SECONDS = 0.4  # without a picture; shorter than a picture is held, so nobody sees a slate
GOOD_SECONDS = 1.0  # of pictures, before a source is trusted


class Takeover:
    """Looks like one source. While on air there is no way back by itself, unless the stand-in dies too."""

    def __init__(self, main: Reader, backup: Reader, fps: int) -> None:
        self.main, self.backup = main, backup
        self.used = main
        self._patience, self._trust = round(TAKEOVER_SECONDS * fps), round(GOOD_SECONDS * fps)
        self._run: dict[str, int] = {main.id: 0, backup.id: 0}  # pictures in a row, negative: without

    def take(self) -> tuple[Frame | None, Samples] | None:
        """The next picture of whichever is used; both are emptied at the same pace."""
        pairs = {reader.id: reader.take() for reader in (self.main, self.backup)}
        for name, pair in pairs.items():
            before = self._run[name]
            self._run[name] = max(before, 0) + 1 if pair is not None else min(before, 0) - 1
        other = self.backup if self.used is self.main else self.main
        if self._run[self.used.id] <= -self._patience and self._run[other.id] >= self._trust:
            self.used = other
        return pairs[self.used.id]

    def restore(self) -> None:
        """Use the main one again: a person has looked at it."""
        self.used = self.main
