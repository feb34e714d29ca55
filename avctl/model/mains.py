"""The mains: which UPS runs on its battery since when, and what was switched off for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from avctl.events import Event, LoadRestored, LoadShed, LoadSpared, MainsLost, MainsReturned


@dataclass(frozen=True, kw_only=True)
class Mains:
    """``lost``: UPS -> since when; ``shed``: load -> the UPS for whose sake, in order; ``spared``: on air."""

    lost: Mapping[str, datetime] = field(default_factory=dict)
    shed: Mapping[str, str] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    def after(self, event: Event) -> Self:
        """The same once ``event`` has happened."""
        match event:
            case MainsLost():
                return replace(self, lost={**self.lost, event.device: event.at})
            case MainsReturned():
                left = {ups: since for ups, since in self.lost.items() if ups != event.device}
                return replace(self, lost=left, spared=())
            case LoadShed(fault="") | LoadRestored(fault=""):
                faults = {load: why for load, why in self.faults.items() if load != event.load}
                shed = {load: ups for load, ups in self.shed.items() if load != event.load}
                if isinstance(event, LoadShed):
                    shed[event.load] = event.device
                spared = tuple(one for one in self.spared if one != event.load)
                return replace(self, shed=shed, faults=faults, spared=spared)
            case LoadShed() | LoadRestored():
                return replace(self, faults={**self.faults, event.load: event.fault})
            case LoadSpared():
                return replace(self, spared=tuple(dict.fromkeys((*self.spared, event.load))))
            case _:
                return self
