"""A source with another that stands in for it: taken over by itself, given back by a person."""

from __future__ import annotations

from collections.abc import Mapping

from streams.frames import Frame, Samples
from streams.reader import Reader

TAKEOVER_SECONDS = 0.4  # without a picture; shorter than a picture is held, so nobody sees a slate
GOOD_SECONDS = 1.0  # of pictures, before a source is trusted
FORGIVEN = 5  # missing pictures, of as many as twice that time has, that cost a trusted source its trust


class Takeover:
    """Which of two feeds is used. On air there is no way back by itself, unless the stand-in dies too."""

    def __init__(self, main: str, backup: str, rate: int) -> None:
        self.main, self.backup = main, backup
        self.used = main
        self._patience, self._trust = round(TAKEOVER_SECONDS * rate), round(GOOD_SECONDS * rate)
        self._missing: dict[str, int] = {main: 0, backup: 0}  # looks in a row without pictures
        self._good: dict[str, int] = {main: 0, backup: 0}  # looks with pictures, less what missing ones cost

    @property
    def other(self) -> str:
        """The feed that is not used."""
        return self.backup if self.used == self.main else self.main

    def see(self, there: Mapping[str, bool]) -> None:
        """Which feeds have pictures now; told at the rate."""
        for name, good in self._good.items():
            if there[name]:
                self._missing[name] = 0
                self._good[name] = min(good + 1, 2 * self._trust)
            else:  # one late picture says little of a source, many say much
                self._missing[name] += 1
                self._good[name] = max(good - self._trust // FORGIVEN, 0)
        if self._missing[self.used] >= self._patience and self._good[self.other] >= self._trust:
            self.used = self.other

    def restore(self) -> None:
        """Use the main one again: a person has looked at it."""
        self.used = self.main


class Pair(Takeover):
    """Two readers that look like one source."""

    def __init__(self, main: Reader, backup: Reader, fps: int) -> None:
        super().__init__(main.id, backup.id, fps)
        self._readers = (main, backup)

    def take(self) -> tuple[Frame | None, Samples] | None:
        """The next picture of whichever is used; both are emptied at the same pace."""
        pairs = {reader.id: reader.take() for reader in self._readers}
        self.see({name: pair is not None for name, pair in pairs.items()})
        return pairs[self.used]
