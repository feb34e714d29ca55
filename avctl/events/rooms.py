"""What was decided about rooms, and how much room the disks have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from avctl.events.event import Event


@dataclass(frozen=True, kw_only=True)
class RoomEvent(Event):
    """Something that was decided about the pictures or the sound of a room."""

    room: str


@dataclass(frozen=True, kw_only=True)
class CamerasHeld(RoomEvent):
    """Following the floor leaves the cameras alone until a moment, or until it is told to go on."""

    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CamerasReleased(RoomEvent):
    """The cameras follow the floor again."""


@dataclass(frozen=True, kw_only=True)
class ShotStored(RoomEvent):
    """A camera keeps its shot of a seat under a number."""

    seat: int
    camera: str
    preset: int


@dataclass(frozen=True, kw_only=True)
class ShotForgotten(RoomEvent):
    """A stored shot of a seat is used no more."""

    seat: int
    camera: str


@dataclass(frozen=True, kw_only=True)
class SoundMuted(RoomEvent):
    """Channels of the mixer were silenced for a closed part; only those that sounded before."""

    channels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SoundRestored(RoomEvent):
    """Channels that were silenced for a closed part are what they were before, or a person's affair."""

    channels: tuple[str, ...]


class Room(StrEnum):
    """How much of a disk is free."""

    ENOUGH = "enough"
    LOW = "low"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class DiskSpaceChanged(Event):
    """A disk of recordings has more, or less, room than before; ``percent`` is free."""

    folder: str
    room: Room
    percent: float
