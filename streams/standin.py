"""Segments of a slate that take the place of segments which viewers may not have any more.

They are encoded once, early; in use only their timestamps are written anew, so that a player that fetches one
in the middle of a sitting goes on without noticing.
"""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import ffmpeg

from streams.child import leashed
from streams.ffmpeg import QUIET
from streams.frames import Format, Frame
from streams.plan import Plan
from streams.priority import LATER
from streams.still import encode_still, with_x264

log = logging.getLogger(__name__)

PACKET, SYNC = 188, 0x47
CLOCK = 90_000  # ticks a second of a transport stream's timestamps (ISO 13818-1, 2.4.3.7)
SECONDS = 20.0  # how long an ffmpeg may take for any of this


class StandIns:
    """One segment of a slate for each rendition."""

    def __init__(self, plan: Plan, form: Format, program: str, folder: Path) -> None:
        self._plan, self._form, self._program, self._folder = plan, form, program, folder

    def prepare(self, frame: Frame) -> None:
        """Encode them; a fault is logged, and segments are then missing instead of replaced."""
        pictures = self._plan.segment_seconds * self._form.fps
        fault = ""
        for plan in dict.fromkeys((self._plan, with_x264(self._plan))):  # as the broadcast itself is encoded
            picture = frame.tobytes()
            fault = encode_still(self._program, plan, picture, pictures, self._folder, SECONDS, LATER)
            if not fault:
                return
        log.error("no stand-in for withdrawn segments: %s", fault)

    def place(self, rendition: str, begins: float, target: Path, seconds: float) -> bool:
        """Put one at ``target``, its first picture at ``begins`` seconds; false when that is not possible.

        All are as long as a segment is: so are those they take the place of, but for the last of a run.
        """
        clip = self._folder / rendition / "000000.ts"
        draft = target.with_name(f".{target.name}.new")
        if not clip.exists():
            return False
        offset = 0.0
        for _ in range(2):  # the muxer adds a delay of its own: what it is shows in the first try
            if not self._copy(clip, offset, draft):
                return False
            first = first_timestamp(draft)
            if first is None:
                return False
            if abs(first - begins) < 0.5 / self._plan.fps:
                break
            offset += begins - first
        os.replace(draft, target)
        return True

    def _copy(self, clip: Path, offset: float, target: Path) -> bool:
        # Named: a second of silence alone is too little for ffmpeg to guess by.
        graph = ffmpeg.input(str(clip), format="mpegts").output(
            str(target), format="mpegts", c="copy", output_ts_offset=f"{offset:.6f}"
        )
        command = ffmpeg.compile(
            graph.global_args(*QUIET, "-loglevel", "error").overwrite_output(), cmd=self._program
        )
        try:
            subprocess.run(
                leashed(command, LATER),
                check=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as fault:
            log.error("a withdrawn segment has no stand-in: %s", fault)
            return False
        return True


def first_timestamp(segment: Path) -> float | None:
    """When a transport stream's first picture, or sound, is presented, in seconds (ISO 13818-1, 2.4.3.6).

    Of two streams the picture's counts: a player shows by it.
    """
    try:
        data = segment.read_bytes()
    except OSError:
        return None
    sound = None
    for start in range(0, len(data) - PACKET + 1, PACKET):
        packet = data[start : start + PACKET]
        if packet[0] != SYNC:
            return None
        if not packet[1] & 0x40:  # nothing begins in this packet
            continue
        body = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        unit = packet[body:]
        if len(unit) >= 14 and unit[:3] == b"\x00\x00\x01" and 0xC0 <= unit[3] <= 0xEF and unit[7] & 0x80:
            ticks = (unit[9] >> 1 & 7) << 30 | unit[10] << 22 | unit[11] >> 1 << 15
            moment = (ticks | unit[12] << 7 | unit[13] >> 1) / CLOCK
            if unit[3] >= 0xE0:
                return moment
            sound = moment if sound is None else sound
    return sound
