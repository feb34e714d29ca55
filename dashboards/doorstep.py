"""Coming in, going out, and the language of the pages."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from avctl.errors import Forbidden, NotFound, NotLoggedIn, TooManyTries
from avctl.services.doors import address_of, check_csrf, cookie_of, forget_cookie, set_cookie
from dashboards import views
from dashboards.front import Front
from dashboards.language import COOKIE, LANGUAGES
from dashboards.words import _

YEAR = 365 * 24 * 3600
HOME = "/control"


def local(address: str, otherwise: str) -> str:
    """The address when it leads to one of our own pages, else another one: nobody is sent elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return otherwise
    plain = address.isprintable() and "\\" not in address and not address.startswith("//")
    return (
        address if plain and address.startswith("/") and not parts.netloc and not parts.scheme else otherwise
    )


def must_be_ours(request: Request) -> None:
    """Forbidden when another site's page sent this form: before the log-in there is no token to prove it."""
    origin = request.headers.get("origin", "")
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Forbidden("this form was sent by another site")


def router(front: Front) -> APIRouter:
    """The door."""
    routes = front.router()
    controller, web = front.controller, front.controller.config.web

    @routes.get("/login")
    async def login(request: Request, next: str = HOME) -> Response:
        visitor = await front.visitor(request)
        if visitor is not None:
            return RedirectResponse(local(next, HOME), 303)
        return page(request, next)

    @routes.post("/login")
    async def log_in(request: Request) -> Response:
        must_be_ours(request)
        form = await front.form(request)
        name, password, back = (form.get(field, "") for field in ("name", "password", "next"))
        try:
            came_in = await controller.accounts.log_in(name, password, address_of(request))
        except NotLoggedIn:
            return page(request, back, 401, name=name, fault=_("Wrong name or password."))
        except TooManyTries as refusal:
            wait = max(1, math.ceil(refusal.retry_after / 60))
            return page(request, back, 429, name=name, fault=_("Too many attempts."), wait=wait)
        answer = RedirectResponse(local(back, HOME), 303)
        set_cookie(answer, web, came_in.cookie)
        return answer

    @routes.post("/logout")
    async def log_out(request: Request) -> Response:
        visitor = await front.visitor(request)
        if visitor is not None:
            form = await front.form(request)
            check_csrf(request, visitor, form.get("csrf", ""))
            await controller.accounts.log_out(cookie_of(request))
        answer = RedirectResponse("/login", 303)
        forget_cookie(answer, web)
        return answer

    @routes.get("/language/{code}")
    async def language(request: Request, code: str, next: str = "/") -> Response:
        if code not in LANGUAGES:
            raise NotFound(f"there is no language {code!r}")
        answer = RedirectResponse(local(next, "/"), 303)
        answer.set_cookie(COOKIE, code, max_age=YEAR, samesite="lax", secure=web.secure_cookies, path="/")
        return answer

    def page(
        request: Request, back: str, status: int = 200, *, name: str = "", fault: str = "", wait: int = 0
    ) -> Response:
        chrome = front.chrome(request, None, _("Staff log-in"))
        shown = views.LoginPage(chrome=chrome, name=name, next=local(back, HOME), fault=fault, wait=wait)
        answer = front.answer("login", shown, status)
        if wait:
            answer.headers["Retry-After"] = str(wait * 60)
        return answer

    return routes
