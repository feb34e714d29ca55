"""What every device test needs: somebody who watches, and a driver under supervision."""

from __future__ import annotations

import asyncio
import inspect
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import pytest

from avctl.bus import Bus
from avctl.config import Device
from avctl.driver import Driver, supervise
from avctl.events import DeviceEvent, Event, Link, LinkChanged, ReadingsChanged
from drivers.sim.server import Simulator

E = TypeVar("E", bound=Event)

DEADLINE = 10.0
TURNS = 300  # small numbers are kept by Python itself: they do not count


class Witness:
    """Listens on a real bus and waits for facts, never for time."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.events: list[Event] = []
        self.readings: dict[str, Any] = {}
        self._told: set[int] = set()
        self._links = 0
        self.deadline = DEADLINE
        self._news = asyncio.Event()
        self.bus.listen(self._note)

    async def report(self, **expected: Any) -> None:
        """Wait until the readings, as folded so far, have all these values."""
        await self.until(
            lambda: all(
                name in self.readings and self.readings[name] == value for name, value in expected.items()
            ),
            f"the readings {expected}",
        )

    async def sees(self, kind: type[E], **expected: Any) -> E:
        """Wait for an event of this kind with these values; each event answers one wait only."""
        found: list[E] = []

        def happened() -> bool:
            for event in self.events:
                if (
                    isinstance(event, kind)
                    and event.number not in self._told
                    and all(getattr(event, name) == value for name, value in expected.items())
                ):
                    self._told.add(event.number)
                    found.append(event)
                    return True
            return False

        await self.until(happened, f"{kind.__name__} {expected}")
        return found[0]

    async def link(self, expected: str) -> LinkChanged:
        """Wait for the next change of the link to this state, after the one last waited for."""
        found: list[LinkChanged] = []

        def happened() -> bool:
            for event in self.events:
                if (
                    isinstance(event, LinkChanged)
                    and event.number > self._links
                    and event.link is Link(expected)
                ):
                    self._links = event.number
                    found.append(event)
                    return True
            return False

        await self.until(happened, f"the link {expected}")
        return found[0]

    async def until(self, fact: Callable[[], bool], named: str) -> None:
        """Wait until a fact holds, looking at every event and every few milliseconds."""
        try:
            async with asyncio.timeout(self.deadline):
                while not fact():
                    self._news.clear()
                    try:
                        async with asyncio.timeout(0.01):  # a fact of the simulator publishes nothing
                            await self._news.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            seen = "\n".join(str(event) for event in self.events[-20:])
            raise AssertionError(f"never saw {named}\nreadings: {self.readings}\n{seen}") from None

    def links(self) -> list[Link]:
        """Every change of the link so far."""
        return [event.link for event in self.events if isinstance(event, LinkChanged)]

    def _note(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, ReadingsChanged):
            self.readings.update(event.readings)
        if isinstance(event, DeviceEvent):
            self._news.set()


@pytest.fixture
def kept_of() -> Callable[[Driver, Callable[[], Awaitable[None]]], Awaitable[int]]:
    """How many objects that a driver's own lines make are still there after ``TURNS`` turns of something."""

    async def kept(driver: Driver, turn: Callable[[], Awaitable[None]]) -> int:
        async def turns() -> int:
            for _ in range(TURNS):
                await turn()
            own = tracemalloc.Filter(True, inspect.getfile(type(driver)))
            found = tracemalloc.take_snapshot().filter_traces((own,)).statistics("filename")
            return sum(one.count for one in found)

        tracemalloc.start()
        try:
            before = await turns()
            return await turns() - before
        finally:
            tracemalloc.stop()

    return kept


class ByHand:
    """A vendor's HTTP server by hand: each byte of its answers in a segment of its own.

    ``answers`` has (status, body) by method and path; a path that is held, or not there, is never answered.
    ``headers``: further lines of the head, each with its end.
    """

    def __init__(self, answers: Mapping[str, tuple[int, str]], headers: str = "") -> None:
        self.answers, self.headers = answers, headers
        self.heard: list[tuple[str, dict[str, str], str]] = []
        self.port = 0

    def asked(self) -> list[str]:
        """The method and path of every request."""
        return [asked for asked, *_ in self.heard]

    async def __aenter__(self) -> ByHand:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
                asked = first.rpartition(" ")[0]
                self.heard.append((asked, headers, body))
                if asked not in self.answers:
                    continue
                status, text = self.answers[asked]
                data = text.encode()
                head = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(data)}\r\n{self.headers}\r\n"
                for byte in head.encode() + data:
                    writer.write(bytes((byte,)))
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
def by_hand() -> type[ByHand]:
    return ByHand


@pytest.fixture
async def witness() -> Witness:
    return Witness()


@pytest.fixture
def device(free_port: Callable[[], int]) -> Callable[..., Device]:
    """Makes the device a test is about. Its port stays free while its plug is pulled: one of those the system
    hands out by itself might be somebody else's by then."""

    def make(
        driver: str, *, port: int | str | None = None, host: str = "127.0.0.1", **options: Any
    ) -> Device:
        made = Device(id="device", room="hall", driver=driver, host=host, options=options)
        return made.model_copy(update={"port": free_port() if port is None else port})

    return make


@pytest.fixture
def served(witness: Witness) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """Runs a driver under supervision against a simulator that listens; options may differ from its own."""

    @asynccontextmanager
    async def serve(
        kind: type[Driver], simulator: Simulator, *, online: bool = True, **options: Any
    ) -> AsyncIterator[Driver]:
        device = simulator.device.model_copy(
            update={"port": simulator.bound, "options": {**simulator.device.options, **options}}
        )
        driver = kind(device, witness.bus.publish)
        driver_task = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2))
        try:
            if online:
                await witness.link("online")
            yield driver
        finally:
            driver_task.cancel()
            await asyncio.gather(driver_task, return_exceptions=True)

    return serve
