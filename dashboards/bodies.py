"""Those who sit: the list, and how the sittings of each usually are."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from avctl.commands import KeepBody, RemoveBody
from avctl.errors import BadArgument, Conflict
from avctl.model.account import Act
from avctl.model.body import Body, BodyKind, Template
from avctl.model.booking import Kind, Policy
from dashboards import views
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.words import BODY_KINDS, KINDS, POLICIES, _

TEMPLATE = (
    "t_name",
    "t_title",
    "t_kind",
    "t_room",
    "t_clock",
    "t_minutes",
    "t_setup",
    "t_breakdown",
    "t_policy",
)
EMPTY: Mapping[str, str] = {
    **dict.fromkeys(("id", "name", "name_en", *TEMPLATE), ""),
    "kind": BodyKind.COMMITTEE.value,
    "t_kind": Kind.COMMITTEE.value,
    "t_policy": Policy.LIVE.value,
    "t_clock": "10:00",
    "t_minutes": "120",
    "t_setup": "0",
    "t_breakdown": "0",
}


def router(front: Front) -> APIRouter:
    """The list and its forms."""
    routes = front.router()
    controller = front.controller

    @routes.get("/schedule/bodies")
    async def bodies(request: Request, body: str = "") -> Response:
        values = dict(EMPTY)
        if body:
            found = controller.bodies.get(body)
            values |= {name: str(getattr(found, name)) for name in ("id", "name", "name_en", "kind")}
        return await page(request, values)

    @routes.post("/schedule/bodies")
    async def keep(request: Request) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.MANAGE_BODIES, values.get("csrf", ""))
        given = {**EMPTY, **values}
        known = next((one for one in controller.bodies if one.id == given["id"]), None)
        try:
            body = _body(given, known)
            await controller.desk.obey(KeepBody(actor=actor, details=body.model_dump(mode="json")))
        except BadArgument as refusal:
            return await page(request, given, {refusal.field: refusal.expected})
        except Conflict:
            return await page(request, given, {"name": _("There is a body of that name already.")})
        return RedirectResponse(
            f"/schedule/bodies?body={body.id}" if known is not None else "/schedule/bodies", 303
        )

    @routes.post("/schedule/bodies/{body}/remove")
    async def remove(request: Request, body: str) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.MANAGE_BODIES, values.get("csrf", ""))
        await controller.desk.obey(RemoveBody(actor=actor, body=body))
        return RedirectResponse("/schedule/bodies", 303)

    @routes.post("/schedule/bodies/{body}/templates/{number:int}/remove")
    async def remove_template(request: Request, body: str, number: int) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.MANAGE_BODIES, values.get("csrf", ""))
        found = controller.bodies.get(body)
        left = tuple(one for place, one in enumerate(found.templates) if place != number)
        details = found.model_copy(update={"templates": left}).model_dump(mode="json")
        await controller.desk.obey(KeepBody(actor=actor, details=details))
        return RedirectResponse(f"/schedule/bodies?body={body}", 303)

    async def page(
        request: Request, values: Mapping[str, str], faults: Mapping[str, str] | None = None
    ) -> Response:
        visitor = await front.allowed(request, Act.MANAGE_BODIES)
        chrome = front.chrome(request, visitor, _("Who sits"))
        rooms = [(room.id, room_title(room, chrome.language)) for room in controller.config.rooms]
        shown = views.BodiesPage(
            chrome=chrome,
            bodies=tuple(
                views.BodyRow(
                    id=body.id,
                    name=body.name,
                    name_en=body.name_en,
                    kind=BODY_KINDS[body.kind],
                    templates=tuple(template.name for template in body.templates),
                )
                for body in controller.bodies
            ),
            values=values,
            chosen=values["id"] if any(body.id == values["id"] for body in controller.bodies) else "",
            kinds=_choices(BODY_KINDS, values["kind"]),
            sitting_kinds=_choices(KINDS, values["t_kind"]),
            policies=_choices(POLICIES, values["t_policy"]),
            rooms=_choices({"": "–", **dict(rooms)}, values["t_room"]),
            faults=faults or {},
        )
        return front.answer("bodies", shown, 422 if faults else 200)

    return routes


def _body(values: Mapping[str, str], known: Body | None) -> Body:
    """The body of what was typed, with the template that was added; BadArgument names the field."""
    templates = [
        template.model_dump(mode="json") for template in (known.templates if known is not None else ())
    ]
    if values["t_name"].strip():
        added: dict[str, Any] = {
            "name": values["t_name"].strip(),
            "title": values["t_title"].strip(),
            "kind": values["t_kind"],
            "room": values["t_room"],
            "clock": values["t_clock"],
            "minutes": values["t_minutes"],
            "setup_minutes": values["t_setup"] or "0",
            "breakdown_minutes": values["t_breakdown"] or "0",
            "policy": values["t_policy"],
        }
        try:
            added = Template.model_validate(added).model_dump(mode="json")
        except ValidationError as fault:
            field = {"setup_minutes": "setup", "breakdown_minutes": "breakdown"}
            name = str(fault.errors()[0]["loc"][0])
            raise BadArgument(f"t_{field.get(name, name)}", _("Look at this value again.")) from fault
        templates = [one for one in templates if one["name"] != added["name"]] + [added]
    try:
        return Body.model_validate(
            {
                "id": values["id"].strip() or f"body-{secrets.token_hex(3)}",
                "name": values["name"].strip(),
                "name_en": values["name_en"].strip(),
                "kind": values["kind"],
                "templates": templates,
            }
        )
    except ValidationError as fault:
        name = str(fault.errors()[0]["loc"][0])
        said = (
            _("Small Latin letters, digits and hyphens.") if name == "id" else _("Look at this value again.")
        )
        raise BadArgument(name, said) from fault


def _choices(words: Mapping[Any, str], chosen: str) -> tuple[views.Choice, ...]:
    return tuple(views.Choice(value=one, word=word, chosen=one == chosen) for one, word in words.items())
