"""Who sits in the seats of a session, as people said it, and who spoke longer than the limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avctl.events.sessions import SessionEvent


@dataclass(frozen=True, kw_only=True)
class ParticipantsListed(SessionEvent):
    """A list of people was taken over: an import, or that of an earlier session; it replaces the last one.

    ``people`` have ``name``, ``group``, ``seat`` (0: wherever their card is) and ``card``; ``source`` is the
    name of the file, or the title of the earlier session.
    """

    people: tuple[Mapping[str, Any], ...]
    origin: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class SeatSubstituted(SessionEvent):
    """Somebody else sits there now, or nobody who is known (an empty name).

    ``instead`` is whom the system had logged in there at that moment.
    """

    seat: int
    name: str
    group: str = ""
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class SeatRestored(SessionEvent):
    """A substitution was taken back."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class SpeakingTimeOver(SessionEvent):
    """Somebody speaks longer than the limit, which is in seconds."""

    seat: int
    name: str
    limit: float
