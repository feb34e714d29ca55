"""The pages: what is read. Buttons and forms are in ``forms``, ``booking``, ``doorstep`` and ``people``."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request, Response

from avctl.errors import NotFound
from avctl.model.account import Act
from avctl.model.session import Phase
from avctl.services.controller import Controller
from avctl.services.doors import Visitor
from avctl.services.reach import Reach
from avctl.services.votes import visible
from avctl.store.records import Filter
from dashboards import (
    account,
    bodies,
    booking,
    doorstep,
    forms,
    importing,
    lobbying,
    people,
    players,
    playlists,
    queuepages,
    rolls,
    seats,
    shelf,
    streams,
    television,
    views,
)
from dashboards import schedule as schedule_
from dashboards.front import Front
from dashboards.happened_words import HAPPENED
from dashboards.house import has_recording, public
from dashboards.lines import event_of, line_of
from dashboards.room import room_of, room_title
from dashboards.words import _

LINES = 200
# Readings come by the second and drown what people did; ?kind=ReadingsChanged shows them.
TOLD = tuple(name for name in HAPPENED if name != "ReadingsChanged")


def mount(app: FastAPI, controller: Controller) -> None:
    """Put the pages on an application."""
    front = Front(controller)
    # What has a word of its own in its address goes before the sessions, which are any word.
    schedule = (schedule_.router, importing.router, bodies.router, booking.router)
    # What has a word of its own in its address goes before the screens of rooms, too.
    parts = (
        *(queuepages.router, players.router, lobbying.router, shelf.router, playlists.router),
        *(router, streams.router, forms.router, rolls.router),
        *schedule,
        *(doorstep.router, account.router, people.router, seats.router, television.router),
    )
    for part in (*parts, nowhere):
        # As they are: include_router would read every signature a second time, at the first request.
        app.router.routes.extend(part(front).routes)


def nowhere(front: Front) -> APIRouter:
    """Addresses that lead to nothing; it comes last."""
    routes = front.router()

    @routes.get("/{path:path}")
    async def lost(path: str) -> Response:
        raise NotFound(f"there is nothing at /{path}")

    return routes


def router(front: Front) -> APIRouter:
    """What anybody, or anybody in the house, may read."""
    routes = front.router()
    controller = front.controller

    @routes.get("/static/{name:path}")
    async def static(request: Request, name: str) -> Response:
        return front.static.answer(name, request)

    @routes.get("/")
    async def home(request: Request) -> Response:
        visitor = await front.visitor(request)
        chrome = front.chrome(request, visitor, _("Broadcasts of sessions"), stream="/stream/home")
        topics = front.topics(chrome.language, None, (("home", ""),))
        return front.answer("home", views.Page(chrome=chrome, parts=front.texts(topics)))

    @routes.get("/watch/{session}")
    async def watch(request: Request, session: str) -> Response:
        return await player("watch", request, await front.visitor(request), session)

    @routes.get("/embed/{session}")
    async def embed(request: Request, session: str) -> Response:
        return await player("embed", request, None, session)

    @routes.get("/watch/{session}/picture.jpg")
    async def picture(session: str) -> Response:
        found = controller.sessions.get(session)
        if not public(controller, found, "uk").on_air:
            raise NotFound("this session is not on air")
        return _picture(controller, session, "public, max-age=5")

    async def player(template: str, request: Request, visitor: Visitor | None, session: str) -> Response:
        found = await controller.sessions.find(session)
        known = any(one.id == session for one in controller.sessions)
        stream = f"/stream/watch/{session}" if known else ""
        chrome = front.chrome(request, visitor, found.title, stream=stream)
        over = found.phase in (Phase.CLOSED, Phase.PUBLISHED)
        recorded = over and has_recording(controller, found)
        chapters = controller.broadcasts.folder(session) / "archive" / "chapters.vtt"
        votes = [one for one in await controller.votes.of(session) if visible(found, one, None)]
        topics = front.topics(chrome.language, None, (("now", session),) if known else ())
        page = views.WatchPage(
            chrome=chrome,
            parts=front.texts(topics),
            session=public(controller, found, chrome.language),
            live="" if over else f"/live/{session}/master.m3u8",
            recording=f"/archive/{session}/video.mp4" if recorded else "",
            chapters=f"/archive/{session}/chapters.vtt" if recorded and chapters.is_file() else "",
            votes=f"/votes/{session}" if votes else "",
        )
        return front.answer(template, page, framed=template == "embed")

    @routes.get("/control")
    async def control(request: Request) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Control room"), dark=True, stream="/stream/control")
        who = visitor.account
        topics = front.topics(chrome.language, who.role, streams.control_parts(), who.rooms)
        return front.answer("control", views.Page(chrome=chrome, parts=front.texts(topics)))

    @routes.get("/control/multiview")
    async def multiview(request: Request) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Multiview"), dark=True, stream="/stream/multiview")
        who = visitor.account
        topics = front.topics(chrome.language, who.role, streams.multiview_parts(), who.rooms)
        return front.answer("multiview", views.Page(chrome=chrome, parts=front.texts(topics)))

    @routes.get("/control/{room}")
    async def one_room(request: Request, room: str) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        found = room_of(controller, room)
        await front.diary.fill()
        title = room_title(found, front.language(request, visitor))
        chrome = front.chrome(request, visitor, title, dark=True, stream=f"/stream/control/{room}")
        who = visitor.account
        topics = front.topics(chrome.language, who.role, streams.room_parts(room), who.rooms)
        page = views.RoomPage(
            chrome=chrome,
            parts=front.texts(topics),
            room=room,
            title=title,
            preview=f"/control/{room}/preview.jpg",
            booking=booking.quick(front, visitor, room=room, back=f"/control/{room}")
            if visitor.account.may(Act.BOOK_SESSIONS, room)
            else None,
            sound=controller.sounds.of(room) is not None,
        )
        return front.answer("room", page)

    @routes.get("/screens/{room}")
    async def screen(request: Request, room: str) -> Response:
        """A hall's wall. Who is logged in sees also what is not broadcast; nobody sees closed parts."""
        if players.is_player(controller, room):
            return players.page(front, request, room)
        found = room_of(controller, room)
        visitor = await front.visitor(request)
        title = room_title(found, front.language(request, visitor))
        chrome = front.chrome(request, visitor, title, dark=True, stream=f"/stream/screens/{room}")
        role = visitor.account.role if visitor else None
        topics = front.topics(chrome.language, role, (("screen", room),))
        answer = front.answer("screen", views.Page(chrome=chrome, parts=front.texts(topics)), framed=True)
        # Our own player may have it within: a wall of the lobby shows who speaks in the hall.
        answer.headers["Content-Security-Policy"] += "; frame-ancestors 'self'"
        return answer

    @routes.get("/control/{room}/preparation")
    async def sheet(request: Request, room: str) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        title = room_title(room_of(controller, room), front.language(request, visitor))
        chrome = front.chrome(request, visitor, title, stream=f"/stream/control/{room}/preparation")
        who = visitor.account
        topics = front.topics(chrome.language, who.role, streams.sheet_parts(room), who.rooms)
        page = views.PreparationPage(chrome=chrome, parts=front.texts(topics), room=room, title=title)
        return front.answer("preparation", page)

    @routes.get("/control/{room}/preview.jpg")
    async def preview(request: Request, room: str) -> Response:
        await front.allowed(request, Act.SEE_CONTROL)
        session = controller.sessions.in_room(room_of(controller, room).id)
        if session is None:
            return Response(status_code=204)
        return _picture(controller, session.id, "private, no-store")

    @routes.get("/control/{room}/sources/{source}.jpg")
    async def source(request: Request, room: str, source: str) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        session = controller.sessions.in_room(room_of(controller, room).id)
        if source not in {state.id for state in controller.house.in_room(room)}:
            raise NotFound("there is no such source in this room")
        if session is None:
            return Response(status_code=204)
        if controller.broadcasts.hidden(session.id):
            visitor.account.must_be_allowed(Act.CLOSE_PARTS)
        return _picture(controller, session.id, "private, no-store", f"source-{source}.jpg")

    @routes.get("/alerts")
    async def alerts(request: Request) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Alerts"), dark=True, stream="/stream/alerts")
        who = visitor.account
        topics = front.topics(chrome.language, who.role, (("alerts", ""),), who.rooms)
        return front.answer("alerts", views.Page(chrome=chrome, parts=front.texts(topics)))

    @routes.get("/journal")
    async def journal(
        request: Request, before: int | None = None, actor: str = "", kind: str = ""
    ) -> Response:
        visitor = await front.allowed(request, Act.SEE_JOURNAL)
        which = Filter(kinds=(kind,) if kind else TOLD, actor=actor)
        rows = await controller.journal.page(before, LINES, which)
        lines = []
        reach = Reach(controller, visitor.account)
        for row in filter(reach.has, rows):
            event = event_of(row)
            if event is None:
                line = views.Line(
                    number=row.number, at=row.at, actor=row.actor, subject=row.subject, word=row.kind
                )
            else:
                line = line_of(controller, event, visitor.account.role)
            lines.append(line)
        asked = {name: value for name, value in (("actor", actor), ("kind", kind)) if value}
        older = urlencode({"before": rows[-1].number, **asked}) if len(rows) == LINES else ""
        chrome = front.chrome(request, visitor, _("Journal"))
        return front.answer(
            "journal",
            views.JournalPage(chrome=chrome, lines=tuple(lines), older=older and f"/journal?{older}"),
        )

    return routes


def _picture(controller: Controller, session: str, cache: str, name: str = "preview.jpg") -> Response:
    """The programme picture, with its age; 204 while there is none yet."""
    path = controller.broadcasts.folder(session) / name
    try:
        body = path.read_bytes()
        taken = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return Response(status_code=204)
    headers = {"Cache-Control": cache, "X-Taken": taken.isoformat(timespec="milliseconds")}
    return Response(body, media_type="image/jpeg", headers=headers)
