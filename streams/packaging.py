"""Segments of fragmented MP4, made of segments of a transport stream: the same packets, packed anew.

Each is made by itself, of what is in it. An initialisation segment is named after its content: nothing need
be remembered over a restart, and a name never stands for anything else.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from avctl.errors import ProtocolError

CLOCK = 90_000  # ticks a second (ISO 13818-1, 2.4.3.7)
WRAP = 1 << 33  # after so many a transport stream's timestamps begin again: 26.5 hours
# Nothing is decoded: what there is to know stands in the headers. It takes half the time.
READING = {"skip_frame": "all", "fpsprobesize": "0"}
WRITING = {
    "movflags": "frag_custom+empty_moov+delay_moov+default_base_moof+frag_discont+skip_trailer",
    # The timestamps as they are, without an edit list that one player obeys and another does not.
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
    "video_track_timescale": str(CLOCK),
    # Nothing that could differ between the initialisation segments of one encoder.
    "fflags": "+bitexact",
    "write_btrt": "0",
}
# Parameter sets and delimiters are not for samples (ISO 14496-15, 5.3.2), nor are ADTS headers (14496-14).
FILTERS = {"h264": "filter_units=remove_types=7-9", "aac": "aac_adtstoasc"}


@dataclass(frozen=True)
class Packaged:
    """A segment, and the initialisation segment that must be read before it."""

    init: bytes
    body: bytes

    @property
    def init_name(self) -> str:
        return f"init-{hashlib.sha256(self.init).hexdigest()[:16]}.mp4"


class Packager:
    """Packs the segments of one rendition, one after the other."""

    def __init__(self) -> None:
        self._last = 0

    def pack(self, data: bytes, number: int, begins: float | None = None) -> Packaged:
        """A segment of a transport stream as fragmented MP4; ProtocolError when it is none.

        Its first picture is at ``begins`` seconds, or where it says itself; timestamps do not begin again as
        those of a transport stream do.
        """
        target = io.BytesIO()
        writing = WRITING | {"fragment_index": str(number + 1)}
        try:
            with (
                _opened(data, "mpegts") as source,
                av.open(target, "w", format="mp4", options=writing) as made,
            ):
                ways = {
                    one.index: _way(made, one) for one in source.streams if one.type in ("video", "audio")
                }
                packets = [one for one in _packets(source) if one.stream_index in ways]
                shift = self._shift(_first(packets), begins)
                for packet in packets:
                    way, sieve = ways[packet.stream_index]
                    for kept in sieve.filter(packet):
                        assert kept.pts is not None
                        assert kept.dts is not None
                        kept.pts, kept.dts, kept.stream = kept.pts + shift, kept.dts + shift, way
                        made.mux(kept)
        except av.FFmpegError as fault:
            raise ProtocolError(f"a segment cannot be packed as MP4: {fault}") from fault
        return _split(target.getvalue())

    def _shift(self, first: float, begins: float | None) -> int:
        """How many ticks later the segment is to be."""
        if begins is not None:
            return round((begins - first) * CLOCK)
        # Shortly before they begin again ffmpeg gives them as negative.
        ticks = round(first * CLOCK)
        turns = max(0, round((self._last - ticks % WRAP) / WRAP))
        self._last = ticks % WRAP + turns * WRAP
        return self._last - ticks

    def begins_at(self, init: bytes, body: bytes) -> float:
        """When a segment's first picture, or sound, is presented, in seconds; ProtocolError for nonsense."""
        try:
            with _opened(init + body, "mp4") as source:
                shown = (*source.streams.video, *source.streams.audio)[0]
                return _first([next(source.demux(shown))])
        except (av.FFmpegError, IndexError, StopIteration) as fault:
            raise ProtocolError(f"a segment is no MP4: {fault}") from fault


def _opened(data: bytes, form: str) -> InputContainer:
    return cast(InputContainer, av.open(io.BytesIO(data), format=form, options=READING))


def _way(made: OutputContainer, stream: Stream) -> tuple[Stream, BitStreamFilterContext]:
    """Where the packets of a stream go, and what they leave behind on the way."""
    way = made.add_stream_from_template(stream, opaque=True)
    context = way.codec_context
    context.bit_rate = 0  # that of this one segment would stand in the header
    if stream.type == "video" and context.extradata:
        # What stands before the next start code is not of a parameter set (ISO 14496-10, B.1.1).
        context.extradata = context.extradata.rstrip(b"\0")
    return way, BitStreamFilterContext(FILTERS.get(stream.codec_context.name, "null"), stream)


def _packets(source: InputContainer) -> list[Packet[Stream]]:
    return [packet for packet in source.demux() if packet.dts is not None]


def _first(packets: Sequence[Packet[Stream]]) -> float:
    """Of two streams the picture's counts: a player shows by it."""
    shown = [one for one in packets if one.stream.type == "video"] or packets
    if not shown:
        raise ProtocolError("a segment has neither picture nor sound")
    return float(min((one.pts or 0) * one.time_base for one in shown))


def _split(data: bytes) -> Packaged:
    """What stands before the first fragment is the initialisation segment (ISO 14496-12, 8.8.4)."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"moof":
            return Packaged(data[:at], data[at:])
        at += size
    raise ProtocolError("a segment has nothing to pack")
