"""The tables of a transport stream: PAT, PMT, and a DVB network's SDT and EIT (ISO 13818-1, EN 300 468).

A section is ``table_id``, 12 bits of length, its content and a CRC-32 (MPEG-2) over all of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drivers.tv_channel.text import text_of

PAT, CAT, PMT, SDT, EIT_NOW = 0x00, 0x01, 0x02, 0x42, 0x4E
CHECKED = frozenset({PAT, CAT, PMT, 0x40, SDT, 0x46, EIT_NOW, 0x4F, 0x73})  # those of TR 101 290, 2.2
LONGEST = 4096
SERVICE, SHORT_EVENT, LANGUAGE, CONDITIONAL_ACCESS = 0x48, 0x4D, 0x0A, 0x09

VIDEO = {0x01: "MPEG-1", 0x02: "MPEG-2", 0x10: "MPEG-4", 0x1B: "H.264", 0x24: "HEVC"}
SOUND = {0x03: "MPEG", 0x04: "MPEG", 0x0F: "AAC", 0x11: "AAC", 0x81: "AC-3", 0x87: "E-AC-3"}
# Private data (06) is sound where one of these descriptors says so (EN 300 468, annex D).
PRIVATE_SOUND = {0x6A: "AC-3", 0x7A: "E-AC-3", 0x7C: "AAC", 0x7B: "DTS"}
PRIVATE = 0x06

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc(data: bytes) -> int:
    """CRC-32 of MPEG-2 (04C11DB7, from FFFFFFFF, not reflected): 0 over a section with its own.

    It is zlib's with every bit turned round, which is a hundred times as fast as a loop of ours.
    """
    reflected = zlib.crc32(data.translate(REVERSED)) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(REVERSED), "big")


class Sections:
    """Sections out of the packets of one PID."""

    def __init__(self) -> None:
        self._kept = b""
        self._began = False

    def lost(self) -> None:
        """A packet is missing: what was begun cannot be finished."""
        self._kept, self._began = b"", False

    def feed(self, payload: bytes, starts: bool) -> Iterator[bytes]:
        """The sections that are complete with this payload; ``starts``: it has a pointer to a first one."""
        if starts and payload:
            pointer = 1 + payload[0]
            if self._began:
                yield from self._complete(payload[1:pointer])
            self._kept, self._began, payload = b"", True, payload[pointer:]
        if self._began:
            yield from self._complete(payload)

    def _complete(self, more: bytes) -> Iterator[bytes]:
        self._kept += more
        while len(self._kept) >= 3 and self._kept[0] != 0xFF:  # FF is what fills a packet up
            size = 3 + ((self._kept[1] & 0x0F) << 8 | self._kept[2])
            if size > LONGEST:
                self.lost()
                return
            if len(self._kept) < size:
                return
            section, self._kept = self._kept[:size], self._kept[size:]
            yield section


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A part of a programme: its picture, a sound track, or something else."""

    pid: int
    kind: str  # video, sound, or empty
    codec: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Programme:
    """What a PMT says."""

    number: int
    pcr_pid: int
    streams: tuple[Stream, ...] = ()
    scrambled: bool = False  # it announces a scrambling system

    def of(self, kind: str) -> tuple[Stream, ...]:
        """Its streams of a kind."""
        return tuple(stream for stream in self.streams if stream.kind == kind)


@dataclass(frozen=True, kw_only=True)
class Show:
    """An entry of the guide."""

    name: str
    starts_at: datetime | None
    duration: timedelta


def descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each."""
    at = 0
    while at + 2 <= len(data):
        size = data[at + 1]
        yield data[at], data[at + 2 : at + 2 + size]
        at += 2 + size


def programmes_of(pat: bytes) -> dict[int, int]:
    """Programme number -> PID of its PMT, without the network's (0)."""
    rows = (pat[at : at + 4] for at in range(8, len(pat) - 7, 4))
    pairs = ((row[0] << 8 | row[1], (row[2] & 0x1F) << 8 | row[3]) for row in rows)
    return {number: pid for number, pid in pairs if number}


def programme_of(pmt: bytes) -> Programme:
    """A PMT."""
    information = (pmt[10] & 0x0F) << 8 | pmt[11]
    at, end, streams = 12 + information, len(pmt) - 4, []
    scrambled = any(tag == CONDITIONAL_ACCESS for tag, _ in descriptors(pmt[12:at]))
    while at + 5 <= end:
        size = (pmt[at + 3] & 0x0F) << 8 | pmt[at + 4]
        told = dict(descriptors(pmt[at + 5 : at + 5 + size]))
        scrambled = scrambled or CONDITIONAL_ACCESS in told
        kind, codec = _kind(pmt[at], told)
        language = told.get(LANGUAGE, b"")[:3].decode("latin-1")
        pid = (pmt[at + 1] & 0x1F) << 8 | pmt[at + 2]
        streams.append(Stream(pid=pid, kind=kind, codec=codec, language=language))
        at += 5 + size
    return Programme(
        number=pmt[3] << 8 | pmt[4],
        pcr_pid=(pmt[8] & 0x1F) << 8 | pmt[9],
        streams=tuple(streams),
        scrambled=scrambled,
    )


def _kind(code: int, told: dict[int, bytes]) -> tuple[str, str]:
    if code in VIDEO:
        return "video", VIDEO[code]
    if code in SOUND:
        return "sound", SOUND[code]
    if code == PRIVATE:
        for tag, codec in PRIVATE_SOUND.items():
            if tag in told:
                return "sound", codec
    return "", ""


def services_of(sdt: bytes) -> dict[int, str]:
    """Programme number -> name, as an SDT says."""
    at, end, names = 11, len(sdt) - 4, {}
    while at + 5 <= end:
        size = (sdt[at + 3] & 0x0F) << 8 | sdt[at + 4]
        told = dict(descriptors(sdt[at + 5 : at + 5 + size])).get(SERVICE, b"")
        if len(told) > 2:
            named = 2 + told[1]  # type, length and name of the provider, then those of the service
            names[sdt[at] << 8 | sdt[at + 1]] = text_of(told[named + 1 : named + 1 + told[named]])
        at += 5 + size
    return names


def show_of(eit: bytes) -> tuple[int, int, Show | None]:
    """Programme number, 0 for now or 1 for next, and the show of an EIT of now and next; None: nothing."""
    programme, place = eit[3] << 8 | eit[4], eit[6]
    if len(eit) < 14 + 12 + 4:
        return programme, place, None
    event = eit[14:]
    size = (event[10] & 0x0F) << 8 | event[11]
    told = dict(descriptors(event[12 : 12 + size])).get(SHORT_EVENT, b"")
    name = text_of(told[4 : 4 + told[3]]) if len(told) > 4 else ""
    hours, minutes, seconds = (_decimal(byte) for byte in event[7:10])
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return programme, place, Show(name=name, starts_at=_moment(event[2:7]), duration=duration)


def _decimal(byte: int) -> int:
    return (byte >> 4) * 10 + (byte & 0x0F)


def _moment(code: bytes) -> datetime | None:
    """Days of the modified Julian calendar, then hours, minutes, seconds in decimal; all ones: not known."""
    if code == b"\xff" * 5:
        return None
    hours, minutes, seconds = (_decimal(byte) for byte in code[2:])
    day = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=code[0] << 8 | code[1])
    return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
