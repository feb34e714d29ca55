"""The visitors' queue in a real browser: the staff's page, the big screen, and the API beside them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from avctl.config import Config
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.qmatic_orchestra import QmaticOrchestraSimulator

PASSWORD = "dovhyi parol 7"


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The house with a queue in its hall, whose big screen speaks."""
    settings["queue"] = {"speak": True, "closed_minutes": 0.002, "unserved_minutes": 0.01}
    settings["queue"] |= {"opens": "00:00", "closes": "00:00"}
    settings["devices"] = [
        {
            "id": "visitors",
            "room": "committee",
            "driver": "qmatic_orchestra",
            "title": "Черга ЦНАП",
            "port": free_port(),
            "options": {"user": "avctl", "password": "secret", "poll": 0.1, "called_seconds": 3600},
        }
    ]
    return settings


@pytest.fixture
async def branch(config: Config) -> AsyncIterator[QmaticOrchestraSimulator]:
    """The simulated queue."""
    async with QmaticOrchestraSimulator(config.devices[0]) as simulator:
        yield simulator


@pytest.fixture
async def controller(
    config: Config,
    branch: QmaticOrchestraSimulator,
    tmp_path: Path,
    compose: Callable[..., AbstractAsyncContextManager[Controller]],
) -> AsyncIterator[Controller]:
    """The whole program but its doors."""
    async with compose(config, tmp_path / "data") as everything:
        for role in (Role.TECHNICIAN, Role.SCHEDULER):
            await everything.accounts.add(role.value, role, PASSWORD, actor="test")
        yield everything


@pytest.fixture
async def api(controller: Controller, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A technician's program."""
    token = await controller.accounts.make_token(Role.TECHNICIAN.value, "test", actor="test")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=10) as client:
        yield client


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.01)


def raised(controller: Controller) -> set[str]:
    return {alert.rule for alert in controller.alerts.raised()}


async def test_the_staff_see_the_queue_call_and_are_told_when_somebody_must_look(
    controller, branch, log_in, api
) -> None:
    for service in (1, 1, 2):
        branch.take_ticket(service)
    page: Page = await log_in("/queue")
    assert await page.get_by_role("link", name="Черга", exact=True).count() == 1
    await page.get_by_text("Б001").wait_for()
    table = page.locator(".queue-grid table")
    assert await table.locator("tr", has_text="Довідки").locator("td").first.inner_text() == "2"
    await page.locator("#counter-visitors-1-call_next").click()
    first = page.locator("#counter-visitors-1")
    await first.get_by_text("А001").wait_for()
    await page.locator("#counter-visitors-1-recall").click()
    await first.get_by_text("×2").wait_for()
    # The lobby tells the same in short.
    lobby: Page = await log_in("/lobby")
    short = lobby.locator("#waiting-visitors")
    await short.get_by_text("А001 ▸ 1").wait_for()
    branch.confirm(1)
    branch.end(1)
    await short.get_by_text("А001 ▸ 1").wait_for(state="detached")
    await short.get_by_text("Довідки: 1, ≈ 1 хв").wait_for()
    await lobby.close()
    await page.locator(".over").get_by_text("А001").wait_for()
    # Nobody may be told what a counter does not do: a refusal stands beside the button.
    branch.answer_without_effect()
    await page.locator("#counter-visitors-2-call_next").click()
    await page.locator("#counter-visitors-2 .refusal").wait_for()
    branch.answer_without_effect(False)
    # By its own id, and by that of its system.
    assert [one["id"] for one in (await api.get("/api/v1/counters")).json()][:2] == [
        "visitors:1",
        "visitors:2",
    ]
    called = await api.post("/api/v1/counters/visitors:2/next")
    assert called.status_code == 202, called.text
    told = called.json()["event"]
    assert (told["event"], told["ticket"], told["counter"]) == ("TicketCalled", "А002", "2")
    waiting = (await api.get("/api/v1/tickets", params={"state": "waiting"})).json()
    assert [(one["number"], one["service_name"]) for one in waiting] == [
        ("Б001", "Реєстрація місця проживання")
    ]
    services = {one["name"]: one for one in (await api.get("/api/v1/services")).json()}
    assert services["Довідки"]["average_wait"] is not None
    assert services["Звернення громадян"]["average_wait"] is None
    assert (await api.post("/api/v1/counters/77/next")).status_code == 404
    assert (await api.post("/api/v1/counters/4/next")).status_code == 409  # nobody sits there
    assert (await api.post("/api/v1/counters/3/open")).status_code == 202
    # Who has to do with another room only sees nothing of it, and may do nothing there.
    await controller.accounts.set_rooms(Role.TECHNICIAN.value, ("plenary",), actor="test")
    assert (await api.get("/api/v1/counters")).json() == (await api.get("/api/v1/tickets")).json() == []
    assert (await api.post("/api/v1/counters/visitors:1/next")).status_code == 403
    await controller.accounts.set_rooms(Role.TECHNICIAN.value, (), actor="test")
    # Somebody was called and is not served; then no counter is open while one waits.
    await until(lambda: "queue_unserved" in raised(controller))
    for counter in (1, 2, 3):
        branch.sit_down(counter, False)
    await until(lambda: "queue_closed" in raised(controller) and "queue_unserved" not in raised(controller))
    branch.sit_down(1)
    await until(lambda: not raised(controller))
    await controller.journal.settled()
    happened = [row.kind for row in await controller.journal.page(limit=300)]
    assert {"TicketTaken", "TicketCalled", "TicketRecalled", "TicketEnded", "CounterClosed"} <= set(happened)


