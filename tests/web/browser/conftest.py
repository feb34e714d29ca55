"""The pages on the whole program, with a simulated hall, in a real browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, async_playwright

from avctl.api.application import create_app
from avctl.commands import BookSession
from avctl.config import Config
from avctl.events import now
from avctl.model.account import Role
from avctl.model.session import Session
from avctl.services.controller import Controller
from dashboards import mount
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.samsung_mdc import SamsungMdcSimulator

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "dovhyi parol 7"
DEADLINE = 10_000  # milliseconds

Book = Callable[..., Awaitable[Session]]
LogIn = Callable[..., Awaitable[Page]]


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration with a discussion system in the plenary hall."""
    settings["devices"].append(
        {
            "id": "hall",
            "room": "plenary",
            "driver": "bosch_dicentis",
            "title": "Дискусійна система",
            "port": free_port(),
            "options": {"user": "admin", "password": ""},
        }
    )
    return settings


@pytest.fixture
async def hall(config: Config) -> AsyncIterator[BoschDicentisSimulator]:
    """The simulated discussion system of the plenary hall."""
    device = next(device for device in config.devices if device.id == "hall")
    async with BoschDicentisSimulator(device) as simulator:
        simulator.set_mode("manual")  # who presses waits until somebody gives the floor
        yield simulator


@pytest.fixture
async def controller(
    config: Config,
    wall: SamsungMdcSimulator,
    hall: BoschDicentisSimulator,
    tmp_path: Path,
    compose: Callable[..., AbstractAsyncContextManager[Controller]],
) -> AsyncIterator[Controller]:
    """The whole program but its doors, with a technician, a scheduler and an administrator."""
    async with compose(config, tmp_path / "data") as everything:
        for role in (Role.TECHNICIAN, Role.SCHEDULER, Role.ADMIN):
            await everything.accounts.add(role.value, role, PASSWORD, actor="test")
        yield everything


@pytest.fixture
def app(controller: Controller) -> FastAPI:
    """API and pages over the controller."""
    app = create_app(controller)
    mount(app, controller)
    return app


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real browser for all tests, and the address at which each comes to windows of its own."""
    settings = tmp_path_factory.mktemp("chromium") / "settings.json"
    settings.write_text(json.dumps({"executablePath": CHROMIUM, "args": ARGUMENTS}))
    command = ["-m", "playwright", "launch-server", "--browser", "chromium", "--config", str(settings)]
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            assert address.startswith("ws://"), address
            yield address
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # it ends the browser


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """The browser, as if it were new: cookies, caches and windows are a context's, and go with it."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.connect(chromium)
        yield found
        await found.close()


@asynccontextmanager
async def clean_page(
    browser: Browser, url: str, width: int, height: int, faults: list[str]
) -> AsyncIterator[Page]:
    """A page on which any error of a script, and anything the policy blocks, is written down."""
    context = await browser.new_context(
        base_url=url, viewport={"width": width, "height": height}, locale="uk-UA"
    )
    page = await context.new_page()
    page.set_default_timeout(DEADLINE)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text)
            if message.type == "error" and "Content Security Policy" in message.text
            else None
        ),
    )
    yield page
    await context.close()


@pytest.fixture
async def visit(browser: Browser, url: str) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Opens a page as somebody who is not logged in; its scripts must not fail."""
    faults: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(address: str, width: int = 1280, height: int = 800) -> Page:
            page = await stack.enter_async_context(clean_page(browser, url, width, height, faults))
            await page.goto(address)
            return page

        yield open_page
    assert not faults, faults


@pytest.fixture
def log_in(visit: Callable[..., Awaitable[Page]]) -> LogIn:
    """Logs in by the form and opens a page."""

    async def come_in(
        address: str, role: Role = Role.TECHNICIAN, width: int = 1440, height: int = 900
    ) -> Page:
        page = await visit(f"/login?next={address}", width, height)
        await page.fill("#name", role.value)
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url(f"**{address}")
        return page

    return come_in


@pytest.fixture
def book(controller: Controller) -> Book:
    """Books a session that begins in so many minutes; nothing of it is broadcast unless asked for."""

    async def make(
        title: str = "Пленарне засідання", *, room: str = "plenary", begins: int = 10, **details: Any
    ) -> Session:
        start = now() + timedelta(minutes=begins)
        booking = {
            "title": title,
            "room": room,
            "policy": "none",
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(hours=3)).isoformat(),
            **details,
        }
        session = await controller.desk.obey(BookSession(actor="scheduler", details=booking))
        assert isinstance(session, Session)
        return session

    return make


@pytest.fixture
async def serve_again(
    app: FastAPI, config: Config, server: Any
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Serves the application anew, once the server has been stopped."""
    async with AsyncExitStack() as stack:

        async def again() -> None:
            await stack.enter_async_context(type(server)(app, config))

        yield again
