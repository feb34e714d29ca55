"""Sessions: booked, prepared, run and ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.once import Once
from avctl.api.problems import documented
from avctl.commands import (
    AmendSession,
    BookSession,
    CancelSession,
    CloseSession,
    Command,
    OpenSession,
    PrepareSession,
    ResumeSession,
    SuspendSession,
)
from avctl.errors import BadArgument
from avctl.events import Reason
from avctl.model.account import Act
from avctl.model.floor import Floor
from avctl.model.session import AgendaItem, Booking, Kind, Phase, Policy, Session

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class SessionAnswer(BaseModel):
    """A sitting: what was booked, and how it stands."""

    id: str = Field(description="Its id, used in addresses.", examples=["20270211-3f9a1c"])
    title: str
    body: str
    kind: Kind
    room: str = Field(description="Id of the room; empty when off-site.")
    starts_at: datetime = Field(description="Planned start.")
    ends_at: datetime = Field(description="Planned end.")
    policy: Policy
    off_site: bool
    agenda: list[AgendaItem]
    on_duty: list[str]
    remote_link: str | None
    phase: Phase = Field(description="Where it is in its life.")
    reason: Reason | None = Field(description="Why it is suspended.")
    faults: list[str] = Field(description="What could not be made ready.")
    item: str = Field(description="The agenda item under way.")
    speaker: str = Field(description="Who is named in the programme.")
    speaker_role: str
    opened_at: datetime | None
    closed_at: datetime | None
    since: datetime = Field(description="When the phase last changed.")
    number: int = Field(description="Number of the event that left it so.")

    @classmethod
    def of(cls, session: Session) -> SessionAnswer:
        """The answer about a session."""
        booked = session.booking.model_dump(mode="json")
        own = {name: getattr(session, name) for name in cls.model_fields if name not in booked}
        return cls.model_validate({**booked, **own})


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
    policy: Policy = Policy.LIVE
    off_site: bool = False
    agenda: list[AgendaItem] = Field([], max_length=1000)
    on_duty: list[str] = Field([], max_length=50)
    remote_link: HttpUrl | None = None


class Interruption(BaseModel):
    """Why a sitting is interrupted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "break"}})

    reason: Reason = Field(description="break, technical, closed (a closed part) or air_raid.")


class Resumption(BaseModel):
    """How a sitting goes on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"confirm": True}})

    confirm: bool = Field(
        False, strict=True, description="Needed after a closed part: viewers see the hall again."
    )


class PlaceAnswer(BaseModel):
    """A seat that speaks or waits."""

    seat: int
    name: str = Field(description="Who sits there; empty when not known.")
    group: str = Field(description="Faction or office.")
    chairman: bool
    since: datetime


class FloorAnswer(BaseModel):
    """Who speaks and who waits, as the discussion system says."""

    session: str
    device: str | None = Field(description="The discussion system; null when the session has none now.")
    known: bool = Field(description="Whether it is connected; false: what follows may be old.")
    speakers: list[PlaceAnswer]
    waiting: list[PlaceAnswer] = Field(description="In the order in which they get the floor.")
    item: str = Field(description="The agenda item under way.")
    vote: dict[str, Any] | None = Field(description="The vote under way; null when there is none.")


SessionId = Annotated[
    str, Path(description="Id of the session.", max_length=64, examples=["20270211-3f9a1c"])
]

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], responses=documented(401, 403))
run_sessions = allowed(Act.RUN_SESSIONS)
book_sessions = allowed(Act.BOOK_SESSIONS)
cancel_sessions = allowed(Act.BOOK_SESSIONS, Act.RUN_SESSIONS)


@router.get("", responses=documented(422))
async def sessions(
    request: Request,
    response: Response,
    asked: Asked,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Planned start at or after this moment.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="Planned start before this moment.")
    ] = None,
    room: Annotated[str | None, Query(max_length=63, description="Id of a room.")] = None,
    phase: Annotated[list[Phase] | None, Query(description="One or more phases.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="How many to leave out.")] = 0,
) -> list[SessionAnswer]:
    """The schedule, by planned start; without `from` and `to`, everything ahead and the last month.

    When there are more, the header `Link` has the address of the next page (rel="next").
    """
    held = asked.controller.sessions
    if since is None and until is None:
        found = tuple(held)
    else:
        found = await held.between(_sane("from", since, EARLIEST), _sane("to", until, LATEST))
    wanted = [
        session
        for session in found
        if (room is None or session.room == room) and (not phase or session.phase in phase)
    ]
    if len(wanted) > offset + limit:
        more = request.url.include_query_params(offset=offset + limit)
        response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
    return [SessionAnswer.of(session) for session in wanted[offset : offset + limit]]


def _sane(field: str, moment: datetime | None, otherwise: datetime) -> datetime:
    """A moment every database can hold, wherever its time zone is."""
    if moment is None:
        return otherwise
    if not EARLIEST.year <= moment.year < LATEST.year:
        raise BadArgument(field, f"a year from {EARLIEST.year} to {LATEST.year - 1}")
    return moment


@router.post("", status_code=201, dependencies=[book_sessions], responses=documented(400, 409, 413, 415, 422))
async def book(
    request: Request,
    response: Response,
    asked: Asked,
    booking: Booking,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="Any text of your own: the same request with the same key books once.",
        ),
    ] = None,
) -> SessionAnswer:
    """Book a session; 409 names the one it clashes with."""
    details = booking.model_dump(mode="json")
    command = BookSession(actor=asked.actor, details=details)
    once: Once = request.app.state.once
    async with once.claim(asked.actor, key, details) as claim:
        if claim.answer is None:
            session: Session = await asked.controller.desk.obey(command)
            claim.answer = session.id
        else:
            session = await asked.controller.sessions.find(claim.answer)
    response.headers["Location"] = f"{request.url.path}/{session.id}"
    return SessionAnswer.of(session)


@router.get("/{session}", responses=documented(404))
async def session(asked: Asked, session: SessionId) -> SessionAnswer:
    """One session."""
    return SessionAnswer.of(await asked.controller.sessions.find(session))


@router.patch("/{session}", dependencies=[book_sessions], responses=documented(400, 404, 409, 413, 415, 422))
async def amend(asked: Asked, session: SessionId, amendment: Amendment) -> SessionAnswer:
    """Change fields of a booking; 409 names what it would clash with."""
    details = amendment.model_dump(mode="json", exclude_unset=True)
    if not details:
        return SessionAnswer.of(await asked.controller.sessions.find(session))
    return await _act(asked, AmendSession(actor=asked.actor, session=session, details=details))


@router.get("/{session}/floor", dependencies=[allowed(Act.SEE_CONTROL)], responses=documented(404))
async def floor(asked: Asked, session: SessionId) -> FloorAnswer:
    """Who speaks, who waits, which item; empty unless the room is this session's now."""
    found = await asked.controller.sessions.find(session)
    busy = asked.controller.sessions.in_room(found.room) if found.room else None
    hall = asked.controller.follow.floor(found.room) if busy is not None and busy.id == found.id else None
    shown = hall or Floor(device="")
    return FloorAnswer(
        session=found.id,
        device=shown.device or None,
        known=shown.known,
        speakers=[PlaceAnswer(**vars(place)) for place in shown.speakers],
        waiting=[PlaceAnswer(**vars(place)) for place in shown.waiting],
        item=shown.item or found.item,
        vote=None,
    )


