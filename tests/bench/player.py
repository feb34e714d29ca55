"""A real player in Chromium, looked at every 50 ms: what a viewer saw of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
NOTICED_MS = 250  # a picture that stands this long is seen to stand

_WATCH = """() => {
  const video = document.querySelector("video");
  window.seen = { stalls: [], since: performance.now(), at: video.currentTime };
  setInterval(() => {
    const now = performance.now(), seen = window.seen;
    if (video.currentTime !== seen.at) {
      if (now - seen.since > %d) seen.stalls.push(Math.round(now - seen.since));
      seen.at = video.currentTime; seen.since = now;
    }
  }, 50);
}"""
_TAKE = """() => {
  const seen = window.seen, standing = performance.now() - seen.since, stalls = seen.stalls;
  seen.stalls = [];
  return standing > %d ? [...stalls, Math.round(standing)] : stalls;
}"""


@dataclass(frozen=True)
class Player:
    """A page that plays."""

    page: Page

    async def stalls(self) -> list[int]:
        """How long the picture stood since the last question, in milliseconds for each time."""
        found: list[int] = await self.page.evaluate(_TAKE % NOTICED_MS)
        return found


@asynccontextmanager
async def player(address: str) -> AsyncIterator[Player]:
    """The page of a session, from the first moving picture on."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
        )
        try:
            page = await browser.new_page()
            await page.goto(address)
            await page.wait_for_function(
                "() => document.querySelector('video')?.currentTime > 1",
                timeout=60_000,
            )
            await page.evaluate(_WATCH % NOTICED_MS)
            yield Player(page)
        finally:
            await browser.close()
