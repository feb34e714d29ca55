"""What a device has many of, each with its acts: the outputs of a matrix, the outlets of a power strip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from avctl.model.account import Act, Role
from avctl.model.device import DeviceState
from dashboards import views
from dashboards.buttons import may, operate
from dashboards.words import _

MOST_BUTTONS = 100  # of a matrix: a bigger one is switched by the API, the command line or its own panel


def rows_of(device: DeviceState, role: Role | None) -> tuple[views.Row, ...]:
    """The outputs of a device that is online."""
    if not device.online:
        return ()
    able = may(role, Act.OPERATE_DEVICES)
    return (*_routes(device, able), *_outlets(device, able))


def _routes(device: DeviceState, able: bool) -> Iterator[views.Row]:
    routes: Mapping[str, str] = device.readings.get("routes", {})
    sources: Mapping[str, str] = device.readings.get("sources", {})
    outputs: Mapping[str, str] = device.readings.get("outputs", {})
    if "Routing" not in device.capabilities:
        return
    able = able and len(outputs) * len(sources) <= MOST_BUTTONS
    for output, name in outputs.items():
        now = routes.get(output, "")
        yield views.Row(
            name=name or output,
            value=sources.get(now) or now or "–",
            buttons=tuple(
                operate(device, "route", title or source, {"output": output, "source": source})
                for source, title in (sources.items() if able else ())
                if source != now
            ),
        )


def _outlets(device: DeviceState, able: bool) -> Iterator[views.Row]:
    outlets: Mapping[str, Mapping[str, Any]] = device.readings.get("outlets", {})
    for number, outlet in outlets.items() if "Outlets" in device.capabilities else ():
        on, amperes = outlet.get("on"), outlet.get("amperes")
        off, again = _("Press again: switch off"), _("Press again: cut the power for some seconds")
        acts = (
            (
                operate(
                    device, "switch_outlet", _("Switch off"), {"outlet": int(number), "on": False}, again=off
                ),
                operate(device, "cycle_outlet", _("Off and on"), {"outlet": int(number)}, again=again),
            )
            if on
            else (operate(device, "switch_outlet", _("Switch on"), {"outlet": int(number), "on": True}),)
        )
        yield views.Row(
            name=str(outlet.get("name") or number),
            value=f"{amperes:g} A" if on and amperes is not None else "",
            word="" if on and amperes is not None else _("on") if on else _("off"),
            buttons=acts if able else (),
        )
