"""/tv: a picture of every channel, its state in words, and an alert while something is wrong with it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from avctl.config import Config
from drivers.sim.tv_channel import SIMULATOR

pytestmark = pytest.mark.timeout(120)  # ffmpeg and a browser beside each other

QUICK = {"poll": 0.2, "gone_seconds": 1, "alarm_seconds": 0.5, "clear_seconds": 0.5}
TITLES = ("Рада", "Суспільне Київ", "Канал, якого немає")


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """Three channels, one of which nobody sends."""
    settings["devices"] += [
        {
            "id": f"tv-{at}",
            "room": "committee",
            "driver": "tv_channel",
            "title": title,
            "port": free_port(),
            "options": {**QUICK, "pictures": at == 0},
        }
        for at, title in enumerate(TITLES)
    ]
    return settings


@pytest.fixture
async def channels(config: Config) -> AsyncIterator[list[Any]]:
    """The first two, on air."""
    mine = [SIMULATOR(device) for device in config.devices if device.driver == "tv_channel"]
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(one) for one in mine[:2]]


async def test_channels_are_seen_and_what_is_wrong_is_said(
    channels: list[Any], controller: Any, server: Any, log_in: Any
) -> None:
    page = await log_in("/tv")
    await page.locator("#channel-tv-0 img:visible").wait_for(timeout=60_000)  # ffmpeg begins, a GOP passes
    await page.locator("#channel-tv-1", has_text="Новини").wait_for()
    await page.locator("#channel-tv-1 .state", has_text="гаразд").wait_for()
    await page.locator("#channel-tv-2 .state", has_text="немає сигналу").wait_for()
    channels[1].lose_table("pat")
    await page.locator("#channel-tv-1", has_text="немає переліку програм (PAT)").wait_for()
    while not (found := [one for one in controller.alerts.raised() if one.rule == "channel_fault"]):
        await page.wait_for_timeout(50)
    (alert,) = found
    assert alert.subject == "tv-1"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("PICTURES"):
        await page.wait_for_timeout(1500)
        await page.screenshot(path=f"{folder}/tv-1440.png", full_page=True)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.screenshot(path=f"{folder}/tv-390.png", full_page=True)
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    channels[1].heal()
    await page.locator("#channel-tv-1 .state", has_text="гаразд").wait_for()
    while any(one.rule == "channel_fault" for one in controller.alerts.raised()):
        await page.wait_for_timeout(50)


async def test_pictures_are_for_those_who_may_see_the_control_room(
    controller: Any, server: Any, config: Config
) -> None:
    async with httpx.AsyncClient(base_url=server.url) as nobody:
        for path in ("/tv", "/tv/tv-0/picture.jpg", "/stream/tv"):
            answer = await nobody.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/login")
