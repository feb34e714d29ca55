"""One programme sent out: what is wanted of it, and what it is, are two facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from avctl.errors import Conflict
from avctl.events import (
    BroadcastArmed,
    BroadcastDegraded,
    BroadcastEnded,
    BroadcastEnding,
    BroadcastFailed,
    BroadcastMeasured,
    BroadcastWanted,
    BroadcastWentLive,
    ClosedPartChecked,
    ClosedPartDoubted,
    ClosedPartEntered,
    ClosedPartLeft,
    ClosedPartProven,
    RecordingReady,
    SessionEvent,
)


class Wanted(StrEnum):
    """What somebody asked for last."""

    ARMED = "armed"
    LIVE = "live"
    DARK = "dark"


class State(StrEnum):
    """Where a broadcast is in its life."""

    PLANNED = "planned"
    ARMING = "arming"
    ARMED = "armed"
    LIVE = "live"
    DEGRADED = "degraded"
    ENDING = "ending"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Broadcast:
    """A broadcast as its events left it; ``since`` is when ``state`` last changed."""

    session: str
    since: datetime
    wanted: Wanted = Wanted.ARMED
    state: State = State.PLANNED
    reason: str = ""
    published: bool = False  # the public may have its playlist: it stays so once it has been live
    seconds: float = 0  # length of the finished recording
    size: int = 0  # its bytes
    closed_at: datetime | None = None  # since when nothing of the hall is in any output
    proven_at: datetime | None = None  # when that was last seen in the public output
    doubt: str = ""  # why it is not known to be so
    meters: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0

    @property
    def on_air(self) -> bool:
        """Whether viewers have a picture now."""
        return self.published and self.state in (State.LIVE, State.DEGRADED)

    @property
    def over(self) -> bool:
        """Whether its programme has ended."""
        return self.state in (State.ENDING, State.ENDED)

    # --- deciding: the event, None when it is so already, or Conflict --------------------------------

    def go_live(self, actor: str) -> BroadcastWanted | None:
        """Make the programme public."""
        if self.over or self.wanted is Wanted.DARK:
            raise Conflict(f"a broadcast that is {self.state} cannot go live")
        if self.wanted is Wanted.LIVE:
            return None
        return BroadcastWanted(session=self.session, actor=actor, live=True)

    def go_dark(self, actor: str) -> BroadcastWanted | None:
        """End the programme."""
        if self.wanted is Wanted.DARK:
            return None
        return BroadcastWanted(session=self.session, actor=actor, live=False)

    # --- evolving: the only way to change ------------------------------------------------------------

    def after(self, event: SessionEvent) -> Self:
        """The broadcast once ``event`` has happened."""
        match event:
            case BroadcastWanted():
                wanted = Wanted.LIVE if event.live else Wanted.DARK
                return replace(self, wanted=wanted, number=event.number)
            case BroadcastArmed():
                return self._in(State.ARMED, event)
            case BroadcastWentLive():
                return self._in(State.LIVE, event, published=True)
            case BroadcastDegraded():
                return self._in(State.DEGRADED, event, reason=event.reason)
            case BroadcastEnding():
                return self._in(State.ENDING, event)
            case BroadcastEnded():
                return self._in(State.ENDED, event, meters={})
            case BroadcastFailed():
                return self._in(State.FAILED, event, reason=event.reason, meters={})
            case ClosedPartEntered():
                return replace(self, closed_at=self.closed_at or event.at, number=event.number)
            case ClosedPartProven() | ClosedPartChecked():
                return replace(self, proven_at=event.at, doubt="")
            case ClosedPartDoubted():
                return replace(self, proven_at=None, doubt=event.reason, number=event.number)
            case ClosedPartLeft():
                return replace(self, closed_at=None, proven_at=None, doubt="", number=event.number)
            case BroadcastMeasured():
                return replace(self, meters=event.meters)
            case RecordingReady():
                return replace(self, seconds=event.seconds, size=event.size, number=event.number)
            case _:
                return self

    def _in(self, state: State, event: SessionEvent, **changes: Any) -> Self:
        changes.setdefault("reason", "")
        since = self.since if state is self.state else event.at
        return replace(self, state=state, since=since, number=event.number, **changes)
