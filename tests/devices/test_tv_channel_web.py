"""Web streams of every shape that there is, made by ffmpeg and served by a little server of the test's."""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import ProtocolError
from avctl.events import Link
from avctl.ffmpeg import find_ffmpeg
from drivers.tv_channel import TvChannel
from drivers.tv_channel.fragments import Fragments
from drivers.tv_channel.hls import Place, playlist_of, variant_of

pytestmark = pytest.mark.timeout(120)  # real pictures by real ffmpeg, on whatever machine

LISTED = 5
SEALED = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://rada",KEYFORMAT="com.apple.streamingkeydelivery"'
QUICK = {"poll": 0.1, "playlist_seconds": 0.1, "alarm_seconds": 0.3, "clear_seconds": 0.3}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of television as ffmpeg's own playlists: whole files, ranges of one, encrypted ones."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "key").write_bytes(secrets.token_bytes(16))
    (folder / "key.info").write_text(f"key\n{folder / 'key'}\n")
    source = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10", "-f", "lavfi", "-i", "sine=440:r=48000"]
    coded = ["-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "aac"]
    one = ["-map", "0:v", "-map", "1:a", "-metadata:s:a:0", "language=ukr", *coded]
    list_ = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0"]
    seen = ["-map", "0:v", *coded]
    shapes = {
        "silent": [],
        "ts": [],
        "mp4": ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "mp4-init.mp4"],
        "ranges": ["-hls_segment_type", "fmp4", "-hls_flags", "single_file"],
        "locked": ["-hls_key_info_file", str(folder / "key.info")],
    }
    outputs = [
        word
        for name, options in shapes.items()
        for word in (*(seen if name == "silent" else one), *list_, *options, str(folder / f"{name}.m3u8"))
    ]
    subprocess.run([find_ffmpeg(), "-v", "error", "-nostdin", *source, *outputs], check=True, timeout=60)
    return folder


