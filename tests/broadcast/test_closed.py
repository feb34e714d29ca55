"""The closed part, looked at from outside: from the answer on, nothing of the hall is in any output."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from streams.clock import CLOCK_FILE, clock_of
from streams.ffmpeg import find_ffmpeg
from streams.recording import FOLDER, lines_of

pytestmark = pytest.mark.timeout(90)

GREEN = (0, 200, 0)  # the hall
LOUD = -40.0  # dB of full scale: the hall has a tone of -18, a closed part is silent


def decoded(path: Path) -> tuple[Any, float]:
    """Every picture of a file as its mean colour, and how loud it is."""
    command = [find_ffmpeg(), "-v", "error", "-f", "mpegts", "-i", str(path)]
    raw = b""
    if path.parent.name != "audio":
        raw = subprocess.run(
            [*command, "-vf", "scale=32:18", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
            capture_output=True,
            check=True,
        ).stdout
    pictures = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 18 * 32, 3).mean(axis=1)
    sound = subprocess.run([*command, "-ac", "1", "-f", "s16le", "-"], capture_output=True, check=True).stdout
    samples = np.frombuffer(sound, dtype=np.int16).astype(np.float64) / 32768
    return pictures, float(20 * np.log10(max(1e-6, np.abs(samples).max(initial=0))))


def shows_hall(path: Path) -> bool:
    pictures, level = decoded(path)
    return bool((np.abs(pictures - GREEN).max(axis=1) < 60).any()) or level > LOUD


def files(running: Any) -> set[Path]:
    return {path for path in (running.folder / "live").rglob("*.ts") if path.name[0] != "."}


async def on_air(running: Any, segments: int = 3) -> None:
    await running.until(lambda: running.status().sources["hall"].present)
    assert (await running.ask(do="publish"))["ok"] is True
    await running.until(lambda: running.status().showing == "source:hall")
    await running.until(lambda: running.segments() >= segments)


def set_since(folder: Path, hours: int) -> None:
    """Let it be as though the machine's clock was set since the broadcast of a folder began."""
    zero = clock_of(folder).zero - timedelta(hours=hours)
    kept = json.loads((folder / CLOCK_FILE).read_bytes())
    (folder / CLOCK_FILE).write_text(json.dumps({**kept, "zero": zero.isoformat()}), encoding="ascii")


@pytest.mark.parametrize(
    ("copied", "hours"), [(False, 0), (True, 1)], ids=["encoded", "copied, clock set on"]
)
async def test_nothing_of_the_hall_is_in_any_output_once_it_is_closed(
    runner: Callable[..., Any], source: Callable[..., Any], tmp_path: Path, copied: bool, hours: int
) -> None:
    set_since(tmp_path, hours)
    changes = {"closed": {"withdraw_seconds": 6}, "stream_copy": copied}
    async with runner(**changes) as running, source(running.url):
        await on_air(running, 4)
        names = sorted(path.name for path in (running.folder / "live" / "big").glob("*.ts"))
        assert shows_hall(running.folder / "live" / "big" / names[0])
        before = {path: _identity(path) for path in files(running)}

        assert (await running.ask(do="enter_closed"))["ok"] is True
        # From here on, whatever appears or is changed in the public folder is looked at.
        assert not _green(running.folder / "preview.jpg")
        assert not (running.folder / "hall.permit").exists()
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 3)
        folders = [path.parent for path in (running.folder / "live").glob("*/index.m3u8")]
        # Sound is cut a little elsewhere than pictures: every list is waited for.
        await running.until(lambda: all(len(fresh(running, folder, before)) >= 3 for folder in folders))
        # New ones of every list, and in place of those that were taken back.
        await running.until(lambda: len(changed(running, before)) >= len(folders) * (3 + 2))
        public = changed(running, before)
        private = [path for path in (running.folder / "private").rglob("*.ts") if path.exists()]
        for path in (*public, *(private if copied else ())):
            assert not await asyncio.to_thread(shows_hall, path), path
        status = running.status()
        assert status.closed
        assert status.showing == "slate:closed"
        assert status.encoder.restarts == 0

        # Whatever else is asked, it stays closed.
        await running.ask(do="show", scene="source:hall")
        await running.ask(do="enter_closed")
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 2)
        assert running.status().showing == "slate:closed"

        await running.ask(do="leave_closed")
        await running.until(lambda: running.status().showing == "source:hall")
        newest = running.segments()
        await running.until(lambda: running.segments() >= newest + 2)
        last = max((running.folder / "live" / "big").glob("0*.ts"))
        assert await asyncio.to_thread(shows_hall, last)


