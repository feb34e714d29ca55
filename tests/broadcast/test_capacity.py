"""A machine that is too slow, and children that want too much: what is on air goes on."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams import rfc8216
from streams.cgroups import LEAF, Group
from streams.child import Child
from streams.ffmpeg import find_ffmpeg
from streams.priority import LAST, rank_of
from streams.recording import FOLDER, lines_of
from streams.standstill import Standstill

SLOW = """#!/bin/sh
# A machine that encodes two rungs at 0.6 of real time, while a file says so.
case "$*" in *libx264*libx264*)
  if [ -e {slow} ]; then
    left=$#
    while [ $left -gt 0 ]; do
      [ "$1" = -i ] && set -- "$@" -readrate 0.6
      set -- "$@" "$1"; shift; left=$((left - 1))
    done
  fi
esac
exec {program} "$@"
"""


def shared(running: Any) -> bool:
    """Whether the newest segment of the small list is the best one's."""
    entries = [rfc8216.read(running.playlist(name)).entries for name in ("small", "big")]
    small, big = (one[-1].uri if one else "" for one in entries)
    live = running.folder / "live"
    return bool(small) and small == big and os.path.samefile(live / "small" / small, live / "big" / big)


def own(running: Any) -> bool:
    """Whether it is its own."""
    entries = [rfc8216.read(running.playlist(name)).entries for name in ("small", "big")]
    return entries[0][-1].uri == entries[1][-1].uri and not shared(running)


@pytest.mark.timeout(150)
async def test_a_machine_that_is_too_slow_gets_less_to_do_and_nothing_is_lost(
    runner: Callable[..., Any], tmp_path: Path
) -> None:
    script, flag = tmp_path / "ffmpeg", tmp_path / "slow"
    script.write_text(SLOW.format(slow=flag, program=find_ffmpeg()))
    script.chmod(0o755)
    flag.touch()
    limits = {"up_after_seconds": 3}
    async with runner(preset="veryfast", ffmpeg=str(script), limits=limits) as running:
        await running.until(lambda: running.status().encoder.alive)
        await running.ask(do="publish")
        await running.until(lambda: running.status().encoder.reduced == "big (superfast)", 60)
        await running.until(lambda: shared(running), 60)
        before = psutil.Process(running.process.pid).nice()
        assert running.child("libx264").nice() == before + rank_of("encoder").nice
        flag.unlink()
        await running.until(lambda: running.status().encoder.step == 0, 60)
        await running.until(lambda: own(running), 60)
        assert running.status().encoder.restarts == 0, (running.folder / "runner.log").read_text()
        assert running.status().encoder.dropped == 0
        await running.ask(do="end")
        assert await running.process.wait() == 0
        running.look_at_lists()
        lists = {name: rfc8216.read(running.playlist(name)) for name in ("big", "small", "audio")}
        said = [[(entry.uri, entry.at, entry.jump) for entry in one.entries] for one in lists.values()]
        level = min(len(one) for one in said)  # of the end the list of the sound may have a segment less
        assert max(len(one) for one in said) <= level + 1
        # The same segments, moments and discontinuities in each.
        assert all(one[:level] == said[0][:level] for one in said)
        recorded = list(lines_of(running.folder / FOLDER))
        for sooner, later in zip(recorded, recorded[1:], strict=False):
            assert abs((later.at - sooner.at).total_seconds() - sooner.seconds) < 0.03
        for name in lists:
            assert await asyncio.to_thread(complaints, running.folder / "live" / name / "index.m3u8") == []


def complaints(playlist: Path) -> list[bytes]:
    """What ffmpeg cannot decode. Where one encoder follows another its sound overlaps by a part of a frame: a
    muxer would mind, which a player that is told of a discontinuity does not."""
    command = [find_ffmpeg(), "-v", "error", "-i", str(playlist), "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=True).stderr
    return [line for line in said.splitlines() if b"non monotonically increasing dts" not in line]


async def test_a_child_takes_its_place_in_the_order_of_the_machine() -> None:
    async with Child("remux", ("sleep", "60"), memory=1_000_000_000) as child:
        process = psutil.Process(child.pid)
        while "sleep" not in process.name():  # the leash becomes the program
            await asyncio.sleep(0.01)
        assert rank_of("remux") is LAST
        assert process.nice() == min(19, os.getpriority(os.PRIO_PROCESS, 0) + LAST.nice)
        assert process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
        assert oom_score_adj(child.pid) == LAST.oom
        assert process.rlimit(resource.RLIMIT_DATA) == (4_000_000_000, 4_000_000_000)


def oom_score_adj(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def test_a_child_that_wants_too_much_memory_is_ended_alone() -> None:
    hungry = "import time; kept = bytearray(300_000_000); time.sleep(60)"
    async with (
        Child("reader other", ("sleep", "60"), memory=100_000_000) as other,
        Child("reader hall", (sys.executable, "-c", hungry), memory=100_000_000) as child,
    ):
        assert await child.ended() < 0
        assert child.said.endswith("MB and was ended")
        assert other.alive


async def test_a_process_that_is_stopped_stands_still_and_one_that_works_does_not() -> None:
    working = "while True: pass"
    async with Child("encoder", (sys.executable, "-c", working)) as child:
        standstill, moment = Standstill(child.pid), 0.0
        process = psutil.Process(child.pid)
        process.suspend()
        while process.status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0.01)
        for _ in range(5):
            moment += 0.2
            still = standstill.look(moment)
        assert standstill.stopped
        assert still == pytest.approx(0.8)
        process.resume()
        while still:
            await asyncio.sleep(0.02)
            still = standstill.look(moment)
        assert not standstill.stopped


def test_whoever_looks_after_a_long_time_does_not_count_it() -> None:
    standstill = Standstill(os.getpid())
    standstill.look(0.0)
    assert standstill.look(60.0) <= 0.5


def test_a_broadcast_has_a_control_group_of_its_own_where_that_was_delegated(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("")
    (tmp_path / "cgroup.procs").write_text("17\n18\n")
    mine = tmp_path / "mine"
    mine.write_text("0::/\n")
    group = Group.join("s1", {"cpu", "memory"}, tmp_path, mine)
    assert group is not None
    group.weigh(200)
    group.bound(1_000_000)
    ours = tmp_path / "avctl-s1"
    assert (ours / "cgroup.procs").read_text() == str(os.getpid())
    assert (ours / "cpu.weight").read_text() == "200"
    assert (ours / "memory.max").read_text() == "1000000"
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (tmp_path / LEAF / "cgroup.procs").read_text() == "18"


def test_a_group_that_systemd_keeps_for_itself_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "user.slice"
    own.mkdir()
    (own / "cgroup.controllers").write_text("cpu memory")
    (own / "cgroup.subtree_control").write_text("")
    mine = tmp_path / "mine"
    mine.write_text("0::/user.slice\n")
    assert Group.join("s1", {"cpu"}, tmp_path, mine) is None
    assert [path.name for path in own.iterdir() if path.is_dir()] == []


def test_the_first_version_of_control_groups_is_used_too(tmp_path: Path) -> None:
    (tmp_path / "cpu,cpuacct" / "work").mkdir(parents=True)
    mine = tmp_path / "mine"
    mine.write_text("3:cpu,cpuacct:/work\n2:memory:/\n0::/\n")
    group = Group.join("s1", {"cpu"}, tmp_path, mine)
    assert group is not None
    group.weigh(200)
    assert (tmp_path / "cpu,cpuacct" / "work" / "avctl-s1" / "cpu.shares").read_text() == "2048"
