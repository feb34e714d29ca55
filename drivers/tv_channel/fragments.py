"""A channel whose segments are fragmented MP4 (ISO 14496-12): what it has, and whether fragments are whole.

A box is 32 bits of length, four letters, its content. There are no packets, counters and tables in it: of all
that TR 101 290 measures nothing can be said, and nothing is. Opens nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from drivers.tv_channel.tables import Programme, Stream
from drivers.tv_channel.transport import Guide

UNMEASURED = "fragmented MP4: packets and tables are not measured"
NO_PID = 0x1FFF
KINDS = {b"vide": "video", b"soun": "sound"}
CODECS = {
    **{b"avc1": "H.264", b"avc3": "H.264", b"hvc1": "HEVC", b"hev1": "HEVC", b"dvh1": "HEVC", b"av01": "AV1"},
    **{b"vp09": "VP9", b"mp4a": "AAC", b"ac-3": "AC-3", b"ec-3": "E-AC-3", b"Opus": "Opus"},
}
ENCRYPTED = frozenset({b"encv", b"enca"})
WITHIN = 8  # of a box, before its content


@dataclass
class Fragments:
    """What is known of such a stream; has what is asked of a transport stream, as far as it can be told."""

    unmeasured = UNMEASURED
    listed = True
    errors: Counter[str] = field(default_factory=Counter)
    guide: Guide = field(default_factory=Guide)
    programme: Programme | None = None
    synced: bool = False
    broken: bool = False  # the last one was not whole
    begin: bytes = b""
    encrypted: bool = False

    @property
    def pat(self) -> None:
        """No such table."""

    @property
    def pmt(self) -> None:
        """No such table."""

    @property
    def missing(self) -> tuple[int, ...]:
        """No such parts."""
        return ()

    def take(self, begin: bytes, data: bytes) -> None:
        """A segment, and what stands before it."""
        if begin != self.begin or self.programme is None:
            self.begin = begin
            streams, self.encrypted = streams_of(begin)
            self.programme = Programme(number=0, pcr_pid=NO_PID, streams=streams) if streams else None
        found = [kind for kind, _ in boxes(data)]
        self.broken = b"moof" not in found or b"mdat" not in found or found[-1:] == [b""]
        self.synced = self.programme is not None and not self.broken


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and content of each box; the last one has no kind when it is cut off."""
    at = 0
    while at < len(data):
        size, head = int.from_bytes(data[at : at + 4]), WITHIN
        if size == 1:
            size, head = int.from_bytes(data[at + WITHIN : at + 16]), 16
        elif size == 0:
            size = len(data) - at  # to the end
        if size < head or at + size > len(data):
            yield b"", b""
            return
        yield data[at + 4 : at + 8], data[at + head : at + size]
        at += size


def streams_of(begin: bytes) -> tuple[tuple[Stream, ...], bool]:
    """The tracks that the beginning of a stream names, and whether they are encrypted."""
    streams, encrypted = [], False
    for kind, track in boxes(_within(begin, b"moov")):
        if kind != b"trak":
            continue
        media = _within(track, b"mdia")
        handler = _within(media, b"hdlr")[8:12]
        entries = _within(_within(_within(media, b"minf"), b"stbl"), b"stsd")[8:]
        codec = next((name for name, _ in boxes(entries)), b"")
        encrypted = encrypted or codec in ENCRYPTED
        number = int.from_bytes(_numbered(_within(track, b"tkhd")))
        told = KINDS.get(handler, "")
        name = CODECS.get(codec, codec.decode("ascii", "replace")) if told else ""
        streams.append(Stream(pid=number, kind=told, codec=name, language=_language(_within(media, b"mdhd"))))
    return tuple(streams), encrypted


def _within(data: bytes, wanted: bytes) -> bytes:
    return next((content for kind, content in boxes(data) if kind == wanted), b"")


def _numbered(header: bytes) -> bytes:
    """The number of a track, which stands behind two times of 4 or 8 bytes."""
    return header[20:24] if header[:1] == b"\1" else header[12:16]


def _language(header: bytes) -> str:
    """Three letters of five bits, of which a is 1; ``und`` is none."""
    packed = int.from_bytes(header[32:34] if header[:1] == b"\1" else header[20:22])
    letters = "".join(chr(0x60 + (packed >> shift & 31)) for shift in (10, 5, 0))
    return letters if letters.isalpha() and letters != "und" else ""
