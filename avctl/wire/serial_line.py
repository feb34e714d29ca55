"""Serial lines, and servers of serial lines, through pyserial."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager

import serial

from avctl.errors import LinkError
from avctl.wire import trust
from avctl.wire.trust import why


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
        async with asyncio.timeout(trust.CONNECT_SECONDS):
            line = await asyncio.to_thread(serial.serial_for_url, address, baudrate=baud_rate, timeout=0.2)
    except (OSError, TimeoutError, ValueError, serial.SerialException) as fault:
        raise LinkError(f"cannot open {address}: {why(fault)}") from fault
    reading, writing = (ThreadPoolExecutor(1, thread_name_prefix="serial") for _ in range(2))
    try:
        yield SerialLine(line, reading, writing, log)
    finally:
        # Closed only once its reader has come back, at most 0.2 s later: the number of a closed file is given
        # away again, and a late read would take bytes from somebody else.
        for threads in (reading, writing):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        line.close()
