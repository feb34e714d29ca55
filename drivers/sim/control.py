"""Simulators for every device of a configuration, and the port on which faults are made from outside.

``GET /simulators`` lists them; ``POST /simulators/{device}/{act}`` does what a person or an accident would.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Annotated, Any, Self, get_type_hints

import uvicorn
from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from avctl.config import Config, Device
from avctl.driver import load as driver_of
from avctl.errors import AvctlError, BadArgument, ConfigError, NotFound
from avctl.faults import faults_of
from drivers.sim.http import Server
from drivers.sim.scenes import sitting
from drivers.sim.server import Simulator, TcpSimulator
from drivers.sim.shared_line import SerialSimulator

log = logging.getLogger(__name__)


class Parameter(BaseModel):
    """An argument of an act; one without a default must be given."""

    name: str
    kind: str
    required: bool
    default: Any = None


class Act(BaseModel):
    """Something that can be done at a simulated device."""

    name: str
    text: str
    parameters: list[Parameter]


class Listed(BaseModel):
    """A simulator as the control port shows it."""

    id: str
    driver: str
    title: str
    address: str
    state: dict[str, Any]
    acts: list[Act]


def load(device: Device) -> Simulator:
    """The simulator of a device: drivers.sim.NAME, or package.sim.NAME for the driver package.NAME."""
    package, _, name = device.driver.rpartition(".")
    module_name = f"{package or 'drivers'}.sim.{name}"
    try:
        module = importlib.import_module(module_name)
        simulator: Simulator = module.SIMULATOR(device)
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{module_name}.".startswith(f"{missing.name}."):
            raise
        raise ConfigError(f"{device.id}: there is no simulator for the driver {device.driver!r}") from missing
    except ValidationError as wrong:
        options = driver_of(device.driver).Options
        told = "; ".join(f"{key}: {expected}" for key, expected in faults_of(wrong, options))
        raise ConfigError(f"{device.id}: {told}") from wrong
    return simulator


def build(config: Config) -> list[Simulator]:
    """A simulator for each device; ConfigError names every device that has none."""
    simulators: list[Simulator] = []
    faults: list[tuple[str, str]] = []
    for at, device in enumerate(config.devices):
        key = f"devices[{at}]"
        try:
            simulator = load(device)
        except ConfigError as fault:
            faults.append((f"{key}.driver", str(fault)))
            continue
        if isinstance(device.port, str) and not isinstance(simulator, TcpSimulator | SerialSimulator):
            faults.append((f"{key}.port", "a port number (this device has no serial line)"))
            continue
        simulators.append(simulator)
    if faults:
        raise ConfigError("; ".join(f"{key}: {expected}" for key, expected in faults), tuple(faults))
    return simulators


class House:
    """All simulators of a configuration, listening for as long as the context lasts."""

    def __init__(self, simulators: Sequence[Simulator]) -> None:
        self.simulators: Mapping[str, Simulator] = {
            simulator.device.id: simulator for simulator in simulators
        }
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        faults: list[tuple[str, str]] = []
        for name, simulator in self.simulators.items():
            try:
                await self._open.enter_async_context(simulator)
            except OSError as fault:
                why = fault.strerror or str(fault)
                faults.append((name, f"a free address ({simulator.address}: {why})"))
            except AvctlError as fault:
                faults.append((name, str(fault)))
        if faults:
            await self._open.aclose()
            raise ConfigError("; ".join(f"{name}: {why}" for name, why in faults), tuple(faults))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def list(self) -> list[Listed]:
        """Every simulator with its state and its acts."""
        return [_listed(simulator) for simulator in self.simulators.values()]

    async def perform(self, device: str, act: str, arguments: Mapping[str, Any]) -> Listed:
        """Do an act; NotFound lists what there is, BadArgument names what is wrong."""
        simulator = self.simulators.get(device)
        if simulator is None:
            raise NotFound(f"no simulator {device!r}; there are: {', '.join(self.simulators)}")
        acts = simulator.acts()
        if act not in acts:
            raise NotFound(f"{device} has no act {act!r}; there are: {', '.join(acts)}")
        checked = _checked(acts[act], arguments)
        try:
            await simulator.perform(act, checked)
        except ValueError as fault:
            raise BadArgument(act, str(fault)) from fault
        log.info("%s: %s %s", device, act, dict(arguments))
        return _listed(simulator)


def create_app(house: House) -> FastAPI:
    """The control port."""
    app = FastAPI(title="Simulators", docs_url="/docs", redoc_url=None)

    @app.get("/simulators")
    async def simulators() -> list[Listed]:
        """Every simulator: where it listens, its state, what can be done to it."""
        return house.list()

    @app.post("/simulators/{device}/{act}")
    async def perform(
        device: str, act: str, arguments: Annotated[dict[str, Any] | None, Body()] = None
    ) -> Listed:
        """Do what a person or an accident would do; the body holds the act's arguments."""
        return await house.perform(device, act, arguments or {})

    @app.exception_handler(AvctlError)
    async def refused(_: object, fault: AvctlError) -> JSONResponse:
        status = {NotFound: 404, BadArgument: 422}.get(type(fault), 409)
        problem: dict[str, Any] = {"status": status, "title": type(fault).__name__, "detail": str(fault)}
        if isinstance(fault, BadArgument):
            problem["field"] = fault.field
        return JSONResponse(problem, status, media_type="application/problem+json")

    return app


