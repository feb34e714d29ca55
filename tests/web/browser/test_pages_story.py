"""One sitting from the secretariat's form to its end, as three people do it in real browsers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from avctl.events import now
from avctl.model.account import Role
from avctl.model.session import Phase, Session
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.samsung_mdc import SamsungMdcSimulator

LogIn = Callable[..., Awaitable[Page]]
KYIV = ZoneInfo("Europe/Kyiv")


def next_monday() -> date:
    today = now().astimezone(KYIV).date()
    return today + timedelta(days=7 - today.weekday())


async def asked(page: Page, key: str) -> None:
    """Press a key of the page, and again where it wants to be pressed twice."""
    one = page.locator(f'button[data-key="{key}"]')
    await expect(one).to_be_enabled()
    again = await one.get_attribute("data-again")
    await page.keyboard.press(key.lower())
    if again:
        await expect(one).to_have_class(re.compile("armed"))
        await page.keyboard.press(key.lower())


@pytest.mark.timeout(120)  # three browsers for a whole sitting
async def test_a_sitting_is_booked_dragged_imported_prepared_run_and_ended(
    log_in: LogIn,
    controller: Controller,
    wall_online: SamsungMdcSimulator,
    hall: BoschDicentisSimulator,
    tmp_path: Path,
) -> None:
    # The secretariat books it, by hand, every week; then moves the first by a day.
    secretary = await log_in("/schedule/new", Role.SCHEDULER)
    day = next_monday()
    await secretary.fill("#s-title", "Комісія з бюджету")
    await secretary.select_option("#s-room", "plenary")
    await secretary.select_option("#s-policy", "none")
    await secretary.fill("#s-starts_at", f"{day}T10:00")
    await secretary.fill("#s-ends_at", f"{day}T12:00")
    await secretary.select_option("#s-repeat", "weekly")
    await secretary.fill("#s-until", str(day + timedelta(weeks=2)))
    await secretary.click("form.session-form button.primary")
    await secretary.wait_for_url(re.compile(r"/schedule\?day="))
    first, *others = controller.sessions
    assert len(others) == 2
    await secretary.wait_for_selector("[data-ready]")
    shown = secretary.locator(f'[data-session="{first.id}"]')
    box, column = await shown.bounding_box(), await secretary.locator(".ec-col-head").nth(1).bounding_box()
    assert box is not None
    assert column is not None
    await secretary.mouse.move(box["x"] + 20, box["y"] + 20)
    await secretary.mouse.down()
    await secretary.mouse.move(box["x"] + 20 + column["width"], box["y"] + 20, steps=8)
    await secretary.mouse.up()
    await expect(secretary.locator("#said")).to_contain_text("Перенесено")

    # The rule becomes another; what was dragged stays where it was put.
    await secretary.goto(f"/schedule/{others[0].id}")
    await secretary.fill("form.repeat [name=rule]", "FREQ=WEEKLY;BYDAY=WE;COUNT=2")
    await secretary.select_option("#rule-scope", "following")
    await secretary.click("form.repeat button")
    await expect(secretary.locator("form.repeat code")).to_have_text("FREQ=WEEKLY;BYDAY=WE;COUNT=2")
    days = [f"{one.booking.starts_at.astimezone(KYIV):%a %H:%M}" for one in controller.sessions]
    assert days == ["Tue 10:00", "Wed 10:00", "Wed 10:00"]

    # The agenda comes as a list.
    lines = (
        "Назва;Дата;Питання;Хвилин на питання",
        f"Комісія з бюджету;{day + timedelta(days=1):%d.%m.%Y};Про бюджет;60",
        ";;Про вулиці;30",
    )
    file = tmp_path / "порядок.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    await secretary.goto("/schedule/import")
    await secretary.set_input_files("#file", file)
    await secretary.click("text=Переглянути")
    await secretary.click("text=Записати придатні рядки")
    await expect(secretary.locator("table.import tbody tr")).to_have_count(1)
    agenda = controller.sessions.get(first.id).booking.agenda
    assert [(item.title, item.minutes) for item in agenda] == [("Про бюджет", 60), ("Про вулиці", 30)]

    # Two technicians prepare the room and run it; each sees what the other does.
    one = await log_in("/control/plenary")
    other = await log_in("/control/plenary", Role.ADMIN, 390)
    await asked(one, "P")
    await expect(one.locator("#act-plenary-prepare")).to_contain_text("знову")  # it is ready

    def now_of() -> Session:
        return controller.sessions.get(first.id)

    await asked(one, "G")
    await expect(other.locator("#act-plenary-close")).to_be_visible()
    current = "#part-agenda-plenary .now"
    await asked(one, "N")
    await expect(other.locator(current)).to_contain_text("Про бюджет")
    await asked(other, "N")
    await expect(one.locator(current)).to_contain_text("Про вулиці")
    await expect(one.locator(current)).to_contain_text("/ 30:00")
    await expect(one.locator("#act-plenary-next-item")).to_have_count(0)  # it was the last
    await expect(one.locator(".outlook .forecast")).to_contain_text("кінець ≈")
    await one.fill("#part-agenda-plenary-present", "61")
    await one.click("#act-plenary-quorum")
    await expect(other.locator(".quorum")).to_contain_text("кворум є")
    await one.locator("#part-agenda-plenary-title").click()  # out of the field: keys are the page's again
    await one.click("#act-plenary-break-15")
    await expect(other.locator(".states")).to_contain_text("Перерва")
    await asked(other, "R")
    await asked(one, "A")
    await expect(other.locator(".states")).to_contain_text("Повітряна тривога")
    await expect(other.locator("#act-plenary-resume-as-planned")).to_be_visible()
    await asked(other, "R")
    await expect(one.locator("#act-plenary-resume")).to_have_count(0)
    width = await other.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0
    await asked(one, "E")
    await expect(other.locator("#part-work-plenary")).to_contain_text("Тут завершено: Комісія з бюджету")
    assert now_of().phase is Phase.CLOSED
    assert [(stamp.act, stamp.actor) for stamp in now_of().record] == [
        ("opened", "technician"),
        ("item", "technician"),
        ("item", "admin"),
        ("quorum", "technician"),
        ("suspended", "technician"),
        ("resumed", "admin"),
        ("suspended", "technician"),
        ("resumed", "admin"),
        ("closed", "technician"),
    ]