def fresh(running: Any, folder: Path, before: dict[Path, tuple[int, int]]) -> set[Path]:
    """What a list's folder has that it had not."""
    return {path for path in files(running) if path.parent == folder and path not in before}


def changed(running: Any, before: dict[Path, tuple[int, int]]) -> list[Path]:
    """What is public now and was not, under its name or another."""
    found = []
    for path in files(running):
        with suppress(FileNotFoundError):  # taken out of the list meanwhile
            if before.get(path) != _identity(path):
                found.append(path)
    return found


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()  # a number alone comes again when a file is replaced twice
    return found.st_ino, found.st_mtime_ns


def _green(picture: Path) -> bool:
    mean = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3).mean(axis=0)
    return bool(np.abs(mean - GREEN).max() < 60)


async def test_the_recording_has_a_little_slate_where_it_was_cut(
    runner: Callable[..., Any], source: Callable[..., Any]
) -> None:
    async with runner(closed={"withdraw_seconds": 0}) as running, source(running.url):
        await on_air(running)
        await running.ask(do="enter_closed")
        closed_at = running.status().closed_at or await _closed(running)
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 8)
        lines = list(lines_of(running.folder / FOLDER))
        inside = [line for line in lines if line.at >= closed_at]
        assert 3 <= len(inside) <= 6
        await running.ask(do="leave_closed")
        await running.until(lambda: len(list(lines_of(running.folder / FOLDER))) >= len(lines) + 2)
        await running.ask(do="end")
        await running.process.wait()
        for part in sorted((running.folder / FOLDER).glob("*.ts")):
            await asyncio.to_thread(decoded, part)


async def _closed(running: Any) -> Any:
    await running.until(lambda: running.status().closed_at is not None)
    return running.status().closed_at


@pytest.mark.parametrize(
    ("word", "copied", "hours"),
    [("libx264", False, 0), ("the runner", False, -1), ("the runner", True, 0)],
    ids=["encoder", "runner, clock set back", "runner that copies"],
)
async def test_whatever_is_killed_in_a_closed_part_comes_back_closed(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    tmp_path: Path,
    word: str,
    copied: bool,
    hours: int,
) -> None:
    set_since(tmp_path, hours)
    changes = {"closed": {"withdraw_seconds": 0}, "stream_copy": copied}
    async with runner(**changes) as running, source(running.url):
        await on_air(running)
        await running.ask(do="enter_closed")
        await running.until(lambda: running.status().showing == "slate:closed")
        before = files(running)
        listed = running.segments()
        if word == "the runner":
            running.process.kill()
            await running.process.wait()
            async with runner(**changes) as second:
                await second.until(lambda: second.segments() >= listed + 3)
                assert second.status().showing == "slate:closed"
        else:
            # The encoder of before is gone with what it had; its successor may be a moment away.
            await running.until(lambda: running.status().encoder.alive and bool(running.children(word)))
            running.child(word).kill()
            await running.until(lambda: running.segments() >= listed + 3)
        for path in files(running) - before:
            assert not await asyncio.to_thread(shows_hall, path), path


@pytest.mark.parametrize("damage", ["permit", "garbage", "both"])
async def test_in_doubt_it_is_closed(runner: Callable[..., Any], damage: str) -> None:
    async with runner() as first:
        await first.until(lambda: first.status().encoder.alive)
        await first.ask(do="publish")
        first.process.kill()
        await first.process.wait()
        if damage in ("permit", "both"):
            (first.folder / "hall.permit").unlink()
        if damage in ("garbage", "both"):
            (first.folder / "wanted.json").write_bytes(b'{"scene": "source:ha\x00')
        async with runner() as second:
            await second.until(lambda: second.status().pid == second.process.pid)
            assert second.status().closed
            assert second.status().showing == "slate:closed"
            await second.ask(do="leave_closed")
            await second.until(lambda: not second.status().closed)


async def test_a_runner_without_doubt_is_not_closed(runner: Callable[..., Any]) -> None:
    async with runner() as first:
        await first.until(lambda: first.status().encoder.alive)
        first.process.kill()
        await first.process.wait()
        async with runner() as second:
            await second.until(lambda: second.status().pid == second.process.pid)
            assert not second.status().closed
            with suppress(psutil.Error):
                assert psutil.Process(second.process.pid).is_running()
