"""The votes of a session: opened, counted, closed, and who voted what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, allowed, bearer_scheme, controller_of, cookie_scheme
from avctl.api.once import Once
from avctl.api.problems import documented
from avctl.commands import EndVote, PutToVote
from avctl.errors import Forbidden, NotFound, NotLoggedIn
from avctl.model.account import Account, Act, Role
from avctl.model.session import Session
from avctl.model.vote import Outcome, Standing, Threshold, Vote
from avctl.services.controller import Controller
from avctl.services.doors import visitor_of
from avctl.services.votes import Count, visible
from avctl.sheets import written

COLUMNS = ("seat", "name", "group", "choice")
Choices = Annotated[
    Mapping[str, int],
    Field(description="By choice: yes, no, abstain, not_voting, or the words at the seats."),
]


class BallotAnswer(BaseModel):
    """How somebody voted."""

    seat: int
    name: str = Field(description="Who sat there; empty when not known.")
    group: str = Field(description="Faction or office.")
    choice: str = Field(description="yes, no, abstain, not_voting, or the word at the seats.")


class VoteAnswer(BaseModel):
    """A vote: how it stands, and what it decided."""

    session: str
    number: int = Field(description="Its number in the session; a repeated vote has one of its own.")
    title: str = Field(description="What was put to the vote.")
    item: str = Field(description="The agenda item under way.")
    state: Standing = Field(description="open; closed: it has its result; lost: it has none, see `reason`.")
    paused: bool = Field(description="Whether the system holds it.")
    known: bool = Field(description="Whether the system is connected; false: an open vote's count is old.")
    threshold: Threshold = Field(description="What a decision needs.")
    elected: int
    quorum: int = Field(description="How many must be present.")
    present: int | None = Field(description="How many were; null while that is not known.")
    needed: int | None = Field(description="Votes for it that it needs; null while that is not known.")
    voted: int | None = Field(description="How many have voted; null: the system does not tell yet.")
    counts: Choices
    outcome: Outcome | None = Field(description="What it decided; null while open, and when lost.")
    reason: str = Field(description="Why it is lost.")
    closed_part: bool = Field(description="Whether it was in a closed part: then it is not public.")
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, vote: Vote, count: Count) -> VoteAnswer:
        """The answer about a vote; ``count`` is what is known of one that is open."""
        return cls(**_fields(vote, count))


class RollCall(VoteAnswer):
    """A vote, with everybody's choice where the system tells it."""

    ballots: list[BallotAnswer] = Field(description="By seat; empty where nobody's choice is told.")

    @classmethod
    def of(cls, vote: Vote, count: Count) -> RollCall:
        """The answer about a vote."""
        return cls(**_fields(vote, count), ballots=[BallotAnswer(**vars(one)) for one in vote.ballots])


def _fields(vote: Vote, count: Count) -> dict[str, Any]:
    is_open = vote.state is Standing.OPEN
    return {
        **{name: getattr(vote, name) for name in VoteAnswer.model_fields if hasattr(vote, name)},
        **{name: getattr(vote.rule, name) for name in ("threshold", "elected", "quorum")},
        "paused": is_open and count.paused,
        "known": count.known if is_open else True,
        "voted": count.voted if is_open else vote.voted,
        "counts": count.counts if is_open else vote.counts,
    }


