"""The run of a sitting: its agenda item by item, its quorum, and the slate that lets viewers in early."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.api.sessions import SessionAnswer, SessionId
from avctl.commands import AnnounceSession, BeginItem, ChangeRule, NoteQuorum, Scope
from avctl.model.account import Act
from avctl.model.session import Session
from avctl.services.acts import MOST_PRESENT


class Item(BaseModel):
    """Which item of the agenda is taken up."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"place": 2}})

    place: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Where it stands in the agenda, from 1: asked again it is done once. Null: the next one.",
    )


class Present(BaseModel):
    """How many members are there."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"present": 78}})

    present: int = Field(ge=0, le=MOST_PRESENT, description="How many are registered as present.")


class Rule(BaseModel):
    """Another rule for a series."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"rule": "FREQ=WEEKLY;BYDAY=FR;COUNT=10", "scope": "following"}},
    )

    rule: str = Field(
        "",
        max_length=500,
        description="RRULE of RFC 5545, counted from the first that is changed; empty, for `this` one: it "
        "leaves its series.",
    )
    scope: Scope = Field(
        Scope.FOLLOWING,
        description="This session alone (by a rule of its own), it and those `following`, or `all` to come.",
    )
    override: str = Field(
        "", max_length=500, description="Why it is booked although it clashes. Needs a role that may."
    )
    reason: str = Field("", max_length=500, description="Why, for the journal and for those on duty.")


router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], responses=documented(401, 403))
run_sessions = allowed(Act.RUN_SESSIONS)
run_or_votes = allowed(Act.RUN_SESSIONS, Act.RUN_VOTES)


@router.post(
    "/{session}/next-item",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def next_item(
    asked: Asked, session: SessionId, item: Annotated[Item | None, Body()] = None
) -> SessionAnswer:
    """Take up the next item of the agenda, or the one at `place`.

    Two people who press at once mean the same: with `place` it is done once.
    """
    place = None if item is None else item.place
    found: Session = await asked.controller.desk.obey(
        BeginItem(actor=asked.actor, session=session, place=place)
    )
    return SessionAnswer.of(found)


@router.post(
    "/{session}/quorum",
    status_code=202,
    dependencies=[run_or_votes],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def quorum(asked: Asked, session: SessionId, counted: Present) -> SessionAnswer:
    """Keep in the minutes how many members are there; how many must be is the rule of the body."""
    command = NoteQuorum(actor=asked.actor, session=session, present=counted.present)
    found: Session = await asked.controller.desk.obey(command)
    return SessionAnswer.of(found)


@router.post(
    "/{session}/announce",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(404, 409, 502, 504),
)
async def announce(asked: Asked, session: SessionId) -> SessionAnswer:
    """Let viewers of a live session in before it opens: they see the slate *starting soon*.

    It happens by itself `schedule.soon_minutes` before the start.
    """
    found: Session = await asked.controller.desk.obey(AnnounceSession(actor=asked.actor, session=session))
    return SessionAnswer.of(found)


@router.post(
    "/{session}/rule",
    dependencies=[allowed(Act.BOOK_SESSIONS)],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def rule(asked: Asked, session: SessionId, wanted: Rule) -> SessionAnswer:
    """Let a series go by another rule, all or nothing; 409 names what it would clash with.

    What both rules know stays, what the new one does not know is moved to what it adds, in order, and the
    rest is called off or booked. Who has a time of its own keeps it, who was called off stays so.
    """
    if wanted.override.strip():
        asked.account.must_be_allowed(Act.OVERRIDE_CLASHES)
    command = ChangeRule(
        actor=asked.actor,
        session=session,
        rule=wanted.rule,
        scope=wanted.scope,
        override=wanted.override,
        reason=wanted.reason,
    )
    found: Session = await asked.controller.desk.obey(command)
    return SessionAnswer.of(found)
