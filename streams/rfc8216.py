"""A strict look at playlists as RFC 8216 wants them, and as players need them while they change."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
ONCE = ("EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE")
FRAGMENTED = (".m4s", ".mp4")
CLOCK_SLACK = timedelta(seconds=0.1)


@dataclass
class Entry:
    """One segment of a list, with the tags that stand before it."""

    uri: str
    seconds: float
    jump: bool
    at: datetime | None
    map: str


@dataclass
class Listing:
    """A media playlist, read without mercy; ``faults`` is what is wrong in itself."""

    version: int = 1
    target: int = 0
    sequence: int = 0
    jumps: int = 0
    ended: bool = False
    entries: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def faults(old: str | None, new: str) -> tuple[str, ...]:
    """What is wrong in a media playlist, and in how it follows the one a player had before."""
    listing = read(new)
    found = list(listing.faults)
    if old is not None:
        found += _between(read(old), listing)
    return tuple(found)


def read(text: str) -> Listing:
    """A media playlist with all that is wrong in it."""
    listing = Listing()
    lines = text.splitlines()
    if not lines or lines[0] != "#EXTM3U":
        listing.faults.append("the first line is not #EXTM3U (4.3.1.1)")
    seen: set[str] = set()
    seconds: float | None = None
    jump, at, init = False, None, ""
    for line in lines:
        name, _, value = line[1:].partition(":")
        if line.startswith("#") and name in ONCE:
            if name in seen:
                listing.faults.append(f"{name} stands twice (4.3.3)")
            seen.add(name)
        if listing.ended and line:
            listing.faults.append("something follows #EXT-X-ENDLIST")
        match name if line.startswith("#") else "":
            case "EXT-X-VERSION":
                listing.version = int(value)
            case "EXT-X-TARGETDURATION":
                listing.target = int(value)
            case "EXT-X-MEDIA-SEQUENCE":
                listing.sequence = int(value)
            case "EXT-X-DISCONTINUITY-SEQUENCE":
                listing.jumps = int(value)
                if listing.entries or jump:
                    listing.faults.append("EXT-X-DISCONTINUITY-SEQUENCE after a segment (4.3.3.3)")
            case "EXT-X-DISCONTINUITY":
                jump = True
            case "EXT-X-MAP":
                init = dict(ATTRIBUTE.findall(value)).get("URI", "").strip('"')
                if not init:
                    listing.faults.append("EXT-X-MAP has no URI (4.3.2.5)")
            case "EXT-X-PROGRAM-DATE-TIME":
                at = datetime.fromisoformat(value)
            case "EXTINF":
                seconds = float(value.partition(",")[0])
            case "EXT-X-ENDLIST":
                listing.ended = True
            case "" if line:
                if seconds is None:
                    listing.faults.append(f"{line} has no EXTINF (4.3.2.1)")
                listing.entries.append(Entry(line, seconds or 0, jump, at, init))
                seconds, jump, at = None, False, None
    if "EXT-X-TARGETDURATION" not in seen:
        listing.faults.append("there is no EXT-X-TARGETDURATION (4.3.3.1)")
    listing.faults += _inside(listing)
    return listing


def _inside(listing: Listing) -> Iterator[str]:
    names = [entry.uri for entry in listing.entries]
    if len(set(names)) != len(names):
        yield "a segment is listed twice"
    before: Entry | None = None
    for entry in listing.entries:
        # 4.3.3.1: rounded to the nearest integer, a duration is at most the target.
        if math.floor(entry.seconds + 0.5) > listing.target:
            yield f"{entry.uri} lasts {entry.seconds:g} s, the target is {listing.target} s (4.3.3.1)"
        if entry.seconds <= 0:
            yield f"{entry.uri} lasts {entry.seconds:g} s"
        if entry.map and listing.version < 6:
            yield "EXT-X-MAP needs version 6 (7)"
        if not entry.map and entry.uri.endswith(FRAGMENTED):
            yield f"{entry.uri} has no EXT-X-MAP before it (3.3)"
        if before is not None:
            if before.map != entry.map and not entry.jump:
                yield f"{entry.uri} has another EXT-X-MAP without a discontinuity (4.3.2.3)"
            if before.at is not None and entry.at is not None:
                expected = before.at + timedelta(seconds=before.seconds)
                if entry.at < expected - CLOCK_SLACK:
                    yield f"{entry.uri} begins at {entry.at}, before {before.uri} is over (4.3.2.6)"
                if not entry.jump and entry.at > expected + CLOCK_SLACK:
                    yield f"{entry.uri} begins at {entry.at}, {entry.at - expected} late (4.3.2.6)"
        before = entry


def _between(old: Listing, new: Listing) -> Iterator[str]:
    """6.2.1: a list grows at its end and is shortened at its beginning, nothing else."""
    gone = new.sequence - old.sequence
    if gone < 0:
        yield f"EXT-X-MEDIA-SEQUENCE went back by {-gone} (6.2.2)"
        return
    if new.target != old.target:
        yield "EXT-X-TARGETDURATION changed (6.2.1)"
    if old.ended and not new.ended:
        yield "EXT-X-ENDLIST was taken back (6.2.1)"
    if gone > len(old.entries):
        yield f"{gone - len(old.entries)} segments were never listed"
        return
    kept = old.entries[gone:]
    for one, other in zip(kept, new.entries, strict=False):
        if one != other:
            yield f"{one.uri} changed (6.2.1)"
    if len(new.entries) < len(kept):
        yield f"{len(kept) - len(new.entries)} segments were taken from the end (6.2.1)"
    jumps = sum(entry.jump for entry in old.entries[:gone])
    if new.jumps != old.jumps + jumps:
        yield f"EXT-X-DISCONTINUITY-SEQUENCE is {new.jumps}, expected {old.jumps + jumps} (6.2.2)"


def master_faults(text: str) -> tuple[str, ...]:
    """What is wrong in a master playlist."""
    found = [] if text.startswith("#EXTM3U\n") else ["the first line is not #EXTM3U (4.3.1.1)"]
    lines = text.splitlines()
    variants = [(line, lines[at + 1 : at + 2]) for at, line in enumerate(lines) if "-STREAM-INF:" in line]
    if not variants:
        found.append("there is no EXT-X-STREAM-INF (4.3.4.2)")
    for line, uri in variants:
        attributes = dict(ATTRIBUTE.findall(line.partition(":")[2]))
        if not uri or uri[0].startswith("#"):
            found.append("EXT-X-STREAM-INF is not followed by an address (4.3.4.2)")
            continue
        for name in ("BANDWIDTH", "CODECS"):
            if name not in attributes:
                found.append(f"{uri[0]} has no {name} (4.3.4.2)")
        peak, average = attributes.get("BANDWIDTH", "0"), attributes.get("AVERAGE-BANDWIDTH", "0")
        if int(average) > int(peak):
            found.append(f"{uri[0]}: AVERAGE-BANDWIDTH is above BANDWIDTH (4.3.4.2)")
    return tuple(found)
