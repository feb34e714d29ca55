"""A hall with 1,500 seats, and a storm of presses: the page keeps up, and is right at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any

import pytest

from avctl.config import Config
from avctl.events import FloorRequested, FloorRequestEnded
from avctl.model.account import Role
from avctl.services.controller import Controller
from dashboards.front import Front
from dashboards.live import Topic
from drivers.sim.samsung_mdc import SamsungMdcSimulator
from drivers.sim.shure_dis import ShureDisSimulator

SEATS = 1500
CROWD = 300
PASSWORD = "dovhyi parol 7"


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The plenary hall has a central unit with 1,500 seats."""
    hall = next(device for device in settings["devices"] if device["id"] == "hall")
    hall |= {"driver": "shure_dis", "options": {}}
    return settings


@pytest.fixture
async def hall(config: Config) -> AsyncIterator[ShureDisSimulator]:
    """That unit; who presses waits."""
    device = next(device for device in config.devices if device.id == "hall")
    simulator = ShureDisSimulator(device)
    simulator.seats = {seat: f"Депутат {seat}" for seat in range(1, SEATS + 1)}
    simulator.settings["max_requests"] = str(SEATS)
    async with simulator:
        yield simulator


@pytest.fixture
async def controller(
    config: Config,
    wall: SamsungMdcSimulator,
    hall: ShureDisSimulator,
    tmp_path: Path,
    compose: Callable[..., AbstractAsyncContextManager[Controller]],
) -> AsyncIterator[Controller]:
    async with compose(config, tmp_path / "data") as everything:
        await everything.accounts.add("technician", Role.TECHNICIAN, PASSWORD, actor="test")
        with everything.bus.subscribe() as heard:
            while not everything.house.state("hall").online:
                await heard.next()
        yield everything


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fact():
            await asyncio.sleep(0.01)


async def test_one_change_among_1500_seats_costs_one_small_fragment(
    controller: Controller, hall: ShureDisSimulator
) -> None:
    assert len(controller.house.state("hall").readings["seats"]) == SEATS
    front = Front(controller)
    parts = ("floor", "agenda", "devices", "cameras", "work", "bar")
    topics = tuple(Topic(part, "plenary", "uk", Role.TECHNICIAN) for part in parts)
    async with aclosing(front.live.watch(topics)) as messages:
        heard = (await anext(messages)).decode()
        while "Депутат 700" not in heard:  # what follows is news
            hall.press(700) if 700 not in hall.waiting else None
            heard = (await anext(messages)).decode()
        hall.press(900)
        changed = ""
        while "Депутат 900" not in changed:
            message = (await anext(messages)).decode()
            changed = changed + message if "event: parts" in message else changed
    assert changed.count("<section") == 1  # the floor, and nothing else
    assert len(changed.encode()) < 8_000


async def test_a_storm_of_presses_loses_nothing_and_the_page_has_the_right_order(
    controller: Controller, hall: ShureDisSimulator, log_in: Any
) -> None:
    page = await log_in("/control/plenary")
    await page.wait_for_selector("#part-floor-plenary")
    dice, told = random.Random(7), 0

    def count(_: FloorRequested | FloorRequestEnded) -> None:
        nonlocal told
        told += 1

    controller.bus.listen(count, FloorRequested, FloorRequestEnded)
    pressed = 0
    seats = dice.sample(range(2, SEATS), CROWD)
    restless = dice.sample(seats, 50)  # who withdraw, and ask again: they come last
    for seat in (*seats, *restless, *restless):
        hall.press(seat)
        pressed += 1
        if pressed % 10 == 0:
            await asyncio.sleep(0)
    await until(lambda: told == pressed)
    assert controller.house.state("hall").readings["waiting"] == tuple(hall.waiting)
    order = [f"waits-{seat}" for seat in hall.waiting]
    await page.wait_for_function(
        "order => JSON.stringify([...document.querySelectorAll('ol.waiting > li')].map(one => one.id))"
        " === JSON.stringify(order)",
        arg=order,
    )
    assert len(order) == CROWD
