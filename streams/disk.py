"""The disk guard: room is made from what can be missed, and somebody is told long before nothing fits.

What goes first (design, section 6): the public segments of broadcasts that are over and whose recording is
made; then, by the runner itself, what viewers could go back to. Recordings never go.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from avctl.bus import Bus
from avctl.events import DiskSpaceChanged, Room
from streams.keeper import over
from streams.remux import published

log = logging.getLogger(__name__)

LOW, CRITICAL = 20.0, 10.0  # percent free
SLACK = 1.0  # percent above a limit before it counts as left behind
MEGABYTE = 1_000_000

Usage = Callable[[Path], tuple[int, int]]
"""(bytes in all, bytes free) of the disk a folder is on."""


def usage_of(folder: Path) -> tuple[int, int]:
    """What the system says of a disk; OSError when the folder is not there."""
    found = shutil.disk_usage(folder)
    return found.total, found.free


class DiskGuard:
    """Looks at the disks of broadcasts and recordings."""

    def __init__(
        self, bus: Bus, root: Path, others: Sequence[Path], floor_mb: int, usage: Usage = usage_of
    ) -> None:
        self._bus, self._root, self._floor = bus, root, floor_mb * MEGABYTE
        self._folders = (root, *others)
        self._usage = usage
        self._known: dict[Path, Room] = {}
        self._measured: dict[Path, tuple[int, int]] = {}

    def look(self) -> None:
        """Measure, and make room where it is needed. Called in a thread: a disk may hang."""
        for folder in self._folders:
            with suppress(OSError):  # a disk that is not there is the recording's fault to tell
                self._measured[folder] = self._usage(folder)
        total, free = self._measured[self._root]
        if free < self._floor or free < total * CRITICAL / 200:
            self._free()

    def tell(self) -> None:
        """Publish how full each disk is, when that has changed."""
        for folder, (total, free) in self._measured.items():
            percent = 100 * free / max(1, total)
            before = self._known.get(folder, Room.ENOUGH)
            room = _judged(percent, before)
            if room is not before:
                self._known[folder] = room
                self._bus.publish(DiskSpaceChanged(folder=str(folder), room=room, percent=round(percent, 1)))

    def _free(self) -> None:
        """The public segments of the oldest broadcast that has its recording go."""
        candidates = [
            folder
            for folder in self._root.iterdir()
            if (folder / "live").is_dir() and over(folder) and published(folder) is not None
        ]
        if candidates:
            oldest = min(candidates, key=lambda folder: folder.stat().st_mtime)
            log.warning("the disk is full: the public segments of %s go, its recording stays", oldest.name)
            shutil.rmtree(oldest / "live", ignore_errors=True)


def _judged(percent: float, before: Room) -> Room:
    """Which state a share of free space is; on the way up a little more is asked for."""
    if percent < (CRITICAL if before is not Room.CRITICAL else CRITICAL + SLACK):
        return Room.CRITICAL
    if percent < (LOW if before is Room.ENOUGH else LOW + SLACK):
        return Room.LOW
    return Room.ENOUGH
