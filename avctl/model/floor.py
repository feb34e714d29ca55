"""Who speaks and who waits in one hall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from avctl.events import (
    DeviceEvent,
    FloorRequested,
    FloorRequestEnded,
    ItemStarted,
    Link,
    LinkChanged,
    MicClosed,
    MicOpened,
    ReadingsChanged,
    changed,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A seat that speaks or waits, since when, and who sits there (empty: not known)."""

    seat: int
    since: datetime
    name: str = ""
    group: str = ""
    chairman: bool = False


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The floor of a hall as its discussion system's events left it; ``known`` is false while it is away."""

    device: str
    known: bool = False
    speakers: tuple[Place, ...] = ()
    waiting: tuple[Place, ...] = ()
    item: str = ""
    seats: Mapping[str, Any] | None = None

    def after(self, event: DeviceEvent) -> Self:
        """The floor once ``event`` has happened."""
        match event:
            case ReadingsChanged():
                return self._read(event)
            case LinkChanged():
                return changed(self, known=event.link is Link.ONLINE)
            case MicOpened():
                return changed(self, speakers=self._with(self.speakers, event.seat, event.at))
            case MicClosed():
                return changed(self, speakers=_without(self.speakers, event.seat))
            case FloorRequested():
                return changed(self, waiting=self._with(self.waiting, event.seat, event.at))
            case FloorRequestEnded():
                return changed(self, waiting=_without(self.waiting, event.seat))
            case ItemStarted():
                return changed(self, item=event.title)
            case _:
                return self

    def named(self, who: Callable[[int], tuple[str, str]]) -> Self:
        """The floor with the name and group of each place as ``who`` knows them."""

        def place(one: Place) -> Place:
            name, group = who(one.seat)
            return changed(one, name=name, group=group)

        return changed(
            self, speakers=tuple(map(place, self.speakers)), waiting=tuple(map(place, self.waiting))
        )

    @property
    def speaking(self) -> tuple[tuple[int, bool], ...]:
        """What of the speakers matters for the picture: their seats in order, and who of them is chairman."""
        return tuple((place.seat, place.chairman) for place in self.speakers)

    def person(self, seat: int) -> Mapping[str, Any]:
        """What the discussion system says of a seat: ``name``, ``group``, ``chairman``."""
        found: Mapping[str, Any] = (self.seats or {}).get(str(seat), {})
        return found

    def _read(self, event: ReadingsChanged) -> Self:
        floor = self
        if "seats" in event.readings:
            floor = changed(floor, seats=event.readings["seats"])
            floor = changed(
                floor,
                speakers=tuple(floor._place(place.seat, place.since) for place in floor.speakers),
                waiting=tuple(floor._place(place.seat, place.since) for place in floor.waiting),
            )
        for name in ("speakers", "waiting"):
            if name in event.readings:
                # Those who are there already stay as they are: in a storm hundreds wait.
                before = {place.seat: place for place in getattr(floor, name)}
                places = tuple(
                    before.get(seat) or floor._place(seat, event.at) for seat in event.readings[name]
                )
                floor = (
                    changed(floor, speakers=places) if name == "speakers" else changed(floor, waiting=places)
                )
        return floor

    def _with(self, places: tuple[Place, ...], seat: int, since: datetime) -> tuple[Place, ...]:
        if any(place.seat == seat for place in places):
            return places
        return (*places, self._place(seat, since))

    def _place(self, seat: int, since: datetime) -> Place:
        person = self.person(seat)
        return Place(
            seat=seat,
            since=since,
            name=str(person.get("name", "")),
            group=str(person.get("group", "")),
            chairman=bool(person.get("chairman", False)),
        )


def _without(places: tuple[Place, ...], seat: int) -> tuple[Place, ...]:
    return tuple(place for place in places if place.seat != seat)
