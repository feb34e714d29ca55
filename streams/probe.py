"""Looks at what viewers get: a segment decoded small, its pictures and its sound, at low priority."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avctl.errors import LinkError
from streams.child import leashed
from streams.ffmpeg import compiled

WIDTH, HEIGHT = 64, 36
SECONDS = 10.0  # how long a decoder may take
SILENT = -100.0


@dataclass(frozen=True)
class Looked:
    """The luma of every picture, small (pictures x height x width), and the peak of the sound in dBFS."""

    pictures: NDArray[np.uint8]
    peak_db: float

    def difference(self, expected: NDArray[np.uint8]) -> float:
        """How much the least similar picture differs from one that is expected: 0 (not at all) to 1."""
        if not len(self.pictures):
            return 1.0
        apart = np.abs(self.pictures.astype(np.int16) - expected.astype(np.int16)).mean(axis=(1, 2))
        return float(apart.max()) / 255


def small(picture: Path) -> NDArray[np.uint8]:
    """A still picture as ``Looked`` would have it; OSError when it cannot be read."""
    with Image.open(picture) as image:
        return np.asarray(image.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.uint8)


async def look_at(program: str, segment: Path) -> Looked:
    """Decode a segment; LinkError when that is not possible."""
    source = ffmpeg.input(str(segment), format="mpegts")
    luma = (
        source.video.filter("scale", WIDTH, HEIGHT, flags="area", out_range="pc")
        .filter("format", "gray")
        .output("pipe:1", format="rawvideo", fps_mode="passthrough")
    )
    samples = source.audio.output("pipe:1", format="s16le", ac=2)
    pictures = await _read(compiled(luma, program, "error"))
    sound = await _read(compiled(samples, program, "error"))
    heard = np.frombuffer(sound[: len(sound) // 2 * 2], dtype=np.int16).astype(np.float64)
    peak = float(np.abs(heard).max(initial=0)) / 32768
    frame = WIDTH * HEIGHT
    whole = np.frombuffer(pictures[: len(pictures) // frame * frame], dtype=np.uint8)
    return Looked(whole.reshape(-1, HEIGHT, WIDTH), float(20 * np.log10(peak)) if peak > 0 else SILENT)


async def _read(command: Sequence[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *leashed(("nice", "-n", "10", *command)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, said = await process.communicate()
    except TimeoutError:
        raise LinkError("the segment could not be decoded in time") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise LinkError(f"the segment cannot be decoded: {said.decode(errors='replace').strip()[-200:]}")
    return out
