"""The lobby's page and what its buttons ask for: emergencies, pictures of screens, blackouts, suggestions."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from avctl.commands import Command
from avctl.commands.building import (
    DismissSuggestion,
    KeepBlackout,
    LiftEmergency,
    RemoveBlackout,
    ShowEmergency,
)
from avctl.errors import BadArgument, NotFound
from avctl.model.account import Act
from avctl.model.emergency import KINDS
from dashboards import streams, views
from dashboards.forms import NUMBER
from dashboards.front import Front
from dashboards.schedule import moment
from dashboards.words import _


def router(front: Front) -> APIRouter:
    """The page, its picture of each screen, and its acts."""
    routes = front.router()
    controller = front.controller

    @routes.get("/lobby")
    async def lobby(request: Request) -> Response:
        return await page(request)

    async def page(request: Request, fault: str = "") -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Lobby and screens"), dark=True, stream="/stream/lobby")
        topics = front.topics(
            chrome.language, visitor.account.role, streams.lobby_parts(), visitor.account.rooms
        )
        shown = views.LobbyPage(
            chrome=chrome,
            parts=front.texts(topics),
            may_plan=visitor.account.may(Act.FILL_SCREENS),
            zone=controller.config.site.timezone,
            fault=fault,
        )
        return front.answer("lobby", shown, 422 if fault else 200)

    @routes.get("/lobby/screens/{device}/picture")
    async def picture(request: Request, device: str) -> Response:
        await front.allowed(request, Act.SEE_CONTROL)
        found = await controller.pictures.of(device)
        headers = {"Cache-Control": "no-store", "X-Taken": found.taken_at.isoformat(timespec="milliseconds")}
        return Response(found.data, media_type=found.media_type, headers=headers)

    @routes.post("/lobby/emergency/{kind}")
    async def show(request: Request, kind: str) -> Response:
        actor = await front.asked(request, Act.SHOW_EMERGENCIES)
        values = await front.form(request)
        text = values.get("text", "") if kind != KINDS[0] else ""
        title = values.get("title", "") if kind != KINDS[0] else ""
        return await obeyed(ShowEmergency(actor=actor, kind=kind, title=title, text=text))

    @routes.post("/lobby/emergency/{kind}/end")
    async def lift(request: Request, kind: str) -> Response:
        actor = await front.asked(request, Act.SHOW_EMERGENCIES)
        return await obeyed(LiftEmergency(actor=actor, kind=kind))

    @routes.post("/alarm/suggestions/{session}/dismiss")
    async def dismiss(request: Request, session: str) -> Response:
        actor = await front.asked(request, Act.RUN_SESSIONS)
        return await obeyed(DismissSuggestion(actor=actor, session=session))

    @routes.post("/lobby/blackouts")
    async def keep_blackout(request: Request) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
        zone = controller.config.site.zone
        try:
            details = {
                name: moment(values.get(name, ""), name, zone).isoformat()
                for name in ("begins_at", "ends_at")
            }
            details["note"] = values.get("note", "").strip()
            await controller.desk.obey(KeepBlackout(actor=actor, details=details))
        except BadArgument:
            return await page(request, _("The end must be later than the beginning, by at most 7 days."))
        return RedirectResponse("/lobby#blackouts", 303)

    @routes.post("/lobby/blackouts/import")
    async def bring_blackouts(request: Request) -> Response:
        await front.allowed(request, Act.FILL_SCREENS)
        try:
            data, values = await front.file(request)
            actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
            await controller.blackout_imports.take(data, actor)
        except BadArgument as refusal:
            return await page(request, refusal.expected)
        return RedirectResponse("/lobby#blackouts", 303)

    @routes.post("/lobby/blackouts/{blackout}/remove")
    async def remove_blackout(request: Request, blackout: str) -> Response:
        actor = await front.asked(request, Act.FILL_SCREENS)
        return await obeyed(RemoveBlackout(actor=actor, blackout=blackout))

    async def obeyed(command: Command) -> Response:
        await controller.desk.obey(command)
        return Response(status_code=204, headers={NUMBER: str(controller.bus.last_number)})

    @routes.get("/stream/banner")
    async def banner(request: Request) -> Response:
        """For pages that have no stream of their own."""
        visitor = await front.visitor(request)
        if visitor is None:
            raise NotFound("there is nothing to tell")
        language = front.language(request, visitor)
        topics = front.topics(language, visitor.account.role, (("banner", ""),), visitor.account.rooms)
        return streams.stream(front.live.watch(topics, "", visitor.account.name))

    return routes
