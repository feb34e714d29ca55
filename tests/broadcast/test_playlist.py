"""The public list keeps the rules of RFC 8216 over restarts, and remembers by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.playlist import MediaPlaylist, codec_of

START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)


def fill(playlist: MediaPlaylist, folder: Path, count: int, first: int = 0, *, jump: bool = False) -> None:
    piece = folder / "piece.ts"
    piece.write_bytes(b"G" * 188)
    for index in range(count):
        at = START + timedelta(seconds=2 * (first + index))
        playlist.add(piece, 2.0, at, jump=jump and index == 0)


def tags(folder: Path, name: str) -> list[str]:
    lines = (folder / "index.m3u8").read_text().splitlines()
    return [line.partition(":")[2] for line in lines if line.split(":")[0] == name]


def test_every_segment_has_its_number_its_length_and_its_time(tmp_path: Path) -> None:
    playlist = MediaPlaylist(tmp_path / "live", 2, 0)
    fill(playlist, tmp_path, 3)
    live = tmp_path / "live"
    assert tags(live, "#EXT-X-MEDIA-SEQUENCE") == ["0"]
    assert tags(live, "#EXT-X-TARGETDURATION") == ["2"]
    assert tags(live, "#EXTINF") == ["2.000000,"] * 3
    assert tags(live, "#EXT-X-PROGRAM-DATE-TIME")[1] == "2027-02-11T08:00:02.000+00:00"
    assert sorted(path.name for path in live.glob("*.ts")) == [f"{number:08d}.ts" for number in range(3)]


def test_a_new_authority_in_the_same_folder_goes_on_counting_and_says_that_time_jumped(
    tmp_path: Path,
) -> None:
    fill(MediaPlaylist(tmp_path / "live", 2, 0), tmp_path, 3)
    again = MediaPlaylist(tmp_path / "live", 2, 0)
    fill(again, tmp_path, 2, first=10, jump=True)
    text = (tmp_path / "live" / "index.m3u8").read_text()
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert text.index("#EXT-X-DISCONTINUITY\n") < text.index("00000003.ts")
    assert text.index("00000002.ts") < text.index("#EXT-X-DISCONTINUITY\n")
    assert [segment.number for segment in again.segments] == [0, 1, 2, 3, 4]


def test_the_first_segment_of_all_is_no_jump(tmp_path: Path) -> None:
    fill(MediaPlaylist(tmp_path / "live", 2, 0), tmp_path, 1, jump=True)
    assert "#EXT-X-DISCONTINUITY\n" not in (tmp_path / "live" / "index.m3u8").read_text()


def test_a_window_moves_and_counts_the_jumps_that_left_it(tmp_path: Path) -> None:
    playlist = MediaPlaylist(tmp_path / "live", 2, 10)
    fill(playlist, tmp_path, 4)
    fill(playlist, tmp_path, 4, first=4, jump=True)
    live = tmp_path / "live"
    assert tags(live, "#EXT-X-MEDIA-SEQUENCE") == ["3"]
    assert tags(live, "#EXT-X-DISCONTINUITY-SEQUENCE") == ["0"]
    fill(playlist, tmp_path, 4, first=8)
    assert tags(live, "#EXT-X-MEDIA-SEQUENCE") == ["7"]
    assert tags(live, "#EXT-X-DISCONTINUITY-SEQUENCE") == ["1"]
    assert MediaPlaylist(live, 2, 10).segments == playlist.segments


def test_segments_that_left_the_list_long_ago_leave_the_disk(tmp_path: Path) -> None:
    playlist = MediaPlaylist(tmp_path / "live", 2, 10)
    fill(playlist, tmp_path, 60)
    numbers = sorted(int(path.stem) for path in (tmp_path / "live").glob("*.ts"))
    assert numbers[0] > 10
    assert numbers[-1] == 59


def test_an_ended_list_stays_ended(tmp_path: Path) -> None:
    playlist = MediaPlaylist(tmp_path / "live", 2, 0)
    fill(playlist, tmp_path, 1)
    playlist.end()
    assert (tmp_path / "live" / "index.m3u8").read_text().endswith("#EXT-X-ENDLIST\n")
    assert MediaPlaylist(tmp_path / "live", 2, 0).ended


def test_the_codec_is_read_from_the_segment_itself() -> None:
    assert codec_of(b"G...\x00\x00\x00\x01\x67\x64\x00\x1f\xac") == "avc1.64001F"
    assert codec_of(b"G...\x00\x00\x01\x27\x4d\x40\x1e\xac") == "avc1.4D401E"
    assert codec_of(b"no picture") == ""
