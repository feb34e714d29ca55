"""Those who sit: the council, its committees, the executive committee."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.commands import KeepBody, RemoveBody
from avctl.errors import BadArgument
from avctl.model.account import Act
from avctl.model.body import Body

BodyId = Annotated[str, Path(description="Id of the body.", max_length=63, examples=["council"])]

router = APIRouter(prefix="/api/v1/bodies", tags=["sessions"], responses=documented(401, 403))
manage = allowed(Act.MANAGE_BODIES)


@router.get("", dependencies=[allowed(Act.SEE_CONTROL)])
async def bodies(asked: Asked) -> list[Body]:
    """Everybody who sits, with the templates of their sessions."""
    return list(asked.controller.bodies)


@router.get("/{body}", dependencies=[allowed(Act.SEE_CONTROL)], responses=documented(404))
async def body(asked: Asked, body: BodyId) -> Body:
    """One of them."""
    return asked.controller.bodies.get(body)


@router.put("/{body}", dependencies=[manage], responses=documented(400, 409, 413, 415, 422))
async def keep(asked: Asked, body: BodyId, wanted: Body) -> Body:
    """Enter a body in the list, or change it whole."""
    if wanted.id != body:
        raise BadArgument("id", f"the id of the address, {body!r}")
    kept: Body = await asked.controller.desk.obey(
        KeepBody(actor=asked.actor, details=wanted.model_dump(mode="json"))
    )
    return kept


@router.delete("/{body}", status_code=204, dependencies=[manage], responses=documented(404))
async def remove(asked: Asked, body: BodyId) -> Response:
    """Take a body off the list; its sessions keep its name."""
    await asked.controller.desk.obey(RemoveBody(actor=asked.actor, body=body))
    return Response(status_code=204)
