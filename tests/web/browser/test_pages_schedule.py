"""The calendar of the secretariat in a real browser that stands in another time zone."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Page, expect

from avctl.commands import AmendSession, BookSession
from avctl.events import now
from avctl.model.account import Role
from avctl.model.booking import booking_of
from avctl.model.session import Session
from avctl.services.controller import Controller
from dashboards.schedule import moment_typed

LogIn = Callable[..., Awaitable[Page]]
KYIV = ZoneInfo("Europe/Kyiv")


def next_monday() -> date:
    today = now().astimezone(KYIV).date()
    return today + timedelta(days=7 - today.weekday())


@pytest.fixture
async def booked(controller: Controller) -> Session:
    """A committee on Monday of next week, ten to twelve by the council's clock."""
    starts = datetime.combine(next_monday(), datetime.min.time(), KYIV).replace(hour=10)
    session = await controller.desk.obey(
        BookSession(
            actor="scheduler",
            details={
                "title": "Комісія з бюджету",
                "room": "committee",
                "policy": "none",
                "starts_at": starts.isoformat(),
                "ends_at": (starts + timedelta(hours=2)).isoformat(),
            },
        )
    )
    assert isinstance(session, Session)
    return session


def event(page: Page, session: Session) -> Locator:
    return page.locator(f'[data-session="{session.id}"]')


def hours(controller: Controller, session: Session) -> str:
    booking = controller.sessions.get(session.id).booking
    starts, ends = booking.starts_at.astimezone(KYIV), booking.ends_at.astimezone(KYIV)
    return f"{starts:%a %H:%M}-{ends:%H:%M} {booking.room}"


async def moved(page: Page, controller: Controller, session: Session, expected: str) -> None:
    """Wait until the controller has it as expected; the page has said so then."""
    await expect(page.locator("#said")).to_contain_text("Перенесено")
    assert hours(controller, session) == expected


