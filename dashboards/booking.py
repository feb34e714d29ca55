"""The schedule, and the form that books a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from avctl.commands import BookSession
from avctl.errors import BadArgument, Conflict
from avctl.events import now
from avctl.model.account import Act
from avctl.model.session import BEFORE, Kind, Policy, Session
from avctl.services.doors import Visitor
from dashboards import views
from dashboards.buttons import may
from dashboards.doorstep import local
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.words import KINDS, PHASES, POLICIES, _

BEHIND, AHEAD = timedelta(days=2), timedelta(days=60)
FORMAT = "%Y-%m-%dT%H:%M"
FIELDS = ("title", "body", "kind", "room", "starts_at", "ends_at", "policy", "agenda")


def router(front: Front) -> APIRouter:
    """The schedule."""
    routes = front.router()
    controller = front.controller

    @routes.get("/schedule")
    async def schedule(request: Request) -> Response:
        return await page(request, await front.allowed(request, Act.SEE_CONTROL))

    @routes.post("/schedule")
    async def book(request: Request) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
        try:
            details = _details(values, controller.config.site.zone)
            await controller.desk.obey(BookSession(actor=actor, details=details))
        except BadArgument as refusal:
            field = refusal.field.partition(".")[0]
            faults = {field if field in FIELDS else "title": _fault(field, refusal.expected)}
        except Conflict as refusal:
            faults = {"starts_at": _("The room is taken at that time."), "detail": str(refusal)}
        else:
            return RedirectResponse(local(values.get("back", ""), "/schedule"), 303)
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        return await page(request, visitor, values, faults, 422)

    async def page(
        request: Request,
        visitor: Visitor,
        values: Mapping[str, str] | None = None,
        faults: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        chrome = front.chrome(request, visitor, _("Schedule"))
        moment = now()
        found = await controller.sessions.between(moment - BEHIND, moment + AHEAD)
        fresh = {one.id: one for one in controller.sessions}
        zone = controller.config.site.zone
        rows = [_row(front, fresh.get(one.id, one), visitor, chrome.language) for one in found]
        days = groupby(rows, key=lambda row: row.starts_at.astimezone(zone).date())
        asked = None
        if visitor.account.may(Act.BOOK_SESSIONS):
            asked = form(front, visitor, chrome.language, values=values, faults=faults, back="/schedule")
        shown = views.SchedulePage(
            chrome=chrome,
            days=tuple((same[0].starts_at, same) for same in (tuple(group) for _day, group in days)),
            booking=asked,
        )
        return front.answer("schedule", shown, status)

    return routes


def form(
    front: Front,
    visitor: Visitor,
    language: str,
    *,
    back: str,
    room: str = "",
    values: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
) -> views.BookingForm:
    """The form, with what was typed."""
    site = front.controller.config.site
    start = now().astimezone(site.zone) + timedelta(hours=1)
    start = start.replace(minute=0, second=0, microsecond=0)
    given = {
        "title": "",
        "body": "",
        "kind": Kind.PLENARY.value,
        "room": room,
        "starts_at": start.strftime(FORMAT),
        "ends_at": (start + timedelta(hours=3)).strftime(FORMAT),
        "policy": Policy.LIVE.value,
        "agenda": "",
        **(values or {}),
    }
    rooms = front.controller.config.rooms
    return views.BookingForm(
        action="/schedule",
        csrf=visitor.csrf,
        values=given,
        faults=faults or {},
        kinds=tuple(views.Choice(value=one, word=KINDS[one], chosen=one == given["kind"]) for one in Kind),
        policies=tuple(
            views.Choice(value=one, word=POLICIES[one], chosen=one == given["policy"]) for one in Policy
        ),
        rooms=tuple(
            views.Choice(value=one.id, word=room_title(one, language), chosen=one.id == given["room"])
            for one in rooms
        ),
        back=given.get("back", back),
        fixed_room=room,
    )


def _details(values: Mapping[str, str], zone: Any) -> dict[str, Any]:
    """The booking of what was typed; times are those of the council's clock."""
    details: dict[str, Any] = {
        name: values.get(name, "").strip() for name in ("title", "body", "kind", "room", "policy")
    }
    for name in ("starts_at", "ends_at"):
        try:
            typed = datetime.fromisoformat(values.get(name, ""))
        except ValueError:
            raise BadArgument(name, _("Enter a date and a time.")) from None
        details[name] = (typed if typed.tzinfo else typed.replace(tzinfo=zone)).isoformat()
    lines = [line.strip() for line in values.get("agenda", "").splitlines() if line.strip()]
    details["agenda"] = [_item(line, place) for place, line in enumerate(lines, 1)]
    return details


def _item(line: str, place: int) -> dict[str, str]:
    """A line of the agenda: with its number ("2.1 Про …", "3) Про …"), or counted."""
    first, _space, rest = line.partition(" ")
    number = first.rstrip(".)")
    if rest and len(number) <= 20 and number.replace(".", "").isdigit():
        return {"number": number, "title": rest.strip()}
    return {"number": str(place), "title": line}


def _fault(field: str, expected: str) -> str:
    """What is wrong with a field, as a message id where we have one."""
    known = {
        "title": _("Enter a title of at most 300 characters."),
        "ends_at": _("The end must be later than the start, by at most 24 hours."),
        "room": _("Choose a room."),
    }
    return known.get(field, expected)


def _row(front: Front, session: Session, visitor: Visitor, language: str) -> views.ScheduleRow:
    booking = session.booking
    rooms = {room.id: room_title(room, language) for room in front.controller.config.rooms}
    cancel = None
    if session.phase in BEFORE and may(visitor.account.role, Act.BOOK_SESSIONS):
        url, again = f"/schedule/{session.id}/cancel", _("Press again: call it off")
        cancel = views.Button(id=f"cancel-{session.id}", url=url, label=_("Call off"), again=again)
    return views.ScheduleRow(
        id=session.id,
        title=session.title,
        body=booking.body,
        room=rooms.get(session.room, session.room),
        room_url=f"/control/{session.room}" if session.room in rooms else "",
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        kind=KINDS[booking.kind],
        policy=POLICIES[booking.policy],
        phase=PHASES[session.phase],
        off_site=booking.off_site,
        cancel=cancel,
    )
