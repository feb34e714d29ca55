"""The slates of a broadcast that encodes nothing: drawn, and encoded like what its source sends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from streams import beat
from streams.copying.clips import Clips
from streams.copying.intake import Shape
from streams.frames import Format, Frame
from streams.painter import Painter
from streams.plan import Plan
from streams.requests import SlateName
from streams.slates import Slates

LOOK_SECONDS = 0.5
PLAIN_SECONDS = 3.0  # that a page is waited for, before a plain one is taken


class Pages:
    """Keeps the clips as the templates, and the shape of the source, want them."""

    def __init__(self, plan: Plan, clips: Clips, shape: Callable[[], Shape | None]) -> None:
        self._plan, self._clips, self._wanted = plan, clips, shape
        self._times: Mapping[SlateName, datetime] = {}
        size = plan.programme
        self._shape = clips.shape or Shape(size.width, size.height, plan.fps)
        self._draw()

    def look(self, name: SlateName) -> tuple[Format, Frame]:
        """A slate as it is now."""
        return self.form, self._slates.look(name, self._plan.now())

    def until(self, times: Mapping[SlateName, datetime]) -> None:
        """When slates are over."""
        self._times = times
        self._slates.until(times)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            painting = asyncio.create_task(self._painter.run())
            began = time.monotonic()
            try:
                while (self._wanted() or self._shape) == self._shape:
                    for name in self._clips.asked:
                        if self._slates.drawn(name) or time.monotonic() - began > PLAIN_SECONDS:
                            form, frame = self.look(name)
                            if not self._clips.has(name, frame):
                                await asyncio.to_thread(self._clips.make, name, frame, form, self._shape)
                    await beat.pause(LOOK_SECONDS)
            finally:
                painting.cancel()
                await asyncio.gather(painting, return_exceptions=True)
            self._shape = self._wanted() or self._shape
            self._draw()

    def _draw(self) -> None:
        plan, shape = self._plan, self._shape
        # Chroma has half the size: an odd row or column is not drawn.
        self.form = Format(width=shape.width // 2 * 2, height=shape.height // 2 * 2, fps=plan.fps)
        self._slates = Slates(plan, self.form, clock=False)
        self._slates.until(self._times)
        self._painter = Painter(self.form, plan.templates, plan.arms, (self._slates,), LOOK_SECONDS)
