"""What no driver does in the long run: grow, or leave something of a lost link behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from avctl.capabilities import Discussion
from avctl.driver import Driver
from avctl.events import Event, Link, LinkChanged
from drivers.sim.server import UdpSimulator, WebSocketSimulator

# A connection that is cut at the very moment it is made is left by the HTTP library for the garbage
# collector to close; what is really kept is counted below.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(180),  # they are long, and a busy machine is slow
]

RECONNECTIONS = 100
WARM_UP = 10
# Objects: some simulators keep what they heard; of a connection that stayed there are hundreds.
KEPT_EACH = 5


class Alone:
    """A driver of which nobody keeps anything, so that what is kept is its own.

    ``held`` counts while it is not running: then nothing of it should be left but itself.
    """

    def __init__(self, made: Any, supervised: Any, setup: Any, wire: Any, **options: Any) -> None:
        known = {key: value for key, value in options.items() if _takes(setup, key, value)}
        self._wire, self._supervised, self._told = wire, supervised, asyncio.Event()
        self.losses = 0
        self.driver: Driver = made(setup, options.get("port", wire.port), self._note, **known)
        self._before = asyncio.all_tasks()
        self._files = _files()

    def running(self) -> Any:
        """Begin it, or begin it again."""
        self.driver.link = Link.CONNECTING
        return self._supervised(self.driver)

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until a fact holds, looking at each thing it says."""
        try:
            async with asyncio.timeout(60):
                while not fact():
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            waits = "\n".join(str(task.get_stack(limit=1)) for task in asyncio.all_tasks() - self._before)
            raise AssertionError(f"the link is {self.driver.link}; what goes on:\n{waits}") from None

    async def held(self) -> int:
        """How many objects there are, once every task and every socket of it is gone."""
        self._wire.drop()  # datagrams have no end
        try:
            async with asyncio.timeout(60):
                while (left := asyncio.all_tasks() - self._before) or _files() > self._files:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"left behind: {left}, files {_files() - self._files}") from None
        gc.collect()
        return len(gc.get_objects())

    def _note(self, event: Event) -> None:
        if isinstance(event, LinkChanged):
            self.losses += event.link is not Link.ONLINE
        self._told.set()