class Question(BaseModel):
    """What is put to the vote."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Про бюджет", "threshold": "elected"}}
    )

    title: str = Field("", max_length=1000, description="The question; empty: the agenda item under way.")
    threshold: Threshold | None = Field(None, description="What a decision needs; null: as configured.")
    present: int | None = Field(
        None,
        ge=0,
        le=10_000,
        strict=True,
        description="How many are registered as present, where the system does not count them itself.",
    )


@dataclass(frozen=True, kw_only=True)
class Watching:
    """Somebody who wants to see votes; ``account`` None: nobody is logged in."""

    controller: Controller
    account: Account | None

    def role(self, session: Session) -> Role | None:
        """As whom: whoever has nothing to do with the room sees what the public sees."""
        reaches = self.account is not None and self.account.reaches(session.room)
        return self.account.role if self.account is not None and reaches else None

    def must_see(self, session: Session, vote: Vote | None = None) -> None:
        """Raised when the votes of a session, or this one, are not for this one to see."""
        role = self.role(session)
        if visible(session, vote, role) if vote is not None else session.public or role is not None:
            return
        if self.account is None:
            raise NotLoggedIn(f"log in first: this {'vote' if vote else 'session'} is not public")
        what = "see votes of a closed part" if role else f"see votes in {session.room}"
        raise Forbidden(f"{self.account.role if role else self.account.name} may not {what}")


async def _watching(request: Request) -> Watching:
    controller = controller_of(request)
    found = await visitor_of(request, controller)
    return Watching(controller=controller, account=found.account if found else None)


SessionId = Annotated[
    str, Path(description="Id of the session.", max_length=64, examples=["20270211-3f9a1c"])
]
Number = Annotated[int, Path(description="Number of the vote in the session.", ge=1, le=100_000)]
Watcher = Annotated[Watching, Depends(_watching)]

router = APIRouter(
    prefix="/api/v1/sessions/{session}/votes",
    tags=["votes"],
    responses=documented(401, 403, 404),
    dependencies=[Depends(cookie_scheme), Depends(bearer_scheme)],
)
run_votes = allowed(Act.RUN_VOTES)


@router.get("")
async def votes(watcher: Watcher, session: SessionId) -> list[VoteAnswer]:
    """The votes of a session, in order. Those of a public session need no log-in, but for closed parts."""
    found = await watcher.controller.sessions.find(session)
    watcher.must_see(found)
    role = watcher.role(found)
    seen = (one for one in await watcher.controller.votes.of(session) if visible(found, one, role))
    return [VoteAnswer.of(one, watcher.controller.votes.count(one)) for one in seen]


@router.post(
    "",
    status_code=201,
    dependencies=[run_votes],
    responses=documented(400, 409, 413, 415, 422, 502, 504),
)
async def put(
    request: Request,
    response: Response,
    asked: Asked,
    session: SessionId,
    question: Question,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="Any text of your own: the same request with the same key opens one vote.",
        ),
    ] = None,
) -> VoteAnswer:
    """Open a vote at the seats. The same question, asked again while it is open, is the same vote."""
    once: Once = request.app.state.once
    async with once.claim(asked.actor, key, {"session": session, **question.model_dump()}) as claim:
        if claim.answer is None:
            await asked.controller.sessions.find(session)
            command = PutToVote(
                actor=asked.actor,
                session=session,
                title=question.title,
                threshold=question.threshold or "",
                present=question.present,
            )
            vote: Vote = await asked.controller.desk.obey(command)
            claim.answer = str(vote.number)
        number = int(claim.answer)
    found = await asked.controller.votes.get(session, number)
    response.headers["Location"] = f"/api/v1/sessions/{session}/votes/{number}"
    return VoteAnswer.of(found, asked.controller.votes.count(found))


@router.get("/{number}", responses=documented(422))
async def vote(watcher: Watcher, session: SessionId, number: Number) -> RollCall:
    """A vote, with everybody's choice once it is closed."""
    found = await _seen(watcher, session, number)
    return RollCall.of(found, watcher.controller.votes.count(found))


@router.post(
    "/{number}/close", status_code=202, dependencies=[run_votes], responses=documented(409, 422, 502, 504)
)
async def close(asked: Asked, session: SessionId, number: Number) -> RollCall:
    """Close a vote and read its result. Asked again, it is answered the same and done once."""
    await asked.controller.sessions.find(session)
    command = EndVote(actor=asked.actor, session=session, vote=number)
    found: Vote = await asked.controller.desk.obey(command)
    return RollCall.of(found, asked.controller.votes.count(found))


@router.get("/{number}/roll-call.json", responses=documented(422))
async def roll_call(watcher: Watcher, session: SessionId, number: Number) -> RollCall:
    """The roll-call of a vote that is closed, to be kept as a file."""
    return RollCall.of(await _closed(watcher, session, number), Count())


@router.get(
    "/{number}/roll-call.csv",
    response_class=Response,
    responses={
        200: {"description": "A row for each seat.", "content": {"text/csv": {"schema": {"type": "string"}}}},
        **documented(422),
    },
)
async def roll_call_csv(watcher: Watcher, session: SessionId, number: Number) -> Response:
    """The same as CSV (UTF-8, with the mark that spreadsheets look for)."""
    found = await _closed(watcher, session, number)
    rows = ([getattr(one, column) for column in COLUMNS] for one in found.ballots)
    headers = {"Content-Disposition": f'attachment; filename="{session}-{number}.csv"'}
    return Response(written((COLUMNS, *rows)), media_type="text/csv; charset=utf-8", headers=headers)


async def _seen(watcher: Watching, session: str, number: int) -> Vote:
    found = await watcher.controller.sessions.find(session)
    watcher.must_see(found)
    one = await watcher.controller.votes.get(session, number)
    watcher.must_see(found, one)
    return one


async def _closed(watcher: Watching, session: str, number: int) -> Vote:
    found = await _seen(watcher, session, number)
    if found.state is not Standing.CLOSED:
        raise NotFound(
            f"vote {number} has no result: it is {found.state}{found.reason and f' ({found.reason})'}"
        )
    return found
