"""What a simulated hall looks and sounds like: made once, deterministic, no file of anybody's."""

from __future__ import annotations

import io
import wave

import numpy as np
from PIL import Image, ImageDraw, ImageOps

WIDTH, HEIGHT = 1280, 720
SAMPLE_RATE = 16_000
SECONDS = 12.0
PAUSE_EVERY = 7  # syllables in a phrase
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
"""Formants in Hz of a, i, u, e, o (Peterson and Barney, 1952, men)."""

LEVEL = 0.0706  # of full scale: about -23 LUFS after upmixing to stereo


def room(other: bool = False) -> bytes:
    """A hall as PNG: wall, flag, presidium, rows of deputies; ``other``: from the other side."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (46, 40, 38))
    draw = ImageDraw.Draw(picture)
    for y in range(HEIGHT // 2):
        draw.line((0, y, WIDTH, y), fill=(70 + y // 12, 58 + y // 14, 50 + y // 16))
    draw.rectangle((860, 60, 1020, 112), fill=(0, 87, 183))
    draw.rectangle((860, 112, 1020, 164), fill=(255, 215, 0))
    draw.rectangle((300, 300, 980, 380), fill=(92, 58, 34))
    for row in range(5):
        seats = 13 - row
        for seat in range(seats + 1):
            x, y = 80 + row * 30 + seat * (1120 - 60 * row) // seats, 440 + row * 58
            draw.ellipse((x - 16, y - 16, x + 16, y + 16), fill=(60 + 9 * seat, 50 + 10 * row, 48))
            draw.rectangle((x - 26, y + 16, x + 26, y + 40), fill=(34, 38, 52))
    if other:
        dim = Image.new("RGB", picture.size, (20, 40, 110))
        picture = Image.blend(ImageOps.mirror(picture), dim, 0.25)
    return _png(picture)


def speaker() -> bytes:
    """The one who speaks, as PNG with a transparent ground."""
    picture = Image.new("RGBA", (120, 150), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((38, 0, 82, 54), fill=(214, 170, 140, 255))
    draw.rounded_rectangle((10, 56, 110, 170), 20, fill=(30, 36, 60, 255))
    return _png(picture)


def voice() -> bytes:
    """Some seconds of syllables as WAV: a voiced tone with formants, hissed consonants, pauses."""
    chance = np.random.default_rng(3590)
    sound = np.zeros(int(SECONDS * SAMPLE_RATE))
    at, count = 0.1, 0
    while at < SECONDS - 0.6:
        length = float(chance.uniform(0.14, 0.26))
        pitch = 118 - 22 * (count % PAUSE_EVERY) / PAUSE_EVERY + float(chance.uniform(-6, 6))
        syllable = _syllable(length, pitch, VOWELS[int(chance.integers(len(VOWELS)))], chance)
        start = int(at * SAMPLE_RATE)
        sound[start : start + len(syllable)] += syllable
        count += 1
        at += length + (0.45 if count % PAUSE_EVERY == 0 else 0.02)
    loud = sound * (LEVEL / np.sqrt(np.mean(sound**2)))
    samples = (np.clip(loud, -1, 1) * 32767).astype("<i2")
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return held.getvalue()


def _syllable(
    length: float, pitch: float, formants: tuple[int, int, int], chance: np.random.Generator
) -> np.ndarray:
    times = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    glide = pitch * (1 + 0.04 * np.sin(np.pi * times / length))
    phase = 2 * np.pi * np.cumsum(glide) / SAMPLE_RATE
    tone = np.zeros_like(times)
    for harmonic in range(1, int(3600 / pitch)):
        near = sum(
            weight * np.exp(-(((harmonic * pitch - formant) / 140) ** 2))
            for formant, weight in zip(formants, (1.0, 0.5, 0.25), strict=True)
        )
        tone += (0.02 + near) / harmonic**0.3 * np.sin(harmonic * phase)
    hiss = np.diff(chance.standard_normal(len(times) + 1)) * np.exp(-times / 0.03) * 0.35
    rise = np.clip(times / 0.03, 0, 1) * np.clip((length - times) / 0.05, 0, 1)
    shaped: np.ndarray = (tone + hiss) * rise
    return shaped


def _png(picture: Image.Image) -> bytes:
    held = io.BytesIO()
    picture.save(held, "PNG")
    return held.getvalue()
