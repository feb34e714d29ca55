"""Broadcasts: what is wanted of a programme, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.problems import documented
from avctl.commands import Command, CutTo, GoDark, GoLive, RestoreSource, ShowOverlay
from avctl.model.account import Act
from avctl.model.broadcast import Broadcast, State, Wanted
from avctl.services.controller import Controller
from avctl.services.reach import room_of
from avctl.services.secrecy import masked


class BroadcastAnswer(BaseModel):
    """A programme: what somebody asked for, and what viewers have."""

    session: str = Field(description="Id of its session.")
    wanted: Wanted = Field(description="What was asked for last.")
    actual: State = Field(description="What it is.")
    reason: str = Field(description="Why it is not as it should be; empty when all is well.")
    since: datetime = Field(description="When `actual` last changed.")
    on_air: bool = Field(description="Whether viewers have a picture now.")
    published: bool = Field(description="Whether the public playlist exists.")
    playlist: str | None = Field(description="Address of the public playlist; null before it is public.")
    engine: str | None = Field(description="What makes the programme; null when nothing does now.")
    showing: str = Field(description="What viewers see: `source:ID` or `slate:NAME`.")
    outputs: dict[str, Any] = Field(description="What leaves the programme, as its engine reports it.")
    closed_at: datetime | None = Field(description="Since when nothing of the hall is in any output.")
    proven_at: datetime | None = Field(description="When that was last seen in the public output.")
    doubt: str = Field(description="Why a closed part is not known to be closed; empty when it is.")
    meters: dict[str, Any] = Field(description="Loudness and other figures, some seconds old at most.")
    latency: float | None = Field(description="Seconds from camera to playlist; null when not known.")
    viewers: int = Field(description="Who fetched its playlist in the last 15 seconds.")
    restarts: int = Field(description="How often a part of it had to be started again.")
    recording: bool = Field(description="Whether the recording grows.")
    seconds: float = Field(description="Length of the finished recording; 0 until it is finished.")
    size: int = Field(description="Bytes of the finished recording.")


SessionId = Annotated[
    str, Path(description="Id of the session.", max_length=64, examples=["20270211-3f9a1c"])
]

router = APIRouter(prefix="/api/v1/broadcasts", tags=["broadcasts"], responses=documented(401, 403))
see = allowed(Act.SEE_CONTROL)
run_sessions = allowed(Act.RUN_SESSIONS)


@router.get("", dependencies=[see])
async def broadcasts(asked: Asked) -> list[BroadcastAnswer]:
    """Every broadcast since the start, and those a restart found."""
    return [
        _answer(asked.controller, broadcast)
        for broadcast in asked.controller.broadcasts
        if asked.account.reaches(room_of(asked.controller, broadcast.session))
    ]


@router.get("/{session}", dependencies=[see], responses=documented(404))
async def broadcast(asked: Asked, session: SessionId) -> BroadcastAnswer:
    """The broadcast of one session."""
    await asked.controller.sessions.find(session)  # no address leads to a folder that is no session's
    return _answer(asked.controller, asked.controller.broadcasts.get(session))


@router.post(
    "/{session}/go-live",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(404, 409, 502, 504),
)
async def go_live(asked: Asked, session: SessionId) -> BroadcastAnswer:
    """Make the programme public; the recording starts with it. `actual` says when viewers have it."""
    return await _act(asked, session, GoLive(actor=asked.actor, session=session))


@router.post(
    "/{session}/go-dark",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(404, 409, 502, 504),
)
async def go_dark(asked: Asked, session: SessionId) -> BroadcastAnswer:
    """End the programme and the recording."""
    return await _act(asked, session, GoDark(actor=asked.actor, session=session))


class Cut(BaseModel):
    """Which source becomes the hall."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"source": "hall-encoder"}})

    source: str = Field(max_length=63, description="Id of a feed of the session's room.")


@router.post(
    "/{session}/cut",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def cut(asked: Asked, session: SessionId, to: Cut) -> BroadcastAnswer:
    """Cut the programme to another source; a slate or a closed part stays in front of it."""
    return await _act(asked, session, CutTo(actor=asked.actor, session=session, source=to.source))


class OverlayAsked(BaseModel):
    """Whether an overlay is to be seen, and what is in it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"show": True, "values": {"number": "7", "title": "Про бюджет"}}},
    )

    show: bool = Field(True, strict=True)
    values: dict[str, str | int] = Field(
        default_factory=dict,
        max_length=12,
        description="item: number, title; vote: question, votes_for, votes_against, abstained, not_voted, "
        "taken (yes, no, quorum; empty while it is open).",
    )


@router.post(
    "/{session}/overlays/{kind}",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(400, 404, 409, 413, 415, 422, 502, 504),
)
async def overlay(
    asked: Asked,
    session: SessionId,
    kind: Literal["item", "vote", "logo", "clock", "live"],
    wanted: OverlayAsked,
) -> BroadcastAnswer:
    """Write something over the hall's picture, or take it off; never over a slate."""
    command = ShowOverlay(
        actor=asked.actor, session=session, kind=kind, show=wanted.show, values=wanted.values
    )
    return await _act(asked, session, command)


@router.post(
    "/{session}/restore",
    status_code=202,
    dependencies=[run_sessions],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def restore(asked: Asked, session: SessionId, to: Cut) -> BroadcastAnswer:
    """Use the main feed of a source again, after its stand-in was taken."""
    return await _act(asked, session, RestoreSource(actor=asked.actor, session=session, source=to.source))


async def _act(asked: Asking, session: str, command: Command) -> BroadcastAnswer:
    await asked.controller.sessions.find(session)
    await asked.controller.desk.obey(command)
    return _answer(asked.controller, asked.controller.broadcasts.get(session))


def _answer(controller: Controller, broadcast: Broadcast) -> BroadcastAnswer:
    device = f"programme-{broadcast.session}"
    readings: Mapping[str, Any] = {}
    engine = None
    if device in controller.house:
        programme = controller.house.state(device)
        readings, engine = masked(programme.readings), programme.driver
    outputs = readings.get("outputs")
    latency = broadcast.meters.get("latency")
    return BroadcastAnswer(
        session=broadcast.session,
        wanted=broadcast.wanted,
        actual=broadcast.state,
        reason=broadcast.reason,
        since=broadcast.since,
        on_air=broadcast.on_air,
        published=broadcast.published,
        playlist=f"/live/{broadcast.session}/master.m3u8" if broadcast.published else None,
        engine=engine,
        showing=str(readings.get("showing", "")),
        outputs=dict(outputs) if isinstance(outputs, Mapping) else {},
        closed_at=broadcast.closed_at,
        proven_at=broadcast.proven_at,
        doubt=broadcast.doubt,
        meters=masked(broadcast.meters),
        latency=float(latency) if isinstance(latency, int | float) else None,
        viewers=controller.viewers.of(broadcast.session),
        restarts=int(readings.get("restarts", 0)),
        recording=readings.get("recording") is True,
        seconds=broadcast.seconds,
        size=broadcast.size,
    )
