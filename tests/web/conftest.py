"""A whole controller with a real record and a simulated wall, served on loopback by the real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from avctl.api.application import create_app
from avctl.bus import Subscription
from avctl.config import Config, parse
from avctl.events import Event, Link, LinkChanged, now
from avctl.main import compose as roof
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.samsung_mdc import POWER, SamsungMdcSimulator

E = TypeVar("E", bound=Event)

Compose = Callable[..., AbstractAsyncContextManager[Controller]]

PASSWORD = "dovhyi parol 7"
DEADLINE = 10.0


@pytest.fixture
def settings(free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration, as a file would say it; a test changes it before it asks for ``controller``."""
    return {
        "web": {"port": free_port(), "login_tries": 5},
        # Nothing is made public but by a test's own act.
        "schedule": {"soon_minutes": 0},
        # Nothing is prepared but by a test's own act.
        "preparation": {"minutes_before": 0, "answer_seconds": 1, "seconds": 10, "retry_seconds": 0.05},
        "rooms": [
            {"id": "plenary", "title": "Сесійна зала", "title_en": "Plenary hall"},
            {"id": "committee", "title": "Зала комісій"},
        ],
        "devices": [
            {
                "id": "wall",
                "room": "plenary",
                "driver": "samsung_mdc",
                "title": "Відеостіна",
                "port": free_port(),
                "options": {"poll": 0.05, "boot_seconds": 2},
            },
            {
                "id": "away",
                "room": "committee",
                "driver": "samsung_mdc",
                "title": "Дисплей, якого немає",
                "port": free_port(),
            },
        ],
    }


@pytest.fixture
def config(settings: dict[str, Any]) -> Config:
    """The configuration, checked."""
    return parse(settings, "test", {})


@pytest.fixture
async def wall(config: Config) -> AsyncIterator[SamsungMdcSimulator]:
    """The simulated display of the plenary hall, switched on long ago."""
    simulator = SamsungMdcSimulator(config.devices[0])
    simulator.settings[POWER] = 1
    async with simulator:
        yield simulator


@pytest.fixture(scope="session")
def compose() -> Compose:
    """Makes the whole program, with passwords that cost nothing: a quarter of a second is for real ones."""
    return partial(roof.controller, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
async def controller(
    config: Config, wall: SamsungMdcSimulator, tmp_path: Path, compose: Compose
) -> AsyncIterator[Controller]:
    """The whole program but its doors; its record is a file."""
    async with compose(config, tmp_path / "data") as everything:
        yield everything


@pytest.fixture
def app(controller: Controller) -> FastAPI:
    """The API over the controller."""
    return create_app(controller)


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()


class Served:
    """An application behind the real server, as ``avctl run`` puts it there."""

    def __init__(self, app: Any, config: Config) -> None:
        self.url = f"http://{config.web.host}:{config.web.port}"
        self._server = Server(
            uvicorn.Config(
                app,
                host=config.web.host,
                port=config.web.port,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=5,
            )
        )

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._server.serve())
        async with asyncio.timeout(DEADLINE):
            await self._server.listens.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End it as a signal would, and wait until it is gone."""
        self._server.should_exit = True
        await self._serving


@pytest.fixture
async def server(app: FastAPI, config: Config) -> AsyncIterator[Served]:
    """The application, served."""
    async with Served(app, config) as serving:
        yield serving


@pytest.fixture
def url(server: Served) -> str:
    """Where the application is served."""
    return server.url


@pytest.fixture
def stop_serving(server: Served) -> Callable[[], Coroutine[Any, Any, None]]:
    """Ends the server while the test goes on."""
    return server.stop


@pytest.fixture
async def tokens(controller: Controller) -> Mapping[Role, str]:
    """An API token for each role; the account bears the role's name and PASSWORD."""

    async def make(role: Role) -> str:
        await controller.accounts.add(role.value, role, PASSWORD, actor="test")
        return await controller.accounts.make_token(role.value, "test", actor="test")

    return dict(zip(Role, await asyncio.gather(*map(make, Role)), strict=True))


