"""Simulators that speak HTTP: starlette behind uvicorn on a real socket, with every simulator's faults."""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from avctl.config import Device
from drivers.sim.server import Simulator, act, shut


class Server(uvicorn.Server):
    """Leaves the signals to whoever runs the program."""

    @contextmanager
    def capture_signals(self) -> Any:
        yield


def listening(host: str, port: int) -> socket.socket:
    """A socket for a server. Made as TCP by name: only then asyncio sends without Nagle's delay of 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((host, port))
        line.listen(100)
    except OSError:
        line.close()
        raise
    return line


class Holds:
    """Questions that are held until something changes or time is up; one for each asker and subject."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], asyncio.Event] = {}
        self._ended = asyncio.Event()

    async def hold(self, asker: str, subject: str, seconds: float) -> None:
        """Wait for a change of the subject; another question of the same asker about it ends the first."""
        self.release(lambda key: key == (asker, subject))
        event = self._held[asker, subject] = asyncio.Event()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            if self._held.get((asker, subject)) is event:
                del self._held[asker, subject]
            self._ended.set()

    async def over(self, asker: str) -> None:
        """Wait until no question of this asker is held."""
        while any(key[0] == asker for key in self._held):
            self._ended.clear()
            await self._ended.wait()

    def changed(self, subject: str) -> None:
        """Answer everybody who waits for this."""
        self.release(lambda key: key[1] == subject)

    def release(self, which: Callable[[tuple[str, str]], bool]) -> None:
        """Answer those who are held, by asker and subject."""
        for key, event in self._held.items():
            if which(key):
                event.set()


class HttpSimulator(Simulator):
    """A simulator on an HTTP port; ``dates`` says whether its server writes the time of each answer."""

    dates: ClassVar[bool] = True

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._app = Starlette(routes=self.routes())
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """What it answers."""

    def tls(self) -> ssl.SSLContext | None:
        """The TLS identity of the device; None: plain HTTP."""
        return None

    async def listen(self) -> None:
        self._line = listening(self.host, int(self.bound))
        self.bound = self._line.getsockname()[1]
        settings = uvicorn.Config(
            self._serve,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            date_header=self.dates,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # as the devices' small servers, which know none
        )
        settings.load()
        settings.ssl = self.tls()
        self._server = Server(settings)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._line]))

    async def hang_up(self) -> None:
        if self._server is None or self._serving is None:
            return
        # Ended here and at once: uvicorn's own way out waits for its next tick, and for whoever is held.
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        await shut(*getattr(self._server, "servers", ()))
        self._line.close()
        self.drop()
        await asyncio.sleep(0)  # whoever is put out is told so in the next turn: before the plug is back
        self._server = self._serving = None
        self.rest()

    @act
    def drop(self) -> None:
        """Break every connection; the device stays reachable."""
        if self._server is not None:
            for connection in tuple(self._server.server_state.connections):
                connection.transport.abort()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; whoever leaves is forgotten at once, also while the question is held."""
        if scope["type"] == "websocket":  # what is said there, and how faulty, is the simulator's affair
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answering = asyncio.create_task(self._faulty(scope, body, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _faulty(self, scope: Scope, body: bytes, send: Send) -> None:
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            told.append(message)

        await self._app(scope, receive, keep)
        answer = await self.fault(b"".join(message.get("body", b"") for message in told[1:]))
        if answer is None:
            await asyncio.Event().wait()
        await send(told[0])
        await send({"type": "http.response.body", "body": answer})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
