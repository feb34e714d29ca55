"""What citizens see: light, safe, and honest about what is not there yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Response, expect
from starlette.requests import Request

from avctl.commands import CancelSession, OpenSession, SuspendSession
from avctl.errors import NotFound
from avctl.events import Reason, SessionBooked, now
from avctl.model.session import Phase, Session
from avctl.services.controller import Controller
from dashboards.house import public, public_state
from dashboards.room import states_of
from dashboards.static import Static
from dashboards.views import Air
from drivers.sim.bosch_dicentis import BoschDicentisSimulator

Book = Callable[..., Awaitable[Session]]
Visit = Callable[..., Awaitable[Page]]

WEIGHT = 250_000  # bytes before any picture or sound


async def test_the_next_sessions_are_listed_for_everybody(visit: Visit, book: Book) -> None:
    await book("Пленарне засідання", body="Київська міська рада")
    page = await visit("/")
    await expect(page.locator("#next-title ~ ul")).to_contain_text("Пленарне засідання")
    await book("Громадські слухання", room="committee", begins=300)
    await expect(page.locator("#next-title ~ ul")).to_contain_text("Громадські слухання")


async def test_a_session_that_has_not_begun_says_when_it_does(visit: Visit, book: Book) -> None:
    session = await book(policy="live")
    page = await visit(f"/watch/{session.id}")
    await expect(page.locator(".waits")).to_contain_text("Трансляція ще не почалася")
    await expect(page.locator("video")).to_be_hidden()


async def test_a_cancelled_session_and_an_unknown_one_have_pages_of_their_own(
    visit: Visit, book: Book, controller: Controller
) -> None:
    session = await book(policy="live")
    await controller.desk.obey(CancelSession(actor="scheduler", session=session.id))
    page = await visit(f"/watch/{session.id}")
    await expect(page.locator(".waits")).to_contain_text("скасовано")
    answer = await page.goto("/watch/20200101-abcdef")
    assert answer is not None
    assert answer.status == 404
    await expect(page.locator("h1")).to_have_text("Такої сторінки немає")


async def test_the_public_is_told_why_a_session_is_interrupted(controller: Controller, book: Book) -> None:
    session = await book(policy="none")
    await controller.desk.obey(OpenSession(actor="technician", session=session.id))
    for reason, word in ((Reason.AIR_RAID, "air-raid alarm"), (Reason.TECHNICAL, "technical pause")):
        await controller.desk.obey(SuspendSession(actor="technician", session=session.id, reason=reason))
        shown = public(controller, controller.sessions.get(session.id), "en")
        assert (shown.state, shown.word, shown.will_air) == ("break", word, False)


async def test_nothing_of_a_closed_part_is_told(
    visit: Visit, book: Book, controller: Controller, hall: BoschDicentisSimulator
) -> None:
    session = await book(policy="none")
    await controller.desk.obey(OpenSession(actor="technician", session=session.id))
    page = await visit(f"/watch/{session.id}")
    await controller.desk.obey(SuspendSession(actor="technician", session=session.id, reason=Reason.CLOSED))
    hall.open_item("Таємне питання")
    hall.speak(7)
    await expect(page.locator(".now")).to_contain_text("закрита частина")
    assert "Таємне" not in await page.content()


@pytest.mark.parametrize("address", ["/", "/watch/{}", "/embed/{}"])
async def test_a_public_page_weighs_little_and_runs_no_script_of_others(
    visit: Visit, book: Book, address: str
) -> None:
    session = await book(policy="live")
    page = await visit("about:blank")
    heard: list[Response] = []
    page.on("response", lambda response: heard.append(response))
    answer = await page.goto(address.format(session.id))
    await page.wait_for_load_state("load")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert ("frame-ancestors" in policy) is not address.startswith("/embed")
    sizes = [
        (await response.request.sizes())["responseBodySize"]
        for response in heard
        if "/stream/" not in response.url
    ]
    assert len(sizes) > 3
    assert sum(sizes) < WEIGHT


async def test_the_player_library_fits_beside_the_page(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.get("/static/vendor/hls.light.min.js")
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < WEIGHT - 90_000


@pytest.mark.parametrize(
    "name",
    [
        "../front.py",
        "/etc/passwd",
        "x/../app.css",
        "./app.css",
        "vendor//htmx.min.js",
        "vendor",
        "",
        "0" * 12,
    ],
)
def test_each_static_file_has_one_name_and_none_leads_out_of_the_folder(name: str) -> None:
    request = Request({"type": "http", "headers": [], "query_string": b""})
    assert Static().answer("app.css", request).status_code == 200
    with pytest.raises(NotFound):
        Static().answer(name, request)


async def test_the_public_pages_can_be_used_by_keyboard_and_screen_reader(visit: Visit, book: Book) -> None:
    await book(policy="live")
    page = await visit("/")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    assert await page.locator("h1").count() == 1
    assert await page.locator("main, header, nav").count() >= 3
    unnamed = await page.evaluate(
        """() => [...document.querySelectorAll("a, button, input, select, img")].filter((one) =>
            !(one.textContent.trim() || one.alt !== undefined || one.getAttribute("aria-label")
              || one.labels?.length || one.getAttribute("aria-hidden"))).map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def session_in(**changes: Any) -> Session:
    start = now()
    event = {
        "title": "Засідання",
        "room": "plenary",
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=1)).isoformat(),
    }
    booked = Session.booked(SessionBooked(session="s", details=event))
    return replace(booked, **changes)


def test_a_closed_part_goes_before_on_air_in_every_state_block() -> None:
    closed = session_in(phase=Phase.SUSPENDED, reason=Reason.CLOSED)
    blocks = states_of(closed, Air(state="live", on=True))
    assert [block.look for block in blocks] == ["closed", "air"]
    assert public_state(closed, Air(state="live", on=True))[0] == "closed"


def test_an_open_live_session_without_a_picture_is_called_not_on_air() -> None:
    opened = session_in(phase=Phase.OPEN)
    assert [block.look for block in states_of(opened, Air(state="failed"))] == ["fault"]
    assert [block.look for block in states_of(opened, Air(state="armed", going=True))] == ["going"]
