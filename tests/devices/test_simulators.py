import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from avctl.config import Config, Device, parse
from avctl.errors import BadArgument, ConfigError, NotFound
from drivers.sim.__main__ import main, makes, needed
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.control import House, build, control_port, simulate
from drivers.sim.control import load as simulator_of
from drivers.sim.samsung_mdc import SamsungMdcSimulator
from drivers.sim.visca import TcpCamera, UdpCamera
from streams.sim.feed import nobody_at


def config_of(*devices: dict[str, Any], **rest: Any) -> Config:
    """A configuration of these devices, on free ports unless they say otherwise."""
    config = parse(
        {
            "rooms": [{"id": "hall", "title": "Зала"}],
            "devices": [
                {"room": "hall", "id": f"device{at}", **{k: v for k, v in device.items() if k != "port"}}
                for at, device in enumerate(devices)
            ],
            **rest,
        },
        "test",
        {},
    )
    ports = [device.get("port", 0) for device in devices]
    free = [
        device.model_copy(update={"port": port}) for device, port in zip(config.devices, ports, strict=True)
    ]
    return config.model_copy(update={"devices": tuple(free)})


@pytest.fixture
async def house() -> AsyncIterator[House]:
    devices = (
        {"driver": "samsung_mdc", "id": "wall", "title": "Стіна", "options": {"boot_seconds": 0}},
        {"driver": "visca", "id": "camera"},
        {"driver": "visca", "id": "camera2", "options": {"transport": "tcp"}},
    )
    async with House(build(config_of(*devices))) as house:
        yield house


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        control_port(house, "127.0.0.1", 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


# --- making them -----------------------------------------------------------------------------------


def test_each_device_gets_the_simulator_of_its_driver() -> None:
    simulators = build(
        config_of(
            {"driver": "samsung_mdc"},
            {"driver": "visca"},
            {"driver": "visca", "options": {"transport": "tcp"}},
            {"driver": "bosch_dicentis"},
        )
    )
    kinds = [SamsungMdcSimulator, UdpCamera, TcpCamera, BoschDicentisSimulator]
    assert [type(simulator) for simulator in simulators] == kinds


@pytest.mark.parametrize(
    ("driver", "options", "port"),
    [
        ("samsung_mdc", {}, 1515),
        ("visca", {}, 52381),
        ("visca", {"transport": "udp"}, 1259),
        ("visca", {"transport": "tcp"}, 5678),
    ],
)
def test_without_a_port_a_simulator_takes_the_drivers_own(
    driver: str, options: dict[str, Any], port: int
) -> None:
    (simulator,) = build(config_of({"driver": driver, "options": options, "port": None}))
    assert simulator.bound == port


def test_every_device_without_a_simulator_is_named() -> None:
    config = config_of(
        {"driver": "there_is_none"},
        {"driver": "bosch_dicentis", "port": "/dev/ttyS0"},
        {"driver": "streams.there_is_none"},
        {"driver": "samsung_mdc", "options": {"pin_code": "1"}},
    )
    with pytest.raises(ConfigError) as fault:
        build(config)
    assert [key for key, _ in fault.value.faults] == [
        "devices[0].driver",
        "devices[1].port",
        "devices[2].driver",
        "devices[3].driver",
    ]


async def test_every_address_that_is_taken_is_named(house: House) -> None:
    wall, camera = house.simulators["wall"], house.simulators["camera2"]
    taken = config_of(
        {"driver": "samsung_mdc", "id": "one", "port": wall.bound},
        {"driver": "visca", "id": "two"},
        {"driver": "visca", "id": "three", "port": camera.bound, "options": {"transport": "tcp"}},
    )
    with pytest.raises(ConfigError) as fault:
        async with House(build(taken)):
            pass
    assert [key for key, _ in fault.value.faults] == ["one", "three"]


async def test_when_the_house_closes_every_address_is_free_again() -> None:
    simulators = build(config_of({"driver": "samsung_mdc"}, {"driver": "visca"}))
    async with House(simulators):
        addresses = [simulator.bound for simulator in simulators]
    again = config_of(
        {"driver": "samsung_mdc", "port": addresses[0]}, {"driver": "visca", "port": addresses[1]}
    )
    async with House(build(again)) as house:
        assert [simulator.bound for simulator in house.simulators.values()] == addresses


# --- the control port ------------------------------------------------------------------------------


async def test_the_list_tells_what_can_be_done(client: httpx.AsyncClient, house: House) -> None:
    listed = {simulator["id"]: simulator for simulator in (await client.get("/simulators")).json()}
    assert list(listed) == ["wall", "camera", "camera2"]
    wall = listed["wall"]
    assert wall["driver"] == "samsung_mdc"
    assert wall["title"] == "Стіна"
    assert wall["address"] == f"127.0.0.1:{house.simulators['wall'].bound}"
    assert wall["state"]["power"] is False
    acts = {act["name"]: act for act in wall["acts"]}
    assert {"press_power", "press_source", "unplug", "plug", "mute", "delay", "garble", "refuse"} <= set(acts)
    assert acts["press_source"]["parameters"] == [
        {"name": "name", "kind": "str", "required": True, "default": None}
    ]
    assert acts["overheat"]["text"]


async def test_an_act_changes_the_state(client: httpx.AsyncClient) -> None:
    done = await client.post("/simulators/wall/press_power")
    assert done.status_code == 200
    assert done.json()["state"]["power"] is True
    done = await client.post("/simulators/wall/press_source", json={"name": "dp1"})
    assert done.json()["state"]["input"] == "dp1"
    done = await client.post("/simulators/camera/joystick", json={"pan": 120})
    assert done.json()["state"]["pan"] == 120
    done = await client.post("/simulators/camera/unplug", json={})
    assert done.json()["state"]["plugged"] is False


async def test_what_is_not_there_is_answered_with_what_is(client: httpx.AsyncClient) -> None:
    missing = await client.post("/simulators/lamp/press_power")
    assert missing.status_code == 404
    assert "wall, camera" in missing.json()["detail"]
    missing = await client.post("/simulators/wall/dance")
    assert missing.status_code == 404
    assert "press_power" in missing.json()["detail"]
    assert missing.headers["content-type"] == "application/problem+json"
    assert (await client.post("/simulators/wall/hang_up")).status_code == 404


@pytest.mark.parametrize(
    ("address", "arguments", "field"),
    [
        ("wall/press_source", {}, "name"),
        ("wall/press_source", {"name": "dp1", "loud": True}, "loud"),
        ("wall/press_source", {"name": "scart"}, "press_source"),
        ("wall/overheat", {"celsius": "very"}, "celsius"),
        ("camera/joystick", {"pan": []}, "pan"),
    ],
)
async def test_wrong_arguments_are_named(
    client: httpx.AsyncClient, address: str, arguments: dict[str, Any], field: str
) -> None:
    refused = await client.post(f"/simulators/{address}", json=arguments)
    assert refused.status_code == 422
    assert refused.json()["field"] == field


async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/simulators/wall/press_power", json=[1])).status_code == 422


async def test_the_same_acts_from_inside(house: House) -> None:
    await house.perform("wall", "press_power", {})
    assert house.simulators["wall"].state()["power"] is True
    with pytest.raises(NotFound):
        await house.perform("wall", "dance", {})
    with pytest.raises(BadArgument):
        await house.perform("camera", "lose", {"count": None})


async def test_everything_runs_until_it_is_stopped(free_port: Callable[[], int]) -> None:
    wall = {"driver": "samsung_mdc", "id": "wall", "port": free_port()}
    config = config_of(wall, {"driver": "bosch_dicentis", "id": "hall"})
    config = config.model_copy(update={"simulators": config.simulators.model_copy(update={"port": 0})})
    ready: asyncio.Future[tuple[House, int]] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        simulate(config, lambda house, port: ready.set_result((house, port)), sittings=("hall",))
    )
    house, port = await ready
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert len((await client.get("/simulators")).json()) == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", house.simulators["wall"].bound)


