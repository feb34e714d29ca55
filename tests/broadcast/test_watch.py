"""The watch: known pictures and sounds are judged as the field's filters judge them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples
from streams.loudness import Loudness
from streams.plan import WatchPlan
from streams.watch import Watch

FORM = Format(width=320, height=180, fps=25)
TIMES = np.arange(FORM.samples)


def picture(luma: int, moving: int = 0) -> Frame:
    frame = np.full(FORM.frame_bytes, 128, dtype=np.uint8)
    FORM.planes(frame)[0][:] = luma
    FORM.planes(frame)[0][:, moving % 300 : moving % 300 + 20] = min(235, luma + 60) if moving else luma
    return frame


def tone(number: int, level: float = 0.1, right: float | None = None) -> Samples:
    wave = np.sin(2 * np.pi * 1000 * (TIMES + number * FORM.samples) / 48000)
    both = np.stack([wave * level, wave * (level if right is None else right)], axis=1)
    return np.clip(both * 32768, -32768, 32767).astype(np.int16)


PICTURES: dict[str, Callable[[int], tuple[Frame, Samples]]] = {
    "": lambda number: (picture(100, number + 1), tone(number)),
    "black": lambda number: (picture(16), tone(number)),
    "freeze": lambda number: (picture(100), tone(number)),
    "silence": lambda number: (picture(100, number + 1), FORM.silence()),
    "clipping": lambda number: (picture(100, number + 1), tone(number, 1.6)),
    "channel_dead": lambda number: (picture(100, number + 1), tone(number, 0.3, 0.001)),
}


@pytest.fixture
def watch() -> Any:
    plan = WatchPlan(
        black_seconds=0.2, freeze_seconds=0.2, silence_seconds=0.2, clipping_seconds=0, channel_seconds=0.2
    )
    watching = Watch(plan, FORM)
    watching.start()
    yield watching
    watching.stop()


def feed(watching: Watch, name: str, fact: Callable[[], bool], judged: bool = True) -> None:
    """Give pictures of a kind, at the programme's pace, until something is true of them."""
    end, number = time.monotonic() + 10, 0
    pace = asyncio.new_event_loop()
    try:
        while not fact():
            assert time.monotonic() < end, (name, watching.conditions)
            watching.put(*PICTURES[name](number), judged=judged)
            number += 1
            pace.run_until_complete(asyncio.sleep(1 / FORM.fps))
    finally:
        pace.close()


@pytest.mark.parametrize("name", [name for name in PICTURES if name])
def test_what_is_wrong_is_found_and_ends(watch: Watch, name: str) -> None:
    feed(watch, name, lambda: set(watch.conditions) == {name})
    feed(watch, "", lambda: not watch.conditions)


def test_a_slate_is_not_judged(watch: Watch) -> None:
    feed(watch, "silence", lambda: "silence" in watch.conditions)
    feed(watch, "silence", lambda: not watch.conditions, judged=False)


async def test_loudness_is_that_of_ebu_tech_3341() -> None:
    """Case 1: a 1 kHz stereo sine of -23 dBFS is -23.0 LUFS, and its true peak is -23 dBTP."""
    loudness = Loudness(find_ffmpeg())
    measuring = asyncio.create_task(loudness.run())
    level = 10 ** (-23 / 20)
    try:
        async with asyncio.timeout(20):
            number = 0
            while loudness.now.short is None or loudness.now.integrated is None or number < 25 * 5:
                loudness.put(tone(number, level))
                number += 1
                await asyncio.sleep(0.01)
        assert loudness.now.integrated == pytest.approx(-23.0, abs=0.1)
        assert loudness.now.momentary == pytest.approx(-23.0, abs=0.1)
        assert loudness.now.true_peak == pytest.approx(-23.0, abs=0.3)
    finally:
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)
