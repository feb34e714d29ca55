"""Pictures of what screens really show: taken when somebody looks, and not too often."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from avctl.bus import Bus
from avctl.capabilities import Pages
from avctl.config import Config
from avctl.errors import AvctlError, NotFound, Unsupported
from avctl.events import LinkChanged, ReadingsChanged, now
from avctl.services.house import House

TAKE_SECONDS = 10.0  # a screen that takes longer gives none
LARGEST = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What a screen showed at a moment."""

    data: bytes
    media_type: str
    taken_at: datetime


class Pictures:
    """Keeps the last picture of each screen, and since when each is as it says."""

    def __init__(self, config: Config, bus: Bus, house: House) -> None:
        self._every, self._house = config.lobby.picture_seconds, house
        self._known: dict[str, Picture] = {}
        self._tried: dict[str, datetime] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._since: dict[str, datetime] = {}
        bus.listen(self._readings, ReadingsChanged)
        bus.listen(self._link, LinkChanged)

    def since(self, device: str) -> datetime:
        """Since when a screen has been in its state."""
        return self._since.get(device, self._house.state(device).since)

    async def of(self, device: str) -> Picture:
        """What a screen shows, and when it was taken: it may be old. NotFound when there is none."""
        driver = self._house.driver(device)
        if not isinstance(driver, Pages):
            raise NotFound(f"{device} takes no pictures")
        async with self._turns.setdefault(device, asyncio.Lock()):
            tried = self._tried.get(device)
            due = tried is None or (now() - tried).total_seconds() >= self._every
            if due and self._house.state(device).online:
                self._tried[device] = now()
                await self._take(device, driver)
        if device not in self._known:
            raise NotFound(f"there is no picture of {device} yet")
        return self._known[device]

    def forget(self, device: str) -> None:
        """Have a new picture taken when somebody looks next: what is shown has just changed."""
        self._tried.pop(device, None)

    async def _take(self, device: str, driver: Pages) -> None:
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                data = await driver.screenshot()
        except Unsupported as refusal:
            raise NotFound(str(refusal)) from refusal
        except (AvctlError, TimeoutError):
            return  # the last one is shown, with its age
        media = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
        if data and len(data) <= LARGEST and (media == "image/png" or data.startswith(b"\xff\xd8")):
            self._known[device] = Picture(data=data, media_type=media, taken_at=now())

    def _readings(self, event: ReadingsChanged) -> None:
        if "showing" in event.readings:
            self._since[event.device] = event.at
        if "page" in event.readings:
            self.forget(event.device)

    def _link(self, event: LinkChanged) -> None:
        self._since[event.device] = event.at
