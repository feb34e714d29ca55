"""What may be said to a runner over FOLDER/control.sock, one JSON object a line.

request  {"id": 1, "do": "show", "scene": "slate:break"}
answer   {"id": 1, "ok": true}  or  {"id": 1, "error": "scene: ..."}
pushed   {"event": "status", ...RunnerStatus...}      on connecting, on change, once a second
         {"event": "meters", "rms_db": [l, r], "peak_db": [l, r]}    ten times a second
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from avctl.errors import BadArgument

SOCKET_FILE = "control.sock"

SlateName = Literal[
    "starting", "break", "technical", "closed", "air_raid", "power", "sound", "released", "ended"
]
SLATES: tuple[SlateName, ...] = get_args(SlateName)

OverlayKind = Literal["live", "clock", "logo", "item", "vote", "lower_third"]
OVERLAYS: tuple[OverlayKind, ...] = get_args(OverlayKind)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int | str | None = None


class AskStatus(_Request):
    """Push the status now."""

    do: Literal["status"]


class Publish(_Request):
    """Let the public see the programme, and record it."""

    do: Literal["publish"]
    record: bool = True


class Record(_Request):
    """Record without publishing."""

    do: Literal["record"]


class Show(_Request):
    """Bring a scene into the programme: ``source:ID`` or ``slate:NAME``."""

    do: Literal["show"]
    scene: str = Field(pattern=r"^(source:.+|slate:(" + "|".join(SLATES) + r"))$")


class Restore(_Request):
    """Use the main feed of a source again, after its stand-in was taken."""

    do: Literal["restore"]
    source: str = Field(max_length=64)


class EnterClosed(_Request):
    """Begin a closed part: once answered, nothing of the hall is in any output, whatever is asked."""

    do: Literal["enter_closed"]


class LeaveClosed(_Request):
    """End the closed part: the wanted scene is seen again."""

    do: Literal["leave_closed"]


class NameSpeaker(_Request):
    """Put a name into the picture; an empty name takes it off."""

    do: Literal["lower_third"]
    name: str = Field(default="", max_length=200)
    role: str = Field(default="", max_length=200)


class ShowOverlay(_Request):
    """Show an overlay with its values, or take it off.

    item: number, title; vote: question, votes_for, votes_against, abstained, not_voted, and taken: yes, no,
    or empty while it is open. A council's own templates may want others.
    """

    do: Literal["overlay"]
    kind: Literal["item", "vote", "logo", "clock", "live"]
    show: bool = True
    values: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=1000)] | int] = Field(
        default_factory=dict, max_length=12
    )


class SlateTimes(_Request):
    """When slates are over: the planned start, the end of a break, the release. One left out is not known."""

    do: Literal["slate_times"]
    times: dict[SlateName, AwareDatetime] = Field(max_length=8)


class PlanEnd(_Request):
    """Move the planned end, after which a runner without a controller ends itself."""

    do: Literal["plan_end"]
    at: AwareDatetime


class End(_Request):
    """End the broadcast: last segments listed, recording closed, process gone."""

    do: Literal["end"]


Request = (
    AskStatus
    | Publish
    | Record
    | Show
    | Restore
    | EnterClosed
    | LeaveClosed
    | NameSpeaker
    | ShowOverlay
    | SlateTimes
    | PlanEnd
    | End
)

_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])


def parse_request(line: bytes) -> Request:
    """Understand one line, or raise ``BadArgument`` naming the field."""
    try:
        return _REQUEST.validate_json(line)
    except ValidationError as exc:
        fault = exc.errors()[0]
        # The union puts the verb in front of the field's name; alone it means that `do` itself is wrong.
        field = str(fault["loc"][-1]) if len(fault["loc"]) > 1 else "do"
        if fault["type"] == "json_invalid" or (not fault["loc"] and "union_tag" not in fault["type"]):
            field = "request"
        raise BadArgument(field, fault["msg"]) from exc


@contextmanager
def socket_path(folder: Path) -> Iterator[str]:
    """A short path to the folder's socket: an address holds 108 bytes, a folder's name may be longer."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{SOCKET_FILE}"
    finally:
        os.close(directory)
