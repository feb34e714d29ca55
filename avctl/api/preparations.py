"""Preparations: a room brought to its wanted state and proven, and what it is known to be good with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.api.sessions import SessionId
from avctl.commands import CancelPreparation, PrepareSession, RerunLine, RestoreGolden, SaveGolden
from avctl.errors import NotFound
from avctl.model.account import Act
from avctl.model.golden import Difference
from avctl.model.preparation import Line, Preparation, Stage, Verdict
from avctl.services.controller import Controller


class LineAnswer(BaseModel):
    """One line of the sheet: what was measured, what was expected, what to do."""

    id: str = Field(description="Its id, used in addresses.", examples=["answers.hall-camera-1"])
    kind: str = Field(description="What sort of line it is.", examples=["answers"])
    subject: str = Field(description="The device or platform it is about; empty when it is about neither.")
    what: str = Field(description="What is done or proven.")
    verdict: Verdict
    measured: str = Field(description="What was measured, or why it was not; empty until it is over.")
    expected: str = Field(description="What should have been measured.")
    advice: str = Field(description="What to do; empty when nothing is.")
    values: dict[str, Any] = Field(description="What was measured, as values.")
    after: list[str] = Field(description="Lines that must have gone well before.")
    began_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, line: Line) -> LineAnswer:
        """The answer about a line."""
        return cls(
            id=line.id,
            kind=line.kind,
            subject=line.subject,
            what=line.what,
            verdict=line.verdict,
            measured=line.said,
            expected=line.expected,
            advice=line.advice,
            values=dict(line.measured),
            after=list(line.after),
            began_at=line.began_at,
            ended_at=line.ended_at,
        )


class PreparationAnswer(BaseModel):
    """A dated sheet."""

    id: str = Field(description="Its id.", examples=["20270211-3f9a1c-5d21e0"])
    session: str
    room: str
    stage: Stage = Field(description="Where it is in its life.")
    began_at: datetime
    by: str = Field(description="Who asked for it; avctl when its time had come.")
    ended_at: datetime | None
    counts: dict[Verdict, int] = Field(description="How many lines have each verdict.")
    lines: list[LineAnswer]

    @classmethod
    def of(cls, sheet: Preparation) -> PreparationAnswer:
        """The answer about a sheet."""
        return cls(
            id=sheet.id,
            session=sheet.session,
            room=sheet.room,
            stage=sheet.stage,
            began_at=sheet.began_at,
            by=sheet.by,
            ended_at=sheet.ended_at,
            counts={verdict: sheet.count(verdict) for verdict in Verdict},
            lines=[LineAnswer.of(line) for line in sheet.lines],
        )


class DifferenceAnswer(BaseModel):
    """A setting that is not as it was kept."""

    id: str = Field(description="Its name in requests.", examples=["hall-wall-1.input"])
    device: str
    title: str = Field(description="Name people know the device by.")
    setting: str = Field(examples=["input"])
    wanted: Any = Field(description="What is known to be good.")
    found: Any = Field(description="What the device says now.")
    since: datetime | None = Field(description="Since when; null: since before the start.")
    by: str = Field(description="Who changed it through avctl; empty: at the device, or not known.")
    lacks: str = Field(description="Why it cannot be brought back by avctl; empty when it can.")

    @classmethod
    def of(cls, one: Difference) -> DifferenceAnswer:
        """The answer about a difference."""
        return cls(id=one.id, **vars(one))


class GoldenAnswer(BaseModel):
    """What is known to be good in a room, and what differs from it now."""

    room: str
    saved_at: datetime | None = Field(description="When it was kept; null: never.")
    saved_by: str
    restored_at: datetime | None = Field(description="When settings were last brought back.")
    restored_by: str
    settings: dict[str, dict[str, Any]] = Field(description="By device and setting.")
    differences: list[DifferenceAnswer]
    unknown: list[str] = Field(description="Devices that do not answer, and cannot be compared.")


class Restoring(BaseModel):
    """Which settings are brought back."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"settings": ["hall-wall-1.input"]}}
    )

    settings: list[Annotated[str, Field(max_length=128)]] = Field(
        [], max_length=1000, description="Ids of differences; none: all."
    )


LineId = Annotated[
    str, Path(description="Id of the line.", max_length=160, examples=["answers.hall-camera-1"])
]
RoomId = Annotated[str, Path(description="Id of the room.", max_length=63, examples=["plenary"])]

