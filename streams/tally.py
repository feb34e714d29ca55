"""What a source really sends, from what its ffmpeg says: pictures decoded each second, channels of sound.

After the reader's ``fps`` filter every source has the programme's rate; a camera that sends half of it would
not be noticed there. So a line is written for each picture before that filter, and the lines are counted.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LINES = 2  # that the filter writes for each picture
LOOK_SECONDS = 3.0  # a network gives by fits and starts
# Stream #0:1[0x101](ukr): Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, 5.1, fltp, 128 kb/s
_AUDIO = re.compile(r"Stream #\d+:\d+.*?: Audio: .*?, \d+ Hz, ([^,]+)")


class Tally(asyncio.Protocol):
    """Counts for one source, over all lives of its reader. ``fps``: decoded pictures each second, of late.

    ``audio``: mono, stereo, 5.1 and so on; none; empty while it is not known.
    """

    def __init__(self) -> None:
        self.fps = 0.0
        self.audio = ""
        self._lines = 0
        self._looked = 0.0

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[int]:
        """The end of a pipe for the reader's lines."""
        self.fps, self.audio, self._lines, self._looked = 0.0, "", 0, time.monotonic()
        lines, end = os.pipe()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: self, os.fdopen(lines, "rb")
        )
        try:
            yield end
        finally:
            transport.close()
            os.close(end)
            self.fps = 0.0

    def data_received(self, data: bytes) -> None:
        """Some lines."""
        self._lines += data.count(b"\n")

    def look(self) -> None:
        """Called again and again while the reader lives."""
        now = time.monotonic()
        if (passed := now - self._looked) >= LOOK_SECONDS:
            self.fps = round(self._lines / LINES / passed, 1)
            self._lines, self._looked = 0, now

    def hear(self, line: str) -> None:
        """A line of the reader's banner: what is before the first output describes the source."""
        if self.audio:
            return
        if found := _AUDIO.search(line):
            self.audio = found[1].partition("(")[0]
        elif line.startswith(("Output #", "Stream mapping")):
            self.audio = "none"
