"""Lists of sessions in: looked through first, booked when confirmed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from avctl.api.asking import Asked, allowed
from avctl.api.bodies import FILES
from avctl.api.problems import documented
from avctl.model.account import Act
from avctl.services.imports import Line, Preview, Verdict


class FaultAnswer(BaseModel):
    """What is wrong in a line."""

    field: str = Field(description="The column; empty when it is the whole line.")
    expected: str
    got: str


class LineAnswer(BaseModel):
    """A line of the list, judged."""

    line: int = Field(description="Where it stands in the file, counted from 1.")
    verdict: Verdict = Field(description="new, changed, same, cancelled; or bad: it will not be booked.")
    title: str
    starts_at: datetime | None
    ends_at: datetime | None
    room: str
    session: str = Field(description="Id of the session that it is about; empty when there is none yet.")
    fields: list[str] = Field(description="What it changes.")
    faults: list[FaultAnswer]

    @classmethod
    def of(cls, line: Line) -> LineAnswer:
        """The answer about a line."""
        booking = line.booking
        return cls(
            line=line.number,
            verdict=line.verdict,
            title=line.title,
            starts_at=booking.starts_at if booking is not None else None,
            ends_at=booking.ends_at if booking is not None else None,
            room=booking.room if booking is not None else "",
            session=line.session,
            fields=list(line.fields),
            faults=[FaultAnswer(**vars(fault)) for fault in line.faults],
        )


class PreviewAnswer(BaseModel):
    """A list that was looked through."""

    id: str
    good: int = Field(description="Lines that were, or would be, written: new, changed, cancelled.")
    same: int
    bad: int
    unknown: list[str] = Field(description="Headings that mean nothing here; their columns are left out.")
    lines: list[LineAnswer]

    @classmethod
    def of(cls, preview: Preview) -> PreviewAnswer:
        """The answer about a list."""
        return cls(
            id=preview.id,
            good=preview.count(Verdict.NEW, Verdict.CHANGED, Verdict.CANCELLED),
            same=preview.count(Verdict.SAME),
            bad=preview.count(Verdict.BAD),
            unknown=list(preview.unknown),
            lines=[LineAnswer.of(line) for line in preview.lines],
        )


ImportId = Annotated[str, Path(description="Id of the list.", max_length=64)]
BINARY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file: CSV (UTF-8 or Windows-1251), XLSX or iCalendar; at most 1 MiB.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FILES},
    }
}

router = APIRouter(
    prefix="/api/v1/imports",
    tags=["sessions"],
    dependencies=[allowed(Act.BOOK_SESSIONS)],
    responses=documented(401, 403),
)


@router.post("", status_code=201, openapi_extra=BINARY, responses=documented(400, 413, 415, 422))
async def look_at_file(request: Request, asked: Asked) -> PreviewAnswer:
    """Look through a list; each line is marked good or bad, and nothing is booked."""
    return PreviewAnswer.of(await asked.controller.imports.look(await request.body(), asked.account))


@router.get("/{preview}", responses=documented(404))
async def again(asked: Asked, preview: ImportId) -> PreviewAnswer:
    """A list that waits to be confirmed."""
    return PreviewAnswer.of(asked.controller.imports.get(preview, asked.account))


@router.post("/{preview}/confirm", responses=documented(404))
async def confirm_import(asked: Asked, preview: ImportId) -> PreviewAnswer:
    """Book what is good in it; the answer says what became of each line."""
    return PreviewAnswer.of(await asked.controller.imports.confirm(preview, asked.account))
