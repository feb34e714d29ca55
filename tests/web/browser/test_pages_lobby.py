"""The lobby in a browser: screens, emergencies, playlists, a player without a controller, air raid."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from avctl.commands import OpenSession
from avctl.commands.building import (
    KeepBlackout,
    KeepContent,
    KeepPlaylist,
)
from avctl.config import Config
from avctl.events import now
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.alerts_in_ua import AlertsInUaSimulator
from kiosks.plain import KioskServer

PASSWORD = "dovhyi parol 7"

pytestmark = pytest.mark.timeout(120)  # several people and walls at a time, each a browser's page


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    settings["rooms"].append({"id": "lobby", "title": "Вестибюль"})
    for name, title in (("kiosk", "Інфокіоск"), ("memorial", "Меморіальна стіна")):
        settings["devices"].append(
            {"id": name, "room": "lobby", "driver": "kiosks.plain", "title": title, "port": free_port()}
        )
    options = {"token": "s3cret", "tls": False, "poll": 0.05, "answer_seconds": 0.5}
    settings["devices"].append(
        {"id": "alarm", "room": "lobby", "driver": "alerts_in_ua", "port": free_port(), "options": options}
    )
    settings["alarm"] = {"shelter": "Укриття: станція метро «Хрещатик», вихід праворуч."}
    # The minute of silence is ten minutes long here, and begins in this minute.
    begins = f"{datetime.now(ZoneInfo('Europe/Kyiv')):%H:%M}"
    settings["lobby"] = {"picture_seconds": 2, "silence_at": begins, "silence_seconds": 600}
    return settings


@pytest.fixture
async def kiosks(config: Config) -> AsyncIterator[dict[str, KioskServer]]:
    devices = {device.id: device for device in config.devices}
    async with KioskServer(devices["kiosk"]) as kiosk, KioskServer(devices["memorial"]) as memorial:
        yield {"kiosk": kiosk, "memorial": memorial}


@pytest.fixture
async def alarm(config: Config) -> AsyncIterator[AlertsInUaSimulator]:
    async with AlertsInUaSimulator(next(one for one in config.devices if one.id == "alarm")) as service:
        yield service


@pytest.fixture
async def controller(
    config: Config,
    wall: Any,
    hall: Any,
    kiosks: Any,
    alarm: Any,
    tmp_path: Path,
    compose: Callable[..., AbstractAsyncContextManager[Controller]],
) -> AsyncIterator[Controller]:
    async with compose(config, tmp_path / "data") as everything:
        for role in (Role.TECHNICIAN, Role.SECRETARY, Role.SCHEDULER, Role.ADMIN):
            await everything.accounts.add(role.value, role, PASSWORD, actor="test")
        async with asyncio.timeout(10):
            while not all(everything.house.state(one).online for one in ("kiosk", "memorial", "alarm")):
                await asyncio.sleep(0.02)
        yield everything


def picture(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (1280, 720), colour).save(file, "PNG")
    return file.getvalue()


async def until(fact: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.02)


async def test_the_lobby_from_an_upload_to_a_wall_that_plays_without_its_controller(
    controller: Controller,
    kiosks: dict[str, KioskServer],
    log_in: Callable[..., Awaitable[Any]],
    visit: Callable[..., Awaitable[Any]],
    stop_serving: Callable[[], Awaitable[None]],
) -> None:
    page = await log_in("/lobby/contents?kind=picture")
    await page.fill("#c-title", "Афіша")
    await page.fill("#c-id", "poster")
    broken = {"name": "a.png", "mimeType": "image/png", "buffer": picture("navy")[:300]}
    await page.set_input_files("#c-file", [broken])
    await page.get_by_role("button", name="Зберегти").click()
    await page.wait_for_selector("#c-file-fault")
    assert not list((controller.lobby.folder).iterdir())
    await page.set_input_files(
        "#c-file", [{"name": "a.png", "mimeType": "image/png", "buffer": picture("navy")}]
    )
    await page.get_by_role("button", name="Зберегти").click()
    await page.wait_for_selector(".preview img")
    assert controller.lobby.current("poster").file.width == 1280
    await page.goto("/lobby/playlists")
    await page.fill("#p-title", "Будні")
    await page.fill("#p-id", "weekdays")
    await page.check("input[name=screens][value=kiosk]")
    await page.select_option("#p-content-1", "poster")
    await page.get_by_role("button", name="Зберегти").click()
    await page.wait_for_selector(".versions")
    # The player, as the kiosk's browser loads it; then the controller is gone and the page starts anew.
    wall = await visit("/screens/kiosk", 1280, 720)
    await wall.wait_for_selector(".stage.picture img")
    await wall.evaluate("navigator.serviceWorker.ready")
    await wall.reload()
    await wall.wait_for_function("navigator.serviceWorker.controller !== null")
    await wall.wait_for_selector(".stage.picture img")
    await wall.evaluate("fetch(document.querySelector('.stage img').src).then((answer) => answer.blob())")
    await stop_serving()
    await wall.reload()
    await wall.wait_for_selector(".stage.picture img")
    assert await wall.evaluate("document.querySelector('.stage img').decode().then(() => true)")


class Plainly(SimpleHTTPRequestHandler):
    """Serves files, and lets no page of another site read them."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".m3u8": "application/vnd.apple.mpegurl",
        ".ts": "video/mp2t",
    }

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