router = APIRouter(prefix="/api/v1", tags=["preparation"], responses=documented(401, 403, 404))
see = allowed(Act.SEE_CONTROL)
run_sessions = allowed(Act.RUN_SESSIONS)
operate_devices = allowed(Act.OPERATE_DEVICES)


@router.get("/sessions/{session}/preparation", dependencies=[see])
async def preparation(asked: Asked, session: SessionId) -> PreparationAnswer:
    """The newest sheet of a session, as it is now."""
    await asked.controller.sessions.find(session)
    sheets = asked.controller.preparations.sheets
    if (held := sheets.of(session)) is not None:
        return PreparationAnswer.of(held)
    if not (kept := await sheets.all_of(session)):
        raise NotFound(f"session {session!r} has not been prepared")
    return PreparationAnswer.of(kept[-1])


@router.get("/sessions/{session}/preparation/sheets", dependencies=[see])
async def preparations(asked: Asked, session: SessionId) -> list[PreparationAnswer]:
    """Every sheet of a session, oldest first."""
    await asked.controller.sessions.find(session)
    return [
        PreparationAnswer.of(sheet) for sheet in await asked.controller.preparations.sheets.all_of(session)
    ]


@router.post(
    "/sessions/{session}/preparation",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(409),
    name="begin_preparation",
)
async def begin(asked: Asked, session: SessionId) -> PreparationAnswer:
    """Bring the room to its wanted state and prove it. Asked again meanwhile, it is answered the same."""
    await asked.controller.desk.obey(PrepareSession(actor=asked.actor, session=session))
    return PreparationAnswer.of(asked.controller.preparations.sheets.get(session))


@router.post(
    "/sessions/{session}/preparation/lines/{line}/rerun",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(409),
)
async def rerun(asked: Asked, session: SessionId, line: LineId) -> PreparationAnswer:
    """Do one line again, and what was left out for its sake; 409 says why that cannot be now.

    A line that is being done, or waits for its turn, is done once.
    """
    command = RerunLine(actor=asked.actor, session=session, line=line)
    return PreparationAnswer.of(await asked.controller.desk.obey(command))


@router.post(
    "/sessions/{session}/preparation/cancel",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(409),
    name="cancel_preparation",
)
async def cancel(asked: Asked, session: SessionId) -> PreparationAnswer:
    """End it; when this is answered, cameras are back and nothing sounds any more."""
    command = CancelPreparation(actor=asked.actor, session=session)
    return PreparationAnswer.of(await asked.controller.desk.obey(command))


@router.get("/rooms/{room}/golden", dependencies=[see])
async def golden(asked: Asked, room: RoomId) -> GoldenAnswer:
    """What is known to be good in a room, and what differs now."""
    return _golden(asked.controller, room)


@router.put("/rooms/{room}/golden", dependencies=[operate_devices], responses=documented(409))
async def save(asked: Asked, room: RoomId) -> GoldenAnswer:
    """Keep the settings of the room's devices as they are now."""
    await asked.controller.desk.obey(SaveGolden(actor=asked.actor, room=room))
    return _golden(asked.controller, room)


@router.post(
    "/rooms/{room}/golden/restore",
    status_code=202,
    dependencies=[operate_devices],
    responses=documented(400, 409, 413, 415, 422),
)
async def restore(
    asked: Asked, room: RoomId, restoring: Annotated[Restoring | None, Body()] = None
) -> GoldenAnswer:
    """Bring settings back through the devices' verbs, each read back; what still differs is in the answer."""
    settings = tuple(restoring.settings) if restoring is not None else ()
    await asked.controller.desk.obey(RestoreGolden(actor=asked.actor, room=room, settings=settings))
    return _golden(asked.controller, room)


def _golden(controller: Controller, room: str) -> GoldenAnswer:
    found = controller.golden.get(room)
    return GoldenAnswer(
        room=room,
        saved_at=found.saved_at,
        saved_by=found.saved_by,
        restored_at=found.restored_at,
        restored_by=found.restored_by,
        settings={device: dict(settings) for device, settings in found.settings.items()},
        differences=[DifferenceAnswer.of(one) for one in controller.golden.differences(room)],
        unknown=[state.id for state in controller.golden.unknown(room)],
    )
