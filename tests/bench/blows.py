"""What is done to a broadcast to see whether viewers notice: each accident, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.council import Council

STOPPED_SECONDS = 4.0
AWAY_SECONDS = 5.0
FULL_SECONDS = 12.0
BLOCK = 1 << 20
# Which of the runner's children is what, by a word of its command line.
CHILDREN = {"reader": "fps_mode", "encoder": "libx264", "loudness": "ebur128", "painter": "streams.paint"}


@dataclass(frozen=True)
class Blow:
    """An accident: to whom, what, and how it is made."""

    to: str
    what: str
    strike: Callable[[Council], Awaitable[None]]


class NotHere(Exception):
    """This machine does not let us do that, or there is nobody to do it to."""


def victims(here: Council) -> dict[str, int]:
    """The processes of the broadcast by what they are."""
    status = json.loads((here.folder / "status.json").read_text(encoding="utf-8"))
    facts = json.loads((here.data / "demo.json").read_text(encoding="utf-8"))
    found = {"runner": int(status["pid"])}
    simulators = facts["processes"]["simulators"]
    for child in psutil.Process(psutil.Process(simulators).ppid()).children():
        with suppress(psutil.Error):
            if "run" in child.cmdline():  # the demo starts another when it dies
                found["controller"] = child.pid
    for child in psutil.Process(found["runner"]).children(recursive=True):
        with suppress(psutil.Error):
            line = " ".join(child.cmdline())
            found.update({name: child.pid for name, word in CHILDREN.items() if word in line})
    return found


def _pid(here: Council, name: str) -> int:
    try:
        return victims(here)[name]
    except KeyError:
        raise NotHere(f"there is no {name}") from None


def killed(name: str, number: signal.Signals = signal.SIGKILL) -> Blow:
    """A process that dies."""

    async def strike(here: Council) -> None:
        os.kill(_pid(here, name), number)

    return Blow(name, "kill -9" if number is signal.SIGKILL else f"kill -{number.name[3:]}", strike)


def stopped(name: str) -> Blow:
    """A process that stands still for a while, as one that swaps or waits for a disk does."""

    async def strike(here: Council) -> None:
        pid = _pid(here, name)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(STOPPED_SECONDS)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return Blow(name, f"kill -STOP for {STOPPED_SECONDS:g} s", strike)


def unplugged() -> Blow:
    """The encoder of the hall loses its cable."""

    async def strike(here: Council) -> None:
        await here.simulators.post("/simulators/hall-encoder/unplug")
        await asyncio.sleep(AWAY_SECONDS)
        await here.simulators.post("/simulators/hall-encoder/plug")

    return Blow("source", f"unplugged for {AWAY_SECONDS:g} s", strike)


def dropped() -> Blow:
    """The network between the hall and us loses every packet, and nobody is told."""

    async def strike(here: Council) -> None:
        port = re.search(r"srt://127\.0\.0\.1:(\d+)", Path(here.facts["config"]).read_text(encoding="utf-8"))
        assert port is not None
        rule = ("INPUT", "-i", "lo", "-p", "udp", "--dport", port[1], "-j", "DROP")
        await _root("iptables", "-I", *rule)
        try:
            await asyncio.sleep(AWAY_SECONDS)
        finally:
            await _root("iptables", "-D", *rule)

    return Blow("network", f"every packet of the source dropped for {AWAY_SECONDS:g} s", strike)


def filled() -> Blow:
    """The disk is full to the last byte for a while."""

    async def strike(here: Council) -> None:
        ballast = here.data / "ballast"
        try:
            await asyncio.to_thread(_fill, ballast)
            async with asyncio.timeout(FULL_SECONDS):
                while True:  # whatever is let go meanwhile is taken too
                    await asyncio.sleep(0.5)
                    await asyncio.to_thread(_fill, ballast, most=BLOCK)
        except TimeoutError:
            pass
        finally:
            ballast.unlink(missing_ok=True)

    return Blow("disk", f"full to the last byte for {FULL_SECONDS:g} s", strike)


def stepped(setting: Callable[[int], None], seconds: int) -> Blow:
    """Somebody sets the machine's clock."""

    async def strike(here: Council) -> None:
        setting(seconds)

    return Blow("clock", f"set to {seconds:+d} s", strike)


def _fill(ballast: Path, most: int = 1 << 40) -> None:
    """Write until the disk takes no more; its last crumbs too."""
    for size in (BLOCK, 4096, 64):
        with ballast.open("ab", buffering=0) as file, suppress(OSError):
            while most > 0:
                most -= file.write(bytes(size))


async def _root(*command: str) -> None:
    try:
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    except OSError as fault:
        raise NotHere(f"{command[0]}: {fault.strerror}") from fault
    if done.returncode:
        raise NotHere(done.stderr.strip())
