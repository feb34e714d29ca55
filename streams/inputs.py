"""How each kind of source is read, and made into the programme's own format.

Options: ffmpeg's documentation of protocols (srt, rtmp, rtsp, udp, rtp, hls) and devices (v4l2, decklink).
Every argument is understood by Debian's ffmpeg 5.1 and by the 9.x binary of imageio-ffmpeg.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit

import ffmpeg

from streams.ffmpeg import SAMPLE_RATE, compiled
from streams.plan import Plan, SourcePlan


class Parts(StrEnum):
    """What of a source is read: most have both, some no sound, some no picture."""

    BOTH = "both"
    PICTURE = "picture"
    SOUND = "sound"


def reader_command(
    program: str, plan: Plan, source: SourcePlan, video: int, audio: int, parts: Parts = Parts.BOTH
) -> list[str]:
    """Read one source and give raw pictures and samples at the programme's constant rates.

    Both leave from one zero of time, so that picture *n* belongs to the *n*-th share of samples.
    """
    address, options = _input(source)
    feed = ffmpeg.input(address, **options)
    outputs = []
    if parts is not Parts.SOUND:
        outputs.append(_picture(plan, feed.video, video))
    if parts is not Parts.PICTURE:
        outputs.append(_sound(feed.audio, audio))
    return compiled(ffmpeg.merge_outputs(*outputs), program, "info")


def _picture(plan: Plan, stream: Any, end: int) -> Any:
    size = plan.programme
    return (
        # Only pictures that say they are interlaced cost anything here.
        stream.filter("bwdif", mode="send_frame", deint="interlaced")
        .filter(
            "scale",
            size.width,
            size.height,
            force_original_aspect_ratio="decrease",
            force_divisible_by=2,
            out_color_matrix="bt709",
            out_range="tv",
        )
        .filter("pad", size.width, size.height, "(ow-iw)/2", "(oh-ih)/2")
        .filter("setsar", 1)
        .filter("fps", fps=plan.fps, start_time=0)
        .output(f"pipe:{end}", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    )


def _sound(stream: Any, end: int) -> Any:
    # async=1 fills holes with silence and cuts what is too much, so that samples keep to their time.
    return stream.filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0}).output(
        f"pipe:{end}", format="s16le", acodec="pcm_s16le", ac=2, ar=SAMPLE_RATE
    )


def _input(source: SourcePlan) -> tuple[str, dict[str, Any]]:
    """What ffmpeg opens, and how; live sources are not buffered, files are read at their own speed."""
    url = source.url
    match url.partition(":")[0].lower():
        case "srt":
            return url, {"fflags": "nobuffer", "analyzeduration": 1_000_000, "probesize": 2_000_000}
        case "udp" | "rtp":
            return url, {
                "fflags": "nobuffer",
                "analyzeduration": 1_000_000,
                "probesize": 2_000_000,
                **({"overrun_nonfatal": 1, "fifo_size": 50_000} if url.startswith("udp") else {}),
            }
        case "rtmp" | "rtmps":
            listening = {} if source.fetch else {"listen": 1}
            return url, {"fflags": "nobuffer", "analyzeduration": 1_000_000, **listening}
        case "rtsp" | "rtsps":
            return url, {"fflags": "nobuffer", "rtsp_transport": "tcp"}
        case "http" | "https":
            return url, {"re": None}
        case "v4l2":
            return unquote(urlsplit(url).path), {"format": "v4l2", "thread_queue_size": 64}
        case "decklink":
            return unquote(urlsplit(url).netloc + urlsplit(url).path), {"format": "decklink"}
        case _:
            return url, {"re": None, **({"stream_loop": -1} if source.loop else {})}
