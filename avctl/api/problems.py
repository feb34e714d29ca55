"""Errors as ``application/problem+json`` (RFC 9457); the one place that knows which error is which status."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from avctl import errors
from avctl.store.engine import cause_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUSES: Mapping[type[errors.AvctlError], int] = {
    errors.BadArgument: 422,
    errors.Unsupported: 422,
    errors.NotLoggedIn: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.Rejected: 409,
    errors.TooManyTries: 429,
    errors.AuthRefused: 502,
    errors.ProtocolError: 502,
    errors.LinkError: 504,
    errors.NoAnswer: 504,
    errors.DeviceError: 502,
    errors.AvctlError: 500,
}
"""The nearest class in an error's ancestry decides."""

EXPLAINED: Mapping[int, str] = {
    400: "The request cannot be read: not UTF-8, not JSON, or with values no text may have.",
    401: "Nobody is logged in, or the log-in has ended.",
    403: "This role may not do it, or the CSRF header is missing.",
    404: "There is no such thing.",
    405: "This address does not take this method; `Allow` names those it takes.",
    409: "Right request, wrong moment; or the device said no, and `code` is its own word for it.",
    412: "Somebody changed it meanwhile: `current` is how it stands, `changed` who changed what.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not declared as application/json.",
    422: "A value is wrong; `errors` names each field and what was expected.",
    429: "Too many attempts; `Retry-After` says how many seconds to wait.",
    500: "A fault of avctl itself; its log says more.",
    502: "The device answered something that makes no sense.",
    503: "avctl cannot do its work; `detail` says what is wrong.",
    504: "The device did not answer, or did not do in time what it confirmed.",
}


class Fault(BaseModel):
    """One wrong value."""

    field: str = Field(description="Where it stands, such as `agenda.0.title`.", examples=["room"])
    expected: str = Field(description="What was expected there.", examples=["one of plenary, committee"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 says it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "detail": "a session that is closed cannot be opened",
                "instance": "/api/v1/sessions/20270211-3f9a1c/open",
            }
        }
    )

    type: str = Field("about:blank", description="Always `about:blank`: the status says which kind it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, for a person.")
    instance: str = Field(description="The address that was asked.")
    code: str | None = Field(None, description="The device's own word for its refusal.")
    errors: list[Fault] | None = Field(None, description="Every wrong value.")
    clashes: list[dict[str, Any]] | None = Field(None, description="What is taken, and by which sessions.")
    current: dict[str, Any] | None = Field(None, description="How it stands now.")
    changed: list[dict[str, Any]] | None = Field(None, description="Who changed which fields meanwhile.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that can answer these problems."""
    return {
        status: {
            "description": EXPLAINED[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem(
    instance: str,
    status: int,
    detail: str = "",
    *,
    code: str = "",
    faults: Iterable[Fault] = (),
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """The answer that tells of a problem."""
    said = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail or EXPLAINED.get(status, HTTPStatus(status).description),
        instance=instance,
        code=code or None,
        errors=list(faults) or None,
        **more,
    )
    return JSONResponse(
        said.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def of_error(instance: str, error: errors.AvctlError) -> JSONResponse:
    """The answer to an error that avctl raised on purpose."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    headers: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()
    more: dict[str, Any] = {}
    match error:
        case errors.BadArgument():
            faults = (Fault(field=error.field, expected=error.expected),)
        case errors.Clashing():
            more = {"clashes": [dict(one) for one in error.clashes]}
        case errors.Stale():
            more = {"current": _plain(error.current), "changed": [dict(one) for one in error.changed]}
        case errors.TooManyTries():
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
        case errors.NotLoggedIn():
            headers["WWW-Authenticate"] = "Bearer"
    if status >= 500:
        log.warning("%s: %s", instance, error)
    code = error.code if isinstance(error, errors.Rejected) else ""
    return problem(instance, status, str(error), code=code, faults=faults, headers=headers, **more)


def _plain(thing: Any) -> Any:
    return TypeAdapter(type(thing)).dump_python(thing, mode="json")


def install(app: FastAPI) -> None:
    """Make every refusal of the application a problem; ``answers`` does the same for a bug."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, errors.AvctlError)
        return of_error(request.url.path, error)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [_fault(fault) for fault in error.errors()]
        return problem(request.url.path, 422, faults=faults)

    async def spoken(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        detail = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail
        return problem(request.url.path, error.status_code, detail, headers=error.headers)

    async def unwritten(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s: the record cannot be used: %s", request.method, request.url.path, cause_of(error))
        return problem(request.url.path, 503, "the record cannot be used at the moment")

    app.add_exception_handler(errors.AvctlError, refused)
    app.add_exception_handler(SQLAlchemyError, unwritten)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, spoken)


def _fault(error: Mapping[str, Any]) -> Fault:
    """One value that pydantic refused; people know fields, not "body", "query" or "path"."""
    place, expected = error["loc"], error["msg"].removeprefix("Value error, ")
    field = ".".join(map(str, place[1:]))
    if not field and error["type"] == "value_error" and ": " in expected:
        field, _, expected = expected.partition(": ")  # a rule over several fields names the one to change
    return Fault(field=field or str(place[0]), expected=expected)
