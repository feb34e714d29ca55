"""How rooms are made ready and proven, and what is kept of them as known to be good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from avctl.events.rooms import RoomEvent
from avctl.events.sessions import SessionEvent


@dataclass(frozen=True, kw_only=True)
class PreparationBegan(SessionEvent):
    """A sheet of a preparation was begun, with all its lines still to be done."""

    preparation: str
    room: str
    lines: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LineBegun(SessionEvent):
    """A line of a preparation is being done; ``keeps`` is what must be put back afterwards."""

    transient: ClassVar[bool] = True

    preparation: str
    line: str
    keeps: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LineJudged(SessionEvent):
    """A line of a preparation was done, measured or left out: pass, warn, fail, skipped."""

    preparation: str
    line: str
    verdict: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PreparationEnded(SessionEvent):
    """A preparation is over: done, or cancelled."""

    preparation: str
    stage: str


@dataclass(frozen=True, kw_only=True)
class GoldenSaved(RoomEvent):
    """The settings of a room's devices, as they are now, are known to be good."""

    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class GoldenRestored(RoomEvent):
    """Settings were brought back to what is known to be good; ``faults`` says which could not."""

    settings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GoldenCompared(RoomEvent):
    """Other settings than before differ from what is known to be good; empty: none does."""

    differing: tuple[str, ...] = ()
