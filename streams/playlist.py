"""The playlist authority: the one who says what the public may see, whoever encoded it (RFC 8216).

Its playlists are also its memory: a new authority in the same folder reads them and goes on counting.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from avctl.errors import ProtocolError
from streams.plan import AUDIO_ONLY, Plan, RenditionPlan
from streams.standin import first_timestamp
from streams.status import replace_file

if TYPE_CHECKING:
    from streams.packaging import Packager

MASTER = "master.m3u8"
MEDIA = "index.m3u8"
KEPT_SECONDS = 60  # a segment that left the list stays for those who have an older list
_NUMBER = re.compile(r"^#EXT-X-(MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|TARGETDURATION):(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A listed segment: its number, length in seconds, when its first picture was taken, and its file.

    ``init`` is the file that must be read before it, when it is fragmented MP4.
    """

    number: int
    seconds: float
    at: datetime
    jump: bool = False
    name: str
    init: str = ""


class MediaPlaylist:
    """The list of one rendition, of a transport stream or ``fragmented`` MP4; it stays as it has begun."""

    def __init__(self, folder: Path, target: int, window: float, *, fragmented: bool = False) -> None:
        self.segments: list[Segment] = []
        self.ended = False
        self.packager: Packager | None = None
        self.target = target  # seconds; once a segment was listed it never changes (6.2.1)
        self._folder, self._window = folder, window
        self._next = 0
        self._jumps = 0
        self._left: list[Segment] = []
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MEDIA).exists():
            self._recall((folder / MEDIA).read_text(encoding="ascii"))
        if self.segments[-1].init if self.segments else fragmented:
            # Only where it is wanted: it loads 28 MB of libraries, and takes a tenth of a second.
            from streams.packaging import Packager

            self.packager = Packager()

    def begin(self, target: int) -> None:
        """What no segment will be longer than, in whole seconds; too late once one has been listed."""
        if not self._next:
            self.target = target

    def add(self, source: Path, seconds: float, at: datetime, *, jump: bool) -> None:
        """List a finished segment of a transport stream; ``jump``: it does not follow from the one before.

        ProtocolError when it is to be packed anew and cannot be.
        """
        name, init = self._keep(source)
        # Other parameters are a jump, whoever did not expect them (RFC 8216, 4.3.2.3).
        jump = jump or (bool(self.segments) and init != self.segments[-1].init)
        segment = Segment(
            number=self._next, seconds=seconds, at=at, jump=jump and self._next > 0, name=name, init=init
        )
        self._next += 1
        self.segments.append(segment)
        self._forget()
        self.write()

    def between(self, since: datetime, until: datetime) -> list[tuple[Segment, Path]]:
        """The listed segments that go on after a moment and began before another, and their files."""
        late = [
            one for one in self.segments if one.at < until and one.at + timedelta(seconds=one.seconds) > since
        ]
        return [(one, self._folder / one.name) for one in late]

    def begins(self, segment: Segment) -> float | None:
        """When its first picture is presented, in seconds of the stream; None when it cannot be read."""
        path = self._folder / segment.name
        if self.packager is None:
            return first_timestamp(path)
        try:
            return self.packager.begins_at((self._folder / segment.init).read_bytes(), path.read_bytes())
        except (OSError, ProtocolError):
            return None

    def replace(self, segment: Segment, source: Path, begins: float) -> bool:
        """Put another segment of a transport stream under the name of a listed one; false when it would need
        something else to be read before it. ProtocolError when it cannot be packed."""
        assert self.packager is not None
        made = self.packager.pack(source.read_bytes(), segment.number, begins)
        if made.init_name == segment.init:
            replace_file(self._folder / segment.name, made.body)
        return made.init_name == segment.init

    def shorten(self, seconds: float) -> None:
        """Let go of all but the last ``seconds``, from the list and from the disk: there is no room."""
        window, self._window = self._window, seconds
        self._forget()
        self._window = window
        if self.segments:
            self.write()

    def end(self) -> None:
        """Say that nothing more will come."""
        self.ended = True
        self.write()

    def write(self) -> None:
        """Put the list where viewers read it."""
        first = self.segments[0].number if self.segments else self._next
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:6",
            f"#EXT-X-TARGETDURATION:{self.target}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self._jumps}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
        ]
        init = ""
        for segment in self.segments:
            if segment.jump:
                lines.append("#EXT-X-DISCONTINUITY")
            if segment.init != init:
                lines.append(f'#EXT-X-MAP:URI="{segment.init}"')
            init = segment.init
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{segment.at.isoformat(timespec='milliseconds')}")
            lines.append(f"#EXTINF:{segment.seconds:.6f},")
            lines.append(segment.name)
        if self.ended:
            lines.append("#EXT-X-ENDLIST")
        replace_file(self._folder / MEDIA, ("\n".join(lines) + "\n").encode("ascii"))

    def _keep(self, source: Path) -> tuple[str, str]:
        """Put a segment where viewers get it; its name, and that of what must be read before it."""
        if self.packager is None:
            name = f"{self._next:08d}.ts"
            (self._folder / name).unlink(missing_ok=True)
            os.link(source, self._folder / name)
            return name, ""
        made = self.packager.pack(source.read_bytes(), self._next)
        if not (self._folder / made.init_name).exists():
            replace_file(self._folder / made.init_name, made.init)
        name = f"{self._next:08d}.m4s"
        replace_file(self._folder / name, made.body)
        return name, made.init_name

    def _forget(self) -> None:
        """Let old segments leave the list, and later the disk; 0 keeps the whole sitting."""
        if not self._window:
            return
        total = sum(segment.seconds for segment in self.segments)
        while len(self.segments) > 3 and total - self.segments[0].seconds >= self._window:
            gone = self.segments.pop(0)
            total -= gone.seconds
            # The tag belongs to the segment that follows it: it left with this one.
            self._jumps += gone.jump
            self._left.append(gone)
        while self._left and self._left[0].at < self.segments[-1].at - timedelta(
            seconds=self._window + KEPT_SECONDS
        ):
            old = self._left.pop(0)
            (self._folder / old.name).unlink(missing_ok=True)
            if old.init and all(one.init != old.init for one in (*self._left, *self.segments)):
                (self._folder / old.init).unlink(missing_ok=True)

    def _recall(self, text: str) -> None:
        jump, seconds, at, init = False, 0.0, None, ""
        first = 0
        for line in text.splitlines():
            if found := _NUMBER.match(line):
                match found[1]:
                    case "MEDIA-SEQUENCE":
                        first = int(found[2])
                    case "DISCONTINUITY-SEQUENCE":
                        self._jumps = int(found[2])
                    case _:
                        self.target = int(found[2])
            elif line == "#EXT-X-DISCONTINUITY":
                jump = True
            elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
                at = datetime.fromisoformat(line.partition(":")[2])
            elif line.startswith("#EXTINF:"):
                seconds = float(line.partition(":")[2].rstrip(","))
            elif line == "#EXT-X-ENDLIST":
                self.ended = True
            elif line.startswith("#EXT-X-MAP:"):
                init = line.split('"')[1]
            elif line and not line.startswith("#") and at is not None:
                number = first + len(self.segments)
                self.segments.append(
                    Segment(number=number, seconds=seconds, at=at, jump=jump, name=line, init=init)
                )
                jump = False
        self._next = first + len(self.segments)


