"""Who asks: what every route gets, and the one place where the API looks at a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from avctl.errors import NotLoggedIn
from avctl.model.account import Account, Act
from avctl.services.controller import Controller
from avctl.services.doors import COOKIE, Visitor, check_csrf, room_asked, visitor_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

cookie_scheme = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="cookie",
    description="Set by `POST /api/v1/login`; state-changing calls then need the header `X-CSRF-Token`.",
)
bearer_scheme = HTTPBearer(
    auto_error=False, scheme_name="token", description="An API token of a person; no CSRF header is needed."
)


def controller_of(request: Request) -> Controller:
    """The controller behind the door that was asked."""
    found: Controller = request.app.state.controller
    return found


async def visitor(
    request: Request,
    cookie: Annotated[str | None, Security(cookie_scheme)] = None,
    bearer: Annotated[Any, Security(bearer_scheme)] = None,
) -> Visitor:
    """Whoever is logged in; the CSRF header is asked for when a cookie would change something."""
    found = await visitor_of(request, controller_of(request))
    if found is None:
        raise NotLoggedIn("log in first")
    if request.method not in SAFE:
        check_csrf(request, found)
    return found


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A request of somebody who is logged in."""

    controller: Controller
    visitor: Visitor

    @property
    def account(self) -> Account:
        """The account that asks."""
        return self.visitor.account

    @property
    def actor(self) -> str:
        """The name under which the journal keeps what is asked."""
        return self.visitor.account.name


async def asking(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> Asking:
    """What every route behind a log-in gets."""
    return Asking(controller=controller_of(request), visitor=who)


Asked = Annotated[Asking, Depends(asking)]


def allowed(*acts: Act) -> Any:
    """A dependency: lets a request in only when its account may do one of these in the room it is about."""

    async def check(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> None:
        room = await room_asked(request, controller_of(request))
        if not any(who.account.may(act, room) for act in acts):
            who.account.must_be_allowed(acts[0], room)

    ask: Callable[[Request, Visitor], Awaitable[None]] = check
    return Depends(ask)
