"""What people decided about the pictures of one room: who has the cameras, and the shots stored at seats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from avctl.events import CamerasHeld, CamerasReleased, RoomEvent, ShotForgotten, ShotStored
from avctl.model.floor import Floor, Place


@dataclass(frozen=True, kw_only=True)
class StoredShot:
    """A shot of one seat that a technician stored."""

    seat: int
    camera: str
    preset: int


@dataclass(frozen=True, kw_only=True)
class Framing:
    """The cameras of a room. While ``held`` by a person they do not follow."""

    room: str
    held: bool = False
    held_by: str = ""
    held_until: datetime | None = None
    shots: tuple[StoredShot, ...] = ()

    def after(self, event: RoomEvent) -> Self:
        """The framing once ``event`` has happened."""
        match event:
            case CamerasHeld():
                return replace(self, held=True, held_by=event.actor, held_until=event.until)
            case CamerasReleased():
                return replace(self, held=False, held_by="", held_until=None)
            case ShotStored():
                shot = StoredShot(seat=event.seat, camera=event.camera, preset=event.preset)
                return replace(self, shots=(*self._without(event.seat, event.camera), shot))
            case ShotForgotten():
                return replace(self, shots=self._without(event.seat, event.camera))
            case _:
                return self

    def preset_of(self, seat: int, camera: str) -> int | None:
        """The number under which a camera keeps a seat; None when it keeps none."""
        mine = (one.preset for one in self.shots if (one.seat, one.camera) == (seat, camera))
        return next(mine, None)

    def _without(self, seat: int, camera: str) -> tuple[StoredShot, ...]:
        return tuple(one for one in self.shots if (one.seat, one.camera) != (seat, camera))


def in_picture(floor: Floor, chairman: str) -> tuple[Place, ...]:
    """The speakers the picture is about, by the rule for a chairman who speaks while another does."""
    if chairman == "wide" or len(floor.speakers) < 2:
        return floor.speakers
    chosen = tuple(place for place in floor.speakers if place.chairman is (chairman == "show"))
    return chosen or floor.speakers
