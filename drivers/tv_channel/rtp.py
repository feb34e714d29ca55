"""RTP around a transport stream (RFC 3550, RFC 2250): 12 bytes, then whole packets.

Its number tells what the network lost, or brought twice where two networks bring it; what is missing in the
transport stream without a number missing here was lost before the network.
"""

from __future__ import annotations

from collections import deque

HEADER = 12
TRANSPORT_STREAM = 33  # its payload type
REMEMBERED = 512  # datagrams that the second network may come later
RESTARTED = 3000  # a jump so far is another sender


class Rtp:
    """Takes datagrams, gives what is in them; counts those ``lost``, ``doubled`` and ``foreign``."""

    def __init__(self) -> None:
        self.lost = self.doubled = self.foreign = 0
        self._next: int | None = None
        self._seen: deque[int] = deque(maxlen=REMEMBERED)

    def feed(self, datagram: bytes) -> bytes:
        """The packets in it; nothing for one that came before, or is no RTP."""
        if len(datagram) < HEADER or datagram[0] >> 6 != 2 or datagram[1] & 0x7F != TRANSPORT_STREAM:
            self.foreign += 1
            return b""
        number = datagram[2] << 8 | datagram[3]
        ahead = 0 if self._next is None else (number - self._next) & 0xFFFF
        if ahead >= 0x8000 and 0x10000 - ahead < RESTARTED:  # of before
            if number in self._seen:
                self.doubled += 1
                return b""
            self.lost = max(0, self.lost - 1)  # only late; its place in the stream is gone all the same
            return b""
        if 0 < ahead < RESTARTED:
            self.lost += ahead
        self._next = (number + 1) & 0xFFFF
        self._seen.append(number)
        return _content(datagram)


def _content(datagram: bytes) -> bytes:
    begin = HEADER + 4 * (datagram[0] & 0x0F)
    if datagram[0] & 0x10 and len(datagram) >= begin + 4:  # an extension of the header
        begin += 4 + 4 * (datagram[begin + 2] << 8 | datagram[begin + 3])
    end = len(datagram) - (datagram[-1] if datagram[0] & 0x20 else 0)
    return datagram[begin:end]
