"""Datagrams to and from devices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from weakref import WeakKeyDictionary

from avctl.errors import LinkError
from avctl.wire.trust import why


class Datagrams(asyncio.DatagramProtocol):
    """Datagrams to and from one address; what is ``hidden`` in those received stays out of the log."""

    def __init__(self, log: logging.Logger, hidden: bool = False) -> None:
        self._log, self._hidden = log, hidden
        self._heard: asyncio.Queue[bytes | LinkError] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug("<< %s", f"({len(data)} bytes)" if self._hidden else data.hex(" "))
        self._heard.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self._heard.put_nowait(LinkError(f"the device is not listening: {exc}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard.put_nowait(LinkError("the socket was closed"))

    def send_now(self, data: bytes, shown: str = "") -> None:
        """Put one datagram on the wire without a turn of the event loop."""
        assert self.transport is not None
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug(">> %s", shown or data.hex(" "))
        self.transport.sendto(data)

    async def send(self, data: bytes, shown: str = "") -> None:
        """Put one datagram on the wire; the log gets ``shown`` for a secret."""
        self.send_now(data, shown)

    async def receive(self) -> bytes:
        """The next datagram, waiting for it; LinkError when the device's address refuses ours."""
        heard = await self._heard.get()
        if isinstance(heard, LinkError):
            raise heard
        return heard


@asynccontextmanager
async def udp(host: str, port: int, log: logging.Logger, hidden: bool = False) -> AsyncIterator[Datagrams]:
    """Datagrams to and from one address; each receive is one datagram, ``hidden`` if it has a secret."""
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.create_datagram_endpoint(
            lambda: Datagrams(log, hidden), remote_addr=(host, port)
        )
    except OSError as fault:
        raise LinkError(f"cannot reach {host}:{port}: {why(fault)}") from fault
    try:
        yield protocol
    finally:
        transport.close()


class _Board(asyncio.DatagramProtocol):
    """A port of ours to which devices send by themselves."""

    def __init__(self) -> None:
        self.readers: list[tuple[frozenset[str], Callable[[bytes], None]]] = []
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        for hosts, heard in tuple(self.readers):
            if addr[0] in hosts:
                heard(data)


# A port is taken once, and every projector of a house sends to the same one: the drivers of a loop share it.
_BOARDS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, _Board]] = WeakKeyDictionary()


@asynccontextmanager
async def notices(
    port: int, host: str, heard: Callable[[bytes], None], log: logging.Logger
) -> AsyncIterator[None]:
    """Have the datagrams heard that a host sends to a port of ours; port 0: none."""
    if not port:
        yield
        return
    loop = asyncio.get_running_loop()
    boards = _BOARDS.setdefault(loop, {})
    board = boards.setdefault(port, _Board())
    try:
        found = await loop.getaddrinfo(host, None)
        reader = frozenset(str(one[4][0]) for one in found), heard
        if board.transport is None:
            board.transport, _ = await loop.create_datagram_endpoint(lambda: board, ("0.0.0.0", port))
    except OSError as fault:
        raise LinkError(f"cannot hear its notices on port {port}: {why(fault)}") from fault
    board.readers.append(reader)
    try:
        yield
    finally:
        board.readers.remove(reader)
        if not board.readers and board.transport is not None:
            board.transport.close()
            boards.pop(port, None)
