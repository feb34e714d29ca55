"""The air-raid alarm of the site's region, and what is suggested to sessions for its sake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from avctl.events import (
    AirRaidBegan,
    AirRaidEnded,
    AlarmChanged,
    Event,
    Reason,
    ResumptionSuggested,
    SessionClosed,
    SessionEvent,
    SessionResumed,
    SessionSuspended,
    SuggestionDropped,
    SuspensionSuggested,
)

ACTIVE, PARTLY, CLEAR, UNKNOWN = "active", "partly", "clear", "unknown"
SUSPEND, RESUME = "suspend", "resume"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a session could do for the air raid: ``suspend`` or ``resume``; at ``acts_at`` it is done."""

    what: str
    since: datetime
    acts_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AirRaid:
    """What is known. ``began_at`` is set while there is an air raid: only a heard all clear ends it.

    ``changed_at``: since when the services say what they say; ``heard_at``: their last answer that could be
    believed, while it is unknown.
    """

    alarm: str = UNKNOWN
    level: str = ""
    since: str = ""
    heard_at: str = ""
    changed_at: datetime | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    began_at: datetime | None = None
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    asked: tuple[str, ...] = ()  # sessions that were asked in this air raid: whoever said no is left alone

    @property
    def lasts(self) -> bool:
        """Whether there is an air raid, as far as was ever heard."""
        return self.began_at is not None

    def after(self, event: Event) -> Self:
        """The same once ``event`` has happened."""
        match event:
            case AlarmChanged():
                return replace(
                    self,
                    alarm=event.alarm,
                    level=event.level,
                    since=event.since,
                    heard_at=event.heard_at or (self.heard_at if event.alarm == UNKNOWN else ""),
                    changed_at=event.at,
                    said=event.said,
                )
            case AirRaidBegan():
                return replace(self, began_at=event.at)
            case AirRaidEnded():
                return replace(self, began_at=None, asked=())
            case SuspensionSuggested():
                known = self.suggestions.get(event.session)
                since = known.since if known is not None and known.what == SUSPEND else event.at
                asked = tuple(dict.fromkeys((*self.asked, event.session)))
                suggestion = Suggestion(what=SUSPEND, since=since, acts_at=event.acts_at)
                return replace(self._with(event, suggestion), asked=asked)
            case ResumptionSuggested():
                return self._with(event, Suggestion(what=RESUME, since=event.at))
            case SuggestionDropped() | SessionResumed() | SessionClosed():
                return self._without(event)
            case SessionSuspended(reason=Reason.AIR_RAID):
                return self._without(event)
            case _:
                return self

    def _with(self, event: SessionEvent, suggestion: Suggestion) -> Self:
        return replace(self, suggestions={**self.suggestions, event.session: suggestion})

    def _without(self, event: SessionEvent) -> Self:
        if event.session not in self.suggestions:
            return self
        left = {name: one for name, one in self.suggestions.items() if name != event.session}
        return replace(self, suggestions=left)


def together(said: Iterable[str]) -> str:
    """What several services say as one: either active is active, only all clear is clear."""
    heard = set(said)
    for state in (ACTIVE, PARTLY):
        if state in heard:
            return state
    return CLEAR if heard == {CLEAR} else UNKNOWN
