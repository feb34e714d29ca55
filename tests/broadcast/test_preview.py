"""The small picture people look at has the colours of the programme."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streams.album import PREVIEW_FILE, Album
from streams.frames import Format, Frame, to_jpeg_picture

FORM = Format(width=1280, height=720, fps=25)


def plain(colour: str) -> Frame:
    frame = np.zeros(FORM.frame_bytes, dtype=np.uint8)
    FORM.paint(frame, Image.new("RGB", (FORM.width, FORM.height), colour))
    return frame


@pytest.mark.parametrize("colour", ["white", "black", "yellow", "blue", "red", "grey"])
def test_a_colour_stays_what_it_is(colour: str) -> None:
    wanted = Image.new("RGB", (FORM.width, FORM.height), colour)
    seen = to_jpeg_picture(FORM, plain(colour), 640).convert("RGB")
    assert seen.size == (640, 360)
    difference = np.asarray(seen, dtype=int)[180, 320] - np.asarray(wanted, dtype=int)[0, 0]
    assert np.abs(difference).max() <= 40, f"{colour} became {seen.getpixel((320, 180))}"  # BT.601 for BT.709


def test_a_picture_that_is_being_saved_is_covered_too(tmp_path: Path) -> None:
    """A part is closed in the moment in which the last picture of the hall is made into a file."""
    for turn in range(8):
        _close_while_saving(tmp_path / str(turn))


def _close_while_saving(folder: Path) -> None:
    folder.mkdir()
    album, begun, closing = Album(folder, FORM), threading.Event(), threading.Event()
    hall, slate = plain("white"), plain("black")

    def latest() -> Frame:
        begun.set()
        closing.wait(5)  # whoever closes has come by now
        return hall

    def close() -> None:
        closing.set()
        album.cover(slate)

    showing = threading.Thread(target=album.show, args=(latest,))
    showing.start()
    begun.wait(5)
    close()
    covered = (folder / PREVIEW_FILE).read_bytes()
    showing.join()
    assert (folder / PREVIEW_FILE).read_bytes() == covered
    assert np.asarray(Image.open(folder / PREVIEW_FILE).convert("L")).max() < 40
