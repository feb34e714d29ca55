"""Every fault of a configuration at once, with the drivers' own options; touches no device."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from avctl.capabilities import Camera, Inputs, Mixing, Outlets, Power, Ups, arguments_of, lacks_of, verbs_of
from avctl.config import Filled, Preparation, parse, tables, tables_of
from avctl.config.section import LINE
from avctl.driver import Driver, known, load
from avctl.errors import ConfigError
from avctl.faults import close, faults_of

KEEP_PRESET = Preparation().keep_preset
_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\s\"-]+?)\s*\]\]?\s*(#.*)?$")
_SETTING = re.compile(r"^\s*([\w.-]+)\s*=")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing a person must put right. ``line`` is where in the file it most likely stands; 0: unknown."""

    key: str
    expected: str
    line: int = 0


def print_report(path: Path, environment: Mapping[str, str] | None = None) -> int:
    """Say on standard output that a file is good, or on standard error all that is not; the exit code."""
    found = faults(path, environment)
    if not found:
        print(f"{path}: no faults")
        return 0
    for fault in found:
        place = f" [line {fault.line}]" if fault.line else ""
        print(
            ": ".join(filter(None, (str(path), fault.key, f"expected {fault.expected}{place}"))),
            file=sys.stderr,
        )
    return 1


def faults(path: Path, environment: Mapping[str, str] | None = None) -> list[Fault]:
    """Everything wrong with a file, in the order of its lines; secrets are sought in ``environment``."""
    environment = os.environ if environment is None else environment
    found: list[tuple[str, str]] = []
    try:
        written = tables(path)
    except ConfigError as unreadable:
        return [Fault(key=key, expected=expected) for key, expected in unreadable.faults]
    try:
        parse(written, str(path), environment)
    except ConfigError as broken:
        found.extend(broken.faults)
    filled = Filled(written, environment)
    devices = [_Device(f"devices[{at}]", table) for at, table in enumerate(tables_of(filled.data, "devices"))]
    for device in devices:
        found.extend(device.read(filled))
    found.extend(_shared_addresses(devices))
    found.extend(_shots(filled.data, devices))
    found.extend(_mixers(filled.data, devices))
    found.extend(_building(filled.data, devices))
    found.extend(_steps(filled.data, devices))
    found.extend(_same_names(filled.data))
    lines = _lines(path.read_text(encoding="utf-8"))
    unique = dict.fromkeys(found)
    located = [Fault(key=key, expected=expected, line=_line(key, lines)) for key, expected in unique]
    return sorted(located, key=lambda fault: fault.line)


class _Device:
    """A device as far as it can be understood: its driver and that driver's options, if they are good."""

    def __init__(self, place: str, table: Mapping[str, Any]) -> None:
        self.place, self.table = place, table
        self.driver: type[Driver] | None = None
        self.options: BaseModel | None = None

    def read(self, filled: Filled) -> Iterator[tuple[str, str]]:
        """Find driver and options; what is wrong with them."""
        name = self.table.get("driver")
        if not isinstance(name, str):
            return  # said already: the key is missing, or not text
        try:
            self.driver = load(name)
        except ConfigError:
            names = known()
            yield (
                f"{self.place}.driver",
                f"a driver: {', '.join(names)} (there is no {name!r}{close(name, names)})",
            )
            return
        except (ImportError, SyntaxError) as broken:
            yield f"{self.place}.driver", f"a driver that can be imported ({broken})"
            return
        port = self.table.get("port")
        if isinstance(port, str) and LINE.match(port) and not self.driver.serial:
            yield f"{self.place}.port", f"a port from 1 to 65535: {name} has no serial line (got {port!r})"
        options = self.table.get("options", {})
        try:
            self.options = self.driver.Options.model_validate(options if isinstance(options, Mapping) else {})
        except ValidationError as problem:
            place = f"{self.place}.options"
            for key, expected in faults_of(problem, self.driver.Options, filled.hidden, place):
                if key not in filled.missing:
                    yield key, expected
        yield from self._preparation(self.driver)

    def _preparation(self, driver: type[Driver]) -> Iterator[tuple[str, str]]:
        wanted = self.table.get("prepare", {})
        for name, arguments in wanted.items() if isinstance(wanted, Mapping) else ():
            key = f"{self.place}.prepare.{name}"
            yield from _use(driver, name, arguments, key, key)