async def test_a_live_stream_plays_on_a_screen_also_one_that_its_site_keeps_to_itself(
    controller: Controller, visit: Callable[..., Awaitable[Any]], tmp_path: Path
) -> None:
    made = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=8", "-c:v", "libx264", "-g", "10")
    kept = ("-pix_fmt", "yuv420p", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0")
    child = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", *made, *kept, str(tmp_path / "live.m3u8"))
    )
    assert await child.wait() == 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Plainly, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/live.m3u8"
        content = {"id": "live", "kind": "stream", "title": "Прямий ефір", "url": url}
        await controller.desk.obey(KeepContent(actor="admin", details=content))
        shown = {"id": "live", "title": "Ефір", "screens": ["kiosk"], "entries": [{"content": "live"}]}
        await controller.desk.obey(KeepPlaylist(actor="admin", details=shown))
        wall = await visit("/screens/kiosk", 1280, 720)
        await wall.wait_for_selector(".stage.stream .nothing")
        await wall.wait_for_selector(
            ".stage.stream video:not(.waits)", timeout=30000
        )  # it is seen once it plays
        assert await wall.evaluate("document.querySelector('video').videoWidth") == 320
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


async def test_an_emergency_is_shown_by_a_second_press_and_every_screen_gets_back_what_it_had(
    controller: Controller,
    kiosks: dict[str, KioskServer],
    log_in: Callable[..., Awaitable[Any]],
    visit: Callable[..., Awaitable[Any]],
) -> None:
    kiosks["kiosk"].page = "https://kyivcity.gov.ua/"
    await until(lambda: controller.house.state("kiosk").readings["page"].startswith("https"))
    page = await log_in("/lobby")
    await page.wait_for_selector("#screen-kiosk img:not([hidden])")
    await page.fill("#e-text", "Вийдіть через східний вихід.")
    await page.click("#emergency-show")
    assert kiosks["kiosk"].page.startswith("https")  # once is not enough
    await page.click("#emergency-show")
    await page.wait_for_selector("#emergency-lift-text")
    await until(lambda: kiosks["kiosk"].page == controller.everywhere.page)
    await page.get_by_text("Показують 2 з 2 екранів").wait_for()
    wall = await visit("/screens/emergency", 1280, 720)
    await wall.get_by_text("Вийдіть через східний вихід.").wait_for()
    other = await log_in("/schedule", Role.SCHEDULER)
    await other.locator(".banner").get_by_text("Вийдіть через східний вихід.").wait_for()
    away = next(name for name in kiosks if name != "kiosk")
    await kiosks[away].unplug()
    await until(lambda: not controller.house.state(away).online)
    await page.click("#emergency-lift-text")
    await page.click("#emergency-lift-text")
    await until(lambda: kiosks["kiosk"].page == "https://kyivcity.gov.ua/")
    await page.locator("#emergency-lift-text").wait_for(state="detached")
    await other.locator(".banner").get_by_text("Вийдіть").wait_for(state="detached")
    # What is away shows nothing of it: the lobby lists it, and no banner on every page.
    await until(lambda: away in controller.everywhere.state.missed)
    await page.locator(".missed").get_by_text(controller.house.state(away).title).wait_for()
    await other.reload()
    assert await other.locator(".banner-word").count() == 0
    await kiosks[away].plug()
    await until(lambda: away not in controller.everywhere.state.missed)
    # A blackout is announced here and stands in the calendar of the schedule.
    today = f"{now().astimezone(controller.config.site.zone):%Y-%m-%d}"
    await page.fill("#b-begins", f"{today}T12:00")
    await page.fill("#b-ends", f"{today}T10:00")
    await page.get_by_role("button", name="Оголосити").click()
    await page.get_by_text("Кінець має бути пізніше").wait_for()
    await page.fill("#b-begins", f"{today}T10:00")
    await page.fill("#b-ends", f"{today}T12:00")
    await page.get_by_role("button", name="Оголосити").click()
    await until(lambda: len(tuple(controller.blackouts)) == 1)
    await other.reload()
    await other.locator(".is-blackout").first.wait_for()
    # Whoever books into it is told, and so is the page of the mains.
    morning = (now().astimezone(controller.config.site.zone) + timedelta(days=1)).replace(hour=8, minute=0)
    hours = {"begins_at": morning.isoformat(), "ends_at": (morning + timedelta(hours=6)).isoformat()}
    await controller.desk.obey(KeepBlackout(actor="technician", details={**hours, "note": "черга 3.1"}))
    day = f"{morning:%Y-%m-%d}"
    await other.goto(f"/schedule/new?starts_at={day}T10:00&ends_at={day}T11:00&room=plenary")
    await other.fill("#s-title", "Комісія в темряві")
    await other.locator("form.session-form button.primary").last.click()
    await other.locator(".notice.amber").get_by_text("оголошено відключення").wait_for()
    await page.locator(".mains").get_by_text("Комісія в темряві").wait_for()


