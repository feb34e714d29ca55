"""A technician runs a sitting from the control page; every change comes back from the house itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from avctl.model.account import Role
from avctl.model.session import Phase, Session
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.samsung_mdc import SamsungMdcSimulator

LogIn = Callable[..., Awaitable[Page]]
Book = Callable[..., Awaitable[Session]]


async def press_twice(page: Page, selector: str) -> None:
    """A dangerous button changes at the first press and asks at the second."""
    await page.click(selector)
    await expect(page.locator(selector)).to_have_class(re.compile(r"\barmed\b"))
    await page.click(selector)


async def test_a_sitting_is_run_from_the_room_page(
    log_in: LogIn, book: Book, controller: Controller, hall: BoschDicentisSimulator
) -> None:
    session = await book(agenda=[{"number": "1", "title": "Про бюджет"}])
    page = await log_in("/control/plenary")

    await page.click("#act-plenary-prepare")
    await expect(page.locator(".states")).to_contain_text("готово")
    await press_twice(page, "#act-plenary-open")
    await expect(page.locator(".states")).to_contain_text("засідання триває")

    hall.press(12)
    await expect(page.locator("#waits-12")).to_be_visible()
    await page.click("#device-hall-grant_request-12")
    await expect(page.locator("#speaker-12")).to_be_visible()
    await page.click("#device-hall-close_mic-12")
    await expect(page.locator("#speaker-12")).to_have_count(0)

    await page.click("#act-plenary-break")
    await expect(page.locator(".states")).to_contain_text("Перерва")
    assert controller.sessions.get(session.id).until is None
    await page.click("#act-plenary-break-15")
    await expect(page.locator(".lengths")).to_contain_text("Повернення о")
    viewer = await page.context.new_page()
    await viewer.goto(f"/watch/{session.id}")
    until = controller.sessions.get(session.id).until
    assert until is not None
    said = f"перерва до {until.astimezone(controller.config.site.zone):%H:%M}"
    await expect(viewer.locator(".now")).to_contain_text(said)
    await page.click("#act-plenary-break-0")
    await expect(page.locator(".lengths")).not_to_contain_text("Повернення о")
    await page.click("#act-plenary-resume")
    await expect(page.locator("#act-plenary-break")).to_be_visible()
    await page.click("#act-plenary-closed")
    await expect(page.locator(".bar.closed")).to_contain_text("ЗАКРИТА ЧАСТИНА")
    await press_twice(page, "#act-plenary-leave-closed")
    await press_twice(page, "#act-plenary-close")
    await expect(page.locator("#part-work-plenary")).to_contain_text("засідань не заплановано")

    assert controller.sessions.get(session.id).phase is Phase.CLOSED
    await expect(page.locator(".log")).to_contain_text("technician Засідання завершено")


async def test_a_dangerous_button_can_be_held_instead(log_in: LogIn, book: Book) -> None:
    await book()
    page = await log_in("/control/plenary")
    await page.hover("#act-plenary-open")
    await page.mouse.down()
    await expect(page.locator(".states")).to_contain_text("засідання триває")
    await page.mouse.up()


async def test_one_press_of_a_dangerous_button_does_nothing(
    log_in: LogIn, book: Book, controller: Controller
) -> None:
    session = await book()
    page = await log_in("/control/plenary")
    await page.click("#act-plenary-open")
    await expect(page.locator("#act-plenary-open .label")).to_contain_text("Ще раз")
    await page.keyboard.press("Escape")
    await expect(page.locator("#act-plenary-open .label")).to_have_text("Почати засідання")
    assert controller.sessions.get(session.id).phase is Phase.PLANNED


async def test_a_button_shows_asked_until_the_device_says_so(
    log_in: LogIn, wall: SamsungMdcSimulator
) -> None:
    page = await log_in("/control/plenary")
    off = page.locator("#device-wall-set_power-false")
    await expect(off).to_be_visible()
    wall.delay(0.3)
    await off.click()
    await off.click()
    await expect(off).to_have_attribute("aria-busy", "true")
    await expect(off).to_be_disabled()
    await expect(page.locator("#device-wall-set_power-true")).to_be_enabled()
    await expect(page.locator("#part-device-wall")).to_contain_text("очікування")


async def test_a_refusal_stands_beside_the_button_until_it_is_dismissed(
    log_in: LogIn, book: Book, controller: Controller, hall: BoschDicentisSimulator
) -> None:
    await book()
    page = await log_in("/control/plenary")
    await page.set_viewport_size({"width": 1280, "height": 720})
    for seat in (2, 3, 4):  # those who wait push the end of the panel below its edge
        hall.press(seat)
        await expect(page.locator(f"#waits-{seat}")).to_be_visible()
    await page.fill("#part-floor-plenary-seat", "999")
    await page.press("#part-floor-plenary-seat", "Enter")
    refusal = page.locator("#act-of-part-floor-plenary-open .refusal")
    await expect(refusal).to_be_visible()
    await expect(refusal).to_be_in_viewport(ratio=1)
    hall.press(7)  # the part is drawn anew around it
    await expect(page.locator("#waits-7")).to_be_visible()
    await expect(refusal).to_be_visible()
    assert await page.input_value("#part-floor-plenary-seat") == "999"
    await refusal.locator("button").click()
    await expect(refusal).to_have_count(0)


async def test_focus_and_typing_stay_while_the_page_changes(
    log_in: LogIn, hall: BoschDicentisSimulator
) -> None:
    page = await log_in("/control/plenary")
    await page.focus("#part-floor-plenary-seat")
    await page.keyboard.type("1")
    hall.press(3)
    await expect(page.locator("#waits-3")).to_be_visible()
    await page.keyboard.type("2")
    assert await page.input_value("#part-floor-plenary-seat") == "12"


async def test_an_alert_is_acknowledged_with_a_reason(log_in: LogIn, controller: Controller) -> None:
    page = await log_in("/control/committee")
    alert = page.locator(".alerts .alert").first
    await expect(alert).to_contain_text("не відповідає")
    await alert.locator("input").fill("Черговий пішов дивитися")
    await alert.locator("button").click()
    await expect(alert).to_contain_text("У роботі: technician – Черговий пішов дивитися")


async def test_a_fault_is_first_among_the_devices_and_in_the_strip(log_in: LogIn) -> None:
    page = await log_in("/control")
    await expect(page.locator(".strip")).to_contain_text("Дисплей, якого немає")
    await expect(page.locator("#tile-committee")).to_contain_text("Дисплей, якого немає")
    await page.goto("/control/committee")
    await expect(page.locator(".device").first).to_contain_text("не відповідає")


async def test_the_keys_of_the_page_run_the_session_and_are_listed(log_in: LogIn, book: Book) -> None:
    await book()
    page = await log_in("/control/plenary")
    await page.keyboard.press("Shift+Slash")
    await expect(page.locator("dialog")).to_be_visible()
    await expect(page.locator("dialog")).to_contain_text("Підготувати")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_be_hidden()
    await page.keyboard.press("p")
    await expect(page.locator(".states")).to_contain_text("готово")
    await page.keyboard.press("g")
    await page.keyboard.press("g")
    await expect(page.locator(".states")).to_contain_text("засідання триває")


async def test_a_page_listens_on_one_connection_only(log_in: LogIn, book: Book) -> None:
    session = await book(policy="live")
    page = await log_in("/control")
    await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.locator(".wall-clock")).not_to_be_empty()
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    for address in ("/control/plenary", f"/watch/{session.id}"):
        heard.clear()
        await page.goto(address)
        await expect(page.locator(".wall-clock")).not_to_be_empty()
        await page.wait_for_load_state("load")
        # A page that is left may still be asking for its own.
        streams = [url for url in heard if url.endswith(f"/stream{address}")]
        assert len(streams) == 1, streams
        once = [url for url in heard if not url.endswith(".jpg")]  # a picture is asked for again and again
        assert len(once) == len(set(once))


async def test_a_scheduler_sees_the_room_and_is_given_no_buttons(log_in: LogIn, book: Book) -> None:
    await book()
    page = await log_in("/control/plenary", Role.SCHEDULER)
    await expect(page.locator(".work")).to_contain_text("керують ним техніки")
    assert await page.locator("button[hx-post]").count() == 0
    await expect(page.locator(".booking-fold")).to_be_visible()


@pytest.mark.parametrize("address", ["/control", "/control/plenary", "/schedule", "/lobby", "/alerts"])
async def test_every_page_fits_a_phone(log_in: LogIn, book: Book, address: str) -> None:
    await book("Засідання постійної комісії з питань бюджету та соціально-економічного розвитку")
    page = await log_in(address, Role.ADMIN, width=360, height=740)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_a_lost_connection_is_told_and_heals_with_the_whole_picture(
    log_in: LogIn,
    hall: BoschDicentisSimulator,
    stop_serving: Callable[[], Awaitable[None]],
    serve_again: Callable[[], Awaitable[None]],
) -> None:
    page = await log_in("/control/plenary")
    await expect(page.locator("#part-device-wall")).to_contain_text("працює")
    await stop_serving()
    await expect(page.locator("#lost")).to_contain_text("Немає зв’язку з контролером з")
    hall.press(5)
    await serve_again()
    await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.locator("#waits-5")).to_be_visible()
