"""The API of screens, the air raid and the mains: what is answered, and to whom."""

from __future__ import annotations

import asyncio
import io
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from avctl.config import Config
from avctl.ffmpeg import find_ffmpeg
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


def calendar_of(*events: str, name: str = "Графік") -> str:
    """A calendar as a supplier of power publishes it."""
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//DTEK//UK\r\nX-WR-CALNAME:{name}\r\n"
    return head + "".join(f"BEGIN:VEVENT\r\n{one}END:VEVENT\r\n" for one in events) + "END:VCALENDAR\r\n"


def event(uid: str, starts: str, ends: str, more: str = "") -> str:
    return f"UID:{uid}\r\nDTSTART:{starts}\r\nDTEND:{ends}\r\nSUMMARY:Черга 3.1\r\n{more}"


async def test_blackouts_are_brought_and_given_as_a_calendar(admin, clients, controller) -> None:
    at, ics = "/api/v1/blackouts", {"Content-Type": "text/calendar"}

    async def bring(text: str) -> Any:
        return await admin.post(f"{at}/import", content=text.encode(), headers=ics)

    async def coming() -> list[Any]:
        return list((await admin.get(at)).json())

    evening = event("1", "20300101T160000Z", "20300101T200000Z")
    # By the clock of Kyiv, on two days; the second of three is called off.
    daily = event(
        "2", "20300330T080000", "20300330T100000", "RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20300331T080000\r\n"
    )
    answer = await bring(calendar_of(evening, daily))
    assert (answer.status_code, answer.json()) == (200, {"kept": 1, "same": 0, "removed": 0})
    assert (await bring(calendar_of(evening))).json() == {"kept": 0, "same": 1, "removed": 0}
    (known,) = await coming()
    assert (known["begins_at"], known["note"]) == ("2030-01-01T16:00:00Z", "Черга 3.1")
    # Another calendar's stay; this one's that are moved, or are there no more, go.
    other = calendar_of(event("1", "20300105T160000Z", "20300105T200000Z"), name="Генератор")
    assert (await bring(other)).json()["kept"] == 1
    moved = calendar_of(event("1", "20300101T170000Z", "20300101T200000Z"))
    assert (await bring(moved)).json() == {"kept": 1, "same": 0, "removed": 0}
    cancelled = calendar_of(event("1", "20300101T170000Z", "20300101T200000Z", "STATUS:CANCELLED\r\n"))
    assert (await bring(cancelled)).json() == {"kept": 0, "same": 0, "removed": 1}
    for bad in (
        "<html>log in</html>",
        calendar_of(),
        calendar_of("UID:3\r\nDTSTART;VALUE=DATE:20300101\r\nSUMMARY:Увесь день\r\n"),
        calendar_of(event("4", "20300101T160000Z", "20300120T160000Z")),
        calendar_of(event("5", "20300101T160000Z", "20300101T150000Z")),
        calendar_of(event("6", "20300101T160000Z", "20300101T180000Z", "RRULE:FREQ=SECONDLY\r\n")),
    ):
        assert (await bring(bad)).status_code == 422, bad
    # What it hits, and the same for calendars.
    times = {"starts_at": "2030-01-05T17:00:00Z", "ends_at": "2030-01-05T18:00:00Z"}
    session = {"title": "Пленарне", "room": "plenary", "policy": "none", **times}
    booked = (await admin.post("/api/v1/sessions", json=session)).json()
    (known,) = await coming()
    assert known["sessions"] == [booked["id"]]
    told = await admin.get(f"{at}.ics")
    assert "DTSTART:20300105T160000Z" in told.text
    assert (await bring(told.text)).json() == {"kept": 0, "same": 1, "removed": 0}  # our own comes back
    path = (await admin.post("/api/v1/me/calendar")).json()["path"]
    nobody = clients()
    assert (await nobody.get(path.replace(".ics", "/blackouts.ics"))).content == told.content
    assert (await nobody.get("/calendar/people/guessed/blackouts.ics")).status_code == 404
    assert (await nobody.get(f"{at}.ics")).status_code == 401
    assert (await clients(Role.STAFF).get(at)).status_code == 403
    sent = await clients(Role.SCHEDULER).post(f"{at}/import", content=b"", headers=ics)
    assert sent.status_code == 403


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


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    """Forty seconds whose index comes first."""
    made = tmp_path / "film.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=160x160:r=5", "-t", "40", "-pix_fmt", "yuv420p"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-movflags", "+faststart"]
    subprocess.run(
        [find_ffmpeg(), "-v", "error", "-nostdin", *source, *coded, str(made)], check=True, timeout=60
    )
    return made.read_bytes()


async def test_a_film_that_was_cut_off_is_refused_and_what_is_left_of_uploads_goes(
    admin, controller, film: bytes
) -> None:
    data, at = film, "/api/v1/lobby/contents/film/file"
    for cut in (data[: len(data) * 9 // 10], data[:-500]):  # its first half a minute is all there
        refused = await admin.post(at, files={"file": ("фільм.mp4", cut)})
        assert (refused.status_code, "whole" in refused.text) == (422, True), refused.text
    for odd in (b"MZ" + bytes(3000), b""):
        refused = await admin.post(at, files={"file": ("фільм.mp4", odd)})
        (fault,) = refused.json()["errors"]
        assert (refused.status_code, fault["field"]) == (422, "file")
        assert "MP4" in fault["expected"] or "not empty" in fault["expected"]
    assert list(controller.lobby.folder.iterdir()) == []
    assert (await admin.post(at, files={"file": ("фільм.mp4", data)})).status_code == 201
    (controller.lobby.folder / "upload-of-one-who-was-killed").write_bytes(b"half a film")
    await controller.lobby.restore()
    assert len(list(controller.lobby.folder.iterdir())) == 1
