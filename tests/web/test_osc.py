"""Control surfaces over real UDP: bytes as OSC 1.0 prints them, python-osc's client, a simulated hall."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies
from hypothesis import settings as examples
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import ParseError
from pythonosc.udp_client import SimpleUDPClient

from avctl.api.osc import Pace, surfaces
from avctl.api.osc_messages import messages_of
from avctl.commands import BookSession
from avctl.config import Config, parse
from avctl.errors import ConfigError
from avctl.events import (
    BroadcastArmed,
    BroadcastWanted,
    BroadcastWentLive,
    Event,
    FloorRequested,
    SessionClosed,
    SessionOpened,
    SessionReady,
    SessionResumed,
    SessionSuspended,
    VerbAsked,
    VerbDone,
    now,
)
from avctl.model.account import Role
from avctl.model.broadcast import Broadcast
from avctl.model.session import Phase
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.visca import UdpCamera

DEADLINE = 10.0
SEATS = 6
LOG = "avctl.api.osc"
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
    return await book(house)


async def book(house: Controller, **details: Any) -> str:
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
def acts(controller: Controller) -> list[Event]:
    """Every event since the test began."""
    happened: list[Event] = []
    controller.bus.listen(happened.append)
    return happened


def asked(acts: list[Event]) -> list[tuple[str, str, dict[str, Any]]]:
    """Who asked which verb of a device."""
    return [(one.actor, one.verb, dict(one.arguments)) for one in acts if isinstance(one, VerbAsked)]


# --- what a surface is shown ----------------------------------------------------------------------------


async def test_a_new_surface_is_shown_the_whole_picture_and_then_what_changes(
    session: str, surface: Surface, hall: BoschDicentisSimulator, house: Controller
) -> None:
    await surface.sees(phase="planned", reason="", title="Пленарне засідання", on_air=0, floor=1, speaker="")
    await surface.sees(**{f"mic__{seat}": 0 for seat in range(1, SEATS + 1)})
    assert surface.shown["/avctl/committee/phase"] == "free"
    assert surface.shown["/avctl/committee/floor"] == 0
    surface.told.clear()
    hall.speak(3)
    name = house.house.state("hall").readings["seats"]["3"]["name"]
    await surface.sees(mic__3=1, speaker=name)
    assert sorted(surface.told) == [("/avctl/plenary/mic/3", 1), ("/avctl/plenary/speaker", name)]


async def test_alerts_are_counted_for_the_room_they_are_in(
    surface: Surface, camera: UdpCamera, hall: BoschDicentisSimulator
) -> None:
    await surface.until(lambda: surface.shown["/avctl/committee/alerts"] == 1)  # its display is away
    await surface.sees(alerts=0)
    await hall.unplug()
    await surface.sees(alerts=1, floor=0)
    await hall.plug()
    await surface.sees(alerts=0, floor=1)


async def test_on_air_is_what_viewers_have(
    session: str, surface: Surface, house: Controller, tmp_path: Path
) -> None:
    known: dict[str, Broadcast] = house.broadcasts._broadcasts  # type: ignore[attr-defined]
    known[session] = Broadcast(session=session, since=now())
    house.bus.publish(BroadcastArmed(session=session))
    house.bus.publish(BroadcastWanted(session=session, live=True))
    await surface.sees(on_air=0)
    house.bus.publish(BroadcastWentLive(session=session))
    await surface.sees(on_air=1)


async def test_a_surface_that_lost_something_asks_for_the_picture_again(surface: Surface) -> None:
    before = {address for address in surface.shown if address != "/avctl/pong"}
    surface.shown.clear()
    surface.press("refresh")
    await surface.until(lambda: surface.shown.keys() == before)


async def test_of_more_than_sixteen_surfaces_the_one_silent_longest_is_dropped(
    surface: Surface, surface_of: Callable[..., Surface], hall: BoschDicentisSimulator
) -> None:
    others = [surface_of() for _ in range(16)]
    for other in others:
        await other.join()
    hall.speak(2)
    for other in others:
        await other.sees(mic__2=1)
    assert surface.shown["/avctl/plenary/mic/2"] == 0
    await surface.join()
    await surface.sees(mic__2=1)


@pytest.mark.parametrize("pace", [Pace(same=0, keep=0.2)])
async def test_a_surface_that_falls_silent_is_shown_nothing_more(
    surface: Surface, surface_of: Callable[..., Surface], hall: BoschDicentisSimulator
) -> None:
    other = surface_of()
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.3
    while loop.time() < end:
        other.told.clear()
        other.press("ping", None)
        await other.until(lambda: ("/avctl/pong", 1) in other.told)
    hall.speak(2)
    await other.sees(mic__2=1)
    assert surface.shown["/avctl/plenary/mic/2"] == 0


# --- microphones and cameras ------------------------------------------------------------------------------


async def test_the_bytes_of_the_specification_open_a_microphone(
    surface: Surface, hall: BoschDicentisSimulator, watch: Any
) -> None:
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",i\0\0" + b"\0\0\0\1")
    asked = await watch.sees(VerbAsked, device="hall")
    assert (asked.actor, asked.verb, asked.arguments) == ("board", "open_mic", {"seat": 3})
    await surface.sees(mic__3=1)
    assert [seat.number for seat in hall.hall.speaking()] == [3]
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",F\0\0")
    await surface.sees(mic__3=0)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",T\0\0")
    await surface.sees(mic__3=1)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",f\0\0" + b"\0\0\0\0")
    await surface.sees(mic__3=0)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0")  # old programs leave out the types
    await surface.sees(mic__3=1)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",\0\0\0")
    await surface.sees(mic__3=0)


async def test_a_quick_tap_does_not_leave_a_microphone_open(
    surface: Surface, hall: BoschDicentisSimulator, watch: Any
) -> None:
    hall.delay(0.05)
    surface.press("plenary/mic/4", 1)
    surface.press("plenary/mic/4", 0)
    await watch.sees(VerbDone, verb="close_mic")
    await surface.sees(mic__4=0)
    assert hall.hall.speaking() == []


async def test_all_microphones_go_off_and_the_first_who_waits_gets_the_floor(
    surface: Surface, hall: BoschDicentisSimulator, watch: Any
) -> None:
    hall.speak(1)
    hall.speak(2)
    await surface.sees(mic__1=1, mic__2=1)
    hall.set_mode("manual", max_speakers=2, max_requests=5)
    surface.press("plenary/mics-off", 0)
    surface.press("plenary/mics-off", 1)
    await surface.sees(mic__1=0, mic__2=0)
    await watch.sees(VerbDone, verb="close_all_mics")
    surface.press("plenary/next")
    await surface.refused("nobody waits")
    hall.press(4)
    hall.press(3)
    await watch.sees(FloorRequested, seat=3)
    surface.press("plenary/next", 1.0)
    await surface.sees(mic__4=1, mic__3=0)


async def test_a_shot_is_recalled_by_number_or_by_a_button_of_its_own(
    surface: Surface, watch: Any, house: Controller
) -> None:
    surface.press("plenary/preset/camera", 3)
    done = await watch.sees(VerbDone, device="camera")
    assert (done.actor, done.arguments) == ("board", {"preset": 3})
    surface.press("plenary/preset/camera", 5.0)
    await watch.sees(VerbDone, device="camera", arguments={"preset": 5})
    surface.press("plenary/preset/camera/4", 0)
    surface.press("plenary/preset/camera/7", 1)
    await watch.sees(VerbDone, device="camera", arguments={"preset": 7})
    assert house.house.state("camera").readings["preset"] == 7


# --- the sitting ------------------------------------------------------------------------------------------


async def test_a_sitting_is_run_from_a_surface(session: str, surface: Surface, watch: Any) -> None:
    surface.press("plenary/prepare")
    await watch.sees(SessionReady, session=session)
    await surface.sees(phase="ready")
    surface.press("plenary/prepare", 0)
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    surface.press("plenary/go-live", 0)
    surface.press("plenary/go-live")
    assert (await watch.sees(SessionOpened, session=session)).actor == "board"
    await surface.sees(phase="open", go_live__sure=0)
    surface.press("plenary/break", True)
    assert (await watch.sees(SessionSuspended, session=session)).actor == "board"
    await surface.sees(phase="suspended", reason="break")
    surface.press("plenary/technical", None)
    await surface.sees(phase="suspended", reason="technical")
    surface.press("plenary/resume", 1.0)
    assert (await watch.sees(SessionResumed, session=session)).actor == "board"
    await surface.sees(phase="open", reason="")
    surface.press("plenary/end")
    await surface.sees(end__sure=1)
    surface.press("plenary/end")
    assert (await watch.sees(SessionClosed, session=session)).actor == "board"
    await surface.sees(phase="free", title="")


async def test_a_closed_part_is_entered_and_left_by_pressing_twice(
    session: str, surface: Surface, house: Controller
) -> None:
    house.bus.publish(house.sessions.get(session).open("olena") or pytest.fail("it does not open"))
    surface.press("plenary/closed")
    await surface.sees(closed__sure=1, phase="open")
    surface.press("plenary/closed")
    await surface.sees(reason="closed")
    surface.press("plenary/break")
    await surface.refused("closed part")
    surface.press("plenary/resume")
    await surface.sees(resume__sure=1, reason="closed")
    surface.press("plenary/resume")
    await surface.sees(phase="open", reason="")


@pytest.mark.parametrize("pace", [Pace(same=0, sure=0.1)])
async def test_a_second_press_that_comes_too_late_is_a_first_one(
    session: str, surface: Surface, house: Controller
) -> None:
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    await surface.sees(go_live__sure=0)
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    assert house.sessions.get(session).phase is Phase.PLANNED


async def test_the_second_press_counts_on_the_same_surface_about_the_same_sitting(
    session: str, surface: Surface, surface_of: Callable[..., Surface], house: Controller
) -> None:
    other = surface_of()
    await other.join()
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    other.press("plenary/go-live")
    await other.sees(go_live__sure=1)
    assert house.sessions.get(session).phase is Phase.PLANNED
    house.bus.publish(house.sessions.get(session).cancel("olena") or pytest.fail("it cannot be cancelled"))
    later = await book(house)
    surface.told.clear()
    surface.press("plenary/go-live")
    await surface.until(lambda: ("/avctl/plenary/go-live/sure", 1) in surface.told)
    assert house.sessions.get(later).phase is Phase.PLANNED


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "value", "reason"),
    [
        ("plenary/prepare", 1, "no session"),
        ("plenary/mic/chair", 1, "a number in the address (got 'chair')"),
        ("plenary/mic/99", 1, "a seat of this hall, 99 is not"),
        ("plenary/mic/3", 0.5, "1 when pressed, 0 when let go"),
        ("plenary/mic/3", "on", "1 when pressed, 0 when let go"),
        ("plenary/mic/3", [1, 1], "1 when pressed, 0 when let go"),
        ("plenary/preset/wall", 1, "no camera 'wall'"),
        ("plenary/preset/camera", None, "one whole number"),
        ("plenary/preset/camera", 2.5, "one whole number"),
        ("plenary/preset/camera", True, "one whole number"),
        ("plenary/preset/camera", 300, "a number from 0 to 255"),
        ("plenary/explode", 1, "there is no act 'explode'"),
        ("plenary/mic", 1, "there is no act 'mic'"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_reason(
    surface: Surface, address: str, value: Any, reason: str, acts: list[Event]
) -> None:
    surface.press(address, value)
    await surface.refused(reason)
    assert [verb for _, verb, _ in asked(acts)] in ([], ["open_mic"], ["recall_preset"])


async def test_a_room_that_is_none_or_has_no_microphones_is_refused(surface: Surface) -> None:
    surface.press("attic/prepare")
    await surface.refused("no room 'attic'", "/avctl/attic/refused")
    surface.press("committee/next")
    await surface.refused("no discussion system", "/avctl/committee/refused")
    surface.press("*/end")
    await surface.refused("no room '*'", "/avctl/refused")
    surface.press("nonsense")
    await surface.refused("no act '/avctl/nonsense'", "/avctl/refused")


async def test_what_a_surface_echoes_asks_for_nothing(surface: Surface, acts: list[Event]) -> None:
    for address, value in tuple(surface.shown.items()):
        surface.send_message(address, value)
    surface.press("plenary/end/sure")
    surface.told.clear()
    surface.press("plenary/mic/1", 1)  # after these: to the same socket, in order
    await surface.sees(mic__1=1)
    assert asked(acts) == [("board", "open_mic", {"seat": 1})]
    assert not [address for address, _ in surface.told if address.endswith("refused")]


# --- who acts -----------------------------------------------------------------------------------------------


async def test_a_disabled_account_ends_everything_at_once_and_is_said_once(
    surface: Surface, house: Controller, hall: BoschDicentisSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    await house.accounts.disable("board", actor="olena")
    with caplog.at_level(logging.WARNING, LOG):
        for seat in (1, 2, 3):
            surface.told.clear()
            surface.press(f"plenary/mic/{seat}")
            await surface.refused("the account 'board' is disabled")
    assert hall.hall.speaking() == []
    assert caplog.text.count("is disabled") == 1
    hall.speak(4)
    surface.told.clear()
    surface.press("ping", None)
    await surface.refused("is disabled", "/avctl/refused")
    assert surface.told == [("/avctl/refused", "the account 'board' is disabled")]
    await house.accounts.enable("board", actor="olena")
    surface.press("plenary/mic/1")
    await surface.sees(mic__1=1, mic__4=1)


@pytest.mark.parametrize(
    ("role", "act", "reason"),
    [
        (Role.SCHEDULER, "plenary/prepare", "scheduler may not run sessions"),
        (Role.SCHEDULER, "plenary/mic/1", "scheduler may not operate devices"),
        (Role.SCHEDULER, "plenary/mics-off", "scheduler may not operate devices"),
        (Role.MANAGER, "plenary/preset/camera/1", "manager may not operate devices"),
        (Role.STAFF, "plenary/mic/1", "staff may not see control"),
    ],
)
async def test_a_surface_may_do_what_its_accounts_role_may(
    session: str, surface: Surface, house: Controller, role: Role, act: str, reason: str, acts: list[Event]
) -> None:
    await house.accounts.set_role("board", role, actor="olena")
    surface.press(act)
    await surface.refused(reason)
    assert asked(acts) == []
    assert house.sessions.get(session).phase is Phase.PLANNED


async def test_without_its_account_nothing_is_done_or_shown(
    controller: Controller, surface_of: Callable[..., Surface], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOG):
        async with surfaces(controller, AT_ONCE):
            lost = surface_of()
            lost.press("ping", None)
            await lost.refused("there is no account 'board'", "/avctl/refused")
            assert len(lost.told) == 1
    assert caplog.text.count("there is no account") == 1


async def test_a_record_that_cannot_be_read_refuses_and_nothing_ends(
    surface: Surface, house: Controller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "avctl.db")) as other:
        await house.journal.settled()
        other.execute("ALTER TABLE accounts RENAME TO lost")
        surface.press("plenary/mic/1")
        await surface.refused("the record cannot be used")
        other.execute("ALTER TABLE lost RENAME TO accounts")
    surface.press("plenary/mic/1")
    await surface.sees(mic__1=1)
    assert "no such table" in caplog.text


@pytest.mark.parametrize("osc", [{"allow": ["127.0.0.2"]}])
async def test_networks_that_are_not_allowed_are_not_heard(
    house: Controller, surface_of: Callable[..., Surface], caplog: pytest.LogCaptureFixture
) -> None:
    stranger, friend = surface_of(), surface_of(("127.0.0.2", 0))
    with caplog.at_level(logging.WARNING, LOG):
        for _ in range(3):
            stranger.press("ping", None)
        await friend.join()  # heard after the stranger: it is one socket
    assert stranger.told == []
    assert caplog.text.count("OSC from 127.0.0.1 is not heard") == 1


# --- datagrams ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [Pace(same=DEADLINE)])
async def test_a_datagram_that_comes_twice_is_one_act(
    session: str, surface: Surface, house: Controller, acts: list[Event]
) -> None:
    for _ in range(2):
        surface.press("plenary/mic/2", None)
        surface.press("plenary/go-live")
    await surface.sees(mic__2=1, go_live__sure=1)
    surface.press("plenary/mic/3", None)
    await surface.sees(mic__3=1)
    assert [arguments["seat"] for _, _, arguments in asked(acts)] == [2, 3]
    assert house.sessions.get(session).phase is Phase.PLANNED


async def test_bundles_are_understood_also_within_bundles(surface: Surface) -> None:
    inner = OscBundleBuilder(IMMEDIATELY)
    outer = OscBundleBuilder(2_000_000_000.5)  # a surface whose clock is wrong
    for seat, bundle in ((1, inner), (2, outer)):
        message = OscMessageBuilder(f"/avctl/plenary/mic/{seat}")
        message.add_arg(1)
        bundle.add_content(message.build())
    outer.add_content(inner.build())
    surface.send(outer.build())
    await surface.sees(mic__1=1, mic__2=1)


BUNDLE = b"#bundle\0" + b"\0\0\0\0\0\0\0\1"
MESSAGE = b"/avctl/plenary/mic/1\0\0\0\0" + b",i\0\0" + b"\0\0\0\1"
GARBAGE = [
    b"",
    b"\0",
    b"GET / HTTP/1.1\r\n\r\n",
    b"/avctl",  # no end
    b"/\xff\xfe\0",  # no UTF-8
    b"/avctl/ping\0i\0\0\0",  # no comma
    b"/avctl/ping\0,I\0\0",  # a type that is not in the specification
    b"/avctl/ping\0,i\0\0",  # the number is missing
    b"/avctl/ping\0,b\0\0" + b"\xff\xff\xff\xf0",
    b"/avctl/ping\0,[\0\0",
    b"/avctl/ping\0,t\0\0" + b"\xff" * 8,
    BUNDLE[:12],
    BUNDLE + b"\xff\xff\xff\xfc",  # an element of -4 bytes, for ever
    BUNDLE + b"\0\0\0\0",
    BUNDLE + struct.pack(">i", 64) + MESSAGE,
    BUNDLE + struct.pack(">i", 8) + b"nonsense",
    MESSAGE + b"\0" * 5000,
]


def nested(depth: int) -> bytes:
    data = MESSAGE
    for _ in range(depth):
        data = BUNDLE + struct.pack(">i", len(data)) + data
    return data


async def test_garbage_is_passed_over_and_said_once(
    surface: Surface, acts: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    surface.told.clear()
    with caplog.at_level(logging.DEBUG):
        for data in (*GARBAGE, nested(50)):
            surface.raw(data)
        surface.press("plenary/mic/2")
        await surface.sees(mic__2=1)
    assert asked(acts) == [("board", "open_mic", {"seat": 2})]
    assert not [address for address, _ in surface.told if address.endswith("refused")]
    assert caplog.text.count("not OSC") == 1
    assert not [record for record in caplog.records if record.name in ("root", "asyncio")]


@examples(max_examples=300, deadline=None)
@given(
    strategies.one_of(
        strategies.binary(max_size=200),
        strategies.binary(max_size=100).map(lambda rest: BUNDLE + rest),
        strategies.binary(max_size=60).map(lambda rest: b"/a\0\0," + rest),
        strategies.text("ihfdsbrmtTFN[]", max_size=15).flatmap(
            lambda tags: strategies.binary(max_size=80).map(
                lambda rest: (
                    b"/a\0\0" + f",{tags}".encode().ljust(20, b"\0")[: 4 * (len(tags) // 4 + 1) + 4] + rest
                )
            )
        ),
    )
)
def test_no_bytes_do_more_than_make_no_sense(data: bytes) -> None:
    try:
        messages_of(data)
    except (ParseError, ValueError, OverflowError):
        return


def test_four_bundles_within_bundles_are_enough() -> None:
    assert [message.params for message in messages_of(nested(4))] == [[1]]
    with pytest.raises(ParseError, match="too deep"):
        messages_of(nested(6))


# --- the settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("osc", [{"feedback_port": None}])
async def test_surfaces_that_listen_on_a_port_of_their_own_are_answered_there(
    house: Controller, surface_of: Callable[..., Surface]
) -> None:
    sends, listens = surface_of(), surface_of(("127.0.0.1", house.config.osc.feedback_port))
    sends.press("plenary/mic/1")
    await listens.sees(mic__1=1)
    assert sends.told == []


async def test_a_port_that_is_taken_is_said_with_its_key(house: Controller) -> None:
    with pytest.raises(ConfigError, match="cannot listen") as fault:
        async with surfaces(house):
            pass
    assert fault.value.faults[0][0] == "osc.port"


@pytest.mark.parametrize(
    ("osc", "key", "expected"),
    [
        ({"port": 8001}, "osc.account", "the name of an account"),
        ({"port": 70000, "account": "board"}, "osc.port", "from 0 to 65535"),
        ({"allow": ["10.0.0.0/8", "10.1.2.3/8"]}, "osc.allow[1]", "a network such as 192.0.2.0/24"),
        ({"allow": [7]}, "osc.allow[0]", "network"),
        ({"prot": 1}, "osc.prot", "did you mean 'port'"),
    ],
)
def test_faults_of_the_settings_are_named(osc: dict[str, Any], key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as fault:
        parse({"osc": osc}, "test", {})
    assert [key for key, _ in fault.value.faults] == [key]
    assert expected in fault.value.faults[0][1]


@pytest.mark.parametrize("osc", [{"port": 0}])
async def test_without_a_port_there_is_no_door(controller: Controller) -> None:
    before = asyncio.all_tasks()
    async with surfaces(controller):
        assert asyncio.all_tasks() == before
