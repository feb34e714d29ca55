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
from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.priority import LATER

WIDTH, HEIGHT = 64, 36
SECONDS = 10.0  # how long a decoder may take
SILENT = -100.0


@dataclass(frozen=True)
class Looked:
    """The luma of every picture, small (pictures x height x width), and the sound (samples x channels)."""

    pictures: NDArray[np.uint8]
    sound: NDArray[np.int16]

    @property
    def peak_db(self) -> float:
        """The peak of the sound in dBFS."""
        return _decibels(float(np.abs(self.sound.astype(np.float64)).max(initial=0)) / 32768)

    @property
    def contrast(self) -> float:
        """How far the luma of the middle picture is from one grey, 0 to 1: its standard deviation."""
        return float(self.pictures[len(self.pictures) // 2].std()) / 255 if len(self.pictures) else 0.0

    def tone(self) -> tuple[float, float]:
        """The strongest tone of the left channel: its frequency in Hz and its peak in dBFS."""
        left = self.sound[:, 0].astype(np.float64) / 32768 if len(self.sound) else np.zeros(2)
        window = np.hanning(len(left))
        spectrum = np.abs(np.fft.rfft(left * window))
        strongest = int(spectrum.argmax())
        near = slice(max(0, strongest - 2), strongest + 3)  # a window spreads a tone over some bins
        power = (spectrum[near] ** 2).sum() / max(1e-12, (window**2).sum() * len(left) / 2)
        return strongest * SAMPLE_RATE / len(left), _decibels(float(np.sqrt(2 * power)))

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


async def look_at(program: str, segment: Path, init: Path | None = None) -> Looked:
    """Decode a segment, after what must be read before it; LinkError when that is not possible."""
    if init is None:
        source = ffmpeg.input(str(segment), format="mpegts")
    else:
        source = ffmpeg.input(f"concat:{init}|{segment}", format="mp4")
    luma = (
        source.video.filter("scale", WIDTH, HEIGHT, flags="area", out_range="pc")
        .filter("format", "gray")
        .output("pipe:1", format="rawvideo", fps_mode="passthrough")
    )
    samples = source.audio.output("pipe:1", format="s16le", ac=2, ar=SAMPLE_RATE)
    pictures = await _read(compiled(luma, program, "error"))
    sound = await _read(compiled(samples, program, "error"))
    heard = np.frombuffer(sound[: len(sound) // 4 * 4], dtype=np.int16).reshape(-1, 2)
    frame = WIDTH * HEIGHT
    whole = np.frombuffer(pictures[: len(pictures) // frame * frame], dtype=np.uint8)
    return Looked(whole.reshape(-1, HEIGHT, WIDTH), heard)


def _decibels(level: float) -> float:
    return float(20 * np.log10(level)) if level > 0 else SILENT


async def _read(command: Sequence[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *leashed(command, LATER),
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
