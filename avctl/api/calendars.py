"""The schedule out: calendars that others subscribe to, and a table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from avctl.api.answers import SECRET
from avctl.api.asking import Asked, allowed, controller_of
from avctl.api.problems import documented
from avctl.api.sessions import EARLIEST, LATEST, sane
from avctl.errors import NotFound
from avctl.events import now
from avctl.model.account import Act
from avctl.services.calendars import Feed
from avctl.services.lists import written

KIND = "text/calendar; charset=utf-8"
LATELY = timedelta(days=31)

router = APIRouter(tags=["sessions"])

FOUND: dict[int | str, dict[str, object]] = {
    200: {"description": "RFC 5545.", "content": {"text/calendar": {"schema": {"type": "string"}}}},
    304: {"description": "It is as it was: `If-None-Match` named it."},
}


@router.get("/calendar.ics", response_class=Response, responses=FOUND)
async def everybody(request: Request) -> Response:
    """Every session, for calendars that subscribe. `ETag` and `If-None-Match` save sending it again."""
    return await _feed(request, Feed(), "public, max-age=60")


@router.get("/calendar/rooms/{room}.ics", response_class=Response, responses={**FOUND, **documented(404)})
async def of_room(
    request: Request, room: Annotated[str, Path(description="Id of the room.", max_length=63)]
) -> Response:
    """The sessions of a room."""
    if room not in {one.id for one in controller_of(request).config.rooms}:
        raise NotFound(f"there is no room {room!r}")
    return await _feed(request, Feed(room=room), "public, max-age=60")


@router.get(SECRET + "{secret}.ics", response_class=Response, responses={**FOUND, **documented(404)})
async def of_person(
    request: Request,
    secret: Annotated[str, Path(description="What `POST /api/v1/me/calendar` gave.", max_length=100)],
) -> Response:
    """The sessions at which a person is on duty. Whoever has the address may read it; it can be renewed."""
    account = await controller_of(request).contacts.whose_calendar(secret)
    return await _feed(request, Feed(person=account.name), "private, no-cache")


# Calendars ask HEAD before they subscribe.
for address, answer in (
    ("/calendar.ics", everybody),
    ("/calendar/rooms/{room}.ics", of_room),
    (SECRET + "{secret}.ics", of_person),
):
    router.add_api_route(address, answer, methods=["HEAD"], response_class=Response, include_in_schema=False)


class PrivateAddress(BaseModel):
    """Where a person's own calendar is read."""

    path: str = Field(
        description="Its path; shown this once. Whoever has it may read it.",
        examples=["/calendar/people/….ics"],
    )


@router.post("/api/v1/me/calendar", status_code=201, responses=documented(401, 403))
async def renew(response: Response, asked: Asked) -> PrivateAddress:
    """A new private address for your own calendar; the old one ends."""
    response.headers["Cache-Control"] = "no-store"
    secret = await asked.controller.contacts.renew_calendar(asked.actor, actor=asked.actor)
    return PrivateAddress(path=f"{SECRET}{secret}.ics")


@router.get(
    "/api/v1/schedule.csv",
    response_class=Response,
    dependencies=[allowed(Act.SEE_CONTROL)],
    responses={
        200: {
            "description": "UTF-8 with `;`, as Excel opens it; it can be imported again.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 422),
    },
)
async def table(
    asked: Asked,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Planned start at or after this moment.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="Planned start before this moment.")
    ] = None,
    room: Annotated[str | None, Query(max_length=63, description="Id of a room.")] = None,
) -> Response:
    """The schedule with its agendas as a table; without `from` and `to`, all ahead and a month back."""
    held, first = asked.controller.sessions, now() - LATELY
    begin: datetime = sane("from", since, EARLIEST if until is not None else first)
    found = await held.between(begin, sane("to", until, LATEST))
    wanted = (one for one in found if (room is None or one.room == room) and asked.account.reaches(one.room))
    text = written(wanted, asked.controller.config)
    headers = {"Content-Disposition": 'attachment; filename="schedule.csv"', "Cache-Control": "no-store"}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


async def _feed(request: Request, which: Feed, cache: str) -> Response:
    made = await controller_of(request).calendars.feed(which)
    headers = {"ETag": f'"{made.tag}"', "Cache-Control": cache}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="calendar.ics"'
    return Response(made.body, headers={**headers, "Content-Type": KIND})
