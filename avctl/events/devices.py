"""What devices did and said, and what was asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from avctl.events.event import Event


class Link(StrEnum):
    """What we know of the connection to a device."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class DeviceEvent(Event):
    """Something a device did or said."""

    device: str


@dataclass(frozen=True, kw_only=True)
class LinkChanged(DeviceEvent):
    """The connection to a device came or went."""

    link: Link
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadingsChanged(DeviceEvent):
    """Values a device reports, only those that differ from before."""

    readings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class SoundMeasured(DeviceEvent):
    """How loud a mixer's channels are now, in dB below full scale. Not kept in the journal."""

    transient: ClassVar[bool] = True

    levels: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class MicOpened(DeviceEvent):
    """A microphone went live."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class MicClosed(DeviceEvent):
    """A microphone went silent."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class FloorRequested(DeviceEvent):
    """A participant asked for the floor and waits."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class FloorRequestEnded(DeviceEvent):
    """A participant no longer waits: got the floor, withdrew or was refused."""

    seat: int


@dataclass(frozen=True, kw_only=True)
class ItemStarted(DeviceEvent):
    """The discussion system opened an agenda item; ``title`` is empty when it closed the last one."""

    item: str
    title: str


@dataclass(frozen=True, kw_only=True)
class VoteOpened(DeviceEvent):
    """A vote began at the seats; ``vote`` is the system's own id of it."""

    vote: str
    title: str


@dataclass(frozen=True, kw_only=True)
class VoteClosed(DeviceEvent):
    """A vote ended: ``counts`` is the result by choice, ``choices`` by seat where the system tells them.

    ``present``: how many the system says were there; None when it does not say.
    """

    vote: str
    title: str
    counts: Mapping[str, int]
    choices: Mapping[str, str]
    present: int | None = None


@dataclass(frozen=True, kw_only=True)
class VoteLost(DeviceEvent):
    """A vote ended without a result that could be believed, and has to be repeated."""

    vote: str
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class VerbAsked(DeviceEvent):
    """Somebody asked a device to do something."""

    verb: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VerbDone(DeviceEvent):
    """The device did what was asked and its readings say so."""

    verb: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VerbRefused(DeviceEvent):
    """The device did not do what was asked."""

    verb: str
    arguments: Mapping[str, Any]
    reason: str
