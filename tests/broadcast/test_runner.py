"""A broadcast's process, seen from outside: what viewers get, whatever dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from streams import rfc8216
from streams.ffmpeg import find_ffmpeg

pytestmark = pytest.mark.timeout(90)

NIGHT = (13, 34, 64)  # the ground of a slate


def near(frame: Any, colour: tuple[int, int, int]) -> bool:
    """Whether the middle of the picture has a colour, as far as an encoder keeps it."""
    middle = frame[70:110, 200:280].reshape(-1, 3).mean(axis=0)
    return bool(abs(middle - colour).max() < 40)


def last_segment(running: Any) -> Path:
    listed = [line for line in running.playlist().splitlines() if line.endswith(".ts")]
    return Path(running.folder / "live" / "big" / listed[-1])


async def on_air(running: Any) -> None:
    await running.until(lambda: running.status().sources["hall"].present)
    assert await running.ask(do="publish") == {"id": 1, "ok": True}
    await running.until(lambda: running.segments() >= 2)


@pytest.mark.parametrize(
    ("url", "program"),
    [
        ("srt://127.0.0.1:{port}?mode=listener", None),
        ("rtmp://127.0.0.1:{port}/live/key", None),
        ("srt://127.0.0.1:{port}?mode=listener", get_ffmpeg_exe()),
    ],
    ids=["srt", "rtmp", "the ffmpeg avctl brings"],
)
async def test_nothing_is_public_before_it_is_asked_for_then_all_renditions_are(
    runner: Callable[..., Any],
    source: Callable[..., Any],
    look: Callable[..., Any],
    url: str,
    program: str | None,
) -> None:
    async with runner(url, ffmpeg=program) as running, source(running.url):
        await running.until(lambda: running.status().phase == "armed")
        await running.until(lambda: running.status().sources["hall"].present)
        assert running.segments() == 0
        assert not (running.folder / "live" / "master.m3u8").exists()
        before = datetime.now(UTC)
        await on_air(running)
        assert running.status().phase == "live"
        first = next(line for line in running.playlist().splitlines() if "DATE-TIME" in line)
        assert datetime.fromisoformat(first.partition(":")[2]) >= before
        assert running.playlist("small").count("#EXTINF") >= 1
        master = (running.folder / "live" / "master.m3u8").read_text()
        assert "RESOLUTION=320x180" in master
        assert rfc8216.master_faults(master) == ()
        assert master.endswith('CODECS="mp4a.40.2"\naudio/index.m3u8\n')
        assert running.playlist("audio").count("#EXTINF") >= 1
        assert 'CODECS="avc1.' in master
        assert near(look(last_segment(running)), (0, 200, 0))
        assert (running.folder / "preview.jpg").read_bytes().startswith(b"\xff\xd8")


async def test_a_name_is_in_the_picture_until_it_is_taken_off(
    runner: Callable[..., Any], source: Callable[..., Any], look: Callable[..., Any]
) -> None:
    async with runner() as running, source(running.url):
        await on_air(running)
        await running.ask(do="lower_third", name="Олена Марчук", role="Фракція «Ґанок»")
        await running.until(lambda: _bar(look(last_segment(running))))
        await running.ask(do="lower_third", name="")
        await running.until(lambda: not _bar(look(last_segment(running))))


async def test_an_agenda_item_is_in_the_picture_also_after_a_restart(
    runner: Callable[..., Any], source: Callable[..., Any], look: Callable[..., Any]
) -> None:
    async with runner() as first, source(first.url):
        await on_air(first)
        item = {"number": "7", "title": "Про бюджет міста Києва"}
        await first.ask(do="overlay", kind="item", values=item)
        await first.until(lambda: _chip(look(last_segment(first))))
        first.process.kill()
        await first.process.wait()
        async with runner() as second:
            await second.until(lambda: second.status().pid == second.process.pid)
            await second.until(lambda: second.status().showing == "source:hall")
            listed = second.segments()
            await second.until(lambda: second.segments() > listed + 1)
            await second.until(lambda: _chip(look(last_segment(second))))
            await second.ask(do="overlay", kind="item", show=False)
            await second.until(lambda: not _chip(look(last_segment(second))))


def _chip(frame: Any) -> bool:
    """Whether the yellow field with the item's number stands in its place."""
    red, green, blue = frame[23:30, 17:20].reshape(-1, 3).mean(axis=0)
    return bool(red > 120 and green > 120 and blue < 120)


