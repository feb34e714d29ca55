"""One's own account: where one is told of what changes, and the private address of one's calendar."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from avctl.errors import BadArgument, NotLoggedIn
from avctl.model.account import Act
from avctl.services.doors import Visitor, check_csrf
from dashboards import views
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.words import _


def router(front: Front) -> APIRouter:
    """The page and its two forms."""
    routes = front.router()
    controller = front.controller

    @routes.get("/account")
    async def account(request: Request) -> Response:
        return await page(request, await somebody(request))

    @routes.post("/account/contact")
    async def contact(request: Request) -> Response:
        visitor, values = await asked(request)
        name = visitor.account.name
        try:
            await controller.contacts.set_contact(name, values.get("contact", ""), actor=name)
        except BadArgument as refusal:
            return await page(request, visitor, fault=refusal.expected)
        return RedirectResponse("/account", 303)

    @routes.post("/account/calendar")
    async def calendar(request: Request) -> Response:
        visitor, _values = await asked(request)
        name = visitor.account.name
        secret = await controller.contacts.renew_calendar(name, actor=name)
        address = f"{base(request)}/calendar/people/{secret}"
        return await page(request, visitor, address=address)

    async def somebody(request: Request) -> Visitor:
        visitor = await front.visitor(request)
        if visitor is None:
            raise NotLoggedIn("log in first")
        return visitor

    async def asked(request: Request) -> tuple[Visitor, dict[str, str]]:
        visitor, values = await somebody(request), await front.form(request)
        check_csrf(request, visitor, values.get("csrf", ""))
        return visitor, values

    def base(request: Request) -> str:
        return controller.config.web.url.rstrip("/") or str(request.base_url).rstrip("/")

    async def page(request: Request, visitor: Visitor, *, address: str = "", fault: str = "") -> Response:
        chrome = front.chrome(request, visitor, _("My account"))
        feeds = [("/calendar.ics", _("All sessions"))]
        feeds += [
            (f"/calendar/rooms/{room.id}.ics", room_title(room, chrome.language))
            for room in controller.config.rooms
        ]
        name = visitor.account.name
        shown = views.AccountPage(
            chrome=chrome,
            contact=name in await controller.contacts.of((name,)),
            address=address and f"{address}.ics",
            blackouts=f"{address}/blackouts.ics" if address and visitor.account.may(Act.SEE_CONTROL) else "",
            fault=fault,
            public=tuple(views.Choice(value=base(request) + path, word=word) for path, word in feeds),
        )
        return front.answer("account", shown, 422 if fault else 200)

    return routes
