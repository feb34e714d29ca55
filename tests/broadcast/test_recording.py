"""The recording as its own consumer: whatever a disk does, nothing is lost that another could keep."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams.recording import FOLDER, Recording, fullest, lines_of, parts_of, settle

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def segments(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(6):
        path = tmp_path / f"{number}.ts"
        path.write_bytes(bytes([number]) * 188 * 4)
        made.append(path)
    return made


def append(recording: Recording, segments: list[Path], first: int = 0) -> None:
    for number, segment in enumerate(segments, first):
        recording.append(segment, START + timedelta(seconds=number), 1.0, jump=False)


def until(fact: Callable[[], bool]) -> None:
    """A writer is a thread: wait for what it does."""
    end = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < end, "it never came true"
        os.sched_yield()


def content(folder: Path) -> bytes:
    return b"".join(part.read_bytes() for part in parts_of(folder))


def test_two_disks_get_the_same_and_the_spool_is_emptied(tmp_path: Path, segments: list[Path]) -> None:
    (tmp_path / "a").mkdir()
    recording = Recording(tmp_path / "a", tmp_path / "b")
    append(recording, segments)
    recording.close()
    wanted = b"".join(segment.read_bytes() for segment in segments)
    assert content(tmp_path / "a") == content(tmp_path / "b") == wanted
    assert recording.bytes == len(wanted)
    assert not (tmp_path / "a" / "spool").exists()


def test_a_disk_that_fails_and_returns_does_not_hold_up_the_other(
    tmp_path: Path, segments: list[Path]
) -> None:
    (tmp_path / "a").mkdir()
    second = tmp_path / "b"
    second.write_text("in the way: no folder can be made here")
    recording = Recording(tmp_path / "a", second)
    append(recording, segments[:3])
    until(lambda: content(tmp_path / "a") == b"".join(one.read_bytes() for one in segments[:3]))
    until(lambda: len(recording.faults) == 1)
    assert str(second) in recording.faults[0]
    second.unlink()
    until(lambda: not recording.faults)
    append(recording, segments[3:], 3)
    recording.close()
    assert content(second) == content(tmp_path / "a")


def test_what_waited_when_everything_died_is_written_by_the_next(
    tmp_path: Path, segments: list[Path]
) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / FOLDER).write_text("in the way")
    first = Recording(folder)
    append(first, segments)
    until(lambda: bool(first.faults))
    first.close()  # the disk never took them: the spool stays
    (folder / FOLDER).unlink()
    second = Recording(folder)
    second.close()
    assert content(folder) == b"".join(segment.read_bytes() for segment in segments)
    assert [line.at for line in lines_of(folder / FOLDER)] == [
        START + timedelta(seconds=number) for number in range(6)
    ]


def test_what_is_taken_back_is_gone_from_every_disk(tmp_path: Path, segments: list[Path]) -> None:
    (tmp_path / "a").mkdir()
    recording = Recording(tmp_path / "a", tmp_path / "b")
    append(recording, segments[:4])
    recording.cut(START + timedelta(seconds=2.5), START + timedelta(seconds=4))
    append(recording, segments[4:], 4)
    recording.close()
    wanted = b"".join(segments[number].read_bytes() for number in (0, 1, 4, 5))
    assert content(tmp_path / "a") == content(tmp_path / "b") == wanted
    assert len(list(lines_of(tmp_path / "a" / FOLDER))) == 4


def test_a_disk_that_was_away_gives_back_what_it_must_before_it_is_used(
    tmp_path: Path, segments: list[Path]
) -> None:
    (tmp_path / "a").mkdir()
    recording = Recording(tmp_path / "a", tmp_path / "b")
    append(recording, segments[:4])
    recording.close()
    away = {path: path.read_bytes() for path in (tmp_path / "b" / FOLDER).iterdir()}
    again = Recording(tmp_path / "a", tmp_path / "b")
    again.cut(START + timedelta(seconds=2), START + timedelta(seconds=4))
    again.close()
    for path, data in away.items():
        path.write_bytes(data)  # as if that disk had not been there
    settle(tmp_path / "a", [tmp_path / "a", tmp_path / "b"])
    wanted = b"".join(segment.read_bytes() for segment in segments[:2])
    assert content(tmp_path / "a") == content(tmp_path / "b") == wanted
    settle(tmp_path / "a", [tmp_path / "a", tmp_path / "b"])
    assert content(tmp_path / "b") == wanted


def test_a_torn_line_of_the_index_hides_nothing_after_it(tmp_path: Path, segments: list[Path]) -> None:
    (tmp_path / "a").mkdir()
    first = Recording(tmp_path / "a")
    append(first, segments[:2])
    first.close()
    with (tmp_path / "a" / FOLDER / "index.jsonl").open("a") as index:
        index.write('{"part": "part-0001.ts", "at": "20')
    second = Recording(tmp_path / "a")
    append(second, segments[2:4], 2)
    second.close()
    assert len(list(lines_of(tmp_path / "a" / FOLDER))) == 4


def test_the_fuller_of_two_recordings_is_found(tmp_path: Path, segments: list[Path]) -> None:
    for name, count in (("a", 3), ("b", 5)):
        (tmp_path / name).mkdir()
        recording = Recording(tmp_path / name)
        append(recording, segments[:count])
        recording.close()
    assert fullest([tmp_path / "a", tmp_path / "b"]) == tmp_path / "b"
    assert fullest([tmp_path / "a", tmp_path / "none"]) == tmp_path / "a"
