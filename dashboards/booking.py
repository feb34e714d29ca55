"""The form of a session: booked, changed, called off, one by one or as a series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from avctl.commands import AmendSession, BookSeries, BookSession, CancelSession, ChangeRule, Scope
from avctl.errors import BadArgument, Clashing, Conflict, Stale
from avctl.events import now
from avctl.model.account import Act
from avctl.model.booking import Booking, Kind, Policy, amended, booking_of, changes
from avctl.model.session import BEFORE, OVER, RUNNING, Session
from avctl.services.doors import Visitor
from dashboards import views
from dashboards.doorstep import local
from dashboards.front import Front
from dashboards.room import room_title
from dashboards.schedule import CLOCK, clashes_of, version_of
from dashboards.sessionform import (
    FAULTS,
    REPEATS,
    Items,
    Values,
    details_of,
    items_of,
    of_template,
    rule_of,
    typed,
    values_of,
)
from dashboards.words import FIELDS, KINDS, PHASES, POLICIES, _

SPARE = 2  # empty lines below an agenda
REPEATING = ("repeat", "until", "rule", "scope", "override", "reason")
EMPTY: Mapping[str, str] = {
    name: "" for name in ("number", "title", "speaker", "document", "closed", "minutes")
}
SCOPES: Mapping[Scope, str] = {
    Scope.THIS: _("this session only"),
    Scope.FOLLOWING: _("this and those that follow"),
    Scope.ALL: _("all of the series"),
}


def router(front: Front) -> APIRouter:
    """The form."""
    routes = front.router()
    controller = front.controller
    zone = controller.config.site.zone

    def dark(session: Session) -> tuple[str, ...]:
        """Hours without mains that are announced for a session."""
        return tuple(one.hours(zone) for one in controller.blackouts.during(session.booking))

    @routes.get("/schedule/new")
    async def new(request: Request) -> Response:
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        values, items = _begun(front, dict(request.query_params), visitor)
        return await page(request, visitor, None, values, items)

    @routes.post("/schedule/new")
    async def book(request: Request) -> Response:
        values, items, duty = typed(await front.fields(request))
        actor = await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        try:
            override = _override(visitor, values)
            details = details_of(values, items, duty, zone)
            visitor.account.must_be_allowed(Act.BOOK_SESSIONS, details["room"])
            rule = rule_of(values, zone)
            if rule:
                await controller.desk.obey(
                    BookSeries(actor=actor, details=details, rule=rule, override=override)
                )
            else:
                command = BookSession(actor=actor, details=details, override=override)
                booked: Session = await controller.desk.obey(command)
                if dark(booked):  # that must be seen
                    values["back"] = f"/schedule/{booked.id}"
        except (BadArgument, Conflict) as refusal:
            return await page(request, visitor, None, values, items, duty, refusal)
        return RedirectResponse(local(values.get("back", ""), _on_day(values)), 303)

    @routes.get("/schedule/{session}")
    async def one(request: Request, session: str) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        found = await controller.sessions.find(session)
        booking = found.booking
        return await page(
            request, visitor, found, values_of(booking, zone), items_of(booking), booking.on_duty
        )

    @routes.post("/schedule/{session}")
    async def change(request: Request, session: str) -> Response:
        values, items, duty = typed(await front.fields(request))
        actor = await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        found = controller.sessions.get(session)
        version = version_of(values)
        if version is None:
            version = found.version
        try:
            override = _override(visitor, values)
            wanted = details_of(values, items, duty, zone, found.booking)
            visitor.account.must_be_allowed(Act.BOOK_SESSIONS, wanted["room"])
            # A form says every field; what it leaves as it was is not a change.
            details = changes(found.booking, amended(found.booking, wanted))
            command = AmendSession(
                actor=actor,
                session=session,
                details=details,
                version=version,
                override=override,
                reason=values.get("reason", ""),
                scope=_scope(values),
            )
            changed: Session = await controller.desk.obey(command)
        except Stale as stale:
            return await joined(request, visitor, stale, values, items, duty)
        except (BadArgument, Conflict) as refusal:
            return await page(request, visitor, found, values, items, duty, refusal)
        return RedirectResponse(f"/schedule/{session}" if dark(changed) else _on_day(values), 303)

    @routes.post("/schedule/{session}/cancel")
    async def cancel(request: Request, session: str) -> Response:
        values, _items, _duty = typed(await front.fields(request))
        actor = await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
        scope, reason = _scope(values), values.get("reason", "")
        if not reason:
            visitor = await front.allowed(request, Act.BOOK_SESSIONS)
            found = controller.sessions.get(session)
            shown = values_of(found.booking, zone)
            refusal = BadArgument("cancel_reason", _("Say why it is called off."))
            booked = found.booking
            return await page(request, visitor, found, shown, items_of(booked), booked.on_duty, refusal)
        await controller.desk.obey(CancelSession(actor=actor, session=session, reason=reason, scope=scope))
        return RedirectResponse("/schedule", 303)

    @routes.post("/schedule/{session}/rule")
    async def repeat(request: Request, session: str) -> Response:
        """Another rule for a series, or one for a session that had none."""
        values, _items, _duty = typed(await front.fields(request))
        actor = await front.asked(request, Act.BOOK_SESSIONS, values.get("csrf", ""))
        visitor = await front.allowed(request, Act.BOOK_SESSIONS)
        found = controller.sessions.get(session)
        booked = values_of(found.booking, zone)
        try:
            command = ChangeRule(
                actor=actor,
                session=session,
                rule=rule_of({**booked, **values}, zone),
                version=version_of(values),
                override=_override(visitor, values),
                reason=values.get("reason", ""),
                scope=_scope(values),
            )
            await controller.desk.obey(command)
        except (BadArgument, Conflict) as refusal:
            shown = {**booked, **{name: values.get(name, "") for name in REPEATING}}
            duty = found.booking.on_duty
            return await page(request, visitor, found, shown, items_of(found.booking), duty, refusal)
        return RedirectResponse(f"/schedule/{session}", 303)

    async def joined(
        request: Request, visitor: Visitor, stale: Stale, values: Values, items: Items, duty: tuple[str, ...]
    ) -> Response:
        """Somebody was quicker: theirs and ours in one form, and what they changed said above it."""
        current: Session = stale.current
        base, theirs = _base(current.booking, stale), dict[str, tuple[str, Any]]()
        for change in stale.changed:
            for name, value in change["fields"].items():
                theirs[name] = (change["by"], value)
        try:
            mine = changes(base, amended(base, details_of(values, items, duty, zone, base)))
            merged = amended(current.booking, mine)
        except BadArgument as refusal:
            return await page(request, visitor, current, values, items, duty, refusal)
        notes = tuple(
            views.Note(
                who=who,
                field=FIELDS.get(name, name),
                text=_said(name, value, zone),
                clashes=name in mine,
            )
            for name, (who, value) in theirs.items()
            if name in FIELDS
        )
        kept = {name: values[name] for name in ("reason", "scope", "override") if name in values}
        shown = {**values_of(merged, zone), **kept}
        return await page(
            request, visitor, current, shown, items_of(merged), merged.on_duty, notes=notes, status=412
        )

    async def page(
        request: Request,
        visitor: Visitor,
        session: Session | None,
        values: Values,
        items: Items,
        duty: Iterable[str] = (),
        refusal: BadArgument | Conflict | None = None,
        *,
        notes: tuple[views.Note, ...] = (),
        status: int = 200,
    ) -> Response:
        chrome = front.chrome(request, visitor, session.title if session else _("Book a session"))
        faults: dict[str, str] = {}
        clashes: tuple[str, ...] = ()
        match refusal:
            case BadArgument():
                faults = {refusal.field.partition(".")[0]: _fault(refusal)}
            case Clashing():
                faults = {"starts_at": _("This clashes with what is booked.")}
                clashes = tuple(clashes_of(front, refusal, chrome.language))
            case Conflict():
                faults, clashes = {"title": _("This cannot be done now.")}, (str(refusal),)
        shown = views.SessionPage(
            chrome=chrome,
            form=await form_of(visitor, session, values, items, tuple(duty), chrome.language),
            faults=faults,
            clashes=clashes,
            notes=notes,
            without_mains=() if session is None else dark(session),
        )
        return front.answer("session", shown, 422 if faults else status)

    async def form_of(
        visitor: Visitor,
        session: Session | None,
        values: Values,
        items: Items,
        duty: tuple[str, ...],
        language: str,
    ) -> views.SessionForm:
        accounts = [one.name for one in await controller.accounts.all() if not one.disabled]
        place = session.booking.place if session is not None else None
        repeats = {"repeat": "custom", "rule": place.rule} if place is not None else {}
        given = {**_defaults(front), **repeats, **values}
        may = visitor.account.may(Act.BOOK_SESSIONS, session.room if session is not None else "")
        templates = [
            (f"{body.id}/{number}", f"{body.name}: {template.name}")
            for body in controller.bodies
            for number, template in enumerate(body.templates)
        ]
        sources = [(one.id, one.title or one.id) for one in controller.config.devices if one.driver == FEED]
        return views.SessionForm(
            action=f"/schedule/{session.id}" if session is not None else "/schedule/new",
            csrf=visitor.csrf,
            values=given,
            version=session.version if session is not None else 0,
            kinds=_choices(KINDS.items(), given["kind"]),
            policies=_choices(POLICIES.items(), given["policy"]),
            rooms=_choices(
                (
                    (room.id, room_title(room, language))
                    for room in controller.config.rooms
                    if visitor.account.reaches(room.id)
                ),
                given["room"],
            ),
            sources=_choices((("", _("none")), *sources), given["remote_source"]),
            bodies=tuple(body.name for body in controller.bodies),
            people=tuple(views.Choice(value=one, word=one, chosen=one in duty) for one in accounts),
            templates=_choices(templates, ""),
            repeats=_choices(REPEATS.items(), given["repeat"]),
            scopes=_choices(SCOPES.items(), given["scope"]) if place is not None else (),
            items=(*items, *[EMPTY] * SPARE),
            rule=place.rule if place is not None else "",
            phase=PHASES[session.phase] if session is not None else "",
            cancelled_because=session.cancelled_because if session is not None else "",
            changed_by=session.changed_by if session is not None else "",
            changed_at=session.changed_at if session is not None else None,
            may_change=may and (session is None or session.phase not in OVER),
            may_cancel=may and session is not None and session.phase in BEFORE,
            rule_scopes=_choices(SCOPES.items(), values.get("scope", Scope.FOLLOWING.value))
            if place is not None
            else (),
            may_repeat=may and session is not None and session.phase in (*BEFORE, *RUNNING),
            people_url=f"/control/{session.room}/people?session={session.id}"
            if session is not None and session.room and visitor.account.may(Act.SEE_CONTROL, session.room)
            else "",
            votes_url=f"/votes/{session.id}" if session and await controller.votes.of(session.id) else "",
            may_override=visitor.account.may(Act.OVERRIDE_CLASHES),
        )

    return routes


FEED = "streams.feed"


def quick(front: Front, visitor: Visitor, *, room: str, back: str) -> views.BookingForm:
    """The few fields with which a session is booked from its room's page."""
    given = {**_defaults(front), "room": room}
    return views.BookingForm(
        action="/schedule/new",
        csrf=visitor.csrf,
        values=given,
        faults={},
        kinds=_choices(KINDS.items(), given["kind"]),
        policies=_choices(POLICIES.items(), given["policy"]),
        rooms=(),
        back=back,
        fixed_room=room,
    )


