"""The runner's side of the control socket: requests in, answers and news out, nobody can hold it up."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from avctl.errors import AvctlError
from streams.requests import SOCKET_FILE, Request, parse_request, socket_path

log = logging.getLogger(__name__)

LONGEST_LINE = 64 * 1024
BEHIND = 256 * 1024  # bytes a reader may leave unread before it is let go


class Control:
    """Listens in the broadcast's folder; only the owner of the files may connect."""

    def __init__(
        self, folder: Path, obey: Callable[[Request], None], news: Callable[[], dict[str, Any]]
    ) -> None:
        self._folder, self._obey, self._news = folder, obey, news
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def attended(self) -> bool:
        """Whether a controller is connected."""
        return bool(self._writers)

    async def start(self) -> None:
        """Take the address; an old socket is a dead runner's, the lock says so."""
        (self._folder / SOCKET_FILE).unlink(missing_ok=True)
        with socket_path(self._folder) as path:
            before = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(self._serve, path, limit=LONGEST_LINE)
            finally:
                os.umask(before)

    async def close(self) -> None:
        """Let everybody go and take the socket away."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.close()
        (self._folder / SOCKET_FILE).unlink(missing_ok=True)

    def push(self, message: dict[str, Any]) -> None:
        """Tell every connection; one that does not read is let go."""
        line = _line(message) if self._writers else b""
        for writer in tuple(self._writers):
            if writer.transport.get_write_buffer_size() > BEHIND:
                self._writers.discard(writer)
                writer.transport.abort()
            else:
                writer.write(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        writer.write(_line(self._news()))
        try:
            while line := await reader.readline():
                if line.strip():
                    writer.write(_line(self._answer(line)))
        except (OSError, ValueError):  # ValueError: a line longer than anything we understand
            pass
        except asyncio.CancelledError:
            pass  # we are ending: the stream's own callback would complain of a cancelled task
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _answer(self, line: bytes) -> dict[str, Any]:
        number: Any = None
        with suppress(ValueError, AttributeError):
            number = json.loads(line).get("id")
        try:
            self._obey(parse_request(line))
        except AvctlError as refusal:
            return {"id": number, "error": str(refusal)}
        return {"id": number, "ok": True}


def _line(message: dict[str, Any]) -> bytes:
    return to_json(message) + b"\n"
