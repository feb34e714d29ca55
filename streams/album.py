"""Pictures of a broadcast to look at: the programme and each source, twice a second, as JPEG files."""

from __future__ import annotations

import asyncio
import io
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from streams import beat
from streams.frames import Format, Frame, to_jpeg_picture
from streams.plan import CLOSED_FILE
from streams.programme import Programme
from streams.reader import Reader
from streams.status import replace_file

log = logging.getLogger(__name__)

PREVIEW_FILE = "preview.jpg"
SOURCE_FILE = "source-{}.jpg"
LOOK_SECONDS = 0.5  # with the page's 0.4, what a technician sees is less than a second old
PREVIEW_WIDTH, SOURCE_WIDTH = 640, 320


class Album:
    """Keeps the pictures of one broadcast new."""

    def __init__(self, folder: Path, form: Format) -> None:
        self._folder, self._form = folder, form
        self._turn = threading.Lock()  # once a part is closed, no older picture of the hall is saved

    async def run(self, programme: Programme, readers: Mapping[str, Reader]) -> None:
        """Until cancelled."""
        for number in itertools.count():
            await beat.pause(LOOK_SECONDS)
            if number % 2:  # its clock goes by the second
                await asyncio.to_thread(self.save, CLOSED_FILE, programme.slate("closed"))
            await asyncio.to_thread(self.show, lambda: programme.latest)
            for name, reader in readers.items():
                if (frame := reader.latest) is not None:
                    await asyncio.to_thread(self.save, SOURCE_FILE.format(name), frame, SOURCE_WIDTH)

    def show(self, latest: Callable[[], Frame | None]) -> None:
        """Save the newest picture of the programme: it is asked for when no other is being saved."""
        with self._turn:
            if (frame := latest()) is not None:
                self.save(PREVIEW_FILE, frame)

    def cover(self, slate: Frame) -> None:
        """Put a slate in the picture's place; what ``show`` had begun before is gone when this returns."""
        with self._turn:
            self.save(PREVIEW_FILE, slate)

    def save(self, name: str, frame: Frame, width: int = PREVIEW_WIDTH) -> None:
        """Write one; a disk that does not take it is no reason to stop."""
        picture = io.BytesIO()
        to_jpeg_picture(self._form, frame, width).save(picture, "JPEG", quality=75)
        try:
            replace_file(self._folder / name, picture.getvalue(), 0o600)
        except OSError as fault:
            log.debug("%s cannot be written: %s", name, fault.strerror)
