"""The programme of a broadcast that encodes nothing: piece after piece, source or slate, without a hole.

Time is a line of pieces: where one ends the next begins, and none is given before it is over. A source is
joined and left at its key frames; what is missing between is filled with slate.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import cast

from streams import rfc8216
from streams.clock import Clock
from streams.copying.clips import Clip, Clips
from streams.copying.intake import Intake, now
from streams.copying.segmenter import Begun, Piece
from streams.copying.shelf import Shelf
from streams.copying.transport import CLOCK, WRAP, Packets, counted, first_picture, packets, shifted
from streams.plan import Plan
from streams.programme import CLOSED, Levels
from streams.requests import SlateName
from streams.takeover import Takeover

TICK_SECONDS = 0.1
FLOWING_SECONDS = 0.3  # a source that brings nothing for so long may be dead
PATIENCE = 2.0  # seconds a stand-in may take to be trusted
UNKNOWN_TARGET = 4  # seconds a piece of a source may have that was not there when the list began
EARLY = 0.1  # a piece is given so much before it is over: clocks and networks are never exact
SLEW = 0.04  # what the time of a piece may be set right by
SLEPT_SECONDS = 30.0  # longer than that is not filled: the machine slept
QUIET = Levels((-100.0, -100.0), (-100.0, -100.0))


class Line:
    """Decides ten times a second, in a thread. Everything public may be called from any thread."""

    def __init__(
        self,
        plan: Plan,
        intakes: Mapping[str, Intake],
        takeovers: Mapping[str, Takeover],
        clips: Clips,
        shelf: Shelf,
        listed: str,
        clock: Clock,
    ) -> None:
        """``listed`` is the public list that a runner before us left."""
        self.frames = 0
        self.repeated = 0
        self.showing = "slate:starting"
        self.levels = QUIET
        self.on: Intake | None = None  # the source that is shown
        self.tick: Callable[[], None] = lambda: None  # who measures
        self.seal: Callable[[bytes], None] = lambda data: None
        self._plan, self._intakes, self._takeovers = plan, intakes, takeovers
        self._clips, self._shelf = clips, shelf
        self._zero = clock.zero.timestamp()
        self._wanted = "slate:starting"
        self._asked = 0.0  # since when
        self._closed = False
        self._closed_at: float | None = None
        self._barrier = 0.0  # what came before this is not shown
        self._sealed: dict[str, tuple[int, int]] = {}
        self._seen = self._lost = False
        self._expected = (0, 0)
        self._slate: Clip | None = None
        self._counters: dict[int, int] = {}
        self._shift: int | None = None  # of the run's timestamps, once its first piece is there
        self._fixed: int | None = None
        self._went, self._looked = 0.0, now()
        self._until = now()
        if (before := rfc8216.read(listed)).entries and before.entries[-1].at is not None:
            self._fixed = before.target
            end = before.entries[-1].at.timestamp() + before.entries[-1].seconds - self._zero
            if 0 < self._until - end < SLEPT_SECONDS:
                self._until = end
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="programme", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present piece."""
        self._stop.set()
        self._thread.join()

    def show(self, scene: str) -> None:
        """Want a scene."""
        with self._turn:
            if scene != self._wanted:
                self._wanted, self._asked, self._seen = scene, now(), False

    def close(self) -> None:
        """Show nothing of the hall from here on: when this returns, the last piece of it has been given."""
        self._closed = True
        with self._turn:
            self._closed_at = self._closed_at or now()
            self.on = self._slate = None
            self.showing = CLOSED
            self.levels = QUIET

    def open(self) -> None:
        """Show the wanted scene again, from the next key frame on."""
        with self._turn:
            self._barrier = now()
            self._closed = False

    def longest(self) -> int:
        """How long a piece may be, in whole seconds; once somebody has listed one it stays so."""
        if self._fixed is None:
            wanted = self._plan.segment_seconds
            known = [intake.interval for intake in self._intakes.values()]
            self._fixed = max(
                wanted, *(UNKNOWN_TARGET if one is None else math.floor(one + 0.5) for one in known)
            )
        return self._fixed

    def source(self) -> Intake | None:
        """The feed that the wanted scene means now."""
        kind, _, name = self._wanted.partition(":")
        if kind != "source":
            return None
        pair = self._takeovers.get(name)
        return self._intakes[name if pair is None else pair.used]

    # --- the thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stop.wait(TICK_SECONDS) and not self._shelf.ended:
                self._look()
        finally:
            self._shelf.finish()  # whatever ended us: without us there is no broadcast

    def _look(self) -> None:
        for intake in self._intakes.values():
            if self._fixed is not None:
                intake.longest = self._fixed + 0.49
            intake.look()
        for pair in self._takeovers.values():
            pair.see({name: one.flowing(FLOWING_SECONDS) for name, one in self._intakes.items()})
        with self._turn:
            self._keep_sealed()
            while self._step(now()):
                pass
            if self._shelf.ending.is_set():
                self._leave()
                self._shelf.finish()
        if self._shelf.fresh:
            self._shelf.fresh = False
            self._shelf.settle()
        moment = now()
        self._went += (moment - self._looked) * self._plan.fps
        self._looked = moment
        self.frames, self._shelf.taken = int(self._went), int(2 * self._went)
        self.tick()
        self._shelf.sweep()

    def _step(self, moment: float) -> bool:
        """Give the next piece, if it is time for one; true when there may be another."""
        if moment - self._until > SLEPT_SECONDS:
            self._until, self._slate = moment, None
        if self._closed:
            return self._fill("closed", moment)
        wanted = self.source()
        if self.on is not None:
            if self.on is wanted and self.on.present:
                return self._follow(self.on, moment)
            if self.on is wanted and self._is_taken_over(moment):
                return False
            if wanted is not None and wanted.present and self.on.present:
                begun = wanted.begun
                if begun is None or begun.heard < self._asked:
                    return self._follow(self.on, moment)  # until there is a key frame to begin with
            self._lost = not self.on.present
            overlapping = self._leave() is not None
            if wanted is not None and wanted.present and self._join(wanted, overlapping):
                return True
        if wanted is not None and self._may(wanted) and self._join(wanted, False):
            return True
        if wanted is not None:
            return self._fill("technical" if self._seen else "starting", moment)
        return self._fill(cast(SlateName, self._wanted.partition(":")[2]), moment)

    def _is_taken_over(self, moment: float) -> bool:
        """Whether there is another feed that will be used in a moment, so that no slate need be seen."""
        pair = self._takeovers.get(self._wanted.partition(":")[2])
        late = moment - self._until > self._plan.segment_seconds + PATIENCE
        return pair is not None and self._intakes[pair.other].present and not late

    def _may(self, source: Intake) -> bool:
        """A source that has never been shown is shown at once; one that was lost proves itself first."""
        good = not (self._lost and self._seen) or source.good_seconds >= self._plan.return_seconds
        return source.present and good

    def _join(self, source: Intake, overlapping: bool) -> bool:
        """Go over to a source: to its first piece from here on; ``overlapping``: to the one that is under
        way, so that no slate is seen."""
        pieces: list[Piece | Begun] = [one for one in source.pieces if one.life == source.life]
        if (begun := source.begun) is not None:
            pieces.append(begun)
        pieces = [one for one in pieces if one.heard >= self._barrier]
        late = [one for one in pieces if one.at >= self._until - EARLY]
        early = [one for one in pieces if one.at <= self._until + EARLY]
        chosen = early[-1] if overlapping and early else next(iter(late), None)
        if chosen is None:
            return False
        missing = chosen.at - self._until
        if self._slate is None:
            self._until += max(0.0, missing)  # nothing has been given yet
        elif missing > 1.5 / self._plan.fps:
            self._give_slate(self._slate, missing)
        self._expected = (source.life, chosen.number)
        self.on, self._slate = source, None
        self._seen, self._lost = True, False
        self.showing = self._wanted
        self._shelf.begin()
        self._shift = None
        return True

    def _follow(self, source: Intake, moment: float) -> bool:
        """Give the source's next piece when it is over."""
        piece = self._next_of(source)
        if piece is None:
            begun = source.begun
            if begun is None or (source.life, begun.number) != self._expected:
                self._lost = True
                self._leave()  # it was broken off, and has begun again
            return False
        if moment < self._until + piece.seconds - EARLY:
            return False
        self._give(piece)
        return True

    def _next_of(self, source: Intake) -> Piece | None:
        for piece in tuple(source.pieces):
            if (piece.life, piece.number) == self._expected:
                return piece
        return None

    def _leave(self) -> Intake | None:
        """Go away from the source that is shown: what it has given so far is still seen."""
        left = self.on
        if left is not None:
            left.cut()
            while (piece := self._next_of(left)) is not None:
                self._give(piece)
            self.on = None
        return left

    def _give(self, piece: Piece) -> None:
        life, number = self._expected
        self._expected = life, number + 1
        if self._fixed is not None and math.floor(piece.seconds + 0.5) > self._fixed:
            return  # the list has promised that none is so long
        at = self._until + min(SLEW, max(-SLEW, piece.at - self._until))
        rows = packets(piece.data)
        if self._shift is None:
            self._shift = self._ticks(at) - first_picture(rows)
        shifted(rows, self._shift)
        self._put([rows], at, piece.seconds)

    def _fill(self, name: SlateName, moment: float) -> bool:
        """Give a slate when it is over."""
        self.showing = f"slate:{name}"
        clip = self._clips.get(name)
        if clip is None or moment < self._until + clip.seconds:
            return False
        self._give_slate(clip, clip.seconds)
        return True

    def _give_slate(self, clip: Clip, seconds: float) -> None:
        if clip is not self._slate:
            self._slate = clip
            self._shelf.begin()
        parts, length = clip.lasting(seconds)
        for rows in parts:
            shifted(rows, self._ticks(self._until) - clip.first)
        self._put(parts, self._until, length)

    def _put(self, parts: list[Packets], at: float, seconds: float) -> None:
        for rows in parts:
            counted(rows, self._counters)
        self._shelf.put(b"".join(rows.tobytes() for rows in parts), self._zero + at, seconds)
        self._until = at + seconds

    def _ticks(self, at: float) -> int:
        return round((self._zero + at) * CLOCK) % WRAP

    def _keep_sealed(self) -> None:
        """What the public does not get of the hall in a closed part goes to those who may open it."""
        source = self.source()
        if self._closed_at is None or source is None:
            return
        for piece in tuple(source.pieces):
            inside = piece.at + piece.seconds > self._closed_at
            if inside and (piece.life, piece.number) > self._sealed.get(source.id, (0, -1)):
                if self._closed or piece.heard < self._barrier:
                    self.seal(piece.data)
                    self._sealed[source.id] = piece.life, piece.number
                else:
                    self._closed_at = None
                    return
