"""Slates as transport streams like what an encoder sends: encoded once, joined as often as needed."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import ffmpeg

from avctl.child import ORDINARY
from streams.child import leashed
from streams.copying.intake import Shape
from streams.copying.transport import CLOCK, Packets, packets, shifted, shortened, units
from streams.ffmpeg import QUIET
from streams.frames import Format, Frame
from streams.requests import SLATES, SlateName
from streams.slates import FIRST
from streams.status import replace_file

log = logging.getLogger(__name__)

SAMPLES = 1024  # of a unit of AAC
SHAPE_FILE = "shape.json"
ENCODE_SECONDS = 30.0  # how long an ffmpeg may take for one
PROFILES = {"High": "high", "Main": "main", "Baseline": "baseline", "Constrained Baseline": "baseline"}


@dataclass(frozen=True)
class Clip:
    """One slate. ``of`` is the picture it was made of; None: a runner before us made it."""

    data: bytes
    pictures: int
    fps: float
    sound: int  # how long a unit of its sound lasts, in ticks
    of: Frame | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.pictures / self.fps

    @cached_property
    def first(self) -> int:
        """When its first picture is presented, in ticks."""
        return next(unit.pts for unit in units(packets(self.data)) if unit.picture)

    def lasting(self, seconds: float) -> tuple[list[Packets], float]:
        """Its packets for about so long, at least one picture, and how long that really is."""
        pictures = max(1, round(seconds * self.fps))
        parts, begun = [], 0
        while begun < pictures:
            count = min(pictures - begun, self.pictures)
            rows = shortened(packets(self.data), round((count - 0.2) * CLOCK / self.fps), self.sound)
            shifted(rows, round(begun * CLOCK / self.fps))
            parts.append(rows)
            begun += self.pictures
        return parts, pictures / self.fps


class Clips:
    """The slates of a broadcast. ``get`` never waits; ``make`` encodes, in a thread that may wait.

    They are kept in a folder: a runner that begins again has them at once. ``shape`` is theirs, if there are
    any.
    """

    def __init__(self, program: str, seconds: float, folder: Path) -> None:
        self.shape: Shape | None = None
        self._program, self._seconds, self._folder = program, seconds, folder
        self._made: dict[SlateName, Clip] = {}
        with suppress(OSError, ValueError, TypeError):
            self.shape = Shape(**json.loads((folder / SHAPE_FILE).read_bytes()))
            for name in SLATES:
                with suppress(FileNotFoundError):
                    data = (folder / f"{name}.ts").read_bytes()
                    packets(data)  # ValueError when it is none
                    self._made[name] = self._clip(data, self.shape)
        self._asked: set[SlateName] = set(FIRST)

    def get(self, name: SlateName) -> Clip | None:
        """A slate, the old one while a new one is made; None when there is none yet."""
        self._asked.add(name)
        return self._made.get(name)

    def has(self, name: SlateName, frame: Frame) -> bool:
        """Whether a slate has been made of that picture."""
        made = self._made.get(name)
        return made is not None and made.of is frame

    @property
    def asked(self) -> tuple[SlateName, ...]:
        """Those that may be needed at once, and those that were."""
        return tuple(self._asked)

    def make(self, name: SlateName, frame: Frame, form: Format, shape: Shape) -> None:
        """Encode one; a fault is logged, and the old one stays."""
        try:
            data = self._encoded(frame, form, shape, self._pictures(shape))
            self._made[name] = self._clip(data, shape, frame)
            self._keep(name, data, shape)
        except (OSError, subprocess.SubprocessError, ValueError) as fault:
            log.error("the slate %s cannot be encoded: %s", name, fault)

    def _pictures(self, shape: Shape) -> int:
        return max(1, round(self._seconds * shape.fps))

    def _clip(self, data: bytes, shape: Shape, of: Frame | None = None) -> Clip:
        sound = round(SAMPLES * CLOCK / shape.rate)
        return Clip(data, self._pictures(shape), shape.fps, sound, of)

    def _keep(self, name: SlateName, data: bytes, shape: Shape) -> None:
        if self.shape != shape:
            self.shape = shape
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)
        replace_file(self._folder / f"{name}.ts", data)
        replace_file(self._folder / SHAPE_FILE, json.dumps(asdict(shape)).encode())

    def _encoded(self, frame: Frame, form: Format, shape: Shape, pictures: int) -> bytes:
        seconds = pictures / shape.fps
        picture = (
            ffmpeg.input(
                "pipe:0",
                format="rawvideo",
                pix_fmt="yuv420p",
                s=f"{form.width}x{form.height}",
                framerate=shape.fps,
            )
            .filter("setparams", range="tv", colorspace="bt709", color_primaries="bt709", color_trc="bt709")
            .filter("loop", loop=pictures, size=1, start=0)
        )
        layout = "mono" if shape.channels == 1 else "stereo"
        silence = ffmpeg.input(f"anullsrc=r={shape.rate}:cl={layout}", format="lavfi")
        coded = {
            "c:v": "libx264",
            "preset": "veryfast",
            "tune": "stillimage",
            "profile:v": PROFILES.get(shape.profile, "high"),
            "pix_fmt": "yuv420p",
            "crf": 22,
            "bf": 0,
            "g": pictures,
            "frames:v": pictures,
            "t": f"{seconds:.6f}",
            "c:a": "aac",
            "b:a": "64k",
            "threads": 1,
        }
        out = ffmpeg.output(
            picture,
            silence.audio,
            "pipe:1",
            format="mpegts",
            muxdelay=0,
            muxpreload=0,
            pes_payload_size=0,  # each unit of sound in a packet of its own, so that it can be left out
            **coded,
        )
        command = ffmpeg.compile(out.global_args(*QUIET, "-loglevel", "error"), cmd=self._program)
        done = subprocess.run(
            leashed(command, ORDINARY),
            input=frame.tobytes(),
            capture_output=True,
            check=True,
            timeout=ENCODE_SECONDS,
        )
        packets(done.stdout)  # ValueError when it is none
        return done.stdout
