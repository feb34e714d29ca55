"""From the parts of a recording to one MP4 that a browser plays from any moment, with its chapters."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from avctl.errors import LinkError
from streams.child import Child
from streams.ffmpeg import QUIET, find_ffmpeg
from streams.recording import parts_of
from streams.status import replace_file

ARCHIVE = "archive"
VIDEO, CHAPTERS, FACTS = "video.mp4", "chapters.vtt", "recording.json"
SHORTEST = 0.5  # seconds; of marks closer than that the last one counts
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A part of the recording: from and to in seconds, and what it is about."""

    start: float
    end: float
    title: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """The finished recording: length in seconds, size in bytes."""

    seconds: float
    size: int


def published(folder: Path) -> Published | None:
    """The finished recording of a broadcast; None while there is none."""
    try:
        facts = json.loads((folder / ARCHIVE / FACTS).read_bytes())
        return Published(seconds=float(facts["seconds"]), size=int(facts["size"]))
    except (OSError, ValueError, KeyError):
        return None


async def remux(
    folder: Path,
    marks: Sequence[tuple[float, str]],
    program: str | None = None,
    recorded: Path | None = None,
) -> Published:
    """Make ``archive/video.mp4`` and ``archive/chapters.vtt`` by copying; LinkError says why it failed.

    ``marks``: seconds in the recording and titles. Nothing is encoded anew. Whole or not there at all.
    ``recorded`` is where the recording is, when that is another disk.
    """
    parts = parts_of(recorded or folder)
    if not parts:
        raise LinkError("there is no recording")
    archive = folder / ARCHIVE
    archive.mkdir(exist_ok=True)
    ffmpeg_program = find_ffmpeg(program)
    draft = archive / f".{VIDEO}"
    list_file, meta_file = archive / ".parts.txt", archive / ".chapters.txt"
    marked = archive / f".marked.{VIDEO}"
    list_file.write_text("".join(f"file '{_quoted(part)}'\n" for part in parts), encoding="utf-8")
    try:
        joined = _joined(ffmpeg_program, list_file, draft)
        await _do(joined)
        seconds = await _length(ffmpeg_program, draft)
        chapters = chapters_of(marks, seconds)
        if chapters:
            meta_file.write_text(_metadata(chapters), encoding="utf-8")
            await _do(_marked(ffmpeg_program, draft, meta_file, marked))
            os.replace(marked, draft)
        replace_file(archive / CHAPTERS, _webvtt(chapters).encode())
        size = draft.stat().st_size
        os.replace(draft, archive / VIDEO)
        replace_file(archive / FACTS, json.dumps({"seconds": seconds, "size": size}).encode())
    finally:
        for file in (list_file, meta_file, draft, marked):
            file.unlink(missing_ok=True)
    return Published(seconds=seconds, size=size)


def chapters_of(marks: Sequence[tuple[float, str]], seconds: float) -> list[Chapter]:
    """Marks as chapters that follow each other to the end."""
    kept: list[tuple[float, str]] = []
    for start, title in sorted(marks, key=lambda mark: mark[0]):
        if start >= seconds:
            break
        if kept and start - kept[-1][0] < SHORTEST:
            kept.pop()
        kept.append((max(0.0, start), title))
    ends = [*(start for start, _ in kept[1:]), seconds]
    return [
        Chapter(start=start, end=end, title=title) for (start, title), end in zip(kept, ends, strict=False)
    ]


def _joined(program: str, parts: Path, target: Path) -> list[str]:
    feed = ffmpeg.input(str(parts), format="concat", safe=0)
    made = feed.output(str(target), c="copy", movflags="+faststart", f="mp4", **{"bsf:a": "aac_adtstoasc"})
    command: list[str] = made.global_args(*QUIET, "-loglevel", "error", "-y").compile(cmd=program)
    return command


def _marked(program: str, video: Path, meta: Path, target: Path) -> list[str]:
    feed = ffmpeg.input(str(video))
    made = feed.output(str(target), c="copy", movflags="+faststart", f="mp4", map_metadata=1, map_chapters=1)
    command: list[str] = made.global_args(*QUIET, "-loglevel", "error", "-y").compile(cmd=program)
    # A file of metadata has no stream that a graph could hold: it is named beside the graph's own input.
    after_input = command.index(str(video)) + 1
    return [*command[:after_input], "-f", "ffmetadata", "-i", str(meta), *command[after_input:]]


async def _do(command: Sequence[str]) -> None:
    async with Child("remux", command) as child:
        if await child.ended() != 0:
            raise LinkError(f"the recording cannot be joined: {child.said or 'ffmpeg failed'}")


async def _length(program: str, video: Path) -> float:
    """Seconds, as ffmpeg reads them: ffprobe may be absent."""
    async with Child("length", (program, "-hide_banner", "-i", str(video))) as child:
        await child.ended()
    for line in child.tail:
        if found := _DURATION.search(line):
            return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
    raise LinkError("the joined recording has no length")


def _metadata(chapters: Sequence[Chapter]) -> str:
    lines = [";FFMETADATA1"]
    for chapter in chapters:
        start, end = round(chapter.start * 1000), round(chapter.end * 1000)
        title = re.sub(r"([=;#\\\n])", r"\\\1", chapter.title)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}", f"title={title}"]
    return "\n".join(lines) + "\n"


def _webvtt(chapters: Sequence[Chapter]) -> str:
    lines = ["WEBVTT", ""]
    for chapter in chapters:
        title = " ".join(chapter.title.replace("-->", "→").split())
        title = title.replace("&", "&amp;").replace("<", "&lt;")
        lines += [f"{_clock(chapter.start)} --> {_clock(chapter.end)}", title, ""]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds:03d}"


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "'\\''")
