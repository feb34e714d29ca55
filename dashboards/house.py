"""The parts that concern the whole house: every room at a glance, alerts, the public list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from avctl.errors import NotFound
from avctl.events import Link, Reason, now
from avctl.model.account import Act, Role
from avctl.model.alert import Alert
from avctl.model.booking import Policy
from avctl.model.session import BEFORE, OVER, Phase, Session
from avctl.services.controller import Controller
from avctl.services.foreseen import AHEAD
from dashboards import views
from dashboards.agenda import public_items_of
from dashboards.air import air_of
from dashboards.buttons import PROGRAMME, may, of_session
from dashboards.room import devices_of, reached, room_of, room_title, states_of
from dashboards.words import KINDS, RULES, SEVERITIES, _

SOON = timedelta(hours=1)
ON_TILE = ("prepare", "open", "go-live", "resume")
# What the public is told of an interruption: the word for it, and when what they watched goes on.
PAUSES = {
    Reason.BREAK: (_("break"), _("The broadcast goes on after the break.")),
    Reason.TECHNICAL: (_("technical pause"), _("The broadcast goes on when the session does.")),
    Reason.AIR_RAID: (_("air-raid alarm"), _("The broadcast goes on after the all clear.")),
    Reason.POWER: (_("power cut"), _("The broadcast goes on when the session does.")),
}
FAR = datetime.max.replace(tzinfo=now().tzinfo)


def room_of_subject(controller: Controller, subject: str) -> str:
    """The room that an alert or an event is about; empty when it is about none."""
    session = subject.removeprefix(PROGRAMME)
    if subject in controller.house:
        return controller.house.state(subject).room
    try:
        return controller.sessions.get(session).room
    except NotFound:
        return ""


def alert_view(controller: Controller, alert: Alert, language: str) -> views.AlertView:
    """An alert as it is shown, with the name people know its subject by."""
    room = room_of_subject(controller, alert.subject)
    place = room_title(room_of(controller, room), language) if room else ""
    subject = place or (controller.config.site.council if alert.rule == AHEAD else alert.subject)
    if alert.subject in controller.house and not alert.subject.startswith(PROGRAMME):
        title = controller.house.state(alert.subject).title
        subject = f"{title}, {place}" if place else title
    return views.AlertView(
        id=alert.id,
        severity=alert.severity,
        severity_word=SEVERITIES[alert.severity],
        subject=subject,
        word=RULES.get(alert.rule, ""),
        detail=alert.text,
        since=alert.raised_at,
        until=alert.cleared_at,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_reason=alert.acknowledged_reason,
        url=f"/control/{room}" if room else "/alerts",
    )


def strip(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.Strip:
    """How many alerts, and the most urgent one that nobody has in hand."""
    raised = [one for one in controller.alerts.raised() if _reached(controller, one, seen)]
    open_ones = [alert for alert in raised if alert.acknowledged_at is None]
    first = alert_view(controller, open_ones[0], language) if open_ones else None
    return views.Strip(count=len(raised), first=first)


def alerts(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.Alerts:
    """Alerts of a room, or of the house when the subject is empty."""
    mine = [
        alert_view(controller, alert, language)
        for alert in controller.alerts
        if (not subject or room_of_subject(controller, alert.subject) in ("", subject))
        and _reached(controller, alert, seen)
    ]
    given = (
        one
        for one in controller.alerts
        if one.acknowledged_at is not None and _reached(controller, one, seen)
    )
    latest = sorted(given, key=lambda one: one.acknowledged_at or one.raised_at, reverse=True)
    reasons = (one.acknowledged_reason for one in latest)
    return views.Alerts(
        raised=tuple(alert for alert in mine if alert.until is None),
        cleared=tuple(alert for alert in mine if alert.until is not None)[:20],
        reasons=tuple(dict.fromkeys(reasons))[:5],
        may_acknowledge=may(role, Act.ACKNOWLEDGE_ALERTS),
    )


def _reached(controller: Controller, alert: Alert, rooms: tuple[str, ...]) -> bool:
    """Whether an alert concerns somebody who sees these rooms only; none named: everybody's."""
    return reached(room_of_subject(controller, alert.subject), rooms)


