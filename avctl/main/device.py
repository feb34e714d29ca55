"""``avctl device``: one device from the shell, without the controller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avctl.errors import AvctlError, BadArgument

if TYPE_CHECKING:
    from avctl.bus import Subscription

app = typer.Typer(help="Look at one device, or use it, from the shell.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", help="Configuration file that names the device.")]
Device = Annotated[str, typer.Argument(help="Id of the device, as the configuration names it.")]

PATIENCE = 5.0  # seconds for a device to answer
QUIET, TELLING = 0.3, 2.0  # a device has told everything when it is silent so long, or told for so long


@app.command(name="list")
def list_(config: ConfigOption) -> None:
    """List every device with its link, its room and what it can do."""
    from rich.console import Console
    from rich.table import Table

    table = Table("device", "room", "driver", "link", "can")
    for state in asyncio.run(_look(config, None)):
        link = str(state.link) + (f": {state.reason}" if state.reason else "")
        table.add_row(state.id, state.room, state.driver, link, ", ".join(state.capabilities))
    Console().print(table)


@app.command()
def show(device: Device, config: ConfigOption) -> None:
    """Show what a device reports and which verbs it has."""
    from avctl.capabilities import verbs_of
    from avctl.driver import load

    try:
        state = asyncio.run(_look(config, device))[0]
    except AvctlError as fault:
        _fail(fault)
    typer.echo(f"{state.title}: {state.link} {state.reason}".rstrip())
    typer.echo(json.dumps(dict(state.readings), ensure_ascii=False, indent=2, default=str))
    for name, verb in verbs_of(load(state.driver)).items():
        typer.echo(f"  {name}: {(verb.__doc__ or '').splitlines()[0]}")
    if not state.online:
        raise typer.Exit(1)


@app.command()
def call(
    device: Device,
    verb: Annotated[str, typer.Argument(help="Verb, such as set_power.")],
    config: ConfigOption,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments as name=value, such as on=true.")
    ] = None,
) -> None:
    """Use a verb of a device and show the event that confirmed it."""
    try:
        typer.echo(json.dumps(asyncio.run(_call(config, device, verb, arguments or [])), ensure_ascii=False))
    except AvctlError as fault:
        _fail(fault)


def _fail(fault: AvctlError) -> Any:
    typer.echo(str(fault), err=True)
    raise typer.Exit(1) from fault


@asynccontextmanager
async def _house(path: Path, device: str | None) -> AsyncIterator[Any]:
    """The devices of a file, or one of them, given a little time to answer."""
    from avctl.bus import Bus
    from avctl.config import read
    from avctl.errors import NotFound
    from avctl.events import Link
    from avctl.services.house import House

    config = read(path)
    devices = tuple(one for one in config.devices if device in (None, one.id))
    if device is not None and not devices:
        raise NotFound(f"there is no device {device!r} in {path}")
    bus = Bus()
    with bus.subscribe() as heard:
        house = House(config.model_copy(update={"devices": devices}), bus)
        async with house.running():
            with suppress(TimeoutError):  # those that did not answer are shown as they are
                async with asyncio.timeout(PATIENCE):
                    while any(state.link is Link.CONNECTING for state in house):
                        await heard.next()
            if device is not None:  # it is online with its first answer, and tells more
                await _silence(heard)
            yield house


async def _silence(heard: Subscription) -> None:
    """Wait until a device has told everything."""
    end = asyncio.get_running_loop().time() + TELLING
    with suppress(TimeoutError):
        while (now := asyncio.get_running_loop().time()) < end:
            async with asyncio.timeout_at(min(end, now + QUIET)):
                await heard.next()


async def _look(path: Path, device: str | None) -> list[Any]:
    async with _house(path, device) as house:
        return list(house)


async def _call(path: Path, device: str, verb: str, given: list[str]) -> Any:
    from avctl.commands import Operate
    from avctl.events import encode

    arguments = dict(_argument(text) for text in given)
    async with _house(path, device) as house:
        event = await house.operate(Operate(actor="shell", device=device, verb=verb, arguments=arguments))
        return encode(event)


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadArgument(text, "an argument is name=value, such as on=true")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
