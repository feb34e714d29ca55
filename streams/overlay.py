"""The lower third: a name and a role in the bottom left of the picture, faded in and out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from streams.frames import Format, Frame, planes_of
from streams.lettering import font, shorten

FADE_SECONDS = 0.3
OPACITY = 0.85
BAND, BAR, INK, PALE = (13, 34, 64), (255, 215, 0), (255, 255, 255), (200, 212, 232)


class LowerThird:
    """One drawn name, ready to be blended into frames; only its own box of the picture is touched."""

    def __init__(self, form: Format, name: str, role: str) -> None:
        self._form = form
        height = form.height
        large, small = font(max(9, height // 20), bold=True), font(max(7, height // 30))
        pad = max(4, height // 60)
        # Title-safe is the inner 90 % of the picture (EBU R 95).
        most = int(form.width * 0.9) - 3 * pad
        name, role = shorten(name, large, most), shorten(role, small, most)
        wide = int(max(large.getlength(name), small.getlength(role))) + 4 * pad
        tall = height // 20 + (height // 24 if role else 0) + 3 * pad
        self.width, self.height = _even(wide), _even(tall)
        self.left, self.top = _even(form.width // 20), _even(height * 0.93 - self.height)
        colours = Image.new("RGB", (self.width, self.height), BAND)
        draw = ImageDraw.Draw(colours)
        draw.rectangle((0, 0, pad, self.height), fill=BAR)
        draw.text((2.5 * pad, pad), name, INK, large, "la")
        draw.text((2.5 * pad, self.height - 1.2 * pad), role, PALE, small, "ld")
        # Letters and bar are solid, the band lets the hall shine through.
        rgb = np.asarray(colours, dtype=np.float32)
        solid = np.abs(rgb - np.array(BAND, dtype=np.float32)).max(axis=2) / 255
        alpha = (OPACITY + (1 - OPACITY) * np.clip(solid * 2, 0, 1)).astype(np.float32)
        thin = alpha.reshape(self.height // 2, 2, self.width // 2, 2).mean(axis=(1, 3))
        self._layers = tuple(
            (plane.astype(np.float32), share)
            for plane, share in zip(planes_of(rgb), (alpha, thin, thin), strict=True)
        )
        self._ready = [_weigh(plane, share, 1.0) for plane, share in self._layers]

    def over(self, frame: Frame, strength: float) -> Frame:
        """A copy of the frame with the name on it; ``strength`` from 0 to 1 is how far it has faded in."""
        ready = self._ready
        if strength < 1:
            ready = [_weigh(plane, share, strength) for plane, share in self._layers]
        changed = frame.copy()
        for plane, (ink, keep), scale in zip(self._form.planes(changed), ready, (1, 2, 2), strict=True):
            top, left = self.top // scale, self.left // scale
            box = plane[top : top + ink.shape[0], left : left + ink.shape[1]]
            # 8 bit fixed point: ink is already multiplied by its share.
            box[:] = (ink + box * keep) >> 8
        return changed


def _weigh(
    plane: NDArray[np.float32], share: NDArray[np.float32], strength: float
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    weight = np.rint(share * strength * 256)
    return (plane * weight).astype(np.uint16), (256 - weight).astype(np.uint16)


def _even(value: float) -> int:
    return int(value) // 2 * 2
