"""What screens load: our player, its files, and the page of an emergency. No log-in, no chrome."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from avctl.errors import NotFound
from avctl.events import EmergencyEvent, Event, LobbyEvent, SessionEvent, now
from avctl.model.account import Act
from avctl.model.playing import Content, ContentKind, Shown
from avctl.services.controller import Controller
from dashboards import views
from dashboards.front import Front
from dashboards.streams import stream
from dashboards.words import _

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self' http: https:; media-src 'self' blob: http: https:; worker-src 'self' blob:; "
    "frame-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
GATHER = 0.05  # seconds in which changes are gathered
BEAT = 15.0  # seconds after which a silent line is used all the same
FILES = "/screens/files/"


def is_player(controller: Controller, name: str) -> bool:
    """Whether a name is that of a screen with our player, not of a hall."""
    return name in controller.house and "Pages" in controller.house.state(name).capabilities


def page(front: Front, request: Request, screen: str) -> Response:
    """A screen's own page: everything else comes by its programme."""
    title = front.controller.house.state(screen).title
    shown = views.PlayerPage(chrome=front.chrome(request, None, title, dark=True), screen=screen)
    answer = front.answer("player", shown, framed=True)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


def router(front: Front) -> APIRouter:
    """The player's own addresses."""
    routes = front.router()
    controller = front.controller
    waiting: set[asyncio.Event] = set()

    def changed(event: Event) -> None:
        for news in waiting if not event.transient else ():
            news.set()

    controller.bus.listen(changed, LobbyEvent, EmergencyEvent, SessionEvent)

    @routes.get("/screens/worker.js")
    async def worker(request: Request) -> Response:
        """The player's service worker: it may only serve what is below its own address."""
        answer = front.static.answer("worker.js", request)
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    @routes.get("/screens/emergency")
    async def emergency(request: Request) -> Response:
        chrome = front.chrome(request, None, _("Emergency"), dark=True, stream="/stream/screens/emergency")
        topics = front.topics(controller.config.site.language, None, (("emergency", ""),))
        shown = views.Page(chrome=chrome, parts=front.texts(topics))
        answer = front.answer("emergency", shown, framed=True)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    @routes.get("/stream/screens/emergency")
    async def emergency_stream() -> Response:
        topics = front.topics(controller.config.site.language, None, (("emergency", ""),))
        return stream(front.live.watch(topics))

    @routes.get("/screens/files/{name}")
    async def file(request: Request, name: str) -> Response:
        path, media = controller.lobby.file(name)
        if not controller.lobby.public(name):
            await front.allowed(request, Act.SEE_CONTROL)  # a preview of what nobody has approved yet
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(path, media_type=media, headers=headers)

    @routes.get("/screens/{screen}/programme.json")
    async def programme(screen: str) -> Response:
        known(screen)
        return JSONResponse(programme_of(controller, screen), headers={"Cache-Control": "no-store"})

    @routes.get("/screens/{screen}/changes")
    async def changes(screen: str) -> Response:
        """Says that there is something new; the player then asks for its programme."""
        known(screen)
        return stream(news())

    def known(screen: str) -> None:
        if not is_player(controller, screen):
            raise NotFound(f"there is no screen {screen!r}")

    async def news() -> AsyncIterator[bytes]:
        mine = asyncio.Event()
        waiting.add(mine)
        try:
            while True:
                yield f"event: changed\ndata: {controller.bus.last_number}\n\n".encode()
                try:
                    async with asyncio.timeout(BEAT):
                        await mine.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(GATHER)
                mine.clear()
        finally:
            waiting.discard(mine)

    return routes


def programme_of(controller: Controller, screen: str) -> Mapping[str, Any]:
    """All a player needs to go on by itself."""
    settings = controller.config.lobby
    lists = controller.lobby.lists_of(screen)
    memorial = screen in controller.lobby.memorials()
    order = controller.everywhere.state.shown
    emergency = order is not None and (order.kind == "air_raid" or not memorial)
    silent = settings.silence_seconds and (memorial or settings.silence_everywhere)
    return {
        "screen": screen,
        "zone": controller.config.site.timezone,
        "now": now().isoformat(timespec="milliseconds"),
        "emergency": "/screens/emergency" if emergency else "",
        "silence": {"at": settings.silence_at, "seconds": settings.silence_seconds} if silent else None,
        "free": sorted(controller.lobby.free()),
        "lists": [_list(controller, one) for one in lists],
    }


def _list(controller: Controller, shown: Shown) -> Mapping[str, Any]:
    return {
        "id": shown.id,
        "rank": shown.rank,
        "hours": json.loads(shown.hours.model_dump_json()),
        "places": [
            {
                "id": place.content.id,
                "version": place.content.version,
                "kind": place.content.kind.value,
                "title": place.content.title,
                "seconds": place.seconds,
                "url": address_of(place.content),
                "room": place.content.room,
                "people": [
                    {
                        "name": person.name,
                        "dates": person.dates,
                        "words": person.words,
                        "portrait": _portrait(controller, person.portrait),
                    }
                    for person in place.content.people
                ],
            }
            for place in shown.places
        ],
    }


def address_of(content: Content) -> str:
    """Where a player finds a content."""
    if content.file is not None:
        return FILES + content.file.name
    if content.kind is ContentKind.HALL:
        return f"/screens/{content.room}"
    return "/screens/queue" if content.kind is ContentKind.QUEUE else content.url


def _portrait(controller: Controller, content: str) -> str:
    found = controller.lobby.current(content) if content else None
    return address_of(found) if found is not None else ""
