"""The lobby: every screen with what it really shows, emergencies, the mains; and the banner of all pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from avctl.events import Link, now
from avctl.model.account import Act, Role
from avctl.model.air_raid import PARTLY, SUSPEND, UNKNOWN
from avctl.model.device import DeviceState
from avctl.model.emergency import AIR_RAID, TEXT
from avctl.model.playing import Place
from avctl.model.session import OVER
from avctl.services.controller import Controller
from dashboards import views
from dashboards.building_words import CONTENT_KINDS, SCREEN_STATES
from dashboards.buttons import may, operate
from dashboards.room import reached, room_of, room_title
from dashboards.words import ALARMS, LINKS, _

GOOD = ("ok", "loading")


# --- the banner of every page ---------------------------------------------------------------------------


def banner(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.Banner:
    """The air raid and the emergency, as everybody on duty must know them."""
    raid = controller.air_raids.now
    order = controller.everywhere.state.shown
    look, word = "", ""
    lines = tuple(_lines(controller, role, language, seen))
    if raid.lasts:
        look = "raid" if raid.alarm != UNKNOWN else "raid lost"
        word = _("Air-raid alarm")
        if raid.alarm == PARTLY:
            word = _("Air-raid alarm in a part of the region")
    elif raid.alarm == PARTLY:
        look, word = "partly", _("Air-raid alarm in a part of the region")
    elif raid.alarm == UNKNOWN and any(one.rule == "alarm_unknown" for one in controller.alerts.raised()):
        look, word = "unknown", _("Whether there is an air-raid alarm is not known")
    elif lines:
        look, word = "clear", _("All clear")
    text = order.text if order is not None and order.kind == TEXT else ""
    return views.Banner(
        look=look,
        word=word,
        level=ALARMS.get(raid.level, ""),
        since=_moment(raid.since) or raid.began_at if raid.lasts else None,
        lost_since=raid.changed_at if raid.alarm == UNKNOWN and look else None,
        heard_at=_moment(raid.heard_at) if raid.alarm == UNKNOWN else None,
        lines=lines,
        emergency=text,
        missed=sum(
            reached(_room(controller, name), seen)
            for name in controller.everywhere.state.missed
            # Of an emergency that is over, one that is away shows nothing, and is an alert of its own.
            if order is not None or (name in controller.house and controller.house.state(name).online)
        ),
    )


def _lines(
    controller: Controller, role: Role | None, language: str, seen: tuple[str, ...]
) -> Iterator[views.BannerLine]:
    for name, suggestion in controller.air_raids.now.suggestions.items():
        session = next((one for one in controller.sessions if one.id == name), None)
        if session is None or not reached(session.room, seen):
            continue  # of long ago, or somebody else's affair
        suspend = suggestion.what == SUSPEND
        base = f"/control/{session.room}/sessions/{name}"
        buttons = (
            views.Button(
                id=f"raid-{name}-{suggestion.what}",
                url=f"{base}/{'air-raid' if suspend else 'resume'}",
                label=_("Suspend: air raid") if suspend else _("Continue"),
                kind="next" if not suspend else "primary",
                again=_("Press again: suspend") if suspend else _("Press again: go on"),
            ),
            views.Button(
                id=f"raid-{name}-leave",
                url=f"/alarm/suggestions/{name}/dismiss",
                label=_("Leave as it is"),
            ),
        )
        yield views.BannerLine(
            session=name,
            title=session.title,
            room=room_title(room_of(controller, session.room), language) if session.room else "",
            word=_("should be suspended") if suspend else _("could go on"),
            acts_at=suggestion.acts_at,
            url=f"/control/{session.room}",
            buttons=buttons if may(role, Act.RUN_SESSIONS) else (),
        )


def _room(controller: Controller, device: str) -> str:
    return controller.house.state(device).room if device in controller.house else ""


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is not None else None
    return None


def emergency(controller: Controller, subject: str, role: Role | None, language: str) -> views.EmergencyView:
    """What every screen shows."""
    order, alarm = controller.everywhere.state.shown, controller.config.alarm
    return views.EmergencyView(
        kind=order.kind if order is not None else "",
        title=order.title if order is not None else "",
        text=order.text if order is not None else "",
        shelter=alarm.shelter,
        shelter_en=alarm.shelter_en,
        council=controller.config.site.council,
    )


# --- screens ----------------------------------------------------------------------------------------------


def lobby(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.LobbyView:
    """Emergencies and every screen, those with a fault first."""
    everywhere = controller.everywhere
    state, order = everywhere.state, everywhere.state.shown
    mine = {one.id: one for one in everywhere.screens() if reached(one.room, seen)}
    screens = [tile(controller, one, role, language) for one in mine.values()]
    order_of = {"bad": 0, "warn": 1, "good": 2, "idle": 3}
    screens.sort(key=lambda one: (order_of.get(one.look, 3), one.title))
    missed = [
        (controller.house.state(name).title if name in controller.house else name, why)
        for name, why in state.missed.items()
        if not seen or name in mine
    ]
    took = [seconds for name, seconds in state.reached.items() if not seen or name in mine]
    had = sum(not seen or name in mine for name in state.before)
    may_show = may(role, Act.SHOW_EMERGENCIES)
    return views.LobbyView(
        kind=order.kind if order is not None else "",
        text=" · ".join(filter(None, (order.title, order.text))) if order is not None else "",
        by=order.by if order is not None else "",
        at=order.at if order is not None else None,
        reached=len(took),
        slowest=max(took, default=0.0),
        wanted=had if order is not None else 0,
        returning=0 if order is not None else had,
        missed=tuple(missed),
        may=may_show,
        raid=_act("raid", AIR_RAID, _("Air-raid page on every screen"), _("Press again: every screen"))
        if may_show and AIR_RAID not in state.orders
        else None,
        show=_act("show", TEXT, _("Show on every screen"), _("Press again: every screen"))
        if may_show
        else None,
        lift=tuple(
            views.Button(
                id=f"emergency-lift-{kind}",
                url=f"/lobby/emergency/{kind}/end",
                label=_("End the air-raid page") if kind == AIR_RAID else _("End the emergency"),
                kind="end",
                again=_("Press again: end it"),
            )
            for kind in state.orders
            if may_show
        ),
        screens=tuple(screens),
    )


def _act(name: str, kind: str, label: str, again: str) -> views.Button:
    return views.Button(
        id=f"emergency-{name}", url=f"/lobby/emergency/{kind}", label=label, kind="air", again=again
    )


def tile(controller: Controller, state: DeviceState, role: Role | None, language: str) -> views.ScreenTile:
    """One screen: what it is, really shows, and should show."""
    pages = "Pages" in state.capabilities
    showing = str(state.readings.get("showing", "unknown" if pages else ""))
    look, word = "good", SCREEN_STATES.get(showing, showing)
    if not state.online:
        look, word = "bad" if state.link in (Link.OFFLINE, Link.REFUSED) else "idle", LINKS[state.link]
    elif not pages:
        on = state.readings.get("power")
        look = "good" if on is True else "idle"
        word = _("on") if on is True else _("off") if on is False else _("not known")
    elif showing not in GOOD:
        look = "warn" if showing in ("wrong page", "unknown") else "bad"
    playing, here, after = controller.lobby.now_and_next(state.id, now()) if pages else (None, None, None)
    everywhere = controller.everywhere
    emergency_now = everywhere.state.shown is not None and state.id in everywhere.state.before
    missed, player = everywhere.state.missed.get(state.id, ""), everywhere.player(state.id)
    if playing is not None and look == "good" and not emergency_now and state.readings.get("page") != player:
        look, word = "warn", SCREEN_STATES["wrong page"]
    if missed and look == "good":
        look = "warn"
    return views.ScreenTile(
        id=state.id,
        title=state.title,
        place=room_title(room_of(controller, state.room), language),
        look=look,
        word=word,
        since=controller.pictures.since(state.id),
        reason=state.reason or str(state.readings.get("fault", "") or ""),
        page=str(state.readings.get("page", "") or state.readings.get("input", "") or ""),
        picture=f"/lobby/screens/{state.id}/picture" if pages else "",
        every=max(5, round(controller.config.lobby.picture_seconds)),
        now=_("the emergency") if emergency_now else _named(here),
        then=_named(after),
        playlist=playing.title if playing is not None else "",
        memorial=state.id in controller.lobby.memorials(),
        missed=missed,
        url=f"/control/{state.room}",
        buttons=tuple(_screen_buttons(controller, state, role)) if pages else (),
    )


def _named(place: Place | None) -> str:
    return place.content.title if place is not None else ""


def _screen_buttons(controller: Controller, state: DeviceState, role: Role | None) -> Iterator[views.Button]:
    if not state.online or not may(role, Act.OPERATE_DEVICES):
        return
    yield operate(state, "reload_page", _("Load again"), {})
    player = controller.everywhere.player(state.id)
    if not state.readings.get("pages") and state.readings.get("page") != player:
        yield operate(
            state, "show_page", _("Our player"), {"url": player}, again=_("Press again: our player")
        )


# --- the mains --------------------------------------------------------------------------------------------


def mains(
    controller: Controller, subject: str, role: Role | None, language: str, seen: tuple[str, ...] = ()
) -> views.MainsView:
    """Batteries, what was shed for them, and announced blackouts."""
    watch, state = controller.mains, controller.mains.state
    units = [one for one in controller.house if "Ups" in one.capabilities and reached(one.room, seen)]
    return views.MainsView(
        units=tuple(_ups(controller, one) for one in units),
        loads=tuple(
            views.LoadRow(
                title=load.title or load.id,
                look="warn" if load.id in state.shed else "good",
                word=_("switched off for the battery")
                if load.id in state.shed
                else _("left on: it is on air")
                if load.id in state.spared
                else _("as it should be"),
                fault=state.faults.get(load.id, ""),
            )
            for load in watch.loads
            if reached(_room(controller, load.device), seen)
        ),
        blackouts=tuple(
            views.BlackoutRow(
                id=one.id,
                begins_at=one.begins_at,
                ends_at=one.ends_at,
                note=one.note,
                now=one.holds(now()),
                hits=tuple(
                    (f"/schedule/{session.id}", session.title)
                    for session in controller.sessions
                    if session.phase not in OVER
                    and one in controller.blackouts.during(session.booking)
                    and reached(session.room, seen)
                ),
                remove=views.Button(
                    id=f"remove-{one.id}",
                    url=f"/lobby/blackouts/{one.id}/remove",
                    label=_("Remove"),
                    again=_("Remove it: it will not come"),
                )
                if may(role, Act.FILL_SCREENS)
                else None,
            )
            for one in controller.blackouts.coming()
        ),
    )


def _ups(controller: Controller, unit: DeviceState) -> views.UpsRow:
    said = controller.mains.on_battery(unit.id)
    charge, runtime = unit.readings.get("charge"), unit.readings.get("runtime")
    words = {True: _("on battery"), False: _("mains"), None: _("not known")}
    looks = {True: "warn", False: "good", None: "idle"}
    return views.UpsRow(
        title=unit.title,
        look=looks[said],
        word=words[said],
        since=controller.mains.state.lost.get(unit.id),
        charge=charge if isinstance(charge, int) and said is not None else None,
        minutes=runtime // 60 if isinstance(runtime, int) and said is not None else None,
    )


def kind_word(kind: str) -> str:
    """What a kind of content is called."""
    return CONTENT_KINDS.get(kind, kind)
