"""What became of the list of those who sit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avctl.events.event import Event


@dataclass(frozen=True, kw_only=True)
class BodyEvent(Event):
    """Something about a body."""

    body: str


@dataclass(frozen=True, kw_only=True)
class BodyKept(BodyEvent):
    """A body was entered in the list, or changed. ``details`` has all that is known of it."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class BodyRemoved(BodyEvent):
    """A body was taken off the list; its sessions keep its name."""