def write_master(folder: Path, plan: Plan, codecs: dict[str, str]) -> None:
    """The list of renditions; bandwidths in bit/s, the peak as the encoder's own bound."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in plan.renditions:
        if rendition.name not in plan.names:
            continue
        lines.append("#EXT-X-STREAM-INF:" + ",".join(_attributes(plan, rendition, codecs)))
        lines.append(f"{rendition.name}/{MEDIA}")
    if AUDIO_ONLY in plan.names:
        rate = plan.audio_only_kbps * 1200
        lines.append(f'#EXT-X-STREAM-INF:BANDWIDTH={rate},AVERAGE-BANDWIDTH={rate},CODECS="mp4a.40.2"')
        lines.append(f"{AUDIO_ONLY}/{MEDIA}")
    replace_file(folder / MASTER, ("\n".join(lines) + "\n").encode("ascii"))


def _attributes(plan: Plan, rendition: RenditionPlan, codecs: dict[str, str]) -> list[str]:
    # A transport stream adds about a tenth to what is inside.
    average = (rendition.video_kbps + rendition.audio_kbps) * 1100
    peak = (rendition.video_kbps * 3 // 2 + rendition.audio_kbps) * 1100
    attributes = [
        f"BANDWIDTH={peak}",
        f"AVERAGE-BANDWIDTH={average}",
        f"RESOLUTION={rendition.width}x{rendition.height}",
        f"FRAME-RATE={plan.fps:.3f}",
    ]
    if rendition.name in codecs:
        attributes.append(f'CODECS="{codecs[rendition.name]},mp4a.40.2"')
    return attributes


def codec_of(segment: bytes) -> str:
    """The video codec as RFC 6381 names it, read from the sequence parameters of an H.264 segment."""
    found = re.search(rb"\x00\x00\x01[\x27\x47\x67](...)", segment, re.DOTALL)  # a chip's may weigh less
    return "avc1." + found[1].hex().upper() if found else ""
