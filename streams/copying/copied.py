"""The way that encodes nothing, as the rest of a runner sees it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

import numpy as np

from avctl.errors import Unsupported
from streams import beat
from streams.album import PREVIEW_FILE, PREVIEW_WIDTH, SOURCE_FILE, SOURCE_WIDTH, Album
from streams.clock import Clock
from streams.copying.clips import Clips
from streams.copying.intake import Intake, Shape
from streams.copying.line import QUIET, Line
from streams.copying.look import SMALL, Look
from streams.copying.pages import Pages
from streams.copying.segmenter import MOST_SECONDS
from streams.copying.shelf import Shelf
from streams.copying.transport import CLOCK, shifted
from streams.frames import Format, Frame
from streams.loudness import Loudness
from streams.overlay import Values
from streams.plan import CLOSED_FILE, Plan
from streams.playlist import MEDIA
from streams.programme import levels_of
from streams.requests import SlateName
from streams.sealed import Sealed
from streams.status import replace_file
from streams.takeover import Takeover
from streams.wanted import Wanted
from streams.watch import Watch
from streams.way import Work

READY_SECONDS = 10.0  # the most that is waited for the slate of a closed part
SILENT_LOOKS = 5  # tenths of a second without sound, before the meters say so
LOOKS = 10  # a second
CANNOT = "the encoder's picture is passed on as it is: nothing can be written over it"


class Copied:
    """See ``way.Way``."""

    writes = False

    def __init__(
        self, plan: Plan, folder: Path, program: str, changed: Callable[[], None], clock: Clock
    ) -> None:
        self._folder, self._plan = folder, plan
        self._looks = {source.id: Look(source.id, program) for source in plan.sources}
        self.readers = {
            source.id: Intake(plan, source, program, self._looks[source.id].put) for source in plan.sources
        }
        self.takeovers = {
            source.backup_for: Takeover(source.backup_for, source.id, LOOKS)
            for source in plan.sources
            if source.backup_for is not None
        }
        self.sources = tuple(source.id for source in plan.sources if source.backup_for is None)
        self._clips = Clips(program, plan.segment_seconds, folder / "standins")
        self._pages = Pages(plan, self._clips, self._shape)
        self.stand_ins = StandIns(self._clips)
        public = folder / "live" / plan.programme.name / MEDIA
        listed = public.read_text(encoding="ascii") if public.exists() else ""
        self.segments = Shelf(plan, folder / "private", changed)
        self.picture = Line(plan, self.readers, self.takeovers, self._clips, self.segments, listed, clock)
        self.segments.longest = self.picture.longest
        self.segments.sent = self._sent
        self.watch = Watch(plan.watch, SMALL, MOST_SECONDS)
        self.loudness = Loudness(program)
        self._sealed = Sealed(plan, SMALL, program, folder)
        self.picture.seal = self._sealed.write
        self.picture.tick = self._measure
        self._saved: dict[str, Frame] = {}
        self._silence, self._blank = SMALL.silence(), np.zeros(SMALL.frame_bytes, dtype=np.uint8)
        self._unheard = 0
        self._preview = threading.Lock()  # once a part is closed, no older picture of the hall is saved
        self.works: tuple[Work, ...] = (
            *(intake.run for intake in self.readers.values()),
            *(look.run for look in self._looks.values()),
            self._pages.run,
            self.loudness.run,
            self._show_pictures,
        )

    @property
    def music_fault(self) -> str:
        """There is no music: a slate is silent."""
        return ""

    def begin(self, wanted: Wanted) -> None:
        self._pages.until(wanted.times)
        self.picture.show(wanted.scene)
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
        if name:
            raise Unsupported(CANNOT)

    def overlay(self, kind: str, values: Values | None) -> None:
        if values is not None:
            raise Unsupported(CANNOT)

    def until(self, times: Mapping[SlateName, datetime]) -> None:
        self._pages.until(times)

    def close(self) -> None:
        self.picture.close()

    def open(self) -> None:
        self.picture.open()

    def cover(self) -> None:
        with self._preview:
            self._save(PREVIEW_FILE, *self._pages.look("closed"))

    def ready_to_close(self) -> None:
        late = time.monotonic() + READY_SECONDS
        while self._clips.get("closed") is None and time.monotonic() < late:
            time.sleep(0.1)

    def finish(self) -> None:
        """The segments are all there is to end."""

    def _shape(self) -> Shape | None:
        """What the slates are to be like: the source that is shown, or would be."""
        source = self.picture.on or self.picture.source()
        return None if source is None else source.shape

    def _sent(self) -> Plan:
        """What the public list of renditions says of the only one."""
        source, shape = self.picture.on or self.picture.source(), self._shape()
        if source is None or shape is None:
            return self._plan
        rates = [len(piece.data) * 8 / piece.seconds / 1000 for piece in tuple(source.pieces)]
        size = {"width": shape.width, "height": shape.height}
        if rates:
            size["video_kbps"] = round(max(rates))
        rendition = self._plan.programme.model_copy(update=size)
        return self._plan.model_copy(update={"renditions": (rendition,), "fps": shape.fps})

    def _measure(self) -> None:
        """A tenth of a second of what viewers get is heard, and looked at; by the programme's thread."""
        source = self.picture.on
        for name, look in self._looks.items():
            sound = look.take()
            if source is not None and name == source.id:
                self._unheard = 0 if sound is not None else self._unheard + 1
                if sound is None and self._unheard < SILENT_LOOKS:
                    return
                sound = self._silence if sound is None else sound
                self.loudness.put(sound)
                self.picture.levels = levels_of(sound)
                if look.picture is not None:
                    self.watch.put(look.picture, sound, judged=True)
        if source is None:
            self.loudness.put(self._silence)
            self.picture.levels = QUIET
            self.watch.put(self._blank, self._silence, judged=False)

    async def _show_pictures(self) -> None:
        """Pictures to look at, about once a second."""
        while True:
            await beat.pause(1)
            await asyncio.to_thread(self._save_pictures)

    def _save_pictures(self) -> None:
        closed, form = self._clips.get("closed"), self._pages.form
        if closed is not None and closed.of is not None and closed.of.size == form.frame_bytes:
            self._save(CLOSED_FILE, form, closed.of)
        for name, look in self._looks.items():
            if look.picture is not None and self.readers[name].present:
                self._save(SOURCE_FILE.format(name), SMALL, look.picture, SOURCE_WIDTH)
        with self._preview:
            self._save_preview(self.picture.on, self.picture.showing)

    def _save_preview(self, on: Intake | None, showing: str) -> None:
        if on is not None and (picture := self._looks[on.id].picture) is not None:
            self._save(PREVIEW_FILE, SMALL, picture)
        elif showing.startswith("slate:"):
            self._save(PREVIEW_FILE, *self._pages.look(cast(SlateName, showing[6:])))

    def _save(self, name: str, form: Format, frame: Frame, width: int = PREVIEW_WIDTH) -> None:
        if self._saved.get(name) is not frame:
            Album(self._folder, form).save(name, frame, width)
            self._saved[name] = frame


class StandIns:
    """Slates of a closed part, as long as what they take the place of."""

    def __init__(self, clips: Clips) -> None:
        self._clips = clips

    def place(self, rendition: str, begins: float, target: Path, seconds: float) -> bool:
        """Put one at ``target``, its first picture at ``begins`` seconds; false when that is not possible."""
        clip = self._clips.get("closed")
        if clip is None:
            return False
        parts, _ = clip.lasting(seconds)
        for rows in parts:
            shifted(rows, round(begins * CLOCK) - clip.first)
        replace_file(target, b"".join(rows.tobytes() for rows in parts))
        return True
