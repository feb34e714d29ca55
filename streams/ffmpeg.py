"""Finding ffmpeg, and the graphs that encode a programme, compiled to arguments.

Every argument is understood by Debian's ffmpeg 5.1 and by the 9.x binary of imageio-ffmpeg.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from avctl.ffmpeg import find_ffmpeg as find_ffmpeg
from streams.coders import CODERS, Chip
from streams.ladder import Step, whole
from streams.plan import AUDIO_ONLY, Plan, Preset, RenditionPlan

SAMPLE_RATE = 48_000
QUIET = ("-hide_banner", "-nostdin", "-nostats")

PRIVATE_PLAYLIST = "index.m3u8"
# Seconds added to every timestamp: AAC begins before its sound (1024 samples), and what would be below zero
# moves the whole of the first run, so that the second would begin before that one ended.
LEAD = 1.0

# What a faster preset must be told, so that its streams have the headers (SPS, PPS) of the planned one: the
# parts of a recording are joined without being encoded, and a joined file has one header.
ALIKE: dict[Preset, dict[str, Any]] = {
    "faster": {"refs": 2},
    "fast": {"refs": 2, "x264-params": "chroma-qp-offset=-2"},
    "medium": {"refs": 3, "x264-params": "chroma-qp-offset=-2"},
}

_Stream = Any  # ffmpeg-python has no types


def encoder_command(
    program: str, plan: Plan, video: int, audio: int, folder: Path, first: float, step: Step | None = None
) -> list[str]:
    """Encode the ladder once; each rung goes as private segments into its own folder under ``folder``.

    ``first`` is the time of the first picture in seconds: timestamps go on where another encoder's ended.
    ``step`` is what of the ladder is encoded; everything by default.
    """
    step = step or whole(plan)
    pictures, sound = _raw(plan, video, audio)
    rungs = pictures.filter_multi_output("split", len(step.rungs))
    outputs = [
        _rung(plan, step, rendition, rungs[index], sound, folder, first)
        for index, rendition in enumerate(step.rungs)
    ]
    if plan.audio_only_kbps:
        outputs.append(
            _listed(plan, (sound,), folder / AUDIO_ONLY, first, _sound_coded(plan.audio_only_kbps))
        )
    return compiled(
        ffmpeg.merge_outputs(*outputs), program, "warning", CODERS[plan.encoder].wide(plan.encoder_device)
    )


def sealed_command(program: str, plan: Plan, video: int, audio: int, stream: int) -> list[str]:
    """Encode the programme alone, into a transport stream on a pipe; by x264, which needs no driver."""
    pictures, sound = _raw(plan, video, audio)
    encoded = ffmpeg.output(
        pictures,
        sound,
        f"pipe:{stream}",
        format="mpegts",
        flush_packets=1,
        **_coded(plan, plan.preset, plan.programme, "x264"),
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
    plan: Plan,
    step: Step,
    rendition: RenditionPlan,
    pictures: _Stream,
    sound: _Stream,
    folder: Path,
    first: float,
) -> _Stream:
    if rendition != plan.programme:
        pictures = pictures.filter("scale", rendition.width, rendition.height)
    for name, *values in CODERS[plan.encoder].filters:
        pictures = pictures.filter(name, *values)
    coded = _coded(plan, step.preset, rendition, plan.encoder)
    return _listed(plan, (pictures, sound), folder / rendition.name, first, coded)


def _listed(
    plan: Plan, streams: Sequence[_Stream], folder: Path, first: float, coded: dict[str, Any]
) -> _Stream:
    """Private segments of some streams, with a list of those that are finished."""
    return ffmpeg.output(
        *streams,
        str(folder / PRIVATE_PLAYLIST),
        **coded,
        format="hls",
        output_ts_offset=f"{first + LEAD:.6f}",
        hls_time=plan.segment_seconds,
        hls_segment_filename=str(folder / "%06d.ts"),
        hls_list_size=30,
        hls_flags="independent_segments+temp_file",
    )


def _coded(plan: Plan, preset: Preset, rendition: RenditionPlan, chip: Chip) -> dict[str, Any]:
    rate = rendition.video_kbps
    alike = ALIKE.get(plan.preset, {}) if preset != plan.preset else {}
    return {
        **CODERS[chip].output(plan.encoder_device),
        **({"preset": preset, **alike} if chip == "x264" else {}),
        "b:v": f"{rate}k",
        "maxrate": f"{rate * 5 // 4}k",
        "bufsize": f"{rate * 2}k",
        "g": key_frame_interval(plan),
        "keyint_min": key_frame_interval(plan),
        "force_key_frames": f"expr:gte(t,n_forced*{plan.segment_seconds})",
        **_sound_coded(rendition.audio_kbps),
    }


def _sound_coded(kbps: int) -> dict[str, Any]:
    return {"c:a": "aac", "b:a": f"{kbps}k"}


def key_frame_interval(plan: Plan) -> int:
    """Frames between key frames: each segment begins with one, each fragment of the recording too."""
    return max(1, round(min(plan.segment_seconds, plan.record.fragment_seconds) * plan.fps))


def compiled(graph: _Stream, program: str, level: str, wide: Sequence[str] = ()) -> list[str]:
    """The arguments of a graph; ffmpeg says what is at least as grave as ``level``."""
    command: list[str] = ffmpeg.compile(graph.global_args(*QUIET, "-loglevel", level, *wide), cmd=program)
    return command
