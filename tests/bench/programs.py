"""Starts avctl as people do, for the length of a measurement."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
# tests/ on the path makes bench.hall and bench.meter drivers like any other; what is measured is this tree.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, HERE.parents[:2]))}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # as people start it: compiled once, not at each start
PATIENCE = 60.0


@asynccontextmanager
async def program(*command: str, log: Path, **extra: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that runs while the context lasts."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**ENVIRONMENT, **extra},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def avctl(*arguments: str) -> str:
    """What a short command of avctl says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "avctl", *arguments, env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"avctl {arguments[0]} ended with {process.returncode}")
    return said.decode()


async def until(fact: Callable[[], Awaitable[Any]], patience: float = PATIENCE, pause: float = 0.02) -> Any:
    """What ``fact`` gives once it gives something; a refused connection is nothing yet."""
    async with asyncio.timeout(patience):
        while True:
            try:
                if found := await fact():
                    return found
            except httpx.TransportError:
                pass
            await asyncio.sleep(pause)


async def healthy(client: httpx.AsyncClient) -> bool:
    """Whether the controller says that it is well, or at least that it runs."""
    return (await client.get("/health")).status_code in (200, 503)


def spread(milliseconds: list[float]) -> Mapping[str, Any]:
    """The figures of a series, in milliseconds."""
    ordered = sorted(milliseconds)

    def at(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3)

    return {"count": len(ordered), "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": at(1)}
