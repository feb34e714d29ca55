"""Lists of sessions brought by the secretariat: looked through on a page, booked by a second press."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from avctl.errors import BadArgument, NotFound
from avctl.model.account import Act
from avctl.services.doors import Visitor
from avctl.services.imports import Line, Preview, Verdict
from avctl.services.lists import COLUMNS, ITEM, SESSION
from dashboards import views
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.words import FIELDS, ROW_VERDICTS, _

SCARCE = {"person": _("People on duty"), "broadcasts": _("Broadcasts at a time")}


def router(front: Front) -> APIRouter:
    """The page, and its two forms."""
    routes = front.router()
    controller = front.controller

    @routes.get("/schedule/import")
    async def empty(request: Request) -> Response:
        return page(request, await front.allowed(request, Act.BOOK_SESSIONS))

    @routes.post("/schedule/import")
    async def look(request: Request) -> Response:
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        try:
            data, values = await front.file(request)
            await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
            preview = await controller.imports.look(data, visitor.account)
        except BadArgument as refusal:
            return page(request, visitor, fault=refusal.expected)
        return page(request, visitor, preview)

    @routes.post("/schedule/import/{preview}")
    async def confirm(request: Request, preview: str) -> Response:
        values = await front.form(request)
        await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        try:
            done = await controller.imports.confirm(preview, visitor.account)
        except NotFound:
            return page(request, visitor, fault=_("This list waits no more. Upload it again."))
        return page(request, visitor, done, done=True)

    def page(
        request: Request,
        visitor: Visitor,
        preview: Preview | None = None,
        fault: str = "",
        done: bool = False,
    ) -> Response:
        chrome = front.chrome(request, visitor, _("Import a schedule"))
        rooms = {room.id: room_title(room, chrome.language) for room in controller.config.rooms}
        shown = views.ImportPage(
            chrome=chrome,
            fault=fault,
            id="" if preview is None or done else preview.id,
            done=done,
            good=0 if preview is None else preview.count(Verdict.NEW, Verdict.CHANGED, Verdict.CANCELLED),
            same=0 if preview is None else preview.count(Verdict.SAME),
            bad=0 if preview is None else preview.count(Verdict.BAD),
            unknown=() if preview is None else preview.unknown,
            lines=()
            if preview is None
            else tuple(
                _line(line, rooms, lambda text: front.renderer.told(chrome.language, text))
                for line in preview.lines
            ),
            headings=tuple(names[0] for names in SESSION.values()),
            item_headings=tuple(names[0] for names in ITEM.values()),
        )
        return front.answer("import", shown, 422 if fault else 200)

    return routes


def _line(line: Line, rooms: dict[str, str], say: Callable[[str], str]) -> views.ImportLine:
    booking = line.booking
    return views.ImportLine(
        number=line.number,
        verdict=line.verdict.value,
        word=ROW_VERDICTS[line.verdict],
        title=line.title,
        starts_at=booking.starts_at if booking is not None else None,
        ends_at=booking.ends_at if booking is not None else None,
        room=rooms.get(booking.room, booking.room) if booking is not None else "",
        fields=tuple(FIELDS[name] for name in line.fields if name in FIELDS),
        faults=tuple(
            views.ImportFault(field=_heading(fault.field), expected=say(fault.expected), got=fault.got)
            for fault in line.faults
        ),
        url=f"/schedule/{line.session}" if line.session else "",
    )


def _heading(field: str) -> str:
    """A column as the list calls it, else the field as the form does."""
    name = field.partition(".")[0]
    return COLUMNS[name][0] if name in COLUMNS else FIELDS.get(name, SCARCE.get(name, name))
