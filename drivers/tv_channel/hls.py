"""A channel that comes as HLS (RFC 8216): its playlists, and what is wrong with them. Opens nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from avctl.errors import ProtocolError

STALE = 3.0  # times the target length without a new segment
LONGER = 0.5  # seconds that a segment may be longer than promised
LONGEST = 10_000  # lines

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A piece of the stream."""

    number: int
    path: str
    seconds: float
    begins_anew: bool  # nothing goes on from the one before


@dataclass(frozen=True, kw_only=True)
class Playlist:
    """What a media playlist says; ``over``: it has an end, which a channel has not."""

    target: float
    first: int
    segments: tuple[Segment, ...]
    over: bool

    @property
    def last(self) -> int:
        """The number of the newest segment."""
        return self.first + len(self.segments) - 1


def variant_of(text: str, base: str) -> str | None:
    """The path of the dearest rendition of a master playlist; None when it is a media playlist."""
    found: list[tuple[int, str]] = []
    lines = _lines(text)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-STREAM-INF:"):
            told = dict(ATTRIBUTE.findall(line.partition(":")[2]))
            bandwidth = told.get("BANDWIDTH", "0")
            found.append((int(bandwidth) if bandwidth.isdigit() else 0, joined(base, following)))
    if not found:
        return None
    return max(found)[1]


def playlist_of(text: str, base: str) -> Playlist:
    """A media playlist; ProtocolError for what is none."""
    target = seconds = 0.0
    first, anew, over = 0, False, False
    paths: list[tuple[str, float, bool]] = []
    for line in _lines(text):
        tag, _, value = line.partition(":")
        try:
            match tag:
                case "#EXT-X-TARGETDURATION":
                    target = float(value)
                case "#EXT-X-MEDIA-SEQUENCE":
                    first = int(value)
                case "#EXTINF":
                    seconds = float(value.partition(",")[0])
                case "#EXT-X-DISCONTINUITY":
                    anew = True
                case "#EXT-X-ENDLIST":
                    over = True
                case "#EXT-X-MAP":
                    raise ProtocolError("its segments are no transport stream (fragmented MP4)")
        except ValueError:
            raise ProtocolError(f"not a playlist's line: {line[:80]}") from None
        if not line.startswith("#"):
            paths.append((joined(base, line), seconds, anew))
            seconds, anew = 0.0, False
    if not target > 0:
        raise ProtocolError("a playlist without a target duration")
    segments = tuple(
        Segment(number=first + at, path=path, seconds=length, begins_anew=new)
        for at, (path, length, new) in enumerate(paths)
    )
    return Playlist(target=target, first=first, segments=segments, over=over)


def joined(base: str, path: str) -> str:
    """A path of a playlist, from its place; ProtocolError when it leads to another server."""
    parts = urlsplit(urljoin(f"http://here{base}", path))
    if parts.netloc != "here":
        raise ProtocolError("its segments are on another server")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def wrong_with(playlist: Playlist, before: Playlist | None, still_seconds: float) -> str:
    """The gravest thing that is wrong with a playlist, ``still_seconds`` after its last new segment."""
    if playlist.over:
        return "the web stream has ended (ENDLIST)"
    if before is not None and playlist.last < before.last:
        return "the web stream began anew: its numbers went back"
    if still_seconds > STALE * playlist.target:
        return "the web stream stands still"
    if any(one.seconds > playlist.target + LONGER for one in playlist.segments):
        return "segments of the web stream are longer than promised"
    return ""


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()[:LONGEST]]
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise ProtocolError(f"not a playlist: {text[:60]!r}")
    return [line for line in lines if line]
