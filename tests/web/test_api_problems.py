from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from avctl.events import MicOpened
from avctl.services.controller import Controller

JSON = {"Content-Type": "application/json"}
PROBLEM = "application/problem+json"


BODIES = (
    (b'{"name": "a"', "application/json", 400),
    (b'{"name": "\xff", "password": "b"}', "application/json", 400),
    (b"[" * 200_000, "application/json", 400),
    (b'{"name":' + b'{"a":' * 40 + b"1" + b"}" * 41, "application/json", 400),
    (b'{"name": "a\\u0000", "password": "b"}', "application/json", 400),
    (b'{"name": "\\ud800", "password": "b"}', "application/json", 400),
    (b'{"name": NaN, "password": "b"}', "application/json", 400),
    (b'{"name": 1e999, "password": "b"}', "application/json", 400),
    (b'{"name": ' + b"9" * 10_000 + b', "password": "b"}', "application/json", 400),
    (b'{"name": "a", "password": "b"}', "text/plain", 415),
    (b"name=a&password=b", "application/x-www-form-urlencoded", 415),
    (b'{"name": "' + b"a" * 1024 * 1024 + b'"}', "application/json", 413),
    (b"[]", "application/json", 422),
    (b"null", "application/json", 422),
    (b"", "application/json", 422),
    (b'{"name": 1, "password": []}', "application/json", 422),
    (b'{"name": "a", "password": "b", "name2": 1}', "application/json", 422),
)


async def test_a_body_nobody_can_use_is_a_problem_of_the_caller(admin: httpx.AsyncClient) -> None:
    for body, kind, status in BODIES:
        answer = await admin.post("/api/v1/login", content=body, headers={"Content-Type": kind})
        assert answer.status_code == status, (body[:80], answer.text)
        assert answer.headers["content-type"] == PROBLEM
        problem = answer.json()
        assert (problem["type"], problem["status"]) == ("about:blank", status)
        assert problem["instance"] == "/api/v1/login"
        assert problem["title"]
        assert problem["detail"]


