"""Cuts a transport stream into pieces at its own key frames, in memory, while it comes."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from streams.copying.transport import CLOCK, PACKET, Packets, packets, pids, since, units

MOST_SECONDS = 10.49  # of a piece: rounded, a list may say no more than 10 s
EARLY = 0.1  # a key frame that comes so much before its time is on time
SLEW = 0.02  # seconds a piece's time may be set right by: encoders' clocks and networks are never exact
RECENT = 8  # distances between key frames that are remembered
TABLES = (0x0000, 0x1000)  # where ffmpeg's muxer puts PAT and PMT


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment. ``at``: when its first picture came, evenly; ``heard``: not before this it did, really.

    Pieces of one ``life`` whose ``number`` goes up by one follow from each other.
    """

    life: int
    number: int
    at: float
    heard: float
    seconds: float
    pictures: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Begun:
    """A piece that is not finished."""

    number: int
    at: float
    heard: float
    first: int


class Segmenter:
    """One life of a source. Times are seconds of any even clock."""

    def __init__(self, life: int, wanted: float, number: int = 0) -> None:
        self.life = life
        self.pictures = 0  # that came, in all
        self.begun: Begun | None = None
        self._wanted = wanted
        self._number = number
        self._rest = b""
        self._tables: dict[int, bytes] = {}
        self._parts: list[bytes] = []
        self._count = 0
        self._latest = 0  # ticks of the latest picture after the first of the piece
        self._key: int | None = None
        self._intervals: deque[float] = deque(maxlen=RECENT)

    @property
    def interval(self) -> float | None:
        """Seconds between key frames, at most, lately; None until known."""
        return max(self._intervals) if self._intervals else None

    def feed(self, data: bytes, before: float, now: float) -> list[Piece]:
        """Take what came between two moments; what it finishes."""
        whole = (len(self._rest) + len(data)) // PACKET * PACKET
        data = self._rest + data
        self._rest = data[whole:]
        if not whole:
            return []
        rows = packets(data[:whole])
        self._remember(rows)
        finished = []
        done = 0
        for unit in units(rows):
            if not unit.picture:
                continue
            self.pictures += 1
            if unit.key and self._is_due(unit.pts):
                if self.begun is not None:
                    self._parts.append(rows[done : unit.row].tobytes())
                    length = since(self.begun.first, unit.pts) / CLOCK
                    finished.append(self._finish(length))
                    late = min(SLEW, max(-SLEW, now - (self.begun.at + length)))
                    at = self.begun.at + length + late
                else:
                    at = now
                done = unit.row
                self._begin(at, before, unit.pts)
            if self.begun is not None:
                self._count += 1
                self._latest = max(self._latest, since(self.begun.first, unit.pts))
        if self.begun is not None:
            self._parts.append(rows[done:].tobytes())
        return finished

    def cut(self) -> Piece | None:
        """Finish the piece now; the next begins with the next key frame."""
        if self.begun is None or self._count < 2:
            return None
        # The last picture lasts as long as the others.
        piece = self._finish(self._latest / CLOCK * self._count / (self._count - 1))
        self.begun = None
        self._number += 1  # what comes next does not follow from this one
        return piece

    def drop(self) -> None:
        """Lose what there is of the piece; the next begins with the next key frame."""
        self.begun = None
        self._parts = []
        self._number += 1

    def _remember(self, rows: Packets) -> None:
        streams = pids(rows)
        for pid in TABLES:
            if (found := np.flatnonzero(streams == pid)).size:
                self._tables[pid] = rows[found[-1]].tobytes()

    def _is_due(self, pts: int) -> bool:
        """Whether a piece ends with this key frame: at its length, or when the next would be too late."""
        if self._key is not None and 0 < (apart := since(self._key, pts) / CLOCK) < 60:
            self._intervals.append(apart)
        self._key = pts
        if self.begun is None:
            return True
        passed = since(self.begun.first, pts) / CLOCK
        longest = math.floor(max(self._wanted, self.interval or 0) + 0.5) + 0.49
        return passed >= self._wanted - EARLY or passed + (self.interval or 0) > longest

    def _begin(self, at: float, heard: float, first: int) -> None:
        self.begun = Begun(self._number, at, heard, first)
        self._parts = [self._tables[pid] for pid in TABLES if pid in self._tables]
        self._count = self._latest = 0

    def _finish(self, seconds: float) -> Piece:
        assert self.begun is not None
        begun = self.begun
        self._number += 1
        return Piece(
            self.life, begun.number, begun.at, begun.heard, seconds, self._count, b"".join(self._parts)
        )
