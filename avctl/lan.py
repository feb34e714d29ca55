"""The network card of a device that sleeps or is silent: waking it, and telling whether it is there."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import Annotated

from pydantic import AfterValidator

from avctl.errors import LinkError

TIMES = 3  # nobody confirms a wake-up, and one datagram may be lost
PAUSE = 0.1  # seconds between two of them
REACH_SECONDS = 2.0


def magic_packet(mac: str) -> bytes:
    """What wakes a network card: six times FF, sixteen times its address; ValueError for what is none."""
    digits = re.sub(r"[:.-]", "", mac)
    if not re.fullmatch(r"[0-9A-Fa-f]{12}", digits):
        raise ValueError(f"a MAC address such as 00:16:32:aa:bb:cc (got {mac!r})")
    return b"\xff" * 6 + bytes.fromhex(digits) * 16


def _mac(text: str) -> str:
    if text:
        magic_packet(text)  # raises ValueError, which says what is expected
    return text


Mac = Annotated[str, AfterValidator(_mac)]
"""A MAC address, or nothing."""


async def wake(mac: str, host: str, port: int, log: logging.Logger) -> None:
    """Wake a device that sleeps, by a broadcast address; nobody answers to it."""
    loop = asyncio.get_running_loop()
    log.debug(">> wake-up of %s", mac)
    try:
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(host, port), allow_broadcast=True
        )
    except OSError as fault:
        raise LinkError(f"cannot wake it by {host}:{port}: {fault.strerror or fault}") from fault
    try:
        for left in range(TIMES - 1, -1, -1):
            transport.sendto(magic_packet(mac))
            await asyncio.sleep(PAUSE if left else 0)
    finally:
        transport.close()


async def answers(host: str, port: int) -> bool:
    """Whether a machine is at an address: one that refuses a connection is there, too."""
    try:
        async with asyncio.timeout(REACH_SECONDS):
            _reader, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
