"""A channel that comes as HLS (RFC 8216): its playlists, and what is wrong with them. Opens nothing.

Tags of newer drafts (parts of segments, hints) only add to what is listed whole, and are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from avctl.errors import ProtocolError

STALE = 3.0  # times the target length without a new segment
LONGER = 0.5  # seconds that a segment may be longer than promised
BEHIND = 60.0  # seconds that its own clock may be behind ours
LONGEST = 10_000  # lines
NOBODY = "0"

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where bytes are: an address and, when not all of it, which of its bytes."""

    path: str
    first: int = 0
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Key:
    """How segments are encrypted. ``path``: where the key is; empty: only licensed players get it."""

    path: str = ""
    vector: bytes = b""  # empty: the number of the segment


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A piece of the stream; ``begin``: what has to stand before it (fragmented MP4)."""

    number: int
    place: Place
    seconds: float
    begins_anew: bool  # nothing goes on from the one before
    begin: Place | None = None
    begin_key: Key | None = None
    key: Key | None = None
    gap: bool = False  # it is said not to be there


@dataclass(frozen=True, kw_only=True)
class Playlist:
    """What a media playlist says; ``over``: it has an end, which a channel has not."""

    target: float
    first: int
    segments: tuple[Segment, ...]
    over: bool
    until: datetime | None = None  # the end of its last segment, by its own clock

    @property
    def last(self) -> int:
        """The number of the newest segment."""
        return self.first + len(self.segments) - 1


def variant_of(text: str, base: str) -> str | None:
    """The address of the dearest rendition of a master playlist; None when it is a media playlist."""
    found: list[tuple[int, str]] = []
    lines = _lines(text)
    for at, line in enumerate(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            bandwidth = _attributes(line).get("BANDWIDTH", NOBODY)
            following = next((one for one in lines[at + 1 :] if not one.startswith("#")), "")
            if following:
                found.append((int(bandwidth) if bandwidth.isdecimal() else 0, joined(base, following)))
    if not found:
        return None
    return max(found)[1]


def sound_apart(text: str) -> bool:
    """Whether a master playlist has the sound as a rendition of its own."""
    told = (_attributes(line) for line in _lines(text) if line.startswith("#EXT-X-MEDIA:"))
    return any(one.get("TYPE") == "AUDIO" and one.get("URI") for one in told)


@dataclass
class Reading:
    """A media playlist, as far as it has been read."""

    base: str
    target: float = 0.0
    first: int = 0
    over: bool = False
    segments: list[Segment] = field(default_factory=list)
    at: datetime | None = None
    # Of the segment whose address comes next:
    _seconds: float = 0.0
    _anew: bool = False
    _gap: bool = False
    _range: tuple[int, int | None] | None = None
    _begin: tuple[Place, Key | None] | None = None
    _key: Key | None = None
    _keys: bool = False  # the line before was a key, too: the same one for other players
    _ended: tuple[str, int] = ("", 0)  # where the last part of a file ended

    def take(self, line: str) -> None:
        """Read a line."""
        tag, _, value = line.partition(":")
        was_key, self._keys = self._keys, tag == "#EXT-X-KEY"
        match tag:
            case "#EXT-X-TARGETDURATION":
                self.target = float(value)
            case "#EXT-X-MEDIA-SEQUENCE":
                self.first = int(value)
            case "#EXTINF":
                self._seconds = float(value.partition(",")[0])
            case "#EXT-X-BYTERANGE":
                self._range = _range(value)
            case "#EXT-X-DISCONTINUITY":
                self._anew = True
            case "#EXT-X-GAP":
                self._gap = True
            case "#EXT-X-PROGRAM-DATE-TIME":
                told = datetime.fromisoformat(value)
                self.at = told if told.tzinfo else told.replace(tzinfo=UTC)
            case "#EXT-X-KEY":
                self._encrypted(_attributes(line), again=was_key)
            case "#EXT-X-MAP":
                self._begins(_attributes(line))
            case "#EXT-X-ENDLIST":
                self.over = True
        if not line.startswith("#"):
            self._segment(joined(self.base, line))

    def _encrypted(self, told: dict[str, str], again: bool) -> None:
        if again and self._key is not None and self._key.path:
            return  # the one before it can be used
        method, path = told.get("METHOD", ""), told.get("URI", "")
        vector = told.get("IV", "")[2:]
        if method == "NONE":
            self._key = None
            return
        plain = method == "AES-128" and told.get("KEYFORMAT", "identity") == "identity"
        reached = plain and urlsplit(path).scheme in ("", "http", "https") and path
        self._key = Key(
            path=joined(self.base, path) if reached else "",
            vector=bytes.fromhex(vector.zfill(32)) if vector else b"",
        )

    def _begins(self, told: dict[str, str]) -> None:
        place = Place(path=joined(self.base, told.get("URI", "")))
        if "BYTERANGE" in told:
            size, first = _range(told["BYTERANGE"])
            place = replace(place, first=first or 0, size=size)
        self._begin = place, self._key

    def _segment(self, path: str) -> None:
        place = Place(path=path)
        if self._range is not None:
            size, first = self._range
            if first is None:
                first = self._ended[1] if self._ended[0] == path else 0
            place = Place(path=path, first=first, size=size)
            self._ended = path, first + size
        begin, begin_key = self._begin or (None, None)
        self.segments.append(
            Segment(
                number=self.first + len(self.segments),
                place=place,
                seconds=self._seconds,
                begins_anew=self._anew,
                begin=begin,
                begin_key=begin_key,
                key=self._key,
                gap=self._gap,
            )
        )
        if self.at is not None:
            self.at = datetime.fromtimestamp(self.at.timestamp() + self._seconds, UTC)
        self._seconds, self._anew, self._gap, self._range = 0.0, False, False, None


def playlist_of(text: str, base: str) -> Playlist:
    """A media playlist; ProtocolError for what is none."""
    reading = Reading(base)
    for line in _lines(text):
        try:
            reading.take(line)
        except (ValueError, OverflowError):
            raise ProtocolError(f"not a playlist's line: {_plain(line)}") from None
    if not reading.target > 0:
        raise ProtocolError("a playlist without a target duration")
    return Playlist(
        target=reading.target,
        first=reading.first,
        segments=tuple(replace(one, number=reading.first + at) for at, one in enumerate(reading.segments)),
        over=reading.over,
        until=reading.at,
    )


def joined(base: str, path: str) -> str:
    """An address in a playlist, from its place; ProtocolError for one that no player of ours fetches."""
    try:
        found = urljoin(base, path)
        scheme = urlsplit(found).scheme
    except ValueError:
        raise ProtocolError("an address in its playlist is none") from None
    if scheme not in ("", "http", "https"):
        raise ProtocolError(f"an address in its playlist is not of the web ({scheme})")
    return found


def stopped(playlist: Playlist, still_seconds: float) -> str:
    """Why nothing more comes of it, ``still_seconds`` after its last new segment; empty: more does."""
    if playlist.over:
        return "the web stream has ended (ENDLIST)"
    if still_seconds > STALE * playlist.target:
        return "the web stream stands still"
    return ""


def wrong_with(
    playlist: Playlist, before: Playlist | None, still_seconds: float, now: datetime | None = None
) -> str:
    """The gravest thing that is wrong with a playlist, ``still_seconds`` after its last new segment."""
    if not playlist.over and before is not None and playlist.last < before.last:
        return "the web stream began anew: its numbers went back"
    if stop := stopped(playlist, still_seconds):
        return stop
    if any(one.seconds > playlist.target + LONGER for one in playlist.segments):
        return "segments of the web stream are longer than promised"
    if now is not None and playlist.until is not None and (now - playlist.until).total_seconds() > BEHIND:
        return "the web stream is more than a minute late"
    return ""


def _attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in ATTRIBUTE.findall(line.partition(":")[2])}


def _range(value: str) -> tuple[int, int | None]:
    size, _, first = value.strip().partition("@")
    if int(size) < 1 or (first and int(first) < 0):
        raise ValueError(value)
    return int(size), int(first) if first else None


def _plain(line: str) -> str:
    """A line as far as it may be told: an address may hold a key."""
    return line.partition("URI=")[0][:80] if line.startswith("#") else "an address"


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()[:LONGEST]]
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise ProtocolError(f"not a playlist: {text[:60]!r}")
    return [line for line in lines if line]
