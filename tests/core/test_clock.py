"""The clock is asked of a server by SNTP, or of the kernel; a wrong one is told by how much."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from avctl.config import Config, Preparation
from avctl.errors import LinkError, NoAnswer, ProtocolError
from avctl.model.preparation import Line, Verdict
from avctl.services.preparation.clock import SINCE_1900, Clock, Kernel, kernels_word, sntp

LINE = Line(id="clock", kind="clock")


class Server(asyncio.DatagramProtocol):
    """Answers as RFC 4330 wants it, ``ahead`` of us by some seconds; ``spoil`` changes its answer."""

    def __init__(self, ahead: float, spoil: Callable[[bytes], bytes]) -> None:
        self._ahead, self._spoil = ahead, spoil

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert (len(data), data[0]) == (48, 0x23)
        stamp = struct.pack("!Q", int((time.time() + self._ahead + SINCE_1900) * 2**32))
        head = bytes([0x24, 2, 6, 0xEC]) + bytes(12) + bytes(8)
        self.transport.sendto(self._spoil(head + data[40:48] + stamp + stamp), addr)


@asynccontextmanager
async def serving(ahead: float, spoil: Callable[[bytes], bytes] = lambda data: data) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Server(ahead, spoil), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def judged(server: str = "", kernel: Kernel | None = None) -> Verdict:
    settings = Preparation(time_server=server, answer_seconds=0.3, clock_seconds=1)
    clock = Clock(Config(preparation=settings), lambda: kernel)
    return (await clock.prove(None, LINE, lambda _: None)).verdict


async def test_a_clock_is_held_against_the_networks() -> None:
    async with serving(0) as server:
        assert abs(await sntp(server, 1)) < 0.5
        assert await judged(server) is Verdict.PASS
    async with serving(7) as server:
        assert 6 < await sntp(server, 1) < 8
        assert await judged(server) is Verdict.FAIL


async def test_a_server_without_the_time_is_not_believed() -> None:
    for spoil in (lambda data: data[:1] + b"\x00" + data[2:], lambda data: b"\x23" + data[1:]):
        async with serving(0, spoil) as server:
            with pytest.raises(ProtocolError):
                await sntp(server, 1)
    for spoil in (lambda data: data[:24] + bytes(8) + data[32:], lambda data: data[:20]):
        async with serving(0, spoil) as server:
            with pytest.raises(NoAnswer):
                await sntp(server, 0.1)


async def test_a_server_that_is_not_there_is_said(free_port: Callable[[], int]) -> None:
    with pytest.raises((LinkError, NoAnswer)):
        await judged(f"127.0.0.1:{free_port()}")


async def test_without_a_server_the_kernel_is_asked() -> None:
    assert await judged(kernel=Kernel(kept=True, error=0.01)) is Verdict.PASS
    assert await judged(kernel=Kernel(kept=True, error=5)) is Verdict.WARN
    assert await judged(kernel=Kernel(kept=False, error=0.01)) is Verdict.WARN
    word = kernels_word()
    assert word is None or word.error >= 0


@pytest.mark.parametrize("server", ["a host", "http://ntp", "ntp:port"])
def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(ValueError, match="a host"):
        Preparation(time_server=server)