def tiles(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.Tiles:
    """Every room, ordered by attention: on air with a fault, on air, soon, idle with a fault, idle."""
    rooms = [room.id for room in controller.config.rooms if not seen or room.id in seen]
    found = [tile(controller, room, role, language) for room in rooms]
    return views.Tiles(rooms=tuple(sorted(found, key=_attention)), watching=controller.viewers.total())


def _attention(one: views.Tile) -> tuple[int, bool, datetime]:
    running = one.state.look in ("air", "closed", "fault", "record", "pause", "open", "going")
    rank = 0 if running else 1 if one.state.look in ("soon", "ready") else 2
    return rank, not one.fault, one.starts_at or FAR


def tile(controller: Controller, subject: str, role: Role | None, language: str) -> views.Tile:
    """One room at a glance."""
    session = controller.sessions.in_room(subject)
    air = air_of(controller, session)
    state = states_of(session, air)[0]
    if session is not None and state.until is not None and not _soon(session):
        state = views.State(look="idle", shape="○", word=_("free"))
    faults = tuple(_faults(controller, subject))
    floor = controller.follow.floor(subject)
    speaker = floor.speakers[-1] if floor is not None and floor.speakers else None
    found = devices_of(controller, subject)
    return views.Tile(
        room=subject,
        title=room_title(room_of(controller, subject), language),
        state=state,
        fault=bool(faults) or bool(air.fault and air.on),
        session=session.id if session else "",
        session_title=session.title if session else "",
        starts_at=session.booking.starts_at if session and session.phase in BEFORE else None,
        item=session.item if session else "",
        seat=speaker.seat if speaker else 0,
        speaker=speaker.name if speaker else "",
        speaker_role=speaker.group if speaker else "",
        speaks_since=speaker.since if speaker else None,
        online=sum(device.online for device in found),
        devices=len(found),
        faults=faults,
        air=air,
        buttons=_on_tile(session, air, role),
    )


def _soon(session: Session) -> bool:
    """Whether a session that has not begun already concerns its room."""
    return session.phase is not Phase.PLANNED or session.booking.starts_at - now() <= SOON


def _on_tile(session: Session | None, air: views.Air, role: Role | None) -> tuple[views.Button, ...]:
    if session is None or (session.phase in BEFORE and not _soon(session)):
        return ()
    buttons = of_session(session, air, role, prefix="tile")
    return tuple(button for button in buttons if button.url.rpartition("/")[2] in ON_TILE)


def _faults(controller: Controller, room: str) -> Iterator[str]:
    for device in controller.house.in_room(room):
        if device.link in (Link.OFFLINE, Link.REFUSED) and not device.id.startswith(PROGRAMME):
            yield device.title
    for alert in controller.alerts.raised():
        if alert.subject.startswith(PROGRAMME) and room_of_subject(controller, alert.subject) == room:
            yield RULES.get(alert.rule, alert.text)


# --- what the public sees -------------------------------------------------------------------------------


def public(controller: Controller, session: Session, language: str) -> views.PublicSession:
    """A session as the public sees it."""
    booking = session.booking
    air = air_of(controller, session)
    will_air = session.broadcastable and booking.policy is Policy.LIVE
    air = replace(air, on=air.on and will_air)
    state, word = public_state(session, air)
    shown = state == "live"
    return views.PublicSession(
        id=session.id,
        title=session.title,
        body=booking.body,
        kind=KINDS[booking.kind],
        room=_place(controller, session, language),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        state=state,
        word=word,
        goes_on=PAUSES[session.reason][1] if session.reason in PAUSES else "",
        since=session.since if session.phase not in BEFORE else None,
        until=session.until,
        on_air=air.on,
        will_air=will_air,
        kept=session.broadcastable,
        recorded=session.phase in OVER and has_recording(controller, session),
        release_at=session.release_at if session.phase is not Phase.CANCELLED else None,
        item=session.item if shown and not session.item_closed else "",
        speaker=session.speaker if shown else "",
        speaker_role=session.speaker_role if shown else "",
        agenda=public_items_of(session),
    )


def _place(controller: Controller, session: Session, language: str) -> str:
    """Where it is held; a room that the configuration has lost since is named by its id."""
    rooms = {room.id: room_title(room, language) for room in controller.config.rooms}
    return "" if session.booking.off_site else rooms.get(session.room, session.room)


def public_state(session: Session, air: views.Air) -> tuple[str, str]:
    """A state, and the public's word for it; a closed part goes before everything that runs."""
    if session.phase is Phase.CANCELLED:
        return "cancelled", _("cancelled")
    if session.phase in OVER:
        return "ended", _("ended")
    if session.reason is Reason.CLOSED:
        return "closed", _("closed part: not shown to the public")
    if session.phase is Phase.SUSPENDED:
        return "break", PAUSES[session.reason or Reason.BREAK][0]
    if session.phase in BEFORE and air.on and air.slate == "starting":
        return "soon", _("Starting soon")
    if air.on:
        return "live", _("on air")
    if session.phase is Phase.OPEN:
        return "open", _("session in progress, not broadcast")
    return "soon", _("planned")


def home(controller: Controller, subject: str, role: Role | None, language: str) -> views.Home:
    """On air, next, and what ended with a recording."""
    on_air, coming, over = [], [], []
    for session in controller.sessions:
        seen = public(controller, session, language)
        if seen.on_air:
            on_air.append(seen)
        elif session.phase not in OVER:
            coming.append(seen)
        elif seen.recorded:
            over.append(seen)
    return views.Home(on_air=tuple(on_air), next=tuple(coming[:20]), archive=tuple(reversed(over)))


def has_recording(controller: Controller, session: Session) -> bool:
    """Whether the public may play its recording now."""
    return (
        session.released(now())
        and (controller.broadcasts.folder(session.id) / "archive" / "video.mp4").is_file()
    )


def now_of(controller: Controller, subject: str, role: Role | None, language: str) -> views.Now:
    """What happens in a session, for those who watch."""
    return views.Now(session=public(controller, controller.sessions.get(subject), language))
