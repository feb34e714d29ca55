"""The cameras of a room over the API: held, released, and shots stored at seats."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from avctl.config import Config
from avctl.events import Link, LinkChanged
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.visca import SIMULATOR
from drivers.sim.visca.head import Head


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration with a camera in the plenary hall."""
    camera = {"id": "camera", "room": "plenary", "driver": "visca", "port": free_port()}
    settings["devices"].append(camera)
    return settings


@pytest.fixture
async def head(config: Config) -> AsyncIterator[Head]:
    """The simulated camera."""
    async with SIMULATOR(config.devices[-1]) as simulator:
        yield simulator


async def test_a_technician_takes_the_cameras_and_gives_them_back(
    clients: Callable[..., httpx.AsyncClient],
) -> None:
    technician = clients(Role.TECHNICIAN)
    held = await technician.post("/api/v1/rooms/plenary/cameras/hold")
    assert held.status_code == 202, held.text
    told = (await technician.get("/api/v1/rooms/plenary/cameras")).json()
    assert told == held.json()
    assert (told["held"], told["held_by"], told["held_until"]) == (True, "technician", None)
    released = (await technician.post("/api/v1/rooms/plenary/cameras/release")).json()
    assert (released["held"], released["held_by"]) == (False, "")
    assert (await clients(Role.MANAGER).post("/api/v1/rooms/plenary/cameras/hold")).status_code == 403
    assert (await technician.get("/api/v1/rooms/nowhere/cameras")).status_code == 404


async def test_a_shot_is_stored_at_a_seat_and_given_up(
    head: Head,
    controller: Controller,
    clients: Callable[..., httpx.AsyncClient],
    watch: Any,
) -> None:
    technician = clients(Role.TECHNICIAN)
    if not controller.house.state("camera").online:
        await watch.sees(LinkChanged, device="camera", link=Link.ONLINE)
    head.joystick(pan=444)
    answer = await technician.post("/api/v1/rooms/plenary/shots", json={"seat": 14, "camera": "camera"})
    assert answer.status_code == 202, answer.text
    shot = {"seat": 14, "camera": "camera", "preset": 20}
    assert answer.json()["shots"] == [shot]
    assert head.presets[20][0] == 444
    journal = (await technician.get("/api/v1/journal?kind=ShotStored")).json()
    assert journal, "the journal has it"
    assert (await technician.delete("/api/v1/rooms/plenary/shots/camera/14")).json()["shots"] == []
    assert (await technician.delete("/api/v1/rooms/plenary/shots/camera/14")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"seat": 0, "camera": "camera"}, "seat"),
        ({"seat": "14", "camera": "camera"}, "seat"),
        ({"seat": 14}, "camera"),
        ({"seat": 14, "camera": "wall"}, "camera"),
        ({"seat": 14, "camera": "camera", "preset": 300}, "preset"),
    ],
)
async def test_a_shot_that_cannot_be_stored_names_what_is_wrong(
    clients: Callable[..., httpx.AsyncClient], asked: dict[str, Any], field: str
) -> None:
    answer = await clients(Role.TECHNICIAN).post("/api/v1/rooms/plenary/shots", json=asked)
    assert answer.status_code == 422
    assert field in answer.text
