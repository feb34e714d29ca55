"""Every way a source comes in, from a real sender or server: it is seen, it is lost, it is seen again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from streams.ffmpeg import find_ffmpeg

pytestmark = pytest.mark.timeout(60)

SECRET = "kyiv-2027-secret"
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25")
SOUND = ("-f", "lavfi", "-i", "sine=440:r=48000")
CODED = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-c:a", "aac")


@asynccontextmanager
async def program(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is killed at the end, with all it started."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def sender(form: str, url: str) -> Any:
    """An encoder that dials again, as they do, until it is killed."""
    command = " ".join((find_ffmpeg(), "-v", "quiet", "-re", *PICTURE, *SOUND, *CODED, "-f", form))
    return program("sh", "-c", f"while sleep 0.1; do {command} '{url}'; done")


def sending(form: str, url: str) -> Any:
    """An encoder that dials once."""
    return program(find_ffmpeg(), "-v", "quiet", "-re", *PICTURE, *SOUND, *CODED, "-f", form, url)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not fact():
            await asyncio.sleep(0.05)


async def test_a_source_that_is_not_there_is_said_without_its_secret(
    free_port: Callable[[], int], reading: Any
) -> None:
    url = f"srt://127.0.0.1:{free_port()}?mode=caller&passphrase={SECRET}&connect_timeout=300"
    async with reading(url) as reader:
        await until(lambda: reader.restarts > 0)
        assert reader.reason
        assert SECRET not in reader.reason


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("v4l2:///dev/video97", "No such file or directory"),
        ("decklink://DeckLink%20Mini%20Recorder", "this ffmpeg has no DeckLink input"),
    ],
)
async def test_a_card_that_is_missing_is_said_and_not_tried_in_haste(
    url: str, said: str, reading: Any
) -> None:
    async with reading(url) as reader:
        await until(lambda: reader.restarts > 1)
        assert said in reader.reason


@pytest.mark.parametrize(
    ("source", "form", "target"),
    [
        ("srt://127.0.0.1:{port}?mode=caller", "mpegts", "srt://127.0.0.1:{port}?mode=listener"),
        ("udp://127.0.0.1:{port}", "mpegts", "udp://127.0.0.1:{port}?pkt_size=1316"),
        (
            "udp://239.7.7.7:{port}?localaddr=127.0.0.1",
            "mpegts",
            "udp://239.7.7.7:{port}?pkt_size=1316&localaddr=127.0.0.1",
        ),
        ("rtp://127.0.0.1:{port}", "rtp_mpegts", "rtp://127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/hall.ts", "mpegts", "http://127.0.0.1:{port}/hall.ts?listen=1"),
    ],
    ids=["srt caller", "udp", "multicast", "rtp", "http"],
)
async def test_other_ways_in(
    source: str, form: str, target: str, free_port: Callable[[], int], reading: Any, pairs: Any
) -> None:
    port = free_port()
    url, _, listens = target.format(port=port).partition("?listen")
    more = ("-listen", "1") if listens else ()
    command = (find_ffmpeg(), "-v", "quiet", "-re", *PICTURE, *SOUND, *CODED, *more, "-f", form, url)
    async with program(*command), reading(source.format(port=port)) as reader:
        assert len(await pairs(reader, 20)) == 20


async def test_an_http_list_of_segments_is_a_source(
    tmp_path: Path, free_port: Callable[[], int], reading: Any, pairs: Any
) -> None:
    command = [find_ffmpeg(), "-v", "error", "-t", "6", *PICTURE, "-t", "6", *SOUND, *CODED]
    command += ["-f", "hls", "-hls_time", "2", "-hls_list_size", "0", str(tmp_path / "a.m3u8")]
    await asyncio.to_thread(subprocess.run, command, check=True)
    port = free_port()
    server = ("python3", "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path))
    async with program(*server), reading(f"http://127.0.0.1:{port}/a.m3u8") as reader:
        assert len(await pairs(reader, 20)) == 20


async def test_an_rtsp_camera_is_seen_lost_and_seen_again(
    free_port: Callable[[], int], reading: Any, pairs: Any
) -> None:
    port = free_port()
    camera = ("/usr/bin/python3", str(Path(__file__).with_name("rtsp_server.py")), str(port))
    async with reading(f"rtsp://127.0.0.1:{port}/hall") as reader:
        for _ in range(2):
            async with program(*camera):
                assert len(await pairs(reader, 20)) == 20
            await until(lambda: not reader.present)
            await until(lambda: "refused" in reader.reason)


async def test_a_wrong_passphrase_is_said_and_the_right_one_is_seen(
    free_port: Callable[[], int], reading: Any, pairs: Any
) -> None:
    place = f"srt://127.0.0.1:{free_port()}"
    async with reading(f"{place}?mode=listener&passphrase={SECRET}") as reader:
        dialled = f"{place}?mode=caller&connect_timeout=500&passphrase="
        async with sender("mpegts", f"{dialled}another-{SECRET}"):
            await until(lambda: "another passphrase" in reader.reason)
            assert not reader.frames
        async with sender("mpegts", f"{dialled}{SECRET}"):
            assert len(await pairs(reader, 20)) == 20
    # And the other way round: we dial.
    async with (
        sending("mpegts", f"{place}?mode=listener&passphrase={SECRET}"),
        reading(f"{place}?mode=caller&connect_timeout=500&passphrase=another-{SECRET}") as reader,
    ):
        await until(lambda: "another passphrase" in reader.reason)
        assert SECRET not in reader.reason


async def test_the_first_who_publishes_by_rtmp_stays_until_he_goes(
    free_port: Callable[[], int], reading: Any, pairs: Any
) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/hall"
    async with reading(url) as reader:
        async with sender("flv", url):
            await pairs(reader, 20)
            async with sending("flv", url) as second:
                assert await asyncio.wait_for(second.wait(), 20) != 0
            restarts = reader.restarts
            await pairs(reader, 20)
            assert reader.restarts == restarts
        await until(lambda: not reader.present)
        async with sender("flv", url):
            await pairs(reader, 20)
