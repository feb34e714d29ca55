"""The demo as a user starts it, and a browser in front of it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
QUIETLY = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
STARTING = 60


@dataclass
class Council:
    """A demo that answers: what its ``demo.json`` says, and its process."""

    facts: dict[str, Any]
    folder: Path
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        """Where the pages are."""
        return str(self.facts["url"])

    def account(self, role: str) -> dict[str, str]:
        """Name, password and token of the account of a role."""
        found: dict[str, str] = next(one for one in self.facts["accounts"] if one["role"] == role)
        return found

    def session_in(self, room: str) -> str:
        """Id of the first sitting of a room."""
        return str(next(one["id"] for one in self.facts["sessions"] if one["room"] == room))

    def client(self, role: str) -> httpx.AsyncClient:
        """The API as somebody of a role uses it."""
        token = self.account(role)["token"]
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    async def act(self, device: str, name: str, **arguments: Any) -> None:
        """Do something at a simulated device."""
        async with httpx.AsyncClient() as client:
            address = f"{self.facts['simulators']}/simulators/{device}/{name}"
            answer = await client.post(address, json=arguments)
            assert answer.is_success, answer.text

    async def log_in(self, page: Page, role: str) -> None:
        """Log in as a person would."""
        account = self.account(role)
        await page.goto(f"{self.url}/login")
        await page.locator("#name").fill(account["name"])
        await page.locator("#password").fill(account["password"])
        await page.locator("#password").press("Enter")
        await page.wait_for_url("**/control")

    def family(self) -> list[psutil.Process]:
        """Every process that belongs to this demo: children, and runners that outlive them."""
        mine = str(self.folder)
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(mine in word for word in process.cmdline()):
                    found.append(process)
        return found


@asynccontextmanager
async def _demo(folder: Path, *options: str) -> AsyncIterator[Council]:
    """``avctl demo`` in a folder, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "avctl", "demo", "--port", "0", "--data", str(folder), "--quiet", *options
    )
    facts = folder / "demo.json"
    try:
        async with asyncio.timeout(STARTING):
            while not facts.exists():
                assert process.returncode is None, f"the demo ended: see {folder}"
                await asyncio.sleep(0.05)
        yield Council(json.loads(facts.read_text(encoding="utf-8")), folder, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(60):
                await process.wait()


@pytest.fixture
def demo() -> Callable[..., AbstractAsyncContextManager[Council]]:
    """Starts a demo in a folder, with options of its own."""
    return _demo


@pytest.fixture
async def council(tmp_path: Path) -> AsyncIterator[Council]:
    """A demo of its own."""
    async with _demo(tmp_path) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIETLY))
        yield running
        await running.close()
