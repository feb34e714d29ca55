"""Which acts can be asked for now, as buttons in the order of work. The services decide again when asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

from avctl.events import Reason
from avctl.model.account import Act, Role, permitted
from avctl.model.device import DeviceState
from avctl.model.session import BEFORE, Phase, Policy, Session
from dashboards.views import Air, Button
from dashboards.words import _

SOURCE = "streams.feed"
PROGRAMME = "programme-"
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
            yield button("resume", _("Continue"), "next", "R")
    if phase in (Phase.OPEN, Phase.SUSPENDED) and not closed:
        if session.reason is not Reason.BREAK:
            yield button("break", _("Break"), "", "B")
        if session.reason is not Reason.TECHNICAL:
            yield button("technical", _("Technical pause"), "", "T")
        yield button("closed", _("Closed part"), "closed", "C")
    if phase in (Phase.OPEN, Phase.SUSPENDED):
        yield button("close", _("End the session"), "end", "E", _("Press again: end it"))


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
    elif "Power" in device.capabilities:
        power = device.readings.get("power")
        if power is not True:
            yield operate(device, "set_power", _("Switch on"), {"on": True})
        else:
            off = _("Press again: switch off")
            yield operate(device, "set_power", _("Switch off"), {"on": False}, again=off)


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
