"""What is known to be good in a room: its devices' settings as somebody once kept them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from avctl.events import Event, GoldenRestored, GoldenSaved


@dataclass(frozen=True, kw_only=True)
class Golden:
    """``settings``: device -> setting -> value. Nothing was saved while ``saved_at`` is None."""

    room: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    saved_at: datetime | None = None
    saved_by: str = ""
    restored_at: datetime | None = None
    restored_by: str = ""

    def after(self, event: Event) -> Self:
        """The same once ``event`` has happened."""
        match event:
            case GoldenSaved():
                return replace(self, settings=event.settings, saved_at=event.at, saved_by=event.actor)
            case GoldenRestored():
                return replace(self, restored_at=event.at, restored_by=event.actor)
            case _:
                return self


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A setting that is not as it was kept. ``lacks``: why it cannot be brought back; ``by``: who changed it,
    empty when it was changed at the device, or nobody knows."""

    device: str
    title: str
    setting: str
    wanted: Any
    found: Any
    lacks: str = ""
    since: datetime | None = None
    by: str = ""

    @property
    def id(self) -> str:
        """Its name in requests."""
        return f"{self.device}.{self.setting}"
