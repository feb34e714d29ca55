"""One sitting of a meeting, from booking to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from avctl.errors import BadArgument, Conflict
from avctl.events import (
    Event,
    ItemCalled,
    ItemStarted,
    PreparationEnded,
    QuorumNoted,
    Reason,
    SessionAmended,
    SessionBooked,
    SessionCancelled,
    SessionClosed,
    SessionEvent,
    SessionOpened,
    SessionPreparing,
    SessionReady,
    SessionResumed,
    SessionSuspended,
    SpeakerShown,
    now,
)
from avctl.model.booking import LONGEST, Booking, Policy, amended

RELEASE_HOURS = 24.0  # a booking that does not say; law 3590-IX: at the latest the next day


class Phase(StrEnum):
    """Where a session is in its life."""

    PLANNED = "planned"
    PREPARING = "preparing"
    READY = "ready"
    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


BEFORE = (Phase.PLANNED, Phase.PREPARING, Phase.READY)
TIMED = (Reason.BREAK, Reason.TECHNICAL, Reason.POWER)  # interruptions that may have an end that is known
MOVING = (Reason.AIR_RAID, Reason.POWER)  # nobody's doing: the planned end moves by as long as they take
RUNNING = (Phase.OPEN, Phase.SUSPENDED)
OVER = (Phase.CLOSED, Phase.PUBLISHED, Phase.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What belongs in the minutes: an act, when and by whom. ``text``: the item, the reason, how many."""

    at: datetime
    act: str  # opened, quorum, item, suspended, resumed, closed
    actor: str = ""
    text: str = ""
    place: int = 0  # of an item


