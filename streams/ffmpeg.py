"""Finding ffmpeg, and the three graphs a broadcast needs, compiled to arguments.

Every argument is understood by Debian's ffmpeg 5.1 and by the 9.x binary of imageio-ffmpeg.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from avctl.errors import ConfigError
from streams.plan import Plan, RenditionPlan, SourcePlan

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


def reader_command(program: str, plan: Plan, source: SourcePlan, video: int, audio: int | None) -> list[str]:
    """Read one source and give raw pictures and samples at the programme's constant rates.

    Both leave from one zero of time, so that picture *n* belongs to the *n*-th share of samples.
    ``audio`` is None for a source that has no sound.
    """
    size = plan.programme
    feed = ffmpeg.input(source.url, **_input_options(source.url))
    pictures = (
        feed.video.filter(
            "scale", size.width, size.height, force_original_aspect_ratio="decrease", out_color_matrix="bt709"
        )
        .filter("pad", size.width, size.height, "(ow-iw)/2", "(oh-ih)/2")
        .filter("setsar", 1)
        .filter("fps", fps=plan.fps, start_time=0)
        .output(f"pipe:{video}", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    )
    if audio is None:
        return _compile(pictures, program, "info")
    sound = feed.audio.filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0}).output(
        f"pipe:{audio}", format="s16le", acodec="pcm_s16le", ac=2, ar=SAMPLE_RATE
    )
    return _compile(ffmpeg.merge_outputs(pictures, sound), program, "info")


def _input_options(url: str) -> dict[str, Any]:
    """What each way in needs; live inputs are not buffered, files are read at their own speed."""
    match url.partition(":")[0].lower():
        case "srt" | "udp" | "rtp":
            return {"fflags": "nobuffer", "analyzeduration": 1_000_000, "probesize": 2_000_000}
        case "rtmp" | "rtmps":
            return {"fflags": "nobuffer", "listen": 1, "analyzeduration": 1_000_000}
        case "rtsp" | "rtsps":
            return {"fflags": "nobuffer", "rtsp_transport": "tcp"}
        case _:
            return {"re": None}


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
    return _compile(ffmpeg.merge_outputs(*outputs), program, "warning")


def sealed_command(program: str, plan: Plan, video: int, audio: int, stream: int) -> list[str]:
    """Encode the programme alone, into a transport stream on a pipe."""
    pictures, sound = _raw(plan, video, audio)
    encoded = ffmpeg.output(
        pictures, sound, f"pipe:{stream}", format="mpegts", flush_packets=1, **_coded(plan, plan.programme)
    )
    return _compile(encoded, program, "warning")


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
    return ffmpeg.output(
        pictures,
        sound,
        str(folder / rendition.name / PRIVATE_PLAYLIST),
        **_coded(plan, rendition),
        format="hls",
        output_ts_offset=f"{first:.6f}",
        hls_time=plan.segment_seconds,
        hls_segment_filename=str(folder / rendition.name / "%06d.ts"),
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
        "c:a": "aac",
        "b:a": f"{rendition.audio_kbps}k",
    }


def key_frame_interval(plan: Plan) -> int:
    """Frames between key frames: each segment begins with one, each fragment of the recording too."""
    return max(1, round(min(plan.segment_seconds, plan.record.fragment_seconds) * plan.fps))


def _compile(graph: _Stream, program: str, level: str) -> list[str]:
    command: list[str] = ffmpeg.compile(graph.global_args(*QUIET, "-loglevel", level), cmd=program)
    return command
