"""A hostile wire between every driver and its simulator. A new driver is in these tests by existing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from avctl.capabilities import Discussion
from avctl.config import Device
from avctl.driver import Driver, known, load, supervise
from avctl.wire import trust
from drivers.sim.control import load as simulator_of
from drivers.sim.server import Simulator, UdpSimulator

# Whatever of these a driver's options have is made short; a driver waits for nothing longer.
SHORT: dict[str, float] = {
    **{"poll": 0.05, "answer_seconds": 0.8, "hold_seconds": 1.0, "tries": 2},
    **{"settle_seconds": 0.02, "recall_seconds": 1.0, "boot_seconds": 0},
    **{"status_seconds": 0.6},
}
IMPATIENT: dict[str, float] = {"answer_seconds": 0.3, "hold_seconds": 0.6}
"""Where silence is what is tried. Not elsewhere: a busy machine is silent too, and then the link is lost."""
# Every driver is here with what it needs to be tried, or with nothing; some more than once.
SETUPS: dict[str, list[dict[str, Any]]] = {
    "visca": [{"transport": one, "answer_seconds": 0.2} for one in ("sony-udp", "udp", "tcp")],
    "samsung_mdc": [{}, {"pin": "2468"}],
    "televic_confero": [{"token": "right-secret", "tls": False}, {"token": "right-secret", "tls": True}],
    "bosch_dicentis": [{"password": "right-secret"}],
    "bosch_wireless": [{"password": "right-secret"}],
    "behringer_x32": [{"channels": 4}],
    "onvif": [{"user": "avctl", "password": "right-secret"}],
    "pjlink": [{}, {"password": "right-secret"}, {"one_command": True}],
    "qsys_qrc": [{"channels": [{"mute": "Mute1"}, {"mute": "Mute2"}]}],
    "alerts_in_ua": [{"token": "right-secret", "tls": False}],
    "ukraine_alarm": [{"token": "right-secret", "tls": False}],
    "qmatic_orchestra": [{"user": "avctl", "password": "right-secret", "prefix": "CNAP"}],
    "queue_http": [
        {"user": "avctl", "password": "right-secret", "open_counter": "POST /counters/{counter}/open"}
    ],
    "xibo": [{"client_id": "avctl", "client_secret": "right-secret", "display": 7, "tls": False}],
    "anthias": [{"user": "avctl", "password": "right-secret"}],
    "qlogic": [{"organisation": "28c94bad-f024-4289-a986-f9d79c9d8102"}],
    "kiosk_mqtt": [{"user": "avctl", "password": "right-secret"}],
    "apc_pdu": [{"answer_seconds": 0.3}],
    "tv_channel": [{"form": "hls", "playlist_seconds": 0.1, "pictures": False}],
    "shure_dis": [{"chairmen": (1,)}],
    "televic_dcerno": [
        {"seats": {f"{'11' if seat == 1 else '10'}{seat:06x}": seat for seat in range(1, 16)}}
    ],
}


@dataclass(frozen=True)
class Setup:
    """A driver, and with which options it is tried."""

    driver: str
    options: dict[str, Any] = field(hash=False)

    @property
    def kind(self) -> type[Driver]:
        return load(self.driver)

    @property
    def secret(self) -> str:
        """The option that is a secret and is set; empty when there is none."""
        fields = self.kind.Options.model_fields
        secrets = (name for name, field in fields.items() if "SecretStr" in str(field.annotation))
        return next((name for name in secrets if name in self.options), "")

    @property
    def shows_certificate(self) -> bool:
        """Whether the driver can be told which certificate to accept."""
        return "certificate" in self.kind.Options.model_fields and self.options.get("tls", True) is True

    def __str__(self) -> str:
        odd = [name for name in ("tls", "pin") if self.options.get(name)]
        odd += [self.options["transport"]] if "transport" in self.options else []
        return "-".join((self.driver, *odd))


ALL = [
    Setup(name, {**{key: SHORT[key] for key in SHORT if key in load(name).Options.model_fields}, **options})
    for name in known()
    if "." not in name  # those of programs are tried with the programs
    for options in SETUPS.get(name, [{}])
]


class Wire(asyncio.DatagramProtocol):
    """Stands where the driver looks for the device, and passes on what it likes."""

    def __init__(self, port: int, simulator: Simulator) -> None:
        self.port, self.simulator = port, simulator
        self.datagrams = isinstance(simulator, UdpSimulator)
        self.met = 0  # connections ever, or addresses that sent a datagram
        self.open: set[asyncio.StreamWriter] = set()
        self.first = b""  # said to each new connection before anything else
        self.halves = False
        self.deaf = False  # nothing comes from the device any more
        self.left = -1  # bytes of the device that still pass before the connection is closed; -1: all
        self.hangs_up = False
        self._passing = asyncio.Event()
        self._passing.set()
        self._peers: dict[Any, asyncio.Task[None]] = {}
        self._lines: dict[Any, socket.socket] = {}
        self._front: Any = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Wire:
        if self.datagrams:
            await self._listen()
        else:
            self._front = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = (*self._tasks, *self._peers.values())
        self.drop()
        self._front.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _some_turns()  # a socket is closed one turn after its transport

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", self.port)
        )

    async def lose(self) -> None:
        """Break every connection and take no other; nobody listens for datagrams any more."""
        self.hangs_up = True
        self.drop()
        if self.datagrams:
            self._front.close()
            await _some_turns()

    async def mend(self) -> None:
        """Be there again after a loss."""
        self.hangs_up = False
        if self.datagrams:
            await self._listen()

    def hold(self) -> None:
        """Keep back what the device says."""
        self._passing.clear()

    def release(self) -> None:
        """Let go what was kept back, late."""
        self._passing.set()

    def drop(self) -> None:
        """Break every connection; of one that has datagrams, by one that makes no sense."""
        for writer in tuple(self.open):
            writer.transport.abort()
        for peer, way in self._peers.items():
            self._front.sendto(b"\x00\x00\x00\xff", peer)
            way.cancel()
        self._peers.clear()

    def say(self, data: bytes) -> None:
        """Put bytes in what the device says, in the place where it is just now."""
        for writer in tuple(self.open):
            writer.write(data)
        for peer in self._peers:
            self._front.sendto(data, peer)

    def heal(self) -> None:
        """Be an honest wire again."""
        self.first, self.halves, self.deaf, self.left, self.hangs_up = b"", False, False, -1, False
        self.release()

    # --- streams -------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        if self.hangs_up:
            writer.close()
            return
        serving = asyncio.current_task()
        assert serving is not None
        self._tasks.add(serving)
        serving.add_done_callback(self._tasks.discard)
        self.open.add(writer)
        writer.write(self.first)
        async with AsyncExitStack() as stack:
            stack.callback(writer.close)
            stack.callback(self.open.discard, writer)
            try:
                far, near = await asyncio.open_connection(self.simulator.host, self.simulator.bound)
            except OSError:
                return
            stack.callback(near.close)
            ways = [asyncio.ensure_future(way) for way in (self._down(far, writer), _up(reader, near))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    async def _down(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await far.read(4096):
            await self._passing.wait()
            if self.deaf:
                continue
            cut = len(data) // 2 if self.halves else 0
            if self.left >= 0:
                writer.write(data[: self.left])
                self.left -= min(self.left, len(data))
                if not self.left:
                    return
                continue
            for piece in filter(None, (data[:cut], data[cut:])):
                writer.write(piece)
                await writer.drain()
                await _some_turns()

    # --- datagrams -----------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr not in self._peers:
            self.met += 1
            line = self._lines[addr] = self._line()
            self._peers[addr] = asyncio.ensure_future(self._back(addr, line))
            if self.first:
                self._front.sendto(self.first, addr)
        with suppress(OSError):  # the device's plug is pulled
            self._lines[addr].send(data)

    async def _back(self, addr: Any, line: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    data = await loop.sock_recv(line, 65536)
                except ConnectionRefusedError:
                    continue
                await self._passing.wait()
                if not self.deaf:
                    self._front.sendto(data[: len(data) // 2] if self.left == 0 else data, addr)
        finally:
            if self._lines.get(addr) is line:
                del self._lines[addr]
            line.close()

    def _line(self) -> socket.socket:
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.setblocking(False)
        line.connect((self.simulator.host, self.simulator.bound))
        return line


async def _up(reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        near.write(data)


async def _some_turns() -> None:
    for _ in range(5):  # so that the other side reads what is there, and nothing else
        await asyncio.sleep(0)


Driving = Callable[..., AbstractAsyncContextManager[Driver]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each driver in turn; for a test that asks for a ``secret`` those that have one, and so on."""
    names = metafunc.fixturenames
    if "setup" not in names:
        return
    chosen = [
        setup
        for setup in ALL
        if ("secret" not in names or setup.secret)
        and ("pinned" not in names or setup.shows_certificate)
        and ("hall" not in names or issubclass(setup.kind, Discussion))
        and ("pushed" not in names or setup.driver in metafunc.module.PUSHED)
    ]
    metafunc.parametrize("setup", chosen, ids=str)


