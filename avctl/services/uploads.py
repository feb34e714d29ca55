"""Files for screens: looked at before they are believed, by Pillow and, in a process, ffmpeg."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from avctl.errors import BadArgument
from avctl.model.playing import ContentKind, File

PICTURES: Mapping[str, tuple[str, str]] = {
    "JPEG": ("image/jpeg", ".jpg"),
    "PNG": ("image/png", ".png"),
    "WEBP": ("image/webp", ".webp"),
}
VIDEOS: Mapping[str, tuple[str, str]] = {"mp4": ("video/mp4", ".mp4"), "webm": ("video/webm", ".webm")}
DEMUXERS: Mapping[str, str] = {"mp4": "mov", "webm": "matroska"}
CODECS: Mapping[str, tuple[str, ...]] = {  # what browsers on walls and kiosks play
    "mp4": ("h264", "av1", "vp9"),
    "webm": ("vp8", "vp9", "av1"),
}
PLAYED = "a video that browsers play: MP4 with H.264, or WebM with VP8, VP9 or AV1"
SMALLEST, LARGEST = 160, 8192  # pixels of a side
LONGEST = 4 * 3600  # seconds
LOOK_SECONDS = 120.0  # for ffmpeg; more is a file that cannot be used
HEAD = 64  # bytes that say what a file is
H264 = ("yuv420p", "yuvj420p")  # what browsers, and the chips of kiosks, decode
DECODED = 30.0  # seconds of a video that are decoded, from its beginning
TAIL = 5.0  # and of its end: of a file that was cut off nothing is there
EITHER = "a picture (JPEG, PNG or WebP) or a video (MP4 or WebM)"
MARKS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")  # of pictures


async def examined(path: Path, kind: ContentKind, ffmpeg: str = "") -> File:
    """What a file is; BadArgument says what is wrong with it."""
    size, checksum = await asyncio.to_thread(_weighed, path)
    if not size:
        raise BadArgument("file", "a file that is not empty")
    if kind is ContentKind.PICTURE:
        media, ending, width, height = await asyncio.to_thread(_picture, path)
        seconds = 0.0
    else:
        media, ending, width, height, seconds = await _video(path, ffmpeg)
    if not all(SMALLEST <= side <= LARGEST for side in (width, height)):
        raise BadArgument(
            "file", f"this many pixels each way: {SMALLEST} to {LARGEST} (got {width} x {height})"
        )
    return File(
        name=f"{checksum[:32]}{ending}",
        media_type=media,
        size=size,
        width=width,
        height=height,
        seconds=seconds,
        checksum=checksum,
    )


def _weighed(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _picture(path: Path) -> tuple[str, str, int, int]:
    expected = "a picture that can be shown: JPEG, PNG or WebP, and whole"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=tuple(PICTURES)) as image:
                width, height = image.size
                if width <= LARGEST and height <= LARGEST:
                    image.load()  # the whole of it: a file that ends early is no picture
                media, ending = PICTURES[image.format or ""]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bad:
        raise BadArgument("file", f"fewer pixels, at most this many each way: {LARGEST}") from bad
    except (OSError, SyntaxError, ValueError, KeyError) as bad:
        raise BadArgument("file", expected) from bad
    return media, ending, width, height


async def _video(path: Path, ffmpeg: str) -> tuple[str, str, int, int, float]:
    program = ffmpeg or shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())
    container = container_of(await asyncio.to_thread(_head, path))
    if container is None:
        raise BadArgument("file", PLAYED)
    # Read as what it is: a list of other files by another name would make ffmpeg open those.
    source = ("-f", DEMUXERS[container], "-i", f"file:{path}")
    _status, said = await _run(program, *source)
    stream = re.search(r"Video: (\w+).*?, (\w+)(?:\(.*?\))?, (\d{2,5})x(\d{2,5})", said)
    length = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", said)
    if stream is None or length is None:
        raise BadArgument("file", PLAYED)
    if stream[1] not in CODECS[container] or (stream[1] == "h264" and stream[2] not in H264):
        raise BadArgument("file", f"{PLAYED} (got {container.upper()}, {stream[1]}, {stream[2]})")
    seconds = int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3])
    if not 0 < seconds <= LONGEST:
        raise BadArgument("file", "a video of at most four hours")
    parts = [(*source, "-t", f"{DECODED:g}")]
    if seconds > DECODED:
        parts.append(("-sseof", f"-{TAIL:g}", *source))
    for part in parts:
        strict = ("-v", "error", "-xerror", "-abort_on", "empty_output")
        status, faults = await _run(program, *strict, *part, "-f", "null", "-")
        if status or faults.strip():
            raise BadArgument("file", "a video that is whole: this one cannot be decoded")
    media, ending = VIDEOS[container]
    return media, ending, int(stream[3]), int(stream[4]), round(seconds, 2)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def kind_of(head: bytes) -> ContentKind:
    """What a file that begins so is taken for until it is looked at; BadArgument: nothing for screens."""
    if not head:
        raise BadArgument("file", "a file that is not empty")
    if container_of(head) is not None:
        return ContentKind.VIDEO
    if not head.startswith(MARKS):
        raise BadArgument("file", EITHER)
    return ContentKind.PICTURE


def container_of(head: bytes) -> str | None:
    """What a file that begins so is: mp4, webm, or None for anything else."""
    if head[4:8] == b"ftyp":
        return "mp4"
    # Matroska at large is no WebM: the document's type is told within the first element.
    return "webm" if head.startswith(b"\x1a\x45\xdf\xa3") and b"\x42\x82\x84webm" in head else None


async def _run(program: str, *arguments: str) -> tuple[int, str]:
    """A child that gets no more than its time, behind whatever is on air."""
    child = await asyncio.create_subprocess_exec(
        *("nice", "-n", "10") if shutil.which("nice") else (),
        program,
        *("-hide_banner", "-nostdin", "-protocol_whitelist", "file,pipe"),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            _, said = await child.communicate()
    except TimeoutError:
        raise BadArgument("file", "a video that can be looked at in two minutes") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, said.decode(errors="replace")
