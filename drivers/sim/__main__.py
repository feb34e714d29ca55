"""One simulated device by itself, for those who write drivers elsewhere: ``python -m drivers.sim MAKE``."""

from __future__ import annotations

import argparse
import asyncio
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avctl.config import Config, Device, Room, Simulators
from avctl.driver import known
from avctl.driver import load as driver_of
from avctl.errors import AvctlError
from drivers.sim.control import House, load, simulate, until_told

LAST_PORT = 65535
SAID = {"organisation": "28c94bad-f024-4289-a986-f9d79c9d8102"}  # where not every text does


def makes() -> tuple[str, ...]:
    """The makes that have a simulator."""
    found = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
    return tuple(name for name in known() if name in found)


def needed(make: str) -> dict[str, Any]:
    """What a driver must be told, such as a key: alone any does, for it is said when the simulator starts."""
    fields = driver_of(make).Options.model_fields
    return {
        name: SAID.get(name, 1 if field.annotation is int else f"{make}-{name}".replace("_", "-"))
        for name, field in fields.items()
        if field.is_required()
    }


def option(text: str) -> tuple[str, Any]:
    """NAME=VALUE, the value as JSON where it is that, else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"NAME=VALUE (got {text!r})")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m drivers.sim",
        description="Runs one simulated device until it is stopped, and a port on which faults are made: "
        "GET /simulators lists what can be done, POST /simulators/device/unplug pulls the cable.",
    )
    made.add_argument("make", choices=makes(), metavar="MAKE", help=f"one of {', '.join(makes())}")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument("--port", help="port to listen on, 0 for a free one, or a path for a serial line")
    made.add_argument("--control", type=int, default=0, help="port of the faults; 0 takes a free one")
    made.add_argument(
        "--option",
        type=option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="as in [devices.options]",
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run it; 0 when it was stopped, 1 when it could not begin, 2 when it was asked for wrongly."""
    said = parser().parse_args(words)
    port = int(said.port) if said.port and said.port.isdigit() else said.port
    if isinstance(port, int) and port > LAST_PORT:
        parser().error(f"argument --port: a number from 0 to {LAST_PORT} (got {port})")
    given = dict(said.option)
    missing = {name: value for name, value in needed(said.make).items() if name not in given}
    device = Device(id="device", room="bench", driver=said.make, host=said.host, options={**missing, **given})
    config = Config(
        rooms=(Room(id="bench", title="Bench"),),
        devices=(device.model_copy(update={"port": port}),),  # 0 too, which a configuration does not take
        simulators=Simulators().model_copy(update={"port": said.control}),
    )
    try:
        load(config.devices[0])
        for name, value in missing.items():
            print(f"--option {name}={value}", flush=True)
        asyncio.run(until_told(simulate(config, _started)))
    except AvctlError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _started(house: House, control: int) -> None:
    for simulator in house.list():
        print(f"{simulator.driver} at {simulator.address}; faults at 127.0.0.1:{control}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
