"""Rooms and devices: what is known of them, and their verbs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args, get_origin

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, Field

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.problems import documented
from avctl.capabilities import CAPABILITIES, verbs_of
from avctl.commands import Operate, Reconnect
from avctl.errors import Conflict, NotFound
from avctl.events import Link, encode
from avctl.model.account import Act
from avctl.model.device import DeviceState
from avctl.services.secrecy import masked, without_vote

VALUES: Mapping[str, Any] = {
    "name": "hdmi1",
    "scene": "slate:break",
    "role": "депутатка",
    "level": 40,
    "seat": 12,
    "preset": 3,
    "rows": 2,
    "columns": 2,
    "tile": 1,
    "on": True,
    "mode": "request",
    "count": 4,
}
"""Arguments as the document shows them, by their names."""


class RoomAnswer(BaseModel):
    """A hall or a meeting room."""

    id: str = Field(description="Short name used in addresses.", examples=["plenary"])
    title: str = Field(description="Name people know it by.", examples=["Сесійна зала"])
    title_en: str = Field(description="The same in English; may be empty.")
    devices: list[str] = Field(description="Ids of what stands in it.")
    session: str | None = Field(description="Id of the session it is busy with, or of the next one.")


class DeviceAnswer(BaseModel):
    """A thing in a room, as its own events left it."""

    id: str = Field(description="Short name used in addresses.", examples=["plenary-wall-1"])
    room: str = Field(description="Id of its room.")
    title: str = Field(description="Name people know it by.")
    driver: str = Field(description="The driver that speaks to it.")
    capabilities: list[str] = Field(description="What it can do.", examples=[["Power", "Inputs"]])
    verbs: list[str] = Field(description="The acts it takes.", examples=[["set_power", "set_input"]])
    link: Link = Field(description="What is known of the connection.")
    reason: str = Field(description="Why the link is what it is; empty when all is well.")
    since: datetime = Field(description="When the link last changed.")
    heard: datetime | None = Field(description="When it last said anything.")
    readings: dict[str, Any] = Field(
        description="What it reports.", examples=[{"power": True, "input": "dp1"}]
    )


class Confirmed(BaseModel):
    """The event by which the device itself confirmed the act."""

    event: dict[str, Any] = Field(
        description="The event, as in the stream of events.",
        examples=[
            {
                "event": "ReadingsChanged",
                "at": "2027-02-11T08:00:00.120Z",
                "actor": "",
                "number": 4711,
                "device": "plenary-wall-1",
                "readings": {"power": True},
            }
        ],
    )


def _example(name: str, parameter: inspect.Parameter) -> Any:
    wanted = parameter.annotation
    if get_origin(wanted) is Literal:
        return get_args(wanted)[0]
    if name in VALUES:
        return VALUES[name]
    return {"int": 1, "str": "", "bool": True, "float": 1.0}.get(getattr(wanted, "__name__", ""))


def _verbs() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """Every verb there is: its capability, name, example and text."""
    for capability in CAPABILITIES:
        for name, verb in verbs_of(capability).items():
            parameters = inspect.signature(verb, eval_str=True).parameters
            example = {one: _example(one, parameters[one]) for one in parameters if one != "self"}
            yield capability.__name__, name, example, inspect.getdoc(verb) or ""


def _table() -> str:
    lines = [f"| {kind} | `{name}` | {text} |" for kind, name, _, text in _verbs()]
    return "\n".join(("| capability | verb | what it does |", "|---|---|---|", *lines))


OPERATE = f"""Ask a device to do something; the answer comes once the device itself has confirmed it.

The body is a JSON object with the verb's arguments. 422 names a wrong argument, or a verb this device does
not have; 409 gives the device's own refusal in `code`; 504 means that it did not answer.

{_table()}
"""

DeviceId = Annotated[str, Path(description="Id of the device.", max_length=128, examples=["plenary-wall-1"])]
Arguments = Annotated[
    dict[str, Any] | None,
    Body(
        description="The verb's arguments by name; may be left out when it has none.",
        openapi_examples={
            name: {"summary": f"{kind}.{name}", "description": text, "value": example}
            for kind, name, example, text in _verbs()
        },
    ),
]

router = APIRouter(prefix="/api/v1", tags=["devices"], responses=documented(401, 403))
see = allowed(Act.SEE_CONTROL)
operate_devices = allowed(Act.OPERATE_DEVICES)


@router.get("/rooms", dependencies=[see])
async def rooms(asked: Asked) -> list[RoomAnswer]:
    """Every hall and meeting room."""
    sessions = asked.controller.sessions
    return [
        RoomAnswer(
            id=room.id,
            title=room.title,
            title_en=room.title_en,
            devices=[state.id for state in asked.controller.house.in_room(room.id)],
            session=busy.id if (busy := sessions.in_room(room.id)) is not None else None,
        )
        for room in asked.controller.config.rooms
        if asked.account.reaches(room.id)
    ]


@router.get("/devices", dependencies=[see])
async def devices(asked: Asked) -> list[DeviceAnswer]:
    """Every device, as its own events left it."""
    house = (state for state in asked.controller.house if asked.account.reaches(state.room))
    return [_answer(asked, state) for state in house]


@router.get("/devices/{device}", dependencies=[see], responses=documented(404))
async def device(asked: Asked, device: DeviceId) -> DeviceAnswer:
    """One device."""
    return _answer(asked, asked.controller.house.state(device))


@router.post(
    "/devices/{device}/reconnect",
    status_code=202,
    dependencies=[operate_devices],
    responses=documented(404),
)
async def reconnect(asked: Asked, device: DeviceId) -> DeviceAnswer:
    """Try a device again now, also one that refused our secret; its link says how it goes."""
    await asked.controller.desk.obey(Reconnect(actor=asked.actor, device=device))
    return _answer(asked, asked.controller.house.state(device))


@router.post(
    "/devices/{device}/{verb}",
    status_code=202,
    dependencies=[operate_devices],
    description=OPERATE,
    responses=documented(400, 404, 409, 413, 415, 422, 502, 504),
)
async def operate(
    asked: Asked,
    device: DeviceId,
    verb: Annotated[str, Path(description="One of the verbs below.", max_length=64, examples=["set_power"])],
    arguments: Arguments = None,
) -> Confirmed:
    """Ask a device to do something."""
    controller = asked.controller
    state = controller.house.state(device)
    if not any(configured.id == state.id for configured in controller.config.devices):
        # A programme shows what its session may show: a verb past the session could open a closed part.
        raise Conflict(f"{state.title} is driven through its session, not as a device")
    event = await controller.desk.obey(
        Operate(actor=asked.actor, device=device, verb=verb, arguments=arguments or {})
    )
    return Confirmed(event=masked(encode(event)))


def _answer(asked: Asking, state: DeviceState) -> DeviceAnswer:
    controller, readings = asked.controller, state.readings
    if controller.votes.veiled(state.id, asked.account.role):
        readings = without_vote(readings)
    try:
        verbs = sorted(verbs_of(controller.house.driver(state.id)))
    except NotFound:  # it went away between two looks
        verbs = []
    return DeviceAnswer(
        id=state.id,
        room=state.room,
        title=state.title,
        driver=state.driver,
        capabilities=list(state.capabilities),
        verbs=verbs,
        link=state.link,
        reason=state.reason,
        since=state.since,
        heard=state.heard,
        readings=masked(readings),
    )