Clients = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def clients(url: str, tokens: Mapping[Role, str]) -> AsyncIterator[Clients]:
    """Makes clients: of a role by its token, or of nobody."""
    async with AsyncExitStack() as stack:
        made: list[httpx.AsyncClient] = []

        def client(role: Role | None = None) -> httpx.AsyncClient:
            headers = {} if role is None else {"Authorization": f"Bearer {tokens[role]}"}
            made.append(httpx.AsyncClient(base_url=url, headers=headers, timeout=DEADLINE, trust_env=False))
            stack.push_async_callback(made[-1].aclose)
            return made[-1]

        yield client


@pytest.fixture
async def admin(clients: Clients) -> httpx.AsyncClient:
    """A client that may do everything."""
    return clients(Role.ADMIN)


@pytest.fixture
async def browser_of(clients: Clients) -> Callable[[Role], Awaitable[httpx.AsyncClient]]:
    """A client that logged in with name and password, and sends cookie and CSRF header."""

    async def log_in(role: Role) -> httpx.AsyncClient:
        client = clients()
        answer = await client.post("/api/v1/login", json={"name": role.value, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    return log_in


@pytest.fixture
def booking() -> dict[str, Any]:
    """A booking for tomorrow that nothing clashes with."""
    starts_at = now() + timedelta(days=1)
    return {
        "title": "Пленарне засідання",
        "room": "plenary",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=8)).isoformat(),
        "policy": "none",
        "agenda": [{"number": "1", "title": "Про бюджет"}],
    }


@dataclass
class Reader:
    """Reads a stream of events as a browser does."""

    response: httpx.Response
    comments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = self.response.aiter_lines()

    async def next(self) -> Mapping[str, str]:
        """The next event: ``id``, ``event`` and ``data``."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE):
            async for line in self._lines:
                if not line:
                    if "data" in fields:
                        return fields
                elif line.startswith(":"):
                    self.comments.append(line)
                else:
                    name, _, value = line.partition(": ")
                    fields[name] = value
        raise EOFError

    async def sees(self, kind: str, **expected: Any) -> dict[str, Any]:
        """The next event of a kind with these values; others are passed over."""
        while True:
            told = await self.next()
            data: dict[str, Any] = json.loads(told["data"])
            assert (told["id"], told["event"]) == (str(data["number"]), data["event"])
            if told["event"] == kind and all(data[name] == value for name, value in expected.items()):
                return data

    async def ends(self) -> None:
        """Wait until the stream is ended from the other side."""
        try:
            while True:
                await self.next()
        except EOFError:
            return


@pytest.fixture
def stream() -> Callable[..., AbstractAsyncContextManager[Reader]]:
    """Opens the stream of events and waits until it listens."""

    @asynccontextmanager
    async def listening(client: httpx.AsyncClient, **asked: Any) -> AsyncIterator[Reader]:
        async with client.stream("GET", "/api/v1/events", **asked) as response:
            assert response.status_code == 200, await response.aread()
            yield Reader(response)

    return listening


class Watch:
    """What the bus carries, from the moment it is made."""

    def __init__(self, heard: Subscription) -> None:
        self._heard = heard

    async def sees(self, kind: type[E], **expected: Any) -> E:
        """Wait for an event of a kind with these values; others are passed over."""
        async with asyncio.timeout(DEADLINE):
            while True:
                event = await self._heard.next()
                if isinstance(event, kind) and all(
                    getattr(event, name) == value for name, value in expected.items()
                ):
                    return event


@pytest.fixture
def watch(controller: Controller) -> Any:
    """Listens to the controller's bus."""
    with controller.bus.subscribe() as heard:
        yield Watch(heard)


@pytest.fixture
async def wall_online(controller: Controller, wall: SamsungMdcSimulator) -> SamsungMdcSimulator:
    """The display, once the house has heard from it."""
    with controller.bus.subscribe() as heard:
        if not controller.house.state("wall").online:
            await Watch(heard).sees(LinkChanged, device="wall", link=Link.ONLINE)
    return wall
