"""Segments as transport stream or as fragmented MP4: the same programme, and nothing torn by restarts."""

from __future__ import annotations

import asyncio
import re
import struct
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

import dashboards
from avctl.errors import ProtocolError
from streams import rfc8216
from streams.ffmpeg import find_ffmpeg
from streams.packaging import Packaged, Packager
from streams.playlist import MEDIA, MediaPlaylist
from streams.standin import first_timestamp

LISTS = ("big", "small", "audio")
TICKS = {b"vide": 90_000, b"soun": 48_000}


def made(folder: Path, offset: float = 0) -> list[bytes]:
    """Three segments of a transport stream, a second each, with pictures that refer to later ones."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-f", "lavfi", "-i", "sine=440:r=48000")
    coded = (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-g",
        "25",
        "-sc_threshold",
        "0",
        "-pix_fmt",
        "yuv420p",
    )
    cut = (
        "-f",
        "hls",
        "-hls_time",
        "1",
        "-hls_segment_filename",
        str(folder / "%d.ts"),
        str(folder / "x.m3u8"),
    )
    times = ("-t", "3", "-output_ts_offset", str(offset))
    command = (find_ffmpeg(), "-v", "error", *picture, *times, *coded, "-c:a", "aac", "-ac", "2", *cut)
    subprocess.run(command, check=True)
    return [(folder / f"{number}.ts").read_bytes() for number in range(3)]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Segments from the very beginning of a programme."""
    return made(tmp_path_factory.mktemp("pieces"))


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of ISO 14496-12 at one level: kind and content."""
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        yield kind, data[8:size]
        data = data[size:]


def box(data: bytes, *way: bytes) -> list[bytes]:
    """The content of every box at the end of a way."""
    if not way:
        return [data]
    return [found for kind, content in boxes(data) if kind == way[0] for found in box(content, *way[1:])]


def times(piece: Packaged) -> list[tuple[float, float]]:
    """When the samples of each track are decoded: the first one, and the one that would be next."""
    found = []
    kinds = [hdlr[8:12] for hdlr in box(piece.init, b"moov", b"trak", b"mdia", b"hdlr")]
    for kind, track in zip(kinds, box(piece.body, b"moof", b"traf"), strict=True):
        (header,), (decoded_at,), (run,) = box(track, b"tfhd"), box(track, b"tfdt"), box(track, b"trun")
        assert header[:4] == b"\0\x02\0\x38"  # default-base-is-moof; duration, size and flags of a sample
        assert decoded_at[0] == 1  # 64 bits
        begins, usual = struct.unpack(">Q", decoded_at[4:])[0], struct.unpack(">I", header[8:12])[0]
        assert not run[2] & 1  # no sample has a duration of its own
        samples = struct.unpack(">I", run[4:8])[0]
        found.append((begins / TICKS[kind], (begins + samples * usual) / TICKS[kind]))
    return found


def test_each_segment_goes_on_where_the_one_before_ended(pieces: list[bytes]) -> None:
    packager = Packager()
    packed = [packager.pack(piece, number) for number, piece in enumerate(pieces)]
    assert len({one.init_name for one in packed}) == 1
    assert b"elst" not in packed[0].init
    for one, other in pairwise(packed):
        for (_, ended), (begins, _) in zip(times(one), times(other), strict=True):
            assert begins == pytest.approx(ended, abs=1e-6)
    numbers = [struct.unpack(">I", box(one.body, b"moof", b"mfhd")[0][4:])[0] for one in packed]
    assert numbers == [1, 2, 3]


def test_pictures_and_sound_are_when_they_were(pieces: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "piece.ts").write_bytes(pieces[1])
    begins = first_timestamp(tmp_path / "piece.ts")
    packed = Packager().pack(pieces[1], 1)
    assert Packager().begins_at(packed.init, packed.body) == pytest.approx(begins, abs=1e-5)
    moved = Packager().pack(pieces[1], 1, begins=1000.0)
    assert Packager().begins_at(moved.init, moved.body) == 1000.0
    assert moved.init == packed.init
    (video, _), (sound, _) = times(packed)
    (later_video, _), (later_sound, _) = times(moved)
    assert later_sound - sound == pytest.approx(later_video - video, abs=1e-4)


def test_nothing_is_left_of_how_a_transport_stream_marks_its_frames(pieces: list[bytes]) -> None:
    packed = Packager().pack(pieces[0], 0)
    (media,) = box(packed.body, b"mdat")
    units, at = [], 0
    size = struct.unpack(">I", media[:4])[0]
    while 0 < size < len(media) - at and len(units) < 20:
        units.append(media[at + 4] & 0x1F)
        at += 4 + size
        size = struct.unpack(">I", media[at : at + 4])[0]
    assert 5 in units  # a whole picture
    assert not {7, 8, 9} & set(units)  # parameter sets, delimiters
    assert b"\xff\xf1" not in media[-200:]  # ADTS


@pytest.mark.parametrize("before", [2.9, 70.0])
def test_timestamps_do_not_begin_again_after_a_day(tmp_path: Path, before: float) -> None:
    wrap = (1 << 33) / 90_000
    packager = Packager()
    packed = [packager.pack(piece, number) for number, piece in enumerate(made(tmp_path, wrap - before))]
    begins = [times(one)[0][0] for one in packed]
    # A transport stream's timestamps are 1.4 s late; pictures that refer to later ones are decoded early.
    assert begins == pytest.approx([wrap - before + late for late in (1.32, 2.32, 3.32)], abs=0.001)


@pytest.mark.parametrize("nonsense", [b"", b"x" * 2000, b"G" + b"\0" * 187, b"G" * 18800])
def test_nonsense_is_said_to_be_such(nonsense: bytes) -> None:
    with pytest.raises(ProtocolError):
        Packager().pack(nonsense, 0)
    with pytest.raises(ProtocolError):
        Packager().begins_at(b"", nonsense)


START = datetime(2027, 2, 11, 8, 0, tzinfo=UTC)


def add(playlist: MediaPlaylist, folder: Path, piece: bytes, second: int, *, jump: bool = False) -> None:
    (folder / "piece.ts").write_bytes(piece)
    playlist.add(folder / "piece.ts", 1.0, START + timedelta(seconds=second), jump=jump)


def other_size(folder: Path) -> bytes:
    """A segment of another encoder, with other parameters."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-t", "1", "-pix_fmt", "yuv420p")
    command = (find_ffmpeg(), "-v", "error", *picture, "-c:v", "libx264", str(folder / "other.ts"))
    subprocess.run(command, check=True)
    return (folder / "other.ts").read_bytes()


