"""Whether a process stands still, seen from outside: it uses no processor at all.

One that is only slow, because the machine has much to do, uses some; one that was stopped (SIGSTOP), or waits
for something that never comes, uses none.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STRIDE = 0.5  # seconds between two looks that count: whoever looks may have stood still itself


class Standstill:
    """Looks at one process, again and again."""

    def __init__(self, pid: int) -> None:
        self.stopped = False  # by a signal: it does nothing until it is told to go on
        self._stat = Path(f"/proc/{pid}/stat")
        self._used: int | None = None
        self._looked: float | None = None
        self._still = 0.0

    def look(self, moment: float) -> float:
        """For how many seconds, as far as was looked, it has stood still."""
        used = self._processor()
        if self._looked is not None and used == self._used:
            self._still += min(moment - self._looked, STRIDE)
        else:
            self._still = 0.0
        self._used, self._looked = used, moment
        return self._still

    def _processor(self) -> int | None:
        """Processor time of all its threads, in ticks (proc(5): state 3, utime 14, stime 15)."""
        with suppress(OSError, ValueError, IndexError):
            fields = self._stat.read_text().rpartition(")")[2].split()
            self.stopped = fields[0] == "T"
            return int(fields[11]) + int(fields[12])
        return None