async def test_a_sitting_needs_a_device_of_the_house() -> None:
    with pytest.raises(ConfigError, match="cellar"):
        await simulate(config_of({"driver": "visca"}), sittings=("cellar",))


async def test_a_control_port_that_is_taken_is_named(house: House) -> None:
    async with control_port(house, "127.0.0.1", 0) as port:
        with pytest.raises(ConfigError, match=str(port)):
            async with control_port(house, "127.0.0.1", port):
                pass


# --- what all simulators share ---------------------------------------------------------------------


async def test_an_unplugged_device_comes_back_at_its_address(device: Any) -> None:
    simulator = SamsungMdcSimulator(device("samsung_mdc"))
    async with simulator:
        bound = simulator.bound
        await simulator.unplug()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", bound)
        await simulator.plug()
        await simulator.plug()  # it is in already
        _, writer = await asyncio.open_connection("127.0.0.1", bound)
        writer.close()
        assert simulator.bound == bound


@pytest.mark.parametrize("make", ["samsung_mdc", "netio"])
async def test_who_comes_in_the_last_moment_is_put_out_too(device: Any, make: str) -> None:
    for turns in range(6):  # of the event loop, between the connection and the pulled plug
        async with simulator_of(device(make)) as simulator:
            client = socket.create_connection((simulator.host, int(simulator.bound)), 5)
            for _ in range(turns):
                await asyncio.sleep(0)
        with client, contextlib.suppress(ConnectionResetError):
            client.setblocking(False)
            async with asyncio.timeout(5):
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""


