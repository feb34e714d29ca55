"""Bytes in order, over TCP, TLS or a Unix socket."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from weakref import WeakKeyDictionary

from avctl.errors import AvctlError, LinkError
from avctl.wire import trust
from avctl.wire.trust import failed, why

PORTION = 2**16  # bytes that are taken from a socket at once
MOST_KEPT = 2**17  # bytes that wait for a driver before the device has to

# What a socket gives is copied out before the next is read: all streams of a loop share the place for it. It
# was a third of the memory of a house of thousands of devices.
_ROOMS: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()


class Stream(asyncio.BufferedProtocol):
    """Bytes in order, over TCP, TLS or a Unix socket.

    A protocol of its own: asyncio's reader takes one turn of the event loop more from the bytes to who waits.
    """

    def __init__(self, log: logging.Logger) -> None:
        loop = asyncio.get_running_loop()
        self._log = log
        self._room = _room_of(loop)
        self._kept = bytearray()  # came while nobody waited
        self._transport: asyncio.Transport | None = None
        self._hear: Callable[[bytes], None] | None = None
        self._ended: asyncio.Future[None] = loop.create_future()
        self._news: asyncio.Future[None] | None = None  # who waits for the next bytes
        self._drained: asyncio.Future[None] | None = None  # who waits until some have left
        self._full = False

    # --- what asyncio tells ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._room[:nbytes])
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug("<< %s", data.hex(" "))
        if self._hear is not None:
            self._tell(data)
            return
        self._kept += data
        _wake(self._news)
        if len(self._kept) > MOST_KEPT and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._end(LinkError("the device closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end(LinkError("the device closed the connection"))
        elif isinstance(exc, OSError):
            self._end(LinkError(f"cannot receive: {exc}"))
        else:
            self._end(exc)  # a fault of who listens, which asyncio ends a connection for
        _wake(self._drained)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._drained)

    # --- what drivers use --------------------------------------------------------------------------

    def send_now(self, data: bytes, shown: str = "") -> None:
        """Put bytes on the wire without a turn of the event loop; the log gets ``shown`` for a secret."""
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug(">> %s", shown or data.hex(" "))
        assert self._transport is not None
        self._transport.write(data)

    async def send(self, data: bytes, shown: str = "") -> None:
        """Put bytes on the wire and wait while it is full; the log gets ``shown`` for a secret."""
        if self._ended.done():
            raise LinkError(f"cannot send: {self._ended.exception()}")
        self.send_now(data, shown)
        while self._full and not self._ended.done():
            if self._drained is None or self._drained.done():
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)  # several may wait

    async def secure(self, tls: ssl.SSLContext) -> None:
        """Go on in TLS, for devices that ask for it on an open connection."""
        try:
            assert self._transport is not None
            async with asyncio.timeout(trust.CONNECT_SECONDS):
                loop = asyncio.get_running_loop()
                self._transport = await loop.start_tls(self._transport, self, tls)
        except (OSError, TimeoutError) as fault:
            raise failed("cannot secure the connection", fault) from fault
        if self._transport is None:
            raise LinkError("cannot secure the connection: the device closed it")

    async def receive(self) -> bytes:
        """The next bytes, waiting for them."""
        while not self._kept:
            if self._ended.done():
                self._ended.result()
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        data = bytes(self._kept)
        self._kept.clear()
        if self._transport is not None and not self._ended.done():
            self._transport.resume_reading()
        return data

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Have ``hear`` called with all bytes, in the moment they come, until the link ends: LinkError.

        For a device that speaks unasked: what it says has led to bytes for a camera when ``hear`` returns.
        What ``hear`` raises ends the listening.
        """
        self._hear = hear
        try:
            if self._kept:
                self._tell(await self.receive())
            await asyncio.shield(self._ended)
        finally:
            self._hear = None

    def close(self) -> None:
        """Let the connection go."""
        self._end(LinkError("the connection was closed"))
        if self._transport is not None:
            self._transport.close()

    def _tell(self, data: bytes) -> None:
        assert self._hear is not None
        try:
            self._hear(data)
        except AvctlError as fault:
            self._end(fault)

    def _end(self, why: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(why)
            self._ended.exception()  # perhaps nobody asks
        _wake(self._news)


def _room_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    if loop not in _ROOMS:
        _ROOMS[loop] = memoryview(bytearray(PORTION))
    return _ROOMS[loop]


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


@asynccontextmanager
async def tcp(
    host: str, port: int, log: logging.Logger, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stream]:
    """A TCP connection, in TLS when a context is given."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(trust.CONNECT_SECONDS):
            _, stream = await loop.create_connection(lambda: Stream(log), host, port, ssl=tls)
    except (OSError, TimeoutError) as fault:
        raise failed(f"cannot connect to {host}:{port}", fault) from fault
    try:
        yield stream
    finally:
        stream.close()


@asynccontextmanager
async def unix(path: Path, log: logging.Logger) -> AsyncIterator[Stream]:
    """A connection to a Unix socket; the path may be of any length."""
    folder = os.open(path.parent, os.O_PATH) if path.parent.is_dir() else None
    if folder is None:
        raise LinkError(f"there is no folder {path.parent}")
    try:
        async with asyncio.timeout(trust.CONNECT_SECONDS):
            at = f"/proc/self/fd/{folder}/{path.name}"
            _, stream = await asyncio.get_running_loop().create_unix_connection(lambda: Stream(log), at)
    except (OSError, TimeoutError) as fault:
        raise LinkError(f"cannot connect to {path.name}: {why(fault)}") from fault
    finally:
        os.close(folder)
    try:
        yield stream
    finally:
        stream.close()
