"""Room on a disk that nobody else can take: a file of nothing, given back in pieces when the disk is full.

A disk is filled by others too: a log, a copy, a database. What a broadcast writes is little, so a reserve
carries it for minutes, in which people are told and old public segments go.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "reserve"
MARGIN = 16_000_000  # bytes free that are always wanted: some seconds of everything that is written
SHARE = 10  # the reserve takes no more than this part of what was free
PLENTY = 4  # times the reserve that must be free before it is filled up again


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write on a folder's disk, in bytes."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Reserve:
    """The reserve of one folder. ``mind`` is quick and may be called all the time."""

    def __init__(self, folder: Path, wanted: int, free: Callable[[Path], int] = free_bytes) -> None:
        self._file, self._wanted, self._free = folder / FILE, wanted, free
        self._told = False

    @property
    def left(self) -> int:
        """Bytes that can still be given back."""
        with suppress(OSError):
            return self._file.stat().st_size
        return 0

    def mind(self) -> bool:
        """Fill it up while there is plenty, give it back when there is none; false when nothing is left."""
        free, left = self._free(self._file.parent), self.left
        if free < MARGIN:
            if left:
                if not self._told:
                    log.error("the disk is full: what was kept in reserve is used, %d MB", left // 1_000_000)
                self._told = True
                os.truncate(self._file, max(0, left - (2 * MARGIN - free)))
            return left > 0
        if left < self._wanted and free > PLENTY * self._wanted:
            self._fill(self._wanted)
        elif not left and (small := free // SHARE) > MARGIN:
            self._fill(min(small, self._wanted))
        return True

    def close(self) -> None:
        """Give all of it back."""
        self._file.unlink(missing_ok=True)

    def _fill(self, size: int) -> None:
        """Take room; a disk that cannot say it in advance (fallocate) has no reserve."""
        with suppress(OSError), self._file.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            self._told = False
