"""A broadcast that encodes nothing: the encoder's own pictures go out, slates are joined to them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from pydantic import SecretStr, ValidationError

from streams import rfc8216
from streams.copying.intake import Intake
from streams.copying.segmenter import Piece, Segmenter
from streams.copying.transport import CLOCK, counted, first_picture, packets, pids, shifted, shortened, units
from streams.feed import FeedOptions
from streams.ffmpeg import find_ffmpeg
from streams.plan import Plan

pytestmark = pytest.mark.timeout(90)

BLUE = "0x0000C8"


def entries(running: Any) -> list[rfc8216.Entry]:
    return rfc8216.read(running.playlist()).entries


def has_no_hole(listed: list[rfc8216.Entry]) -> bool:
    """Whether each segment begins where the one before ended, at joins too."""
    ends = [one.at.timestamp() + one.seconds for one in listed if one.at is not None]
    begins = [one.at.timestamp() for one in listed if one.at is not None]
    return all(abs(end - begin) < 0.1 for end, begin in zip(ends, begins[1:], strict=False))


def is_blue(frame: Any) -> bool:
    red, green, blue = frame[90, 160]
    return bool(blue > 140 > max(red, green))


def newest(running: Any) -> Path:
    return Path(running.folder / "live" / "big" / entries(running)[-1].uri)


def said_of(path: Path) -> str:
    """What ffmpeg complains of when it decodes all of it; at a join, sound may overlap a little."""
    command = [find_ffmpeg(), "-v", "error", "-i", str(path), "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=True).stderr.decode()
    return "".join(line for line in said.splitlines() if "non monotonically increasing dts" not in line)


async def on_air(running: Any) -> None:
    await running.until(lambda: running.status().sources["hall"].present)
    assert (await running.ask(do="publish"))["ok"] is True
    await running.until(lambda: running.status().showing == "source:hall")
    shown = running.segments()
    await running.until(lambda: running.segments() >= shown + 3)


async def more(running: Any, count: int = 2) -> None:
    listed = running.segments()
    await running.until(lambda: running.segments() >= listed + count)


async def test_the_encoders_pictures_go_out_a_lost_one_is_a_slate_and_a_killed_runner_leaves_no_hole(
    runner: Callable[..., Any], source: Callable[..., Any], look: Callable[..., Any]
) -> None:
    planned = [{"name": "big", "width": 640, "height": 360, "video_kbps": 400}]  # not what comes
    async with runner(stream_copy=True, renditions=planned) as running:
        async with source(running.url):
            await on_air(running)
            assert look(newest(running))[90, 160][1] > 140
            refused = await running.ask(do="lower_third", name="Олена Марчук")
            assert "passed on as it is" in refused["error"]
            assert (await running.ask(do="lower_third", name=""))["ok"] is True
            assert not running.status().writes
        await running.until(lambda: running.status().showing == "slate:technical")
        await more(running)
        assert (running.folder / "preview.jpg").read_bytes().startswith(b"\xff\xd8")
        async with source(running.url):
            await running.until(lambda: running.status().showing == "source:hall")
            await more(running)
            running.process.kill()
            await running.process.wait()
            async with runner(stream_copy=True, renditions=planned) as second:
                second.lists = running.lists
                await more(second)
                await second.until(lambda: second.status().pid == second.process.pid)
                await second.until(lambda: second.status().showing == "source:hall")
                await more(second)
                assert look(newest(second))[90, 160][1] > 140
                await second.ask(do="end")
                assert await second.process.wait() == 0
                assert has_no_hole(entries(second))
                master = (second.folder / "live" / "master.m3u8").read_text()
                assert rfc8216.master_faults(master) == ()
                assert master.count("#EXT-X-STREAM-INF") == 1
                assert "RESOLUTION=320x180" in master
                assert await asyncio.to_thread(said_of, second.folder / "live/big/index.m3u8") == ""
                for part in sorted((second.folder / "recording").glob("*.ts")):
                    assert await asyncio.to_thread(said_of, part) == ""


@pytest.mark.parametrize(
    ("sound", "program"),
    [
        (("-f", "lavfi", "-i", "sine=440:r=44100", "-c:a", "mp2"), None),
        ((), get_ffmpeg_exe()),
    ],
    ids=["44.1 kHz MP2", "no sound, the ffmpeg avctl brings"],
)
async def test_sound_that_viewers_cannot_have_becomes_aac(
    runner: Callable[..., Any], source: Callable[..., Any], sound: tuple[str, ...], program: str | None
) -> None:
    async with runner(stream_copy=True, ffmpeg=program) as running, source(running.url, sound=sound):
        await on_air(running)
        rows = packets(newest(running).read_bytes())
        assert {unit.picture for unit in units(rows)} == {True, False}
        command = [find_ffmpeg(), "-hide_banner", "-i", str(newest(running))]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True)
        assert b"Audio: aac (LC)" in done.stderr
        assert b"48000 Hz, stereo" in done.stderr


async def test_cut_between_two_encoders_and_a_stand_in_that_takes_over(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    look: Callable[..., Any],
    free_port: Callable[[], int],
) -> None:
    one, other, spare = (f"srt://127.0.0.1:{free_port()}?mode=listener" for _ in range(3))
    feeds = [
        {"id": "hall", "url": one},
        {"id": "wide", "url": other},
        {"id": "spare", "url": spare, "backup_for": "hall"},
    ]
    async with (
        runner(sources=feeds, stream_copy=True) as running,
        source(other, BLUE),
        source(one),
        source(spare, BLUE),
    ):
        for name in ("wide", "spare"):
            await running.until(lambda name=name: running.status().sources[name].present)
        await on_air(running)
        await running.ask(do="show", scene="source:wide")
        await running.until(lambda: running.status().showing == "source:wide")
        await running.until(lambda: is_blue(look(newest(running))))
        await running.ask(do="show", scene="source:hall")
        await running.until(lambda: running.status().showing == "source:hall")
        await running.until(lambda: not is_blue(look(newest(running))))
        seen: set[str] = set()

        def taken() -> bool:
            seen.add(running.status().showing)
            return running.status().sources["hall"].using == "spare"

        running.child(one.partition("?")[0]).kill()
        await running.until(taken)
        await running.until(lambda: is_blue(look(newest(running))))
        assert seen == {"source:hall"}
        assert has_no_hole(entries(running))


def test_slate_and_source_are_joined_by_time_and_number(tmp_path: Path) -> None:
    rows = packets(sent(tmp_path, 1.0, 25).read_bytes())
    first = first_picture(rows)
    shifted(rows, 5 * CLOCK)
    assert first_picture(rows) == first + 5 * CLOCK
    short = shortened(rows, CLOCK // 2)
    pictures = [unit.pts for unit in units(short) if unit.picture]
    assert len(pictures) in (12, 13)
    assert max(pictures) - first_picture(rows) < CLOCK // 2
    counters = {0x100: 9}
    counted(short, counters)
    mine = short[pids(short) == 0x100]
    payload = [int(row[3]) & 0x0F for row in mine if row[3] & 0x10]
    assert payload == [(10 + at) % 16 for at in range(len(payload))]


@pytest.mark.parametrize(
    ("every", "lengths"),
    [
        (25, [2.0, 2.0, 2.0]),
        (50, [2.0, 2.0, 2.0]),
        (48, [1.92, 1.92, 1.92]),
        (38, [1.52] * 3),
        (75, [3.0] * 2),
    ],
)
def test_pieces_end_with_the_encoders_own_key_frames(
    tmp_path: Path, every: int, lengths: list[float]
) -> None:
    data = sent(tmp_path, 8.0, every).read_bytes()
    segmenter = Segmenter(1, 2.0)
    pieces: list[Piece] = []
    for at in range(0, len(data), 1000):  # in pieces that end anywhere
        pieces += segmenter.feed(data[at : at + 1000], 0.0, at / len(data) * 8)
    assert [round(piece.seconds, 3) for piece in pieces][: len(lengths)] == pytest.approx(lengths)
    for piece in pieces:
        begun = [unit for unit in units(packets(piece.data)) if unit.picture]
        assert begun[0].key
        assert len(begun) == piece.pictures
    last = segmenter.cut()
    assert last is not None
    total = sum(piece.seconds for piece in (*pieces, last))
    assert total == pytest.approx(8.0, abs=0.05)


async def test_an_encoder_whose_key_frames_are_too_far_apart_is_told_so(tmp_path: Path) -> None:
    plan = Plan.model_validate(
        {"session": "s1", "sources": [{"id": "hall", "url": sent(tmp_path, 8.0, 100).as_uri()}]}
    )
    came: list[bytes] = []
    intake = Intake(plan, plan.sources[0], find_ffmpeg(), came.append)
    intake.longest = 2.49
    reading = asyncio.create_task(intake.run())
    try:
        async with asyncio.timeout(40):
            while "key frames" not in intake.reason:
                intake.look()
                await asyncio.sleep(0.1)
        assert "2.5 s at most" in intake.reason
        assert not intake.present
        assert came
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def test_what_cannot_be_passed_on_is_refused_by_its_key() -> None:
    source = {"id": "hall", "url": "udp://127.0.0.1:9100"}
    with pytest.raises(ValidationError, match="segments: ts"):
        Plan.model_validate({"session": "s1", "sources": [source], "stream_copy": True, "segments": "fmp4"})
    with pytest.raises(ValidationError, match="v4l2 has not"):
        FeedOptions(url=SecretStr("v4l2:///dev/video0"), stream_copy=True)


def sent(folder: Path, seconds: float, every: int) -> Path:
    """What an encoder would send, with a key frame every so many pictures."""
    path = folder / "sent.ts"
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25"]
    command += ["-f", "lavfi", "-i", "sine=440:r=48000", "-t", str(seconds), "-c:v", "libx264"]
    command += ["-preset", "ultrafast", "-g", str(every), "-sc_threshold", "0", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    return path
