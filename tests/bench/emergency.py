"""Row 26: an emergency ordered -> shown by every one of 100 screens, as each says itself; and back again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from avctl.config import read
from bench.preparation import _token
from bench.programs import healthy, program, spread, until
from kiosks.plain import KioskServer

SCREENS, GONE, TIMES = 100, 5, 5
PATIENCE = 120.0


def house(folder: Path, free_port: Callable[[], int]) -> tuple[Path, str]:
    """A building with nothing but screens; a page takes one of them a fifth of a second to load."""
    web = free_port()
    lines = [f"[web]\nport = {web}", '[[rooms]]\nid = "lobby"\ntitle = "Вестибюль"']
    for number in range(SCREENS + GONE):
        lines.append(
            f'[[devices]]\nid = "screen-{number}"\nroom = "lobby"\ndriver = "kiosks.plain"\n'
            f"port = {free_port()}\noptions = {{ poll = 5.0 }}"
        )
    file = folder / "screens.toml"
    file.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return file, f"http://127.0.0.1:{web}"


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Ordered and lifted a few times, with some screens that are not there at all."""
    file, url = house(folder, free_port)
    data = folder / "data"
    token = await _token(data)
    async with AsyncExitStack() as stack:
        screens = [KioskServer(device) for device in read(file).devices[:SCREENS]]
        for screen in screens:
            screen.slow = 0.2
            await stack.enter_async_context(screen)
        run = (sys.executable, "-m", "avctl", "run", "--config", str(file), "--data", str(data))
        await stack.enter_async_context(program(*run, log=folder / "controller.log"))
        headers = {"Authorization": f"Bearer {token}"}
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=30))
        await until(lambda: healthy(client), PATIENCE)

        async def all_online() -> bool:
            found = (await client.get("/api/v1/devices")).json()
            return sum(one["link"] == "online" for one in found) == SCREENS

        await until(all_online, PATIENCE)
        reached: list[float] = []
        back: list[float] = []
        missed = 0
        for number in range(TIMES):
            here, home, missed = await _once(client, f"Увага, {number}")
            reached += here
            back.append(home)
        began = perf_counter()
        async with httpx.AsyncClient() as plain:
            for screen in screens:
                await plain.put(f"http://127.0.0.1:{screen.bound}/page", json={"page": url})
        alone = perf_counter() - began
    return {
        "what": "emergency ordered -> shown by a screen, as it says itself",
        "wanted": {"p95_ms": 2000},
        "screens": SCREENS,
        "not_there_and_listed": missed,
        "shown": spread([one * 1000 for one in reached]),
        "everything_back_s": round(max(back), 2),
        "compared_with": {"the_same_pages_one_after_another_s": round(alone, 1)},
    }


async def _once(client: httpx.AsyncClient, text: str) -> tuple[list[float], float, int]:
    address = "/api/v1/lobby/emergency"
    (await client.put(f"{address}/text", json={"text": text})).raise_for_status()

    async def everywhere() -> Any:
        told = (await client.get(address)).json()
        return told if len(told["reached"]) == SCREENS and len(told["missed"]) == GONE else None

    told = await until(everywhere)
    began = perf_counter()
    (await client.delete(f"{address}/text")).raise_for_status()

    async def home() -> bool:
        return len((await client.get(address)).json()["returning"]) == GONE

    await until(home)
    await asyncio.sleep(0.5)
    return list(told["reached"].values()), perf_counter() - began - 0.5, len(told["missed"])