SAID = """window.said = [];
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => window.voices ?? [],
  speak: (one) => { window.said.push([one.text, one.lang]); window.one = one; } } });
window.tones = 0;
window.OscillatorNode = class extends OscillatorNode {
  constructor(...told) { super(...told); window.tones += 1; } };"""


async def test_the_big_screen_calls_speaks_and_outlives_the_controller(
    controller, branch, visit, stop_serving
) -> None:
    branch.take_ticket(1)
    branch.call(1)
    branch.take_ticket(2)
    await until(lambda: any(one.state == "called" for one in controller.queues.tickets()))
    page: Page = await visit("/screens/queue", 1920, 1080)  # nobody is logged in
    await page.add_init_script(SAID)
    await page.reload()
    row = page.locator("tr.called", has_text="А001")
    await row.wait_for()
    assert (await row.inner_text()).split() == ["А001", "▶1", "викликано"]
    assert await page.evaluate("window.said") == []  # what was called before
    branch.call(2)
    await page.locator("tr.called", has_text="Б001").wait_for()
    async with asyncio.timeout(10):
        while not await page.evaluate("window.said.length"):
            await asyncio.sleep(0.02)
    assert await page.evaluate("window.said[0]") == ["Талон Б 0 0 1. Вікно 2.", "uk-UA"]
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text))
    await page.evaluate("window.one.onerror({ error: 'synthesis-failed' })")  # as where there is no voice
    assert await page.evaluate("window.tones") == 2
    await page.evaluate("window.voices = [{ lang: 'en-US' }]")
    branch.take_ticket(3)
    branch.call(1)
    async with asyncio.timeout(10):
        while not any("no Ukrainian voice" in one for one in complaints):
            await asyncio.sleep(0.02)
    assert await page.evaluate("[window.tones, window.said.length]") == [4, 1]
    height = await page.locator("tr.called td").first.evaluate(
        "one => parseFloat(getComputedStyle(one).fontSize)"
    )
    assert height >= 1080 * 0.1  # a tenth of the screen's height can be read at ten metres
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await branch.unplug()
    await page.get_by_text("Система черги не відповідає").wait_for()
    assert await page.locator("tr.called", has_text="Б001").is_visible()
    await stop_serving()
    lost = page.locator("#lost")
    await lost.get_by_text(re.compile(r"\(\d+ (с|хв)\)")).wait_for()
    assert await page.locator("tr.called", has_text="Б001").is_visible()
