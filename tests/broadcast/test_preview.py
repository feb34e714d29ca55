"""The small picture people look at has the colours of the programme."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from streams.frames import Format, to_jpeg_picture

FORM = Format(width=1280, height=720, fps=25)


@pytest.mark.parametrize("colour", ["white", "black", "yellow", "blue", "red", "grey"])
def test_a_colour_stays_what_it_is(colour: str) -> None:
    wanted = Image.new("RGB", (FORM.width, FORM.height), colour)
    frame = np.zeros(FORM.frame_bytes, dtype=np.uint8)
    FORM.paint(frame, wanted)
    seen = to_jpeg_picture(FORM, frame, 640).convert("RGB")
    assert seen.size == (640, 360)
    difference = np.asarray(seen, dtype=int)[180, 320] - np.asarray(wanted, dtype=int)[0, 0]
    assert np.abs(difference).max() <= 40, f"{colour} became {seen.getpixel((320, 180))}"  # BT.601 for BT.709
