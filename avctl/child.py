"""A child program with its own care: started on a leash, its complaints kept, always ended."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from avctl.errors import LinkError

LEASH = Path(__file__).with_name("leash.py")

TAIL_LINES = 30
MEMORY_SECONDS = 1.0
ASKED = 4  # times what a program may use: what it may ask the kernel for, with the stacks of all its threads


@dataclass(frozen=True, kw_only=True)
class Rank:
    """``nice`` is added to ours; of ``oom`` the greatest is killed first when memory is short."""

    nice: int
    oom: int
    idle: bool = False  # gets the disk when nobody else wants it


ORDINARY = Rank(nice=1, oom=200)


def leashed(command: Sequence[str], rank: Rank = ORDINARY, memory: int = 0) -> tuple[str, ...]:
    """A command that dies with us, whatever we die of, and takes its place among the others.

    ``memory``: the most it may use, in bytes; 0 is no limit.
    """
    # -I -S: neither the environment nor site-packages slow the leash down.
    leash = (sys.executable, "-I", "-S", str(LEASH), str(os.getpid()))
    place = (rank.nice, rank.oom, int(rank.idle), memory * ASKED)
    return (*leash, *map(str, place), *command)


def resident(pid: int) -> int:
    """The memory a process has, in bytes (proc(5): statm); 0 when it is gone."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


class Child:
    """Runs one program inside ``async with``; leaving the block kills it, whatever state it is in.

    ``secrets`` are replaced in everything the program says before it is logged or kept. One that uses
    more than ``memory`` bytes is killed, alone: whoever keeps it starts it again. ``rank`` is its place when
    the machine has too little of something.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        pass_fds: Sequence[int] = (),
        wants_input: bool = False,
        secrets: Sequence[str] = (),
        heard: Callable[[str], None] | None = None,
        memory: int = 0,
        rank: Rank = ORDINARY,
    ) -> None:
        self.name = name
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._command = tuple(command)
        self._pass_fds = tuple(pass_fds)
        self._wants_input = wants_input
        self._secrets = tuple(secret for secret in secrets if secret)
        self._heard = heard
        self._memory = memory
        self._rank = rank
        self._log = logging.getLogger(f"child.{name}")
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._bounding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *leashed(self._command, self._rank, self._memory),
                pass_fds=self._pass_fds,
                stdin=asyncio.subprocess.PIPE if self._wants_input else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        try:
            self._process = await asyncio.shield(starting)
        except OSError as exc:
            raise LinkError(f"{self.name} cannot be started: {exc}") from exc
        except asyncio.CancelledError:
            # Cancelled half-way, asyncio leaves pipes that were not connected yet to the garbage collector.
            with suppress(OSError):
                self._process = await starting
                self.kill()
                if self._process.stdin is not None:
                    self._process.stdin.close()
                await self._process.wait()
            raise
        self._listening = asyncio.create_task(self._listen(), name=f"{self.name} stderr")
        if self._memory:
            self._bounding = asyncio.create_task(self._bound(), name=f"{self.name} memory")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._listening is not None
        self.kill()
        if self._bounding is not None:
            self._bounding.cancel()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        # A grandchild could keep the pipe open for ever; ffmpeg has none, but we wait for nobody.
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._listening

    @property
    def pid(self) -> int:
        """The process, for a watcher or a test."""
        assert self._process is not None
        return self._process.pid

    @property
    def input(self) -> asyncio.StreamWriter:
        """Where the program listens, when it was started with ``wants_input``."""
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def alive(self) -> bool:
        """Whether the process exists; not whether it does anything."""
        return self._process is not None and self._process.returncode is None

    @property
    def said(self) -> str:
        """The last thing it complained of."""
        return self.tail[-1] if self.tail else ""

    def kill(self) -> None:
        """End it at once; a stopped (SIGSTOP) process dies of this too."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def ended(self) -> int:
        """Wait for its own end; the exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def _bound(self) -> None:
        """Kill it when it uses too much; what it may ask for is bounded by the leash."""
        while self.alive:
            await asyncio.sleep(MEMORY_SECONDS)
            if (used := resident(self.pid)) > self._memory:
                self._hear(f"it used {used // 1_000_000} MB and was ended".encode())
                self._log.error("%s", self.said)
                self.kill()

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        rest = b""
        while chunk := await self._process.stderr.read(4096):
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                self._hear(line)
            rest = rest[-4096:]
        self._hear(rest)

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        for secret in self._secrets:
            text = text.replace(secret, "…")
        if not text:
            return
        self.tail.append(text)
        self._log.debug("%s", text)
        if self._heard is not None:
            self._heard(text)
