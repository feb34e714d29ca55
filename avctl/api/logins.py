"""Logging in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from avctl.api.asking import Asked, controller_of
from avctl.api.problems import documented
from avctl.model.account import LONGEST_NAME, LONGEST_PASSWORD, Act, Role
from avctl.services.doors import address_of, cookie_of, forget_cookie, set_cookie

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST_PASSWORD)]


class Credentials(BaseModel):
    """Who somebody says to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "technician", "password": "correct horse battery staple"}},
    )

    name: Name
    password: Password


class Welcome(BaseModel):
    """Who is logged in."""

    name: str
    role: Role
    csrf: str = Field(description="Goes into `X-CSRF-Token` of state-changing calls; empty for an API token.")


class Me(Welcome):
    """Who asks, and what this role may do."""

    may: list[Act] = Field(description="The acts of the role.")
    language: str = Field(description="The language chosen on the pages; empty for the site's own.")


router = APIRouter(prefix="/api/v1", tags=["people"])


@router.post("/login", responses=documented(400, 401, 413, 415, 422, 429))
async def login(request: Request, response: Response, credentials: Credentials) -> Welcome:
    """Log in: sets the cookie and gives the CSRF token. Too many wrong tries are answered with 429."""
    controller = controller_of(request)
    entered = await controller.accounts.log_in(
        credentials.name, credentials.password.get_secret_value(), address_of(request)
    )
    set_cookie(response, controller.config.web, entered.cookie)
    response.headers["Cache-Control"] = "no-store"
    return Welcome(name=entered.account.name, role=entered.account.role, csrf=entered.csrf)


@router.post("/logout", status_code=204, responses=documented(401, 403))
async def logout(request: Request, asked: Asked) -> Response:
    """Log out: the cookie is worth nothing any more. An API token stays."""
    if asked.visitor.csrf:
        await asked.controller.accounts.log_out(cookie_of(request))
    response = Response(status_code=204)
    forget_cookie(response, asked.controller.config.web)
    return response


@router.get("/me", responses=documented(401))
async def me(asked: Asked) -> Me:
    """Who asks, and what this role may do."""
    account = asked.account
    return Me(
        name=account.name,
        role=account.role,
        csrf=asked.visitor.csrf,
        may=[act for act in Act if account.may(act)],
        language=account.language,
    )
