"""The recording: every finished segment of the best rendition, appended to a transport stream and made safe.

A transport stream has no index that could be missing: whatever is cut off, what was written plays.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "recording"


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

    def append(self, segment: Path, *, jump: bool) -> None:
        """Write one segment; it is on the disk, not in a cache, when this returns."""
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