def test_a_device_needs_no_title(device: Any) -> None:
    made: Device = device("samsung_mdc")
    assert SamsungMdcSimulator(made).title == "Samsung display"


# --- one alone, for those who write drivers elsewhere -----------------------------------------------


async def test_one_simulator_runs_alone_with_its_faults(free_port) -> None:
    port, control = free_port(), free_port()
    alone = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "drivers.sim", "pjlink", "--port", str(port), "--control", str(control)),
        *("--option", "password=secret"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert alone.stdout is not None
        assert f"127.0.0.1:{port}".encode() in await alone.stdout.readline()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readuntil(b"\r") == b"PJLINK 1 498e4a67\r"
        writer.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{control}", trust_env=False) as client:
            assert (await client.post("/simulators/device/press_power")).json()["state"]["power"] == "on"
    finally:
        alone.terminate()
        assert await alone.wait() == 0  # told to stop, it closes everything: that is no fault


def test_what_is_no_make_is_a_wrong_use(capsys) -> None:
    assert {"samsung_mdc", "visca", "pjlink"} <= set(makes())
    assert not {"control", "frames"} & set(makes())
    for make in makes():  # each runs without a word; what its driver must be told is made up, and said
        alone = Device(id="device", room="bench", driver=make, host="127.0.0.1", options=needed(make))
        assert simulator_of(alone).device.driver == make
    with pytest.raises(SystemExit) as wrong:
        main(["scart"])
    assert wrong.value.code == 2
    with pytest.raises(SystemExit):
        main(["pjlink", "--port", "99999"])
    assert "0 to 65535" in capsys.readouterr().err
    assert main(["samsung_mdc", "--option", "display_id=1000"]) == 1
    assert "display_id" in capsys.readouterr().err
    assert main(["xibo", "--option", "display=screen"]) == 1
    assert "display: a whole number" in capsys.readouterr().err


def test_an_encoder_knocks_before_it_dials(free_port: Callable[[], int]) -> None:
    port = free_port()
    target = f"srt://127.0.0.1:{port}?mode=caller"
    assert nobody_at(target)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", port))
        assert not nobody_at(target)
    assert not nobody_at(f"rtmp://127.0.0.1:{port}/live/key")  # nothing is known of those
