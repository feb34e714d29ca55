"""What all simulators share: real sockets, and the faults a person or an accident would make.

An act (``@act``) is something done *at* the device: a button pressed, a cable pulled. The control port
(``drivers.sim.control``) offers every act of every simulator by name.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Self, TypeVar

import websockets
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from avctl.config import Device
from drivers.sim.line import LineStreams

A = TypeVar("A", bound=Callable[..., Any])

ARRIVAL = 4  # turns of the event loop from a connection that is taken to whoever serves it


async def shut(*servers: asyncio.Server | Server) -> None:
    """Take nobody more, and close once those taken in the last moment are in: they are put out like the rest.

    Of a server that is closed before, asyncio 3.11 forgets them: nobody answers them, and nobody hangs up.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        for line in server.sockets:
            loop.remove_reader(line.fileno())
    for _ in range(ARRIVAL):
        await asyncio.sleep(0)
    for server in servers:
        server.close()


def act(method: A) -> A:
    """Offer a method on the control port."""
    method.__dict__["act"] = True
    return method


class Simulator(ABC):
    """A device that is not there: its state as attributes, its acts, its faults."""

    title: ClassVar[str] = ""
    port: ClassVar[int] = 0

    def __init__(self, device: Device) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.device = device
        self.log = logging.getLogger(f"simulator.{device.id}")
        self.host = device.host
        self.bound: int | str = self.port if device.port is None else device.port
        self.plugged = True
        self.muted = False
        self.garbling = False
        self.refusing = False
        self.delayed = 0.0

    @property
    def address(self) -> str:
        """Where it listens, as the control port shows it."""
        return f"{self.host}:{self.bound}"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()

    @abstractmethod
    async def listen(self) -> None:
        """Take the address; port 0 takes a free one and ``bound`` says which."""

    @abstractmethod
    async def hang_up(self) -> None:
        """Let every connection and the address go."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside answering: a move that takes time, a push; ends with ``rest``."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def rest(self) -> None:
        """Stop everything begun with ``spawn``."""
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()

    async def fault(self, answer: bytes) -> bytes | None:
        """The answer as the faults leave it: late, garbled, or None when muted."""
        if self.delayed:
            await asyncio.sleep(self.delayed)
        if self.muted:
            return None
        return bytes(byte ^ 0x55 for byte in answer) if self.garbling else answer

    @act
    async def unplug(self) -> None:
        """Pull the cable."""
        self.plugged = False
        await self.hang_up()

    @act
    async def plug(self) -> None:
        """Put the cable back."""
        if not self.plugged:
            self.plugged = True
            await self.listen()

    @act
    def mute(self, on: bool = True) -> Awaitable[None] | None:
        """Hear everything and answer nothing."""
        self.muted = on
        return None

    @act
    def delay(self, seconds: float) -> None:
        """Answer this many seconds late."""
        self.delayed = max(0.0, seconds)

    @act
    def garble(self, on: bool = True) -> Awaitable[None] | None:
        """Answer with bytes that make no sense."""
        self.garbling = on
        return None

    @act
    def refuse(self, on: bool = True) -> Awaitable[None] | None:
        """Say no to every command, in the device's own way."""
        self.refusing = on
        return None

    def state(self) -> Mapping[str, Any]:
        """What the control port shows of this simulator; a simulator adds its own."""
        return {
            "plugged": self.plugged,
            "muted": self.muted,
            "delayed": self.delayed,
            "garbling": self.garbling,
            "refusing": self.refusing,
        }

    def acts(self) -> Mapping[str, Callable[..., Any]]:
        """Everything that can be done at this device, by name."""
        return {
            name: method
            for name, method in inspect.getmembers(self, inspect.ismethod)
            if getattr(method, "act", False)
        }

    async def perform(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Do an act by its name; KeyError for one that is not there, TypeError for wrong arguments."""
        done = self.acts()[name](**arguments)
        if isinstance(done, Awaitable):
            await done


class Peer:
    """One connection to a TCP simulator; subclass it when a codec must remember half a frame."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    def push(self, data: bytes) -> None:
        """Send unasked."""
        if not self.writer.is_closing():
            self.writer.write(data)


class TcpSimulator(Simulator):
    """A simulator on a TCP port, or on a serial line where the port is a path: the same bytes on both."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.peers: set[Peer] = set()
        self._server: asyncio.Server | None = None
        self._line: LineStreams | None = None

    @property
    def address(self) -> str:
        """Where it listens: a network address, or the path of its line."""
        return self.bound if isinstance(self.bound, str) else super().address

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        """The state of a new connection."""
        return Peer(writer)

    @abstractmethod
    async def received(self, peer: Peer, data: bytes) -> None:
        """Deal with bytes from a peer; answer through ``reply``."""

    def patience(self, peer: Peer) -> float | None:
        """Seconds of a peer's silence after which the device hangs up; None: it never does."""
        return None

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        """What happens before the first command, such as a log-in; false hangs up."""
        return True

    async def reply(self, peer: Peer, answer: bytes) -> None:
        """Answer a peer, in one segment, as the faults allow."""
        faulty = await self.fault(answer)
        if faulty:
            peer.push(faulty)

    async def listen(self) -> None:
        if isinstance(self.bound, str):
            self._line = LineStreams(self.bound)
            self.spawn(self._serve(*await self._line.open()))
            return
        self._server = await asyncio.start_server(self._serve, self.host, self.bound)
        self.bound = self._server.sockets[0].getsockname()[1]

    async def hang_up(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await shut(server)
        self.drop()
        self.rest()
        if self._line is not None:
            self._line.close()
            self._line = None

    @act
    def drop(self) -> None:
        """Break every connection; the device stays reachable."""
        for peer in tuple(self.peers) if self._line is None else ():  # a line has no connections
            peer.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = self.meet(writer)
        self.peers.add(peer)
        try:
            if await self.greet(reader, peer):
                while data := await self._next(reader, peer):
                    await self.received(peer, data)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            self.peers.discard(peer)
            writer.close()

    async def _next(self, reader: asyncio.StreamReader, peer: Peer) -> bytes:
        if self._line is not None or (seconds := self.patience(peer)) is None:
            return await reader.read(4096)
        async with asyncio.timeout(seconds):
            return await reader.read(4096)


class UdpSimulator(Simulator, asyncio.DatagramProtocol):
    """A simulator on a UDP port."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._transport: asyncio.DatagramTransport | None = None

    @abstractmethod
    async def received(self, peer: tuple[str, int], data: bytes) -> None:
        """Deal with one datagram; answer through ``reply``."""

    async def reply(self, peer: tuple[str, int], answer: bytes) -> None:
        """Answer a peer, as the faults allow."""
        faulty = await self.fault(answer)
        if faulty is not None and self._transport is not None:
            self._transport.sendto(faulty, peer)

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Some clients bind the camera's own port number on another loopback address.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.setblocking(False)
        line.bind((self.host, self.bound))
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=line)
        self.bound = line.getsockname()[1]

    async def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self.rest()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.spawn(self.received((addr[0], addr[1]), data))


class WebSocketSimulator(Simulator):
    """A simulator on a WebSocket."""

    subprotocol: ClassVar[str] = ""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.connections: set[ServerConnection] = set()
        self._server: Server | None = None

    @abstractmethod
    def certificate(self) -> ssl.SSLContext | None:
        """The TLS identity of the device; None: it speaks none."""

    @abstractmethod
    async def converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it ends."""

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """An answer for a path that is not the device's; None lets the connection in."""
        return None

    async def listen(self) -> None:
        library = self.log.getChild("websocket")
        library.setLevel(logging.WARNING)  # at debug it would write every frame, also one with a secret
        self._server = await serve(
            self._serve,
            self.host,
            int(self.bound),
            ssl=self.certificate(),
            process_request=self.admit,
            compression=None,  # as the devices' small servers, which know none
            subprotocols=[websockets.Subprotocol(self.subprotocol)] if self.subprotocol else None,
            ping_interval=20,
            close_timeout=1,
            logger=library,
        )
        self.bound = next(iter(self._server.sockets)).getsockname()[1]

    async def hang_up(self) -> None:
        for connection in tuple(self.connections):
            connection.transport.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        self.rest()

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        try:
            with suppress(websockets.ConnectionClosed):
                await self.converse(connection)
        finally:
            self.connections.discard(connection)
