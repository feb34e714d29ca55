"""A technician votes on the page; the deputies press their buttons through the simulators' control port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from avctl.commands import AmendSession, OpenSession, ResumeSession, SuspendSession
from avctl.config import Config
from avctl.events import Reason
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.control import House, control_port

LogIn = Callable[..., Awaitable[Page]]
Visit = Callable[..., Awaitable[Page]]
Press = Callable[..., Awaitable[None]]


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """A body of fifteen; results stay long enough to be seen on a busy machine."""
    settings["voting"] = {"elected": 15, "result_seconds": 600}
    return settings


@pytest.fixture
async def house(config: Config) -> AsyncIterator[House]:
    """The simulated hall as the control port has it."""
    device = next(device for device in config.devices if device.id == "hall")
    async with House([BoschDicentisSimulator(device, roster="committee")]) as simulators:
        yield simulators


@pytest.fixture
def hall(house: House) -> Any:
    """The simulated discussion system of the plenary hall."""
    return house.simulators["hall"]


@pytest.fixture
async def press(house: House) -> AsyncIterator[Press]:
    """Does an act at the hall through the control port."""
    async with control_port(house, "127.0.0.1", 0) as port, httpx.AsyncClient(trust_env=False) as client:

        async def act(name: str, **arguments: Any) -> None:
            answer = await client.post(f"http://127.0.0.1:{port}/simulators/hall/{name}", json=arguments)
            assert answer.status_code == 200, answer.text

        yield act


@pytest.mark.timeout(120)  # three pages in a real browser
async def test_a_vote_is_opened_counted_closed_shown_and_printed_and_the_wall_lives_on(
    log_in: LogIn,
    visit: Visit,
    book: Any,
    controller: Controller,
    hall: Any,
    press: Press,
    stop_serving: Callable[[], Awaitable[None]],
    serve_again: Callable[[], Awaitable[None]],
) -> None:
    session = (await book()).id
    await controller.desk.obey(OpenSession(actor="technician", session=session))
    await controller.desk.obey(AmendSession(actor="scheduler", session=session, details={"policy": "live"}))
    hall.secretary.open_topic(hall.secretary.meeting.topics[0].id)
    page = await log_in("/control/plenary")
    wall = await visit("/screens/plenary", 1920, 1080)
    part = page.locator("#part-vote-plenary")
    question = part.locator("input[name=title]")
    await expect(question).to_have_value("Про бюджет міста Києва на наступний рік")
    await expect(wall.locator(".screen-foot")).to_contain_text("Про бюджет")
    await press("speak", seat=3)
    name = controller.house.state("hall").readings["seats"]["3"]["name"]
    await expect(wall.locator(".screen-name")).to_have_text(name)

    await part.locator("select[name=threshold]").select_option("present")
    await page.keyboard.press("Escape")
    await page.locator("h1").first.click()
    await page.keyboard.press("v")
    await expect(part.locator(".vote-state")).to_contain_text("Йде голосування")
    await expect(part).to_contain_text("система скаже після завершення")
    await expect(wall.locator(".screen-vote")).to_contain_text("Голосуйте")
    for seat in range(2, 9):
        await press("vote", seat=seat, answer="yes")
    for seat, answer in ((9, "no"), (10, "abstain")):
        await press("vote", seat=seat, answer=answer)
    await expect(part.locator(".vote-count strong")).to_have_text("9")
    await expect(part.locator(".choice-yes .number")).to_have_text("7")
    await expect(wall.locator(".choice-yes .number")).to_have_text("7")
    await expect(part.locator("form.vote-form")).to_have_count(0)
    await press("unplug")  # the wall says no count that may be old; the technician is told its age
    await expect(wall.locator(".screen-vote")).to_contain_text("Рахунок зараз невідомий")
    await expect(wall.locator(".vote-bars")).to_have_count(0)
    await expect(part.locator(".old")).to_contain_text("не відповідає")
    await press("plug")
    await expect(wall.locator(".choice-yes .number")).to_have_text("7")

    await page.fill("#part-floor-plenary-seat", "999")  # a refusal is in the reader's language
    await page.click("#part-floor-plenary-open")
    await expect(page.locator("#part-floor-plenary")).to_contain_text("999 у ній немає")

    close = page.locator("#vote-plenary-close")
    await close.click()
    await expect(close).to_contain_text("Натисніть ще раз")
    await close.click()
    await expect(part.locator(".vote-outcome")).to_contain_text("Рішення прийнято")
    await expect(part.locator("[aria-live]").first).to_contain_text("Рішення прийнято")
    await expect(wall.locator(".vote-outcome")).to_contain_text("Рішення прийнято")
    await expect(page.locator(".log")).to_contain_text("technician Голосування завершено")

    # The key that closed it, pressed once too often, opens no second one of the same item.
    await page.keyboard.press("Escape")
    await page.locator("h1").first.click()
    await page.keyboard.press("v")
    await expect(page.locator("#vote-plenary-open")).to_contain_text("Натисніть ще раз")
    assert len(controller.votes.held(session)) == 1

    # Anybody may read the sheet of a public session, in either language, by faction or by name.
    address = await part.get_by_role("link", name="Поіменний результат").get_attribute("href")
    assert address == f"/votes/{session}/1"
    sheet = await visit(address)
    await expect(sheet.locator("h1")).to_have_text("Поіменне голосування № 1")
    await expect(sheet.locator(".sheet-council")).to_have_text("Київська міська рада")
    await expect(sheet.locator(".roll tbody tr")).to_have_count(15)
    await expect(sheet.locator(".sheet-group h3").first).to_contain_text("Фракція")
    await sheet.click("text=За прізвищами")
    names = await sheet.locator(".roll tbody td:first-child").all_inner_texts()
    seats = controller.house.state("hall").readings["seats"]
    assert sorted(names) == sorted(row["name"] for row in seats.values())
    address = await sheet.get_by_role("link", name="CSV").get_attribute("href")
    assert address is not None
    table = (await (await sheet.request.get(address)).body()).decode("utf-8-sig")
    assert table.splitlines()[0] == "Місце;Депутат;Фракція;Голос"
    assert f";{names[0]};" in table
    assert ";за" in table
    await sheet.emulate_media(media="print")
    await sheet.set_viewport_size({"width": 600, "height": 850})  # what is left of A4 within its margins
    await expect(sheet.locator(".roll tbody tr").first).to_have_css("display", "table-row")
    await expect(sheet.locator(".sheet-order")).to_be_hidden()
    await expect(sheet.locator("header.top")).to_be_hidden()
    await sheet.emulate_media(media="screen")
    await sheet.click("nav.languages a[hreflang=en]")
    await expect(sheet.locator("h1")).to_have_text("Roll-call vote № 1")
    await expect(sheet.locator(".vote-outcome")).to_contain_text("adopted")

    await sheet.goto(f"/watch/{session}")
    await sheet.get_by_role("link", name="Votes of the session").click()
    await expect(sheet.locator("tbody tr")).to_have_count(1)
    await expect(sheet.locator("tbody tr")).to_contain_text("The decision is adopted")

    # A closed part: the vote goes on for those who run it, and the wall says nothing of it.
    await controller.desk.obey(SuspendSession(actor="technician", session=session, reason=Reason.CLOSED))
    await expect(wall.locator(".screen-word")).to_have_text("Закрита частина")
    await expect(wall.locator("body")).not_to_contain_text(name)
    await question.fill("Таємне")
    await page.click("#vote-plenary-open")
    await expect(part.locator(".vote-state")).to_contain_text("Йде голосування")
    await expect(part).to_contain_text("не для оприлюднення")
    await press("restart")
    await expect(part.locator(".vote-lost")).to_contain_text("треба повторити")
    await expect(part.locator(".vote-said")).to_have_css("position", "static")  # no bar over the buttons
    await expect(wall.locator("body")).not_to_contain_text("Таємне")
    await controller.desk.obey(ResumeSession(actor="technician", session=session, confirmed=True))
    await expect(wall.locator(".screen-question")).to_have_text("Пленарне засідання")
    await expect(wall.locator("body")).not_to_contain_text("Таємне")

    # Without the controller a wall says nothing that may be old; it comes back by itself.
    await stop_serving()
    await expect(wall.locator("#lost")).to_be_visible()
    await expect(wall.locator(".screen-main")).to_be_hidden()
    await serve_again()
    await expect(wall.locator("#lost")).to_be_hidden()
    await expect(wall.locator(".screen-main")).to_be_visible()

    # A room that does not vote has no block, and its wall says so much.
    await page.goto("/control/committee")
    await expect(page.locator("#part-floor-committee")).to_be_visible()
    await expect(page.locator("#part-vote-committee")).to_be_hidden()
    await expect(page.locator("#part-vote-committee")).to_have_text("")
    await wall.goto("/screens/committee")
    await expect(wall.locator(".screen-word")).to_have_text("Зала комісій")
