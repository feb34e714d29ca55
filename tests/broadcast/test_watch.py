"""The watch: known pictures and sounds are judged as the field's filters judge them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import psutil
import pytest

from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples
from streams.loudness import Loudness
from streams.plan import WatchPlan
from streams.watch import CLIPPING_FORGIVEN, Condition, Watch, silent_end

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
    "out_of_phase": lambda number: (picture(100, number + 1), tone(number, 0.3, -0.3)),
}


def test_silence_begins_where_it_began_within_a_look() -> None:
    loud = np.concatenate([tone(number) for number in range(5)])
    for quiet in (0, 960, 4800, len(loud)):
        sound = loud.copy()
        sound[len(sound) - quiet :] = 0
        assert silent_end(sound, -60) == pytest.approx(quiet / 48000)
    assert silent_end(FORM.silence()[:5], -60) == 0  # too short to tell


@pytest.fixture
def watch() -> Any:
    plan = WatchPlan(
        black_seconds=0.2,
        freeze_seconds=0.2,
        silence_seconds=0.2,
        clipping_seconds=0,
        channel_seconds=0.2,
        phase_seconds=0.2,
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
    told: list[set[str]] = []
    watch.changed = lambda: told.append(set(watch.conditions))
    feed(watch, name, lambda: set(watch.conditions) == {name})
    feed(watch, "", lambda: told[-1:] == [set()])
    assert {name} in told


def test_a_slate_is_not_judged(watch: Watch) -> None:
    feed(watch, "silence", lambda: "silence" in watch.conditions)
    feed(watch, "silence", lambda: not watch.conditions, judged=False)


LOOK = 0.2


def told_after(condition: Condition, looks: str) -> float | None:
    """Seconds until something is told of looks: x is bad, - is good; None when it is not."""
    for number, look in enumerate(looks, 1):
        condition.see(look == "x", LOOK)
        if condition.since is not None:
            return round(number * LOOK, 1)
    return None


@pytest.mark.parametrize(
    ("looks", "black", "clipping"),
    [
        ("x" * 20, 2.0, 2.0),
        ("x" * 9 + "-" + "x" * 9, None, 2.4),  # one clean look
        ("xx---" * 20, None, 5.4),  # the peaks of speech
        ("x-----------" * 50, None, None),  # a door that slams
    ],
)
def test_what_comes_and_goes_is_added_up(looks: str, black: float | None, clipping: float | None) -> None:
    assert told_after(Condition(2), looks) == black
    assert told_after(Condition(2, CLIPPING_FORGIVEN), looks) == clipping


def test_a_dead_channel_is_not_forgotten_in_a_pause(watch: Watch) -> None:
    feed(watch, "channel_dead", lambda: set(watch.conditions) == {"channel_dead"})
    since = watch.conditions["channel_dead"]
    feed(watch, "silence", lambda: set(watch.conditions) == {"channel_dead", "silence"})
    feed(watch, "channel_dead", lambda: set(watch.conditions) == {"channel_dead"})
    assert watch.conditions["channel_dead"] == since


PROGRAMS = [find_ffmpeg(), imageio_ffmpeg.get_ffmpeg_exe()]


@asynccontextmanager
async def measuring(program: str = PROGRAMS[0], stalled: float = 10) -> AsyncIterator[Loudness]:
    loudness = Loudness(program, stalled)
    running = asyncio.create_task(loudness.run())
    try:
        async with asyncio.timeout(25):
            yield loudness
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def give(
    loudness: Loudness, *parts: tuple[float, float], hertz: float = 1000, phase: float = 0, fade: bool = False
) -> None:
    """So many seconds of a sine of so many dBFS each, as fast as they are taken."""
    number = 0
    for decibels, seconds in parts:
        wave = 10 ** (decibels / 20) * 32767
        for _ in range(round(seconds * FORM.fps)):
            # It fades in within a second: one that begins at once has a peak of its own there.
            grown = np.minimum(1, (TIMES + number * FORM.samples) / 48000) if fade else 1
            turns = 2 * np.pi * hertz * (TIMES + number * FORM.samples) / 48000 + phase
            sound = np.rint((np.sin(turns) * grown)[:, None] * [wave, wave]).astype(np.int16)
            while not loudness.put(sound):
                await asyncio.sleep(0.002)
            number += 1


async def told(fact: Callable[[], bool]) -> None:
    while not fact():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("program", PROGRAMS)
async def test_loudness_is_that_of_ebu_tech_3341(program: str) -> None:
    """Case 1: a 1 kHz stereo sine of -23 dBFS is -23.0 LUFS whatever is asked, its true peak -23 dBTP."""
    async with measuring(program) as loudness:
        await give(loudness, (-23, 8))
        await told(lambda: loudness.now.short == pytest.approx(-23, abs=0.1))
        assert loudness.now.integrated == pytest.approx(-23, abs=0.1)
        assert loudness.now.momentary == pytest.approx(-23, abs=0.1)
        assert loudness.now.true_peak == pytest.approx(-23, abs=0.3)


async def test_quiet_parts_do_not_count() -> None:
    """Case 4: what is far below the rest, or below -70 LUFS, is gated away."""
    async with measuring() as loudness:
        await give(loudness, (-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10))
        # The end has been heard when three seconds of -72 dBFS are all there is.
        await told(lambda: loudness.now.short is None and loudness.now.integrated is not None)
        assert loudness.now.integrated == pytest.approx(-23, abs=0.1)


async def test_a_true_peak_lies_between_samples() -> None:
    """Case 16: a sine of a quarter of the sample rate, -6 dBTP, whose samples reach but -9 dBFS."""
    async with measuring() as loudness:
        await give(loudness, (-6, 4), hertz=12000, phase=np.pi / 4, fade=True)
        await told(lambda: loudness.now.short is not None)
        assert -6.4 <= (loudness.now.true_peak or 0) <= -5.8


def meter() -> psutil.Process | None:
    """The process that measures."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any("ebur128" in word for word in child.cmdline()):
                return child
    return None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_meter_that_dies_or_stalls_begins_anew(how: signal.Signals) -> None:
    async with measuring(stalled=1) as loudness:
        await give(loudness, (-23, 3))
        await told(lambda: loudness.now.momentary is not None)
        first, since = meter(), loudness.now.since
        assert first is not None
        first.send_signal(how)
        for _ in iter(lambda: loudness.now.since != since and loudness.now.momentary is not None, True):
            loudness.put(tone(0))
            await asyncio.sleep(0.01)
        assert not first.is_running()
        second = meter()
        assert second is not None
        assert second.pid != first.pid


async def test_a_meter_that_cannot_start_is_tried_again_and_leaks_nothing(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    before = psutil.Process().num_fds()
    async with measuring(str(program)) as loudness:
        since = loudness.now.since
        await told(lambda: loudness.now.since != since)
        program.symlink_to(PROGRAMS[0])
        await give(loudness, (-23, 3))
        await told(lambda: loudness.now.momentary is not None)
    assert psutil.Process().num_fds() <= before + 2  # asyncio's own, for watching children
