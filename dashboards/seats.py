"""People in seats: who sits where in a session, lists that are imported, and substitutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from avctl.commands import Command, ListParticipants, RestoreSeat, SubstituteParticipant
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.model.account import Act
from avctl.model.participants import Origin
from avctl.model.session import OVER, Session
from avctl.services.participants import Preview
from dashboards import views
from dashboards.front import Front
from dashboards.room import room_of, room_title
from dashboards.words import CELLS, COLUMNS, ORIGINS, _

LARGEST = 1024 * 1024  # bytes of a form with its file


def router(front: Front) -> APIRouter:
    """The page of a room's session, and its forms; ``session`` names another than the present one."""
    routes = front.router()
    controller = front.controller

    @routes.get("/control/{room}/people")
    async def people(request: Request, room: str, session: str = "") -> Response:
        return await page(request, room, await chosen(room, session))

    @routes.post("/control/{room}/people/import")
    async def look(request: Request, room: str) -> Response:
        await front.allowed(request, Act.NAME_PARTICIPANTS)
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length[:20]) > LARGEST:
            raise BadArgument("file", "a file of at most 1 MiB")
        async with request.form(max_files=1, max_fields=10) as form:
            await front.asked(request, Act.NAME_PARTICIPANTS, str(form.get("csrf", "")))
            session = await chosen(room, str(form.get("session", "")))
            sent = form.get("file")
            data = await sent.read() if isinstance(sent, UploadFile) else b""
            name = (sent.filename if isinstance(sent, UploadFile) else "") or "import"
        try:
            preview = await controller.participants.look(must_have(session).id, data, name)
        except BadArgument as wrong:
            fault = _("This file is no list of people that can be read.")
            detail = wrong.expected
            return await page(
                request, room, session, status=422, fault=fault, fault_detail=detail, fault_field="file"
            )
        return await page(request, room, session, preview=preview)

    @routes.post("/control/{room}/people/last")
    async def look_back(request: Request, room: str) -> Response:
        _actor, session, _values = await sent(request, room)
        try:
            preview = await controller.participants.look_back(must_have(session).id)
        except NotFound:
            fault = _("No earlier session of this body in this room has people in its record.")
            return await page(request, room, session, status=404, fault=fault, fault_field="last")
        return await page(request, room, session, preview=preview)

    @routes.post("/control/{room}/people/confirm")
    async def confirm(request: Request, room: str) -> Response:
        actor, session, values = await sent(request, room)
        found = must_have(session)
        command = ListParticipants(actor=actor, session=found.id, preview=values.get("preview", ""))
        return await done(request, room, found, command, values)

    @routes.post("/control/{room}/people/seat")
    async def substitute(request: Request, room: str) -> Response:
        actor, session, values = await sent(request, room)
        found, seat = must_have(session), values.get("seat", "").strip()
        if not (seat.isascii() and seat.isdecimal() and len(seat) <= 5):
            fault = _("Enter the number of a seat.")
            return await page(
                request, room, session, status=422, fault=fault, fault_field="seat", values=values
            )
        command = SubstituteParticipant(
            actor=actor,
            session=found.id,
            seat=int(seat),
            name=values.get("name", ""),
            group=values.get("group", ""),
        )
        return await done(request, room, found, command, values)

    @routes.post("/control/{room}/people/restore")
    async def give_back(request: Request, room: str) -> Response:
        actor, session, values = await sent(request, room)
        found, seat = must_have(session), values.get("seat", "")
        number = int(seat) if seat.isascii() and seat.isdecimal() and len(seat) <= 5 else 0
        return await done(
            request, room, found, RestoreSeat(actor=actor, session=found.id, seat=number), values
        )

    async def sent(request: Request, room: str) -> tuple[str, Session | None, Mapping[str, str]]:
        values = await front.form(request)
        actor = await front.asked(request, Act.NAME_PARTICIPANTS, values.get("csrf", ""))
        return actor, await chosen(room, values.get("session", "")), values

    async def chosen(room: str, session: str) -> Session | None:
        found = room_of(controller, room)
        if not session:
            return controller.sessions.in_room(found.id)
        one = await controller.sessions.find(session)
        if one.room != room:
            raise NotFound("there is no such session in this room")
        return one

    def must_have(session: Session | None) -> Session:
        if session is None:
            raise Conflict("this room has no session now")
        return session

    async def done(
        request: Request, room: str, session: Session, command: Command, values: Mapping[str, str]
    ) -> Response:
        try:
            await controller.desk.obey(command)
        except BadArgument as wrong:
            return await page(
                request,
                room,
                session,
                status=422,
                fault=_("A value is wrong."),
                fault_detail=str(wrong),
                fault_field=wrong.field,
                values=values,
            )
        except (Conflict, NotFound) as refusal:
            fault, detail = _("This cannot be done now."), str(refusal)
            return await page(request, room, session, status=409, fault=fault, fault_detail=detail)
        return RedirectResponse(f"/control/{room}/people?session={session.id}", 303)

    async def page(
        request: Request,
        room: str,
        session: Session | None,
        *,
        status: int = 200,
        preview: Preview | None = None,
        **more: Any,
    ) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        language = front.language(request, visitor)
        title = room_title(room_of(controller, room), language)
        heading = f"{front.renderer.say(language, _('People in seats'))} · {title}"
        rows: tuple[views.SeatRow, ...] = ()
        seating = None
        if session is not None:
            seating, found = await controller.participants.find(session)
            rows = tuple(
                views.SeatRow(
                    seat=one.seat,
                    name=one.name,
                    group=one.group,
                    origin=ORIGINS[one.origin],
                    substituted=one.origin is Origin.SUBSTITUTION or one.seat in (seating.substitutes or {}),
                )
                for one in found
            )
        open_ = session is not None and session.phase not in OVER
        shown = views.SeatsPage(
            chrome=front.chrome(request, visitor, heading),
            room=room,
            session=session.id if session else "",
            session_title=session.title if session else "",
            starts_at=session.booking.starts_at if session else None,
            rows=rows,
            source=seating.source if seating else "",
            listed=len(seating.people) if seating else 0,
            without_seat=tuple(one.name for one in seating.people if not one.seat) if seating else (),
            may_change=open_ and visitor.account.may(Act.NAME_PARTICIPANTS),
            preview=_preview(preview) if preview is not None else None,
            **more,
        )
        return front.answer("seats", shown, status)

    return routes


def _preview(preview: Preview) -> views.ListPreview:
    rows = tuple(
        views.ListRow(
            number=row.number,
            name=row.name,
            group=row.group,
            seat=row.seat,
            card=row.card,
            faults=tuple(
                views.CellFault(
                    column=COLUMNS[one.column],
                    word=CELLS[one.code],
                    # Of what an earlier row has, that row: the seat or card is in this one.
                    value=one.value.rpartition(", ")[2] if one.code.startswith("same_") else one.value,
                )
                for one in row.faults
            ),
        )
        for row in sorted(preview.rows, key=lambda row: row.good)  # what needs a person comes first
    )
    good = len(preview.good)
    return views.ListPreview(id=preview.id, source=preview.source, good=good, bad=len(rows) - good, rows=rows)
