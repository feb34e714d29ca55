"""What must go on in a stream: the counter of each PID, and what has to come again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE, NULL = 188, 0x1FFF
AGAIN_SECONDS = 1.0  # what goes on missing counts once more each second

Packets = NDArray[np.uint8]


@dataclass
class Due:
    """Something that must come again and again."""

    seconds: float
    since: float = 0.0
    told: int = 0
    heard: bool = False

    def came(self, now: float) -> None:
        """It is there."""
        self.since, self.told, self.heard = now, 0, True

    def missed(self, now: float) -> int:
        """How often more it is to be counted as missing."""
        late = now - self.since - self.seconds
        count = 0 if late <= 0 else 1 + int(late / AGAIN_SECONDS)
        more, self.told = max(0, count - self.told), max(count, self.told)
        return more

    @property
    def missing(self) -> bool:
        """Whether it was missing when it was last looked for."""
        return self.told > 0


class Continuity:
    """The continuity counters (TR 101 290, 1.4): one more for each packet of a PID that has a payload."""

    def __init__(self) -> None:
        self._counters = np.full(NULL + 1, -1, np.int16)
        self._last: dict[int, Packets] = {}

    def forget(self) -> None:
        """What comes next follows nothing."""
        self._counters[:] = -1
        self._last.clear()

    def broken(self, packets: Packets, pids: NDArray[np.int16], flags: Packets) -> Iterator[int]:
        """The PID of each packet that does not follow the one before; then it is counted on from there."""
        order = np.argsort(pids, kind="stable")
        order = order[: np.searchsorted(pids[order], NULL)]  # null packets are last, and count nothing
        if not len(order):
            return
        sorted_pids, control = pids[order], packets[order, 3]
        counts = (control & 0x0F).astype(np.int16)
        first = np.empty(len(order), np.bool_)
        first[0] = True
        np.not_equal(sorted_pids[1:], sorted_pids[:-1], out=first[1:])
        before = np.empty_like(counts)
        before[1:] = counts[:-1]
        before[first] = self._counters[sorted_pids[first]]
        right = (counts == ((before + (control >> 4 & 1)) & 0x0F)) | (before < 0)
        right |= (flags[order] & 0x80 != 0) | (control & 0x30 == 0)  # said to be so; reserved
        if not right.all():
            odd = np.flatnonzero(~right).tolist()
            for at in odd:
                pid, packet = int(sorted_pids[at]), packets[order[at]]
                earlier = self._last.get(pid) if first[at] else packets[order[at - 1]]
                # A packet may come twice, whole and once.
                twice = counts[at] == before[at] and (first[at] or at - 1 not in odd)
                if not (twice and earlier is not None and _same(packet, earlier)):
                    yield pid
        last = np.append(first[1:], True)
        ends = sorted_pids[last]
        self._counters[ends] = counts[last]
        self._last.update(zip(ends.tolist(), packets[order[last]], strict=True))


def _same(packet: Packets, earlier: Packets) -> bool:
    """Whether two packets are one, sent twice; a clock reference in it may differ."""
    begin = 12 if packet[3] & 0x20 and packet[4] >= 7 else 4
    return packet[begin:].tobytes() == earlier[begin:].tobytes()
