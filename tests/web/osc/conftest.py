"""A hall with microphones and a camera, and surfaces that speak OSC over real UDP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pythonosc.udp_client import SimpleUDPClient

from avctl.api.osc import Pace, surfaces
from avctl.commands import BookSession
from avctl.config import Config
from avctl.events import (
    VerbAsked,
    now,
)
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.visca import UdpCamera

DEADLINE = 10.0
SEATS = 6
AT_ONCE = Pace(same=0)  # a test presses faster than a person

# --- the house ---------------------------------------------------------------------------------------


@pytest.fixture
def osc() -> dict[str, Any]:
    """Settings of the door that a test wants otherwise; None: a free port."""
    return {}


@pytest.fixture
def settings(settings: dict[str, Any], osc: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The plenary hall with microphones and a camera, and a port for surfaces."""
    wanted = {"port": None, "account": "board", **osc}
    settings["alerts"] = {"offline_after": 0}
    settings["osc"] = {name: free_port() if value is None else value for name, value in wanted.items()}
    settings["devices"] += [
        {"id": "hall", "room": "plenary", "driver": "bosch_dicentis", "port": free_port()},
        {"id": "camera", "room": "plenary", "driver": "visca", "port": free_port()},
    ]
    return settings


@pytest.fixture
async def hall(config: Config) -> AsyncIterator[BoschDicentisSimulator]:
    """The simulated discussion system; two may speak at once."""
    async with BoschDicentisSimulator(config.devices[2], seats=SEATS) as simulator:
        simulator.hall.max_speakers = 2
        yield simulator


@pytest.fixture
async def camera(config: Config) -> AsyncIterator[UdpCamera]:
    """The simulated camera."""
    async with UdpCamera(config.devices[3]) as simulator:
        yield simulator


@pytest.fixture
def pace() -> Pace:
    """How long things last; a test may say otherwise."""
    return AT_ONCE


@pytest.fixture
async def house(
    hall: BoschDicentisSimulator, camera: UdpCamera, controller: Controller, pace: Pace
) -> AsyncIterator[Controller]:
    """The controller with its hall online, an account for surfaces, and the door open."""
    await controller.accounts.add("board", Role.TECHNICIAN, "dovhyi parol 7", actor="test")
    async with surfaces(controller, pace):
        with controller.bus.subscribe() as heard:
            async with asyncio.timeout(DEADLINE):
                while not all(controller.house.state(device).online for device in ("hall", "camera")):
                    await heard.next()
        yield controller


@pytest.fixture
async def session(house: Controller) -> str:
    """A sitting that begins now, without a broadcast."""
    return await _book(house)


@pytest.fixture
def book(house: Controller) -> Callable[..., Awaitable[str]]:
    """Books a sitting that begins now."""
    return partial(_book, house)


async def _book(house: Controller, **details: Any) -> str:
    moment = now()
    booking = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "starts_at": moment.isoformat(),
        "ends_at": (moment + timedelta(hours=1)).isoformat(),
        "policy": "none",
        **details,
    }
    return str((await house.desk.obey(BookSession(actor="olena", details=booking))).id)


# --- surfaces ----------------------------------------------------------------------------------------


def read(data: bytes) -> tuple[str, list[Any]]:
    """A message as the specification lays it out, read without the library that wrote it."""

    def text(at: int) -> tuple[str, int]:
        end = data.index(b"\0", at)
        return data[at:end].decode(), end + 4 - end % 4

    assert len(data) % 4 == 0
    address, at = text(0)
    tags, at = text(at)
    values: list[Any] = []
    for tag in tags.removeprefix(","):
        if tag == "s":
            value, at = text(at)
            values.append(value)
        else:
            values.append(struct.unpack_from(">i", data, at)[0])
            at += 4
    assert at == len(data)
    return address, values


class Surface(SimpleUDPClient):
    """A surface: the library's own client to send, and what it was shown."""

    def __init__(self, port: int, own: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__("127.0.0.1", port)
        self._sock.bind(own)
        self.told: list[tuple[str, Any]] = []
        self.shown: dict[str, Any] = {}
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._hear)

    def _hear(self) -> None:
        address, values = read(self._sock.recv(4096))
        assert len(values) == 1
        self.told.append((address, values[0]))
        self.shown[address] = values[0]
        self._news.set()

    def close(self) -> None:
        """Leave the network."""
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        super().close()

    def press(self, address: str, value: Any = 1) -> None:
        """Press a button; None presses one that sends no argument."""
        self.send_message(f"/avctl/{address}", value)

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._sock.sendto(data, (self._address, self._port))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, looking again at each message."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def sees(self, **expected: Any) -> None:
        """Wait until the plenary hall is shown so; ``_`` stands for ``-`` and ``__`` for ``/``."""
        wanted = {
            "/avctl/plenary/" + name.replace("__", "/").replace("_", "-"): value
            for name, value in expected.items()
        }
        await self.until(lambda: wanted.items() <= self.shown.items())

    async def refused(self, text: str, address: str = "/avctl/plenary/refused") -> None:
        """Wait until an act is refused with these words in the reason."""
        await self.until(lambda: any(at == address and text in str(said) for at, said in self.told))

    async def join(self) -> None:
        """Be shown the rooms."""
        self.press("ping", None)
        await self.until(lambda: self.shown.get("/avctl/pong") == 1)
        await self.until(lambda: "/avctl/committee/speaker" in self.shown)


@pytest.fixture
async def surface_of(config: Config) -> AsyncIterator[Callable[..., Surface]]:
    """Makes surfaces; each has a port of its own."""
    async with AsyncExitStack() as stack:

        def make(*own: Any) -> Surface:
            made = Surface(config.osc.port, *own)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
async def surface(house: Controller, surface_of: Callable[..., Surface]) -> Surface:
    """A surface that is shown the rooms."""
    made = surface_of()
    await made.join()
    return made


@pytest.fixture
def asked(controller: Controller) -> list[tuple[str, str, dict[str, Any]]]:
    """Who asked which verb of a device with which arguments, since the test began."""
    asked: list[tuple[str, str, dict[str, Any]]] = []

    def hear(event: VerbAsked) -> None:
        asked.append((event.actor, event.verb, dict(event.arguments)))

    controller.bus.listen(hear, VerbAsked)
    return asked