async def test_an_air_raid_reaches_every_page_and_a_person_suspends_and_goes_on(
    controller: Controller,
    alarm: AlertsInUaSimulator,
    kiosks: dict[str, KioskServer],
    book: Callable[..., Awaitable[Any]],
    log_in: Callable[..., Awaitable[Any]],
    visit: Callable[..., Awaitable[Any]],
) -> None:
    session = await book()
    await controller.desk.obey(OpenSession(actor="technician", session=session.id))
    control = await log_in("/control")
    people = await log_in("/lobby/playlists")  # a page without a stream of its own
    alarm.raise_alarm()
    for page in (control, people):
        await page.locator(".banner.raid").get_by_text("Повітряна тривога", exact=False).first.wait_for()
        assert await page.locator(".banner").get_attribute("aria-live") == "assertive"
    await until(lambda: kiosks["kiosk"].page == controller.everywhere.page)
    wall = await visit("/screens/emergency", 1280, 720)
    await wall.get_by_text("Хрещатик").wait_for()
    suspend = control.locator(f"#raid-{session.id}-suspend")
    await suspend.click()
    assert controller.sessions.get(session.id).reason is None
    await suspend.click()
    await until(lambda: controller.sessions.get(session.id).reason == "air_raid")
    await suspend.wait_for(state="detached")
    alarm.fail()  # the service is gone: nothing is over
    await people.locator(".banner.raid.lost").wait_for()
    assert kiosks["kiosk"].page == controller.everywhere.page
    alarm.fail(False)
    alarm.all_clear()
    go_on = people.locator(f"#raid-{session.id}-resume")
    await go_on.click()
    await go_on.click()
    await until(lambda: controller.sessions.get(session.id).reason is None)
    await until(lambda: kiosks["kiosk"].page != controller.everywhere.page)
    await control.locator(".banner.raid").wait_for(state="detached")


async def test_a_memorial_is_approved_by_another_person_and_nothing_but_an_alarm_interrupts_it(
    controller: Controller,
    kiosks: dict[str, KioskServer],
    log_in: Callable[..., Awaitable[Any]],
    visit: Callable[..., Awaitable[Any]],
) -> None:
    people = [{"name": "Олексій Коваленко", "dates": "1987–2022", "words": "Захисник Києва"}]
    details = {"id": "heroes", "kind": "memorial", "title": "Герої Києва", "people": people}
    await controller.desk.obey(KeepContent(actor="technician", details=details))
    author = await log_in("/lobby/contents?content=heroes")
    assert await author.get_by_role("button", name="Погодити").count() == 0
    secretary = await log_in("/lobby/contents?content=heroes", Role.SECRETARY)
    await secretary.get_by_role("button", name="Погодити").click()
    await secretary.get_by_text("показується").first.wait_for()
    await author.goto("/lobby/playlists")
    await author.fill("#p-title", "Пам’ять")
    await author.fill("#p-id", "memory")
    await author.check("input[name=screens][value=memorial]")
    await author.select_option("#p-content-1", "heroes")
    await author.get_by_role("button", name="Зберегти").click()
    await author.wait_for_selector(".versions")
    wall = await visit("/screens/memorial", 1280, 720)
    await wall.get_by_text("Олексій Коваленко").wait_for()
    await wall.locator("#silence").get_by_text("Хвилина мовчання").wait_for()
    await author.goto("/lobby")
    page = author
    await page.fill("#e-text", "Збори о 15:00.")
    await page.click("#emergency-show")
    await page.click("#emergency-show")
    await until(lambda: kiosks["kiosk"].page == controller.everywhere.page)
    assert kiosks["memorial"].shown == []
    await page.click("#emergency-raid")
    await page.click("#emergency-raid")
    await until(lambda: kiosks["memorial"].page == controller.everywhere.page)
    await wall.locator("#over iframe").wait_for()
