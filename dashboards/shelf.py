"""The shelf: pages, pictures, videos, streams and memorials that screens can show, in versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from avctl.commands.building import (
    ApproveContent,
    KeepContent,
    RemoveContent,
)
from avctl.errors import BadArgument, Conflict
from avctl.model.account import Act
from avctl.model.playing import UPLOADED, Content, ContentKind, must_be_newest
from avctl.services.doors import Visitor
from dashboards import views
from dashboards.building_words import CONTENT_KINDS, of_screens
from dashboards.front import Front
from dashboards.lobby import kind_word
from dashboards.players import FILES, address_of
from dashboards.room import room_title
from dashboards.words import _

EMPTY: Mapping[str, str] = dict.fromkeys(("id", "title", "url", "room", "people", "version"), "")
CHUNK = 1024 * 1024
MB = 1_000_000
FORGIVEN = 8 * CHUNK


def router(front: Front) -> APIRouter:
    """The list and its form."""
    routes = front.router()
    controller = front.controller
    lobby = controller.lobby

    @routes.get("/lobby/contents")
    async def contents(request: Request, content: str = "", kind: str = "") -> Response:
        values, chosen = dict(EMPTY), content
        if content:
            values |= values_of(lobby.versions(content)[0])
            kind = lobby.versions(content)[0].kind.value
        return await page(request, values, kind=_kind(kind), chosen=chosen)

    @routes.post("/lobby/contents")
    async def keep(request: Request) -> Response:
        await front.allowed(request, Act.FILL_SCREENS)
        largest = controller.config.lobby.largest_mb * MB
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length[:20]) > largest + CHUNK:
            return await too_large(request)
        async with request.form(max_files=1, max_fields=20) as sent:
            values = {name: str(value) for name, value in sent.items() if isinstance(value, str)}
            actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
            given, kind = {**EMPTY, **values}, _kind(values.get("kind", ""))
            chosen = values.get("chosen", "")
            try:
                details = details_of(given, kind)
                newest = next((one for one in lobby if one.id == details["id"]), None)
                must_be_newest(newest, chosen, given["version"])
                upload = sent.get("file")
                if isinstance(upload, UploadFile) and upload.filename and kind in UPLOADED:
                    command = await lobby.bring(actor, details, upload.file)
                else:
                    command = KeepContent(actor=actor, details=details)
                kept = await controller.desk.obey(command)
            except BadArgument as refusal:
                faults = {refusal.field: refusal.expected}
                return await page(request, given, kind=kind, chosen=chosen, faults=faults)
            except Conflict as refusal:
                return await page(request, given, kind=kind, chosen=chosen, faults={"kept": str(refusal)})
        return RedirectResponse(f"/lobby/contents?content={kept.id}", 303)

    @routes.post("/lobby/contents/{content}/{version:int}/approve")
    async def approve(request: Request, content: str, version: int) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.APPROVE_CONTENT, values.get("csrf", ""))
        await controller.desk.obey(ApproveContent(actor=actor, content=content, version=version))
        return RedirectResponse(f"/lobby/contents?content={content}", 303)

    @routes.post("/lobby/contents/{content}/{version:int}/restore")
    async def restore(request: Request, content: str, version: int) -> Response:
        """An earlier version again, as the newest one."""
        values = await front.form(request)
        actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
        earlier = next((one for one in lobby.versions(content) if one.version == version), None)
        if earlier is not None:
            await controller.desk.obey(KeepContent(actor=actor, details=earlier.model_dump(mode="json")))
        return RedirectResponse(f"/lobby/contents?content={content}", 303)

    @routes.post("/lobby/contents/{content}/remove")
    async def remove(request: Request, content: str) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
        try:
            await controller.desk.obey(RemoveContent(actor=actor, content=content))
        except Conflict as refusal:
            shown = {**EMPTY, **values_of(lobby.versions(content)[0])}
            kind = lobby.versions(content)[0].kind
            return await page(request, shown, kind=kind, chosen=content, faults={"kept": str(refusal)})
        return RedirectResponse("/lobby/contents", 303)

    async def too_large(request: Request) -> Response:
        """The form again, once a little more was read: who is cut off while sending never reads why."""
        read = 0
        async for piece in request.stream():
            read += len(piece)
            if read > FORGIVEN:
                break
        chosen = request.query_params.get("content", "")
        known = next((one for one in lobby if one.id == chosen), None)
        values = {**EMPTY, **(values_of(known) if known is not None else {})}
        kind = known.kind if known is not None else _kind(request.query_params.get("kind", ""))
        faults = {"file": f"at most {controller.config.lobby.largest_mb} MB"}
        return await page(request, values, kind=kind, chosen=known.id if known else "", faults=faults)

    async def page(
        request: Request,
        values: Mapping[str, str],
        *,
        kind: ContentKind,
        chosen: str = "",
        faults: Mapping[str, str] | None = None,
    ) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("What screens can show"))
        rooms = {room.id: room_title(room, chrome.language) for room in controller.config.rooms}
        newest = next((one for one in lobby if one.id == chosen), None)
        file = newest.file if newest is not None else None
        shown = views.ShelfPage(
            chrome=chrome,
            contents=tuple(row(one) for one in lobby),
            kinds=tuple(
                views.Choice(value=one.value, word=CONTENT_KINDS[one.value], chosen=one is kind)
                for one in ContentKind
            ),
            rooms=tuple(
                views.Choice(value=one, word=word, chosen=one == values["room"])
                for one, word in rooms.items()
            ),
            values=values,
            chosen=chosen,
            version=newest.version if newest is not None else 0,
            kind=kind.value,
            preview=FILES + file.name if file is not None else "",
            media=file.media_type if file is not None else "",
            versions=tuple(versions(visitor, chosen)) if chosen else (),
            faults=of_screens(faults or {}),
            may_change=visitor.account.may(Act.FILL_SCREENS),
            largest_mb=controller.config.lobby.largest_mb,
        )
        return front.answer("shelf", shown, 422 if faults else 200)

    def row(content: Content) -> views.ContentRow:
        current = lobby.current(content.id)
        waits = not lobby.showable(content)
        word = _("waits for approval") if waits else _("is shown")
        if waits and current is not None:
            word = _("an earlier version is shown")
        return views.ContentRow(
            id=content.id,
            title=content.title,
            kind=kind_word(content.kind.value),
            detail=_detail(content),
            preview=address_of(content) if content.kind is ContentKind.PICTURE else "",
            word=word,
            waits=waits,
        )

    def versions(visitor: Visitor, content: str) -> list[views.VersionRow]:
        current = lobby.current(content)
        return [
            views.VersionRow(
                version=one.version,
                made_by=one.made_by,
                made_at=one.made_at,
                approved_by=one.approved_by,
                shown=current is not None and current.version == one.version,
                waits=not lobby.showable(one) and not one.removed,
                may_approve=visitor.account.may(Act.APPROVE_CONTENT) and visitor.account.name != one.made_by,
            )
            for one in lobby.versions(content)
        ]

    return routes


def _kind(text: str) -> ContentKind:
    return ContentKind(text) if text in [one.value for one in ContentKind] else ContentKind.PICTURE


def _detail(content: Content) -> str:
    if content.file is not None:
        length = f", {content.file.seconds:.0f} s" if content.file.seconds else ""
        return f"{content.file.width} × {content.file.height}{length}"
    return content.url or content.room or (str(len(content.people)) if content.people else "")


def values_of(content: Content) -> dict[str, str]:
    """A content as its form has it; of a memorial one line for each person."""
    people = (
        " | ".join((one.name, one.dates, one.words, one.portrait)).rstrip(" |") for one in content.people
    )
    return {
        "id": content.id,
        "title": content.title,
        "url": content.url,
        "room": content.room,
        "people": "\n".join(people),
    }


def details_of(values: Mapping[str, str], kind: ContentKind) -> dict[str, Any]:
    """What a form said, as a content has it."""
    people = []
    for line in values["people"].splitlines() if kind is ContentKind.MEMORIAL else ():
        if line.strip():
            parts = [part.strip() for part in line.split("|")]
            names = ("name", "dates", "words", "portrait")
            if len(parts) > len(names):
                raise BadArgument("people", _("A line is: name | dates | who it was | picture."))
            people.append(dict(zip(names, parts, strict=False)))
    return {
        "id": values["id"].strip(),
        "kind": kind.value,
        "title": values["title"].strip(),
        "url": values["url"].strip() if kind in (ContentKind.PAGE, ContentKind.STREAM) else "",
        "room": values["room"] if kind is ContentKind.HALL else "",
        "people": people,
    }
