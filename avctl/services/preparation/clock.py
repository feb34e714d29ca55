"""Whether this machine's clock is in step: one question by SNTP (RFC 4330), else the kernel's own word."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from avctl.config import Config
from avctl.errors import LinkError, NoAnswer, ProtocolError
from avctl.model.preparation import Line
from avctl.model.preparation_words import APART, KERNEL, KERNEL_OUT
from avctl.model.session import Session
from avctl.services.preparation.proof import Keep, Result, failed, passed, warned
from avctl.wire import udp

log = logging.getLogger(__name__)

PORT = 123
SINCE_1900 = 2_208_988_800  # seconds from its epoch to ours (RFC 4330, 3)
REQUEST = bytes([0x23]) + bytes(47)  # version 4, a client
STA_UNSYNC = 0x40  # adjtimex(2)
TIME_ERROR = 5
TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """What the kernel says of its clock; ``error`` is the most it may be wrong, in seconds."""

    kept: bool
    error: float


class Clock:
    """Asks the network's time."""

    kinds = ("clock",)

    def __init__(self, config: Config, kernel: Callable[[], Kernel | None] | None = None) -> None:
        self._settings = config.preparation
        self._kernel = kernel or kernels_word

    def lines(self, session: Session) -> Iterable[Line]:
        """One."""
        yield Line(id="clock", kind="clock", values={"seconds": f"{self._settings.clock_seconds:g}"})

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """Ask the configured server, or the kernel when there is none."""
        if server := self._settings.time_server:
            apart = await self._asked(server)
            said = {"seconds": f"{apart:+.3f}", "server": server}
            return (
                passed(APART, **said) if abs(apart) <= self._settings.clock_seconds else failed(APART, **said)
            )
        word = self._kernel()
        if word is None or not word.kept:
            return warned(KERNEL_OUT)
        within = word.error <= max(self._settings.clock_seconds, 1.0)  # its bound is a pessimist's
        said = {"seconds": f"{word.error:.3f}"}
        return passed(KERNEL, **said) if within else warned(KERNEL, **said)

    async def put_back(self, line: Line) -> None:
        """Asking changes nothing."""

    async def _asked(self, server: str) -> float:
        fault: LinkError | NoAnswer | ProtocolError = NoAnswer(f"{server} does not answer")
        for _ in range(TRIES):
            try:
                return await sntp(server, self._settings.answer_seconds / TRIES)
            except (LinkError, NoAnswer, ProtocolError) as why:
                fault = why
        raise fault


async def sntp(server: str, seconds: float) -> float:
    """How far our clock is behind a server's, in seconds; NoAnswer when it says nothing in time."""
    host, colon, port = server.rpartition(":") if not server.endswith("]") else (server, "", "")
    host = (host if colon else server).strip("[]")
    async with udp(host, int(port) if colon else PORT, log) as wire:
        sent = time.time()
        # Our own time goes with it and comes back: an answer to something else is none (RFC 4330, 5).
        mark = struct.pack("!Q", _stamp(sent))
        wire.send_now(REQUEST[:40] + mark)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    data = await wire.receive()
                    came = time.time()
                    if len(data) >= 48 and data[24:32] == mark:
                        break
        except TimeoutError:
            raise NoAnswer(f"{server} does not answer") from None
    if data[0] & 7 != 4 or not 1 <= data[1] <= 15:
        raise ProtocolError(f"{server} has no time to give")
    theirs_in, theirs_out = (_seconds(*struct.unpack("!Q", data[at : at + 8])) for at in (32, 40))
    return ((theirs_in - sent) + (theirs_out - came)) / 2


def _stamp(moment: float) -> int:
    return int((moment + SINCE_1900) * 2**32) & (2**64 - 1)


def _seconds(stamp: int) -> float:
    return stamp / 2**32 - SINCE_1900


class _Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>, of which only the head is read."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def kernels_word() -> Kernel | None:
    """What adjtimex(2) says without being asked to change anything; None when it says nothing."""
    told = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    if state < 0:
        return None
    return Kernel(kept=state != TIME_ERROR and not told.status & STA_UNSYNC, error=told.maxerror / 1e6)
