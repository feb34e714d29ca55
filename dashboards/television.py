"""/tv: every TV channel of the building with a picture a second."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from avctl.capabilities import Channel
from avctl.errors import NotFound
from avctl.model.account import Act
from dashboards import views
from dashboards.front import Front
from dashboards.streams import tv_parts
from dashboards.words import _


def router(front: Front) -> APIRouter:
    """The page and its pictures."""
    routes = front.router()
    controller = front.controller

    @routes.get("/tv")
    async def television(request: Request) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Television"), dark=True, stream="/stream/tv")
        topics = front.topics(chrome.language, visitor.account.role, tv_parts(), visitor.account.rooms)
        return front.answer("tv", views.Page(chrome=chrome, parts=front.texts(topics)))

    @routes.get("/tv/{device}/picture.jpg")
    async def picture(request: Request, device: str) -> Response:
        await front.allowed(request, Act.SEE_CONTROL)
        channel = controller.house.driver(device)
        if not isinstance(channel, Channel):
            raise NotFound(f"{device} is no channel")
        found = channel.picture()
        if found is None:
            return Response(status_code=204)
        data, taken = found
        headers = {"Cache-Control": "private, no-store", "X-Taken": taken.isoformat(timespec="milliseconds")}
        return Response(data, media_type="image/jpeg", headers=headers)

    return routes
