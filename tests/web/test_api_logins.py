from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from avctl.events import AccountChanged, LoggedIn
from avctl.model.account import Role
from avctl.services.controller import Controller

PASSWORD = "dovhyi parol 7"
Clients = Callable[..., httpx.AsyncClient]
Browsers = Callable[[Role], Awaitable[httpx.AsyncClient]]


async def test_a_login_gives_a_cookie_no_script_can_read_and_a_csrf_token(clients: Clients) -> None:
    client = clients()
    answer = await client.post("/api/v1/login", json={"name": "Technician", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["role"] == "technician"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    me = (await client.get("/api/v1/me")).json()
    assert (me["name"], me["csrf"]) == ("technician", answer.json()["csrf"])
    assert "run_sessions" in me["may"]
    assert "manage_people" not in me["may"]


@pytest.fixture
def behind_https(settings: dict[str, Any]) -> None:
    settings["web"]["url"] = "https://av.example.org"


@pytest.mark.usefixtures("behind_https")
async def test_behind_https_the_cookie_is_secure(clients: Clients) -> None:
    answer = await clients().post("/api/v1/login", json={"name": "admin", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_nothing_is_told_without_a_login(clients: Clients) -> None:
    client = clients()
    for path in ("me", "rooms", "devices", "sessions", "broadcasts", "alerts", "journal", "events"):
        answer = await client.get(f"/api/v1/{path}")
        assert answer.status_code == 401, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_password_and_an_unknown_name_look_the_same(clients: Clients) -> None:
    client = clients()
    wrong = await client.post("/api/v1/login", json={"name": "admin", "password": "not this one"})
    unknown = await client.post("/api/v1/login", json={"name": "nobody", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_guessing_is_throttled_and_says_how_long(clients: Clients) -> None:
    client = clients()
    statuses = []
    for _ in range(6):
        answer = await client.post("/api/v1/login", json={"name": "admin", "password": "not this one"})
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429]
    assert int(answer.headers["retry-after"]) > 0


async def test_a_cookie_changes_nothing_without_the_csrf_header(
    browser_of: Browsers, booking: dict[str, Any]
) -> None:
    browser = await browser_of(Role.ADMIN)
    proof = browser.headers.pop("X-CSRF-Token")
    wrongs: list[dict[str, Any]] = [{}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": "здогад".encode()}]
    for wrong in wrongs:
        assert (await browser.post("/api/v1/sessions", json=booking, headers=wrong)).status_code == 403
    assert (await browser.get("/api/v1/sessions")).json() == []
    right = await browser.post("/api/v1/sessions", json=booking, headers={"X-CSRF-Token": proof})
    assert right.status_code == 201


async def test_a_token_needs_no_csrf_header(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    assert (await admin.post("/api/v1/sessions", json=booking)).status_code == 201


async def test_after_logging_out_the_cookie_is_worth_nothing(browser_of: Browsers, url: str) -> None:
    browser = await browser_of(Role.TECHNICIAN)
    kept = browser.cookies["avctl_login"]
    assert (await browser.post("/api/v1/logout")).status_code == 204
    async with httpx.AsyncClient(base_url=url, cookies={"avctl_login": kept}, trust_env=False) as thief:
        assert (await thief.get("/api/v1/me")).status_code == 401


async def test_a_disabled_account_is_out_at_once(
    clients: Clients, browser_of: Browsers, controller: Controller, watch: Any
) -> None:
    browser, program = await browser_of(Role.TECHNICIAN), clients(Role.TECHNICIAN)
    await controller.accounts.disable("technician", actor="test")
    await watch.sees(AccountChanged, change="disabled")
    assert (await browser.get("/api/v1/me")).status_code == 401
    assert (await program.get("/api/v1/me")).status_code == 401


ROLES = (
    (Role.SCHEDULER, "POST", "/api/v1/devices/wall/set_power", False),
    (Role.SCHEDULER, "POST", "/api/v1/devices/wall/reconnect", False),
    (Role.TECHNICIAN, "POST", "/api/v1/devices/wall/reconnect", True),
    (Role.TECHNICIAN, "POST", "/api/v1/sessions", False),
    (Role.SCHEDULER, "POST", "/api/v1/sessions", True),
    (Role.SCHEDULER, "POST", "/api/v1/sessions/none/prepare", False),
    (Role.SCHEDULER, "POST", "/api/v1/sessions/none/open", False),
    (Role.SCHEDULER, "POST", "/api/v1/sessions/none/suspend", False),
    (Role.SCHEDULER, "POST", "/api/v1/sessions/none/close", False),
    (Role.SCHEDULER, "POST", "/api/v1/sessions/none/cancel", True),
    (Role.TECHNICIAN, "POST", "/api/v1/sessions/none/cancel", True),
    (Role.SCHEDULER, "POST", "/api/v1/broadcasts/none/go-live", False),
    (Role.SCHEDULER, "POST", "/api/v1/alerts/none/acknowledge", False),
    (Role.SCHEDULER, "GET", "/api/v1/journal", False),
    (Role.MANAGER, "GET", "/api/v1/journal", True),
    (Role.STAFF, "GET", "/api/v1/devices", False),
    (Role.STAFF, "GET", "/api/v1/events", False),
    (Role.STAFF, "GET", "/api/v1/sessions", False),
)


async def test_the_server_checks_the_role_for_every_act(clients: Clients, booking: dict[str, Any]) -> None:
    for role, method, path, allowed in ROLES:
        body: dict[str, Any] = {"reason": "break"} if path.endswith(("suspend", "acknowledge")) else {}
        if path == "/api/v1/sessions":
            body = booking
        answer = await clients(role).request(method, path, json=body if method == "POST" else None)
        assert (answer.status_code != 403) is allowed, (role, method, path, answer.text)
        if not allowed:
            assert answer.headers["content-type"] == "application/problem+json"


async def test_no_secret_reaches_the_log_or_the_journal(
    browser_of: Browsers, admin: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, watch: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = await browser_of(Role.TECHNICIAN)
    await watch.sees(LoggedIn, account="technician")
    await browser.get("/api/v1/sessions", params={"room": "query-is-not-logged"})
    secrets = [PASSWORD, browser.cookies["avctl_login"], browser.headers["X-CSRF-Token"]]
    secrets += [admin.headers["Authorization"].removeprefix("Bearer ")]
    ours = "\n".join(line.getMessage() for line in caplog.records if line.name.startswith("avctl"))
    journal = (await admin.get("/api/v1/journal")).text
    assert "GET /api/v1/sessions 200" in ours
    assert "query-is-not-logged" not in ours
    for secret in secrets:
        assert secret not in ours
        assert secret not in journal
