"""Music under slates, listened to: its level, its fades, and silence where nothing may be heard."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import psutil
import pytest

from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples
from streams.music import Music
from streams.plan import Plan, RenditionPlan, SourcePlan
from streams.programme import Programme

FORM = Format(width=320, height=180, fps=25)
PROGRAMS = [find_ffmpeg(), imageio_ffmpeg.get_ffmpeg_exe()]
HALL, MUSIC = 440, 1000  # Hz


@pytest.fixture
def tune(tmp_path: Path) -> str:
    """A third of a second of 1 kHz at -12 dBFS: it must be heard again and again."""
    path = tmp_path / "tune.wav"
    tone = f"0.25*sin(2*PI*{MUSIC}*t)"
    wave = f"aevalsrc={tone}|{tone}:s=48000:d=0.35"
    subprocess.run([find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", wave, str(path)], check=True)
    return str(path)


def peak_db(sound: Any, hertz: float) -> float:
    """How loud one frequency is, in dBFS."""
    left = sound[:, 0].astype(float) / 32768
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(left)) / 48000)
    return float(20 * np.log10(max(1e-6, 2 * abs((left * turns).mean()))))


@asynccontextmanager
async def playing(path: str, program: str = PROGRAMS[0]) -> AsyncIterator[Music]:
    music = Music(program, path, -8, FORM)
    task = asyncio.create_task(music.run())
    try:
        async with asyncio.timeout(25):
            yield music
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def taken(music: Music, count: int, wanted: bool = True) -> Samples:
    """So many pictures' sound, as fast as it comes; those at the beginning that are silent do not count."""
    found: list[Samples] = []
    while len(found) < count:
        sound = music.over(FORM.silence(), wanted)
        if found or sound.any():
            found.append(sound)
        await asyncio.sleep(0.01)
    return np.concatenate(found)


@pytest.mark.parametrize("program", PROGRAMS)
async def test_it_is_as_loud_as_set_and_fades(tune: str, program: str) -> None:
    async with playing(tune, program) as music:
        begun = await taken(music, 13)
        assert np.abs(begun[:1000]).max() < 200 < np.abs(begun[-1000:]).max()
        assert peak_db(await taken(music, 20), MUSIC) == pytest.approx(-20, abs=0.5)
        over = np.concatenate([music.over(FORM.silence(), False) for _ in range(14)])
        assert np.abs(over[:1000]).max() > 2000
        assert not over[-FORM.samples :].any()


async def test_a_process_that_is_killed_is_replaced(tune: str) -> None:
    async with playing(tune) as music:
        await taken(music, 5)
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # those of other tests may be ending
                if any(tune in word for word in child.cmdline()):
                    child.kill()
        await taken(music, 60)
        assert music.fault == ""


async def test_a_file_that_is_no_music_is_silence_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(bytes(range(256)) * 40)
    caplog.set_level(logging.WARNING)
    async with playing(str(broken)) as music:
        while not music.fault:
            await asyncio.sleep(0.02)
        assert not music.over(FORM.silence(), True).any()
    assert len([one for one in caplog.records if one.name == "streams.music"]) == 1


class Hall:
    """A source with a tone of its own."""

    def __init__(self) -> None:
        self._number = 0

    def take(self) -> tuple[Frame, Samples]:
        times = np.arange(FORM.samples) + self._number * FORM.samples
        self._number += 1
        wave = np.rint(8000 * np.sin(2 * np.pi * HALL * times / 48000)).astype(np.int16)
        return FORM.black(), np.stack([wave, wave], axis=1)


async def test_it_is_heard_under_a_slate_only(tune: str) -> None:
    given: deque[Samples] = deque(maxlen=15)
    rung = RenditionPlan(name="big", width=FORM.width, height=FORM.height, video_kbps=400)
    hall = SourcePlan(id="hall", url="srt://127.0.0.1:1")
    plan = Plan(session="s1", sources=(hall,), renditions=(rung,), music=tune, music_db=-8)
    programme = Programme(plan, FORM, {"hall": Hall()}, lambda _, sound: given.append(sound))
    decoding = asyncio.create_task(programme.music.run())

    async def hears(music: bool, hall: bool) -> None:
        """Until so many pictures have that sound, all of it, and nothing else."""
        while True:
            sound = np.concatenate((FORM.silence(), *given))
            loud = peak_db(sound, MUSIC) > -22, peak_db(sound, HALL) > -22
            quiet = music or peak_db(sound, MUSIC) < -60, hall or peak_db(sound, HALL) < -60
            if len(given) == given.maxlen and loud == (music, hall) and all(quiet):
                return
            await asyncio.sleep(0.02)

    try:
        programme.show("slate:break")
        programme.start()
        async with asyncio.timeout(25):
            await hears(music=True, hall=False)
            programme.show("source:hall")
            await hears(music=False, hall=True)
            programme.show("slate:air_raid")
            await hears(music=False, hall=False)
            programme.show("slate:break")
            await hears(music=True, hall=False)
            programme.close()
            given.clear()  # when that has returned, not one sample of the music is given
            await hears(music=False, hall=False)
            assert not np.concatenate(given).any()
            programme.open()
            await hears(music=True, hall=False)
    finally:
        programme.stop()
        decoding.cancel()
        await asyncio.gather(decoding, return_exceptions=True)
