"""Somebody sets the machine's clock while a broadcast is on air."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.clock import CLOCK_FILE, SET_FILE, clock_of, corrected, note
from streams.folder import Growth
from streams.lookout import Lookout

HOUR = timedelta(hours=1)


def zero_of(folder: Path) -> datetime:
    return datetime.fromisoformat(json.loads((folder / CLOCK_FILE).read_bytes())["zero"])


def test_the_next_runner_goes_by_the_clock_of_the_first(tmp_path: Path) -> None:
    first = clock_of(tmp_path)
    kept = json.loads((tmp_path / CLOCK_FILE).read_bytes())
    # The wall clock is an hour further than when the first runner began.
    kept["zero"] = (first.zero - HOUR).isoformat()
    (tmp_path / CLOCK_FILE).write_text(json.dumps(kept), encoding="ascii")
    later = clock_of(tmp_path)
    assert later.zero == first.zero - HOUR
    assert later.now() <= later.now() < first.now()


def test_after_a_start_of_the_machine_time_goes_on_and_never_back(tmp_path: Path) -> None:
    kept = {"boot": "another", "zero": (datetime.now(UTC) - 30 * HOUR).isoformat()}
    (tmp_path / CLOCK_FILE).write_text(json.dumps(kept), encoding="ascii")
    listed_until = datetime.now(UTC) + HOUR  # the clock was set back meanwhile
    clock = clock_of(tmp_path, listed_until)
    assert listed_until <= clock.now() < listed_until + HOUR / 2
    assert zero_of(tmp_path) == clock.zero


def test_a_kept_clock_that_is_no_clock_is_replaced(tmp_path: Path) -> None:
    for garbage in (b"", b"[]", b'{"boot": 5}', b"\xff\x00"):
        (tmp_path / CLOCK_FILE).write_bytes(garbage)
        clock = clock_of(tmp_path)
        assert abs(clock.now() - datetime.now(UTC)) < HOUR / 2
        assert zero_of(tmp_path) == clock.zero


def test_a_chapter_is_where_it_was_though_the_clock_was_set(tmp_path: Path) -> None:
    marked = datetime.now(UTC)
    note(tmp_path, marked)  # nothing is on air: nothing to remember
    clock_of(tmp_path)
    note(tmp_path, marked)
    kept = json.loads((tmp_path / CLOCK_FILE).read_bytes())
    kept["zero"] = (datetime.fromisoformat(kept["zero"]) - HOUR).isoformat()
    (tmp_path / CLOCK_FILE).write_text(json.dumps(kept), encoding="ascii")  # the wall's is set on by an hour
    late = marked + HOUR
    note(tmp_path, late)
    with (tmp_path / SET_FILE).open("a") as torn:
        torn.write('{"at": "2026-')
    assert corrected(tmp_path, [marked]) == [marked]
    assert abs(corrected(tmp_path, [late])[0] - marked) < timedelta(minutes=1)


def test_files_that_grow_are_seen_to_whatever_their_date_says(tmp_path: Path) -> None:
    growth, since, file = Growth(), datetime.now(UTC), tmp_path / "000001.ts"
    file.write_bytes(b"x")
    for seconds in (3600, -3600, 0):  # the clock is set before each writing
        file.write_bytes(b"x")
        os.utime(file, (since.timestamp() + seconds,) * 2)
        assert growth.lately(tmp_path, since, 30)
    # Nothing more is written: that shows, but a new beginning has its time.
    assert not growth.lately(tmp_path, since, 0)
    assert growth.lately(tmp_path, since + HOUR, 30)


def test_the_age_of_a_segment_is_that_since_it_was_seen(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    (tmp_path / "000001.ts").write_bytes(b"x")
    os.utime(tmp_path / "000001.ts", (0, 0))
    (tmp_path / "index.m3u8").write_text(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n"
        f"#EXT-X-PROGRAM-DATE-TIME:{began.isoformat()}\n#EXTINF:2.000,\n000001.ts\n",
        encoding="ascii",
    )
    found = Lookout(tmp_path).look()
    assert 0 <= found["segment_age"] < 60
    assert -2 <= found["latency"] < 60
