"""What became of the programmes of sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from avctl.events.sessions import SessionEvent


@dataclass(frozen=True, kw_only=True)
class BroadcastWanted(SessionEvent):
    """Somebody asked for the programme to be public, or to be dark."""

    live: bool


@dataclass(frozen=True, kw_only=True)
class BroadcastArmed(SessionEvent):
    """The runner is up; nothing is public yet."""


@dataclass(frozen=True, kw_only=True)
class BroadcastWentLive(SessionEvent):
    """The public playlist advances."""


@dataclass(frozen=True, kw_only=True)
class BroadcastDegraded(SessionEvent):
    """On air, but not as it should be."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class QualityReduced(SessionEvent):
    """The machine is too slow for everything that viewers should have; ``to`` is what is encoded now."""

    to: str


@dataclass(frozen=True, kw_only=True)
class QualityRestored(SessionEvent):
    """Viewers have everything again that they should have."""


@dataclass(frozen=True, kw_only=True)
class BroadcastEnding(SessionEvent):
    """The runner was told to end: outputs are being closed."""


@dataclass(frozen=True, kw_only=True)
class BroadcastEnded(SessionEvent):
    """The programme ended and its files are closed."""


@dataclass(frozen=True, kw_only=True)
class BroadcastFailed(SessionEvent):
    """The programme cannot be kept up."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class ClosedPartEntered(SessionEvent):
    """Nothing of the hall is in any output from here on."""


@dataclass(frozen=True, kw_only=True)
class ClosedPartProven(SessionEvent):
    """The public output was looked at and listened to, and nothing of the hall is in it."""


@dataclass(frozen=True, kw_only=True)
class ClosedPartChecked(SessionEvent):
    """It was looked at again and is still so."""

    transient: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class ClosedPartDoubted(SessionEvent):
    """The public output is not what a closed part shows, or it could not be looked at."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class ClosedPartLeft(SessionEvent):
    """The hall is seen again."""


@dataclass(frozen=True, kw_only=True)
class BroadcastMeasured(SessionEvent):
    """Numbers of the programme: loudness, bitrate, latency, restarts."""

    transient: ClassVar[bool] = True

    meters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RecordingReady(SessionEvent):
    """The recording can be played; ``seconds`` is its length, ``size`` its bytes."""

    seconds: float
    size: int
