"""Finding ffmpeg, and the graphs that encode a programme, compiled to arguments.

Every argument is understood by Debian's ffmpeg 5.1 and by the 9.x binary of imageio-ffmpeg.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from avctl.errors import ConfigError
from streams.plan import AUDIO_ONLY, Plan, RenditionPlan

SAMPLE_RATE = 48_000
QUIET = ("-hide_banner", "-nostdin", "-nostats")

PRIVATE_PLAYLIST = "index.m3u8"

_Stream = Any  # ffmpeg-python has no types


def find_ffmpeg(wanted: str | None = None) -> str:
    """The program to run: the plan's, else the machine's, else the one inside imageio-ffmpeg."""
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


def encoder_command(
    program: str, plan: Plan, video: int, audio: int, folder: Path, first: float
) -> list[str]:
    """Encode the ladder once; each rung goes as private segments into its own folder under ``folder``.

    ``first`` is the time of the first picture in seconds: timestamps go on where another encoder's ended.
    """
    pictures, sound = _raw(plan, video, audio)
    rungs = pictures.filter_multi_output("split", len(plan.renditions))
    outputs = [
        _rung(plan, rendition, rungs[index], sound, folder, first)
        for index, rendition in enumerate(plan.renditions)
    ]
    if plan.audio_only_kbps:
        outputs.append(
            _listed(plan, (sound,), folder / AUDIO_ONLY, first, _sound_coded(plan.audio_only_kbps))
        )
    return compiled(ffmpeg.merge_outputs(*outputs), program, "warning")


def sealed_command(program: str, plan: Plan, video: int, audio: int, stream: int) -> list[str]:
    """Encode the programme alone, into a transport stream on a pipe."""
    pictures, sound = _raw(plan, video, audio)
    encoded = ffmpeg.output(
        pictures, sound, f"pipe:{stream}", format="mpegts", flush_packets=1, **_coded(plan, plan.programme)
    )
    return compiled(encoded, program, "warning")


def _raw(plan: Plan, video: int, audio: int) -> tuple[_Stream, _Stream]:
    """The programme as it comes through two pipes."""
    size = plan.programme
    raw = {"probesize": 32, "analyzeduration": 0, "thread_queue_size": 16}
    pictures = ffmpeg.input(
        f"pipe:{video}",
        format="rawvideo",
        pix_fmt="yuv420p",
        s=f"{size.width}x{size.height}",
        framerate=plan.fps,
        **raw,
    )
    sound = ffmpeg.input(f"pipe:{audio}", format="s16le", ar=SAMPLE_RATE, ac=2, **raw)
    marked = pictures.video.filter(
        "setparams", range="tv", colorspace="bt709", color_primaries="bt709", color_trc="bt709"
    )
    return marked, sound.audio


def _rung(
    plan: Plan, rendition: RenditionPlan, pictures: _Stream, sound: _Stream, folder: Path, first: float
) -> _Stream:
    if rendition != plan.programme:
        pictures = pictures.filter("scale", rendition.width, rendition.height)
    return _listed(plan, (pictures, sound), folder / rendition.name, first, _coded(plan, rendition))


def _listed(
    plan: Plan, streams: Sequence[_Stream], folder: Path, first: float, coded: dict[str, Any]
) -> _Stream:
    """Private segments of some streams, with a list of those that are finished."""
    return ffmpeg.output(
        *streams,
        str(folder / PRIVATE_PLAYLIST),
        **coded,
        format="hls",
        output_ts_offset=f"{first:.6f}",
        hls_time=plan.segment_seconds,
        hls_segment_filename=str(folder / "%06d.ts"),
        hls_list_size=30,
        hls_flags="independent_segments+temp_file",
    )


def _coded(plan: Plan, rendition: RenditionPlan) -> dict[str, Any]:
    rate = rendition.video_kbps
    return {
        "c:v": "libx264",
        "preset": plan.preset,
        "pix_fmt": "yuv420p",
        "b:v": f"{rate}k",
        "maxrate": f"{rate * 5 // 4}k",
        "bufsize": f"{rate * 2}k",
        "g": key_frame_interval(plan),
        "keyint_min": key_frame_interval(plan),
        "sc_threshold": 0,
        "force_key_frames": f"expr:gte(t,n_forced*{plan.segment_seconds})",
        **_sound_coded(rendition.audio_kbps),
    }


def _sound_coded(kbps: int) -> dict[str, Any]:
    return {"c:a": "aac", "b:a": f"{kbps}k"}


def key_frame_interval(plan: Plan) -> int:
    """Frames between key frames: each segment begins with one, each fragment of the recording too."""
    return max(1, round(min(plan.segment_seconds, plan.record.fragment_seconds) * plan.fps))


def compiled(graph: _Stream, program: str, level: str) -> list[str]:
    """The arguments of a graph; ffmpeg says what is at least as grave as ``level``."""
    command: list[str] = ffmpeg.compile(graph.global_args(*QUIET, "-loglevel", level), cmd=program)
    return command
