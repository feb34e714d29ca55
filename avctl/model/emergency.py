"""What every screen shows in an emergency, and what each had before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from avctl.events import (
    EmergencyLifted,
    EmergencyMissed,
    EmergencyOrdered,
    EmergencyReached,
    Event,
    ScreenNotRestored,
    ScreenRestored,
)

TEXT, AIR_RAID = "text", "air_raid"
KINDS = (AIR_RAID, TEXT)  # the first that is ordered is shown
LONGEST_TITLE, LONGEST_TEXT = 120, 600


@dataclass(frozen=True, kw_only=True)
class Order:
    """An emergency that somebody, or the alarm, ordered."""

    id: str
    kind: str
    title: str = ""
    text: str = ""
    by: str = ""
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Before:
    """What a screen had; None: not known, or it has none of that sort."""

    page: str | None = None
    power: bool | None = None
    input: str | None = None


@dataclass(frozen=True, kw_only=True)
class Emergency:
    """The emergencies of this moment. ``before`` lasts until a screen has everything back.

    ``reached``: screen -> seconds it took; ``missed``: screen -> why not, or not yet.
    """

    orders: Mapping[str, Order] = field(default_factory=dict)
    before: Mapping[str, Before] = field(default_factory=dict)
    reached: Mapping[str, float] = field(default_factory=dict)
    missed: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> Order | None:
        """What screens show; None when there is no emergency."""
        return next((self.orders[kind] for kind in KINDS if kind in self.orders), None)

    def after(self, event: Event) -> Self:
        """The same once ``event`` has happened."""
        match event:
            case EmergencyOrdered():
                order = Order(
                    id=event.emergency,
                    kind=event.kind,
                    title=event.title,
                    text=event.text,
                    by=event.actor,
                    at=event.at,
                )
                before = {name: Before(**had) for name, had in event.before.items()}
                orders = {**self.orders, event.kind: order}
                return replace(self, orders=orders, before={**before, **self.before}, reached={}, missed={})
            case EmergencyLifted():
                left = {kind: order for kind, order in self.orders.items() if kind != event.kind}
                return replace(self, orders=left, reached={}, missed={})
            case EmergencyReached():
                missed = {name: why for name, why in self.missed.items() if name != event.device}
                return replace(self, reached={**self.reached, event.device: event.seconds}, missed=missed)
            case EmergencyMissed() | ScreenNotRestored():
                reached = {name: took for name, took in self.reached.items() if name != event.device}
                return replace(self, missed={**self.missed, event.device: event.reason}, reached=reached)
            case ScreenRestored():
                before = {name: had for name, had in self.before.items() if name != event.device}
                missed = {name: why for name, why in self.missed.items() if name != event.device}
                return replace(self, before=before, missed=missed)
            case _:
                return self