def _bar(frame: Any) -> bool:
    """Whether the yellow bar of the lower third stands in its place."""
    red, green, blue = frame[150:162, 17:19].reshape(-1, 3).mean(axis=0)
    return bool(red > 120 and green > 120 and blue < 120)


async def test_a_lost_source_becomes_a_slate_and_comes_back_by_itself(
    runner: Callable[..., Any], source: Callable[..., Any], look: Callable[..., Any]
) -> None:
    async with runner() as running:
        async with source(running.url):
            await on_air(running)
        await running.until(lambda: running.status().showing == "slate:technical")
        await running.until(lambda: not running.status().sources["hall"].present)
        assert running.status().sources["hall"].reason
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 2)
        assert near(look(last_segment(running)), NIGHT)
        async with source(running.url):
            await running.until(lambda: running.status().showing == "source:hall")
            await running.until(lambda: near(look(last_segment(running)), (0, 200, 0)))
        assert "#EXT-X-DISCONTINUITY\n" not in running.playlist()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_an_encoder_that_dies_or_stands_still_is_replaced(
    runner: Callable[..., Any], source: Callable[..., Any], how: signal.Signals
) -> None:
    async with runner() as running, source(running.url):
        await on_air(running)
        running.child("libx264").send_signal(how)
        listed = running.segments()
        await running.until(lambda: running.status().encoder.restarts == 1)
        await running.until(lambda: running.segments() >= listed + 3)
        entries = rfc8216.read(running.playlist()).entries
        jumps = [at for at, entry in enumerate(entries) if entry.jump]
        assert len(jumps) == 1
        before, after = entries[jumps[0] - 1], entries[jumps[0]]
        assert before.at is not None
        assert after.at is not None
        # What the dead one had not finished was given to its successor: not a picture is missing.
        assert abs((after.at - before.at).total_seconds() - before.seconds) < 0.03
        await running.until(lambda: running.status().phase == "live")


async def test_a_runner_that_was_killed_leaves_no_child_and_its_successor_goes_on(
    runner: Callable[..., Any], source: Callable[..., Any], look: Callable[..., Any]
) -> None:
    async with runner() as first:
        async with source(first.url):
            await on_air(first)
            await first.ask(do="show", scene="slate:break")
            children = psutil.Process(first.process.pid).children(recursive=True)
            first.process.kill()
            await first.process.wait()
            await first.until(lambda: not any(_lives(child) for child in children))
            listed = first.segments()
            async with runner() as second:
                await second.until(lambda: second.segments() >= listed + 2)
                status = second.status()
                assert (status.wanted, status.showing) == ("slate:break", "slate:break")
                assert status.published
                assert second.playlist().count("#EXT-X-DISCONTINUITY\n") == 1
                assert near(look(last_segment(second)), NIGHT)
                await second.ask(do="end")
                assert await second.process.wait() == 0
        parts = sorted((first.folder / "recording").glob("*.ts"))
        assert len(parts) == 2
        for part in parts:
            command = [find_ffmpeg(), "-v", "error", "-i", str(part), "-f", "null", "-"]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
            assert done.stderr == b""


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


async def test_the_end_closes_everything_and_leaves_no_process(
    runner: Callable[..., Any], source: Callable[..., Any]
) -> None:
    async with runner() as running, source(running.url):
        await on_air(running)
        children = psutil.Process(running.process.pid).children(recursive=True)
        await running.ask(do="end")
        assert await running.process.wait() == 0
        assert not any(_lives(child) for child in children)
        assert running.status().phase == "ended"
        assert not (running.folder / "control.sock").exists()
        assert not (running.folder / "private").exists()
        for rendition in ("big", "small"):
            assert running.playlist(rendition).endswith("#EXT-X-ENDLIST\n")
        await asyncio.to_thread(_probed, running.folder / "live")


def _probed(live: Path) -> None:
    """What ffprobe, a reader that is not ours, finds in the lists of a broadcast that has ended."""
    master = _ffprobe(live / "master.m3u8")
    kinds = [(one["codec_name"], one.get("width")) for one in master["streams"]]
    assert sorted(kinds, key=str) == [("aac", None)] * 3 + [("h264", 160), ("h264", 320)]
    for name in ("big", "small", "audio"):
        seconds = sum(
            entry.seconds for entry in rfc8216.read((live / name / "index.m3u8").read_text()).entries
        )
        found = _ffprobe(live / name / "index.m3u8")
        assert float(found["format"]["duration"]) == pytest.approx(seconds, abs=0.1)
        assert len(found["streams"]) == (1 if name == "audio" else 2)


