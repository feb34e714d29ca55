"""The schedule as a calendar: month, week, rooms as lanes, a list; and what dragging in it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from avctl.commands import AmendSession
from avctl.errors import BadArgument, Clashing, Conflict, Stale
from avctl.events import now
from avctl.model.account import Act
from avctl.model.booking import Booking, Policy
from avctl.model.playing import Blackout
from avctl.model.series import placed
from avctl.model.session import BEFORE, RUNNING, Phase, Session
from avctl.services.doors import Visitor
from dashboards import views
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.words import KINDS, PHASES, POLICIES, _

LONGEST = timedelta(days=62)  # what a view may ask for
AROUND = timedelta(hours=24)  # a sitting that began before midnight
ELSEWHERE = "-"  # the lane of what is held in none of our rooms
DAY = re.compile(r"2\d{3}-(0[1-9]|1[0-2])-([0-2]\d|3[01])")
CLOCK = "%Y-%m-%dT%H:%M"
MARKS: Mapping[Policy, str] = {Policy.LIVE: "●", Policy.DELAYED: "◷", Policy.RECORD: "◉", Policy.NONE: "–"}


def router(front: Front) -> APIRouter:
    """The calendar, and what it fetches."""
    routes = front.router()
    controller = front.controller
    site = controller.config.site

    @routes.get("/schedule")
    async def schedule(request: Request, day: str = "") -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Schedule"))
        lanes = [
            {"id": room.id, "title": room_title(room, chrome.language)}
            for room in controller.config.rooms
            if visitor.account.reaches(room.id)
        ]
        lanes.append({"id": ELSEWHERE, "title": front.renderer.say(chrome.language, _("Off-site"))})
        page = views.SchedulePage(
            chrome=chrome,
            day=day if DAY.fullmatch(day) else f"{now().astimezone(site.zone):%Y-%m-%d}",
            lanes=tuple(lanes),
            may_book=visitor.account.may(Act.BOOK_SESSIONS),
            may_override=visitor.account.may(Act.OVERRIDE_CLASHES),
            may_manage=visitor.account.may(Act.MANAGE_BODIES),
        )
        return front.answer("schedule", page)

    @routes.get("/schedule/events")
    async def events(request: Request, start: str = "", end: str = "") -> Response:
        """The sessions between two moments of the council's clock, as the calendar wants them."""
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        since, until = moment(start, "start", site.zone), moment(end, "end", site.zone)
        if until - since > LONGEST:
            raise BadArgument("end", f"at most {LONGEST.days} days after start")
        found = await controller.sessions.between(since - AROUND, until)
        fresh = {one.id: one for one in controller.sessions}
        language = front.language(request, visitor)
        shown = [
            shown_of(front, fresh.get(one.id, one), visitor, language)
            for one in found
            if one.booking.ends_at > since and visitor.account.reaches(one.room)
        ]
        shown += [
            _without_mains(front, one, language)
            for one in controller.blackouts
            if one.ends_at > since and one.begins_at < until
        ]
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})

    @routes.post("/schedule/{session}/move")
    async def move(request: Request, session: str) -> Response:
        """Another time, length or room, by hand in the calendar."""
        actor = await front.asked(request, Act.BOOK_SESSIONS)
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        values = await front.form(request)
        found, language = controller.sessions.get(session), front.language(request, visitor)
        details: dict[str, Any] = {
            name: moment_typed(values, name, site.zone, found.booking) for name in ("starts_at", "ends_at")
        }
        room = values.get("room", "")
        if room and room != ELSEWHERE and not found.booking.off_site:
            visitor.account.must_be_allowed(Act.BOOK_SESSIONS, room)
            details["room"] = room
        override = values.get("override", "")
        if override.strip():
            visitor.account.must_be_allowed(Act.OVERRIDE_CLASHES)
        command = AmendSession(
            actor=actor,
            session=session,
            details=details,
            version=version_of(values),
            override=override,
            reason=values.get("reason", ""),
        )
        try:
            moved: Session = await controller.desk.obey(command)
        except Stale as stale:
            said = front.renderer.say(
                language, _("Somebody else changed this session meanwhile; look again.")
            )
            who = ", ".join(dict.fromkeys(str(one["by"]) for one in stale.changed))
            return JSONResponse({"message": f"{said} ({who})" if who else said}, 412)
        except Clashing as clash:
            message = front.renderer.say(language, _("This clashes with what is booked."))
            named = clashes_of(front, clash, language)
            return JSONResponse({"message": message, "clashes": named}, 409)
        except (BadArgument, Conflict) as refusal:
            return JSONResponse({"message": front.renderer.told(language, str(refusal))}, 422)
        return JSONResponse(shown_of(front, moved, visitor, language))

    return routes


