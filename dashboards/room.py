"""The parts of one room's page, from what the services know at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from avctl.capabilities import verbs_of
from avctl.config import Room
from avctl.errors import NotFound
from avctl.events import Link, Reason, now
from avctl.model.account import Act, Role
from avctl.model.booking import Policy
from avctl.model.device import DeviceState
from avctl.model.floor import Place
from avctl.model.session import BEFORE, Phase, Session
from avctl.services.controller import Controller
from dashboards import views
from dashboards.agenda import outlook
from dashboards.air import air_of
from dashboards.buttons import PROGRAMME, SOURCE, may, of_device, of_hall, of_lengths, of_session, operate
from dashboards.rows import rows_of
from dashboards.words import ALARMS, LINKS, PHASES, REASONS, SLATES, SOUNDS, SOURCE_LINKS, _

RECENT = timedelta(hours=12)
LINK_ORDER = (Link.REFUSED, Link.OFFLINE, Link.CONNECTING, Link.ONLINE)


def room_of(controller: Controller, room: str) -> Room:
    """The room of an id; NotFound when there is none."""
    try:
        return controller.config.room(room)
    except KeyError:
        raise NotFound(f"there is no room {room!r}") from None


def reached(room: str, seen: tuple[str, ...]) -> bool:
    """Whether a room concerns somebody who sees these only; none named: all of them."""
    return not seen or room in ("", *seen)


def room_title(room: Room, language: str) -> str:
    """What a room is called in a language."""
    return (room.title_en or room.title) if language == "en" else room.title


def devices_of(controller: Controller, room: str) -> tuple[DeviceState, ...]:
    """What stands in a room: faults first, then as the configuration has them."""
    mine = (
        state
        for state in controller.house.in_room(room)
        if state.driver != SOURCE and not state.id.startswith(PROGRAMME)
    )
    return tuple(sorted(mine, key=lambda state: LINK_ORDER.index(state.link)))


def states_of(session: Session | None, air: views.Air) -> tuple[views.State, ...]:
    """The state blocks of a room, the gravest first; never colour alone."""
    if session is None:
        return (views.State(look="idle", shape="○", word=_("free")),)
    found = []
    if session.reason is Reason.CLOSED:
        found.append(views.State(look="closed", shape="lock", word=_("CLOSED PART"), since=session.since))
    if air.on:
        found.append(views.State(look="air", shape="●", word=_("ON AIR"), since=air.since))
    elif air.going:
        found.append(views.State(look="going", shape="▲", word=_("GOING ON AIR"), since=air.since))
    elif session.phase is Phase.OPEN and session.booking.policy is Policy.LIVE and session.broadcastable:
        found.append(views.State(look="fault", shape="▲", word=_("NOT ON AIR"), since=session.since))
    elif air.recording:
        found.append(views.State(look="record", shape="◉", word=_("RECORDING"), since=air.since))
    if session.phase is Phase.SUSPENDED and session.reason not in (None, Reason.CLOSED):
        word = REASONS[session.reason] if session.reason else ""
        found.append(
            views.State(look="pause", shape="■", word=word, since=session.since, until=session.until)
        )
    elif air.on and air.slate and session.phase is Phase.OPEN:
        word = SLATES.get(air.slate, air.slate)
        found.append(views.State(look="pause", shape="■", word=word))
    elif session.phase in BEFORE:
        look = "ready" if session.phase is Phase.READY and not session.faults else "soon"
        word = PHASES[session.phase]
        found.append(views.State(look=look, shape="▲", word=word, until=session.booking.starts_at))
    elif session.phase is Phase.OPEN and not found:
        found.append(views.State(look="open", shape="■", word=PHASES[Phase.OPEN], since=session.opened_at))
    return tuple(found)


def bar(controller: Controller, subject: str, role: Role | None, language: str) -> views.Bar:
    """Room, session, phase and time."""
    session = controller.sessions.in_room(subject)
    air = air_of(controller, session)
    return views.Bar(
        room=subject,
        title=room_title(room_of(controller, subject), language),
        session_title=session.title if session else "",
        phase=PHASES[session.phase] if session else "",
        states=states_of(session, air),
        closed=session is not None and session.reason is Reason.CLOSED,
        air=air,
        starts_at=session.booking.starts_at if session else None,
        ends_at=session.booking.ends_at if session else None,
        outlook=outlook(session) if session else None,
    )


def work(controller: Controller, subject: str, role: Role | None, language: str) -> views.Work:
    """The buttons in the order of work."""
    session = controller.sessions.in_room(subject)
    return views.Work(
        room=subject,
        session=session.id if session else "",
        session_title=session.title if session else "",
        phase=PHASES[session.phase] if session else "",
        starts_at=session.booking.starts_at if session else None,
        faults=session.faults if session and session.phase in BEFORE else (),
        preparing=session is not None and session.phase is Phase.PREPARING,
        buttons=of_session(session, air_of(controller, session), role) if session else (),
        lengths=_lengths(session, role) if session else None,
        may_run=may(role, Act.RUN_SESSIONS),
        may_book=may(role, Act.BOOK_SESSIONS),
        before=_before(controller, subject),
    )


def _lengths(session: Session, role: Role | None) -> views.Lengths | None:
    buttons = of_lengths(session, role)
    if not buttons and session.until is None:
        return None
    word = _("From now, minutes") if session.phase is Phase.SUSPENDED else _("Break, minutes")
    return views.Lengths(word=word, until=session.until, buttons=buttons)


def _before(controller: Controller, room: str) -> views.Before | None:
    """The session that ended here not long ago: its recording is what people ask about next."""
    over = [
        one
        for one in controller.sessions
        if one.room == room and one.closed_at is not None and now() - one.closed_at < RECENT
    ]
    if not over:
        return None
    last = max(over, key=lambda one: one.closed_at or one.since)
    return views.Before(
        id=last.id,
        title=last.title,
        ended_at=last.closed_at or last.since,
        recorded=(controller.broadcasts.folder(last.id) / "archive" / "video.mp4").is_file(),
        expected=last.broadcastable,
    )


def programme(controller: Controller, subject: str, role: Role | None, language: str) -> views.Programme:
    """What goes out."""
    session = controller.sessions.in_room(subject)
    air = air_of(controller, session)
    off = None
    if session and air.name and may(role, Act.RUN_SESSIONS):
        url = f"/control/{subject}/sessions/{session.id}/name-off"
        off = views.Button(id=f"act-{subject}-name-off", url=url, label=_("Take the name off"))
    return views.Programme(
        session=session.id if session else "",
        air=air,
        slate=SLATES.get(air.slate, air.slate),
        sources=tuple(
            _source(state, session, air, role)
            for state in controller.house.in_room(subject)
            if state.driver == SOURCE
        ),
        platforms=tuple(
            views.Platform(
                title=str(one.get("title") or name),
                live=one.get("live") is True,
                reason=str(one.get("reason", "")),
            )
            for name, one in _pushes(controller, session).items()
        ),
        reduced=str(_said(controller, session, "reduced") or ""),
        watch=f"/watch/{session.id}" if session and air.on else "",
        off=off,
    )


def _source(state: DeviceState, session: Session | None, air: views.Air, role: Role | None) -> views.Source:
    using = str(state.readings.get("using") or state.id)
    stands_in = str(state.readings.get("backup_for", ""))
    figures = air.sources.get(using, {})
    fps, audio = figures.get("fps"), str(figures.get("audio", ""))
    cut = restore = None
    if session is not None and air.state != "none" and may(role, Act.RUN_SESSIONS):
        url = f"/control/{state.room}/sessions/{session.id}"
        if not stands_in and air.source != state.id:
            cut = views.Button(id=f"cut-{state.id}", url=f"{url}/cut/{state.id}", label=_("Cut to this"))
        if using != state.id:
            label = _("Back to the main feed")
            restore = views.Button(id=f"restore-{state.id}", url=f"{url}/restore/{state.id}", label=label)
    return views.Source(
        id=state.id,
        title=state.title,
        link=state.link,
        word=SOURCE_LINKS[state.link],
        since=state.since,
        stand_in=using != state.id,
        shown=air.source == state.id and not air.slate,
        picture=f"/control/{state.room}/sources/{state.id}.jpg",
        fps=f"{fps:.0f}" if isinstance(fps, int | float) and fps else "",
        audio=SOUNDS.get(audio, audio),
        dropped=_count(figures.get("dropped")),
        repeated=_count(figures.get("repeated")),
        cut=cut,
        restore=restore,
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _said(controller: Controller, session: Session | None, reading: str) -> Any:
    """A reading of the programme; None when there is none."""
    device = f"{PROGRAMME}{session.id}" if session is not None else ""
    return controller.house.state(device).readings.get(reading) if device in controller.house else None


def _pushes(controller: Controller, session: Session | None) -> Mapping[str, Mapping[str, Any]]:
    outputs = _said(controller, session, "outputs")
    pushes = outputs.get("pushes") if isinstance(outputs, Mapping) else None
    return pushes if isinstance(pushes, Mapping) else {}


def floor(controller: Controller, subject: str, role: Role | None, language: str) -> views.FloorView:
    """Who speaks and who waits."""
    found = controller.follow.floor(subject)
    if found is None or found.device not in controller.house:
        return views.FloorView(
            device="", known=False, item="", speakers=(), waiting=(), buttons=(), may_operate=False
        )
    hall = controller.house.state(found.device)
    session = controller.sessions.running_in(subject)
    able = may(role, Act.OPERATE_DEVICES) and found.known
    verbs = verbs_of(controller.house.driver(found.device)) if able else {}

    def person(place: Place, *acts: tuple[str, str, str]) -> views.Person:
        buttons = (
            operate(hall, verb, label, {"seat": place.seat}, kind=kind)
            for verb, label, kind in acts
            if verb in verbs
        )
        return views.Person(
            seat=place.seat,
            name=place.name,
            group=place.group,
            chairman=place.chairman,
            since=place.since,
            buttons=tuple(buttons),
        )

    def speaker(place: Place) -> views.Person:
        limit = controller.speaking.limit(session, place)
        over = limit is not None and (now() - place.since).total_seconds() >= limit
        return replace(person(place, ("close_mic", _("Microphone off"), "")), limit=limit, over=over)

    def waits(at: int, place: Place) -> views.Person:
        acts = [("grant_request", _("Give the floor"), "next"), ("deny_request", _("Refuse"), "")]
        return person(place, *acts, *([("move_up", _("Move up"), "")] if at else ()))

    return views.FloorView(
        device=found.device,
        known=found.known,
        item=found.item or (session.item if session else ""),
        speakers=tuple(map(speaker, found.speakers)),
        waiting=tuple(waits(at, place) for at, place in enumerate(found.waiting)),
        buttons=tuple(one for verb, one in of_hall(hall, found) if verb in verbs),
        may_operate=able,
    )


def devices(controller: Controller, subject: str, role: Role | None, language: str) -> views.Devices:
    """The devices of a room."""
    found = devices_of(controller, subject)
    return views.Devices(
        online=sum(state.online for state in found),
        devices=tuple(_device(state, role) for state in found),
    )


def device(controller: Controller, subject: str, role: Role | None, language: str) -> views.Device:
    """One device."""
    return _device(controller.house.state(subject), role)


def _device(state: DeviceState, role: Role | None) -> views.Device:
    return views.Device(
        id=state.id,
        title=state.title,
        link=state.link,
        word=LINKS[state.link],
        since=state.since,
        reason=state.reason,
        readings=_readings(state.readings) if state.online else (),
        buttons=of_device(state, role),
        rows=rows_of(state, role),
    )


def _readings(readings: Mapping[str, Any]) -> tuple[views.Reading, ...]:
    """The readings worth a technician's glance, in a fixed order."""
    found = []
    for name, word in (
        ("power", _("power")),
        ("input", _("input")),
        ("volume", _("volume")),
        ("muted", _("muted")),
        ("page", _("page")),
        ("fault", _("fault")),
        ("lamp_hours", _("lamp hours")),
        ("alarm", _("alarm")),
        ("level", _("level")),
        ("on_battery", _("on battery")),
        ("charge", _("charge, %")),
        ("runtime", _("seconds left on battery")),
        ("load", _("load, %")),
        ("recording", _("records")),
        ("remaining_minutes", _("minutes left")),
        ("on_at", _("switches on at")),
        ("off_at", _("switches off at")),
        ("preset", _("shot")),
        ("tally", _("on-air lamp")),
        ("temperature", _("temperature, °C")),
        ("model", _("model")),
        ("reconnecting", _("connects again")),
        ("fps", _("pictures a second")),
        ("dropped", _("lost pictures")),
        ("meeting", _("meeting")),
        ("item", _("agenda item")),
    ):
        value = readings.get(name)
        if name == "power" and isinstance(value, bool):
            found.append(views.Reading(name=word, word=_("on") if value else _("standby")))
        elif name in ("alarm", "level") and isinstance(value, str) and value in ALARMS:
            found.append(views.Reading(name=word, word=ALARMS[value]))
        elif isinstance(value, bool):
            if value:
                found.append(views.Reading(name=word, word=_("yes")))
        elif value not in (None, "", ()):
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            found.append(views.Reading(name=word, value=text))
    languages = readings.get("interpretation", ())
    if languages:
        named = (f"{one['number']} {one['name']}{' ●' if one['active'] else ''}" for one in languages)
        found.append(views.Reading(name=_("interpretation"), value=", ".join(named)))
    for name, word in (("seats", _("seats")), ("speakers", _("speaking")), ("waiting", _("waiting"))):
        if name in readings:
            found.append(views.Reading(name=word, value=str(len(readings[name]))))
    return tuple(found)


def mosaic(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.Mosaic:
    """Every room's programme and sources, as pictures; rooms on air come first."""
    rooms = []
    for room in controller.config.rooms:
        if seen and room.id not in seen:
            continue
        session = controller.sessions.in_room(room.id)
        air = air_of(controller, session)
        rooms.append(
            views.MosaicRoom(
                room=room.id,
                title=room_title(room, language),
                state=states_of(session, air)[0],
                on=air.on,
                viewers=air.viewers,
                sources=programme(controller, room.id, None, language).sources,
            )
        )
    return views.Mosaic(rooms=tuple(sorted(rooms, key=lambda one: not one.on)))
