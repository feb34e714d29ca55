"""The command line: the roof of the house, imported by nobody.

Heavy parts are imported inside the commands, so that ``avctl --help`` is quick.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from avctl.errors import AvctlError, ConfigError
from avctl.main import device, record, seal, user

app = typer.Typer(
    name="avctl",
    help="Run the audio-visual side of a city council: halls, broadcasts and recordings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(device.app, name="device")
app.add_typer(user.app, name="user")
app.add_typer(seal.app, name="seal")
app.command()(record.backup)
app.command()(record.restore)

ConfigOption = Annotated[
    Path, typer.Option("--config", help="Configuration file (TOML) that names the rooms and devices.")
]
DataOption = Annotated[
    Path, typer.Option("--data", help="Folder for the record, live segments and recordings.")
]


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the pages; 0 takes free ports for everything.")] = 8000,
    data: DataOption = Path("demo"),
    seconds: Annotated[float, typer.Option("--for", help="End by itself after this many seconds.")] = 0,
    quiet: Annotated[bool, typer.Option(help="Print nothing but faults.")] = False,
) -> None:
    """Start a whole simulated council, live, and print the address and the accounts."""
    from avctl.main.demo import Demo

    _set_up_logging(logging.WARNING)
    _run(Demo(data=data, port=port, seconds=seconds, quiet=quiet).run())


@app.command()
def run(
    config: ConfigOption,
    data: DataOption = Path("data"),
    verbose: Annotated[bool, typer.Option(help="Log every byte that devices send and get.")] = False,
) -> None:
    """Run the controller until it is told to stop."""
    gc.disable()  # nothing that is made at the start is garbage: a fifth of it would go to looking for some
    from avctl.main.serve import serve

    _set_up_logging(logging.DEBUG if verbose else logging.INFO)
    _run(serve(_checked(config), data))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Configuration file to check.")]) -> None:
    """Name every fault of a configuration, with file and key; touches no device."""
    from avctl.check import print_report

    raise typer.Exit(print_report(file))


@app.command()
def simulate(
    file: Annotated[Path, typer.Argument(help="Configuration file whose devices are simulated.")],
    sitting: Annotated[
        list[str] | None, typer.Option(help="Id of a discussion system on which a scripted sitting plays.")
    ] = None,
) -> None:
    """Run a simulator for each device of a configuration, at its address, until stopped."""
    from drivers.sim.control import simulate as run_simulators
    from drivers.sim.control import until_told

    _set_up_logging(logging.INFO)
    _run(until_told(run_simulators(_checked(file), sittings=tuple(sitting or ()))))


def _checked(path: Path) -> Any:
    from avctl.check import faults, print_report
    from avctl.config import read

    if faults(path):
        raise typer.Exit(print_report(path))
    return read(path)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run until done; what avctl raises on purpose is one line and exit code 1."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except ConfigError as fault:
        for key, expected in fault.faults:
            typer.echo(f"{key}: expected {expected}", err=True)
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from fault
    except AvctlError as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from fault


def _set_up_logging(level: int) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