@asynccontextmanager
async def _supervised(driver: Driver) -> AsyncIterator[Driver]:
    """Under supervision, with hardly a pause between two tries."""
    task = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.002, longest=0.02))
    try:
        yield driver
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _some_turns()


def _made(
    setup: Setup, port: int, publish: Callable[[Any], None], host: str = "127.0.0.1", **options: Any
) -> Driver:
    device = Device(
        id="device", room="hall", driver=setup.driver, host=host, options={**setup.options, **options}
    ).model_copy(update={"port": port})
    return setup.kind(device, publish)


@pytest.fixture
def driving(witness: Any, monkeypatch: pytest.MonkeyPatch) -> Driving:
    """Runs a driver under supervision on a port."""
    monkeypatch.setattr(trust, "CONNECT_SECONDS", 1.0)

    def drive(
        setup: Setup,
        port: int,
        *,
        host: str = "127.0.0.1",
        bus: Any = None,
        impatient: bool = False,
        **options: Any,
    ) -> AbstractAsyncContextManager[Driver]:
        if impatient:
            options |= {
                key: IMPATIENT[key] for key in IMPATIENT if setup.options.get(key, 0) > IMPATIENT[key]
            }
        return _supervised(_made(setup, port, (bus or witness.bus).publish, host, **options))

    return drive