def test_a_list_says_once_what_must_be_read_first_and_again_when_that_is_another(
    pieces: list[bytes], tmp_path: Path
) -> None:
    live, other = tmp_path / "live", other_size(tmp_path)
    playlist = MediaPlaylist(live, 1, 0, fragmented=True)
    for second, piece in enumerate(pieces):
        add(playlist, tmp_path, piece, second)
    add(playlist, tmp_path, pieces[0], 3, jump=True)
    assert (live / MEDIA).read_text().count("#EXT-X-MAP") == 1
    # After a restart too, and whatever the next one would choose; unexpected parameters are a jump.
    again = MediaPlaylist(live, 1, 0, fragmented=False)
    assert again.segments == playlist.segments
    add(again, tmp_path, other, 4)
    add(again, tmp_path, pieces[0], 5)
    text = (live / MEDIA).read_text()
    assert text.count("#EXT-X-MAP") == 3
    assert rfc8216.faults(None, text) == ()
    entries = rfc8216.read(text).entries
    assert [entry.jump for entry in entries] == [False, False, False, True, True, True]
    assert entries[3].map == entries[5].map != entries[4].map
    assert {path.name for path in live.glob("init-*")} == {entry.map for entry in entries}


def test_what_nobody_can_ask_for_any_more_leaves_the_disk(pieces: list[bytes], tmp_path: Path) -> None:
    live = tmp_path / "live"
    playlist = MediaPlaylist(live, 1, 3, fragmented=True)
    add(playlist, tmp_path, other_size(tmp_path), 0)
    for second in range(1, 70):
        add(playlist, tmp_path, pieces[0], second, jump=second == 1)
        assert {f"{one.init}" for one in playlist.segments} <= {path.name for path in live.glob("init-*")}
    assert len(list(live.glob("init-*"))) == 1
    assert not (live / "00000000.m4s").exists()
    assert MediaPlaylist(live, 1, 3).segments == playlist.segments


def test_a_stand_in_takes_the_time_of_what_it_stands_for_and_needs_nothing_else(
    pieces: list[bytes], tmp_path: Path
) -> None:
    live = tmp_path / "live"
    playlist = MediaPlaylist(live, 1, 0, fragmented=True)
    for second, piece in enumerate(pieces):
        add(playlist, tmp_path, piece, second)
    segment, before = playlist.segments[2], (live / MEDIA).read_text()
    begins = playlist.begins(segment)
    assert begins is not None
    (tmp_path / "slate.ts").write_bytes(pieces[0])
    assert playlist.replace(segment, tmp_path / "slate.ts", begins)
    assert playlist.begins(segment) == pytest.approx(begins, abs=1e-4)
    (tmp_path / "slate.ts").write_bytes(other_size(tmp_path))
    body = (live / segment.name).read_bytes()
    assert not playlist.replace(segment, tmp_path / "slate.ts", begins)
    assert (live / segment.name).read_bytes() == body
    assert (live / MEDIA).read_text() == before
    (live / segment.name).unlink()
    assert playlist.begins(segment) is None


