"""What the parts about a room's devices and cameras are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboards.views.parts import Button


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A value of a device, with its name as a message id; ``word`` is a message id too when it is one."""

    name: str
    value: str = ""
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One of many alike of a device, an output or an outlet, with what it has now."""

    name: str
    value: str = ""
    word: str = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Device:
    """parts/device.html."""

    id: str
    title: str
    link: str
    word: str
    since: datetime
    reason: str
    readings: tuple[Reading, ...]
    buttons: tuple[Button, ...]
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Devices:
    """parts/devices.html: faults first."""

    online: int
    devices: tuple[Device, ...]


@dataclass(frozen=True, kw_only=True)
class CameraView:
    """A camera of a room: what it does now."""

    id: str
    title: str
    online: bool
    preset: int | None
    moving: bool
    on_air: bool
    store: Button | None


@dataclass(frozen=True, kw_only=True)
class SeatShot:
    """A seat, with what it may be stored by, or the shot that is stored at it."""

    seat: int
    name: str = ""
    camera: str = ""
    preset: int | None = None
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """parts/cameras.html: who has the cameras, who speaks before them, the shots stored at seats."""

    held: bool
    held_by: str
    until: datetime | None
    hold: Button | None
    cameras: tuple[CameraView, ...]
    speaking: tuple[SeatShot, ...]
    stored: tuple[SeatShot, ...]


@dataclass(frozen=True, kw_only=True)
class SoundRow:
    """A part of a room's sound: ``muted`` is a message id, ``level`` the fader of a single channel."""

    name: str
    muted: str
    level: str
    buttons: tuple[Button, ...]


@dataclass(frozen=True, kw_only=True)
class SoundView:
    """parts/sound.html: microphones and programme at the mixer; ``silenced`` by a closed part."""

    mixer: str
    online: bool
    rows: tuple[SoundRow, ...]
    silenced: tuple[str, ...]