@pytest.fixture
def made() -> Callable[..., Driver]:
    """Makes a driver for a port; what it publishes goes to whoever is named."""
    return _made


@pytest.fixture
def supervised() -> Callable[[Driver], AbstractAsyncContextManager[Driver]]:
    """Runs a driver that was made, as often as one likes."""
    return _supervised


@pytest.fixture
async def simulator(setup: Setup, device: Callable[..., Device]) -> AsyncIterator[Any]:
    """Its simulator, quick and with as few seats as it may have."""
    made: Any = simulator_of(device(setup.driver, **setup.options))
    for knob, value in (
        ("hold_seconds", 0.4),
        ("lag_seconds", 0.02),
        ("steps_per_second", 1e6),
        ("most_a_minute", 10**9),
    ):
        if hasattr(made, knob):
            setattr(made, knob, value)
    async with made:
        yield made


@pytest.fixture
def hall(simulator: Any) -> Any:
    """The simulator of a discussion system."""
    return simulator


@pytest.fixture
def pushed(setup: Setup, request: pytest.FixtureRequest) -> Any:
    """What the device says by itself, from the table of the test."""
    return request.module.PUSHED[setup.driver]


@pytest.fixture
def secret(setup: Setup) -> str:
    """The option that is a secret."""
    return setup.secret


@pytest.fixture
async def pinned(simulator: Simulator, tmp_path: Path) -> Path:
    """The certificate that the device shows now."""
    shown = await asyncio.to_thread(ssl.get_server_certificate, (simulator.host, int(simulator.bound)))
    file = tmp_path / "pinned.pem"
    file.write_text(shown)
    return file


@pytest.fixture
def new_wire(simulator: Simulator, free_port: Callable[[], int]) -> Callable[[], Wire]:
    """Another wire to the same device."""
    return lambda: Wire(free_port(), simulator)


@pytest.fixture
async def wire(simulator: Simulator, free_port: Callable[[], int]) -> AsyncIterator[Wire]:
    """The wire to it."""
    async with Wire(free_port(), simulator) as made:
        yield made
