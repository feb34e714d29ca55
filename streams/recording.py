"""The recording: every finished segment of the best rendition, appended to a transport stream and made safe.

A transport stream has no index that could be missing: whatever is cut off, what was written plays.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

FOLDER = "recording"
INDEX = "index.jsonl"


class Recording:
    """Appends segments to parts; a part ends where timestamps begin anew, or another runner begins."""

    def __init__(self, folder: Path) -> None:
        self.bytes = 0
        self.file = ""
        self._folder = folder / FOLDER
        self._root = folder
        self._part: Path | None = None
        if self._folder.is_dir():
            self.bytes = sum(part.stat().st_size for part in self._folder.glob("*.ts"))

    def append(self, segment: Path, at: datetime, seconds: float, *, jump: bool) -> None:
        """Write one segment; it is on the disk, not in a cache, when this returns.

        ``at`` is when its first picture was taken, ``seconds`` its length: a line of the index.
        """
        if self._part is None or jump:
            self._folder.mkdir(exist_ok=True)
            self._part = self._folder / f"part-{len(tuple(self._folder.glob('*.ts'))) + 1:04d}.ts"
            self.file = str(self._part.relative_to(self._root))
        data = segment.read_bytes()
        with self._part.open("ab") as part:
            part.write(data)
            part.flush()
            os.fdatasync(part.fileno())
        self.bytes += len(data)
        line = {"part": self._part.name, "at": at.isoformat(), "seconds": seconds}
        with (self._folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(line) + "\n")


def parts_of(folder: Path) -> list[Path]:
    """The parts of a broadcast's recording, in order."""
    return sorted((folder / FOLDER).glob("part-*.ts"))


def moments(folder: Path, wanted: Iterable[datetime]) -> list[float]:
    """Where in the recording these moments are, in seconds; one in a gap is where the picture goes on."""
    segments: list[tuple[datetime, float]] = []
    try:
        with (folder / FOLDER / INDEX).open(encoding="utf-8") as index:
            for line in index:
                entry = json.loads(line)
                segments.append((datetime.fromisoformat(entry["at"]), float(entry["seconds"])))
    except (OSError, ValueError, KeyError):
        pass  # a line cut off by a power loss is the last one: the moments before it are known
    return [_moment(segments, moment) for moment in wanted]


def _moment(segments: list[tuple[datetime, float]], moment: datetime) -> float:
    passed = 0.0
    for at, seconds in segments:
        if moment < at:
            break
        if moment < at + timedelta(seconds=seconds):
            return passed + (moment - at).total_seconds()
        passed += seconds
    return passed