class Web:
    """A server whose list goes on by a segment with each look at it; whatever is asked is kept."""

    def __init__(self, media: Path) -> None:
        self.media, self.asked, self.looks = media, list[str](), 0
        self.moves, self.ranges, self.halves = True, True, False
        self.refused = ""  # addresses with this in them
        self.more: tuple[str, ...] = ()  # further lines at the top of the list
        self.last = ""
        self.apart = ""  # of the master playlist
        self.port = 0

    async def __aenter__(self) -> Web:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                status, headers, body = self._answer(head.split()[1], head)
                head = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, address: str, head: str) -> tuple[int, str, bytes]:
        self.asked.append(address)
        name = address.rpartition("/")[2].partition("?")[0]
        if self.refused and self.refused in address:
            return 403, "", b""
        if address.startswith("/moved/"):
            return 302, f"Location: http://localhost:{self.port}/far/{name}?token=hidden\r\n", b""
        if address.startswith("/master/"):
            shape = name.removesuffix(".m3u8")
            media = f"http://localhost:{self.port}/{shape}.m3u8?token=t{len(self.asked)}"
            return 200, "", f"#EXTM3U\n{self.apart}#EXT-X-STREAM-INF:BANDWIDTH=1\n{media}\n".encode()
        if name.endswith(".m3u8"):
            return 200, "", self._list(name).encode()
        data = (self.media / name).read_bytes()
        if self.halves:
            data = data[: len(data) // 2]
        if self.ranges and (part := re.search(r"range: bytes=(\d+)-(\d+)", head, re.I)):
            return 206, "", data[int(part[1]) : int(part[2]) + 1]
        return 200, "", data

    def _list(self, name: str) -> str:
        self.looks += self.moves
        lines = (self.media / name).read_text().splitlines()
        head = [line for line in lines if line.startswith(("#EXT-X-MAP", "#EXT-X-KEY"))]
        addresses = [at for at, line in enumerate(lines) if not line.startswith("#")]
        begins = [lines.index("#EXTINF:1.000000,"), *(at + 1 for at in addresses)]
        segments = [lines[begin : end + 1] for begin, end in zip(begins, addresses, strict=False)]
        listed = [
            "#EXTM3U",
            "#EXT-X-TARGETDURATION:1",
            f"#EXT-X-MEDIA-SEQUENCE:{self.looks}",
            *head,
            *self.more,
        ]
        for at in range(self.looks, self.looks + LISTED):
            listed += ["#EXT-X-DISCONTINUITY"] * (at % len(segments) == 0) + segments[at % len(segments)]
        return "\n".join((*listed, self.last))


@pytest.fixture
async def web(media: Path) -> AsyncIterator[Web]:
    async with Web(media) as one:
        yield one


@pytest.fixture
async def channel(web: Web, witness: Any) -> AsyncIterator[Callable[..., TvChannel]]:
    """Watches a list of the server."""
    tasks = []

    def watch(path: str, **options: Any) -> TvChannel:
        made = {"form": "hls", "path": path, "pictures": False, **QUICK, **options}
        device = Device(
            id="device", room="hall", driver="tv_channel", host="127.0.0.1", port=web.port, options=made
        )
        driver = TvChannel(device, witness.bus.publish)
        tasks.append(asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2)))
        return driver

    witness.deadline = 60.0
    yield watch
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_fragmented_mp4_is_seen_and_heard_and_no_figure_of_packets_is_made_up(
    web: Web, channel: Any, witness: Any
) -> None:
    driver = channel("/mp4.m3u8", pictures=True, silence_seconds=0.5)
    await witness.report(
        present=True, scrambled=False, black=False, silent=False, continuity_errors=None, pat=None, pmt=None
    )
    assert driver.readings["unmeasured"].startswith("fragmented MP4")
    assert driver.readings["streams"] == ("video H.264", "sound AAC ukr")
    assert driver.readings["errors"] == {}
    assert driver.readings["bitrate"] > 0
    assert driver.picture()[0].startswith(b"\xff\xd8")
    await witness.until(lambda: driver.readings["loudness"] is not None, "the loudness")
    looks = web.looks
    await witness.until(lambda: web.looks > looks + 8, "its whole length, over a discontinuity")
    assert driver.readings["fault"] == ""
    web.halves = True
    await witness.report(fault="its segments are not whole (fragmented MP4)", present=False)
    web.halves = False
    await witness.report(fault="", present=True)
    web.last = "#EXT-X-ENDLIST"
    web.moves = False
    await witness.report(
        fault="the web stream has ended (ENDLIST)", present=False, bitrate=0, black=None, loudness=None
    )


async def test_ranges_keys_and_addresses_elsewhere_are_followed(web: Web, channel: Any, witness: Any) -> None:
    first = channel("/moved/ranges.m3u8")
    await witness.report(present=True, pat=None, fault="")
    assert first.readings["streams"] == ("video H.264", "sound AAC ukr")
    web.ranges = False  # a server that knows none gives everything
    looks = web.looks
    await witness.until(lambda: web.looks > looks + 3, "more of it")
    assert (first.link, first.readings["fault"]) == (Link.ONLINE, "")
    witness.readings.clear()
    channel("/master/locked.m3u8")
    await witness.report(present=True, pat=True, pmt=True, scrambled=False)
    assert web.asked.count("/key") == 1
    said = " ".join(str(event) for event in witness.events)
    assert "token" not in said


async def test_sound_that_comes_apart_is_said_not_to_be_heard(web: Web, channel: Any, witness: Any) -> None:
    web.apart = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="uk",URI="sound.m3u8"\n'
    channel("/master/silent.m3u8")
    await witness.report(
        present=True,
        fault="",
        silent=None,
        streams=("video H.264",),
        continuity_errors=0,
        unmeasured="its sound comes apart (a rendition of its own) and is not listened to",
    )


