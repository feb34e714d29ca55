"""The strict look at playlists: what RFC 8216 forbids is found, by name."""

from __future__ import annotations

import pytest

from streams.rfc8216 import faults, master_faults

HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n"
MAP = '#EXT-X-MAP:URI="init-{}.mp4"\n'
DATE = "#EXT-X-PROGRAM-DATE-TIME:2026-11-24T10:00:{:06.3f}+02:00\n"


def listing(first: int, *seconds: float, jumps: int = 0, jump_at: int = -1, gap: float = 0) -> str:
    text = f"{HEAD}#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{jumps}\n"
    for place, length in enumerate(seconds):
        number = first + place
        late = gap if 0 <= jump_at <= number else 0
        text += "#EXT-X-DISCONTINUITY\n" if number == jump_at else ""
        text += DATE.format(number * 2 + late) + f"#EXTINF:{length:.6f},\n{number:08d}.ts\n"
    return text


def fragmented(init: str, later: str = "", *, jump: bool = False) -> str:
    """Three segments of fragmented MP4; before the last one perhaps another initialisation segment."""
    text = listing(0, 2, 2, 2, jump_at=2 if jump else -1).replace(".ts", ".m4s")
    first, last = text.split(DATE.format(4))
    first = first.replace(DATE.format(0), (MAP.format(init) if init else "") + DATE.format(0))
    return first + (MAP.format(later) if later else "") + DATE.format(4) + last


def test_fragmented_mp4_may_change_its_parameters_at_a_discontinuity() -> None:
    assert faults(None, fragmented("a")) == ()
    assert faults(None, fragmented("a", "b", jump=True)) == ()
    assert faults(fragmented("a", "b", jump=True), fragmented("a", "b", jump=True)) == ()


def test_a_list_that_grows_and_leaves_at_the_front_is_right() -> None:
    assert faults(None, listing(0, 2, 2)) == ()
    assert faults(listing(0, 2, 2), listing(1, 2, 2, 2)) == ()
    assert faults(listing(0, 2, 2, jump_at=1), listing(2, 2, 2, jumps=1)) == ()
    assert faults(None, listing(0, 2, 2, 2, jump_at=1, gap=1.5)) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (None, "hello", "#EXTM3U"),
        (None, listing(0, 2, 2.6), "lasts 2.6 s"),
        (None, HEAD + "00000000.ts\n", "no EXTINF"),
        (None, listing(0, 2, 1, 2), "late"),
        (None, listing(0, 2) + HEAD, "stands twice"),
        (None, listing(0, 2) + "#EXT-X-ENDLIST\n#EXTINF:2,\nx.ts\n", "follows #EXT-X-ENDLIST"),
        (None, listing(0, 2) + "#EXTINF:2,\n00000000.ts\n", "twice"),
        (listing(3, 2, 2), listing(2, 2, 2, 2), "went back"),
        (listing(0, 2, 2, 2), listing(0, 2, 2), "taken from the end"),
        (listing(0, 2, 2), listing(4, 2, 2), "never listed"),
        (listing(0, 2, 2), listing(0, 2, 1.5), "changed"),
        (listing(0, 2, 2, jump_at=0), listing(1, 2, 2), "EXT-X-DISCONTINUITY-SEQUENCE"),
        (listing(0, 2) + "#EXT-X-ENDLIST\n", listing(0, 2), "taken back"),
        (None, fragmented(""), "no EXT-X-MAP"),
        (None, fragmented("").replace("00000001", MAP.format("a") + "00000001", 1), "no EXT-X-MAP"),
        (None, fragmented("a", "b"), "without a discontinuity"),
        (None, fragmented("a").replace("URI=", "URL="), "has no URI"),
        (None, fragmented("a").replace("VERSION:6", "VERSION:5"), "version 6"),
        (fragmented("a"), fragmented("b"), "changed"),
    ],
)
def test_what_is_forbidden_is_named(old: str | None, new: str, said: str) -> None:
    assert any(said in fault for fault in faults(old, new)), faults(old, new)


def test_a_master_list_needs_bandwidth_and_codecs_of_each_variant() -> None:
    right = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS="mp4a.40.2"\na/index.m3u8\n'
    assert master_faults(right) == ()
    assert any("CODECS" in fault for fault in master_faults(right.replace("CODECS", "X")))
    assert any("AVERAGE" in fault for fault in master_faults(right.replace("=2,", "=0,")))
    assert any("STREAM-INF" in fault for fault in master_faults("#EXTM3U\n"))
