"""The byte connections to devices; only this package, ``avctl.http`` and ``avctl.incoming`` open sockets.

Each wire logs what passes at debug level, ``>>`` out and ``<<`` in, and turns every failure into LinkError.
"""

from __future__ import annotations

from typing import Protocol

from avctl.wire.datagrams import Datagrams, notices, udp
from avctl.wire.serial_line import SerialLine, serial_line
from avctl.wire.stream import Stream, tcp, unix
from avctl.wire.trust import certificate_file, failed, trusting
from avctl.wire.web import WebSocket, websocket

__all__ = [
    "Datagrams",
    "SerialLine",
    "Stream",
    "WebSocket",
    "Wire",
    "certificate_file",
    "failed",
    "notices",
    "serial_line",
    "tcp",
    "trusting",
    "udp",
    "unix",
    "websocket",
]


class Wire(Protocol):
    """A byte connection that is open."""

    async def send(self, data: bytes, shown: str = "") -> None:
        """Put bytes on the wire; the log gets ``shown`` for a secret."""

    async def receive(self) -> bytes:
        """The next bytes, waiting for them; LinkError when the other side is gone."""
        ...
