"""Which acts can be asked for now, as buttons in the order of work. The services decide again when asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

from avctl.events import Reason
from avctl.model.account import Act, Role, permitted
from avctl.model.booking import Policy
from avctl.model.device import DeviceState
from avctl.model.floor import Floor
from avctl.model.session import BEFORE, MOVING, RUNNING, TIMED, Phase, Session
from dashboards.views import Air, Button
from dashboards.words import MODES, _

SOURCE = "streams.feed"
PROGRAMME = "programme-"
LENGTHS = (5, 10, 15, 30, 0)  # minutes; 0: until when is not known
CLOSING = ("closed", "leave-closed")  # the acts of whoever may close parts


def may(role: Role | None, act: Act) -> bool:
    """Whether somebody with this role (None: the public) may do it."""
    return role is not None and permitted(role, act)


def of_session(session: Session, air: Air, role: Role | None, prefix: str = "act") -> tuple[Button, ...]:
    """What can be done with a session now."""
    run, close = may(role, Act.RUN_SESSIONS), may(role, Act.CLOSE_PARTS)
    return tuple(
        button
        for button in _of_session(session, air, prefix)
        if (close if button.url.rpartition("/")[2] in CLOSING else run)
    )


def _of_session(session: Session, air: Air, prefix: str) -> Iterator[Button]:
    phase, closed = session.phase, session.reason is Reason.CLOSED

    def button(act: str, label: str, kind: str, key: str, again: str = "") -> Button:
        url = f"/control/{session.room}/sessions/{session.id}/{act}"
        return Button(
            id=f"{prefix}-{session.room}-{act}",
            url=url,
            label=label,
            kind=kind,
            key=key if prefix == "act" else "",  # several rooms on one page: no key is one room's
            again=again,
        )

    if phase is Phase.PLANNED:
        yield button("prepare", _("Prepare"), "next", "P")
    if phase is Phase.READY:
        yield button("prepare", _("Prepare again"), "", "P")
    if phase in BEFORE and session.booking.policy is Policy.LIVE and session.broadcastable and not air.on:
        label, again = _("Let viewers in: starting soon"), _("Press again: viewers see the slate")
        yield button("announce", label, "", "S", again)
    if phase in BEFORE:
        match session.booking.policy:
            case Policy.LIVE if session.broadcastable:
                yield button("open", _("Go on air"), "air", "G", _("Press again: go on air"))
            case Policy.DELAYED | Policy.RECORD if session.broadcastable:
                yield button("open", _("Begin, recording"), "air", "G", _("Press again: begin"))
            case _:
                yield button("open", _("Begin the session"), "next", "G", _("Press again: begin"))
    if phase is Phase.OPEN and session.booking.policy is Policy.LIVE and _missing(session, air):
        yield button("go-live", _("Go on air"), "air", "G", _("Press again: go on air"))
    if phase is Phase.SUSPENDED:
        if closed:
            again = _("Press again: viewers will see")
            yield button("leave-closed", _("Leave the closed part"), "air", "R", again)
        else:
            moves = session.reason in MOVING or session.lost > 0
            yield button("resume", _("Continue, end moves") if moves else _("Continue"), "next", "R")
            if moves:
                yield button("resume-as-planned", _("Continue, end as planned"), "", "")
    if phase in (Phase.OPEN, Phase.SUSPENDED) and not closed:
        if session.reason is not Reason.BREAK:
            yield button("break", _("Break"), "", "B")
        if session.reason is not Reason.TECHNICAL:
            yield button("technical", _("Technical pause"), "", "T")
        if session.reason is not Reason.AIR_RAID:
            yield button("air-raid", _("Air-raid alarm"), "", "A", _("Press again: air-raid alarm"))
        if session.reason is not Reason.POWER:
            yield button("power", _("Power cut"), "", "", _("Press again: power cut"))
        yield button("closed", _("Closed part"), "closed", "C")
    if phase in (Phase.OPEN, Phase.SUSPENDED):
        yield button("close", _("End the session"), "end", "E", _("Press again: end it"))


def of_lengths(session: Session, role: Role | None) -> tuple[Button, ...]:
    """A break of the usual lengths, or another time for the present interruption."""
    timed = session.phase is Phase.OPEN or session.reason in TIMED
    if not timed or session.phase not in RUNNING or not may(role, Act.RUN_SESSIONS):
        return ()
    reason = session.reason or Reason.BREAK
    return tuple(
        Button(
            id=f"act-{session.room}-{reason}-{minutes}",
            url=f"/control/{session.room}/sessions/{session.id}/{reason}/{minutes}",
            label=str(minutes) if minutes else _("no time"),
        )
        for minutes in LENGTHS
    )


def _missing(session: Session, air: Air) -> bool:
    return session.broadcastable and not air.going and air.state in ("none", "armed", "arming", "failed")


def of_device(device: DeviceState, role: Role | None) -> tuple[Button, ...]:
    """The simple acts of a device."""
    if not may(role, Act.OPERATE_DEVICES):
        return ()
    return tuple(_of_device(device))


def _of_device(device: DeviceState) -> Iterator[Button]:
    if not device.online:
        url = f"/control/{device.room}/devices/{device.id}/reconnect"
        yield Button(id=f"device-{device.id}-reconnect", url=url, label=_("Try again now"))
        if device.readings.get("wakes") is True:
            wakes = "Wake" in device.capabilities
            verb, values = ("wake", {}) if wakes else ("set_power", {"on": True})
            yield operate(device, verb, _("Wake") if wakes else _("Switch on"), dict(values))
        return
    if "Power" in device.capabilities:
        power = device.readings.get("power")
        if power is not True:
            yield operate(device, "set_power", _("Switch on"), {"on": True})
        else:
            off = _("Press again: switch off")
            yield operate(device, "set_power", _("Switch off"), {"on": False}, again=off)
    if "Recording" in device.capabilities and "Streaming" not in device.capabilities:
        if device.readings.get("recording") is not True:
            yield operate(device, "start_recording", _("Record"), {})
        else:
            yield operate(device, "stop_recording", _("Stop recording"), {}, again=_("Press again: stop"))
    if "Picture" in device.capabilities and isinstance(picture := device.readings.get("picture"), bool):
        label = _("Darken the picture") if picture else _("Show the picture")
        yield operate(device, "show_picture", label, {"on": not picture})
    if "Pages" in device.capabilities:
        yield operate(device, "reload_page", _("Load the page again"), {})
    if "Lock" in device.capabilities and isinstance(locked := device.readings.get("locked"), bool):
        label = _("Unlock the remote control") if locked else _("Lock the remote control")
        yield operate(device, "lock_remote", label, {"on": not locked})


def of_hall(hall: DeviceState, floor: Floor) -> Iterator[tuple[str, Button]]:
    """What can be asked of a discussion system as a whole, each under its verb."""

    def button(verb: str, label: str, again: str = "", **values: object) -> tuple[str, Button]:
        return verb, operate(hall, verb, label, values, again=again)

    if floor.waiting:
        yield button("next_speaker", _("Next speaker"))
    if floor.speakers:
        yield button("close_all_mics", _("Close all"), _("Press again: all off"))
    if floor.waiting:
        yield button("clear_requests", _("Clear the list"), _("Press again: clear"))
    speaking = {place.seat for place in floor.speakers}
    for seat, row in (floor.seats or {}).items():
        if row.get("chairman") and int(seat) not in speaking:
            yield button("take_priority", _("Chairman's priority"), seat=int(seat))
    if hall.readings.get("all_muted") is True:
        yield button("mute_all", _("Let them sound again"), on=False)
    elif "all_muted" in hall.readings:
        yield button("mute_all", _("Mute all"), _("Press again: mute all"), on=True)
    for mode in hall.readings.get("modes", ()):
        if mode != hall.readings.get("mode"):
            yield button("set_mode", MODES.get(mode, mode), _("Press again: change the mode"), mode=mode)
    most = hall.readings.get("max_open")
    if isinstance(most, int):
        yield button("set_max_open", _("One open microphone more"), count=most + 1)
        if most > 1:
            yield button("set_max_open", _("One open microphone fewer"), count=most - 1)


def operate(
    device: DeviceState, verb: str, label: str, values: dict[str, object], *, kind: str = "", again: str = ""
) -> Button:
    """A verb of a device with its arguments."""
    mark = "-".join(str(value).lower() for value in values.values())
    return Button(
        id=f"device-{device.id}-{verb}{'-' if mark else ''}{mark}",
        url=f"/control/{device.room}/devices/{device.id}/{verb}",
        label=label,
        kind=kind,
        again=again,
        values=json.dumps(values) if values else "",
    )
