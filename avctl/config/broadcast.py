"""How programmes are made: the part of the configuration that concerns broadcasts."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pyrage import RecipientError, x25519

from avctl.config.section import Identifier, Section

X264 = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"]


class Rendition(Section):
    """One rung of the ladder viewers choose from."""

    name: Identifier = Field(description="Name in the playlist's address, such as 720p.")
    width: int = Field(ge=64, le=4096, multiple_of=2, description="Picture width in pixels.")
    height: int = Field(ge=64, le=4096, multiple_of=2, description="Picture height in pixels.")
    video_kbps: int = Field(ge=50, le=50_000, description="Video bitrate in kbit/s.")
    audio_kbps: int = Field(128, ge=32, le=512, description="Sound bitrate in kbit/s.")


LADDER = (
    Rendition(name="720p", width=1280, height=720, video_kbps=2500, audio_kbps=128),
    Rendition(name="360p", width=640, height=360, video_kbps=700, audio_kbps=96),
)


def _recipient(key: str) -> str:
    try:
        x25519.Recipient.from_str(key)
    except RecipientError:
        raise ValueError("a public key of age: age1 and 58 small letters and digits") from None
    return key


def _shares_sound(fps: int) -> int:
    if 48_000 % fps:
        raise ValueError("a rate that divides 48000 samples of sound evenly, such as 25 or 50")
    return fps


def _platform(url: SecretStr) -> SecretStr:
    if not re.match(r"^(rtmps?|srt)://[^/\s]", url.get_secret_value()):
        raise ValueError("an address that begins with rtmp://, rtmps:// or srt://")
    return url


class Closed(Section):
    """What a closed part does, beside showing its slate."""

    withdraw_seconds: float = Field(
        6, ge=0, le=300, description="Seconds before a closed part that are taken back from viewers too."
    )
    recipients: tuple[Annotated[str, AfterValidator(_recipient)], ...] = Field(
        (),
        description="Public keys (age1…) for which the hall is recorded, encrypted; none: it is not.",
    )


class Recording(Section):
    """Where the recording is written."""

    second_folder: str = Field(
        "", description="A folder on a second disk that gets the same recording; empty: none."
    )


class Push(Section):
    """A platform that gets the programme too."""

    id: Identifier = Field(description="Short name, unique among the platforms.")
    title: str = Field("", description="Name people know it by.")
    url: Annotated[SecretStr, AfterValidator(_platform)] = Field(
        description="rtmp://, rtmps:// or srt:// address with the stream key; env:NAME."
    )
    rooms: tuple[Identifier, ...] = Field((), description="Rooms whose sessions it gets; none named: all.")


class Watch(Section):
    """When picture and sound are wrong."""

    black_seconds: float = Field(3, ge=0, description="Seconds of black before it is told.")
    freeze_seconds: float = Field(10, ge=0, description="Seconds of a picture that stands still.")
    silence_seconds: float = Field(10, ge=0, description="Seconds of silence.")
    silence_db: float = Field(-60, ge=-90, le=-20, description="Sound below this is silence, in dBFS.")
    clipping_seconds: float = Field(1, ge=0, description="Seconds of sound at full scale.")
    channel_seconds: float = Field(10, ge=0, description="Seconds in which one channel has no sound.")
    phase_seconds: float = Field(
        10, ge=0, description="Seconds in which left and right cancel each other for those with one speaker."
    )
    loudness: float = Field(-23, ge=-40, le=-10, description="Loudness the programme should have, in LUFS.")
    loudness_off: float = Field(5, ge=1, le=20, description="How far from it it may be, in LU.")
    latency_seconds: float = Field(20, ge=2, description="Seconds from source to playlist that are too many.")


class Limits(Section):
    """What a broadcast may have of the machine, and what is done when that is not enough."""

    nice: int = Field(
        -5, ge=-20, le=19, description="Priority of what is on air, -20 to 19; below 0 needs a permission."
    )
    cpu_weight: int = Field(
        200, ge=1, le=10_000, description="Its share of the processor in control groups; others have 100."
    )
    memory_mb: int = Field(
        0, ge=0, description="The most memory a broadcast may have, by control groups; 0: no limit."
    )
    child_memory_mb: int = Field(
        2500, ge=0, description="A reader or encoder that has more is ended and started again; 0: no limit."
    )
    step_down: bool = Field(
        True, description="Reduce the quality when the machine is too slow; if not, pictures are lost."
    )
    backlog_seconds: float = Field(
        8, ge=3, le=60, description="Seconds of pictures that are kept while the encoder is late."
    )
    up_after_seconds: float = Field(
        120, ge=1, description="Seconds in time before a step of quality that was given up is tried again."
    )


class Overlays(Section):
    """What is over the hall's picture all the time."""

    live: bool = Field(True, description="A mark that says that it is live.")
    clock: bool = Field(False, description="The time.")
    logo: bool = Field(False, description="The council's arms.")


