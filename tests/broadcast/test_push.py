"""Pushes to platforms: an ffmpeg that listens stands for each, and comes and goes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.ffmpeg import find_ffmpeg

pytestmark = pytest.mark.timeout(90)

KEY = "live-key-8f31"


@asynccontextmanager
async def platform(url: str, target: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Takes what is pushed to an address into a file."""
    listening = ["-listen", "1"] if url.startswith("rtmp") else []
    listening += ["-analyzeduration", "1000000"]  # else it looks at five seconds before it writes any
    process = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "error", "-y", *listening, "-i", url),
        *("-c", "copy", "-f", "mpegts", "-flush_packets", "1", str(target)),
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def loud(path: Path) -> bool:
    """Whether there is sound, at least somewhere, in a file."""
    command = [find_ffmpeg(), "-v", "error", "-i", str(path), "-ac", "1", "-f", "s16le", "-"]
    return max(subprocess.run(command, capture_output=True, check=False).stdout, default=0) > 0


def pushes(*urls: str) -> list[dict[str, str]]:
    return [{"id": f"platform-{at}", "url": url} for at, url in enumerate(urls)]


async def test_platforms_get_the_programme_and_one_that_is_away_disturbs_nobody(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    rtmp = f"rtmp://127.0.0.1:{free_port()}/live/{KEY}"
    srt, nobody, mute = free_port(), f"rtmp://127.0.0.1:{free_port()}/live/{KEY}", free_port()
    targets = pushes(
        rtmp,
        f"srt://127.0.0.1:{srt}?mode=caller&streamid={KEY}",
        nobody,
        f"rtmp://127.0.0.1:{mute}/live/{KEY}",
    )
    received = [tmp_path / name for name in ("rtmp.ts", "srt.ts", "again.ts")]
    with socket.create_server(("127.0.0.1", mute)):  # takes a call and never speaks
        async with runner(pushes=targets) as running, source(running.url):
            await running.until(lambda: running.status().sources["hall"].present)
            await running.ask(do="publish")
            async with platform(f"srt://127.0.0.1:{srt}?mode=listener", received[1]):
                async with platform(rtmp, received[0]):
                    for name in ("platform-0", "platform-1"):
                        await running.until(lambda name=name: running.status().outputs.pushes[name].live)
                    await running.until(lambda: min(map(size, received[:2])) > 50_000)
                # The platform went away, and comes back.
                await running.until(lambda: not running.status().outputs.pushes["platform-0"].live)
                assert running.status().outputs.pushes["platform-1"].live
                async with platform(rtmp, received[2]):
                    await running.until(lambda: running.status().outputs.pushes["platform-0"].live, 40)
                    await running.until(lambda: size(received[2]) > 50_000)
            away = running.status().outputs.pushes["platform-2"]
            assert not away.live
            assert away.reason
            assert not running.status().outputs.pushes["platform-3"].live
            assert running.status().encoder.restarts == 0
            for text in (running.status().model_dump_json(), (tmp_path / "runner.log").read_text()):
                assert KEY not in text
    for path in received:
        assert await asyncio.to_thread(loud, path)


async def test_a_platform_gets_nothing_of_a_closed_part(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    port = free_port()
    async with runner(pushes=pushes(f"srt://127.0.0.1:{port}?mode=caller")) as running:
        async with (
            source(running.url),
            platform(f"srt://127.0.0.1:{port}?mode=listener", tmp_path / "open.ts"),
        ):
            await running.until(lambda: running.status().sources["hall"].present)
            await running.ask(do="publish")
            await running.until(lambda: running.status().outputs.pushes["platform-0"].live)
            await running.ask(do="enter_closed")
        closed = tmp_path / "closed.ts"
        async with platform(f"srt://127.0.0.1:{port}?mode=listener", closed):
            await running.until(lambda: size(closed) > 30_000, 40)
    assert not await asyncio.to_thread(loud, closed)
