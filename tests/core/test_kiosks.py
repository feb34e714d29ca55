"""A kiosk that shows what it should not is an alert after a while, and no longer once it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from avctl.config import parse
from avctl.main.compose import controller as compose
from drivers.sim.kiosk_cdp import KioskCdpSimulator

HALL = "http://127.0.0.1/hall"


async def test_a_wrong_page_and_a_crash_are_alerts_after_a_while(
    free_port: Callable[[], int], tmp_path: Path
) -> None:
    device: dict[str, Any] = {"id": "infobox", "room": "hall", "driver": "kiosk_cdp", "port": free_port()}
    device["options"] = {"poll": 0.05, "page": HALL}
    told = {"rooms": [{"id": "hall", "title": "Хол"}], "devices": [device], "alerts": {"page_after": 0.1}}
    config = parse(told, "test", {})
    async with KioskCdpSimulator(config.devices[0]) as kiosk, compose(config, tmp_path) as everything:

        async def raised(*rules: str) -> None:
            async with asyncio.timeout(10):
                while tuple(one.rule for one in everything.alerts.raised()) != rules:
                    await asyncio.sleep(0.01)

        async with asyncio.timeout(10):
            while everything.house.state("infobox").readings.get("showing") != "ok":
                await asyncio.sleep(0.01)
        await kiosk.wander("http://127.0.0.1/games")
        await raised("wrong_page")
        await kiosk.crash()
        await raised("browser_dead")
        await kiosk.wander(HALL)
        await raised()
