"""Start a program that dies with us: ``leash.py PARENT NICE OOM IO DATA PROGRAM ARGUMENTS...``, as a script.

A script of its own, because code between fork and exec is not safe in a process with threads. What the
machine does not allow of priority and limits is left out (see ``priority.py`` for what they are).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # linux/prctl.h
IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # its number among the system calls; the C library has no name
IOPRIO_CLASS_IDLE = 3 << 13  # linux/ioprio.h: gets the disk when nobody else wants it


def main() -> None:
    """Ask the kernel to kill us when the parent dies, take our place in its order, become the program."""
    parent, nice, oom, idle, data = (int(word) for word in sys.argv[1:6])
    program = sys.argv[6:]
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):
        os.nice(nice)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write(str(oom))
    if idle and (number := IOPRIO_SET.get(platform.machine())) is not None:
        library.syscall(number, 1, 0, IOPRIO_CLASS_IDLE)  # 1: a process, 0: this one
    if data:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    # The parent may have died before the kernel was asked.
    if os.getppid() == parent:
        os.execvp(program[0], program)


if __name__ == "__main__":
    main()
