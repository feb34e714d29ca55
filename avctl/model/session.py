"""One sitting of a meeting, from booking to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from avctl.errors import BadArgument, Conflict
from avctl.events import (
    Event,
    ItemStarted,
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
)

LONGEST = timedelta(hours=24)
YEARS = range(2000, 2100)  # beyond lie moments that some time zone, or some database, cannot hold


class Kind(StrEnum):
    """What sort of sitting it is."""

    PLENARY = "plenary"
    COMMITTEE = "committee"
    EXECUTIVE = "executive"
    HEARING = "hearing"
    BRIEFING = "briefing"
    ONLINE = "online"


class Policy(StrEnum):
    """How the public sees it (law 3590-IX; design, section 2)."""

    LIVE = "live"
    DELAYED = "delayed"
    RECORD = "record"
    NONE = "none"


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
RUNNING = (Phase.OPEN, Phase.SUSPENDED)
OVER = (Phase.CLOSED, Phase.PUBLISHED, Phase.CANCELLED)


class AgendaItem(BaseModel):
    """One question of the agenda."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str = Field(max_length=20, description="Number as the agenda prints it.", examples=["1", "2.3"])
    title: str = Field(min_length=1, max_length=1000, description="What is considered.")


class Booking(BaseModel):
    """What the secretariat enters."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "example": {
                "title": "Пленарне засідання",
                "body": "Київська міська рада",
                "kind": "plenary",
                "room": "plenary",
                "starts_at": "2027-02-11T10:00:00+02:00",
                "ends_at": "2027-02-11T18:00:00+02:00",
                "policy": "live",
                "agenda": [{"number": "1", "title": "Про бюджет міста Києва на 2027 рік"}],
            }
        },
    )

    title: str = Field(min_length=1, max_length=300, description="Title, as the public reads it.")
    body: str = Field("", max_length=300, description="Who sits: the council, a committee.")
    kind: Kind = Field(Kind.PLENARY, description="What sort of sitting it is.")
    room: str = Field("", max_length=63, description="Id of the room; empty only when off-site.")
    starts_at: AwareDatetime = Field(description="Planned start, with its offset from UTC.")
    ends_at: AwareDatetime = Field(description="Planned end, with its offset from UTC.")
    policy: Policy = Field(Policy.LIVE, description="How the public sees it.")
    off_site: bool = Field(False, description="Held elsewhere: booked, never broadcast.")
    agenda: tuple[AgendaItem, ...] = Field((), max_length=1000, description="The agenda, in order.")
    on_duty: tuple[str, ...] = Field((), max_length=50, description="Accounts of the people on duty.")
    remote_link: HttpUrl | None = Field(None, description="Where remote participants join.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for field in ("starts_at", "ends_at"):
            if getattr(self, field).year not in YEARS:
                raise ValueError(f"{field}: a year from {YEARS.start} to {YEARS.stop - 1}")
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at: later than starts_at")
        if self.ends_at - self.starts_at > LONGEST:
            raise ValueError("ends_at: at most 24 hours after starts_at")
        if not self.room and not self.off_site:
            raise ValueError("room: the id of a room, unless the session is off-site")
        return self


@dataclass(frozen=True, kw_only=True)
class Session:
    """A sitting as its events left it."""

    id: str
    booking: Booking
    phase: Phase = Phase.PLANNED
    reason: Reason | None = None
    faults: tuple[str, ...] = ()
    item: str = ""
    speaker: str = ""
    speaker_role: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    since: datetime
    number: int = 0

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
        return not self.booking.off_site and self.booking.policy is not Policy.NONE

    def clashes(self, other: Booking) -> bool:
        """Whether both want the same room at the same time."""
        mine = self.booking
        return (
            self.phase not in OVER
            and bool(mine.room)
            and mine.room == other.room
            and not (mine.off_site or other.off_site)
            and mine.starts_at < other.ends_at
            and other.starts_at < mine.ends_at
        )

    # --- deciding: the event, None when it is so already, or Conflict --------------------------------

    def amend(self, details: Mapping[str, Any], actor: str) -> SessionAmended:
        """Change the booking of a session that is not over."""
        self._must_be(Phase.PLANNED, Phase.PREPARING, Phase.READY, *RUNNING, to="be changed")
        return SessionAmended(session=self.id, actor=actor, details=dict(details))

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

    def suspend(self, reason: Reason, actor: str) -> SessionSuspended | None:
        """Interrupt the sitting, or change why it is interrupted; a closed part is left by resuming only."""
        if self.phase is Phase.SUSPENDED and self.reason is reason:
            return None
        self._must_be(*RUNNING, to="be suspended")
        if self.reason is Reason.CLOSED:
            raise Conflict("the session is in a closed part; resume it first")
        return SessionSuspended(session=self.id, actor=actor, reason=reason)

    def resume(self, actor: str) -> SessionResumed | None:
        """Go on."""
        if self.phase is Phase.OPEN:
            return None
        self._must_be(Phase.SUSPENDED, to="be resumed")
        return SessionResumed(session=self.id, actor=actor)

    def close(self, actor: str) -> SessionClosed | None:
        """End the sitting."""
        if self.phase in (Phase.CLOSED, Phase.PUBLISHED):
            return None
        self._must_be(*RUNNING, to="be closed")
        return SessionClosed(session=self.id, actor=actor)

    def cancel(self, actor: str) -> SessionCancelled | None:
        """Call the sitting off before it opens."""
        if self.phase is Phase.CANCELLED:
            return None
        self._must_be(*BEFORE, to="be cancelled")
        return SessionCancelled(session=self.id, actor=actor)

    def _must_be(self, *phases: Phase, to: str) -> None:
        if self.phase not in phases:
            raise Conflict(f"a session that is {self.phase} cannot {to}")

    # --- evolving: the only way to change ------------------------------------------------------------

    @classmethod
    def booked(cls, event: SessionBooked) -> Session:
        """The session a booking makes."""
        booking = Booking.model_validate(event.details)
        return cls(id=event.session, booking=booking, since=event.at, number=event.number)

    def after(self, event: Event) -> Self:
        """The session once ``event`` has happened."""
        match event:
            case SessionAmended():
                return replace(self, booking=amended(self.booking, event.details), number=event.number)
            case SessionPreparing():
                return self._in(Phase.PREPARING, event, faults=())
            case SessionReady():
                ready = self.phase is Phase.PREPARING
                return self._in(Phase.READY, event, faults=event.faults) if ready else self
            case SessionOpened():
                return self._in(Phase.OPEN, event, opened_at=event.at)
            case SessionSuspended():
                return self._in(Phase.SUSPENDED, event, reason=event.reason)
            case SessionResumed():
                return self._in(Phase.OPEN, event)
            case SessionClosed():
                return self._in(Phase.CLOSED, event, closed_at=event.at, speaker="", speaker_role="")
            case SessionCancelled():
                return self._in(Phase.CANCELLED, event)
            case SpeakerShown():
                return replace(self, speaker=event.name, speaker_role=event.role, number=event.number)
            case ItemStarted():
                return replace(self, item=event.title, number=event.number)
            case _:
                return self

    def _in(self, phase: Phase, event: SessionEvent, **changes: Any) -> Self:
        changes.setdefault("reason", None)
        return replace(self, phase=phase, since=event.at, number=event.number, **changes)


def booking_of(details: Mapping[str, Any]) -> Booking:
    """The booking of what somebody entered; BadArgument names the first field that is wrong."""
    try:
        return Booking.model_validate(details)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        if not field and ": " in message:
            field, _, message = message.partition(": ")
        raise BadArgument(field, message) from fault


def amended(booking: Booking, details: Mapping[str, Any]) -> Booking:
    """The booking with some fields changed; BadArgument as ``booking_of``."""
    return booking_of({**booking.model_dump(mode="json"), **details})
