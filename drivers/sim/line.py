"""Serial lines that are not there: a pseudo-terminal, found under the path that the configuration says."""

from __future__ import annotations

import asyncio
import os
import tty
from pathlib import Path


class Terminal:
    """One end of a line is ours, the other has a name; both stay open so that clients may come and go."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.far, self.near = os.openpty()
        tty.setraw(self.near)
        try:
            _unname(self._path)
            self._path.symlink_to(os.ttyname(self.near))
        except OSError:
            os.close(self.far)
            os.close(self.near)
            raise

    def close(self) -> None:
        """Take the line away."""
        os.close(self.far)
        os.close(self.near)
        _unname(self._path)


class LineStreams:
    """A line as the reader and writer of a connection, for simulators that are the same on both."""

    def __init__(self, path: str) -> None:
        self._terminal = Terminal(path)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """What a peer at the other end says and hears."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        copies = [os.dup(self._terminal.far) for _ in range(2)]
        self._reading, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(copies[0], "rb", 0))
        writing, flow = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(copies[1], "wb", 0)
        )
        self._writing = writing
        return reader, asyncio.StreamWriter(writing, flow, reader, loop)

    def close(self) -> None:
        """Take the line away."""
        for end in (self._reading, self._writing):
            if not end.is_closing():
                end.close()
        self._terminal.close()


def _unname(path: Path) -> None:
    if path.is_symlink():  # also one left by a simulator that was killed; a real line is never touched
        path.unlink()
