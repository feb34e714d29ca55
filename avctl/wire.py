"""The byte connections to devices; only this module, ``avctl.http`` and ``avctl.incoming`` open sockets.

Each wire logs what passes at debug level, ``>>`` out and ``<<`` in, and turns every failure into LinkError.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, cast
from weakref import WeakKeyDictionary

import serial
import websockets
from websockets.asyncio.client import ClientConnection

from avctl.errors import LinkError, Untrusted

CONNECT_SECONDS = 5.0
PORTION = 2**16  # bytes that are taken from a socket at once
MOST_KEPT = 2**17  # bytes that wait for a driver before the device has to


class Wire(Protocol):
    """A byte connection that is open."""

    async def send(self, data: bytes, shown: str = "") -> None:
        """Put bytes on the wire; the log gets ``shown`` for a secret."""

    async def receive(self) -> bytes:
        """The next bytes, waiting for them; LinkError when the other side is gone."""
        ...


class Stream(asyncio.BufferedProtocol):
    """Bytes in order, over TCP, TLS or a Unix socket.

    A protocol of its own: asyncio's reader takes one turn of the event loop more from the bytes to who waits.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._room = memoryview(bytearray(PORTION))
        self._kept = bytearray()  # came while nobody waited
        self._transport: asyncio.Transport | None = None
        self._hear: Callable[[bytes], None] | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
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
        why = f"cannot receive: {exc}" if exc else "the device closed the connection"
        self._end(LinkError(why))
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
            async with asyncio.timeout(CONNECT_SECONDS):
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
        except Exception as fault:  # noqa: BLE001 - who listens is told of its own fault
            self._end(fault)

    def _end(self, why: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(why)
            self._ended.exception()  # perhaps nobody asks
        _wake(self._news)


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
        async with asyncio.timeout(CONNECT_SECONDS):
            _, stream = await loop.create_connection(lambda: Stream(log), host, port, ssl=tls)
    except (OSError, TimeoutError) as fault:
        raise failed(f"cannot connect to {host}:{port}", fault) from fault
    try:
        yield stream
    finally:
        stream.close()


@asynccontextmanager
async def unix(path: Path, log: logging.Logger) -> AsyncIterator[Wire]:
    """A connection to a Unix socket; the path may be of any length."""
    folder = os.open(path.parent, os.O_PATH) if path.parent.is_dir() else None
    if folder is None:
        raise LinkError(f"there is no folder {path.parent}")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            at = f"/proc/self/fd/{folder}/{path.name}"
            _, stream = await asyncio.get_running_loop().create_unix_connection(lambda: Stream(log), at)
    except (OSError, TimeoutError) as fault:
        raise LinkError(f"cannot connect to {path.name}: {_why(fault)}") from fault
    finally:
        os.close(folder)
    try:
        yield stream
    finally:
        stream.close()


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
        raise LinkError(f"cannot reach {host}:{port}: {_why(fault)}") from fault
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
        raise LinkError(f"cannot hear its notices on port {port}: {_why(fault)}") from fault
    board.readers.append(reader)
    try:
        yield
    finally:
        board.readers.remove(reader)
        if not board.readers and board.transport is not None:
            board.transport.close()
            boards.pop(port, None)


class WebSocket:
    """Text messages both ways."""

    def __init__(
        self, connection: ClientConnection, log: logging.Logger, hidden: re.Pattern[str] | None
    ) -> None:
        self._connection, self._log, self._hidden = connection, log, hidden

    async def send(self, text: str, shown: str = "") -> None:
        """Send a message; ``shown`` is what the log gets instead of a text with a secret in it."""
        self._log.debug(">> %s", shown or text)
        try:
            await self._connection.send(text)
        except websockets.WebSocketException as fault:
            raise LinkError(f"cannot send: {fault}") from fault

    async def receive(self) -> str:
        """The next message, waiting for it."""
        try:
            text = await self._connection.recv(decode=True)
        except (websockets.WebSocketException, UnicodeDecodeError) as fault:
            raise LinkError(f"the device closed the connection: {fault}") from fault
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug("<< %s", self._hidden.sub("…", text) if self._hidden else text)
        return text


@asynccontextmanager
async def websocket(
    url: str,
    log: logging.Logger,
    subprotocol: str = "",
    tls: ssl.SSLContext | None = None,
    hidden: re.Pattern[str] | None = None,
    at: tuple[str, int] | None = None,
) -> AsyncIterator[WebSocket]:
    """A WebSocket that speaks the given subprotocol; what is ``hidden`` in an answer stays out of the log.

    ``at``: the address that is connected to, where the device wants to be called by another name.
    """
    library = log.getChild("websocket")
    library.setLevel(logging.WARNING)  # at debug it would write every frame, also one with a secret
    where: dict[str, Any] = {"host": at[0], "port": at[1]} if at else {}
    try:
        connection = await websockets.connect(
            url,
            ssl=tls,
            subprotocols=[websockets.Subprotocol(subprotocol)] if subprotocol else None,
            open_timeout=CONNECT_SECONDS,
            close_timeout=1,
            proxy=None,
            max_size=16 * 2**20,
            compression=None,  # costs more time than it saves on a local network
            logger=library,
            **where,
        )
    except (OSError, TimeoutError, websockets.WebSocketException) as fault:
        raise failed(f"cannot connect to {url}", fault) from fault
    try:
        yield WebSocket(connection, log, hidden)
    finally:
        await connection.close()


class SerialLine:
    """A serial line. pyserial blocks, so each has two threads of its own: a shared pool would run dry."""

    def __init__(
        self, line: serial.Serial, reading: Executor, writing: Executor, log: logging.Logger
    ) -> None:
        self._line, self._reading, self._writing, self._log = line, reading, writing, log

    def send_now(self, data: bytes) -> None:
        """Have bytes put on the line, after those before them; a failure shows when something is received."""
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug(">> %s", data.hex(" "))
        self._writing.submit(self._write, data)

    async def send(self, data: bytes, shown: str = "") -> None:
        """Put bytes on the line and wait until they are out; the log gets ``shown`` for a secret."""
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug(">> %s", shown or data.hex(" "))
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._write, data)
        except (OSError, serial.SerialException) as fault:
            raise LinkError(f"cannot send: {fault}") from fault

    def _write(self, data: bytes) -> None:
        self._line.write(data)
        self._line.flush()

    async def receive(self) -> bytes:
        """The next bytes, waiting for them."""
        while True:
            try:
                data = await asyncio.get_running_loop().run_in_executor(self._reading, self._read)
            except (OSError, serial.SerialException) as fault:
                raise LinkError(f"cannot receive: {fault}") from fault
            if data:
                if self._log.isEnabledFor(logging.DEBUG):
                    self._log.debug("<< %s", data.hex(" "))
                return data

    def _read(self) -> bytes:
        first: bytes = self._line.read(1)
        return first + self._line.read(self._line.in_waiting) if first else b""


