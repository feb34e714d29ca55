"""A whole controller but its doors, its simulators, and what its bus carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from avctl.bus import Subscription
from avctl.commands import BookSession, OpenSession
from avctl.config import Config, parse
from avctl.events import Event, now
from avctl.main.compose import controller as compose
from avctl.services.controller import Controller
from drivers.sim.control import load as simulator_of
from kiosks.plain import KioskServer

DEADLINE = 15.0


class Here:
    """A controller, its simulators by id, and what its bus carries."""

    def __init__(self, controller: Controller, devices: dict[str, Any], heard: Subscription) -> None:
        self.controller, self.devices, self.heard = controller, devices, heard
        self.seen: list[Event] = []

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not fact():
                self.seen.append(await self.heard.next())

    async def sees(self, kind: type[Any], **expected: Any) -> Any:
        async with asyncio.timeout(DEADLINE):
            while True:
                event = await self.heard.next()
                self.seen.append(event)
                if isinstance(event, kind) and all(getattr(event, k) == v for k, v in expected.items()):
                    return event

    async def obey(self, command: Any) -> Any:
        return await self.controller.desk.obey(command)

    async def session(self, title: str = "Пленарне засідання", room: str = "plenary") -> str:
        details = {
            "title": title,
            "room": room,
            "policy": "none",
            "starts_at": now().isoformat(),
            "ends_at": (now() + timedelta(hours=1)).isoformat(),
        }
        booked = await self.obey(BookSession(actor="olena", details=details))
        await self.obey(OpenSession(actor="olena", session=booked.id))
        return str(booked.id)


@asynccontextmanager
async def place_of(
    settings: dict[str, Any],
    folder: Path,
    devices: dict[str, Any] | None = None,
    away: tuple[str, ...] = (),
) -> AsyncIterator[Here]:
    """The program of some settings; ``devices`` are those of an earlier one that is started again."""
    config: Config = parse(settings, "test", {})
    async with AsyncExitStack() as stack:
        if devices is None:
            devices = {}
            for device in config.devices:
                known = device.driver == "kiosks.plain"
                devices[device.id] = KioskServer(device) if known else simulator_of(device)
                if device.id not in away:
                    await stack.enter_async_context(devices[device.id])
        everything = await stack.enter_async_context(compose(config, folder))
        heard = stack.enter_context(everything.bus.subscribe())
        here = Here(everything, devices, heard)
        await here.until(lambda: all(one.online for one in everything.house if one.id not in away))
        yield here
