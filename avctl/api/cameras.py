"""The cameras of a room: who has them, the shots of its seats, and the shots stored at them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.commands import ForgetShot, HoldCameras, ReleaseCameras, StoreShot
from avctl.model.account import Act
from avctl.services.controller import Controller


class StoredAnswer(BaseModel):
    """A shot of a seat that somebody stored; it goes before the configuration's table."""

    seat: int = Field(description="Number of the seat.", examples=[14])
    camera: str = Field(description="Id of the camera.", examples=["hall-camera-1"])
    preset: int = Field(description="Number under which the camera keeps it.", examples=[20])


class CamerasAnswer(BaseModel):
    """The cameras of a room, as people left them."""

    room: str = Field(description="Id of the room.")
    cameras: list[str] = Field(description="Ids of its cameras.")
    held: bool = Field(description="Whether a person has them: they do not follow the floor.")
    held_by: str = Field(description="Who has them; empty when nobody.")
    held_until: datetime | None = Field(description="When they follow again by themselves; null: never.")
    shots: list[StoredAnswer] = Field(description="The stored shots.")


class ShotAsked(BaseModel):
    """Which camera's present picture is the shot of which seat."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"seat": 14, "camera": "hall-camera-1"}},
    )

    seat: int = Field(ge=1, le=99_999, description="Number of the seat.")
    camera: str = Field(max_length=63, description="Id of a camera of the room.")
    preset: int | None = Field(
        None, ge=0, le=254, description="Number to keep it under; null: the one it has, or a free one."
    )


RoomId = Annotated[str, Path(description="Id of the room.", max_length=63, examples=["plenary"])]
Camera = Annotated[str, Path(description="Id of the camera.", max_length=63, examples=["hall-camera-1"])]
Seat = Annotated[int, Path(description="Number of the seat.", ge=1, le=99_999, examples=[14])]

router = APIRouter(prefix="/api/v1/rooms/{room}", tags=["devices"], responses=documented(401, 403, 404))
see = allowed(Act.SEE_CONTROL)
operate_devices = allowed(Act.OPERATE_DEVICES)


@router.get("/cameras", dependencies=[see])
async def cameras(asked: Asked, room: RoomId) -> CamerasAnswer:
    """Who has the cameras, and the stored shots."""
    return _answer(asked.controller, room)


@router.post("/cameras/hold", status_code=202, dependencies=[operate_devices])
async def hold(asked: Asked, room: RoomId) -> CamerasAnswer:
    """Take the cameras: they do not follow the floor until they are released."""
    await asked.controller.desk.obey(HoldCameras(actor=asked.actor, room=room))
    return _answer(asked.controller, room)


@router.post("/cameras/release", status_code=202, dependencies=[operate_devices])
async def release(asked: Asked, room: RoomId) -> CamerasAnswer:
    """Let the cameras follow the floor again."""
    await asked.controller.desk.obey(ReleaseCameras(actor=asked.actor, room=room))
    return _answer(asked.controller, room)


@router.post(
    "/shots",
    status_code=202,
    dependencies=[operate_devices],
    responses=documented(400, 409, 413, 415, 422, 502, 504),
)
async def store(asked: Asked, room: RoomId, shot: ShotAsked) -> CamerasAnswer:
    """Have a camera keep its present shot for a seat."""
    await asked.controller.desk.obey(
        StoreShot(
            actor=asked.actor,
            room=room,
            seat=shot.seat,
            camera=shot.camera,
            preset=shot.preset,
        )
    )
    return _answer(asked.controller, room)


@router.delete(
    "/shots/{camera}/{seat}", status_code=202, dependencies=[operate_devices], responses=documented(422)
)
async def forget(asked: Asked, room: RoomId, camera: Camera, seat: Seat) -> CamerasAnswer:
    """Use a stored shot no more; the configuration's table is used instead."""
    command = ForgetShot(actor=asked.actor, room=room, seat=seat, camera=camera)
    await asked.controller.desk.obey(command)
    return _answer(asked.controller, room)


def _answer(controller: Controller, room: str) -> CamerasAnswer:
    framing = controller.framings.get(room)
    return CamerasAnswer(
        room=room,
        cameras=[state.id for state in controller.house.in_room(room, "Camera")],
        held=framing.held,
        held_by=framing.held_by,
        held_until=framing.held_until,
        shots=[
            StoredAnswer(seat=one.seat, camera=one.camera, preset=one.preset)
            for one in sorted(framing.shots, key=lambda one: (one.seat, one.camera))
        ],
    )