def complaints(*files: Path) -> str:
    """What ffmpeg has to say while it decodes files one after the other."""
    command = [find_ffmpeg(), "-v", "warning", "-i", joined(*files), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stderr


def pictures(*files: Path) -> int:
    """How many pictures files have."""
    size = ("-vf", "scale=16:8", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    command = [find_ffmpeg(), "-v", "error", "-i", joined(*files), *size]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) // (16 * 8)


def joined(*files: Path) -> str:
    """Files as one, for ffmpeg."""
    return "concat:" + "|".join(map(str, files))


def runs(entries: Sequence[rfc8216.Entry]) -> list[list[rfc8216.Entry]]:
    """Segments that follow from each other."""
    found: list[list[rfc8216.Entry]] = [[]]
    for entry in entries:
        if entry.jump:
            found.append([])
        found[-1].append(entry)
    return found


PAGE = """<!doctype html><video muted playsinline></video><script src="/hls.js"></script><script>
const video = document.querySelector("video"), faults = [], stalls = [];
CONSTANTS
const hls = new Hls(SETTINGS);
hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) faults.push(data.details); });
video.addEventListener("waiting", () => { if (video.currentTime > 1) stalls.push(video.currentTime); });
hls.loadSource("/live/master.m3u8");
hls.attachMedia(video);
video.play();
const seen = () => ({
  at: hls.playingDate?.getTime() ?? 0, time: video.currentTime, faults, stalls,
  pictures: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount,
});
</script>"""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over HTTP, and beside it a page with the player and the settings of the real one."""
    static = Path(dashboards.__file__).parent / "static"
    script = (static / "player.js").read_text()
    constants = script[script.index("const BEHIND") : script.index("function say(")]
    policies = re.search(r"const \{.*\} = Hls\.DefaultConfig;", script)
    settings = re.search(r"new Hls\((\{.*?\})\);", script, re.DOTALL)
    assert policies is not None
    assert settings is not None
    page = PAGE.replace("CONSTANTS", constants + policies[0]).replace("SETTINGS", settings[1])
    (folder / "player.html").write_text(page)
    (folder / "hls.js").write_bytes((static / "vendor" / "hls.light.min.js").read_bytes())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *said: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Page]:
    """A real browser that plays a broadcast."""
    with served(folder) as url:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
            )
            page = await browser.new_page()
            await page.goto(f"{url}/player.html")
            yield page
            await browser.close()


async def played(page: Page, moment: datetime) -> dict[str, Any]:
    """What a viewer has had when a moment of the programme is on the screen."""
    wanted = round(moment.timestamp() * 1000)
    await page.wait_for_function(f"seen().at > {wanted} || seen().faults.length", timeout=40_000)
    return dict(await page.evaluate("seen()"))


@pytest.mark.timeout(120)
async def test_fragmented_mp4_plays_and_is_whole_over_a_dead_encoder_and_a_dead_runner(
    runner: Callable[..., Any], source: Callable[..., Any]
) -> None:
    async with runner(segments="fmp4") as first, source(first.url):
        await first.until(lambda: first.status().sources["hall"].present)
        await first.ask(do="publish")
        await first.until(lambda: first.segments() >= 3)
        async with watching(first.folder) as page:
            before = await played(page, datetime.now(UTC) - timedelta(seconds=30))
            first.child("libx264").kill()
            await first.until(lambda: first.status().encoder.restarts >= 1)
            listed = first.segments()
            await first.until(lambda: first.segments() >= listed + 2)
            entries = rfc8216.read(first.playlist()).entries
            jump = [entry.at for entry in entries if entry.jump][-1]
            assert jump is not None
            after = await played(page, jump + timedelta(seconds=1))
            assert after["faults"] == []
            assert after["pictures"] > before["pictures"] + 25
            assert after["sound"] > before["sound"]
        first.process.kill()
        await first.process.wait()
        listed = first.segments()
        # It may have died between two lists.
        taken_over = {name: len(listed_in(first.folder / "live" / name)) for name in LISTS}
        # What the configuration says by now does not tear the list.
        async with runner(segments="ts") as second:
            await second.until(lambda: second.segments() >= listed + 2)
            await second.ask(do="end")
            assert await second.process.wait() == 0
        await asyncio.to_thread(whole, first.folder / "live", taken_over)
        assert all(part.suffix == ".ts" for part in (first.folder / "recording").glob("part-*"))


def listed_in(folder: Path) -> Sequence[rfc8216.Entry]:
    return rfc8216.read((folder / MEDIA).read_text()).entries


def whole(live: Path, taken_over: dict[str, int]) -> None:
    """Every list of a broadcast: one initialisation segment, nothing torn but where a runner took over."""
    for name in LISTS:
        folder = live / name
        entries = listed_in(folder)
        assert {entry.map for entry in entries} == {path.name for path in folder.glob("init-*")}
        assert len({entry.map for entry in entries}) == 1
        assert all(entry.uri.endswith(".m4s") for entry in entries)
        for run in runs(entries):
            files = [folder / run[0].map, *(folder / entry.uri for entry in run)]
            assert complaints(*files) == ""
            if name != "audio":
                assert pictures(*files) == round(sum(entry.seconds for entry in run) * 25)
        init = (folder / entries[0].map).read_bytes()
        spans = [times(Packaged(init, (folder / entry.uri).read_bytes())) for entry in entries]
        for at, ((one, *more), (other, *_)) in enumerate(pairwise(spans), start=1):
            if at != taken_over[name]:
                # Sound alone is cut where its own frames end.
                assert other[0] == pytest.approx(one[1], abs=0.001 if more else 0.045), (name, at)