@pytest.mark.timeout(90)  # one browser for the whole of a morning's work
async def test_a_secretary_drags_uses_keys_and_is_told_of_clashes(
    log_in: LogIn, booked: Session, controller: Controller
) -> None:
    page = await log_in("/schedule", Role.SCHEDULER)
    await page.wait_for_selector("[data-ready]")
    await page.click(".ec-next")
    shown = event(page, booked)
    name = await shown.get_attribute("aria-label")
    assert name is not None
    assert "10:00–12:00, Зала комісій" in name

    # Dragged to the next day: as far as a column is wide.
    box, column = await shown.bounding_box(), await page.locator(".ec-col-head").nth(1).bounding_box()
    assert box is not None
    assert column is not None
    await page.mouse.move(box["x"] + 20, box["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 20 + column["width"], box["y"] + 20, steps=8)
    await page.mouse.up()
    await moved(page, controller, booked, "Tue 10:00-12:00 committee")

    # Its lower edge is dragged an hour down.
    await page.locator("#said").evaluate("said => said.textContent = ''")
    box = await event(page, booked).bounding_box()
    assert box is not None
    edge = box["y"] + box["height"] - 3
    await page.mouse.move(box["x"] + 30, edge)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 30, edge + box["height"] / 2, steps=8)
    await page.mouse.up()
    await moved(page, controller, booked, "Tue 10:00-13:00 committee")

    # By keys: another day, half an hour later, a quarter longer.
    await page.locator("#said").evaluate("said => said.textContent = ''")
    await event(page, booked).focus()
    for key in ("m", "ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowDown", "Enter"):
        await page.keyboard.press(key)
    await moved(page, controller, booked, "Wed 10:30-13:45 committee")
    await expect(event(page, booked)).to_be_focused()

    # Picked up and put back: nothing is asked for.
    for key in ("m", "ArrowLeft", "Escape"):
        await page.keyboard.press(key)
    await expect(page.locator("#said")).to_contain_text("Повернуто")
    assert hours(controller, booked) == "Wed 10:30-13:45 committee"

    # Another room has something at that time: told before it is put down, refused with what it is.
    mine = controller.sessions.get(booked.id).booking
    details = {
        "title": "Слухання",
        "room": "plenary",
        "policy": "none",
        "starts_at": mine.starts_at.isoformat(),
        "ends_at": mine.ends_at.isoformat(),
    }
    other = await controller.desk.obey(BookSession(actor="olena", details=details))
    await expect(event(page, other)).to_be_visible()  # what others do arrives by itself
    title = page.locator(".ec-title")
    before = await title.inner_text()
    await page.click(".ec-resourceTimelineDay")
    await expect(title).not_to_have_text(before)
    # The day a week from now; which day of the week that is, the calendar's page has nothing to do with.
    ahead = (mine.starts_at.astimezone(KYIV).date() - now().astimezone(KYIV).date()).days - 7
    for _ in range(abs(ahead)):
        before = await title.inner_text()
        await page.click(".ec-next" if ahead > 0 else ".ec-prev")
        await expect(title).not_to_have_text(before)
    await event(page, booked).focus()
    for key in ("m", "ArrowUp"):
        await page.keyboard.press(key)
    await expect(page.locator("#calendar-note")).to_contain_text("Слухання")
    await page.keyboard.press("Enter")
    await expect(page.locator("#clash")).to_contain_text("Приміщення зайняте (Сесійна зала): Слухання")
    await page.click("#clash button")  # a scheduler may not override: leave it as it was
    assert hours(controller, booked) == "Wed 10:30-13:45 committee"


def test_a_moment_nobody_touched_stays_what_it_is() -> None:
    ends = datetime(2027, 10, 31, 3, 30, 20, tzinfo=KYIV, fold=1)
    booking = booking_of(
        {
            "title": "Ніч",
            "room": "committee",
            "starts_at": (ends - timedelta(hours=3)).isoformat(),
            "ends_at": ends.isoformat(),
        }
    )
    shown = {"ends_at": "2027-10-31T03:30"}
    kept = datetime.fromisoformat(moment_typed(shown, "ends_at", KYIV, booking))
    assert kept.astimezone(UTC) == ends.astimezone(UTC)
    typed = datetime.fromisoformat(moment_typed(shown, "ends_at", KYIV, None))
    assert typed.astimezone(UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


async def test_two_secretaries_change_one_session_and_nothing_is_lost(
    log_in: LogIn, booked: Session, controller: Controller
) -> None:
    page = await log_in(f"/schedule/{booked.id}", Role.SCHEDULER)
    await page.fill("#s-title", "Комісія з фінансів")
    await page.fill("#s-setup_minutes", "15")
    theirs = {"title": "Комісія з бюджету та фінансів", "breakdown_minutes": 20}
    await controller.desk.obey(AmendSession(actor="olena", session=booked.id, details=theirs))
    await page.click("form.session-form button.primary")
    summary = page.locator("#fault-summary")
    await expect(summary).to_contain_text("olena: Назва → Комісія з бюджету та фінансів")
    assert await page.input_value("#s-title") == "Комісія з фінансів"
    assert await page.input_value("#s-breakdown_minutes") == "20"
    await page.click("form.session-form button.primary")
    await page.wait_for_url(re.compile(r"/schedule\?day="))
    booking = controller.sessions.get(booked.id).booking
    assert (booking.title, booking.setup_minutes, booking.breakdown_minutes) == ("Комісія з фінансів", 15, 20)


async def test_a_list_is_looked_through_then_written_and_calling_off_wants_a_reason(
    log_in: LogIn, controller: Controller, tmp_path: Path
) -> None:
    day = next_monday()
    lines = (
        "Назва;Зала;Дата;Початок;Закінчення;Трансляція;Питання",
        f"Комісія з екології;Зала комісій;{day:%d.%m.%Y};10.00;12.00;ні;Про парки",
        ";;;;;;Про річки",
        f"Без зали;Підвал;{day:%d.%m.%Y};14:00;15:00;ні;",
    )
    file = tmp_path / "розклад.csv"
    file.write_bytes("\r\n".join(lines).encode("cp1251"))
    page = await log_in("/schedule/import", Role.SCHEDULER, 390)
    await page.set_input_files("#file", file)
    await page.click("text=Переглянути")
    rows = page.locator("table.import tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("Зала: назва або код приміщення (є «Підвал»)")
    assert not tuple(controller.sessions)
    await page.click("text=Записати придатні рядки")
    await expect(rows.first).to_contain_text("Комісія з екології")
    (session,) = controller.sessions
    assert [item.title for item in session.booking.agenda] == ["Про парки", "Про річки"]
    await page.click("table.import a")
    await page.fill("#s-cancel_reason", "немає кворуму")
    await page.click("form.cancel button")
    await page.wait_for_url("**/schedule")
    assert controller.sessions.get(session.id).cancelled_because == "немає кворуму"
    width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0
