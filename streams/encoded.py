"""The way that encodes: readers, a programme made picture by picture, and the ladder's encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from streams.album import Album
from streams.clock import Clock
from streams.encoder import Encoder
from streams.frames import Format, Frame, Samples
from streams.loudness import Loudness
from streams.overlay import Values
from streams.plan import CLOSED_FILE, Plan
from streams.programme import Programme
from streams.reader import Reader
from streams.requests import SlateName
from streams.sealed import Sealed
from streams.standin import StandIns
from streams.takeover import Pair
from streams.wanted import Wanted
from streams.watch import Watch
from streams.way import Work

DRAWN_SECONDS = 10.0  # the most that is waited for a slate to be drawn, before it is needed


class Encoded:
    """See ``way.Way``."""

    writes = True

    def __init__(
        self, plan: Plan, folder: Path, program: str, changed: Callable[[], None], clock: Clock
    ) -> None:
        best = plan.programme
        form = Format(width=best.width, height=best.height, fps=plan.fps)
        self.readers = {source.id: Reader(plan, source, form, program) for source in plan.sources}
        self.takeovers = {
            source.backup_for: Pair(self.readers[source.backup_for], self.readers[source.id], plan.fps)
            for source in plan.sources
            if source.backup_for is not None
        }
        stand_ins = {source.id for source in plan.sources if source.backup_for is not None}
        self.sources = {
            name: self.takeovers.get(name, reader)
            for name, reader in self.readers.items()
            if name not in stand_ins
        }
        self.watch = Watch(plan.watch, form)
        self.loudness = Loudness(program)
        self.picture = Programme(plan, form, self.sources, self._give)
        self.segments = Encoder(plan, form, program, folder / "private", changed, clock)
        self.stand_ins = StandIns(plan, form, program, folder / "standins")
        self._album = Album(folder, form)
        self._sealed = Sealed(plan, form, program, folder)
        self.picture.sealed = self._sealed.put
        self.works: tuple[Work, ...] = (
            *(reader.run for reader in self.readers.values()),
            self._look,
            self._sealed.run,
            self.loudness.run,
            self.picture.painter.run,
            self.picture.music.run,
        )

    @property
    def music_fault(self) -> str:
        return self.picture.music.fault

    def begin(self, wanted: Wanted) -> None:
        self.picture.recall(wanted)
        if wanted.closed:
            self.close()

    def start(self) -> None:
        self.watch.start()
        self.picture.start()

    def stop(self) -> None:
        self.picture.stop()
        self.watch.stop()

    def show(self, scene: str) -> None:
        self.picture.show(scene)

    def name(self, name: str, role: str) -> None:
        self.picture.name(name, role)

    def overlay(self, kind: str, values: Values | None) -> None:
        self.picture.overlays.apply(kind, values)

    def until(self, times: Mapping[SlateName, datetime]) -> None:
        self.picture.slates.until(times)

    def close(self) -> None:
        self.picture.close()
        self._sealed.begin()

    def open(self) -> None:
        self._sealed.stop()
        self.picture.open()

    def cover(self) -> None:
        self._album.cover(self.picture.slate("closed"))

    def ready_to_close(self) -> None:
        slate = self.picture.slate("closed", DRAWN_SECONDS)
        self._album.save(CLOSED_FILE, slate)
        self.stand_ins.prepare(slate)

    def finish(self) -> None:
        self._sealed.stop()

    def _give(self, frame: Frame, sound: Samples) -> None:
        """A picture of the programme with its samples to everybody who takes it; none of them waits."""
        self.segments.put(frame, sound)
        self.loudness.put(sound)
        judged = self.picture.showing.startswith("source:")
        self.watch.put(self.picture.clean, sound, judged=judged)

    async def _look(self) -> None:
        await self._album.run(self.picture, self.readers)
