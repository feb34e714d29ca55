"""What we know of one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from avctl.events import DeviceEvent, Link, LinkChanged, ReadingsChanged, changed, now


@dataclass(frozen=True, kw_only=True)
class DeviceState:
    """A device as its own events left it; ``since`` is when the link last changed."""

    id: str
    room: str
    title: str
    driver: str
    capabilities: tuple[str, ...] = ()
    link: Link = Link.CONNECTING
    reason: str = ""
    since: datetime = field(default_factory=now)
    heard: datetime | None = None
    readings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def online(self) -> bool:
        """Whether the device answers."""
        return self.link is Link.ONLINE

    def after(self, event: DeviceEvent) -> Self:
        """The state once ``event`` has happened."""
        match event:
            case LinkChanged():
                return changed(self, link=event.link, reason=event.reason, since=event.at)
            case ReadingsChanged():
                return changed(self, readings={**self.readings, **event.readings}, heard=event.at)
            case _:
                return changed(self, heard=event.at)