def _begun(front: Front, asked: Mapping[str, str], visitor: Visitor) -> tuple[dict[str, str], Items]:
    """What a new form begins with: a slot of the calendar, or a template."""
    defaults = _defaults(front)
    given = {name: asked[name] for name in ("starts_at", "ends_at", "room", "body") if asked.get(name)}
    body, _slash, number = asked.get("template", "").partition("/")
    found = next((one for one in front.controller.bodies if one.id == body), None)
    if found is None or not number.isdecimal() or int(number) >= len(found.templates):
        return {**defaults, **given}, ()
    try:
        day = datetime.fromisoformat(asked.get("starts_at") or defaults["starts_at"])
    except ValueError:
        day = datetime.fromisoformat(defaults["starts_at"])
    values, items = of_template(found.templates[int(number)], found.name, day)
    return {**defaults, **values}, items


def _defaults(front: Front) -> dict[str, str]:
    start = now().astimezone(front.controller.config.site.zone) + timedelta(hours=1)
    start = start.replace(minute=0, second=0, microsecond=0)
    blank = ("title", "body", "release_at", "release_hours", "off_site", "remote_link", "remote_source")
    more = ("agenda", "repeat", "until", "rule", "reason", "override", "back")
    return {
        **dict.fromkeys((*blank, *more), ""),
        "kind": Kind.PLENARY.value,
        "room": "",
        "starts_at": start.strftime(CLOCK),
        "ends_at": (start + timedelta(hours=3)).strftime(CLOCK),
        "setup_minutes": "0",
        "breakdown_minutes": "0",
        "policy": Policy.LIVE.value,
        "scope": Scope.THIS.value,
    }


