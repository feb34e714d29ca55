"""A sitting as a technician lives it, from log-in to the recording: simulated devices, a real browser."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from streams.ffmpeg import find_ffmpeg

ROOM, SEAT = "committee", 5
PATIENCE = 60_000  # milliseconds: two small cores carry two broadcasts, two encoders and a browser
WIDTH, HEIGHT = 1280, 720
YELLOW = (255, 215, 0)  # the bar of the lower third


@pytest.mark.timeout(300)
async def test_a_sitting_from_log_in_to_the_recording(council: Any, browser: Browser) -> None:
    session = council.session_in(ROOM)
    technician = await browser.new_page(viewport={"width": 1440, "height": 1000}, locale="uk-UA")
    viewer = await browser.new_page(locale="uk-UA")
    errors: list[str] = []
    for page in (technician, viewer):
        page.on("pageerror", lambda error: errors.append(str(error)))

    # The viewer is early: nothing is public yet, and the page says so.
    await viewer.goto(f"{council.url}/watch/{session}")
    await expect(viewer.get_by_text("Трансляція ще не почалася")).to_be_visible()
    async with council.client("technician") as client:
        assert (await client.get(f"/live/{session}/master.m3u8")).status_code == 404

    # Prepare: devices reach their wanted state, the programme is armed.
    await council.log_in(technician, "technician")
    await technician.goto(f"{council.url}/control/{ROOM}")
    await press(technician, "prepare")
    await expect(technician.locator(f"#act-{ROOM}-prepare")).to_contain_text(
        "Підготувати знову", timeout=PATIENCE
    )

    # Go on air, which asks twice.
    await press(technician, "open")
    await expect(technician.locator(f"#part-bar-{ROOM}")).to_contain_text("В ЕФІРІ", timeout=PATIENCE)
    await playing(viewer)

    # A deputy presses: the name is on the control page, on the public page and in the picture.
    assert not has_lower_third(await picture(council, session))
    await council.act("committee-dicentis", "press", seat=SEAT)
    speaker = technician.locator(f"#speaker-{SEAT} strong")
    await expect(speaker).to_be_visible(timeout=PATIENCE)
    name = await speaker.inner_text()
    assert " " in name
    await expect(viewer.get_by_text(name)).to_be_visible(timeout=PATIENCE)

    async def named() -> bool:
        return has_lower_third(await picture(council, session))

    await until(named)

    # A break, and on again.
    await press(technician, "break")
    await expect(technician.locator(f"#act-{ROOM}-resume")).to_be_visible(timeout=PATIENCE)
    await press(technician, "resume")
    await expect(technician.locator(f"#act-{ROOM}-break")).to_be_visible(timeout=PATIENCE)

    # The end, which asks twice; the recording plays, with the speaker among its moments.
    await press(technician, "close")
    await expect(technician.locator(f"#part-bar-{ROOM}")).not_to_contain_text("В ЕФІРІ", timeout=PATIENCE)

    async def published() -> bool:
        async with httpx.AsyncClient(base_url=council.url) as client:
            return (await client.head(f"/archive/{session}/video.mp4")).is_success

    await until(published)
    await viewer.goto(f"{council.url}/watch/{session}")
    await viewer.locator("video").evaluate("video => { video.muted = true; video.play() }")
    await playing(viewer)
    await expect(viewer.locator("[data-chapters]")).to_contain_text(name, timeout=PATIENCE)
    assert await viewer.locator("video").evaluate("video => video.duration") > 5
    assert errors == []


async def press(page: Page, act: str) -> None:
    """Press a button; one that asks is pressed again once it has changed."""
    button = page.locator(f"#act-{ROOM}-{act}")
    await expect(button).to_be_enabled(timeout=PATIENCE)
    asks = await button.get_attribute("data-again")
    await button.click(timeout=PATIENCE)
    if asks:
        await button.click(timeout=PATIENCE)


async def playing(page: Page) -> None:
    """Wait until the picture moves; what the player has when it does not is told."""
    try:
        await until(lambda: plays(page))
    except TimeoutError as late:
        state = await page.locator("video").evaluate(
            """video => ({time: video.currentTime, ready: video.readyState, paused: video.paused,
            fault: video.error && video.error.message, source: video.currentSrc,
            buffered: [...Array(video.buffered.length).keys()].map(
                at => [video.buffered.start(at), video.buffered.end(at)])})"""
        )
        text = await page.locator("main").inner_text()
        raise AssertionError(f"nothing moves: {state}; the page says: {text[:500]}") from late


async def plays(page: Page) -> bool:
    """Whether the picture of the page moves on."""
    where = "video => [video.currentTime, video.videoWidth]"
    before, _ = await page.locator("video").evaluate(where)
    await asyncio.sleep(0.5)
    after, width = await page.locator("video").evaluate(where)
    return bool(after > before and width > 0)


async def picture(council: Any, session: str) -> np.ndarray:
    """The first picture of the latest public segment, rows x columns x RGB."""
    async with httpx.AsyncClient(base_url=council.url) as client:
        master = f"/live/{session}/master.m3u8"
        rendition = urljoin(master, first_uri((await client.get(master)).text))
        playlist = (await client.get(rendition)).text
        segments = [line for line in playlist.splitlines() if line and not line.startswith("#")]
        segment = (await client.get(urljoin(rendition, segments[-1]))).content
    decoded = await asyncio.to_thread(decode, segment)
    return np.frombuffer(decoded, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)


def first_uri(playlist: str) -> str:
    """The first address of a playlist."""
    return next(line for line in playlist.splitlines() if line and not line.startswith("#"))


def decode(segment: bytes) -> bytes:
    """One RGB picture of a segment."""
    command = [find_ffmpeg(), "-v", "error", "-i", "pipe:0", "-frames:v", "1", "-pix_fmt", "rgb24"]
    done = subprocess.run(
        [*command, "-f", "rawvideo", "pipe:1"], input=segment, capture_output=True, check=True
    )
    return done.stdout


def has_lower_third(frame: np.ndarray) -> bool:
    """Whether the yellow bar stands where the lower third begins (title-safe: 5 % from the left)."""
    bar = frame[int(HEIGHT * 0.88) : int(HEIGHT * 0.92), WIDTH // 20 + 2 : WIDTH // 20 + 8].astype(int)
    return bool((np.abs(bar - np.array(YELLOW)).max(axis=2) < 70).mean() > 0.6)


async def until(fact: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE / 1000):
        while not await fact():
            await asyncio.sleep(0.3)


@pytest.mark.timeout(180)
async def test_a_killed_controller_leaves_the_broadcast_on_air_and_finds_it_again(council: Any) -> None:
    session = council.session_in("plenary")
    playlist = council.folder / "broadcasts" / session / "live" / "720p" / "index.m3u8"
    async with council.client("technician") as client:
        before = (await client.get(f"/api/v1/broadcasts/{session}")).json()
        controller = next(
            one for one in council.family() if "run" in one.cmdline() and "--config" in one.cmdline()
        )
        controller.kill()
        listed = segments_of(playlist)

        async def goes_on() -> bool:
            return segments_of(playlist) > listed + 1

        await until(goes_on)

        async def found_again() -> bool:
            try:
                now = (await client.get(f"/api/v1/broadcasts/{session}")).json()
            except httpx.TransportError:
                return False
            return now.get("actual") == "live"

        await until(found_again)
        assert "#EXT-X-DISCONTINUITY\n" not in playlist.read_text()
        assert before["actual"] == "live"
        answer = await client.post(f"/api/v1/sessions/{session}/close")
        assert answer.status_code == 202

        async def ended() -> bool:
            return "EXT-X-ENDLIST" in playlist.read_text()

        await until(ended)


def segments_of(playlist: Path) -> int:
    """How many segments a playlist has listed so far."""
    return playlist.read_text().count("#EXTINF")


@pytest.mark.timeout(180)
async def test_the_demo_ends_by_itself_and_leaves_no_process(
    tmp_path: Path, demo: Callable[..., Any]
) -> None:
    async with demo(tmp_path, "--for", "3") as council:
        family = council.family()
        assert len(family) > 3
        async with asyncio.timeout(90):
            code = await council.process.wait()
        assert code == 0
        assert council.family() == []