@asynccontextmanager
async def control_port(house: House, host: str, port: int) -> AsyncIterator[int]:
    """The control port, for as long as the context lasts; gives its number (port 0 takes a free one)."""
    try:
        line = socket.create_server((host, port))
    except OSError as fault:
        why = fault.strerror or str(fault)
        raise ConfigError(
            f"simulators: {host}:{port}: {why}", (("simulators.port", f"a free port ({why})"),)
        ) from fault
    settings = uvicorn.Config(create_app(house), lifespan="off", log_config=None, access_log=False)
    server = Server(settings)
    serving = asyncio.create_task(server.serve(sockets=[line]))
    try:
        yield line.getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        line.close()


async def until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run until done, or told to stop: then everything is closed, and that is no fault."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def simulate(
    config: Config,
    started: Callable[[House, int], None] | None = None,
    sittings: Sequence[str] = (),
) -> None:
    """Run every simulator and the control port until cancelled; ``started`` is called once all listen.

    ``sittings`` names the discussion systems on which a scripted sitting plays.
    """
    known = [device.id for device in config.devices]
    if strangers := [name for name in sittings if name not in known]:
        raise ConfigError(f"no device {', '.join(strangers)} for a sitting; there are: {', '.join(known)}")
    async with (
        House(build(config)) as house,
        control_port(house, config.simulators.host, config.simulators.port) as port,
        asyncio.TaskGroup() as tasks,
    ):
        for device in sittings:
            tasks.create_task(sitting(house.simulators, device))
        log.info("%d simulators; control port %d", len(house.simulators), port)
        if started is not None:
            started(house, port)
        await asyncio.get_running_loop().create_future()


def _listed(simulator: Simulator) -> Listed:
    return Listed(
        id=simulator.device.id,
        driver=simulator.device.driver,
        title=simulator.device.title or simulator.title,
        address=simulator.address,
        state=dict(simulator.state()),
        acts=[_act(name, method) for name, method in simulator.acts().items()],
    )


def _act(name: str, method: Callable[..., Any]) -> Act:
    hints = get_type_hints(method)
    return Act(
        name=name,
        text=(inspect.getdoc(method) or "").partition("\n")[0],
        parameters=[
            Parameter(
                name=parameter.name,
                kind=getattr(hints.get(parameter.name), "__name__", str(hints.get(parameter.name, "any"))),
                required=parameter.default is parameter.empty,
                default=None if parameter.default is parameter.empty else parameter.default,
            )
            for parameter in inspect.signature(method).parameters.values()
        ],
    )


def _checked(method: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the act's signature wants them; BadArgument names the first that does not fit."""
    hints = get_type_hints(method)
    fields: dict[str, Any] = {
        parameter.name: (
            hints.get(parameter.name, Any),
            Field(... if parameter.default is parameter.empty else parameter.default),
        )
        for parameter in inspect.signature(method).parameters.values()
    }
    model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    try:
        checked = model.model_validate(dict(arguments))
    except ValidationError as wrong:
        first = wrong.errors()[0]
        known = ", ".join(fields) or "no arguments"
        field = ".".join(map(str, first["loc"]))
        raise BadArgument(field, f"{first['msg']} (it takes {known})") from wrong
    return {name: getattr(checked, name) for name in fields}
