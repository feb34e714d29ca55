"""The playlist authority: the one who says what the public may see, whoever encoded it (RFC 8216).

Its playlists are also its memory: a new authority in the same folder reads them and goes on counting.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from streams.plan import AUDIO_ONLY, Plan, RenditionPlan
from streams.status import replace_file

MASTER = "master.m3u8"
MEDIA = "index.m3u8"
KEPT_SECONDS = 60  # a segment that left the list stays for those who have an older list
_NUMBER = re.compile(r"^#EXT-X-(MEDIA|DISCONTINUITY)-SEQUENCE:(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A listed segment: its number, length in seconds, and when its first picture was taken."""

    number: int
    seconds: float
    at: datetime
    jump: bool = False


class MediaPlaylist:
    """The list of one rendition."""

    def __init__(self, folder: Path, target: int, window: float) -> None:
        self.segments: list[Segment] = []
        self.ended = False
        self._folder, self._target, self._window = folder, target, window
        self._next = 0
        self._jumps = 0
        self._left: list[Segment] = []
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MEDIA).exists():
            self._recall((folder / MEDIA).read_text(encoding="ascii"))

    def add(self, source: Path, seconds: float, at: datetime, *, jump: bool) -> None:
        """List a finished segment; ``jump``: it does not follow from the one before."""
        segment = Segment(number=self._next, seconds=seconds, at=at, jump=jump and self._next > 0)
        target = self._folder / f"{segment.number:08d}.ts"
        target.unlink(missing_ok=True)
        os.link(source, target)
        self._next += 1
        self.segments.append(segment)
        self._forget()
        self.write()

    def between(self, since: datetime, until: datetime) -> list[tuple[Segment, Path]]:
        """The listed segments that go on after a moment and began before another, and their files."""
        late = [
            one for one in self.segments if one.at < until and one.at + timedelta(seconds=one.seconds) > since
        ]
        return [(one, self._folder / f"{one.number:08d}.ts") for one in late]

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
            f"#EXT-X-TARGETDURATION:{self._target}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self._jumps}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
        ]
        for segment in self.segments:
            if segment.jump:
                lines.append("#EXT-X-DISCONTINUITY")
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{segment.at.isoformat(timespec='milliseconds')}")
            lines.append(f"#EXTINF:{segment.seconds:.6f},")
            lines.append(f"{segment.number:08d}.ts")
        if self.ended:
            lines.append("#EXT-X-ENDLIST")
        replace_file(self._folder / MEDIA, ("\n".join(lines) + "\n").encode("ascii"))

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
            (self._folder / f"{self._left.pop(0).number:08d}.ts").unlink(missing_ok=True)

    def _recall(self, text: str) -> None:
        jump, seconds, at = False, 0.0, None
        first = 0
        for line in text.splitlines():
            if found := _NUMBER.match(line):
                if found[1] == "MEDIA":
                    first = int(found[2])
                else:
                    self._jumps = int(found[2])
            elif line == "#EXT-X-DISCONTINUITY":
                jump = True
            elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
                at = datetime.fromisoformat(line.partition(":")[2])
            elif line.startswith("#EXTINF:"):
                seconds = float(line.partition(":")[2].rstrip(","))
            elif line == "#EXT-X-ENDLIST":
                self.ended = True
            elif line and not line.startswith("#") and at is not None:
                number = first + len(self.segments)
                self.segments.append(Segment(number=number, seconds=seconds, at=at, jump=jump))
                jump = False
        self._next = first + len(self.segments)


def write_master(folder: Path, plan: Plan, codecs: dict[str, str]) -> None:
    """The list of renditions; bandwidths in bit/s, the peak as the encoder's own bound."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in plan.renditions:
        lines.append("#EXT-X-STREAM-INF:" + ",".join(_attributes(plan, rendition, codecs)))
        lines.append(f"{rendition.name}/{MEDIA}")
    if plan.audio_only_kbps:
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
    found = re.search(rb"\x00\x00\x01\x67(...)", segment, re.DOTALL)
    return "avc1." + found[1].hex().upper() if found else ""