class Broadcast(Section):
    """How programmes are made."""

    ffmpeg: str = Field("", description="Path of ffmpeg; empty: the one on PATH, else the one avctl brings.")
    fps: Annotated[int, AfterValidator(_shares_sound)] = Field(
        25, ge=5, le=60, description="Pictures each second."
    )
    preset: X264 = Field("veryfast", description="x264 preset: slower looks better and costs more.")
    encoder: Literal["x264", "vaapi", "nvenc", "qsv"] = Field(
        "x264", description="What encodes: x264, or a chip by VAAPI, NVENC or Quick Sync while that works."
    )
    encoder_device: str = Field(
        "",
        pattern=r"^(/\S+|\d{1,2}|)$",
        description="The chip: /dev/dri/renderD129, a number for nvenc; empty: the first.",
    )
    audio_only_kbps: int = Field(
        64, ge=0, le=512, description="Bitrate of the sound alone, for weak lines, in kbit/s; 0: not offered."
    )
    segments: Literal["ts", "fmp4"] = Field(
        "ts", description="What viewers get: MPEG transport stream (ts) or fragmented MP4 (fmp4)."
    )
    segment_seconds: int = Field(
        2, ge=1, le=10, description="Length of a segment in seconds; 1 brings viewers nearer."
    )
    dvr_seconds: int = Field(
        0, ge=0, description="How far viewers can go back, in seconds; 0: the whole sitting."
    )
    hold_seconds: float = Field(
        0.5, ge=0, le=5, description="Seconds the last picture of a lost source is held."
    )
    return_seconds: float = Field(
        3, ge=0, le=60, description="Seconds of good signal before a source is shown again."
    )
    stalled_seconds: float = Field(8, ge=2, description="Seconds without a new segment before an alert.")
    grace_seconds: int = Field(
        3600, ge=0, description="A runner left alone ends this long after the planned end."
    )
    break_minutes: int = Field(
        0, ge=0, le=720, description="Minutes a break takes when nobody says; 0: its end is not known."
    )
    templates: str = Field("", description="A folder with slates/ and overlays/ of your own; empty: ours.")
    arms: str = Field("", description="The council's arms, an SVG, PNG or JPEG file; empty: a plain shield.")
    music: str = Field("", description="A sound file that goes on under slates; empty: silence.")
    music_db: float = Field(
        -12, ge=-60, le=12, description="How much louder than the file it is heard, in dB; negative: quieter."
    )
    disk_floor_mb: int = Field(
        2000, ge=0, description="Megabytes free below which old public segments go; recordings never do."
    )
    disk_reserve_mb: int = Field(
        256,
        ge=0,
        description="Megabytes each broadcast keeps for itself, for a disk that others have filled.",
    )
    closed: Closed = Field(Closed(), description="What a closed part does.")
    recording: Recording = Field(Recording(), description="Where the recording is written.")
    limits: Limits = Field(Limits(), description="What it may have of the machine.")
    overlays: Overlays = Field(Overlays(), description="What is over the hall's picture.")
    watch: Watch = Field(Watch(), description="When picture and sound are wrong.")
    pushes: tuple[Push, ...] = Field((), description="Platforms that get the programme too.")
    renditions: tuple[Rendition, ...] = Field(LADDER, min_length=1, description="The ladder, best first.")