@dataclass(frozen=True, kw_only=True)
class Session:
    """A sitting as its events left it."""

    id: str
    booking: Booking
    phase: Phase = Phase.PLANNED
    reason: Reason | None = None
    until: datetime | None = None  # when an interruption is to end
    faults: tuple[str, ...] = ()
    item: str = ""
    item_number: str = ""
    item_place: int = 0  # where it stands in the agenda, from 1; 0: it does not, or there is none
    item_at: datetime | None = None
    item_paused: float = 0.0  # seconds since then in which the sitting was interrupted
    hall_item: str = ""  # the item that the discussion system told last
    lost: float = 0.0  # seconds of this interruption by which the planned end should move, before ``since``
    present: int | None = None  # how many were there when somebody counted
    record: tuple[Stamp, ...] = ()
    speaker: str = ""
    speaker_role: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    since: datetime
    number: int = 0
    version: int = 0  # number of the event that last changed the booking
    sequence: int = 0  # how often it was changed: calendars go by it
    changed_at: datetime | None = None
    changed_by: str = ""
    cancelled_because: str = ""

    @property
    def title(self) -> str:
        """Its title, as the public reads it."""
        return self.booking.title

    @property
    def room(self) -> str:
        """Id of its room; empty when off-site."""
        return self.booking.room

    @property
    def broadcastable(self) -> bool:
        """Whether it may ever have a broadcast or a recording."""
        return self.booking.broadcastable

    @property
    def release_at(self) -> datetime | None:
        """When a delayed session's recording becomes public; None: not at a time of its own."""
        booking = self.booking
        if booking.policy is not Policy.DELAYED or booking.off_site:
            return None
        if booking.release_at is not None:
            return booking.release_at
        hours = RELEASE_HOURS if booking.release_hours is None else booking.release_hours
        return (self.closed_at or booking.ends_at) + timedelta(hours=hours)

    def released(self, at: datetime) -> bool:
        """Whether the public may see its recording at a moment."""
        if self.phase is not Phase.CLOSED:
            return self.phase is Phase.PUBLISHED
        return self.booking.policy is Policy.LIVE or (self.release_at is not None and self.release_at <= at)

    @property
    def public(self) -> bool:
        """Whether what happens in it may be told to everybody: it is broadcast live, or was released."""
        live = self.booking.policy is Policy.LIVE and not self.booking.off_site
        return live or self.released(now())

    @property
    def closed_part(self) -> bool:
        """Whether nothing of what happens now may be told to the public."""
        return self.reason is Reason.CLOSED

    @property
    def item_closed(self) -> bool:
        """Whether the item under way is one that the agenda keeps from the public."""
        agenda = self.booking.agenda
        return 0 < self.item_place <= len(agenda) and agenda[self.item_place - 1].closed

    @property
    def working(self) -> bool:
        """Whether the agenda is worked on: it is open, or the public is out."""
        return self.phase is Phase.OPEN or self.closed_part

    def item_seconds(self, at: datetime) -> float:
        """How long the item under way has been worked on; interruptions do not count."""
        if self.item_at is None:
            return 0.0
        until = at if self.working else self.since
        return max(0.0, (until - self.item_at).total_seconds() - self.item_paused)

    def taken_away(self, at: datetime) -> timedelta:
        """By how much the planned end should move when it goes on now: whole minutes."""
        seconds = self.lost + ((at - self.since).total_seconds() if self.reason in MOVING else 0.0)
        return timedelta(minutes=round(seconds / 60))

    # --- deciding: the event, None when it is so already, or Conflict --------------------------------

    def amend(self, details: Mapping[str, Any], actor: str, reason: str = "") -> SessionAmended:
        """Change the booking of a session that is not over."""
        self._must_be(*BEFORE, *RUNNING, to="be changed")
        now = self.booking.model_dump(mode="json")
        return SessionAmended(
            session=self.id,
            actor=actor,
            details=dict(details),
            before={name: now[name] for name in details},
            reason=reason,
        )

    def prepare(self, actor: str) -> SessionPreparing | None:
        """Begin to make the room ready; again is allowed until the sitting opens."""
        if self.phase is Phase.PREPARING:
            return None
        self._must_be(Phase.PLANNED, Phase.READY, to="be prepared")
        return SessionPreparing(session=self.id, actor=actor)

    def open(self, actor: str) -> SessionOpened | None:
        """Begin the sitting."""
        if self.phase is Phase.OPEN:
            return None
        self._must_be(*BEFORE, to="be opened")
        return SessionOpened(session=self.id, actor=actor)

    def suspend(self, reason: Reason, actor: str, until: datetime | None = None) -> SessionSuspended | None:
        """Interrupt the sitting, or change why and until when; a closed part is left by resuming only."""
        if self.phase is Phase.SUSPENDED and (self.reason, self.until) == (reason, until):
            return None
        self._must_be(*RUNNING, to="be suspended")
        if self.reason is Reason.CLOSED:
            raise Conflict("the session is in a closed part; resume it first")
        if until is not None and reason not in TIMED:
            raise BadArgument("until", f"for {', '.join(TIMED)} only (got {reason})")
        if until is not None and not timedelta() < until - now() <= LONGEST:
            raise BadArgument("until", f"a moment to come, at most 24 hours ahead (got {until.isoformat()})")
        return SessionSuspended(session=self.id, actor=actor, reason=reason, until=until)

    def resume(self, actor: str) -> SessionResumed | None:
        """Go on."""
        if self.phase is Phase.OPEN:
            return None
        self._must_be(Phase.SUSPENDED, to="be resumed")
        return SessionResumed(session=self.id, actor=actor)

    def begin_item(self, place: int | None, actor: str) -> ItemCalled | None:
        """Take up an item of the agenda; the next one when no place is given."""
        self._must_be(*RUNNING, to="take up an item")
        if not self.working:
            raise Conflict("the session is interrupted; resume it first")
        wanted = self.item_place + 1 if place is None else place
        if place is None and wanted > len(self.booking.agenda):
            raise Conflict("the agenda has no further item")
        if not 1 <= wanted <= len(self.booking.agenda):
            raise BadArgument("place", f"1 to {len(self.booking.agenda)} (got {wanted})")
        item = self.booking.agenda[wanted - 1]
        if wanted == self.item_place and self.item == item.title:
            return None
        return ItemCalled(
            session=self.id,
            actor=actor,
            place=wanted,
            item=item.number,
            title=item.title,
            closed=item.closed,
        )

    def note_quorum(self, present: int, quorum: int, actor: str) -> QuorumNoted | None:
        """Keep how many are there."""
        if self.present == present and self.phase in RUNNING:
            return None
        self._must_be(*RUNNING, to="have its quorum noted")
        return QuorumNoted(session=self.id, actor=actor, present=present, quorum=quorum)

    def close(self, actor: str) -> SessionClosed | None:
        """End the sitting."""
        if self.phase in (Phase.CLOSED, Phase.PUBLISHED):
            return None
        self._must_be(*RUNNING, to="be closed")
        return SessionClosed(session=self.id, actor=actor)

    def cancel(self, actor: str, reason: str = "") -> SessionCancelled | None:
        """Call the sitting off before it opens."""
        if self.phase is Phase.CANCELLED:
            return None
        self._must_be(*BEFORE, to="be cancelled")
        return SessionCancelled(session=self.id, actor=actor, reason=reason)

    def _must_be(self, *phases: Phase, to: str) -> None:
        if self.phase not in phases:
            raise Conflict(f"a session that is {self.phase} cannot {to}")

    # --- evolving: the only way to change ------------------------------------------------------------

    @classmethod
    def booked(cls, event: SessionBooked) -> Session:
        """The session a booking makes."""
        booking = Booking.model_validate(event.details)
        fresh = cls(id=event.session, booking=booking, since=event.at, number=event.number)
        return replace(fresh, version=event.number, changed_at=event.at, changed_by=event.actor)

    def after(self, event: Event) -> Self:
        """The session once ``event`` has happened."""
        match event:
            case SessionAmended():
                booking = amended(self.booking, event.details)
                place = place_of(booking, self.item_number, self.item, self.item_place)
                changed = replace(self._changed(event), booking=booking, number=event.number)
                return replace(changed, item_place=place)
            case SessionPreparing():
                return self._in(Phase.PREPARING, event, faults=())
            case SessionReady() if self.phase is Phase.PREPARING:
                return self._in(Phase.READY, event, faults=event.faults)
            case SessionReady():  # lines were done again: since when it is ready stays
                return replace(self, faults=event.faults, number=event.number)
            case PreparationEnded(stage="cancelled") if self.phase is Phase.PREPARING:
                return self._in(Phase.PLANNED, event)
            case SessionOpened():
                return self._in(Phase.OPEN, event, opened_at=event.at)._stamped(event, "opened")
            case SessionSuspended() if event.reason is self.reason:  # only the time of its end is another
                return replace(self, until=event.until, number=event.number)
            case SessionSuspended():
                fresh = self._in(Phase.SUSPENDED, event, reason=event.reason, until=event.until)
                return replace(fresh, **self._paused(event))._stamped(event, "suspended", str(event.reason))
            case SessionResumed():
                fresh = self._in(Phase.OPEN, event)
                return replace(fresh, **{**self._paused(event), "lost": 0.0})._stamped(event, "resumed")
            case SessionClosed():
                over = self._in(Phase.CLOSED, event, closed_at=event.at, speaker="", speaker_role="")
                return replace(over, **self._paused(event))._stamped(event, "closed")
            case QuorumNoted():
                noted = replace(self, present=event.present, number=event.number)
                return noted._stamped(event, "quorum", f"{event.present}/{event.quorum}")
            case ItemCalled():
                return self._at_item(event, event.place, event.item, event.title)
            case SessionCancelled():
                return self._changed(event)._in(Phase.CANCELLED, event, cancelled_because=event.reason)
            case SpeakerShown():
                return replace(self, speaker=event.name, speaker_role=event.role, number=event.number)
            case ItemStarted() if event.title and event.title in (self.item, self.hall_item):
                # Told again, after a restart or a cut cable: where a person is since then counts.
                return replace(self, hall_item=event.title, number=event.number)
            case ItemStarted() if not event.title and self.item != self.hall_item:
                return replace(self, hall_item="", number=event.number)
            case ItemStarted():
                place = place_of(self.booking, event.item, event.title)
                number = (
                    self.booking.agenda[place - 1].number if place else ""
                )  # a system may have keys of its own
                return replace(self._at_item(event, place, number, event.title), hall_item=event.title)
            case _:
                return self

    def _at_item(self, event: Event, place: int, number: str, title: str) -> Self:
        at = replace(
            self,
            item=title,
            item_number=number if title else "",
            item_place=place if title else 0,
            item_at=event.at if title else None,
            item_paused=0.0,
            number=event.number,
        )
        return at._stamped(event, "item", f"{number} {title}".strip(), place) if title else at

    def _stamped(self, event: Event, act: str, text: str = "", place: int = 0) -> Self:
        stamp = Stamp(at=event.at, act=act, actor=event.actor, text=text, place=place)
        return replace(self, record=(*self.record, stamp))

    def _paused(self, event: Event) -> dict[str, Any]:
        """What an interruption that ends, or becomes another, adds to the time that does not count."""
        if self.phase is not Phase.SUSPENDED:
            return {}
        seconds = (event.at - self.since).total_seconds()
        return {
            "item_paused": self.item_paused + (0.0 if self.working or self.item_at is None else seconds),
            "lost": self.lost + (seconds if self.reason in MOVING else 0.0),
        }

    def _changed(self, event: SessionEvent) -> Self:
        return replace(
            self,
            version=event.number,
            sequence=self.sequence + 1,
            changed_at=event.at,
            changed_by=event.actor,
        )

    def _in(self, phase: Phase, event: SessionEvent, **changes: Any) -> Self:
        changes = {"reason": None, "until": None, "since": event.at} | changes
        return replace(self, phase=phase, number=event.number, **changes)


def place_of(booking: Booking, number: str, title: str, before: int = 0) -> int:
    """Where an item stands in an agenda, from 1; 0: it does not. Alike ones: the one at ``before``."""
    agenda, wanted = booking.agenda, title.strip().casefold()
    if not wanted:
        return 0
    same = [at for at, item in enumerate(agenda, 1) if item.title.strip().casefold() == wanted]
    numbered = [at for at in same if agenda[at - 1].number == number]
    found = numbered or same
    return before if before in found else next(iter(found), 0)


def in_minutes(minutes: int) -> datetime:
    """So many minutes from now, on the next whole one: slates and pages show hours and minutes."""
    moment = now() + timedelta(minutes=minutes)
    return (
        moment
        if not (moment.second or moment.microsecond)
        else moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    )
