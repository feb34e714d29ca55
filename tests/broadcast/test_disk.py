"""The disk guard: told in time, room made from what can be missed, recordings never touched."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avctl.bus import Bus
from avctl.events import DiskSpaceChanged, Event, Room
from streams.disk import DiskGuard
from streams.playlist import MediaPlaylist
from streams.reserve import MARGIN, Reserve
from streams.rfc8216 import faults
from streams.status import RunnerStatus


def broadcast(root: Path, name: str, phase: str, *, made: bool) -> Path:
    folder = root / name
    (folder / "live" / "720p").mkdir(parents=True)
    (folder / "live" / "720p" / "00000000.ts").write_bytes(b"x" * 1000)
    (folder / "recording").mkdir()
    (folder / "recording" / "part-0001.ts").write_bytes(b"x" * 1000)
    status = RunnerStatus(pid=1, session=name, started_at=datetime.now(UTC)).model_dump(mode="json")
    (folder / "status.json").write_text(json.dumps({**status, "phase": phase}))
    if made:
        (folder / "archive").mkdir()
        (folder / "archive" / "recording.json").write_text('{"seconds": 1, "size": 1}')
    return folder


def test_each_limit_is_told_once_and_left_behind_with_a_margin(tmp_path: Path) -> None:
    bus, free = Bus(1), [50]
    told: list[Event] = []
    bus.listen(told.append, DiskSpaceChanged)
    guard = DiskGuard(bus, tmp_path, (), 0, lambda folder: (100, free[0]))
    for percent in (50, 21, 19, 19, 20, 9, 10, 12, 30):
        free[0] = percent
        guard.look()
        guard.tell()
    assert [event.room for event in told if isinstance(event, DiskSpaceChanged)] == [
        Room.LOW,
        Room.CRITICAL,
        Room.LOW,
        Room.ENOUGH,
    ]


def test_public_segments_of_what_is_over_and_made_go_and_nothing_else(tmp_path: Path) -> None:
    over = broadcast(tmp_path, "over", "ended", made=True)
    unmade = broadcast(tmp_path, "unmade", "ended", made=False)
    live = broadcast(tmp_path, "live", "live", made=False)
    guard = DiskGuard(Bus(1), tmp_path, (), 1, lambda folder: (100_000_000, 500_000))
    for _ in range(3):
        guard.look()
    assert not (over / "live").exists()
    assert (unmade / "live" / "720p" / "00000000.ts").exists()
    assert (live / "live" / "720p" / "00000000.ts").exists()
    for folder in (over, unmade, live):
        assert (folder / "recording" / "part-0001.ts").exists()


def test_with_room_nothing_goes(tmp_path: Path) -> None:
    over = broadcast(tmp_path, "over", "ended", made=True)
    DiskGuard(Bus(1), tmp_path, (), 1, lambda folder: (100_000_000, 50_000_000)).look()
    assert (over / "live").exists()


def test_a_list_that_is_shortened_stays_right(tmp_path: Path) -> None:
    source = tmp_path / "segment.ts"
    source.write_bytes(b"x")
    playlist = MediaPlaylist(tmp_path / "live", 2, 0)
    start = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    for number in range(500):
        playlist.add(source, 2.0, start + timedelta(seconds=2 * number), jump=False)
    before = (tmp_path / "live" / "index.m3u8").read_text()
    playlist.shorten(600)
    after = (tmp_path / "live" / "index.m3u8").read_text()
    assert faults(before, after) == ()
    assert after.count("#EXTINF") == pytest.approx(300, abs=1)
    assert not (tmp_path / "live" / "00000000.ts").exists()
    assert (tmp_path / "live" / "00000499.ts").exists()
    playlist.add(source, 2.0, start + timedelta(seconds=1000), jump=False)
    assert faults(after, (tmp_path / "live" / "index.m3u8").read_text()) == ()


def test_what_is_kept_in_reserve_is_given_back_bit_by_bit_and_taken_again(tmp_path: Path) -> None:
    size = 4 * MARGIN
    free = [100 * MARGIN]
    reserve = Reserve(tmp_path, size, lambda folder: free[0])
    assert reserve.mind()
    assert reserve.left == size
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= size  # really taken, not a hole
    free[0] = 0
    assert reserve.mind()
    assert reserve.left == size - 2 * MARGIN
    reserve.mind()
    assert reserve.left == 0
    assert not reserve.mind()  # nothing left: what viewers could go back to goes
    free[0] = 3 * MARGIN  # others' mess is half cleared: not the moment to take it again
    assert reserve.mind()
    assert reserve.left == 0
    free[0] = 100 * MARGIN
    reserve.mind()
    assert reserve.left == size
    reserve.close()
    assert not list(tmp_path.iterdir())


def test_a_small_disk_gives_a_small_reserve(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 100 * MARGIN, lambda folder: 20 * MARGIN)
    reserve.mind()
    assert reserve.left == 2 * MARGIN
