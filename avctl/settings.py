"""Which readings are settings: set by somebody, meant to stay, and what brings each back.

A capability lists them as ``keeps``. A setting is read as a flat table, ``channels.3.muted`` for a strip's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Act = tuple[str, Mapping[str, Any]]
NEAR = 0.5  # decibels: a fader comes back to its own step, not to the number


@dataclass(frozen=True)
class Setting:
    """``read`` takes it out of the readings, as far as it is known; ``restore`` is the verb that sets it."""

    read: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    restore: Callable[[str, Any], Act]


Settings = tuple[Setting, ...]


def plain(reading: str, verb: str, argument: str) -> Setting:
    """A reading that one argument of a verb sets."""

    def read(readings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {reading: readings[reading]} if readings.get(reading) is not None else {}

    return Setting(read, lambda _, value: (verb, {argument: value}))


def _wall(readings: Mapping[str, Any]) -> Mapping[str, Any]:
    if readings.get("wall") is not True:
        return {"wall": ""} if readings.get("wall") is False else {}
    place = tuple(readings.get(name) for name in ("rows", "columns", "tile"))
    return {} if None in place else {"wall": "{} x {}, {}".format(*place)}


def _join(_: str, value: Any) -> Act:
    if not value:
        return "leave_wall", {}
    size, _comma, tile = str(value).partition(", ")
    rows, _x, columns = size.partition(" x ")
    return "join_wall", {"rows": int(rows), "columns": int(columns), "tile": int(tile)}


def _strips(readings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        f"channels.{number}.{name}": strip[name]
        for number, strip in readings.get("channels", {}).items()
        for name in ("muted", "level")
        if name in strip
    }


def _set_strip(key: str, value: Any) -> Act:
    _, number, name = key.split(".")
    channel = int(number) if number.isdecimal() else number
    if name == "muted":
        return "mute_channel", {"channel": channel, "on": value}
    return "set_level", {"channel": channel, "decibels": -90.0 if value is None else float(value)}


def _routes(readings: Mapping[str, Any]) -> Mapping[str, Any]:
    # What is on air, and what comes next, is work and no setting.
    routes = readings.get("routes", {}).items()
    return {f"routes.{output}": source for output, source in routes if output not in ("program", "preview")}


def _route(key: str, value: Any) -> Act:
    return "route", {"output": key.partition(".")[2], "source": value}


ROUTES = Setting(_routes, _route)
WALL = Setting(_wall, _join)
STRIPS = Setting(_strips, _set_strip)


def same(one: Any, other: Any) -> bool:
    """Whether two values of a setting are the same for a person."""
    numbers = all(isinstance(value, float | int) and not isinstance(value, bool) for value in (one, other))
    if numbers and (isinstance(one, float) or isinstance(other, float)):
        return bool(abs(one - other) <= NEAR)
    return bool(one == other)
