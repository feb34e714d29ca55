"""The sound of a room: its microphones and its programme at the mixer, and what a closed part silences."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.commands import MuteSound
from avctl.errors import NotFound
from avctl.model.account import Act
from avctl.services.controller import Controller


class StripAnswer(BaseModel):
    """A channel of the mixer."""

    channel: str = Field(description="Its number, 0 for the main output, or its name.", examples=["1"])
    name: str
    muted: bool | None = Field(description="null: not known.")
    level: float | None = Field(description="Its fader, in dB; null: at the very end, or not known.")


class SoundAnswer(BaseModel):
    """The sound of a room, as its mixer says. Meters are in `GET /api/v1/events?transient=true`."""

    room: str
    mixer: str | None = Field(description="Id of the mixer; null: the room has none.")
    online: bool
    microphones: list[StripAnswer]
    programme: list[StripAnswer]
    silenced: list[str] = Field(description="Channels that a closed part keeps silent.")


class Muting(BaseModel):
    """Whether something is to be silent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"muted": True}})

    muted: bool = Field(strict=True)


RoomId = Annotated[str, Path(max_length=63, description="Id of the room.", examples=["plenary"])]

router = APIRouter(prefix="/api/v1/rooms/{room}/sound", tags=["devices"], responses=documented(401, 403, 404))


@router.get("", dependencies=[allowed(Act.SEE_CONTROL)])
async def sound(asked: Asked, room: RoomId) -> SoundAnswer:
    """Microphones and programme at the room's mixer."""
    return _answer(asked.controller, room)


@router.put(
    "/{what}",
    dependencies=[allowed(Act.OPERATE_DEVICES)],
    responses=documented(400, 409, 413, 415, 422, 502, 504),
)
async def mute(
    asked: Asked, room: RoomId, what: Literal["microphones", "programme"], muting: Muting
) -> SoundAnswer:
    """Silence all microphones, or the programme, at the mixer; or let them sound again."""
    _must_be_room(asked.controller, room)
    await asked.controller.desk.obey(MuteSound(actor=asked.actor, room=room, what=what, on=muting.muted))
    return _answer(asked.controller, room)


def _must_be_room(controller: Controller, room: str) -> None:
    if room not in {one.id for one in controller.config.rooms}:
        raise NotFound(f"there is no room {room!r}")


def _answer(controller: Controller, room: str) -> SoundAnswer:
    _must_be_room(controller, room)
    sounds = controller.sounds
    known = sounds.of(room)

    def strips(what: str) -> list[StripAnswer]:
        return [
            StripAnswer(
                channel=channel,
                name=str(strip.get("name", "")),
                muted=strip.get("muted"),
                level=strip.get("level"),
            )
            for channel, strip in (sounds.strips(room, what).items() if known is not None else ())
        ]

    return SoundAnswer(
        room=room,
        mixer=known.mixer if known is not None else None,
        online=known is not None and controller.house.state(known.mixer).online,
        microphones=strips("microphones"),
        programme=strips("programme"),
        silenced=list(sounds.silenced(room)),
    )