def _without_mains(front: Front, blackout: Blackout, language: str) -> dict[str, Any]:
    """Announced hours without mains, behind the sessions of every room."""
    config = front.controller.config
    starts, ends = (one.astimezone(config.site.zone) for one in (blackout.begins_at, blackout.ends_at))
    return {
        "id": blackout.id,
        "title": front.renderer.say(language, _("Blackout announced")),
        "start": starts.strftime(CLOCK),
        "end": ends.strftime(CLOCK),
        "resourceIds": [room.id for room in config.rooms],
        "display": "background",
        "classNames": ["is-blackout"],
        "editable": False,
        "extendedProps": {"hours": blackout.hours(config.site.zone)},
    }


def moment(text: str, field: str, zone: Any) -> datetime:
    """A moment of the council's clock that a browser sent; BadArgument when it is none."""
    try:
        typed = datetime.fromisoformat(text.removesuffix("Z"))
        return placed(typed.replace(tzinfo=None), zone)
    except (ValueError, OverflowError):
        raise BadArgument(field, _("Enter a date and a time.")) from None


def moment_typed(values: Mapping[str, str], name: str, zone: Any, before: Booking | None) -> str:
    """A moment of a form. One that was not touched stays exactly what it is ``before``.

    The clock alone does not say which: in autumn it shows an hour twice, and it shows no seconds.
    """
    kept: datetime | None = getattr(before, name) if before is not None else None
    text = values.get(name, "")
    if kept is not None and text.removesuffix("Z") == kept.astimezone(zone).strftime(CLOCK):
        return kept.isoformat()
    return moment(text, name, zone).isoformat()


def version_of(values: Mapping[str, str]) -> int | None:
    """The version of a booking that a form was filled from; None when it says none."""
    said = values.get("version", "")
    return int(said) if said.isdecimal() and len(said) <= 18 else None


def clashes_of(front: Front, clashing: Clashing, language: str) -> list[str]:
    """What is taken and by what, each as a line."""
    site = front.controller.config.site
    rooms = {room.id: room_title(room, language) for room in front.controller.config.rooms}
    words = {
        "room": _("The room is taken"),
        "person": _("On duty elsewhere"),
        "broadcasts": _("No more broadcasts at a time"),
    }
    lines = []
    for clash in clashing.clashes:
        word = front.renderer.say(language, words[clash["scarce"]])
        subject = rooms.get(clash["subject"], clash["subject"])
        for one in clash["with"]:
            starts, ends = (
                datetime.fromisoformat(one[name]).astimezone(site.zone) for name in ("starts_at", "ends_at")
            )
            lines.append(f"{word} ({subject}): {one['title']}, {starts:%d.%m.%Y %H:%M}–{ends:%H:%M}")
    return lines


def shown_of(front: Front, session: Session, visitor: Visitor, language: str) -> dict[str, Any]:
    """A session as the calendar wants it; times are those of the council's clock."""
    booking, zone, say = session.booking, front.controller.config.site.zone, front.renderer.say
    rooms = {room.id: room_title(room, language) for room in front.controller.config.rooms}
    starts, ends = (one.astimezone(zone) for one in (booking.starts_at, booking.ends_at))
    room = say(language, _("off-site")) if booking.off_site else rooms.get(session.room, session.room)
    phase, policy = say(language, PHASES[session.phase]), say(language, POLICIES[booking.policy])
    may = visitor.account.may(Act.BOOK_SESSIONS, session.room) and session.phase in (*BEFORE, *RUNNING)
    who = booking.body or say(language, KINDS[booking.kind])
    label = f"{session.title}, {who}, {starts:%d.%m.%Y %H:%M}–{ends:%H:%M}, {room}, {policy}, {phase}"
    looks = [f"is-{session.phase}", f"shows-{booking.policy}"]
    return {
        "id": session.id,
        "title": session.title,
        "start": starts.strftime(CLOCK),
        "end": ends.strftime(CLOCK),
        "resourceIds": [ELSEWHERE if booking.off_site else session.room],
        "classNames": [*looks, "is-off-site"] if booking.off_site else looks,
        "editable": may,
        "extendedProps": {
            "version": session.version,
            "label": label,
            "who": who,
            "room": room,
            "mark": "" if booking.off_site else MARKS[booking.policy],
            "phase": "" if session.phase is Phase.PLANNED else phase,
            "setup": booking.setup_minutes,
            "breakdown": booking.breakdown_minutes,
            "duty": list(booking.on_duty),
            "counts": session.phase is not Phase.CANCELLED and not session.closed_at,
        },
    }
