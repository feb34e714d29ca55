"""The application: every route under one roof. ``avctl.main`` mounts the pages beside it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from avctl.api import (
    alerts,
    blackouts,
    bookings,
    broadcasts,
    building,
    calendars,
    cameras,
    devices,
    documentation,
    events,
    health,
    imports,
    journal,
    lobby,
    logins,
    media,
    participants,
    preparations,
    problems,
    queues,
    running,
    sessions,
    sitters,
    sound,
    uploads,
    votes,
)
from avctl.api.answers import Answers
from avctl.api.bodies import Bodies
from avctl.api.health import Metrics
from avctl.api.once import Once
from avctl.services.controller import Controller

ROUTERS: tuple[APIRouter, ...] = (
    logins.router,
    devices.router,
    cameras.router,
    sessions.router,
    running.router,
    votes.router,
    participants.router,
    sound.router,
    queues.router,
    preparations.router,
    bookings.router,
    sitters.router,
    imports.router,
    calendars.router,
    broadcasts.router,
    lobby.router,
    uploads.router,
    blackouts.router,
    building.router,
    alerts.router,
    events.router,
    journal.router,
    media.router,
    health.router,
    documentation.router,
)

DESCRIPTION = """Everything a control room does, for programs.

Log in with `POST /api/v1/login` (a cookie; state-changing calls then need the header `X-CSRF-Token`), or send
an API token as `Authorization: Bearer`. Every error is `application/problem+json` (RFC 9457). Moments are
ISO 8601 with an offset. What changes is told at once by `GET /api/v1/events`.
"""

TAGS = [
    {"name": "sessions", "description": "Sittings: booked, prepared, run and ended."},
    {
        "name": "preparation",
        "description": "Rooms made ready and proven, and what they are known to be good with.",
    },
    {"name": "broadcasts", "description": "Programmes: what is wanted of them, and what they are."},
    {"name": "votes", "description": "Votes of a session: opened, counted, decided, and who voted what."},
    {"name": "devices", "description": "What stands in the rooms."},
    {"name": "queue", "description": "The visitors' queue: who waits, and where people are served."},
    {"name": "screens", "description": "Walls, kiosks, infoboxes: what they show, emergencies, content."},
    {"name": "building", "description": "The air raid, the mains, announced blackouts."},
    {"name": "alerts", "description": "What a person must see."},
    {"name": "events", "description": "Everything that happens, as it happens."},
    {"name": "journal", "description": "Everything that happened."},
    {"name": "people", "description": "Logging in and out."},
    {"name": "media", "description": "Pictures and sound."},
    {"name": "health", "description": "Whether avctl can do its work."},
]


def create_app(controller: Controller) -> FastAPI:
    """The application over a controller. It owns no lifetime: the controller runs before and after it."""
    app = FastAPI(
        title="avctl",
        version=version("avctl"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.controller = controller
    app.state.once = Once()
    app.state.metrics = Metrics(controller)
    problems.install(app)
    for router in ROUTERS:
        _take_over(app, router)
    app.add_api_route("/api/{rest:path}", _nothing_here, methods=METHODS, include_in_schema=False)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    app.add_middleware(Bodies)
    app.add_middleware(Answers, metrics=app.state.metrics)
    return app


def _take_over(app: FastAPI, router: APIRouter) -> None:
    """Put a router's routes on the application as they are.

    ``include_router`` would read every signature a second time, at the first request: half a second in which
    nobody is answered.
    """
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.unique_id = f"{route.tags[0] if route.tags else 'avctl'}-{route.name}"
        app.router.routes.append(route)


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _nothing_here(request: Request) -> Response:
    """Pages are mounted behind the API: without this, a wrong address of it would be answered by a page."""
    behind = [route for route in request.app.routes if route is not request.scope.get("route")]
    allowed = [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in behind)
    ]
    if allowed:
        return problems.problem(request.url.path, 405, headers={"Allow": ", ".join(allowed)})
    return problems.problem(request.url.path, 404)


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the problem that every error is."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for left in ("HTTPValidationError", "ValidationError"):
            schemas.pop(left, None)
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        for path in document["paths"].values():
            for operation in path.values():
                _with_our_own(operation["responses"])
        app.openapi_schema = document
    return app.openapi_schema


def _with_our_own(responses: dict[str, Any]) -> None:
    """FastAPI documents its own 422 where we have not; and ``bodies`` may refuse any request."""
    ours = {str(status): said for status, said in problems.documented(400, 422).items()}
    responses.setdefault("400", ours["400"])
    if "application/json" in responses.get("422", {}).get("content", {}):
        responses["422"] = ours["422"]