async def test_a_rendition_whose_token_is_over_is_asked_for_anew(
    web: Web, channel: Any, witness: Any
) -> None:
    channel("/master/ts.m3u8")
    await witness.report(present=True, pat=True)
    web.refused = next(one for one in web.asked if "token=" in one)
    looks = web.looks
    await witness.until(lambda: web.looks > looks + 3, "the list by another address")
    await witness.report(fault="")
    assert witness.links() == [Link.ONLINE]
    web.refused = ".ts"
    await witness.report(fault="segments of the web stream are refused: their address may be over")
    web.refused = ""
    await witness.report(fault="")


async def test_what_is_encrypted_for_others_is_said_to_be(web: Web, channel: Any, witness: Any) -> None:
    web.more = (SEALED,)
    driver = channel("/mp4.m3u8")
    await witness.report(present=True, scrambled=True, fault="it is scrambled")
    assert driver.readings["streams"] == ("video H.264", "sound AAC ukr")
    web.more = ()
    await witness.report(scrambled=False, fault="")
    web.refused = "/key"
    witness.readings.clear()
    other = channel("/locked.m3u8")
    await witness.report(present=True, scrambled=True, fault="it is scrambled", pat=None)
    assert other.readings["unmeasured"] == "encrypted: nothing of it can be read"


async def test_a_stream_that_cannot_be_had_at_all_is_offline_with_the_reason(
    web: Web, channel: Any, witness: Any
) -> None:
    web.refused = ".ts"
    channel("/ts.m3u8")
    assert "refused" in (await witness.link("offline")).reason
    web.refused = ""
    await witness.link("online")


# RFC 8216 and its newer draft, by hand.
PARTS = """#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:266
#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://1",KEYFORMAT="com.apple.streamingkeydelivery"
#EXT-X-KEY:METHOD=AES-128,URI="k/1",IV=0x0F
#EXT-X-MAP:URI="all.mp4",BYTERANGE="1354@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-29T09:00:00.000Z
#EXTINF:4.0,
#EXT-X-BYTERANGE:600@1354
all.mp4
#EXT-X-KEY:METHOD=NONE
#EXT-X-GAP
#EXTINF:4.0,
#EXT-X-BYTERANGE:500
all.mp4
#EXT-X-PART:DURATION=0.5,URI="p268.1.mp4",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p268.2.mp4"
#EXT-X-RENDITION-REPORT:URI="../low/a.m3u8",LAST-MSN=267
"""


def test_a_list_of_parts_ranges_keys_and_gaps() -> None:
    read = playlist_of(PARTS, "https://tv.example/hd/a.m3u8?t=1")
    first, second = read.segments
    everything = "https://tv.example/hd/all.mp4"
    assert (first.number, first.place) == (266, Place(path=everything, first=1354, size=600))
    assert second.place == Place(path=everything, first=1954, size=500)
    assert first.begin == second.begin == Place(path=everything, first=0, size=1354)
    assert first.key is not None
    assert (first.key.path, first.key.vector) == ("https://tv.example/hd/k/1", bytes(15) + b"\x0f")
    assert (second.key, second.gap, read.last) == (None, True, 267)
    assert str(read.until) == "2026-11-29 09:00:08+00:00"
    for odd in ("#EXTINF:x,", "#EXT-X-BYTERANGE:-1", "#EXT-X-PROGRAM-DATE-TIME:never", "ftp://a/b.ts"):
        with pytest.raises(ProtocolError):
            playlist_of(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{odd}\n", "/")
    master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1,mp4a"\n# a remark\nhd.m3u8\n'
    assert variant_of(master, "http://here/tv/index.m3u8") == "http://here/tv/hd.m3u8"


def test_fragments_that_are_cut_or_none_at_all(media: Path) -> None:
    begin, data = (media / "mp4-init.mp4").read_bytes(), (media / "mp40.m4s").read_bytes()
    for end in range(0, len(data), 997):
        one = Fragments()
        one.take(begin, data[:end])
        assert one.broken
    for end in range(len(begin)):
        one = Fragments()
        one.take(begin[:end], data)  # never more than what is there
    whole = Fragments()
    whole.take(begin, data)
    assert (whole.synced, whole.encrypted) == (True, False)
    whole.take(begin.replace(b"avc1", b"encv"), data)
    assert whole.encrypted
