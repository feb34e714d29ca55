"""The cameras on the room's page: held and released, and shots stored at seats."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from avctl.config import Config
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.visca import SIMULATOR
from drivers.sim.visca.head import Head

LogIn = Callable[..., Awaitable[Page]]


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration with a camera in the plenary hall."""
    camera = {"id": "camera", "room": "plenary", "driver": "visca", "title": "Камера", "port": free_port()}
    settings["devices"].append(camera)
    return settings


@pytest.fixture
async def camera(config: Config) -> AsyncIterator[Head]:
    """The simulated camera."""
    async with SIMULATOR(config.devices[-1]) as simulator:
        yield simulator


async def test_the_cameras_are_held_and_a_shot_is_stored_for_the_seat_that_speaks(
    log_in: LogIn, hall: BoschDicentisSimulator, camera: Head, controller: Controller
) -> None:
    page = await log_in("/control/plenary")
    part = page.locator("#part-cameras-plenary")
    await expect(part).to_contain_text("стежать за мікрофонами")
    await page.keyboard.press("h")
    await expect(part).to_contain_text("тримає technician")
    hall.speak(12)
    await page.click("#cameras-plenary-store-camera-12")
    await expect(part.locator("summary")).to_contain_text("1")
    await part.locator("input[name=seat]").fill("14")
    await page.click("#cameras-plenary-store-camera")
    await expect(part.locator("summary")).to_contain_text("2")
    assert [(one.seat, one.preset) for one in controller.framings.get("plenary").shots] == [
        (12, 20),
        (14, 21),
    ]
    await part.locator("summary").click()
    forget = page.locator("#cameras-plenary-forget-camera-12")
    await forget.click()
    await expect(forget).to_have_class(re.compile(r"\barmed\b"))
    await forget.click()
    await expect(part.locator("summary")).to_contain_text("1")
    await page.click("#cameras-plenary-release")
    await expect(part).to_contain_text("стежать за мікрофонами")
    await expect(page.locator(".log")).to_contain_text("technician План камери збережено для місця")