def _override(visitor: Visitor, values: Values) -> str:
    reason = values.get("override", "")
    if reason:
        visitor.account.must_be_allowed(Act.OVERRIDE_CLASHES)
    return reason


def _on_day(values: Values) -> str:
    """The calendar where one sees what was just booked."""
    return f"/schedule?day={values['starts_at'][:10]}"


def _scope(values: Values) -> Scope:
    """For which of a series; BadArgument for what no form of ours says."""
    asked = values.get("scope", Scope.THIS.value)
    if asked not in set(Scope):
        raise BadArgument("scope", f"one of {', '.join(Scope)}")
    return Scope(asked)


def _base(current: Booking, stale: Stale) -> Booking:
    """The booking as the form was filled from it: what others changed since, undone, the newest first."""
    details = current.model_dump(mode="json")
    for change in reversed(stale.changed):
        details.update(change["before"])
    return booking_of(details)


def _choices(pairs: Iterable[tuple[str, str]], chosen: str) -> tuple[views.Choice, ...]:
    return tuple(views.Choice(value=value, word=word, chosen=value == chosen) for value, word in pairs)


def _fault(refusal: BadArgument) -> str:
    """What is wrong with a field, as a message id where we have one."""
    own = refusal.expected.endswith(".")  # ours, already in the words of the pages
    return refusal.expected if own else FAULTS.get(refusal.field.partition(".")[0], refusal.expected)


def _said(name: str, value: Any, zone: Any) -> str:
    """A value of a booking for a person: times on the council's clock."""
    match value:
        case str() if name.endswith("_at"):
            return f"{datetime.fromisoformat(value).astimezone(zone):%d.%m.%Y %H:%M}"
        case [{"title": _title}, *_others]:
            return "; ".join(f"{item['number']}. {item['title']}" for item in value)
        case list():
            return ", ".join(value) or "–"
        case bool():
            return "✓" if value else "–"
        case _:
            return str(value or "–")
