"""Coming in and going out; what each role may see; forms that prove they are ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Page, expect

from avctl.events import LoggedOut
from avctl.model.account import Role
from avctl.model.session import Session
from avctl.services.controller import Controller

PASSWORD = "dovhyi parol 7"

Book = Callable[..., Awaitable[Session]]
Visit = Callable[..., Awaitable[Page]]
LogIn = Callable[..., Awaitable[Page]]


@pytest.fixture
async def nobody(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False)


async def come_in(client: httpx.AsyncClient, role: Role) -> None:
    answer = await client.post("/login", data={"name": role.value, "password": PASSWORD})
    assert answer.status_code == 303


async def test_a_wrong_password_is_told_at_its_field_and_the_name_stays(visit: Visit) -> None:
    page = await visit("/login?next=/control/plenary")
    await page.fill("#name", "technician")
    await page.fill("#password", "не той")
    await page.press("#password", "Enter")
    await expect(page.locator("#password-fault")).to_have_text("Хибне ім’я або пароль.")
    await expect(page.locator("#fault-summary")).to_be_focused()
    assert await page.input_value("#name") == "technician"
    assert await page.input_value("#password") == ""
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_url("**/control/plenary")


async def test_too_many_tries_are_told_with_the_time_to_wait(nobody: httpx.AsyncClient) -> None:
    async with nobody as client:
        for _ in range(5):
            answer = await client.post("/login", data={"name": "admin", "password": "wrong"})
            assert answer.status_code == 401
        answer = await client.post("/login", data={"name": "admin", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Забагато спроб" in answer.text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
async def test_nobody_is_sent_to_another_site_after_the_log_in(
    nobody: httpx.AsyncClient, elsewhere: str
) -> None:
    async with nobody as client:
        answer = await client.post("/login", data={"name": "admin", "password": PASSWORD, "next": elsewhere})
    assert answer.headers["location"] == "/control"


async def test_a_page_of_the_house_asks_for_the_log_in_and_comes_back(nobody: httpx.AsyncClient) -> None:
    async with nobody as client:
        answer = await client.get("/journal?before=7")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/journal%3Fbefore%3D7"


async def test_logging_out_ends_the_log_in_and_the_live_page(log_in: LogIn) -> None:
    page = await log_in("/control")
    other = await page.context.new_page()
    await other.goto("/control")
    await page.click("text=Вийти")
    await page.wait_for_url("**/login")
    await expect(other.locator("#lost")).to_be_visible()


async def test_each_role_sees_its_own_sections(nobody: httpx.AsyncClient) -> None:
    async with nobody as client:
        await come_in(client, Role.SCHEDULER)
        assert (await client.get("/control")).status_code == 200
        refused = await client.get("/journal")
        assert refused.status_code == 403
        assert "Це не для вашої ролі" in refused.text
        assert (await client.get("/people")).status_code == 403


async def test_a_form_of_another_site_changes_nothing(
    nobody: httpx.AsyncClient, book: Book, controller: Controller
) -> None:
    session = await book()
    async with nobody as client:
        await come_in(client, Role.TECHNICIAN)
        answer = await client.post(f"/control/plenary/sessions/{session.id}/open")
        assert answer.status_code == 403
        login = await client.post(
            "/login",
            data={"name": "admin", "password": PASSWORD},
            headers={"Origin": "https://evil.example"},
        )
        assert login.status_code == 403
        logout = await client.post("/logout")
        assert logout.status_code == 403
    assert controller.sessions.get(session.id).opened_at is None


async def test_an_act_is_checked_on_the_server_whatever_the_page_shows(
    log_in: LogIn, book: Book, controller: Controller
) -> None:
    session = await book()
    page = await log_in("/control/plenary", Role.SCHEDULER)
    status = await page.evaluate(
        """async (address) => {
            const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "HX-Request": "true" };
            return (await fetch(address, { method: "POST", headers })).status;
        }""",
        f"/control/plenary/sessions/{session.id}/open",
    )
    assert status == 403
    assert controller.sessions.get(session.id).opened_at is None


async def test_the_language_is_switched_and_remembered(visit: Visit) -> None:
    page = await visit("/")
    await expect(page.locator("h1")).to_contain_text("трансляції засідань")
    await page.click("text=English")
    await expect(page.locator("h1")).to_contain_text("broadcasts of sessions")
    await page.goto("/login")
    await expect(page.locator("h1")).to_have_text("Staff log-in")
    assert await page.get_attribute("html", "lang") == "en"


async def test_the_journal_tells_what_people_did_and_pages_back(
    nobody: httpx.AsyncClient, book: Book, controller: Controller
) -> None:
    await book("Комісія з питань бюджету")
    for number in range(210):
        controller.bus.publish(LoggedOut(account=f"visitor-{number}"))
    await controller.journal.settled()
    async with nobody as client:
        await come_in(client, Role.ADMIN)
        first = await client.get("/journal?actor=scheduler")
        assert "Засідання внесено до розкладу" in first.text
        latest = await client.get("/journal")
        assert "Показники" not in latest.text
        older = re.search(r'href="(/journal\?before=[0-9]+)"', latest.text)
        assert older is not None
        assert "Засідання внесено до розкладу" in (await client.get(older.group(1))).text


async def test_an_administrator_adds_a_person_and_hands_over_the_password_shown_once(
    log_in: LogIn, controller: Controller
) -> None:
    page = await log_in("/people", Role.ADMIN)
    await page.fill("#person-name", "оксана")
    await page.select_option("#person-role", "technician")
    await page.click("text=Додати >> nth=-1")
    password = await page.text_content(".password")
    assert password
    came_in = await controller.accounts.log_in("оксана", password, "127.0.0.1")
    assert came_in.account.role is Role.TECHNICIAN
    await page.reload()
    assert password not in await page.content()


async def test_what_is_typed_into_a_booking_is_not_lost_when_the_room_is_taken(
    log_in: LogIn, book: Book, controller: Controller
) -> None:
    await book(begins=60)
    page = await log_in("/schedule/new", Role.SCHEDULER)
    await page.fill("#s-title", "Комісія")
    await page.fill("#s-agenda-lines", "1. Перше\n2.1 Друге\nТретє")
    await page.click("form.session-form button.primary")
    await expect(page.locator("#fault-summary")).to_be_focused()
    await expect(page.locator("#fault-summary")).to_contain_text("Приміщення зайняте (Сесійна зала)")
    assert await page.input_value("#s-title") == "Комісія"
    await page.select_option("#s-room", "committee")
    await page.dblclick("form.session-form button.primary")
    await page.wait_for_url(re.compile(r"/schedule\?day="))
    booked = next(session for session in controller.sessions if session.title == "Комісія")
    assert [(item.number, item.title) for item in booked.booking.agenda] == [
        ("1", "Перше"),
        ("2.1", "Друге"),
        ("3", "Третє"),
    ]


async def test_a_form_that_is_too_long_is_not_read(nobody: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"name=" + b"a" * 100

    async with nobody as client:
        long = await client.post("/login", data={"name": "a" * 2_000_000, "password": "x"})
        assert long.status_code == 422
        undeclared = await client.post(
            "/login",
            content=endless(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert undeclared.status_code == 422
