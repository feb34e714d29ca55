"""Bookings: entered, changed and called off, one by one or as a series."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Body, Header, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.once import Once
from avctl.api.problems import documented
from avctl.api.sessions import EARLIEST, SessionAnswer, SessionId, tag_of
from avctl.commands import AmendSession, BookSeries, BookSession, CancelSession, Scope
from avctl.errors import BadArgument, Stale
from avctl.model.account import Act
from avctl.model.booking import LONGEST_DELAY, LONGEST_MARGIN, AgendaItem, Booking, Kind, Policy
from avctl.model.session import Session

WHY = 500
Override = Annotated[
    str,
    Field(
        max_length=WHY,
        description="Why it is booked although it clashes; empty: a clash is refused. Needs a role that may.",
    ),
]
Reason = Annotated[str, Field(max_length=WHY, description="Why, for the journal and for those on duty.")]
Scoped = Annotated[
    Scope, Field(description="Of a series: `this` session, this and those `following`, or `all`.")
]


class NewBooking(Booking):
    """What the secretariat enters."""

    override: Override = ""


class NewSeries(BaseModel):
    """A booking for each occurrence of a rule."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "booking": {
                    "title": "Засідання комісії з питань бюджету",
                    "kind": "committee",
                    "room": "plenary",
                    "starts_at": "2027-03-04T10:00:00+02:00",
                    "ends_at": "2027-03-04T12:00:00+02:00",
                },
                "rule": "FREQ=WEEKLY;BYDAY=TH;COUNT=8",
            }
        },
    )

    booking: Booking = Field(description="The first of them.")
    rule: str = Field(
        min_length=1,
        max_length=500,
        description="RRULE of RFC 5545, on the council's clock: 10:00 stays 10:00 when the clocks change.",
    )
    override: Override = ""


class Amendment(BaseModel):
    """Fields of a booking to change; the others stay."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"ends_at": "2027-02-11T19:00:00+02:00"}}
    )

    title: str = Field("", min_length=1, max_length=300)
    body: str = Field("", max_length=300)
    kind: Kind = Kind.PLENARY
    room: str = Field("", max_length=63)
    starts_at: AwareDatetime = EARLIEST
    ends_at: AwareDatetime = EARLIEST
    setup_minutes: int = Field(0, ge=0, le=LONGEST_MARGIN)
    breakdown_minutes: int = Field(0, ge=0, le=LONGEST_MARGIN)
    policy: Policy = Policy.LIVE
    release_at: AwareDatetime | None = None
    release_hours: float | None = Field(None, ge=0, le=LONGEST_DELAY)
    off_site: bool = False
    agenda: list[AgendaItem] = Field([], max_length=1000)
    on_duty: list[str] = Field([], max_length=50)
    remote_link: HttpUrl | None = None
    remote_source: str = Field("", max_length=63)
    key: str = Field("", max_length=300)
    override: Override = ""
    reason: Reason = ""
    scope: Scoped = Scope.THIS


class Cancellation(BaseModel):
    """Why a sitting will not take place."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "немає кворуму", "scope": "this"}}
    )

    reason: Reason = ""
    scope: Scoped = Scope.THIS


IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        description="The `ETag` that was read: when the booking was changed since, 412 says by whom and how.",
    ),
]

router = APIRouter(prefix="/api/v1", tags=["sessions"], responses=documented(401, 403))
may_book = allowed(Act.BOOK_SESSIONS)
may_cancel = allowed(Act.BOOK_SESSIONS, Act.RUN_SESSIONS)


