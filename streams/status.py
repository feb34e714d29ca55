"""What a runner says of itself: the status it pushes to its control socket and keeps in status.json."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

STATUS_FILE = "status.json"

RunnerPhase = Literal["arming", "armed", "live", "degraded", "ending", "ended", "failed"]


class _Said(BaseModel):
    """Read with mercy: an older controller may meet a newer runner."""

    model_config = ConfigDict(extra="ignore")


class LowerThird(_Said):
    """Who is named in the picture; an empty name is nobody."""

    name: str = ""
    role: str = ""


class SourceStatus(_Said):
    """``present`` only while frames really arrive; ``frames`` counts them since the runner's start.

    ``using`` is, for a source with a stand-in, the feed that is shown for it. ``fps`` is what it really
    sends, ``dropped`` came too fast, ``repeated`` came too late; ``audio``: mono, stereo, 5.1, none.
    """

    present: bool = False
    since: AwareDatetime
    frames: int = 0
    restarts: int = 0
    reason: str = ""
    using: str = ""
    fps: float = 0
    dropped: int = 0
    repeated: int = 0
    audio: str = ""


class RenditionStatus(_Said):
    """``segments`` listed in the public playlist, ``kbps`` measured over the last one."""

    segments: int = 0
    kbps: float = 0


class HlsStatus(_Said):
    """``advancing`` is a fact about the public playlist, not what the encoder claims."""

    advancing: bool = False
    segments: int = 0
    last_segment_at: AwareDatetime | None = None
    renditions: dict[str, RenditionStatus] = Field(default_factory=dict)


class RecordingStatus(_Said):
    """``growing`` is a fact about the file; ``file`` is relative to the broadcast's folder."""

    growing: bool = False
    bytes: int = 0
    file: str = ""
    restarts: int = 0
    reason: str = ""


class PushStatus(_Said):
    """``live`` only while the platform takes what it is sent; ``since`` says for how long it is so."""

    title: str = ""
    live: bool = False
    since: AwareDatetime
    bytes: int = 0
    restarts: int = 0
    reason: str = ""


class Outputs(_Said):
    """What leaves the programme."""

    hls: HlsStatus = HlsStatus()
    recording: RecordingStatus = RecordingStatus()
    pushes: dict[str, PushStatus] = Field(default_factory=dict)


class EncoderStatus(_Said):
    """``fps`` is what it took from us over the last second; ``behind`` what waits for it, in seconds.

    ``step`` of the ladder (see ``ladder.py``): 0 is everything; ``reduced`` says what is encoded instead.
    ``chip`` is what encodes; ``fault`` is why a chip does not that should.
    """

    chip: str = "x264"
    fault: str = ""
    alive: bool = False
    restarts: int = 0
    fps: float = 0
    dropped: int = 0
    behind: float = 0
    step: int = 0
    reduced: str = ""


class RunnerStatus(_Said):
    """The whole truth about a broadcast. ``wanted`` was asked for, ``showing`` is what viewers see.

    ``times``: when slates are over, as far as it is known. ``wrong``: what picture and sound have had for too
    long, and since when (see ``watch.py``). ``writes``: whether anything can be written over the picture.
    """

    pid: int
    session: str
    phase: RunnerPhase = "arming"
    reason: str = ""
    showing: str = "slate:starting"
    wanted: str = "slate:starting"
    closed: bool = False
    closed_at: AwareDatetime | None = None
    lower_third: LowerThird = LowerThird()
    times: dict[str, AwareDatetime] = Field(default_factory=dict)
    published: bool = False
    recording: bool = False
    sources: dict[str, SourceStatus] = Field(default_factory=dict)
    outputs: Outputs = Outputs()
    wrong: dict[str, AwareDatetime] = Field(default_factory=dict)
    encoder: EncoderStatus = EncoderStatus()
    music_fault: str = ""
    writes: bool = True
    frames: int = 0
    repeated: int = 0
    started_at: AwareDatetime
    published_at: AwareDatetime | None = None
    recording_started_at: AwareDatetime | None = None
    planned_end: AwareDatetime | None = None


def read_status(folder: Path) -> RunnerStatus:
    """The last status a runner left in its folder; ``OSError`` or ``ValueError`` when there is none."""
    return RunnerStatus.model_validate_json((folder / STATUS_FILE).read_bytes())


def remembered_step(folder: Path) -> int:
    """The step of the ladder a runner was at last."""
    with suppress(OSError, ValueError):
        return read_status(folder).encoder.step
    return 0


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write so that a reader sees the old content or the new, never a part of it."""
    beside = path.with_name(f".{path.name}.new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    os.replace(beside, path)
