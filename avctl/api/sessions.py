"""Sessions: booked, prepared, run and ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.problems import documented
from avctl.commands import (
    CloseSession,
    Command,
    OpenSession,
    PrepareSession,
    ResumeSession,
    SuspendSession,
)
from avctl.errors import BadArgument, Forbidden
from avctl.events import Reason, now
from avctl.model.account import Act
from avctl.model.booking import AgendaItem, Kind, Policy
from avctl.model.booking import Place as Occurrence
from avctl.model.floor import Floor, Place
from avctl.model.session import Phase, Session, in_minutes
from avctl.model.vote import Outcome, Standing
from avctl.services.votes import visible

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class StampAnswer(BaseModel):
    """An act that belongs in the minutes."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    act: str = Field(description="opened, quorum, item, suspended, resumed or closed.")
    actor: str = Field(description="The account that did it; empty: the discussion system.")
    text: str = Field(description="The item, the reason, or how many of how many who must be there.")
    place: int = Field(description="Where an item stands in the agenda, from 1; 0: it does not, or is none.")


class SessionAnswer(BaseModel):
    """A sitting: what was booked, and how it stands."""

    id: str = Field(description="Its id, used in addresses.", examples=["20270211-3f9a1c"])
    title: str
    body: str
    kind: Kind
    room: str = Field(description="Id of the room; empty when off-site.")
    starts_at: datetime = Field(description="Planned start.")
    ends_at: datetime = Field(description="Planned end.")
    setup_minutes: int = Field(description="Minutes the room is needed before the start.")
    breakdown_minutes: int = Field(description="Minutes the room is needed after the end.")
    policy: Policy
    release_at: datetime | None = Field(
        description="When the recording of a delayed session becomes public; null: not at a time of its own."
    )
    release_hours: float | None = Field(description="Hours after the end, where no moment was booked.")
    off_site: bool
    agenda: list[AgendaItem]
    on_duty: list[str]
    remote_link: str | None
    remote_source: str = Field(description="Id of the source that brings the picture of the conference.")
    place: Occurrence | None = Field(description="Which occurrence of a series it is; null: of none.")
    key: str = Field(description="By what a list that is imported again finds it.")
    version: int = Field(description="Number of the event that last changed the booking; `ETag` has it too.")
    changed_at: datetime | None
    changed_by: str = Field(description="Who booked it, or last changed the booking.")
    cancelled_because: str
    phase: Phase = Field(description="Where it is in its life.")
    reason: Reason | None = Field(description="Why it is suspended.")
    until: datetime | None = Field(description="When the interruption is to end; null: not known.")
    faults: list[str] = Field(description="What could not be made ready.")
    item: str = Field(description="The agenda item under way.")
    item_number: str = Field(description="Its number, as the agenda prints it.")
    item_place: int = Field(description="Where it stands in the agenda, from 1; 0: it does not.")
    item_at: datetime | None = Field(description="When it was begun.")
    present: int | None = Field(description="How many members were there when somebody counted.")
    record: list[StampAnswer] = Field(
        description="What belongs in the minutes: acts with their time and who did them."
    )
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
        return cls.model_validate({**booked, **own, "release_at": session.release_at})


class Interruption(BaseModel):
    """Why a sitting is interrupted, and until when."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "break", "minutes": 15}}
    )

    reason: Reason = Field(description="break, technical, closed (a closed part), air_raid or power.")
    until: AwareDatetime | None = Field(
        None,
        description="When a break, technical pause or power cut ends, with its offset; null: not known.",
    )
    minutes: int | None = Field(
        None, ge=1, le=720, description="The same from now, to the next whole minute; in place of `until`."
    )


class Resumption(BaseModel):
    """How a sitting goes on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"confirm": True}})

    confirm: bool = Field(
        False, strict=True, description="Needed after a closed part: viewers see the hall again."
    )
    move_end: bool | None = Field(
        None,
        description="Whether the planned end moves by as long as an air-raid alarm or a power cut took; "
        "null: it does.",
    )


class PlaceAnswer(BaseModel):
    """A seat that speaks or waits."""

    seat: int
    name: str = Field(description="Who sits there; empty when not known.")
    group: str = Field(description="Faction or office.")
    chairman: bool
    since: datetime
    limit: float | None = Field(description="Seconds this speech may take; null: no limit.")
    remaining: float | None = Field(
        description="Seconds left of them at this moment, below 0 once it is over; null: no limit."
    )

    @classmethod
    def of(cls, place: Place, limit: float | None) -> PlaceAnswer:
        """The answer about a place; ``limit`` in seconds, for one who speaks."""
        left = None if limit is None else round(limit - (now() - place.since).total_seconds(), 1)
        return cls(**vars(place), limit=limit, remaining=left)


class FloorVote(BaseModel):
    """The vote under way, or the last one."""

    number: int | None = Field(description="Its number in the session.")
    title: str
    state: str = Field(description="open, paused, closed or lost.")
    voted: int | None = Field(description="How many have voted; null: the system does not tell yet.")
    counts: dict[str, int] = Field(description="By choice, as far as it is told.")
    outcome: Outcome | None = Field(description="What it decided; null while open, and when lost.")
    since: datetime


