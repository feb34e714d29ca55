"""From parts to one file with chapters, by copying, whatever was cut off."""

from __future__ import annotations

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avctl.errors import LinkError
from streams.ffmpeg import find_ffmpeg
from streams.recording import Recording, moments
from streams.remux import chapters_of, published, remux

START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)


def make_segments(folder: Path, count: int) -> list[Path]:
    """Segments of one second, as the encoder leaves them."""
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=160x90:r=25:d={count}"]
    command += ["-f", "lavfi", "-i", f"sine=440:d={count}", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-g", "25", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    command += ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0"]
    command += ["-hls_segment_filename", str(folder / "%03d.ts"), str(folder / "list.m3u8")]
    subprocess.run(command, check=True)
    return sorted(folder.glob("*.ts"))


def record(folder: Path, segments: list[Path], gap: int = 0) -> None:
    """Two parts of the recording with a gap of some seconds between them."""
    for part, first in ((segments[:3], 0), (segments[3:], 3 + gap)):
        recording = Recording(folder)
        for index, segment in enumerate(part):
            at = START + timedelta(seconds=first + index)
            recording.append(segment, at, 1.0, jump=False)
        recording.close()


def described(video: Path) -> str:
    """What ffmpeg says of a file."""
    command = [find_ffmpeg(), "-hide_banner", "-i", str(video)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


async def test_parts_become_one_file_with_chapters_that_plays_from_its_beginning(tmp_path: Path) -> None:
    record(tmp_path, make_segments(tmp_path, 6))
    made = await remux(tmp_path, [(0.0, "Про бюджет; = #1"), (3.2, "Олена Марчук --> далі")])
    assert made.seconds == pytest.approx(6, abs=0.2)
    video = (tmp_path / "archive" / "video.mp4").read_bytes()
    assert video.index(b"moov") < video.index(b"mdat")
    assert made.size == len(video)
    told = await asyncio.to_thread(described, tmp_path / "archive" / "video.mp4")
    assert "Про бюджет; = #1" in told
    assert "start 3.2" in told
    vtt = (tmp_path / "archive" / "chapters.vtt").read_text()
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:03.200\nПро бюджет; = #1\n")
    assert "Олена Марчук → далі" in vtt
    assert published(tmp_path) == made


async def test_a_part_cut_off_in_the_middle_loses_only_its_end(tmp_path: Path) -> None:
    record(tmp_path, make_segments(tmp_path, 6))
    last = sorted((tmp_path / "recording").glob("*.ts"))[-1]
    data = last.read_bytes()
    last.write_bytes(data[: len(data) - len(data) // 4 - 57])
    made = await remux(tmp_path, [])
    assert 4 < made.seconds < 6.2


async def test_without_a_recording_the_reason_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="no recording"):
        await remux(tmp_path, [])
    assert published(tmp_path) is None


async def test_a_part_that_is_nonsense_is_said_and_the_parts_stay(tmp_path: Path) -> None:
    record(tmp_path, make_segments(tmp_path, 4))
    for part in (tmp_path / "recording").glob("*.ts"):
        part.write_bytes(b"nonsense" * 1000)
    with pytest.raises(LinkError, match="cannot be joined"):
        await remux(tmp_path, [])
    assert not (tmp_path / "archive" / "video.mp4").exists()
    assert len(list((tmp_path / "recording").glob("*.ts"))) == 2


async def test_a_cancelled_join_leaves_nothing_half_done(tmp_path: Path) -> None:
    record(tmp_path, make_segments(tmp_path, 4))
    task = asyncio.create_task(remux(tmp_path, []))
    while not (tmp_path / "archive" / ".parts.txt").exists():
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert list((tmp_path / "archive").iterdir()) == []


def test_a_moment_of_the_clock_is_found_in_the_recording_also_behind_a_gap(tmp_path: Path) -> None:
    record(tmp_path, make_segments(tmp_path, 6), gap=60)
    wanted = [START + timedelta(seconds=seconds) for seconds in (-5, 1.5, 30, 64.25, 999)]
    assert moments(tmp_path, wanted) == pytest.approx([0, 1.5, 3, 4.25, 6])


def test_an_index_cut_off_by_a_power_loss_still_tells_what_came_before(tmp_path: Path) -> None:
    record(tmp_path, make_segments(tmp_path, 6))
    index = tmp_path / "recording" / "index.jsonl"
    lines = index.read_text().splitlines()
    index.write_text("\n".join(lines[:4]) + "\n" + json.dumps({"part": "x"})[:5])
    assert moments(tmp_path, [START + timedelta(seconds=3.5)]) == [3.5]


def test_marks_become_chapters_that_follow_each_other() -> None:
    found = chapters_of([(5, "b"), (0, "a"), (5.2, "c"), (99, "late")], 10)
    assert [(one.start, one.end, one.title) for one in found] == [(0, 5.2, "a"), (5.2, 10, "c")]
