"""The live changes of each page, as server-sent events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from avctl.events import QuestionDecided
from avctl.model.account import Act
from dashboards.front import Front
from dashboards.room import devices_of, room_of

log = logging.getLogger(__name__)

UNREAD_SECONDS = 10.0  # a page that takes nothing for so long is let go; it comes back by itself
Parts = Iterable[tuple[str, str]]


class PageStream(EventSourceResponse):
    """A stream that lets a viewer go who no longer reads."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the viewer leaves, or is let go."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("a page took nothing for %d s and was let go", UNREAD_SECONDS)


def control_parts() -> Parts:
    """What /control is made of."""
    return ("strip", ""), ("tiles", "")


def multiview_parts() -> Parts:
    """What /control/multiview is made of."""
    return ("strip", ""), ("mosaic", "")


def tv_parts() -> Parts:
    """What /tv is made of."""
    return ("strip", ""), ("tv", "")


def room_parts(room: str) -> Parts:
    """What a room's page is made of."""
    own = (
        *("bar", "programme", "floor", "vote", "work", "preparation", "agenda"),
        *("cameras", "sound", "devices", "golden", "alerts", "log"),
    )
    return ("strip", ""), *((part, room) for part in own)


def sheet_parts(room: str) -> Parts:
    """What the page of a preparation is made of."""
    return (("sheet", room),)


def lobby_parts() -> Parts:
    """What /lobby is made of."""
    return ("strip", ""), ("lobby", ""), ("waiting", ""), ("tv", ""), ("mains", "")


def router(front: Front) -> APIRouter:
    """The streams."""
    routes = front.router()

    @routes.get("/stream/control")
    async def control(request: Request) -> Response:
        return await staff(request, control_parts(), "*")

    @routes.get("/stream/multiview")
    async def multiview(request: Request) -> Response:
        return await staff(request, multiview_parts(), "*")

    @routes.get("/stream/control/{room}")
    async def one_room(request: Request, room: str) -> Response:
        room_of(front.controller, room)
        single = (("device", device.id) for device in devices_of(front.controller, room))
        return await staff(request, (*room_parts(room), *single), room)

    @routes.get("/stream/control/{room}/preparation")
    async def sheet(request: Request, room: str) -> Response:
        room_of(front.controller, room)
        return await staff(request, sheet_parts(room))

    @routes.get("/stream/lobby")
    async def lobby(request: Request) -> Response:
        return await staff(request, lobby_parts())

    @routes.get("/stream/alerts")
    async def alerts(request: Request) -> Response:
        return await staff(request, (("alerts", ""),))

    @routes.get("/stream/tv")
    async def television(request: Request) -> Response:
        return await staff(request, tv_parts())

    @routes.get("/stream/home")
    async def home(request: Request) -> Response:
        return public(request, (("home", ""),))

    @routes.get("/stream/watch/{session}")
    async def watch(request: Request, session: str) -> Response:
        front.controller.sessions.get(session)
        return public(request, (("now", session),))

    @routes.get("/stream/screens/{room}")
    async def screen(request: Request, room: str) -> Response:
        room_of(front.controller, room)
        visitor = await front.visitor(request)
        account = visitor.account if visitor else None
        language = front.language(request, visitor)
        topics = front.topics(language, account.role if account else None, (("screen", room),))
        return stream(front.live.watch(topics, account=account.name if account else ""))

    def over(event: QuestionDecided) -> None:
        """A result leaves the screens after a while, without any event."""
        room = front.controller.sessions.get(event.session).room
        after = front.controller.config.voting.result_seconds + 0.1
        asyncio.get_running_loop().call_later(after, front.live.touch, "screen", room)

    front.controller.bus.listen(over, QuestionDecided)

    async def staff(request: Request, parts: Parts, meters: str = "") -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        language = front.language(request, visitor)
        who = visitor.account
        topics = front.topics(language, who.role, (*parts, ("banner", "")), who.rooms)
        return stream(front.live.watch(topics, meters, who.name))

    def public(request: Request, parts: Parts) -> Response:
        topics = front.topics(front.language(request, None), None, parts)
        return stream(front.live.watch(topics))

    return routes


def stream(messages: AsyncIterator[bytes]) -> PageStream:
    """Server-sent events of a page."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return PageStream(messages, ping=60, send_timeout=UNREAD_SECONDS, sep="\n", headers=headers)