@asynccontextmanager
async def serial_line(address: str, log: logging.Logger, baud_rate: int = 9600) -> AsyncIterator[SerialLine]:
    """A serial line, 8N1: a device file, or what pyserial takes (rfc2217://…, socket://…)."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            line = await asyncio.to_thread(serial.serial_for_url, address, baudrate=baud_rate, timeout=0.2)
    except (OSError, TimeoutError, ValueError, serial.SerialException) as fault:
        raise LinkError(f"cannot open {address}: {_why(fault)}") from fault
    reading, writing = (ThreadPoolExecutor(1, thread_name_prefix="serial") for _ in range(2))
    try:
        yield SerialLine(line, reading, writing, log)
    finally:
        # Closed only once its reader has come back, at most 0.2 s later: the number of a closed file is given
        # away again, and a late read would take bytes from somebody else.
        for threads in (reading, writing):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        line.close()


def trusting(pinned: str = "") -> ssl.SSLContext:
    """TLS for devices that sign their own certificate; ``pinned`` is a file with the one to accept."""
    # Without a file the system's certificates would be read, each time, and for nothing.
    context = ssl.create_default_context(cafile=pinned) if pinned else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN
    )  # the device's own certificate is enough, without its signer
    if not pinned:
        context.verify_mode = ssl.CERT_NONE
    return context


def certificate_file(path: str) -> str:
    """The path of a certificate to accept, or nothing: how drivers' options check it."""
    if path:
        try:
            trusting(path)
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            raise ValueError("the path of a certificate in PEM form, or nothing") from fault
    return path


def failed(what: str, fault: BaseException) -> LinkError:
    """What became of an attempt to connect; Untrusted when the certificate was not the pinned one."""
    if isinstance(fault, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(fault):
        return Untrusted(f"{what}: it does not show the certificate that is pinned")
    return LinkError(f"{what}: {_why(fault)}")


def _why(fault: BaseException) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer"
    return getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
