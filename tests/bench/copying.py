"""Row 22: what a broadcast costs that encodes nothing: 720p25 of 2.5 Mbit/s, passed on for a minute."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bench.programs import program, until
from streams.ffmpeg import find_ffmpeg
from streams.requests import socket_path
from streams.status import read_status

SECONDS = 60.0
SETTLED = 20.0  # pages drawn, slates encoded
# What each process is for, by a word of its command line.
PARTS = {
    "skip_frame": "watch",
    "ebur128": "loudness",
    "streams.paint": "slates",
    "h264_mp4toannexb": "intake",
}


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """CPU time of the runner and its children, watch, meters, recording, previews and public list on."""
    url = f"srt://127.0.0.1:{free_port()}?mode=listener"
    clip = folder / "encoder.mp4"
    await _run(*_encoder(), str(clip))
    plan = {
        "session": "s1",
        "title": "Засідання постійної комісії",
        "council": "Київська міська рада",
        "sources": [{"id": "hall", "url": url}],
        "renditions": [{"name": "720p", "width": 1280, "height": 720, "video_kbps": 2500}],
        "stream_copy": True,
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    pushing = (find_ffmpeg(), "-v", "quiet", "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy")
    target = url.replace("listener", "caller")
    async with (
        program(sys.executable, "-m", "streams.runner", str(folder), log=folder / "runner.log") as runner,
        program("sh", "-c", _again(*pushing, "-f", "mpegts", target), log=folder / "encoder.log"),
    ):
        await until(lambda: _is(folder, lambda status: status.sources["hall"].present))
        with socket_path(folder) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"do": "publish"}\n')
        listening = asyncio.create_task(_listen(reader))
        await until(lambda: _is(folder, lambda status: status.outputs.hls.segments >= 2))
        await asyncio.sleep(SETTLED)
        before = _spent(runner.pid)
        await asyncio.sleep(SECONDS)
        after = _spent(runner.pid)
        listening.cancel()
        status = read_status(folder)
        writer.close()
    share = {part: round((after[part] - before.get(part, 0)) / SECONDS * 100, 2) for part in after}
    whole = sum(share.values())
    return {
        "what": "CPU of one broadcast that passes 720p25 of 2.5 Mbit/s on, in % of a core",
        "wanted": {"percent": 5},
        "watched_s": SECONDS,
        "percent": round(whole, 2),
        "percent_without_watch_and_meters": round(
            whole - share.get("watch", 0) - share.get("loudness", 0), 2
        ),
        "percent_by_part": share,
        "segments": status.outputs.hls.segments,
        "showing": status.showing,
        "recorded_bytes": status.outputs.recording.bytes,
    }


def _encoder() -> tuple[str, ...]:
    return (
        *(find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25"),
        *("-f", "lavfi", "-i", "sine=440:r=48000", "-t", "20", "-c:v", "libx264", "-preset", "veryfast"),
        *("-b:v", "2500k", "-minrate", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-g", "50"),
        *("-x264-params", "nal-hrd=cbr", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k"),
    )


def _again(*command: str) -> str:
    return f"until {' '.join(command[:-1])} '{command[-1]}'; do sleep 0.2; done"


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")


async def _is(folder: Path, fact: Callable[[Any], bool]) -> bool:
    try:
        return fact(read_status(folder))
    except (OSError, ValueError):
        return False


async def _listen(reader: asyncio.StreamReader) -> None:
    while await reader.readline():
        pass


def _spent(pid: int) -> dict[str, float]:
    """Seconds of CPU so far, by part."""
    spent: dict[str, float] = {}
    for part, process in _family(pid):
        times = process.cpu_times()
        spent[part] = spent.get(part, 0) + times.user + times.system
        if part == "runner":  # what has ended meanwhile: slates encoded anew
            spent["ended"] = times.children_user + times.children_system
    return spent


def _family(pid: int) -> Iterator[tuple[str, psutil.Process]]:
    runner = psutil.Process(pid)
    yield "runner", runner
    for child in runner.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            words = " ".join(child.cmdline())
            yield next((part for word, part in PARTS.items() if word in words), "other"), child
