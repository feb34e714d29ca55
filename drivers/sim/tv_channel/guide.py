"""The tables that a network adds to a channel: its name (SDT) and its guide (EIT of now and next).

Packed here after EN 300 468 by hand; of the driver only the CRC is used, which ffmpeg's own tables prove.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from drivers.tv_channel.tables import crc

SDT_PID, EIT_PID = 0x11, 0x12
STREAM, NETWORK = 1, 0x22B1
DAY_ZERO = datetime(1858, 11, 17, tzinfo=UTC)


def coded(text: str, letters: str) -> bytes:
    """A text with the byte that says how it is written: ``iso8859-5``, ``10 00 05`` or ``utf-8``."""
    if letters == "utf-8":
        return b"\x15" + text.encode("utf-8")
    first = b"\x10\x00\x05" if letters == "10 00 05" else b"\x01"
    return first + text.encode("iso8859-5", "replace")


def _section(table: int, extension: int, place: int, last: int, version: int, content: bytes) -> bytes:
    body = extension.to_bytes(2) + bytes((0xC1 | version << 1, place, last)) + content
    head = bytes((table, 0xF0 | len(body) + 4 >> 8, len(body) + 4 & 0xFF))
    whole = head + body
    return whole + crc(whole).to_bytes(4)


def sdt(programme: int, name: str, letters: str, version: int) -> bytes:
    """The name of the channel."""
    said = coded(name, letters)
    service = bytes((0x48, 3 + len(said), 0x01, 0, len(said))) + said
    row = programme.to_bytes(2) + b"\xfd" + (0x8000 | len(service)).to_bytes(2) + service
    return _section(0x42, STREAM, 0, 0, version, NETWORK.to_bytes(2) + b"\xff" + row)


def eit(programme: int, place: int, name: str, letters: str, starts_at: datetime, version: int) -> bytes:
    """The show of now (0) or next (1), an hour long."""
    said = coded(name, letters)
    short = b"ukr" + bytes((len(said),)) + said + b"\0"
    described = bytes((0x4D, len(short))) + short
    days, rest = divmod(starts_at.astimezone(UTC) - DAY_ZERO, timedelta(days=1))
    clock = (DAY_ZERO + rest).strftime("%H%M%S")
    event = (100 + place).to_bytes(2) + days.to_bytes(2) + bytes.fromhex(clock) + b"\x01\x00\x00"
    event += (0x8000 | len(described)).to_bytes(2) + described
    head = STREAM.to_bytes(2) + NETWORK.to_bytes(2) + b"\x01\x4e"
    return _section(0x4E, programme, place, 1, version, head + event)


def packets(pid: int, section: bytes) -> Iterator[bytes]:
    """A section in packets of 188 bytes; their counters are still 0."""
    first, payload = True, b"\0" + section
    while payload:
        head = bytes((0x47, (0x40 if first else 0) | pid >> 8, pid & 0xFF, 0x10))
        yield head + payload[:184].ljust(184, b"\xff")
        payload, first = payload[184:], False
