"""What a broadcast is to do: the plan the controller writes and the runner reads from its folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from avctl.errors import ConfigError
from streams.coders import Chip

PLAN_FILE = "plan.json"
CLOSED_FILE = "closed.jpg"  # what a closed part looks like, for those who prove it
AUDIO_ONLY = "audio"  # the list without picture
LOCK_FILE = "lock"  # held by the runner of the folder

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"]
Even = Annotated[int, Field(ge=64, le=4096, multiple_of=2)]


class SourcePlan(BaseModel):
    """One feed from the hall. ``url`` may hold a passphrase: it never leaves this model for a log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name
    url: str = Field(min_length=1, repr=False)
    title: str = ""
    fetch: bool = False
    loop: bool = False
    backup_for: Name | None = None


class RenditionPlan(BaseModel):
    """One rung of the ladder, sizes in pixels, rates in kbit/s."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    width: Even
    height: Even
    video_kbps: int = Field(ge=50, le=50_000)
    audio_kbps: int = Field(default=128, ge=16, le=512)


class RecordPlan(BaseModel):
    """How the recording is written: at most one fragment is lost when everything dies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fragment_seconds: float = Field(default=2, gt=0, le=60)
    second_folder: str | None = None


class PushPlan(BaseModel):
    """A platform that gets the programme too. ``url`` has the stream key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name
    title: str = ""
    url: str = Field(min_length=1, repr=False)


class WatchPlan(BaseModel):
    """How long something must be wrong before it is said, in seconds, and below what sound is silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    black_seconds: float = Field(default=3, ge=0)
    freeze_seconds: float = Field(default=10, ge=0)
    silence_seconds: float = Field(default=10, ge=0)
    silence_db: float = Field(default=-60, ge=-90, le=-20)
    clipping_seconds: float = Field(default=1, ge=0)
    channel_seconds: float = Field(default=10, ge=0)
    phase_seconds: float = Field(default=10, ge=0)


class ClosedPlan(BaseModel):
    """What a closed part does beside showing its slate: how many seconds are taken back from viewers, and for
    whom (age recipients) the hall is still recorded, encrypted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    withdraw_seconds: float = Field(default=6, ge=0, le=300)
    recipients: tuple[str, ...] = ()


class OverlaysPlan(BaseModel):
    """What is over the hall's picture without anybody asking."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    logo: bool = False
    clock: bool = False
    live: bool = False


class LimitsPlan(BaseModel):
    """What a broadcast may have of the machine, and what is done when that is not enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step_down: bool = True
    backlog_seconds: float = Field(default=8, ge=3, le=60)
    up_after_seconds: float = Field(default=120, ge=1)
    nice: int = Field(default=-5, ge=-20, le=19)
    cpu_weight: int = Field(default=200, ge=1, le=10_000)
    memory_mb: int = Field(default=0, ge=0)
    child_memory_mb: int = Field(default=2500, ge=0)

    @property
    def child_memory(self) -> int:
        """The most memory a child may have, in bytes; 0: as much as there is."""
        return self.child_memory_mb * 1_000_000


DEFAULT_RENDITIONS = (
    RenditionPlan(name="720p", width=1280, height=720, video_kbps=2500, audio_kbps=128),
    RenditionPlan(name="360p", width=640, height=360, video_kbps=700, audio_kbps=96),
)


class Plan(BaseModel):
    """Everything a runner needs to know; the first rendition is the programme's own size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    session: Name
    title: str = ""
    council: str = ""
    council_en: str = ""
    language: Literal["uk", "en"] = "uk"
    timezone: str = "Europe/Kyiv"
    sources: tuple[SourcePlan, ...] = Field(min_length=1)
    renditions: tuple[RenditionPlan, ...] = Field(default=DEFAULT_RENDITIONS, min_length=1)
    audio_only_kbps: int = Field(default=0, ge=0, le=512)
    fps: int = Field(default=25, ge=5, le=60)
    preset: Preset = "veryfast"
    encoder: Chip = "x264"
    encoder_device: str = ""
    segments: Literal["ts", "fmp4"] = "ts"
    segment_seconds: int = Field(default=2, ge=1, le=10)
    dvr_seconds: int = Field(default=0, ge=0, description="0 keeps the whole sitting in the playlist")
    planned_start: AwareDatetime | None = None
    disk_floor_mb: int = Field(default=0, ge=0)
    disk_reserve_mb: int = Field(default=0, ge=0)
    planned_end: AwareDatetime | None = None
    stream_copy: bool = Field(default=False, description="Pass the encoder's own H.264 on, encode nothing")
    grace_seconds: float = Field(default=3600, ge=0)
    ffmpeg: str | None = None
    hold_seconds: float = Field(default=0.5, ge=0, le=10)
    return_seconds: float = Field(default=3, ge=0, le=60)
    record: RecordPlan = RecordPlan()
    closed: ClosedPlan = ClosedPlan()
    watch: WatchPlan = WatchPlan()
    templates: str = Field(default="", description="A folder whose templates go before ours")
    arms: str = Field(default="", description="A picture that takes the place of our shield")
    music: str = Field(default="", description="A sound file under slates; empty: silence")
    music_db: float = Field(default=-12, ge=-60, le=12)
    overlays: OverlaysPlan = OverlaysPlan()
    limits: LimitsPlan = LimitsPlan()
    pushes: tuple[PushPlan, ...] = ()

    @field_validator("sources")
    @classmethod
    def _one_of_each_source(cls, sources: tuple[SourcePlan, ...]) -> tuple[SourcePlan, ...]:
        if len({source.id for source in sources}) != len(sources):
            raise ValueError("each source needs an id of its own")
        known = {source.id for source in sources if source.backup_for is None}
        if any(source.backup_for not in {*known, None} for source in sources):
            raise ValueError("a stand-in is for another source, which is no stand-in itself")
        return sources

    @field_validator("renditions")
    @classmethod
    def _one_of_each_rendition(cls, renditions: tuple[RenditionPlan, ...]) -> tuple[RenditionPlan, ...]:
        if len({rendition.name for rendition in renditions}) != len(renditions):
            raise ValueError("each rendition needs a name of its own")
        return renditions

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError("a time zone such as Europe/Kyiv") from exc
        return timezone

    @field_validator("fps")
    @classmethod
    def _whole_samples(cls, fps: int) -> int:
        if 48_000 % fps:
            raise ValueError("a rate that divides 48000 samples, such as 25 or 50")
        return fps

    @model_validator(mode="after")
    def _passed_on_as_it_comes(self) -> Self:
        if self.stream_copy and self.segments != "ts":
            raise ValueError("segments: ts (what is passed on with stream_copy is not packed anew)")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every list viewers may choose: the rungs, best first, and the sound alone."""
        if self.stream_copy:
            return (self.programme.name,)
        return (*(one.name for one in self.renditions), *((AUDIO_ONLY,) if self.audio_only_kbps else ()))

    @property
    def programme(self) -> RenditionPlan:
        """The rung whose size the programme itself has; it is also what is recorded."""
        return self.renditions[0]

    def now(self) -> datetime:
        """The time on the council's wall."""
        return datetime.now(ZoneInfo(self.timezone))


def load_plan(folder: Path) -> Plan:
    """Read FOLDER/plan.json; a ``ConfigError`` names each wrong key."""
    path = folder / PLAN_FILE
    try:
        return Plan.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except ValidationError as exc:
        faults = tuple((".".join(map(str, fault["loc"])), fault["msg"]) for fault in exc.errors())
        said = "; ".join(f"{key}: {message}" for key, message in faults)
        raise ConfigError(f"{path}: {said}", faults) from exc