class FloorAnswer(BaseModel):
    """Who speaks and who waits, as the discussion system says."""

    session: str
    device: str | None = Field(description="The discussion system; null when the session has none now.")
    known: bool = Field(description="Whether it is connected; false: what follows may be old.")
    speakers: list[PlaceAnswer]
    waiting: list[PlaceAnswer] = Field(description="In the order in which they get the floor.")
    item: str = Field(description="The agenda item under way.")
    vote: FloorVote | None = Field(description="The vote under way, or the last one; null: none.")


def tag_of(session: Session) -> str:
    """The version of a booking, as the header ``ETag`` says it."""
    return f'"{session.version}"'


SessionId = Annotated[
    str, Path(description="Id of the session.", max_length=64, examples=["20270211-3f9a1c"])
]

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], responses=documented(401, 403))
run_sessions, see_control = allowed(Act.RUN_SESSIONS), allowed(Act.SEE_CONTROL)


@router.get("", dependencies=[see_control], responses=documented(422))
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
        found = await held.between(sane("from", since, EARLIEST), sane("to", until, LATEST))
    wanted = [
        session
        for session in found
        if (room is None or session.room == room)
        and (not phase or session.phase in phase)
        and asked.account.reaches(session.room)
    ]
    if len(wanted) > offset + limit:
        more = request.url.include_query_params(offset=offset + limit)
        response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
    return [SessionAnswer.of(session) for session in wanted[offset : offset + limit]]


def sane(field: str, moment: datetime | None, otherwise: datetime) -> datetime:
    """A moment every database can hold, wherever its time zone is."""
    if moment is None:
        return otherwise
    if not EARLIEST.year <= moment.year < LATEST.year:
        raise BadArgument(field, f"a year from {EARLIEST.year} to {LATEST.year - 1}")
    return moment


@router.get("/{session}", dependencies=[see_control], responses=documented(404))
async def session(response: Response, asked: Asked, session: SessionId) -> SessionAnswer:
    """One session. `ETag` names the version of its booking: sent back as `If-Match`, a change is safe."""
    found = await asked.controller.sessions.find(session)
    if not asked.account.reaches(found.room):
        raise Forbidden(f"{asked.actor} has nothing to do with {found.room}")
    response.headers["ETag"] = tag_of(found)
    return SessionAnswer.of(found)


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
        speakers=[
            PlaceAnswer.of(place, asked.controller.speaking.limit(found, place)) for place in shown.speakers
        ],
        waiting=[PlaceAnswer.of(place, None) for place in shown.waiting],
        item=shown.item or found.item,
        vote=_vote(asked, found),
    )


def _vote(asked: Asking, session: Session) -> FloorVote | None:
    votes = asked.controller.votes
    last = votes.last(session.id)
    if last is None or not visible(session, last, asked.account.role):
        return None
    count = votes.count(last)
    is_open = last.state is Standing.OPEN
    return FloorVote(
        number=last.number,
        title=last.title,
        state="paused" if is_open and count.paused else last.state,
        voted=count.voted if is_open else last.voted,
        counts=dict(count.counts if is_open else last.counts),
        outcome=last.outcome,
        since=last.closed_at or last.opened_at,
    )


@router.post(
    "/{session}/suspend",
    status_code=202,
    dependencies=[allowed(Act.RUN_SESSIONS, Act.CLOSE_PARTS)],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def suspend(asked: Asked, session: SessionId, interruption: Interruption) -> SessionAnswer:
    """Interrupt the sitting; the programme shows the slate of the reason.

    A break or a technical pause may say until when; asked again, it says another time. Without `until` and
    `minutes`, a break takes `broadcast.break_minutes`, and an interruption that goes on keeps its time.
    A closed part has begun when this is answered: nothing of the hall is in any output.
    """
    closed = interruption.reason is Reason.CLOSED
    asked.account.must_be_allowed(Act.CLOSE_PARTS if closed else Act.RUN_SESSIONS)
    minutes = interruption.minutes
    if minutes is not None and interruption.until is not None:
        raise BadArgument("minutes", "until or minutes, not both")
    command = SuspendSession(
        actor=asked.actor,
        session=session,
        reason=interruption.reason,
        until=interruption.until if minutes is None else in_minutes(minutes),
        timed=bool({"until", "minutes"} & interruption.model_fields_set),
    )
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
    """Go on after an interruption. A closed part is left only with `{"confirm": true}`.

    After an air-raid alarm or a power cut the planned end moves by as long as that took, unless `move_end` is
    false. It is never refused: what it clashes with then is told as the event `ClashOverridden` and an alert.
    """
    closed = (await asked.controller.sessions.find(session)).reason is Reason.CLOSED
    confirmed = resumption is not None and resumption.confirm
    asked.account.must_be_allowed(Act.CLOSE_PARTS if closed or confirmed else Act.RUN_SESSIONS)
    moves = None if resumption is None else resumption.move_end
    command = ResumeSession(actor=asked.actor, session=session, confirmed=confirmed, move_end=moves)
    return await _act(asked, command)


def _offer(
    name: Literal["prepare", "open", "close"],
    kind: type[PrepareSession | OpenSession | CloseSession],
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


async def _act(asked: Asking, command: Command) -> SessionAnswer:
    session: Session = await asked.controller.desk.obey(command)
    return SessionAnswer.of(session)
