"""The building: the air-raid alarm and what it suggests, and the mains."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.api.sessions import SessionId
from avctl.commands.building import DismissSuggestion
from avctl.model.account import Act
from avctl.model.playing import Blackout
from avctl.services.reach import room_of

router = APIRouter(prefix="/api/v1", tags=["building"], responses=documented(401, 403))
see = allowed(Act.SEE_CONTROL)


class SuggestionAnswer(BaseModel):
    """What a session could do for the air raid."""

    session: str
    what: str = Field(description="`suspend` or `resume`.")
    since: datetime
    acts_at: datetime | None = Field(description="When it is done by itself; null: never.")


class AlarmAnswer(BaseModel):
    """The air-raid alarm of the site's region. `unknown` is never to be taken for `clear`."""

    alarm: str = Field(description="`active`, `partly`, `clear` or `unknown`.")
    level: str
    since: str = Field(description="As the service says it.")
    heard_at: str = Field(description="While it is unknown: the last answer that could be believed.")
    said: dict[str, str] = Field(description="What each service says.")
    began_at: datetime | None = Field(description="Since when there is an air raid; null: there is none.")
    suggestions: list[SuggestionAnswer]


class LoadAnswer(BaseModel):
    """Something that can be switched off to spare a battery."""

    id: str
    title: str
    shed: bool
    spared: bool = Field(description="It would have been switched off, and is on air.")
    fault: str


class MainsAnswer(BaseModel):
    """Batteries, loads in the order in which they are shed, and announced blackouts."""

    on_battery: dict[str, bool | None] = Field(description="By UPS; null: it does not say.")
    lost: dict[str, datetime] = Field(description="UPSes that run on battery, since when.")
    loads: list[LoadAnswer]
    blackouts: list[Blackout]


@router.get("/alarm", dependencies=[see])
async def alarm(asked: Asked) -> AlarmAnswer:
    """Whether there is an air raid, and what that asks of the sessions that the caller has to do with."""
    raid = asked.controller.air_raids.now
    return AlarmAnswer(
        alarm=raid.alarm,
        level=raid.level,
        since=raid.since,
        heard_at=raid.heard_at,
        said=dict(raid.said),
        began_at=raid.began_at,
        suggestions=[
            SuggestionAnswer(session=name, what=one.what, since=one.since, acts_at=one.acts_at)
            for name, one in raid.suggestions.items()
            if asked.account.reaches(room_of(asked.controller, name))
        ],
    )


@router.delete(
    "/alarm/suggestions/{session}",
    status_code=204,
    dependencies=[allowed(Act.RUN_SESSIONS)],
    responses=documented(404),
)
async def dismiss(asked: Asked, session: SessionId) -> Response:
    """Leave a session as it is, whatever is suggested."""
    await asked.controller.desk.obey(DismissSuggestion(actor=asked.actor, session=session))
    return Response(status_code=204)


@router.get("/power", dependencies=[see])
async def power(asked: Asked) -> MainsAnswer:
    """The mains, and what was switched off for the batteries' sake."""
    controller = asked.controller
    watch, state = controller.mains, controller.mains.state
    return MainsAnswer(
        on_battery={
            one.id: watch.on_battery(one.id)
            for one in controller.house
            if "Ups" in one.capabilities and asked.account.reaches(one.room)
        },
        lost={
            ups: since for ups, since in state.lost.items() if asked.account.reaches(room_of(controller, ups))
        },
        loads=[
            LoadAnswer(
                id=load.id,
                title=load.title,
                shed=load.id in state.shed,
                spared=load.id in state.spared,
                fault=state.faults.get(load.id, ""),
            )
            for load in watch.loads
            if asked.account.reaches(room_of(controller, load.device))
        ],
        blackouts=list(controller.blackouts.coming()),
    )
