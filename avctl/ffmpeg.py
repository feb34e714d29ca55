"""Finding ffmpeg: what encodes, decodes and measures is a program of its own."""

from __future__ import annotations

import shutil

import imageio_ffmpeg

from avctl.errors import ConfigError


def find_ffmpeg(wanted: str | None = None) -> str:
    """The program to run: the one that is wanted, else the machine's, else the one inside imageio-ffmpeg."""
    if wanted:
        found = shutil.which(wanted)
        if found is None:
            raise ConfigError(f"ffmpeg: {wanted} is not a program", (("ffmpeg", "a program"),))
        return found
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as exc:
        raise ConfigError("ffmpeg: not on this machine and not in imageio-ffmpeg") from exc
