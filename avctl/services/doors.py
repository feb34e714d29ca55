"""What API and pages share at the door: who comes in by cookie or token, and proof that a form is ours."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.responses import Response

from avctl.config import Web
from avctl.errors import Forbidden, NotFound
from avctl.model.account import Account
from avctl.services.controller import Controller

COOKIE = "avctl_login"
CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who is logged in. ``csrf`` is empty for an API token: no browser sends one by itself."""

    account: Account
    csrf: str = field(default="", repr=False)


async def visitor_of(request: HTTPConnection, controller: Controller) -> Visitor | None:
    """Who asks; None when nobody is logged in. A token goes before a cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        account = await controller.accounts.who_has(token.strip())
        return None if account is None else Visitor(account=account)
    cookie = cookie_of(request)
    login = await controller.accounts.who_is(cookie) if cookie else None
    return None if login is None else Visitor(account=login.account, csrf=login.csrf)


def check_csrf(request: HTTPConnection, visitor: Visitor, sent: str = "") -> None:
    """Forbidden, unless a state-changing request proves that one of our pages made it.

    ``sent`` is the hidden field of a form; without it, the header ``X-CSRF-Token`` counts.
    """
    proof = sent or request.headers.get(CSRF_HEADER, "")
    if visitor.csrf and not secrets.compare_digest(proof.encode(), visitor.csrf.encode()):
        raise Forbidden(f"the header {CSRF_HEADER} is missing or wrong")


async def room_asked(request: HTTPConnection, controller: Controller) -> str:
    """The room an address is about, by its own id or that of a session, device or counter; empty: none."""
    named = request.path_params
    room = str(named.get("room", ""))
    with suppress(NotFound):  # the route itself says so
        if not room and "session" in named:
            room = (await controller.sessions.find(str(named["session"]))).room
        elif not room and "device" in named:
            room = controller.house.state(str(named["device"])).room
        elif not room and "counter" in named:
            room = controller.house.state(controller.queues.counter(str(named["counter"])).device).room
    return room


def cookie_of(request: HTTPConnection) -> str:
    """The log-in's cookie; empty when there is none."""
    return request.cookies.get(COOKIE, "")


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from, for the throttle."""
    return request.client.host if request.client is not None else ""


def set_cookie(response: Response, web: Web, cookie: str) -> None:
    """Give the browser its log-in: out of reach of scripts and of other sites' forms."""
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=_secure(web), path="/")


def forget_cookie(response: Response, web: Web) -> None:
    """Take the log-in from the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_secure(web), path="/")


def _secure(web: Web) -> bool:
    return web.secure_cookies or web.url.startswith("https:")
