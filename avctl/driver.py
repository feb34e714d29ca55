"""What every driver is, and the one supervisor that keeps each connected."""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from avctl.config import Device
from avctl.errors import AuthRefused, ConfigError, DeviceError
from avctl.events import DeviceEvent, Event, Link, LinkChanged, ReadingsChanged

Publish = Callable[[Event], None]


class NoOptions(BaseModel):
    """The options of a driver that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Driver:
    """The code that speaks to one kind of device; ``serve`` is the one method you write."""

    title: ClassVar[str] = ""
    port: ClassVar[int] = 0
    Options: ClassVar[type[BaseModel]] = NoOptions

    def __init__(self, device: Device, publish: Publish) -> None:
        self.device = device
        self.options: Any = self.Options.model_validate(device.options)
        self.log = logging.getLogger(f"device.{device.id}")
        self.link = Link.CONNECTING
        self.readings: dict[str, Any] = {}
        self._publish = publish

    async def serve(self) -> None:
        """Connect, call ``online`` once the device has answered, and run until it fails."""
        raise NotImplementedError

    def online(self) -> None:
        """Say that the device has answered."""
        self.set_link(Link.ONLINE)

    def report(self, **readings: Any) -> None:
        """Publish those readings that differ from what was last reported."""
        changed = {name: value for name, value in readings.items() if self._differs(name, value)}
        if changed:
            self.readings.update(changed)
            self.publish(ReadingsChanged(device=self.device.id, readings=changed))

    def publish(self, event: DeviceEvent) -> None:
        """Tell the house what the device did."""
        self._publish(event)

    def set_link(self, link: Link, reason: str = "") -> None:
        """Publish what we know of the connection, once for each change."""
        if link is self.link and link is not Link.REFUSED:
            return
        self.link = link
        if link is Link.ONLINE:
            self.log.info("online")
        elif link in (Link.OFFLINE, Link.REFUSED):
            self.log.warning("%s: %s", link, reason)
        self.publish(LinkChanged(device=self.device.id, link=link, reason=reason))

    def _differs(self, name: str, value: Any) -> bool:
        return name not in self.readings or self.readings[name] != value


def load(name: str) -> type[Driver]:
    """The driver class of a name: ``samsung_mdc`` is drivers.samsung_mdc, a dotted name is itself."""
    module_name = name if "." in name else f"drivers.{name}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        if missing.name is not None and (module_name + ".").startswith(missing.name + "."):
            raise ConfigError(f"there is no driver {name!r}") from missing
        raise
    try:
        driver: type[Driver] = module.DRIVER
    except AttributeError as missing:
        raise ConfigError(f"{module_name} has no DRIVER") from missing
    return driver


async def supervise(
    driver: Driver, again: asyncio.Event, first_pause: float = 0.5, longest: float = 30
) -> None:
    """Keep a driver serving until cancelled: back-off after a failure, none after a refused secret.

    ``again`` ends a pause at once; it is the only thing that tries a refused secret again.
    Pauses are in seconds and double up to ``longest``.
    """
    pause = first_pause
    while True:
        again.clear()
        try:
            await driver.serve()
            link, reason = Link.OFFLINE, "the device ended the connection"
        except AuthRefused as refusal:
            link, reason = Link.REFUSED, str(refusal)
        except DeviceError as fault:
            link, reason = Link.OFFLINE, str(fault)
        except Exception as bug:  # a driver's own fault: one device down, the house goes on
            driver.log.exception("the driver failed")
            link, reason = Link.OFFLINE, f"driver fault: {type(bug).__name__}"
        if driver.link is Link.ONLINE:
            pause = first_pause
        driver.set_link(link, reason)
        if link is Link.REFUSED:
            await again.wait()
        else:
            await _pause(again, pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, longest)


async def together(*parts: Awaitable[None]) -> None:
    """Run the parts of a link until one fails or ends; the others end with it, its error is raised bare."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pause(again: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await again.wait()
    except TimeoutError:
        pass
