"""The API of screens, the air raid and the mains: what is answered, and to whom."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from PIL import Image

from avctl.config import Config
from avctl.model.account import Role
from kiosks.plain import KioskServer


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    settings["lobby"] = {"largest_mb": 1}
    settings["devices"].append(
        {"id": "kiosk", "room": "committee", "driver": "kiosks.plain", "title": "Кіоск", "port": free_port()}
    )
    return settings


@pytest.fixture
async def kiosk(config: Config) -> AsyncIterator[KioskServer]:
    async with KioskServer(next(one for one in config.devices if one.id == "kiosk")) as screen:
        yield screen


async def test_screens_emergencies_contents_and_the_building(kiosk, admin, clients, controller) -> None:
    async with asyncio.timeout(10):
        while not controller.house.state("kiosk").online:
            await asyncio.sleep(0.02)
    lobby = "/api/v1/lobby"
    (screen,) = (await admin.get(f"{lobby}/screens")).json()
    assert (screen["device"], screen["showing"], screen["playlist"]) == ("kiosk", "ok", None)
    shot = await admin.get(f"{lobby}/screens/kiosk/picture")
    assert (shot.status_code, shot.headers["content-type"], shot.content[:2]) == (
        200,
        "image/jpeg",
        b"\xff\xd8",
    )
    await admin.get(f"{lobby}/screens/kiosk/picture")
    assert kiosk.pictures == 1  # not more often than is set
    # An emergency, asked for twice: one order.
    for _ in range(2):
        told = await admin.put(f"{lobby}/emergency/text", json={"text": "Вийдіть через схід."})
        assert told.json()["shown"]["text"] == "Вийдіть через схід."
    async with asyncio.timeout(10):
        while "kiosk" not in (await admin.get(f"{lobby}/emergency")).json()["reached"]:
            await asyncio.sleep(0.02)
    assert kiosk.shown == [controller.everywhere.page]
    assert (await admin.put(f"{lobby}/emergency/flood", json={"text": "Повінь"})).status_code == 422
    assert (await admin.put(f"{lobby}/emergency/text", json={"text": " "})).status_code == 422
    assert (await admin.delete(f"{lobby}/emergency/text")).json()["shown"] is None
    assert (await admin.delete(f"{lobby}/emergency/text")).status_code == 404
    # Content and playlists.
    page = {"kind": "page", "title": "Сайт", "url": "https://kyivcity.gov.ua/"}
    assert (await admin.put(f"{lobby}/contents/site", json=page)).json()["version"] == 1
    assert (await admin.put(f"{lobby}/contents/film", json={**page, "kind": "video"})).status_code == 422
    playlist = {"title": "Будні", "screens": ["kiosk"], "entries": [{"content": "site"}]}
    assert (await admin.put(f"{lobby}/playlists/days", json=playlist)).json()["version"] == 1
    assert (await admin.delete(f"{lobby}/contents/site")).status_code == 409
    (screen,) = (await admin.get(f"{lobby}/screens")).json()
    assert (screen["playlist"], screen["now"]) == ("days", "site")
    assert (await admin.get(f"{lobby}/contents/site/versions")).json()[0]["made_by"] == "admin"
    # The building.
    assert (await admin.get("/api/v1/alarm")).json()["alarm"] == "unknown"
    window = {"begins_at": "2030-01-01T18:00:00+02:00", "ends_at": "2030-01-01T22:00:00+02:00"}
    assert (await admin.put("/api/v1/blackouts/evening", json=window)).json()["id"] == "evening"
    assert [one["id"] for one in (await admin.get("/api/v1/power")).json()["blackouts"]] == ["evening"]
    assert (await admin.delete("/api/v1/blackouts/evening")).status_code == 204
    # Who may.
    scheduler, nobody = clients(Role.SCHEDULER), clients()
    assert (await scheduler.get(f"{lobby}/screens")).status_code == 200
    assert (await scheduler.put(f"{lobby}/emergency/text", json={"text": "Увага"})).status_code == 403
    assert (await scheduler.put(f"{lobby}/playlists/days", json=playlist)).status_code == 403
    assert (await nobody.get(f"{lobby}/screens")).status_code == 401


async def test_a_picture_is_uploaded_in_versions_and_nothing_bad_stays(admin, clients, controller) -> None:
    def png(side: int) -> bytes:
        drawn = io.BytesIO()
        Image.new("RGB", (side, 300), "navy").save(drawn, "PNG")
        return drawn.getvalue()

    async def send(who: Any, content: str, data: Any, name: str = "афіша.png", **fields: str) -> Any:
        at = f"/api/v1/lobby/contents/{content}/file"
        return await who.post(at, files={"file": (name, data, "application/octet-stream")}, data=fields)

    folder = controller.lobby.folder
    first = await send(admin, "poster", png(400), title="Афіша")
    assert (first.status_code, first.json()["kind"], first.json()["title"]) == (201, "picture", "Афіша")
    assert (await send(admin, "poster", png(500))).json() | {"version": 2, "title": "Афіша"} == (
        await admin.get("/api/v1/lobby/contents")
    ).json()[0]
    kept = {path.name for path in folder.iterdir()}
    assert len(kept) == 2
    # Another title without another file is what PUT has always done.
    again = {"kind": "picture", "title": "Афіша дня"}
    assert (await admin.put("/api/v1/lobby/contents/poster", json=again)).json()["file"]["width"] == 500
    # What is wrong with a file or its name is said before anything is kept.
    for content, data, why in (
        ("bad", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "JPEG, PNG or WebP"),
        ("bad", b"\0\0\0\x18ftypisom" + bytes(900), "MP4 with H.264"),
        ("bad", png(400)[:-200], "whole"),
        ("Bad id", png(400), "^[a-z0-9]"),
    ):
        refused = await send(admin, content, data)
        assert (refused.status_code, why in refused.text) == (422, True), refused.text
    assert {path.name for path in folder.iterdir()} == kept
    at = "/api/v1/lobby/contents/poster/file"
    assert (await admin.post(at, json={})).status_code == 415
    assert (await admin.post(at, files={"other": b"x"})).json()["errors"][0]["field"] == "file"
    assert (await send(admin, "poster", bytes(3_000_000))).status_code == 413
    assert (await send(clients(Role.SCHEDULER), "poster", png(300))).status_code == 403
    assert (await send(clients(), "poster", png(300))).status_code == 401
