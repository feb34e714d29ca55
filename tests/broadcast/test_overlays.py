"""What is written over the hall's picture: seen by viewers, never by who judges the source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np

from streams.frames import Format, Frame, Samples
from streams.plan import OverlaysPlan, Plan, RenditionPlan, SourcePlan
from streams.programme import Programme

FORM = Format(width=320, height=180, fps=25)
PLAN = Plan(
    session="s1",
    sources=(SourcePlan(id="hall", url="srt://127.0.0.1:1"),),
    renditions=(RenditionPlan(name="big", width=FORM.width, height=FORM.height, video_kbps=400),),
    overlays=OverlaysPlan(clock=True),
)


class Camera:
    """One that stands still."""

    def __init__(self) -> None:
        self.picture = np.full(FORM.frame_bytes, 90, dtype=np.uint8)

    def take(self) -> tuple[Frame, Samples]:
        return self.picture, FORM.silence()


@asynccontextmanager
async def showing(camera: Camera) -> AsyncIterator[tuple[Programme, list[Frame]]]:
    given: list[Frame] = []
    programme = Programme(PLAN, FORM, {"hall": camera}, lambda frame, _: given.append(frame))
    painting = asyncio.create_task(programme.painter.run())
    programme.show("source:hall")
    programme.start()
    try:
        yield programme, given
    finally:
        programme.stop()
        painting.cancel()
        await asyncio.gather(painting, return_exceptions=True)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(25):
        while not fact():
            await asyncio.sleep(0.02)


async def test_a_clock_that_goes_does_not_hide_a_camera_that_stands_still() -> None:
    camera = Camera()
    async with showing(camera) as (programme, given):
        await until(lambda: len({frame.tobytes() for frame in given[-60:]}) >= 3)
        assert programme.clean is camera.picture
        assert programme.latest is not None
        assert programme.latest.tobytes() != camera.picture.tobytes()


async def test_names_that_change_faster_than_they_fade_fade_all_the_same() -> None:
    async with showing(Camera()) as (programme, given):
        programme.overlays.clear("clock")
        programme.name("Олена Марчук", "")

        def written() -> bool:
            return bool(given) and given[-1].max() > 200 and len({one.tobytes() for one in given[-9:]}) == 1

        await until(written)
        still = given[-1].astype(int)
        began = len(given)
        for number in range(15):
            programme.name(f"Олена Марчук {number % 10}", "")
            await asyncio.sleep(0.1)
        steps = [
            np.abs(after.astype(int) - before.astype(int)).max()
            for before, after in zip(given[began - 1 :], given[began:], strict=False)
        ]
        # A fade takes eight pictures: no step is the whole way from the ground to the ink.
        assert 0 < max(steps) < np.abs(still - 90).max() * 0.6