def _ffprobe(playlist: Path) -> Any:
    command = ("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(playlist))
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return json.loads(done.stdout)


async def test_whoever_says_end_without_pause_does_not_hold_it_up(runner: Callable[..., Any]) -> None:
    async with runner() as running:
        await running.until(lambda: running.status().encoder.alive)
        reader, writer = await running.connect()
        with suppress(ConnectionError):
            while await reader.readline():
                writer.write(b'{"do": "end"}\n' * 20)
        async with asyncio.timeout(30):
            assert await running.process.wait() == 0
        assert running.status().phase == "ended"


async def test_a_second_runner_for_the_same_folder_refuses(runner: Callable[..., Any]) -> None:
    async with runner() as first:
        await first.until(lambda: first.status().encoder.alive)
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams.runner", str(first.folder), stderr=asyncio.subprocess.PIPE
        )
        _, said = await second.communicate()
        assert second.returncode == 2
        assert b"another runner" in said
        assert first.process.returncode is None


async def test_nobody_minds_it_and_its_time_is_over_so_it_ends(runner: Callable[..., Any]) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    async with runner(planned_end=past, grace_seconds=0) as running:
        async with asyncio.timeout(30):
            assert await running.process.wait() == 0
        assert running.status().phase == "ended"


async def test_as_long_as_a_controller_is_connected_it_does_not_end(runner: Callable[..., Any]) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    async with runner(planned_end=soon, grace_seconds=0) as running:
        await running.until(lambda: (running.folder / "control.sock").exists())
        reader, writer = await running.connect()
        async with asyncio.timeout(30):
            while True:
                news = json.loads(await reader.readline())
                if news["event"] == "status" and news["frames"] > 25 * 6:
                    break
        assert running.process.returncode is None
        writer.close()
        async with asyncio.timeout(30):
            assert await running.process.wait() == 0


async def test_nonsense_on_the_control_socket_disturbs_nobody(runner: Callable[..., Any]) -> None:
    async with runner() as running:
        await running.until(lambda: running.status().encoder.alive)
        for request, field in (
            ({"do": "dance"}, "do"),
            ({"do": "show", "scene": "slate:dance"}, "scene"),
            ({"do": "show", "scene": "source:nobody"}, "scene"),
            ({"do": "plan_end", "at": "noon"}, "at"),
            ({"do": "publish", "loud": True}, "loud"),
        ):
            assert (await running.ask(**request))["error"].startswith(f"{field}: ")
        for nonsense in (b"\x00\xff\xfe\n", b"{\n", b"[]\n", b"x" * 200_000 + b"\n", b'{"do": "sta'):
            _, writer = await running.connect()
            writer.write(nonsense)
            with suppress(ConnectionError):
                await writer.drain()
            writer.close()
        assert (await running.ask(do="status"))["ok"] is True
        mode = (running.folder / "control.sock").stat().st_mode
        assert mode & 0o077 == 0


async def test_a_runner_that_stood_still_tells_players_that_time_is_missing(
    runner: Callable[..., Any], source: Callable[..., Any]
) -> None:
    async with runner() as running, source(running.url):
        await on_air(running)
        process = psutil.Process(running.process.pid)
        process.suspend()
        stopped = datetime.now(UTC)
        await running.until(lambda: datetime.now(UTC) - stopped > timedelta(seconds=2))
        process.resume()
        listed = running.segments()
        await running.until(lambda: running.segments() >= listed + 3)
        assert "#EXT-X-DISCONTINUITY\n" in running.playlist()


async def test_a_terminated_runner_leaves_what_the_next_needs(
    runner: Callable[..., Any], source: Callable[..., Any]
) -> None:
    async with runner() as running, source(running.url):
        await on_air(running)
        os.kill(running.process.pid, signal.SIGTERM)
        assert await running.process.wait() == 0
        assert "#EXT-X-ENDLIST" not in running.playlist()
        assert running.status().phase != "ended"


async def test_a_plan_that_is_wrong_is_refused_by_key(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"session": "s1", "sources": [], "colour": "red"}')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streams.runner", str(tmp_path), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"sources" in said
    assert b"colour" in said
