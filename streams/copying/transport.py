"""Transport streams (ISO 13818-1) as bytes: found in, given other times, shortened. Nothing is decoded.

Only what ffmpeg's muxer writes is met here: whole packets of 188 bytes, tables that fit one packet, one
PES packet after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PACKET, SYNC = 188, 0x47
CLOCK = 90_000  # ticks a second of a timestamp (2.4.3.7)
WRAP = 1 << 33
PICTURES = range(0xE0, 0xF0)  # stream identifiers of video (table 2-22)
SOUNDS = range(0xC0, 0xE0)

Packets = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Unit:
    """Where a PES packet begins: the row of its first packet, its stream, its time, whether one can begin
    to decode with it."""

    row: int
    pid: int
    picture: bool
    pts: int
    key: bool


def packets(data: bytes) -> Packets:
    """Whole packets as rows that are ours to change; ``ValueError`` when it is no transport stream."""
    rows = np.frombuffer(bytearray(data), dtype=np.uint8).reshape(-1, PACKET)
    if not (rows[:, 0] == SYNC).all():
        raise ValueError("this is no transport stream")
    return rows


def pids(rows: Packets) -> NDArray[np.uint16]:
    """The packet identifier of each row."""
    found: NDArray[np.uint16] = (rows[:, 1].astype(np.uint16) & np.uint16(0x1F)) << np.uint16(8) | rows[:, 2]
    return found


def units(rows: Packets) -> Iterator[Unit]:
    """Every PES packet with a time that begins in these rows."""
    for row in np.flatnonzero(rows[:, 1] & 0x40).tolist():
        packet = rows[row].tobytes()
        at = _body(packet)
        if packet[at : at + 3] != b"\x00\x00\x01" or not packet[at + 7] & 0x80:
            continue
        stream = packet[at + 3]
        if stream in PICTURES or stream in SOUNDS:
            pid = (packet[1] & 0x1F) << 8 | packet[2]
            yield Unit(row, pid, stream in PICTURES, _time(packet, at + 9), _random_access(packet))


def shifted(rows: Packets, ticks: int) -> None:
    """Add to every timestamp and every clock reference of these rows."""
    for unit in units(rows):
        packet = rows[unit.row]
        at = _body(packet.tobytes())
        for place in (at + 9, at + 14) if packet[at + 7] & 0x40 else (at + 9,):
            _put_time(packet, place, (_time(packet.tobytes(), place) + ticks) % WRAP)
    referring = (rows[:, 3] & 0x20 != 0) & (rows[:, 4] >= 7) & (rows[:, 5] & 0x10 != 0)
    for row in np.flatnonzero(referring).tolist():
        five = int.from_bytes(rows[row, 6:11].tobytes())  # 33 bits of base, 6 reserved, 1 of extension
        base = ((five >> 7) + ticks) % WRAP
        rows[row, 6:11] = np.frombuffer((base << 7 | five & 0x7F).to_bytes(5), dtype=np.uint8)


def counted(rows: Packets, counters: dict[int, int]) -> None:
    """Number the packets of each stream on from ``counters`` (2.4.3.3), which are kept for the next."""
    streams = pids(rows)
    for pid in np.unique(streams).tolist():
        mine = np.flatnonzero(streams == pid)
        payload = (rows[mine, 3] & 0x10 != 0).astype(np.int64)
        numbers = counters.get(pid, -1) + np.cumsum(payload)
        rows[mine, 3] = rows[mine, 3] & 0xF0 | (numbers & 0x0F).astype(np.uint8)
        counters[pid] = int(numbers[-1])


def shortened(rows: Packets, ticks: int, sound: int = 0) -> Packets:
    """Only what is presented in the first ``ticks``; for streams without B-pictures.

    ``sound`` is how long a unit of sound lasts: one that would last longer is left out.
    """
    begun = list(units(rows))
    firsts = {unit.pid: unit.pts for unit in reversed(begun)}
    keep = np.ones(len(rows), dtype=bool)
    streams = pids(rows)
    for unit in begun:
        lasting = 1 if unit.picture else sound
        if since(firsts[unit.pid], unit.pts) + lasting > ticks:
            keep[unit.row :] &= streams[unit.row :] != unit.pid
    return rows[keep]


def since(first: int, later: int) -> int:
    """How many ticks a time is after another; negative when it is before."""
    return (later - first + WRAP // 2) % WRAP - WRAP // 2


def first_picture(rows: Packets) -> int:
    """When the first picture is presented; ``ValueError`` when there is none."""
    for unit in units(rows):
        if unit.picture:
            return unit.pts
    raise ValueError("there is no picture")


def _body(packet: bytes) -> int:
    """Where the payload begins, after the adaptation field (2.4.3.4)."""
    return 5 + packet[4] if packet[3] & 0x20 else 4


def _random_access(packet: bytes) -> bool:
    return bool(packet[3] & 0x20 and packet[4] and packet[5] & 0x40)


def _time(packet: bytes, at: int) -> int:
    high, middle, low = packet[at], packet[at + 1] << 8 | packet[at + 2], packet[at + 3] << 8 | packet[at + 4]
    return (high >> 1 & 7) << 30 | middle >> 1 << 15 | low >> 1


def _put_time(packet: Packets, at: int, ticks: int) -> None:
    packet[at] = int(packet[at]) & 0xF1 | (ticks >> 30 & 7) << 1
    packet[at + 1] = ticks >> 22 & 0xFF
    packet[at + 2] = ticks >> 14 & 0xFE | 1
    packet[at + 3] = ticks >> 7 & 0xFF
    packet[at + 4] = ticks << 1 & 0xFE | 1
