"""The devices around a measurement: ``python -m bench.crowd FILE RATE``, a program of its own.

Simulators for the displays of a configuration, and one server behind all its meters that lets them speak
RATE times a second altogether.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

from avctl.config import Config, read
from drivers.sim.samsung_mdc import SIMULATOR


async def crowd(config: Config, rate: float) -> None:
    """Serve until cancelled."""
    peers: list[asyncio.StreamWriter] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer)
        await reader.read()
        peers.remove(writer)
        writer.close()

    async with AsyncExitStack() as stack:
        for device in config.devices:
            if device.driver == "samsung_mdc":
                await stack.enter_async_context(SIMULATOR(device))
        port = next(device.port for device in config.devices if device.driver == "bench.meter")
        await stack.enter_async_context(await asyncio.start_server(meet, "127.0.0.1", port, backlog=500))
        for number in count():
            await asyncio.sleep(1 / rate)
            if peers:
                peers[number % len(peers)].write(b"%d\n" % number)


if __name__ == "__main__":
    asyncio.run(crowd(read(Path(sys.argv[1])), float(sys.argv[2])))
