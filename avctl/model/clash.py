"""What two bookings may not have at the same time: a room, a person, more broadcasts than can be made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from avctl.model.booking import Booking


class Scarce(StrEnum):
    """What there is too little of."""

    ROOM = "room"
    PERSON = "person"
    BROADCASTS = "broadcasts"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A booking that stands, or one that is asked for together with others (``session`` is empty then)."""

    session: str
    booking: Booking


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Something that is wanted twice. ``subject``: the room, the person, or how many broadcasts may be."""

    scarce: Scarce
    subject: str
    wanted: Booking
    taken: tuple[Taken, ...]

    def says(self, zone: tzinfo) -> str:
        """The clash for a person, with what it is with."""
        by = "; ".join(named(one, zone) for one in self.taken)
        match self.scarce:
            case Scarce.ROOM:
                return f"the room is taken by {by}"
            case Scarce.PERSON:
                return f"{self.subject} is on duty at {by}"
            case Scarce.BROADCASTS:
                return f"the machine may carry {self.subject} broadcast(s) at a time, and has {by}"

    def data(self) -> dict[str, Any]:
        """The clash for a program."""
        return {
            "scarce": self.scarce.value,
            "subject": self.subject,
            "with": [
                {
                    "session": one.session,
                    "title": one.booking.title,
                    "room": one.booking.room,
                    "starts_at": one.booking.starts_at.isoformat(),
                    "ends_at": one.booking.ends_at.isoformat(),
                }
                for one in self.taken
            ],
        }


def clashes(wanted: Booking, others: Iterable[Taken], broadcasts: int) -> Iterator[Clash]:
    """Everything that is wanted twice; ``broadcasts`` is how many may be at a time, 0 for any number."""
    near = [one for one in others if overlap(wanted, one.booking)]
    for one in near:
        if same_room(wanted, one.booking):
            yield Clash(scarce=Scarce.ROOM, subject=wanted.room, wanted=wanted, taken=(one,))
    for one in near:
        for person in sorted(set(wanted.on_duty) & set(one.booking.on_duty)):
            yield Clash(scarce=Scarce.PERSON, subject=person, wanted=wanted, taken=(one,))
    if broadcasts and wanted.broadcastable:
        at_once = _most_at_once(wanted, near)
        if len(at_once) >= broadcasts:
            yield Clash(scarce=Scarce.BROADCASTS, subject=str(broadcasts), wanted=wanted, taken=at_once)


def overlap(one: Booking, other: Booking) -> bool:
    """Whether both need room or people at a moment, with setting up and breaking down."""
    return one.since < other.until and other.since < one.until


def same_room(one: Booking, other: Booking) -> bool:
    """Whether both are held in one of our rooms, and in the same."""
    return bool(one.room) and one.room == other.room and not (one.off_site or other.off_site)


def _most_at_once(wanted: Booking, near: list[Taken]) -> tuple[Taken, ...]:
    """The broadcasts beside the wanted one at the moment when they are most."""
    beside = [
        one
        for one in near
        if one.booking.broadcastable
        and one.booking.starts_at < wanted.ends_at
        and wanted.starts_at < one.booking.ends_at
    ]

    def at(moment: datetime) -> tuple[Taken, ...]:
        return tuple(one for one in beside if one.booking.starts_at <= moment < one.booking.ends_at)

    # The number only rises where one begins.
    begins = [wanted.starts_at, *(max(one.booking.starts_at, wanted.starts_at) for one in beside)]
    return max(map(at, begins), key=len)


def named(one: Taken, zone: tzinfo) -> str:
    """What is taken by, with its hours."""
    starts, ends = one.booking.starts_at.astimezone(zone), one.booking.ends_at.astimezone(zone)
    who = f"{one.booking.title!r} ({one.session or 'of the same request'})"
    last = f"{ends:%H:%M}" if ends.date() == starts.date() else f"{ends:%d.%m.%Y %H:%M}"
    return f"{who} from {starts:%d.%m.%Y %H:%M} to {last}"