@router.post(
    "/sessions", status_code=201, dependencies=[may_book], responses=documented(400, 409, 413, 415, 422)
)
async def book(
    request: Request,
    response: Response,
    asked: Asked,
    booking: NewBooking,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="Any text of your own: the same request with the same key books once.",
        ),
    ] = None,
) -> SessionAnswer:
    """Book a session; 409 names what it clashes with."""
    _must_be_free_of_place(booking)
    _may_book(asked, booking.room, booking.override)
    details = booking.model_dump(mode="json", exclude={"override"})
    details["body"] = asked.controller.bodies.named(booking.body)
    command = BookSession(actor=asked.actor, details=details, override=booking.override)
    once: Once = request.app.state.once
    async with once.claim(asked.actor, key, details) as claim:
        if claim.answer is None:
            session: Session = await asked.controller.desk.obey(command)
            claim.answer = session.id
        else:
            session = await asked.controller.sessions.find(claim.answer)
    response.headers["Location"] = f"{request.url.path}/{session.id}"
    response.headers["ETag"] = tag_of(session)
    return SessionAnswer.of(session)


@router.post(
    "/series", status_code=201, dependencies=[may_book], responses=documented(400, 409, 413, 415, 422)
)
async def book_series(asked: Asked, series: NewSeries) -> list[SessionAnswer]:
    """Book a session for each occurrence of a rule: all, or none when one of them clashes."""
    _must_be_free_of_place(series.booking)
    _may_book(asked, series.booking.room, series.override)
    command = BookSeries(
        actor=asked.actor,
        details=series.booking.model_dump(mode="json"),
        rule=series.rule,
        override=series.override,
    )
    sessions: tuple[Session, ...] = await asked.controller.desk.obey(command)
    return [SessionAnswer.of(session) for session in sessions]


@router.patch(
    "/sessions/{session}",
    dependencies=[may_book],
    responses=documented(400, 404, 409, 412, 413, 415, 422),
)
async def amend(
    response: Response,
    asked: Asked,
    session: SessionId,
    amendment: Amendment,
    if_match: IfMatch = None,
) -> SessionAnswer:
    """Change fields of a booking; 409 names what it would clash with, 412 who was quicker and how."""
    _may_book(asked, amendment.room, amendment.override)
    details = amendment.model_dump(mode="json", exclude_unset=True, exclude={"override", "reason", "scope"})
    found = await asked.controller.sessions.find(session)
    if details:
        command = AmendSession(
            actor=asked.actor,
            session=session,
            details=details,
            version=_version(if_match, found),
            override=amendment.override,
            reason=amendment.reason,
            scope=amendment.scope,
        )
        try:
            found = await asked.controller.desk.obey(command)
        except Stale as stale:
            raise Stale(str(stale), SessionAnswer.of(stale.current), stale.changed) from stale
    response.headers["ETag"] = tag_of(found)
    return SessionAnswer.of(found)


@router.post(
    "/sessions/{session}/cancel",
    status_code=202,
    dependencies=[may_cancel],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def cancel(
    asked: Asked, session: SessionId, cancellation: Annotated[Cancellation | None, Body()] = None
) -> SessionAnswer:
    """The sitting will not take place. Asked again, it is answered the same and done once."""
    said = cancellation or Cancellation()
    found: Session = await asked.controller.desk.obey(
        CancelSession(actor=asked.actor, session=session, reason=said.reason, scope=said.scope)
    )
    return SessionAnswer.of(found)


def _may_book(asked: Asking, room: str, override: str) -> None:
    """Whether somebody may book in this room, and over a clash when they want to."""
    asked.account.must_be_allowed(Act.BOOK_SESSIONS, room)
    if override.strip():
        asked.account.must_be_allowed(Act.OVERRIDE_CLASHES)


def _must_be_free_of_place(booking: Booking) -> None:
    if booking.place is not None:
        raise BadArgument("place", "nothing: POST /api/v1/series books a series")


def _version(if_match: str | None, session: Session) -> int | None:
    """The version that the header names; None when it names none, or any."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [int(found) for found in re.findall(r'"(\d{1,18})"', if_match)]
    if not tags:
        raise BadArgument("If-Match", f"the ETag of the session, such as {tag_of(session)}")
    return session.version if session.version in tags else tags[0]
