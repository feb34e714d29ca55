"""The journal: who did what, and what happened."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.errors import BadArgument
from avctl.events import encode, kinds, subject_of
from avctl.model.account import Act
from avctl.services.reach import Reach
from avctl.services.secrecy import masked, without_votes
from avctl.store.records import Filter

HIGHEST = 2**53
YEARS = range(1990, 2200)


class Line(BaseModel):
    """One event, as it was written."""

    number: int = Field(description="Its place; numbers grow, with gaps.")
    at: datetime
    kind: str = Field(description="What sort of event.", examples=["SessionOpened"])
    subject: str = Field(description="The device, session, account or alert it is about.")
    actor: str = Field(description="The account that caused it; empty when nobody did.")
    data: dict[str, Any] = Field(description="The whole event, as in the stream of events.")


Number = Annotated[int | None, Query(ge=0, le=HIGHEST)]

router = APIRouter(prefix="/api/v1/journal", tags=["journal"], responses=documented(401, 403))


@router.get("", dependencies=[allowed(Act.SEE_JOURNAL)], responses=documented(422))
async def journal(
    request: Request,
    response: Response,
    asked: Asked,
    kind: Annotated[list[str] | None, Query(max_length=100, description="Kinds of event.")] = None,
    subject: Annotated[str, Query(max_length=128, description="A device, session or account.")] = "",
    actor: Annotated[str, Query(max_length=64, description="The account that caused it.")] = "",
    since: Annotated[AwareDatetime | None, Query(description="At or after this moment.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this moment.")] = None,
    before: Annotated[Number, Query(description="Only lines below this number.")] = None,
    after: Annotated[Number, Query(description="Only lines above this number, oldest first.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Line]:
    """Lines of the journal, newest first; with `after`, oldest first.

    When there may be more, the header `Link` has the address of the next page (rel="next"). Lines about rooms
    that are not the reader's are left out, so a page may have fewer than `limit`.
    """
    if before is not None and after is not None:
        raise BadArgument("after", "not together with before")
    if unknown := sorted(set(kind or ()) - set(kinds())):
        raise BadArgument("kind", f"kinds of event (there is no {', '.join(unknown)})")
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.year not in YEARS:
            raise BadArgument(name, f"a year from {YEARS.start} to {YEARS.stop - 1}")
    which = Filter(kinds=tuple(kind or ()), subject=subject, actor=actor, since=since, until=until)
    keeper = asked.controller.journal
    await keeper.settled()
    reach = Reach(asked.controller, asked.account)
    lines: list[Line] = []
    looked, last = 0, 0
    if after is None:
        rows = await keeper.page(before, limit, which)
        looked, last = len(rows), rows[-1].number if rows else 0
        lines = [Line(**vars(row)) for row in rows if reach.has(row)]
    else:
        async for event in keeper.replay(after, which):
            looked, last = looked + 1, event.number
            if reach.reaches(event):
                lines.append(
                    Line(
                        number=event.number,
                        at=event.at,
                        kind=type(event).__name__,
                        subject=subject_of(event),
                        actor=event.actor,
                        data=masked(encode(event)),
                    )
                )
            if looked == limit:
                break
    if not asked.account.may(Act.CLOSE_PARTS):
        for line in lines:
            line.data = without_votes(line.kind, line.data)
    if looked == limit:
        name = "before" if after is None else "after"
        more = request.url.include_query_params(**{name: last})
        response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
    return lines
