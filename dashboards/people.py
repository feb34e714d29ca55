"""People: who may log in. For administrators."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from avctl.errors import BadArgument, Conflict
from avctl.model.account import Act, Role
from dashboards import views
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.words import ROLES, _


def router(front: Front) -> APIRouter:
    """The list, and its forms."""
    routes = front.router()
    accounts = front.controller.accounts

    @routes.get("/people")
    async def people(request: Request) -> Response:
        return await page(request)

    @routes.post("/people")
    async def add(request: Request) -> Response:
        values, actor = await sent(request)
        password = secrets.token_urlsafe(12)
        try:
            role = Role(values.get("role", ""))
        except ValueError:
            return await page(request, values, {"role": _("Choose a role.")})
        try:
            added = await accounts.add(values.get("name", ""), role, password, actor=actor)
        except BadArgument:
            return await page(request, values, {"name": _("Enter a name of at most 64 characters.")})
        except Conflict:
            return await page(request, values, {"name": _("There is an account of that name already.")})
        return await page(request, password=password, password_of=added.name)

    @routes.post("/people/{name}/password")
    async def password(request: Request, name: str) -> Response:
        _values, actor = await sent(request)
        fresh = secrets.token_urlsafe(12)
        await accounts.set_password(name, fresh, actor=actor)
        if name == actor:
            return RedirectResponse("/login", 303)
        return await page(request, password=fresh, password_of=name)

    @routes.post("/people/{name}/disable")
    async def disable(request: Request, name: str) -> Response:
        _values, actor = await sent(request)
        if name == actor:
            raise Conflict("nobody can disable their own account")
        await accounts.disable(name, actor=actor)
        return RedirectResponse("/people", 303)

    @routes.post("/people/{name}/enable")
    async def enable(request: Request, name: str) -> Response:
        _values, actor = await sent(request)
        await accounts.enable(name, actor=actor)
        return RedirectResponse("/people", 303)

    @routes.post("/people/{name}/rooms")
    async def rooms(request: Request, name: str) -> Response:
        """The only rooms of a person; none ticked: all of them."""
        _values, actor = await sent(request)
        known = [room.id for room in front.controller.config.rooms]
        ticked = (await front.fields(request)).getlist("rooms")
        await accounts.set_rooms(name, tuple(room for room in known if room in ticked), actor=actor)
        return RedirectResponse("/people", 303)

    async def sent(request: Request) -> tuple[Mapping[str, str], str]:
        values = await front.form(request)
        return values, await front.asked(request, Act.MANAGE_PEOPLE, values.get("csrf", ""))

    async def page(
        request: Request,
        values: Mapping[str, str] | None = None,
        faults: Mapping[str, str] | None = None,
        *,
        password: str = "",
        password_of: str = "",
    ) -> Response:
        visitor = await front.allowed(request, Act.MANAGE_PEOPLE)
        language = front.language(request, visitor)
        given = {"name": "", "role": Role.TECHNICIAN.value, **(values or {})}
        rows = tuple(
            views.PersonRow(
                name=account.name,
                role=ROLES[account.role],
                disabled=account.disabled,
                since=account.created_at,
                self=account.name == visitor.account.name,
                rooms=tuple(
                    views.Choice(
                        value=room.id, word=room_title(room, language), chosen=room.id in account.rooms
                    )
                    for room in front.controller.config.rooms
                ),
            )
            for account in await accounts.all()
        )
        shown = views.PeoplePage(
            chrome=front.chrome(request, visitor, _("People")),
            people=rows,
            roles=tuple(
                views.Choice(value=role, word=ROLES[role], chosen=role == given["role"]) for role in Role
            ),
            values=given,
            faults=faults or {},
            password=password,
            password_of=password_of,
        )
        return front.answer("people", shown, 422 if faults else 200)

    return routes
