"""What a broadcaster sends to everybody who listens: datagrams, to a group or to an address of ours.

Read some times a second, all that has come: there are hundreds in a second, and waking up for each costs more
than reading it. What the kernel had to drop meanwhile is told apart from what never came.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from avctl.errors import LinkError

BUFFER = 4 * 2**20  # bytes of the kernel's that are asked for; it gives what net.core.rmem_max allows
RECEIVE_BUFFER_FORCE = 33  # SO_RCVBUFFORCE, asm-generic/socket.h: beyond that, for root
QUEUE_OVERFLOW = 40  # SO_RXQ_OVFL: how many datagrams were dropped so far
ADD_SOURCE_MEMBERSHIP = 39  # IP_ADD_SOURCE_MEMBERSHIP, linux/in.h
LARGEST = 2048
KEPT = 2304  # bytes that the kernel counts for a datagram of 1316
LEAST, MOST = 0.01, 0.1  # seconds between two readings


@dataclass(frozen=True, kw_only=True)
class Read:
    """What came since the last reading, and how many the kernel dropped."""

    datagrams: list[bytes]
    dropped: int


class Incoming:
    """A port of ours, or a group, that is listened to."""

    def __init__(self, line: socket.socket, log: logging.Logger) -> None:
        self._line, self._log = line, log
        self._dropped = 0
        room = line.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._fills = room // KEPT  # as many fill the kernel's buffer
        self._pause = MOST / 2

    async def read(self) -> Read:
        """Wait a little, and read what has come: more often where much comes and the kernel keeps little."""
        await asyncio.sleep(self._pause)
        found: list[bytes] = []
        dropped, receive, size = self._dropped, self._line.recvmsg, socket.CMSG_SPACE(4)
        with suppress(BlockingIOError):
            while len(found) < self._fills:
                data, told, *_ = receive(LARGEST, size)
                found.append(data)
                if told:
                    dropped = struct.unpack("I", told[0][2][:4])[0]
        if len(found) > self._fills / 4:
            self._pause = max(LEAST, self._pause / 2)
        elif len(found) < self._fills / 8:
            self._pause = min(MOST, self._pause * 1.2)
        lost, self._dropped = (dropped - self._dropped) & 0xFFFFFFFF, dropped
        if lost:
            self._log.debug("%d datagrams were dropped by this machine", lost)
        return Read(datagrams=found, dropped=lost)


@asynccontextmanager
async def incoming(
    host: str, port: int, log: logging.Logger, interface: str = "0.0.0.0", source: str = ""
) -> AsyncIterator[Incoming]:
    """Listen to a group by an interface's address, from one ``source`` alone if it is given, or to a port."""
    loop = asyncio.get_running_loop()
    try:
        address = (await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM))[0][4][0]
        line = _listening(str(address), port, interface, source)
    except OSError as fault:
        raise LinkError(f"cannot listen at {host}:{port}: {fault.strerror or fault}") from fault
    try:
        yield Incoming(line, log)
    finally:
        line.close()


def _listening(address: str, port: int, interface: str, source: str) -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, QUEUE_OVERFLOW, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        with suppress(OSError):
            line.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, BUFFER)
        if ipaddress.ip_address(address).is_multicast:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # others may listen to it as well
            line.bind((address, port))  # to the group itself: else every group of this port is heard
            group, own = socket.inet_aton(address), socket.inet_aton(interface)
            if source:
                wanted = group + own + socket.inet_aton(source)
                line.setsockopt(socket.IPPROTO_IP, ADD_SOURCE_MEMBERSHIP, wanted)
            else:
                line.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + own)
        else:
            line.bind((address, port))
    except OSError:
        line.close()
        raise
    return line
