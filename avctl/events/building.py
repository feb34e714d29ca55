"""What happened to the building: the air-raid alarm, emergencies on screens, their content, the mains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from avctl.events.event import Event
from avctl.events.sessions import SessionEvent


@dataclass(frozen=True, kw_only=True)
class AirRaidEvent(Event):
    """Something about the air-raid alarm of the site's region."""


@dataclass(frozen=True, kw_only=True)
class AlarmChanged(AirRaidEvent):
    """What all services together say of the site's region: active, partly, clear, or unknown.

    ``heard_at``: their last answer that could be believed, while it is unknown. ``said``: each one by itself.
    """

    alarm: str
    level: str = ""
    since: str = ""
    heard_at: str = ""
    said: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AirRaidBegan(AirRaidEvent):
    """An air raid began for the site."""

    level: str = ""


@dataclass(frozen=True, kw_only=True)
class AirRaidEnded(AirRaidEvent):
    """All clear was heard, from every service."""


@dataclass(frozen=True, kw_only=True)
class SuspensionSuggested(SessionEvent):
    """The session should be suspended for the air raid; at ``acts_at`` it is, if the alarm still lasts."""

    acts_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ResumptionSuggested(SessionEvent):
    """All is clear: the session could go on."""


@dataclass(frozen=True, kw_only=True)
class SuggestionDropped(SessionEvent):
    """A suggestion is no more: somebody decided otherwise, or its cause is gone."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class EmergencyEvent(Event):
    """Something about what every screen shows."""

    emergency: str


@dataclass(frozen=True, kw_only=True)
class EmergencyOrdered(EmergencyEvent):
    """Every screen is to show an emergency; ``before``: what each had, of those that had none yet."""

    kind: str
    title: str
    text: str
    before: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class EmergencyLifted(EmergencyEvent):
    """An emergency is over; if there is no other, every screen is to have again what it had before."""

    kind: str


@dataclass(frozen=True, kw_only=True)
class ScreenEvent(EmergencyEvent):
    """Something that one screen did for an emergency."""

    device: str


@dataclass(frozen=True, kw_only=True)
class EmergencyReached(ScreenEvent):
    """A screen shows it, as it says itself, so many seconds after the order."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class EmergencyMissed(ScreenEvent):
    """A screen does not show it, or not in time; it is tried on."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class ScreenRestored(ScreenEvent):
    """A screen has again what it had before the emergency."""


@dataclass(frozen=True, kw_only=True)
class ScreenNotRestored(ScreenEvent):
    """A screen does not have again what it had before; it is tried on."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class LobbyEvent(Event):
    """Something about what screens show on other days."""


@dataclass(frozen=True, kw_only=True)
class ContentKept(LobbyEvent):
    """Something that screens can show was entered, or got a new version. ``details`` has all of it."""

    content: str
    version: int
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ContentApproved(LobbyEvent):
    """A second person let a version be shown."""

    content: str
    version: int


@dataclass(frozen=True, kw_only=True)
class ContentRemoved(LobbyEvent):
    """A content was taken off the shelf."""

    content: str


@dataclass(frozen=True, kw_only=True)
class PlaylistKept(LobbyEvent):
    """A playlist was entered, or got a new version. ``details`` has all of it."""

    playlist: str
    version: int
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PlaylistRemoved(LobbyEvent):
    """Screens no longer show a playlist."""

    playlist: str


@dataclass(frozen=True, kw_only=True)
class PowerEvent(Event):
    """Something about the mains; ``device`` is the UPS that says so, or that feeds it."""

    device: str


@dataclass(frozen=True, kw_only=True)
class MainsLost(PowerEvent):
    """A UPS runs on its battery; ``blackout``: the announced one that this is, if any."""

    blackout: str = ""


@dataclass(frozen=True, kw_only=True)
class MainsReturned(PowerEvent):
    """A UPS says that the mains are back."""


@dataclass(frozen=True, kw_only=True)
class LoadShed(PowerEvent):
    """A load was switched off to spare the battery; ``fault``: why it could not be."""

    load: str
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class LoadSpared(PowerEvent):
    """A load would have been switched off and is left, for it is on air."""

    load: str


@dataclass(frozen=True, kw_only=True)
class LoadRestored(PowerEvent):
    """A load that had been switched off has its power again; ``fault``: why it has not."""

    load: str
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class BlackoutEvent(Event):
    """Something about hours without mains that were announced."""

    blackout: str


@dataclass(frozen=True, kw_only=True)
class BlackoutKept(BlackoutEvent):
    """Announced hours without mains were entered, or changed."""

    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class BlackoutRemoved(BlackoutEvent):
    """Announced hours without mains will not come."""
