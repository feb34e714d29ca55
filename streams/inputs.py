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

UNHEARD = 8_000_000  # microseconds without a byte after which a server is asked anew
HOLE = 0.015  # seconds
# What of ffmpeg's words, or of the SRT library's, says more to people in ours.
EXPLAINED = {
    "Unknown input format: 'decklink'": "this ffmpeg has no DeckLink input",
    "BADSECRET": "who sends has another passphrase",
    "Incorrect passphrase": "the other side has another passphrase",
    "muxing overhead": "the source ended",  # its last word, when nothing was wrong
}


def explained(line: str) -> str:
    """What a line of a reader says in our words; empty when it says nothing of note."""
    return next((ours for theirs, ours in EXPLAINED.items() if theirs in line), "")


class Parts(StrEnum):
    """What of a source is read: most have both, some no sound, some no picture."""

    BOTH = "both"
    PICTURE = "picture"
    SOUND = "sound"


def reader_command(
    program: str,
    plan: Plan,
    source: SourcePlan,
    video: int,
    audio: int,
    lines: int,
    parts: Parts = Parts.BOTH,
) -> list[str]:
    """Read one source and give raw pictures and samples at the programme's constant rates.

    Both leave from one zero of time, so that picture *n* belongs to the *n*-th share of samples. To ``lines``
    goes a note of each picture the source had (see ``tally.py``).
    """
    address, options = opened(source)
    feed = ffmpeg.input(address, **options)
    outputs = []
    if parts is not Parts.SOUND:
        outputs.append(_picture(plan, feed.video, video, lines))
    if parts is not Parts.PICTURE:
        outputs.append(_sound(feed.audio, audio))
    return compiled(ffmpeg.merge_outputs(*outputs), program, "info")


def _picture(plan: Plan, stream: Any, end: int, lines: int) -> Any:
    size = plan.programme
    return (
        # A picture without a note of its own is not printed.
        stream.filter("metadata", mode="add", key="n", value="1")
        .filter("metadata", mode="print", file=f"pipe:{lines}", direct=1)
        # Only pictures that say they are interlaced cost anything here.
        .filter("bwdif", mode="send_frame", deint="interlaced")
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
    # async=1 fills holes with silence and cuts what is too much, so that samples keep to their time. One
    # lost packet (21 ms of AAC) is enough: by itself ffmpeg lets the sound run 100 ms ahead first.
    exact = {"async": 1, "first_pts": 0, "min_hard_comp": HOLE}
    return stream.filter("aresample", SAMPLE_RATE, **exact).output(
        f"pipe:{end}", format="s16le", acodec="pcm_s16le", ac=2, ar=SAMPLE_RATE
    )


def opened(source: SourcePlan) -> tuple[str, dict[str, Any]]:
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
            return url, {"fflags": "nobuffer", "rtsp_transport": "tcp", "timeout": UNHEARD}
        case "http" | "https":
            return url, {"re": None, "rw_timeout": UNHEARD}
        case "v4l2":
            return unquote(urlsplit(url).path), {"format": "v4l2", "thread_queue_size": 64}
        case "decklink":
            return unquote(urlsplit(url).netloc + urlsplit(url).path), {"format": "decklink"}
        case _:
            return url, {"re": None, **({"stream_loop": -1} if source.loop else {})}
