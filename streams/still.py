"""A still picture with silence through the real encoder: for stand-ins, and to see whether it works."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from itertools import repeat
from pathlib import Path

from avctl.child import ORDINARY, Rank
from streams import rfc8216
from streams.child import leashed
from streams.ffmpeg import PRIVATE_PLAYLIST, SAMPLE_RATE, encoder_command
from streams.plan import AUDIO_ONLY, Plan

log = logging.getLogger(__name__)

TRIAL_SECONDS = 10.0  # how long a trial may take: viewers wait for it
EXACT = 0.01  # seconds a segment may be longer or shorter than it should be
NOISE = ("Guessed Channel Layout", "frame size not set")  # what ffmpeg says of raw sound, and to every AAC
_SPEAKER = re.compile(r"^\[(\S+)[^\]]*\] ")


def workable(plan: Plan, program: str) -> tuple[Plan, str]:
    """The plan with an encoder that works here: its own, or x264; and what is wrong with its own.

    Tried with the very arguments of the broadcast, on pictures without content, for one segment.
    """
    if plan.encoder == "x264":
        return plan, ""
    with tempfile.TemporaryDirectory(prefix="avctl-trial-") as name:
        fault = _trial(plan, program, Path(name))
    if not fault:
        return plan, ""
    log.error("%s does not work here, x264 encodes instead: %s", plan.encoder, fault)
    return with_x264(plan), fault


def with_x264(plan: Plan) -> Plan:
    """The same broadcast without a chip."""
    return plan if plan.encoder == "x264" else plan.model_copy(update={"encoder": "x264"})


def encode_still(
    program: str,
    plan: Plan,
    picture: bytes,
    pictures: int,
    folder: Path,
    seconds: float,
    rank: Rank = ORDINARY,
) -> str:
    """Encode a picture so many times into private segments; what is wrong, and empty when nothing is."""
    video, audio = os.pipe(), os.pipe()
    for name in plan.names:
        (folder / name).mkdir(parents=True, exist_ok=True)
    silence = bytes(SAMPLE_RATE // plan.fps * 4)
    feeding = [
        threading.Thread(target=_fill, args=(end, repeat(piece, pictures)), daemon=True)
        for end, piece in ((video[1], picture), (audio[1], silence))
    ]
    command = encoder_command(program, plan, video[0], audio[0], folder, 0)
    command[command.index("-loglevel") + 1] = "error"  # the first thing said is to be the cause
    try:
        with subprocess.Popen(
            leashed(command, rank, plan.limits.child_memory),
            pass_fds=(video[0], audio[0]),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            for end in (video[0], audio[0]):
                os.close(end)
            for thread in feeding:
                thread.start()
            try:
                _, said = child.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                return f"it took longer than {seconds:g} s"
            finally:
                child.kill()
    except OSError as fault:
        return str(fault)
    if not child.returncode:
        return ""
    return cause(said.decode(errors="replace").splitlines()) or f"ffmpeg ended with {child.returncode}"


def cause(lines: Iterable[str]) -> str:
    """Of what ffmpeg complains first: the rest follows from it. Empty when it does not."""
    first = next((line for line in lines if line.strip() and not any(noise in line for noise in NOISE)), "")
    return _SPEAKER.sub(r"\1: ", first.strip())


def _trial(plan: Plan, program: str, folder: Path) -> str:
    size = plan.programme.width * plan.programme.height
    grey = bytes([128]) * (size * 3 // 2)
    pictures = plan.segment_seconds * plan.fps + plan.fps // 5  # the next key frame must come too
    if fault := encode_still(program, plan, grey, pictures, folder, TRIAL_SECONDS):
        return fault
    for name in plan.names:
        try:
            entries = rfc8216.read((folder / name / PRIVATE_PLAYLIST).read_text(encoding="ascii")).entries
        except OSError:
            return f"there is no {name}"
        wrong = not entries or abs(entries[0].seconds - plan.segment_seconds) > EXACT
        if wrong and name != AUDIO_ONLY:
            return f"{name} is not cut after {plan.segment_seconds} s: key frames do not come where they must"
    return ""


def _fill(end: int, pieces: Iterable[bytes]) -> None:
    with suppress(BrokenPipeError), os.fdopen(end, "wb") as pipe:
        for piece in pieces:
            pipe.write(piece)
