"""People in seats, the speaking-time clock and the mixer's meters, as a person meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from avctl.config import Config
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.behringer_x32 import BehringerX32Simulator
from drivers.sim.bosch_dicentis import BoschDicentisSimulator

MOVED = """step => new Promise((done) => {
  const look = () => (window.changes.meters >= step ? done() : requestAnimationFrame(look));
  look();
})"""  # the page's policy lets nobody evaluate a string
LogIn = Callable[..., Awaitable[Page]]


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration with a mixer in the plenary hall, and a limit that is soon over."""
    mixer = {"id": "mixer", "room": "plenary", "driver": "behringer_x32", "title": "Мікшер"}
    settings["devices"].append({**mixer, "port": free_port(), "options": {"channels": 2}})
    settings["rooms"][0]["sound"] = {"mixer": "mixer", "microphones": [1], "programme": 0}
    settings["floor"] = {"speaking_limit": 2}
    return settings


@pytest.fixture
async def mixer(config: Config) -> AsyncIterator[BehringerX32Simulator]:
    """The simulated mixer."""
    async with BehringerX32Simulator(config.devices[-1]) as simulator:
        yield simulator


async def test_a_list_is_looked_at_taken_over_and_a_seat_substituted(
    log_in: LogIn,
    book: Callable[..., Awaitable[Any]],
    controller: Controller,
    tmp_path: Path,
) -> None:
    session = await book(begins=0)
    page = await log_in("/control/plenary/people", role=Role.SCHEDULER, width=390)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    file = tmp_path / "deputies.csv"
    file.write_text("Місце;ПІБ;Фракція\n12;Лук’ян Дзвінчук;Кияни\nx;Тарас;\n", encoding="cp1251")
    await page.set_input_files("#file", str(file))
    await page.click("form[action$='/import'] button")
    await expect(page.locator("#preview-title")).to_contain_text("deputies.csv")
    rows = page.locator("[aria-labelledby=preview-title] tbody tr")
    await expect(rows.first).to_contain_text("рядок 3, стовпець «Місце»")  # before the good ones
    assert controller.participants.seating(session.id).empty
    await page.click("form[action$='/confirm'] button")
    await expect(page.locator("#seat-12")).to_contain_text("Лук’ян Дзвінчук")
    await page.fill("#seat", "12")
    await page.fill("#name", "Ярина Росяненко")
    await page.click("form[action$='/seat'] button")
    await expect(page.locator("#seat-12")).to_contain_text("заміна")
    await page.click("#seat-12 button")
    await expect(page.locator("#seat-12")).to_contain_text("імпортований список")
    file.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    await page.set_input_files("#file", str(file))
    await page.click("form[action$='/import'] button")
    await expect(page.locator("#fault-summary")).to_be_visible()


async def test_a_speech_that_takes_too_long_is_seen_and_said(
    log_in: LogIn,
    book: Callable[..., Awaitable[Any]],
    hall: BoschDicentisSimulator,
    controller: Controller,
) -> None:
    session = await book(begins=0)
    controller.bus.publish(controller.sessions.get(session.id).open("scheduler"))
    room = await log_in("/control/plenary")
    hall.speak(12)
    speaker = room.locator("#speaker-12")
    name = hall.hall.people[hall.hall.numbered(12).seated].name
    await expect(speaker.locator(".speech")).to_have_attribute("data-limit", "2.0")
    await expect(speaker.locator(".speech.late")).to_be_visible()
    await expect(speaker).to_contain_text("час виступу вичерпано")
    await expect(room.locator("#said")).to_contain_text(name)
    await expect(room.locator(".log")).to_contain_text("Час виступу вичерпано")


async def test_the_mixers_meters_move_without_a_part_of_the_page_being_sent(
    log_in: LogIn, hall: BoschDicentisSimulator, mixer: BehringerX32Simulator
) -> None:
    room = await log_in("/control/plenary")
    mixer.speak(1, 0.1)
    meter = room.locator("[data-sound] [data-part=microphones]")
    await expect(meter.locator(".meter-value")).to_have_text("−20 dB")
    await room.evaluate(
        """() => {
          window.changes = { meters: 0, parts: 0 };
          const bar = document.querySelector("[data-sound] [data-part=microphones] .meter-bar");
          const count = (name) => new MutationObserver((seen) => { window.changes[name] += seen.length; });
          count("meters").observe(bar, { attributes: true });
          const part = document.querySelector("#part-sound-plenary");
          count("parts").observe(part, { childList: true, subtree: true });
        }"""
    )
    for step in range(1, 9):
        mixer.speak(1, 0.05 * step)
        await room.evaluate(MOVED, step)
    assert await room.evaluate("window.changes.parts") == 0
    part = room.locator("#part-sound-plenary")
    await part.locator("#sound-plenary-programme-mute").click()
    await part.locator("#sound-plenary-programme-mute").click()
    await expect(part).to_contain_text("Програма: без звуку")
    await part.locator("#sound-plenary-programme-unmute").click()
    await expect(part).to_contain_text("Програма: звучить")