def _takes(setup: Any, option: str, value: Any) -> bool:
    """Whether a driver has an option, and may have it so short."""
    try:
        setup.kind.Options.model_validate({**setup.options, option: value})
    except ValidationError:
        return False
    return True


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def alone(made: Any, supervised: Any) -> Iterator[Callable[..., Alone]]:
    """Makes such drivers. Nothing is logged meanwhile: whoever runs the tests would keep each line."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()  # what was there before is not searched again and again
    yield lambda setup, wire, **options: Alone(made, supervised, setup, wire, **options)
    gc.unfreeze()
    logging.disable(logging.NOTSET)


async def test_a_hundred_reconnections_leave_nothing_behind(setup, simulator, wire, alone) -> None:
    if hasattr(simulator, "listen_seconds"):
        simulator.listen_seconds = 0.3  # it goes on telling whoever is gone
    # Where no connection stands open a loss is noticed by the next look only.
    poll = 0.05 if isinstance(simulator, WebSocketSimulator) else 0.01
    lone: Any = alone(setup, wire, poll=poll, settle_seconds=0.001)

    async def reconnections(count: int) -> None:
        async with lone.running() as driver:
            await lone.until(lambda: driver.link is Link.ONLINE)
            for _ in range(count):
                losses = lone.losses
                await wire.lose()
                await lone.until(lambda losses=losses: lone.losses > losses)
                await wire.mend()
                await lone.until(lambda: driver.link is Link.ONLINE)

    await reconnections(WARM_UP)
    before = await lone.held()
    await reconnections(RECONNECTIONS - WARM_UP)
    assert await lone.held() - before < KEPT_EACH * RECONNECTIONS


# --- a million messages --------------------------------------------------------------------------------


def _frame(text: bytes) -> bytes:
    """A text message of a WebSocket server."""
    return bytes((0x81, len(text))) + text


def _microphone(state: int) -> bytes:
    return b'\x0202:evt0002021C00000O00000000000000:{"nam":"micstat","uid":"10000002","stat":%d}\x03' % state


def _control(name: bytes, value: int) -> bytes:
    change = b'{"Name":"%s","String":"","Value":%d,"Position":0}' % (name, value)
    told = b'{"jsonrpc":"2.0","method":"ChangeGroup.Poll","params":{"Id":"avctl","Changes":[%s]}}' % change
    return told + b"\0"


def _on(channel: int, on: int) -> bytes:
    return b"/ch/%02d/mix/on\0\0\0,i\0\0" % channel + on.to_bytes(4, "big")


def _transport(status: bytes) -> bytes:
    return b"508 transport info:\r\nstatus: %s\r\n\r\n" % status


PUSHED: dict[str, tuple[tuple[bytes, ...], bytes, tuple[str, Any]]] = {
    "bosch_dicentis": (
        (_frame(b'{"messageId": 0, "operation": "event", "parameters": {"events": ["FileChanged"]}}'),),
        *(b"", ("", None)),
    ),
    "shure_mxcw": ((b"< REP 2 MIC_STATUS ON >\r\n", b"< REP 2 MIC_STATUS OFF >\r\n"), b"", ("", None)),
    "shure_dis": ((b"mic_on 2\r\n", b"mic_off 2\r\n"), b"", ("", None)),
    "televic_dcerno": ((_microphone(1), _microphone(0)), b"", ("", None)),
    "behringer_x32": ((_on(1, 0), _on(1, 1)), _on(2, 0), ("channels.2.muted", True)),
    "qsys_qrc": (
        (_control(b"Mute1", 1), _control(b"Mute1", 0)),
        *(_control(b"Mute2", 1), ("channels.2.muted", True)),
    ),
    "blackmagic_videohub": (
        (b"VIDEO OUTPUT ROUTING:\n0 1\n\n", b"VIDEO OUTPUT ROUTING:\n0 0\n\n"),
        *(b"VIDEO OUTPUT ROUTING:\n1 3\n\n", ("routes.2", "4")),
    ),
    "hyperdeck": (
        (_transport(b"record"), _transport(b"stopped")),
        *(_transport(b"forward"), ("transport", "forward")),
    ),
    "vmix": ((b"TALLY OK 0121\r\n", b"TALLY OK 1021\r\n"), b"VERSION OK 99.9\r\n", ("version", "99.9")),
    "kramer_p3000": (
        (b"~01@ROUTE 1,1,2\r\n", b"~01@ROUTE 1,1,1\r\n"),
        *(b"~01@ROUTE 1,2,3\r\n", ("routes.2", "3")),
    ),
    "extron_sis": ((b"Out1 In2 All\r\n", b"Out1 In1 All\r\n"), b"Out2 In3 All\r\n", ("routes.2", "3")),
}
"""What devices say by themselves, again and again; at last something else, and the reading that proves it.

In halls somebody presses a button at last.
"""
MESSAGES = 1_000_000 // len(PUSHED)  # of each, a million altogether
AT_ONCE = 500
KEPT = 50  # objects, of everything that was told


async def _say(simulator: Any, *messages: bytes) -> None:
    """Have a device say something to whoever is connected, as fast as it is heard."""
    if isinstance(simulator, UdpSimulator):
        for peer in getattr(simulator, "_listeners", ()):
            for message in messages:
                simulator._transport.sendto(message, peer)
                await asyncio.sleep(0)  # a datagram is read in each turn: more would be lost
    elif isinstance(simulator, WebSocketSimulator):
        for connection in simulator.connections:
            connection.transport.write(b"".join(messages))
            while connection.transport.get_write_buffer_size() > 2**17:
                await asyncio.sleep(0)
    else:
        for peer in simulator.peers:
            peer.writer.write(b"".join(messages))
            await peer.writer.drain()


def _reads(readings: Any, path: str) -> Any:
    for name in path.split("."):
        readings = readings.get(name, {})
    return readings


async def test_a_million_messages_leave_nothing_behind(setup, pushed, simulator, wire, alone) -> None:
    messages, last, (path, value) = pushed
    many = messages * (AT_ONCE // len(messages))
    lone: Any = alone(setup, wire, port=int(simulator.bound), poll=8, answer_seconds=5)

    async def told(count: int) -> None:
        async with lone.running() as driver:
            await lone.until(lambda: driver.link is Link.ONLINE)
            for _ in range(count // AT_ONCE):
                await _say(simulator, *many)
            if issubclass(setup.kind, Discussion):
                simulator.press(5)
                await lone.until(lambda: 5 in (*driver.readings["speakers"], *driver.readings["waiting"]))
                simulator.press(5)
            else:
                await _say(simulator, last)
                await lone.until(lambda: _reads(driver.readings, path) == value)

    await told(AT_ONCE)
    losses, before = lone.losses, await lone.held()
    await told(MESSAGES)
    assert lone.losses == losses
    assert await lone.held() - before < KEPT
