"""Short pieces of television by ffmpeg, and their endless stream: counters and clocks go on at joins."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from avctl.ffmpeg import find_ffmpeg

SIZE = 188
PER_DATAGRAM = 7
SECONDS = 1.92  # 48 pictures and 90 frames of AAC: both end together
RATE = 1_504_000  # bit/s: 1000 packets a second
PACKETS = round(SECONDS * RATE / 8 / SIZE)
PMT_PID, VIDEO_PID, SOUND_PID, NULL = 0x1000, 0x100, 0x101, 0x1FFF
PROGRAMME = 101
TICKS = round(SECONDS * 90_000)
NOTHING = b"\x47\x1f\xff\x10" + b"\xff" * 184


@dataclass(frozen=True)
class Look:
    """What is to be seen and heard."""

    black: bool = False
    frozen: bool = False
    silent: bool = False


@cache
def material(
    look: Look, size: str = "320x180", pattern: str = "testsrc2", rate: int = RATE
) -> tuple[bytes, ...]:
    """The packets of one loop."""
    picture = f"color=black:s={size}:r=25" if look.black else f"{pattern}=s={size}:r=25"
    still = ["-vf", "loop=-1:1"] if look.frozen else []
    sound = "anullsrc=r=48000:cl=stereo" if look.silent else "sine=440:r=48000,aformat=channel_layouts=stereo"
    command = [
        *(find_ffmpeg(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *(*still, "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-bf", "0"),
        *("-b:v", str(rate // 2), "-maxrate", str(rate // 2), "-bufsize", str(rate // 4), "-threads", "1"),
        *("-c:a", "aac", "-b:a", "96k", "-f", "mpegts", "-muxrate", str(rate), "-pat_period", "0.1"),
        *("-sdt_period", "0.5", "-pcr_period", "20", "-mpegts_service_id", str(PROGRAMME)),
        *("-metadata", "service_name=Rada", "-metadata:s:a:0", "language=ukr", "pipe:1"),
    ]
    data = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    packets = [data[at : at + SIZE] for at in range(0, len(data) - SIZE + 1, SIZE)]
    wanted = round(SECONDS * rate / 8 / SIZE)
    return tuple((packets + [NOTHING] * wanted)[:wanted])


class Going:
    """Loops one after the other: each packet gets the next counter of its PID, each time goes on."""

    def __init__(self) -> None:
        self._counters: dict[int, int] = {}
        self.loops = 0

    def on(self, packets: tuple[bytes, ...]) -> Iterator[bytes]:
        """The packets of the next loop."""
        later = self.loops * TICKS
        self.loops += 1
        for packet in packets:
            pid = (packet[1] & 0x1F) << 8 | packet[2]
            if pid == NULL:
                yield packet
                continue
            made = bytearray(packet)
            filled = packet[3] >> 4 & 1
            counter = self._counters[pid] = (self._counters.get(pid, -filled) + filled) & 0x0F
            made[3] = packet[3] & 0xF0 | counter
            begin = 4
            if packet[3] & 0x20:
                begin += 1 + packet[4]
                if packet[4] >= 7 and packet[5] & 0x10:
                    _move_clock(made, later)
            if filled and packet[1] & 0x40 and packet[begin : begin + 3] == b"\0\0\1":
                _move_times(made, begin, later)
            yield bytes(made)

    def following(self, pid: int, packet: bytes) -> bytes:
        """A packet of our own, with the next counter of its PID."""
        counter = self._counters[pid] = (self._counters.get(pid, -1) + 1) & 0x0F
        return packet[:3] + bytes((packet[3] & 0xF0 | counter,)) + packet[4:]


def _move_clock(packet: bytearray, ticks: int) -> None:
    base = (int.from_bytes(packet[6:11]) >> 7) + ticks & (1 << 33) - 1
    kept = packet[10] & 0x7F
    packet[6:11] = (base << 7 | kept).to_bytes(5)


def _move_times(packet: bytearray, begin: int, ticks: int) -> None:
    """PTS, and DTS where there is one: 33 bits in five bytes, with marks between."""
    for field in range((packet[begin + 7] >> 7) + (packet[begin + 7] >> 6 & 1)):
        at = begin + 9 + 5 * field
        five = packet[at : at + 5]
        time = (five[0] >> 1 & 7) << 30 | five[1] << 22 | five[2] >> 1 << 15 | five[3] << 7 | five[4] >> 1
        time = time + ticks & (1 << 33) - 1
        packet[at : at + 5] = (
            five[0] & 0xF1 | time >> 30 << 1,
            time >> 22 & 0xFF,
            (time >> 15 & 0x7F) << 1 | 1,
            time >> 7 & 0xFF,
            (time & 0x7F) << 1 | 1,
        )
