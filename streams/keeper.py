"""Keeps the process of a runner: started, found again after our own restart, started again when it dies."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from avctl.back_off import BackOff
from streams.plan import LOCK_FILE
from streams.standstill import Standstill
from streams.status import read_status

log = logging.getLogger(__name__)

LOG_FILE = "runner.log"
STOPPED_SECONDS = 0.5  # a runner that was stopped by a signal does not go on by itself: another does sooner
STILL_SECONDS = 4.0  # without any work done: a runner always has some, each picture is a little
LOOK_SECONDS = 0.1
LONG_SECONDS = 10.0  # a runner that lived so long is started again at once
TAIL = 3  # lines of its log that say why it died


def running(folder: Path) -> int | None:
    """The process that has this broadcast now; None when nobody has."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(OSError, ValueError, KeyError):
            return int(json.loads(os.pread(lock, 200, 0))["pid"])
        return None
    finally:
        os.close(lock)
    return None


def claim(folder: Path) -> None:
    """Have this broadcast, for as long as we live; ``BlockingIOError`` when another has it."""
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.ftruncate(lock, 0)
    os.write(lock, json.dumps({"pid": os.getpid()}).encode())


def over(folder: Path) -> bool:
    """Whether the broadcast of a folder has ended."""
    with suppress(OSError, ValueError):
        return read_status(folder).phase == "ended"
    return False


def last_words(folder: Path) -> str:
    """What the runner said before it died."""
    with suppress(OSError):
        lines = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(line for line in lines[-TAIL:] if line.strip())
    return ""


class Keeper:
    """Keeps one runner until its broadcast is over."""

    def __init__(self, folder: Path, died: Callable[[str, int], None]) -> None:
        self.restarts = 0
        self._folder, self._died = folder, died
        self._pid: int | None = None

    async def run(self) -> None:
        """Until the broadcast has ended. ``died`` is told why and how often in a row."""
        back_off = BackOff(0.2, 10)
        in_a_row = 0
        while not over(self._folder):
            began = asyncio.get_running_loop().time()
            pid = running(self._folder)
            if pid is not None:
                log.info("found the runner of %s, process %d", self._folder.name, pid)
                self._pid = pid
                await self._mind(pid)
            else:
                await self._start()
            self._pid = None
            if over(self._folder):
                return
            long = asyncio.get_running_loop().time() - began > LONG_SECONDS
            if long:
                back_off, in_a_row = BackOff(0.2, 10), 0
            in_a_row += 1
            self.restarts += 1
            self._died(last_words(self._folder) or "the runner ended without a word", in_a_row)
            if not long:
                await asyncio.sleep(back_off.pause())

    def kill(self) -> None:
        """End it at once; what is on the disk stays."""
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    async def _mind(self, pid: int) -> None:
        """Until it has ended. One that stands still is ended by force: its successor goes on at once."""
        standstill = Standstill(pid)
        ending = asyncio.ensure_future(gone(pid))
        try:
            while not ending.done():
                await asyncio.wait((ending,), timeout=LOOK_SECONDS)
                still = standstill.look(asyncio.get_running_loop().time())
                if not ending.done() and still > (STOPPED_SECONDS if standstill.stopped else STILL_SECONDS):
                    log.error("the runner of %s stands still and is ended by force", self._folder.name)
                    self.kill()
                    await ending
        finally:
            ending.cancel()

    async def _start(self) -> None:
        self._pid = spawn(self._folder)
        await self._mind(self._pid)
        reap(self._pid)


def reap(pid: int) -> None:
    """Take the exit code of a process that has ended, so that it does not linger."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def spawn(folder: Path) -> int:
    """Start a runner that outlives us, in a session of its own; the process."""
    log_file = str(folder / LOG_FILE)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "streams.runner", str(folder)],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log_file, append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


async def gone(pid: int) -> None:
    """Wait until a process that is no child of ours has ended."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(watched, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)
