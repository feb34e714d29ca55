"""Who sits in the seats of a session: read, imported, and changed one seat at a time."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.problems import documented
from avctl.api.sessions import SessionId
from avctl.commands import Command, ListParticipants, RestoreSeat, SubstituteParticipant
from avctl.errors import BadArgument
from avctl.model.account import Act
from avctl.model.participants import LAST_SEAT, Origin
from avctl.services.participants import Preview
from avctl.services.roster import FAULTS

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A CSV or XLSX file: as the field `file` of a form, or as it is.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            SHEET: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class SeatAnswer(BaseModel):
    """A seat and who sits there."""

    seat: int
    name: str = Field(description="Empty when it is not known: then the number is shown.")
    group: str = Field(description="Faction or office.")
    origin: Origin = Field(
        description="How it is known; substitution goes before card, import, system, earlier, in this order."
    )


class ParticipantsAnswer(BaseModel):
    """Who sits where: in a session to come or under way as it is now, in one that is over as it ended."""

    session: str
    source: str = Field(description="The file, or the earlier session, whose list was taken over.")
    listed: int = Field(description="How many people the list has.")
    without_seat: list[str] = Field(description="Those of the list whose seat is wherever their card is.")
    seats: list[SeatAnswer] = Field(description="By number.")


class SeatBody(BaseModel):
    """Who sits at a seat now."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "Олена Марчук", "group": "Фракція «Кияни»"}}
    )

    name: str = Field(max_length=200, description="Empty: nobody who is known; the number is shown.")
    group: str = Field("", max_length=200, description="Faction or office; empty: as the list has it.")


class FaultAnswer(BaseModel):
    """What is wrong in a cell."""

    column: str = Field(description="The column: name, group (faction), seat or card.")
    code: str = Field(description="What is wrong, for programs.", examples=sorted(FAULTS))
    message: str = Field(description="What is wrong, for people.")
    value: str = Field(description="What stands there, or the row it clashes with.")


class RowAnswer(BaseModel):
    """A row of the file."""

    row: int = Field(description="Its number in the file.")
    name: str
    group: str
    seat: str
    card: str
    good: bool = Field(description="Whether it will be taken over.")
    faults: list[FaultAnswer]


class PreviewAnswer(BaseModel):
    """What a file says. Nothing is written until it is confirmed, and then the good rows only."""

    preview: str = Field(description="Its id, for the confirmation.")
    session: str
    source: str
    good: int = Field(description="How many rows will be taken over.")
    bad: int
    rows: list[RowAnswer]

    @classmethod
    def of(cls, preview: Preview) -> PreviewAnswer:
        """The answer about a list that was looked at."""
        rows = [
            RowAnswer(
                row=row.number,
                name=row.name,
                group=row.group,
                seat=row.seat,
                card=row.card,
                good=row.good,
                faults=[
                    FaultAnswer(
                        column=one.column,
                        code=one.code,
                        message=FAULTS[one.code],
                        value=one.value,
                    )
                    for one in row.faults
                ],
            )
            for row in preview.rows
        ]
        good = len(preview.good)
        return cls(
            preview=preview.id,
            session=preview.session,
            source=preview.source,
            good=good,
            bad=len(rows) - good,
            rows=rows,
        )


Seat = Annotated[int, Path(ge=1, le=LAST_SEAT, description="Number of the seat.", examples=[14])]
PreviewId = Annotated[str, Path(max_length=40, description="Id of a list that was looked at.")]

router = APIRouter(
    prefix="/api/v1/sessions/{session}/participants", tags=["sessions"], responses=documented(401, 403, 404)
)
may_see, may_name = allowed(Act.SEE_CONTROL), allowed(Act.NAME_PARTICIPANTS)


@router.get("", dependencies=[may_see])
async def participants(asked: Asked, session: SessionId) -> ParticipantsAnswer:
    """Who sits where."""
    return await _answer(asked, session)


@router.put("/{seat}", dependencies=[may_name], responses=documented(400, 409, 413, 415, 422))
async def substitute(asked: Asked, session: SessionId, seat: Seat, body: SeatBody) -> ParticipantsAnswer:
    """Say who sits at a seat now; it goes before everything else that is known of the seat."""
    command = SubstituteParticipant(
        actor=asked.actor, session=session, seat=seat, name=body.name, group=body.group
    )
    return await _act(asked, command)


@router.delete("/{seat}", dependencies=[may_name], responses=documented(409, 422))
async def give_back(asked: Asked, session: SessionId, seat: Seat) -> ParticipantsAnswer:
    """Take a substitution back."""
    return await _act(asked, RestoreSeat(actor=asked.actor, session=session, seat=seat))


@router.post("/import", dependencies=[may_name], responses=documented(400, 409, 413, 422), openapi_extra=FILE)
async def look(asked: Asked, request: Request, session: SessionId) -> PreviewAnswer:
    """Look at a list of people in a CSV or XLSX file; nothing is written yet.

    The first row names the columns: name, faction, seat, card, in English or Ukrainian. CSV may be UTF-8 or
    Windows-1251, with semicolons, commas or tabs.
    """
    data, source = await file_of(request)
    return PreviewAnswer.of(await asked.controller.participants.look(session, data, source))


@router.post("/last", dependencies=[may_name], responses=documented(409))
async def look_back(asked: Asked, session: SessionId) -> PreviewAnswer:
    """Look at who sat where at the last session of the same body in the same room; nothing is written yet."""
    return PreviewAnswer.of(await asked.controller.participants.look_back(session))


@router.post("/import/{preview}", dependencies=[may_name], responses=documented(409))
async def confirm(asked: Asked, session: SessionId, preview: PreviewId) -> ParticipantsAnswer:
    """Take the good rows of a list over; they replace the list before. Substitutions stay."""
    return await _act(asked, ListParticipants(actor=asked.actor, session=session, preview=preview))


async def file_of(request: Request) -> tuple[bytes, str]:
    """The file of a request and its name; BadArgument when there is none."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body(), "import"
    async with request.form(max_files=1, max_fields=10) as form:
        sent = form.get("file")
        if not isinstance(sent, UploadFile):
            raise BadArgument("file", "a CSV or XLSX file in the field file of the form")
        return await sent.read(), sent.filename or "import"


async def _act(asked: Asking, command: Command) -> ParticipantsAnswer:
    await asked.controller.desk.obey(command)
    return await _answer(asked, getattr(command, "session", ""))


async def _answer(asked: Asking, identifier: str) -> ParticipantsAnswer:
    session = await asked.controller.sessions.find(identifier)
    seating, found = await asked.controller.participants.find(session)
    return ParticipantsAnswer(
        session=session.id,
        source=seating.source,
        listed=len(seating.people),
        without_seat=[one.name for one in seating.people if not one.seat],
        seats=[SeatAnswer(**vars(one)) for one in found],
    )
