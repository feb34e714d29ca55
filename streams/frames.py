"""Pictures as they travel through a broadcast: planar 4:2:0, 8 bit, BT.709, one flat array a frame.

A frame is never changed once another part may hold it; whoever wants it otherwise makes a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]
Samples = NDArray[np.int16]

CHANNELS = 2
SAMPLE_RATE = 48_000

# BT.709, 8 bit, limited range (ITU-R BT.709-6, 3.3 and 4.5).
_TO_YCC = np.array(
    [
        [0.2126 * 219, 0.7152 * 219, 0.0722 * 219],
        [-0.1146 * 224, -0.3854 * 224, 0.5 * 224],
        [0.5 * 224, -0.4542 * 224, -0.0458 * 224],
    ],
    dtype=np.float32,
) / np.float32(255)
_OFFSET = np.array([16, 128, 128], dtype=np.float32)
# From limited to full range, value by value.
_FULL_LUMA = np.clip((np.arange(256) - 16) * 255 // 219, 0, 255).astype(np.uint8)
_FULL_CHROMA = np.clip((np.arange(256) - 128) * 255 // 224 + 128, 0, 255).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class Format:
    """The programme's format: picture size in pixels, pictures a second."""

    width: int
    height: int
    fps: int

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * 3 // 2

    @property
    def samples(self) -> int:
        """Samples (of each channel) that belong to one picture."""
        return SAMPLE_RATE // self.fps

    @property
    def sound_bytes(self) -> int:
        return self.samples * CHANNELS * 2

    def planes(self, frame: Frame) -> tuple[Frame, Frame, Frame]:
        """Luma and the two chroma planes, as views into the frame."""
        luma = self.width * self.height
        chroma = luma // 4
        half = (self.height // 2, self.width // 2)
        return (
            frame[:luma].reshape(self.height, self.width),
            frame[luma : luma + chroma].reshape(half),
            frame[luma + chroma :].reshape(half),
        )

    def silence(self) -> Samples:
        """The sound of one picture without any."""
        return np.zeros((self.samples, CHANNELS), dtype=np.int16)

    def black(self) -> Frame:
        """A picture without any."""
        frame = np.full(self.frame_bytes, 128, dtype=np.uint8)
        frame[: self.width * self.height] = 16
        return frame

    def paint(self, frame: Frame, picture: Image.Image, left: int = 0, top: int = 0) -> None:
        """Put an RGB picture of even size at an even place of a frame that is ours to change."""
        luma, blue, red = self.planes(frame)
        y, u, v = to_planes(picture)
        luma[top : top + y.shape[0], left : left + y.shape[1]] = y
        for plane, part in ((blue, u), (red, v)):
            plane[top // 2 : top // 2 + part.shape[0], left // 2 : left // 2 + part.shape[1]] = part


def to_planes(picture: Image.Image) -> tuple[Frame, Frame, Frame]:
    """An RGB picture of even size as luma and half-size chroma planes."""
    matrix = np.column_stack((_TO_YCC, _OFFSET)).ravel().tolist()
    turned = picture.convert("RGB").convert("RGB", matrix)
    chroma = np.asarray(turned.reduce(2))
    return np.asarray(turned)[:, :, 0], chroma[:, :, 1], chroma[:, :, 2]


def colours_of(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """RGB values (height, width, 3) as luma and chroma of the same size, not yet rounded."""
    ycc: NDArray[np.float32] = rgb @ _TO_YCC.T + _OFFSET
    return ycc


def planes_of(rgb: NDArray[np.float32]) -> tuple[Frame, Frame, Frame]:
    """RGB values (height, width, 3) as luma and half-size chroma planes."""
    ycc = colours_of(rgb)
    y = np.rint(ycc[:, :, 0]).astype(np.uint8)
    height, width = y.shape
    chroma = ycc[:, :, 1:].reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3))
    chroma = np.rint(chroma).astype(np.uint8)
    return y, chroma[:, :, 0], chroma[:, :, 1]


def to_jpeg_picture(form: Format, frame: Frame, width: int) -> Image.Image:
    """A smaller picture to look at, about ``width`` wide; cheap: planes are thinned, not filtered."""
    step = max(1, round(form.width / width))
    luma, blue, red = form.planes(frame)
    y = luma[::step, ::step]
    size = (y.shape[1], y.shape[0])
    # JPEG has the full range and its own matrix; the matrix differs little, the range would show.
    thin = slice(None, None, max(1, step // 2))
    chroma = [
        Image.fromarray(_FULL_CHROMA[plane[thin, thin]]).resize(size, Image.Resampling.NEAREST)
        for plane in (blue, red)
    ]
    return Image.merge("YCbCr", (Image.fromarray(_FULL_LUMA[y]), *chroma))
