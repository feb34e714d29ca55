"""How a sitting stands against its plan: when each item begins, and by how much it will be late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from avctl.model.booking import Booking
from avctl.model.session import BEFORE, OVER, Session


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What the rest of the agenda comes to.

    ``free_at`` is when the item under way should be done, at the earliest; ``rest`` the seconds of all after
    it; ``begins`` when each item begins, by its place, as far as it is still to come.
    """

    free_at: datetime
    rest: float
    begins: dict[int, datetime]
    planned_end: datetime

    def ends_at(self, at: datetime) -> datetime:
        """When it will end, seen from a moment."""
        return max(at, self.free_at) + timedelta(seconds=self.rest)

    def over(self, at: datetime) -> timedelta:
        """By how much it will be late; negative: so much is to spare."""
        return self.ends_at(at) - self.planned_end


def lengths(booking: Booking) -> tuple[float, ...]:
    """The seconds each item may take: as planned, and equal shares of the rest for those nobody planned."""
    agenda = booking.agenda
    planned = [item.minutes * 60.0 for item in agenda if item.minutes is not None]
    free = len(agenda) - len(planned)
    rest = max(0.0, (booking.ends_at - booking.starts_at).total_seconds() - sum(planned))
    return tuple(rest / free if item.minutes is None else item.minutes * 60.0 for item in agenda)


def forecast(session: Session, at: datetime) -> Forecast | None:
    """The rest of a sitting's agenda; None when it has none, or is over."""
    booking = session.booking
    if not booking.agenda or session.phase in OVER:
        return None
    takes = lengths(booking)
    base = at
    if session.phase in BEFORE:
        base = max(at, booking.starts_at)
    elif session.until is not None:
        base = max(at, session.until)
    place = session.item_place
    left = takes[place - 1] - session.item_seconds(at) if place else 0.0
    free_at = base + timedelta(seconds=max(0.0, left))
    begins, moment = {}, free_at
    for number in range(place + 1, len(takes) + 1):
        begins[number] = moment
        moment += timedelta(seconds=takes[number - 1])
    return Forecast(free_at=free_at, rest=sum(takes[place:]), begins=begins, planned_end=booking.ends_at)
