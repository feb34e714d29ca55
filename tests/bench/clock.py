"""A clock that somebody sets, for the programs of one council and nobody else's.

Debian's libfaketime does the same, but it also bends waits that the monotonic clock measures, so that a
broadcast stands still under it. This library changes nothing but what the wall clock says.
"""

from __future__ import annotations

import asyncio
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path

from bench.blows import NotHere

OFFSET = struct.Struct("=q")  # seconds
SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("COUNCIL_CLOCK"), O_RDONLY | O_CLOEXEC);
    void *page = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, which, at);
    int wall = which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE;
    if (!failed && offset && wall) at->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


async def clock_for(folder: Path) -> tuple[Path, Mapping[str, str]]:
    """A clock that ``set_clock`` sets, and what a program's environment must have to go by it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NotHere("the machine has no C compiler (Debian: gcc, libc6-dev)")
    clock, source, library = folder / "clock", folder / "clock.c", folder / "clock.so"
    clock.write_bytes(OFFSET.pack(0))
    source.write_text(SOURCE, encoding="ascii")
    process = await asyncio.create_subprocess_exec(
        *(compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise NotHere(said.decode(errors="replace").strip())
    return clock, {"LD_PRELOAD": str(library), "COUNCIL_CLOCK": str(clock)}


def set_clock(clock: Path, seconds: int) -> None:
    """Be ahead of the machine by this much; everybody sees it at once."""
    with clock.open("r+b") as file:
        file.write(OFFSET.pack(seconds))
