"""The cameras of a room's page: who has them, and the shots stored at seats."""

from __future__ import annotations

import json

from avctl.model.account import Act, Role
from avctl.model.device import DeviceState
from avctl.services.controller import Controller
from dashboards import views
from dashboards.air import air_of
from dashboards.buttons import may
from dashboards.words import _


def cameras(controller: Controller, subject: str, role: Role | None, language: str) -> views.Cameras:
    """Who has the cameras, what each does, and the shots of seats."""
    framing = controller.framings.get(subject)
    found = controller.house.in_room(subject, "Camera")
    titles = {state.id: state.title for state in found}
    able = may(role, Act.OPERATE_DEVICES) and bool(found)
    air = air_of(controller, controller.sessions.in_room(subject))
    feeds = {device.id: device.feeds for device in controller.config.in_room(subject)}
    floor = controller.follow.floor(subject)
    stored = sorted(framing.shots, key=lambda one: (one.seat, one.camera))
    hold = None
    if able and framing.held:
        hold = _button(subject, "release", _("Follow the microphones"), kind="next", key="H")
    elif able:
        hold = _button(subject, "hold", _("Hold the cameras"), key="H")
    return views.Cameras(
        held=framing.held,
        held_by=framing.held_by,
        until=framing.held_until,
        hold=hold,
        cameras=tuple(
            views.CameraView(
                id=state.id,
                title=state.title,
                online=state.online,
                preset=state.readings.get("preset"),
                moving=state.readings.get("moving") is True,
                on_air=air.on and not air.slate and feeds.get(state.id) == air.source,
                store=_button(subject, "store", state.title, state.id) if able and state.online else None,
            )
            for state in found
        ),
        speaking=tuple(
            views.SeatShot(
                seat=place.seat,
                name=place.name,
                buttons=tuple(_store(subject, state, place.seat) for state in found if state.online),
            )
            for place in (floor.speakers if able and floor is not None and floor.known else ())
        ),
        stored=tuple(
            views.SeatShot(
                seat=one.seat,
                name=controller.participants.who(subject, one.seat).name,
                camera=titles.get(one.camera, one.camera),
                preset=one.preset,
                buttons=(_forget(subject, one.seat, one.camera),) if able else (),
            )
            for one in stored
        ),
    )


def _store(room: str, state: DeviceState, seat: int) -> views.Button:
    return _button(room, "store", state.title, state.id, seat)


def _forget(room: str, seat: int, camera: str) -> views.Button:
    again = _("Press again: give it up")
    return _button(room, "forget", _("Give up"), camera, seat, again=again)


def _button(
    room: str,
    act: str,
    label: str,
    camera: str = "",
    seat: int | None = None,
    *,
    kind: str = "",
    key: str = "",
    again: str = "",
) -> views.Button:
    values: dict[str, object] = {"camera": camera} if camera else {}
    if seat is not None:
        values["seat"] = seat
    mark = "".join(f"-{value}" for value in values.values())
    return views.Button(
        id=f"cameras-{room}-{act}{mark}",
        url=f"/control/{room}/cameras/{act}",
        label=label,
        kind=kind,
        key=key,
        again=again,
        values=json.dumps(values) if values else "",
    )
