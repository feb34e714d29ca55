"""Announced blackouts: a calendar that is kept, read and brought."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from avctl.api.answers import SECRET
from avctl.api.asking import Asked, allowed, controller_of
from avctl.api.calendars import KIND
from avctl.api.problems import documented
from avctl.commands.building import KeepBlackout, RemoveBlackout
from avctl.errors import NotFound
from avctl.model.account import Act
from avctl.model.playing import Blackout
from avctl.model.session import OVER
from avctl.services.controller import Controller
from avctl.services.mainless import written

BlackoutId = Annotated[str, Path(description="Id of the blackout.", max_length=63, examples=["blackout-1"])]
FEED: dict[int | str, dict[str, object]] = {
    200: {"description": "RFC 5545.", "content": {"text/calendar": {"schema": {"type": "string"}}}}
}
FILE = {
    "requestBody": {
        "required": True,
        "description": "An iCalendar file; at most 1 MiB.",
        "content": {"text/calendar": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(tags=["building"])
see, plan = allowed(Act.SEE_CONTROL), allowed(Act.FILL_SCREENS)


class BlackoutAnswer(BaseModel):
    """Announced hours without mains, and what they hit."""

    id: str
    begins_at: datetime
    ends_at: datetime
    note: str
    sessions: list[str] = Field(description="Ids of the sessions that need their room within these hours.")


class BlackoutBody(BaseModel):
    """Announced hours without mains."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "begins_at": "2026-11-28T18:00:00+02:00",
                "ends_at": "2026-11-28T22:00:00+02:00",
                "note": "черга 3.1",
            }
        },
    )

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    note: str = Field("", max_length=200)


class ImportAnswer(BaseModel):
    """What a calendar did."""

    kept: int = Field(description="Entered, or changed.")
    same: int
    removed: int = Field(description="Brought by this calendar before, and in it no more.")


@router.get("/api/v1/blackouts", dependencies=[see], responses=documented(401, 403))
async def coming(asked: Asked) -> list[BlackoutAnswer]:
    """Those that are not over, with the sessions of the caller's rooms that they hit."""
    controller = asked.controller
    hit = {
        session.id: {one.id for one in controller.blackouts.during(session.booking)}
        for session in controller.sessions
        if session.phase not in OVER and asked.account.reaches(session.room)
    }
    return [
        BlackoutAnswer(
            **one.model_dump(), sessions=[name for name, blackouts in hit.items() if one.id in blackouts]
        )
        for one in controller.blackouts.coming()
    ]


@router.get(
    "/api/v1/blackouts.ics",
    response_class=Response,
    dependencies=[see],
    responses={**FEED, **documented(401, 403)},
)
async def calendar(asked: Asked) -> Response:
    """The same as a calendar."""
    return _feed(asked.controller)


@router.get(
    SECRET + "{secret}/blackouts.ics", response_class=Response, responses={**FEED, **documented(403, 404)}
)
async def subscribed(
    request: Request,
    secret: Annotated[str, Path(description="What `POST /api/v1/me/calendar` gave.", max_length=100)],
) -> Response:
    """The same for calendars that subscribe: they cannot log in, and it is not for everybody."""
    controller = controller_of(request)
    account = await controller.contacts.whose_calendar(secret)
    if not account.may(Act.SEE_CONTROL):
        raise NotFound("there is no such calendar; its address may have been renewed")
    return _feed(controller)


router.add_api_route(
    SECRET + "{secret}/blackouts.ics",
    subscribed,
    methods=["HEAD"],
    response_class=Response,
    include_in_schema=False,
)


@router.post(
    "/api/v1/blackouts/import",
    dependencies=[plan],
    openapi_extra=FILE,
    responses=documented(400, 401, 403, 413, 415, 422),
)
async def bring(request: Request, asked: Asked) -> ImportAnswer:
    """Enter the events of a calendar. What the same calendar brought before and has no more is removed."""
    done = await asked.controller.blackout_imports.take(await request.body(), asked.actor)
    return ImportAnswer(**vars(done))


@router.put(
    "/api/v1/blackouts/{blackout}",
    dependencies=[plan],
    responses=documented(400, 401, 403, 409, 413, 415, 422),
)
async def keep(asked: Asked, blackout: BlackoutId, wanted: BlackoutBody) -> Blackout:
    """Announce hours without mains, or change them."""
    details = {"id": blackout, **wanted.model_dump(mode="json")}
    kept: Blackout = await asked.controller.desk.obey(KeepBlackout(actor=asked.actor, details=details))
    return kept


@router.delete(
    "/api/v1/blackouts/{blackout}", status_code=204, dependencies=[plan], responses=documented(401, 403, 404)
)
async def remove(asked: Asked, blackout: BlackoutId) -> Response:
    """They will not come."""
    await asked.controller.desk.obey(RemoveBlackout(actor=asked.actor, blackout=blackout))
    return Response(status_code=204)


def _feed(controller: Controller) -> Response:
    body = written(controller.config, controller.blackouts)
    return Response(body, headers={"Content-Type": KIND, "Cache-Control": "private, no-cache"})
