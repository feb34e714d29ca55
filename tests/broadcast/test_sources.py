"""Sources of every kind and format, each made by a real ffmpeg, come out in the programme's one format."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples

pytestmark = pytest.mark.timeout(60)

FORM = Format(width=320, height=180, fps=25)
PROGRAMS = [find_ffmpeg(), imageio_ffmpeg.get_ffmpeg_exe()]
TONE = "sine=440:r=48000"

FORMATS = {
    "1080i50": (
        ("testsrc2=s=1920x1080:r=50", TONE),
        ("-vf", "tinterlace=interleave_top,setfield=tff", "-flags", "+ilme+ildct", "-c:v", "mpeg2video"),
    ),
    "720p59.94": (("testsrc2=s=1280x720:r=60000/1001", TONE), ("-c:v", "libx264")),
    "portrait": (("testsrc2=s=360x640:r=30", TONE), ("-c:v", "libx264")),
    "odd size, 4:2:2, 10 bit": (
        ("testsrc2=s=853x481:r=25", TONE),
        ("-c:v", "libx264", "-pix_fmt", "yuv422p10le"),
    ),
    "44.1 kHz mono": (("testsrc2=s=320x180:r=25", "sine=440:r=44100"), ("-c:v", "libx264", "-ac", "1")),
    "5.1": (("testsrc2=s=320x180:r=25", TONE), ("-c:v", "libx264", "-ac", "6", "-c:a", "ac3")),
    "no sound": (("testsrc2=s=320x180:r=25",), ("-c:v", "libx264")),
    "no picture": ((TONE,), ("-c:a", "aac")),
    "variable rate": (
        ("testsrc2=s=320x180:r=50", TONE),
        ("-vf", "select='not(mod(n,7))+not(mod(n,5))'", "-fps_mode", "vfr", "-c:v", "libx264"),
    ),
}


CHANNELS = {"5.1": "5.1", "no sound": "none"}


def made(folder: Path, inputs: tuple[str, ...], coded: tuple[str, ...], seconds: float = 4) -> Path:
    """A file of some format."""
    target = folder / "source.ts"
    command = [find_ffmpeg(), "-v", "error"]
    for one in inputs:
        command += ["-f", "lavfi", "-t", str(seconds), "-i", one]
    command += [*coded, "-preset", "ultrafast"] if "libx264" in coded else coded
    subprocess.run([*command, "-t", str(seconds), str(target)], check=True)
    return target


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_becomes_the_programmes_own(
    tmp_path: Path, name: str, reading: Any, pairs: Any
) -> None:
    path = await asyncio.to_thread(made, tmp_path, *FORMATS[name])
    async with reading(path.as_uri()) as reader:
        found = await pairs(reader, 40)
        assert reader.tally.audio == CHANNELS.get(name, "mono")  # ffmpeg's sine has one channel
    pictures = [picture for picture, _ in found]
    if name == "no picture":
        assert pictures == [None] * 40
    else:
        assert all(picture is not None and picture.size == FORM.frame_bytes for picture in pictures)
        assert len({picture.tobytes() for picture in pictures if picture is not None}) > 10
    sound = np.concatenate([samples for _, samples in found])
    assert sound.shape == (40 * FORM.samples, 2)
    loud = np.abs(sound[FORM.samples :].astype(int)).max()
    assert loud == 0 if name == "no sound" else loud > 1000
    if name == "portrait":
        luma = FORM.planes(pictures[-1])[0]
        assert luma[:, :40].max() < 24 < luma[:, 150:170].max()


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_source_is_counted_as_it_comes_not_as_it_is_made(
    tmp_path: Path, program: str, reading: Any, pairs: Any
) -> None:
    path = await asyncio.to_thread(
        made, tmp_path, ("testsrc2=s=320x180:r=10", TONE), ("-c:v", "libx264", "-ac", "2"), 20
    )
    async with reading(path.as_uri(), program) as reader, asyncio.timeout(30):
        # As many as are taken are made; what the source has is another number.
        while not 5 < reader.tally.fps < 15 or reader.frames < 25:
            await pairs(reader, 5)
        assert reader.tally.audio == "stereo"
    assert reader.tally.fps == 0


def flash_and_beep(folder: Path, delay: float) -> Path:
    """A white picture and a beep at each whole second; picture and sound begin at different times."""
    target = folder / "clap.ts"
    picture = "color=black:s=320x180:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.08)'"
    beep = f"aevalsrc='if(lt(mod(t+{delay},1),0.08),sin(2*PI*1000*t)*0.8,0)':s=48000"
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-t", "30", "-i", picture]
    command += ["-itsoffset", str(delay), "-f", "lavfi", "-t", "30", "-i", beep]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", str(target)]
    subprocess.run(command, check=True)
    return target


def offsets(found: list[tuple[Frame | None, Samples]]) -> list[float]:
    """How much later the beep is than its flash, in milliseconds, for each flash."""
    bright = [picture is not None and picture[: 320 * 180].mean() > 128 for picture, _ in found]
    sound = np.abs(np.concatenate([samples for _, samples in found])[:, 0].astype(int)) > 6000
    beeps = [at for at in np.flatnonzero(sound) if not sound[max(0, at - 4800) : at].any()]
    flashes = [at for at in range(1, len(bright)) if bright[at] and not bright[at - 1]]
    late = []
    for flash in flashes:
        nearest = min((beep - flash * FORM.samples for beep in beeps), key=abs, default=None)
        if nearest is not None and abs(nearest) < 24_000:
            late.append(nearest / 48)
    return late


@pytest.mark.parametrize("delay", [0.0, 0.6])
async def test_sound_and_picture_stay_together_over_losses(
    tmp_path: Path, delay: float, reading: Any, pairs: Any
) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path, delay)
    async with reading(path.as_uri()) as reader:
        for _ in range(3):
            found = await pairs(reader, 70)
            late = offsets(found)
            assert late
            assert max(map(abs, late)) <= 40, late
            for pid in _children("clap.ts"):
                os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(20):
                while reader.take() is not None or reader.present:
                    await asyncio.sleep(0.02)


async def test_lost_packets_of_sound_move_nothing(tmp_path: Path, reading: Any, pairs: Any) -> None:
    whole, holed = flash_and_beep(tmp_path, 0.0), tmp_path / "holed.ts"
    four = "noise=drop='not(mod(n\\,20))*between(n\\,40\\,100)'"  # of 21 ms each, together 85
    command = [find_ffmpeg(), "-v", "error", "-i", str(whole), "-c", "copy", "-bsf:a", four, str(holed)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    async with reading(holed.as_uri()) as reader:
        late = offsets(await pairs(reader, 130))
    assert len(late) > 3
    assert abs(late[-1]) <= 40, late


def _children(word: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


async def test_a_stand_in_is_taken_without_a_slate_and_given_back_by_a_person_only(
    runner: Callable[..., Any], source: Callable[..., Any], free_port: Callable[[], int]
) -> None:
    other = f"srt://127.0.0.1:{free_port()}?mode=listener"
    async with runner() as probe:
        url = probe.url
    feeds = [{"id": "hall", "url": url}, {"id": "spare", "url": other, "backup_for": "hall"}]
    async with runner(sources=feeds) as running, source(other):
        async with source(url):
            await running.until(lambda: running.status().sources["hall"].present)
            await running.until(lambda: running.status().sources["spare"].present)
            await running.ask(do="publish")
            await running.until(lambda: running.status().showing == "source:hall")
            assert running.status().sources["hall"].using == "hall"
        seen: set[str] = set()

        def taken_over() -> bool:
            seen.add(running.status().showing)
            return running.status().sources["hall"].using == "spare"

        await running.until(taken_over)
        assert seen == {"source:hall"}
        async with source(url):
            await running.until(lambda: running.status().sources["hall"].present)
            frames = running.status().frames
            await running.until(lambda: running.status().frames > frames + 50)
            assert running.status().sources["hall"].using == "spare"
            assert "one of hall" in (await running.ask(do="restore", source="spare"))["error"]
            await running.ask(do="restore", source="hall")
            await running.until(lambda: running.status().sources["hall"].using == "hall")
