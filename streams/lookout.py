"""Reads the public playlist as a viewer would, whatever the runner says of it: age, latency, gaps, faults."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streams import rfc8216
from streams.clock import Clock

TAIL = 4096  # bytes at the end of a list that hold its newest segments
STRICT_SECONDS = 30.0  # between two looks at the whole list, which is long after a day
GAP_SECONDS = 0.2
_ENTRY = re.compile(
    r"#EXT-X-PROGRAM-DATE-TIME:(?P<at>\S+)\n#EXTINF:(?P<seconds>[\d.]+),\n(?P<uri>\S+)\n", re.ASCII
)


class Lookout:
    """Watches the list of one rendition. ``look`` gives what a technician wants to know of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole: str | None = None
        self._looked = 0.0
        self._clock = Clock(datetime.now(UTC) - timedelta(seconds=time.monotonic()))
        self._came = 0.0  # when the newest segment was first seen
        self._end: datetime | None = None
        self._uri = ""
        self._gaps = 0
        self._faults: tuple[str, ...] = ()

    def look(self) -> dict[str, Any]:
        """``latency`` and ``segment_age`` in seconds, ``gaps`` seen so far, ``playlist_faults``; empty while
        there is no list."""
        path = self._folder / "index.m3u8"
        try:
            with path.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - TAIL))
                tail = file.read().decode("ascii", errors="replace")
        except OSError:
            return {}
        entries = list(_ENTRY.finditer(tail))
        if not entries:
            return {}
        self._follow(entries)
        newest = entries[-1]
        began = datetime.fromisoformat(newest["at"])
        now = self._clock.now()
        there = (self._folder / newest["uri"]).exists()
        return {
            "latency": round((now - began).total_seconds() - float(newest["seconds"]), 1),
            "gaps": self._gaps,
            "segment_age": round(time.monotonic() - self._came, 1) if there else None,
            "playlist_faults": self._strict(path),
        }

    def _follow(self, entries: list[re.Match[str]]) -> None:
        """Count the holes between segments that were not there at the last look."""
        known = [at for at, entry in enumerate(entries) if entry["uri"] == self._uri]
        for entry in entries[known[0] + 1 if known else 0 :]:
            at = datetime.fromisoformat(entry["at"])
            if self._end is not None and (at - self._end).total_seconds() > GAP_SECONDS:
                self._gaps += 1
            self._end = datetime.fromtimestamp(at.timestamp() + float(entry["seconds"]), UTC)
            self._uri, self._came = entry["uri"], time.monotonic()

    def _strict(self, path: Path) -> tuple[str, ...]:
        if time.monotonic() - self._looked >= STRICT_SECONDS:
            self._looked = time.monotonic()
            try:
                text = path.read_text(encoding="ascii")
                self._faults = rfc8216.faults(self._whole, text)
            except (OSError, ValueError) as fault:
                self._faults = (f"the list cannot be read: {fault}",)
            else:
                self._whole = text
        return self._faults