def _use(driver: type[Driver], name: str, arguments: Any, key: str, under: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a use of a verb; ``under`` is where its arguments stand."""
    verbs = verbs_of(driver)
    if lack := lacks_of(driver).get(name):
        yield key, f"a verb of this driver; it cannot {name}: {lack}"
    elif name not in verbs:
        yield key, f"a verb of this driver: {', '.join(verbs)} (there is no {name!r}{close(name, verbs)})"
    elif isinstance(arguments, Mapping):
        model = arguments_of(verbs[name])
        try:
            model.model_validate(dict(arguments))
        except ValidationError as problem:
            yield from faults_of(problem, model, under=under)


def _shared_addresses(devices: list[_Device]) -> Iterator[tuple[str, str]]:
    """Two devices behind one address that their driver cannot tell apart."""
    taken: dict[tuple[Any, ...], str] = {}
    for device in devices:
        if device.driver is None or device.options is None:
            continue
        host, port = device.table.get("host", "127.0.0.1"), device.table.get("port", device.driver.port)
        option = device.driver.told_apart_by if isinstance(port, int) else device.driver.shares_line
        if not port:
            continue
        where = f"{host}:{port}" if isinstance(port, int) else str(port)
        address = (device.driver, where, repr(getattr(device.options, option)) if option else "")
        if address in taken:
            remedy = f", or another {option}" if option else ""
            yield f"{device.place}.port", f"an address of its own{remedy} ({taken[address]} has {where} too)"
        taken.setdefault(address, device.place)


def _shots(data: Mapping[str, Any], devices: list[_Device]) -> Iterator[tuple[str, str]]:
    """Shots by devices that are no cameras, of nobody, or of a seat the same camera shows elsewhere."""
    drivers = {str(device.table.get("id")): device.driver for device in devices}
    for at, room in enumerate(tables_of(data, "rooms")):
        shown: dict[tuple[str, int], int] = {}
        for kind in ("wide", "shots"):
            for number, shot in enumerate(tables_of(room, kind)):
                place, camera = f"rooms[{at}].{kind}[{number}]", str(shot.get("camera"))
                driver = drivers.get(camera)
                if driver is not None and not issubclass(driver, Camera):
                    yield f"{place}.camera", f"a camera ({camera!r} is none)"
                if kind == "wide":
                    continue
                seats = _seats(shot)
                if not seats:
                    yield place, "the seats it shows: seats, or first and last"
                twice = next((seat for seat in seats if (camera, seat) in shown), None)
                if twice is not None:
                    other = shown[camera, twice]
                    yield place, f"seats of its own for {camera} (seat {twice} is in shots[{other}] too)"
                shown.update(((camera, seat), number) for seat in seats)


def _mixers(data: Mapping[str, Any], devices: list[_Device]) -> Iterator[tuple[str, str]]:
    """Rooms whose mixer is none."""
    drivers = {str(device.table.get("id")): device.driver for device in devices}
    for at, room in enumerate(tables_of(data, "rooms")):
        sound = room.get("sound")
        mixer = str(sound.get("mixer")) if isinstance(sound, Mapping) else ""
        driver = drivers.get(mixer)
        if driver is not None and not issubclass(driver, Mixing):
            yield f"rooms[{at}].sound.mixer", f"a mixer ({mixer!r} is none)"


def _building(data: Mapping[str, Any], devices: list[_Device]) -> Iterator[tuple[str, str]]:
    """Displays that cannot be switched to an emergency, loads that cannot be shed, and what is no UPS."""
    drivers = {str(device.table.get("id")): device.driver for device in devices}
    lobby, power = (data.get(name) for name in ("lobby", "power"))
    inputs = lobby.get("inputs") if isinstance(lobby, Mapping) else None
    for name in inputs if isinstance(inputs, Mapping) else ():
        driver = drivers.get(name)
        if driver is not None and not (issubclass(driver, Power) and issubclass(driver, Inputs)):
            yield f"lobby.inputs.{name}", f"a display with power and inputs ({name!r} is none)"
    for at, table in enumerate(tables_of(power, "loads") if isinstance(power, Mapping) else ()):
        driver, ups = drivers.get(str(table.get("device"))), drivers.get(str(table.get("ups")))
        wanted, named = (Outlets, "outlets") if table.get("outlet") else (Power, "power of its own")
        if driver is not None and not issubclass(driver, wanted):
            yield f"power.loads[{at}].device", f"a device with {named} ({table.get('device')!r} has none)"
        if ups is not None and not issubclass(ups, Ups):
            yield f"power.loads[{at}].ups", f"a UPS ({table.get('ups')!r} is none)"


def _steps(data: Mapping[str, Any], devices: list[_Device]) -> Iterator[tuple[str, str]]:
    """Steps of rooms that their devices cannot take, and a preset of theirs that shots have too."""
    drivers = {str(device.table.get("id")): device.driver for device in devices}
    wanted = data.get("preparation")
    kept = wanted.get("keep_preset", KEEP_PRESET) if isinstance(wanted, Mapping) else KEEP_PRESET
    for at, room in enumerate(tables_of(data, "rooms")):
        for number, step in enumerate(tables_of(room, "prepare")):
            place, driver = f"rooms[{at}].prepare[{number}]", drivers.get(str(step.get("device")))
            if driver is not None and isinstance(verb := step.get("verb"), str):
                arguments = step.get("arguments", {})
                yield from _use(driver, verb, arguments, f"{place}.verb", f"{place}.arguments")
        for kind in ("wide", "shots"):
            for number, shot in enumerate(tables_of(room, kind)):
                if shot.get("preset") == kept:
                    yield (
                        f"rooms[{at}].{kind}[{number}].preset",
                        f"another number: {kept} keeps a camera's own shot (preparation.keep_preset)",
                    )


def _seats(shot: Mapping[str, Any]) -> list[int]:
    single, first, last = shot.get("seats", ()), shot.get("first"), shot.get("last")
    seats = [seat for seat in single if isinstance(seat, int)] if isinstance(single, list) else []
    if isinstance(first, int) and isinstance(last, int):
        seats += range(first, min(last, first + 10_000) + 1)
    return seats


def _same_names(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    broadcast = data.get("broadcast")
    names = (
        [rung.get("name") for rung in tables_of(broadcast, "renditions")]
        if isinstance(broadcast, Mapping)
        else []
    )
    for at, name in enumerate(names):
        if name is not None and name in names[:at]:
            yield f"broadcast.renditions[{at}].name", f"a name of its own ({name!r} is used above)"


def _lines(text: str) -> dict[str, int]:
    """The line of each key, as far as tables and keys stand on lines of their own."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = ""
            parts = [part.strip().strip('"') for part in header[2].split(".")]
            for depth, part in enumerate(parts):
                table = f"{table}.{part}".lstrip(".")
                last = depth == len(parts) - 1
                if last and header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = f"{table}[{counts[table]}]"
            lines.setdefault(table, number)
        elif setting := _SETTING.match(line):
            lines.setdefault(f"{table}.{setting[1]}".lstrip("."), number)
    return lines


def _line(key: str, lines: Mapping[str, int]) -> int:
    """The line of a key, or of the nearest thing around it."""
    while key:
        if key in lines:
            return lines[key]
        key = key[: max(key.rfind("."), key.rfind("["))] if "." in key or "[" in key else ""
    return 0