async def test_a_body_without_a_declared_length_is_limited_too(admin: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 64 * 1024

    answer = await admin.post("/api/v1/login", content=endless(), headers=JSON)
    assert answer.status_code == 413


async def test_a_password_never_comes_back(admin: httpx.AsyncClient) -> None:
    secret = "s3cr3t" * 100  # too long, so that the field is refused
    answer = await admin.post("/api/v1/login", json={"name": "admin", "password": secret})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["password"]
    assert "s3cr3t" not in answer.text


ADDRESSES = (
    ("GET", "/api/v1/nothing", 404),
    ("GET", "/api/nothing", 404),
    ("POST", "/api/v2/login", 404),
    ("GET", "/api/v1/sessions/%00", 400),
    ("GET", "/api/v1/journal?subject=%00", 400),
    ("GET", "/api/v1/sessions/%F0%9F%98%80", 404),
    ("GET", "/api/v1/sessions/%FF", 404),
    ("GET", "/api/v1/sessions/" + "x" * 500, 422),
    ("GET", f"/api/v1/journal?before={2**80}", 422),
    ("GET", "/api/v1/journal?before=1&after=1", 422),
    ("GET", "/api/v1/journal?kind=Nothing", 422),
    ("GET", "/api/v1/journal?since=0001-01-01T00:00:00%2B14:00", 422),
    ("DELETE", "/api/v1/sessions", 405),
    ("GET", "/api/v1/login", 405),
    ("GET", "/nowhere", 404),
)


async def test_a_wrong_address_is_a_problem_too(admin: httpx.AsyncClient) -> None:
    for method, path, status in ADDRESSES:
        answer = await admin.request(method, path)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["content-type"] == PROBLEM


async def test_a_wrong_method_is_told_the_right_ones(admin: httpx.AsyncClient) -> None:
    answer = await admin.delete("/api/v1/sessions")
    assert answer.headers["allow"] == "GET, POST"


async def test_a_bug_is_logged_and_tells_nothing_of_the_inside(
    app: FastAPI, admin: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("the inside")

    app.add_api_route("/broken", broken)
    answer = await admin.get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "inside" not in answer.text
    assert "ZeroDivisionError: the inside" in caplog.text


async def test_a_record_that_cannot_be_used_is_told_without_its_statement(
    admin: httpx.AsyncClient, controller: Controller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "avctl.db")) as other:
        await controller.journal.settled()
        other.execute("ALTER TABLE sessions RENAME TO lost")
        answer = await admin.get("/api/v1/sessions/none")
        other.execute("ALTER TABLE lost RENAME TO sessions")
    assert answer.status_code == 503, answer.text
    assert "SELECT" not in answer.text
    assert "no such table" in caplog.text


async def test_every_answer_keeps_browsers_careful(admin: httpx.AsyncClient) -> None:
    for path in ("/health", "/api/v1/sessions", "/api/v1/nothing", "/api/docs"):
        headers = (await admin.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    embedded = (await admin.get("/embed/none")).headers
    assert "frame-ancestors" not in embedded.get("content-security-policy", "")


def rename(record: Path, table: str, name: str) -> None:
    """Rename a table from outside. In a thread: the record's own writer may be in the middle of its work."""
    with closing(sqlite3.connect(record, timeout=20, isolation_level=None)) as other:
        for statement in ("BEGIN IMMEDIATE", f"ALTER TABLE {table} RENAME TO {name}", "COMMIT"):
            other.execute(statement)


async def test_health_is_open_and_counts(
    url: str, wall_online: Any, controller: Controller, tmp_path: Path
) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as nobody:
        answer = await nobody.get("/health")
        assert answer.status_code == 200
        health = answer.json()
        assert (health["status"], health["devices"]) == ("ok", {"online": 1, "total": 2})
        assert health["uptime"] >= 0
        assert (await nobody.head("/health")).status_code == 200
        record = tmp_path / "data" / "avctl.db"
        await asyncio.to_thread(rename, record, "journal", "lost")
        try:
            controller.bus.publish(MicOpened(device="wall", seat=1))
            await controller.journal.settled()
            answer = await nobody.get("/health")
        finally:
            await asyncio.to_thread(rename, record, "lost", "journal")
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert "no such table" in answer.json()["detail"]


async def test_metrics_count_and_name_nobody(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    booking["title"] = "Таємна назва"
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    await admin.get(f"/api/v1/sessions/{session}")
    answer = await admin.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'avctl_sessions{phase="planned"} 1.0' in answer.text
    assert 'route="/api/v1/sessions/{session}",status="200"' in answer.text
    for told in ("Таємна", session, "admin"):
        assert told not in answer.text


async def test_two_applications_in_one_program_do_not_share_figures(
    app: FastAPI, controller: Controller
) -> None:
    from avctl.api.application import create_app

    other = create_app(controller)
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://one") as one,
        httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://two") as two,
    ):
        await asyncio.gather(*(one.get("/health") for _ in range(3)))
        assert 'route="/health"' not in (await two.get("/metrics")).text


async def test_the_journal_is_filtered_and_paged(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    for act in ("open", "close"):
        await admin.post(f"/api/v1/sessions/{session}/{act}")
    mine: dict[str, Any] = {"actor": "admin", "subject": session, "limit": 2}
    newest = await admin.get("/api/v1/journal", params=mine)
    older = await admin.get(newest.links["next"]["url"])
    kinds = [line["kind"] for line in newest.json() + older.json()]
    assert kinds == ["SessionClosed", "SessionOpened", "SessionBooked"]
    oldest = await admin.get("/api/v1/journal", params={**mine, "after": 0})
    rest = await admin.get(oldest.links["next"]["url"])
    assert oldest.json() + rest.json() == list(reversed(newest.json() + older.json()))
    told = json.loads(older.text)[0]
    assert told["data"]["details"]["title"] == booking["title"]
    since = {"since": newest.json()[0]["at"], "kind": ["SessionClosed", "SessionOpened"]}
    assert [line["kind"] for line in (await admin.get("/api/v1/journal", params=since)).json()] == [
        "SessionClosed"
    ]


async def test_alerts_are_told_and_taken_in_hand_once(
    admin: httpx.AsyncClient, wall_online: Any, settings: dict[str, Any], watch: Any
) -> None:
    from avctl.events import AlertRaised

    await wall_online.unplug()
    raised = await watch.sees(AlertRaised, subject="wall")
    alert = next(one for one in (await admin.get("/api/v1/alerts")).json() if one["id"] == raised.alert)
    assert (alert["rule"], alert["raised"], alert["acknowledged_by"]) == ("device_offline", True, "")
    path = f"/api/v1/alerts/{alert['id']}/acknowledge"
    assert (await admin.post(path, json={"reason": "   "})).status_code == 422
    taken = (await admin.post(path, json={"reason": "кабель"})).json()
    assert (taken["acknowledged_by"], taken["acknowledged_reason"]) == ("admin", "кабель")
    assert (await admin.post(path, json={"reason": "ще раз"})).json() == taken
    assert (await admin.post("/api/v1/alerts/none/acknowledge", json={"reason": "x"})).status_code == 404
    assert (await admin.get("/api/v1/alerts", params={"raised": "false"})).json() == []


async def test_the_document_is_readable_without_the_internet(admin: httpx.AsyncClient) -> None:
    page = (await admin.get("/api/docs")).text
    for told in ("/api/v1/devices/{device}/{verb}", "set_power", "Idempotency-Key", "/api/openapi.json"):
        assert told in page
    assert "<script" not in page
    assert "https://" not in page.replace("https://avctl", "")
