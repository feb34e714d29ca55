"""The preparation on the room's page: what failed, one line again, paper, and what is known to be good."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from avctl.commands import Operate
from avctl.config import Config
from avctl.model.session import Session
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.samsung_mdc import SamsungMdcSimulator
from drivers.sim.visca import SIMULATOR
from drivers.sim.visca.head import Head

pytestmark = pytest.mark.timeout(90)

PATIENCE = 20_000  # milliseconds; a display and a camera take their time, on a busy machine more
LogIn = Callable[..., Awaitable[Page]]
Book = Callable[..., Awaitable[Session]]


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration with a camera in the plenary hall, and something to be done beforehand."""
    camera = {"id": "camera", "room": "plenary", "driver": "visca", "title": "Камера", "port": free_port()}
    settings["devices"][0]["prepare"] = {"set_input": {"name": "hdmi2"}}
    settings["devices"].append(camera)
    settings["rooms"][0]["prepare"] = [
        {"id": "wide", "device": "camera", "verb": "recall_preset", "arguments": {"preset": 3}},
        {"id": "loud", "device": "wall", "verb": "set_volume", "arguments": {"level": 20}, "after": ["wide"]},
    ]
    return settings


@pytest.fixture
async def camera(config: Config) -> AsyncIterator[Head]:
    """The simulated camera."""
    async with SIMULATOR(config.devices[-1]) as simulator:
        yield simulator


async def test_a_room_is_prepared_a_line_is_done_again_and_settings_are_brought_back(
    log_in: LogIn,
    book: Book,
    controller: Controller,
    hall: BoschDicentisSimulator,
    camera: Head,
    wall: SamsungMdcSimulator,
    tmp_path: Path,
) -> None:
    await book()
    await camera.unplug()
    page = await log_in("/control/plenary")
    await expect(page.locator("#part-devices-plenary")).to_contain_text("не відповідає")
    part = page.locator("#part-preparation-plenary")
    await expect(part).to_contain_text("До цього засідання залу ще не готували.")
    await page.click("#act-plenary-prepare")
    await expect(part).to_contain_text("Підготовлено", timeout=PATIENCE)
    failed = page.locator("[id='problem-answers.camera']")
    await expect(failed).to_contain_text("Камера: відповідає")
    await expect(failed).to_contain_text("Перевірте живлення й мережевий кабель")
    skipped = page.locator("[id='problem-step.loud']")
    await expect(skipped).to_contain_text("не вдалося «Камера: план камери 3»")
    await expect(page.locator(".prepared-faults")).to_contain_text("не готові")

    await camera.plug()
    await page.click("#device-camera-reconnect")
    at_camera = page.locator("#part-device-camera")
    await expect(at_camera).not_to_contain_text("не відповідає", timeout=PATIENCE)
    for line in ("answers.camera", "step.wide"):
        await page.click(f"[id='rerun-{line}']")
        await expect(page.locator(f"[id='problem-{line}']")).to_have_count(0, timeout=PATIENCE)
    await expect(skipped).to_have_count(0, timeout=PATIENCE)
    await expect(page.locator(".prepared-faults")).to_have_count(0)

    good = page.locator("#part-golden-plenary")
    await page.click("#golden-plenary-save")
    await expect(good).to_contain_text("Усе так, як запам’ятовано")
    command = Operate(actor="admin", device="wall", verb="set_input", arguments={"name": "hdmi1"})
    await controller.desk.obey(command)
    await expect(good).to_contain_text("зараз hdmi1, було hdmi2")
    await expect(good).to_contain_text("admin")
    await page.click("#golden-plenary-restore")
    await expect(good).to_contain_text("Усе так, як запам’ятовано")
    assert controller.house.state("wall").readings["input"] == "hdmi2"

    await part.locator("a", has_text="Аркуш для друку").click()
    rows = page.locator(".sheet tbody tr")
    await expect(rows.first).to_contain_text("гаразд")
    await expect(page.locator("[id='row-step.loud']")).to_contain_text("зроблено за")
    paper = await page.pdf(path=tmp_path / "sheet.pdf")
    assert re.match(rb"%PDF", paper)
