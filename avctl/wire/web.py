"""Text messages both ways over a WebSocket."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from avctl.errors import LinkError
from avctl.wire import trust
from avctl.wire.trust import failed


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
            open_timeout=trust.CONNECT_SECONDS,
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