@router.post(
    "/{session}/suspend",
    status_code=202,
    dependencies=[allowed(Act.RUN_SESSIONS, Act.CLOSE_PARTS)],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def suspend(asked: Asked, session: SessionId, interruption: Interruption) -> SessionAnswer:
    """Interrupt the sitting; the programme shows the slate of the reason.

    A closed part has begun when this is answered: nothing of the hall is in any output.
    """
    closed = interruption.reason is Reason.CLOSED
    asked.account.must_be_allowed(Act.CLOSE_PARTS if closed else Act.RUN_SESSIONS)
    command = SuspendSession(actor=asked.actor, session=session, reason=interruption.reason)
    return await _act(asked, command)


@router.post(
    "/{session}/resume",
    status_code=202,
    dependencies=[allowed(Act.RUN_SESSIONS, Act.CLOSE_PARTS)],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def resume(
    asked: Asked, session: SessionId, resumption: Annotated[Resumption | None, Body()] = None
) -> SessionAnswer:
    """Go on after an interruption. A closed part is left only with `{"confirm": true}`."""
    closed = (await asked.controller.sessions.find(session)).reason is Reason.CLOSED
    confirmed = resumption is not None and resumption.confirm
    asked.account.must_be_allowed(Act.CLOSE_PARTS if closed or confirmed else Act.RUN_SESSIONS)
    return await _act(asked, ResumeSession(actor=asked.actor, session=session, confirmed=confirmed))


def _offer(
    name: Literal["prepare", "open", "close", "cancel"],
    kind: type[PrepareSession | OpenSession | CloseSession | CancelSession],
    may: Any,
) -> None:
    async def act(asked: Asked, session: SessionId) -> SessionAnswer:
        return await _act(asked, kind(actor=asked.actor, session=session))

    router.add_api_route(
        f"/{{session}}/{name}",
        act,
        methods=["POST"],
        name=name,
        status_code=202,
        dependencies=[may],
        summary=name.capitalize(),
        description=f"{kind.__doc__} Asked again, it is answered the same and done once.",
        responses=documented(404, 409),
    )


_offer("prepare", PrepareSession, run_sessions)
_offer("open", OpenSession, run_sessions)
_offer("close", CloseSession, run_sessions)
_offer("cancel", CancelSession, cancel_sessions)


async def _act(asked: Asking, command: Command) -> SessionAnswer:
    session: Session = await asked.controller.desk.obey(command)
    return SessionAnswer.of(session)
