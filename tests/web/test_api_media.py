from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from avctl.api.application import create_app
from avctl.bus import Bus
from avctl.errors import NotFound
from avctl.events import (
    BroadcastArmed,
    BroadcastWentLive,
    SessionAmended,
    SessionClosed,
    SessionEvent,
    SessionOpened,
)
from avctl.model.account import Role
from avctl.model.broadcast import Broadcast
from avctl.services.controller import Controller

Clients = Callable[..., httpx.AsyncClient]

MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2900000\n720p/index.m3u8\n"
SEGMENT = bytes(range(256)) * 40


class Shelf:
    """Broadcasts whose programme somebody else has made: their files lie there, their events come by bus."""

    def __init__(self, data: Path, bus: Bus) -> None:
        self._data = data
        self._broadcasts: dict[str, Broadcast] = {}
        bus.listen(self._fold, SessionEvent)

    def get(self, session: str) -> Broadcast:
        try:
            return self._broadcasts[session]
        except KeyError:
            raise NotFound(f"{session} never had a broadcast") from None

    def __iter__(self) -> Iterator[Broadcast]:
        return iter(self._broadcasts.values())

    def folder(self, session: str) -> Path:
        return self._data / "broadcasts" / session

    def _fold(self, event: SessionEvent) -> None:
        known = self._broadcasts.get(event.session, Broadcast(session=event.session, since=event.at))
        self._broadcasts[event.session] = known.after(event)


@pytest.fixture
def shelf(controller: Controller, tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, controller.bus)


@pytest.fixture
def app(controller: Controller, shelf: Shelf) -> FastAPI:
    return create_app(replace(controller, broadcasts=shelf))


@pytest.fixture
async def session(admin: httpx.AsyncClient, booking: dict[str, Any], shelf: Shelf) -> str:
    """A session whose broadcast has written its files; nothing is public yet."""
    booking["policy"] = "live"
    made: str = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    folder = shelf.folder(made)
    (folder / "live" / "720p").mkdir(parents=True)
    (folder / "private").mkdir()
    (folder / "live" / "master.m3u8").write_text(MASTER)
    playlist = "#EXTM3U\n" + "".join(f"#EXTINF:2.0,\n{number}.m4s\n" for number in range(500))
    (folder / "live" / "720p" / "index.m3u8").write_text(playlist)
    for name in ("1.m4s", "1.ts", "captions.vtt"):
        (folder / "live" / "720p" / name).write_bytes(SEGMENT)
    (folder / "private" / "secret.m4s").write_bytes(b"not for viewers")
    (folder / "plan.json").write_text("{}")
    (folder / "preview.jpg").write_bytes(b"\xff\xd8picture")
    return made


def archive(shelf: Shelf, session: str) -> None:
    folder = shelf.folder(session) / "archive"
    folder.mkdir()
    (folder / "video.mp4").write_bytes(SEGMENT)
    (folder / "chapters.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:10.000\nПро бюджет\n")


def sit(controller: Controller, session: str) -> None:
    """A sitting that was held; its acts, which would start a real programme, are tested elsewhere."""
    controller.bus.publish(SessionOpened(session=session))
    controller.bus.publish(SessionClosed(session=session))


async def test_nothing_is_public_before_the_broadcast_goes_live(
    clients: Clients, controller: Controller, session: str
) -> None:
    viewer = clients()
    controller.bus.publish(BroadcastArmed(session=session))
    for path in ("master.m3u8", "720p/index.m3u8", "720p/1.m4s"):
        answer = await viewer.get(f"/live/{session}/{path}")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
    controller.bus.publish(BroadcastWentLive(session=session))
    answer = await viewer.get(f"/live/{session}/master.m3u8")
    assert (answer.status_code, answer.text) == (200, MASTER)
    later = {"policy": "delayed", "release_hours": 2}
    controller.bus.publish(SessionAmended(session=session, actor="test", details=later))
    assert (await viewer.get(f"/live/{session}/720p/1.m4s")).status_code == 404


async def test_each_part_has_its_type_and_its_life_in_caches(
    clients: Clients, controller: Controller, session: str
) -> None:
    viewer = clients()
    controller.bus.publish(BroadcastWentLive(session=session))
    parts = (
        ("master.m3u8", "application/vnd.apple.mpegurl", "max-age=1"),
        ("720p/index.m3u8", "application/vnd.apple.mpegurl", "max-age=1"),
        ("720p/1.m4s", "video/mp4", "immutable"),
        ("720p/1.ts", "video/mp2t", "immutable"),
        ("720p/captions.vtt", "text/vtt; charset=utf-8", "immutable"),
    )
    for path, kind, cache in parts:
        answer = await viewer.get(f"/live/{session}/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == kind
        assert cache in answer.headers["cache-control"]
        assert answer.headers["access-control-allow-origin"] == "*"
        head = await viewer.head(f"/live/{session}/{path}", headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0


async def test_a_long_playlist_is_packed_and_not_sent_twice(
    clients: Clients, controller: Controller, session: str
) -> None:
    viewer = clients()
    controller.bus.publish(BroadcastWentLive(session=session))
    path = f"/live/{session}/720p/index.m3u8"
    async with viewer.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join([part async for part in packed.aiter_raw()])
    plain = await viewer.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 4
    again = await viewer.get(path, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_no_path_leads_out_of_what_is_public(
    clients: Clients, controller: Controller, session: str, shelf: Shelf
) -> None:
    viewer = clients()
    controller.bus.publish(BroadcastWentLive(session=session))
    live = shelf.folder(session) / "live"
    (live / "out.m4s").symlink_to("../private/secret.m4s")
    (live / ".hidden.m4s").write_bytes(b"not for viewers")
    (live / "folder.m4s").mkdir()
    for path in (
        "..%2Fprivate%2Fsecret.m4s",
        "%2e%2e/private/secret.m4s",
        "720p/..%2f..%2fprivate/secret.m4s",
        "..%5cprivate%5csecret.m4s",
        "%2Fetc%2Fpasswd",
        "out.m4s",
        ".hidden.m4s",
        "folder.m4s",
        "..%2Fplan.json",
        "720p",
        "720p/none.m4s",
        "",
    ):
        answer = await viewer.get(f"/live/{session}/{path}")
        assert answer.status_code == 404, path
        assert b"not for viewers" not in answer.content
    for strange in ("..", ".", "%2e%2e", "none", f"..%2F{session}"):
        assert (await viewer.get(f"/live/{strange}/master.m3u8")).status_code == 404, strange


async def test_a_part_of_the_recording_may_be_asked_for(
    clients: Clients, controller: Controller, session: str, shelf: Shelf
) -> None:
    archive(shelf, session)
    sit(controller, session)
    viewer = clients()
    part = await viewer.get(f"/archive/{session}/video.mp4", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, SEGMENT[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(SEGMENT)}"
    whole = await viewer.get(f"/archive/{session}/video.mp4")
    assert (whole.content, whole.headers["content-type"]) == (SEGMENT, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    beyond = await viewer.get(f"/archive/{session}/video.mp4", headers={"Range": "bytes=999999-"})
    assert beyond.status_code == 416
    chapters = await viewer.get(f"/archive/{session}/chapters.vtt")
    assert chapters.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "Про бюджет" in chapters.text


async def test_a_recording_that_is_not_released_needs_the_right_person(
    admin: httpx.AsyncClient, clients: Clients, controller: Controller, session: str, shelf: Shelf
) -> None:
    await admin.patch(f"/api/v1/sessions/{session}", json={"policy": "record"})
    path = f"/archive/{session}/video.mp4"
    assert (await clients().get(path)).status_code == 404
    archive(shelf, session)
    sit(controller, session)
    statuses = {
        role: (await clients(role).get(path)).status_code
        for role in (None, Role.STAFF, Role.SCHEDULER, Role.TECHNICIAN, Role.SECRETARY)
    }
    assert statuses == {
        None: 401,
        Role.STAFF: 403,
        Role.SCHEDULER: 403,
        Role.TECHNICIAN: 200,
        Role.SECRETARY: 200,
    }
    assert (await clients(Role.TECHNICIAN).get(path)).headers["cache-control"] == "private, no-store"


async def test_a_delayed_recording_is_public_from_its_moment_on_and_the_api_says_when(
    admin: httpx.AsyncClient, clients: Clients, controller: Controller, session: str, shelf: Shelf
) -> None:
    delayed = {"policy": "delayed", "release_hours": 2}
    answer = (await admin.patch(f"/api/v1/sessions/{session}", json=delayed)).json()
    assert datetime.fromisoformat(answer["release_at"]) == datetime.fromisoformat(
        answer["ends_at"]
    ) + timedelta(hours=2)
    archive(shelf, session)
    sit(controller, session)
    path = f"/archive/{session}/video.mp4"
    assert (await clients().get(path)).status_code == 401
    # Amending is for sittings that are not over: the event says what a booking of 0 hours would have.
    controller.bus.publish(SessionAmended(session=session, actor="test", details={"release_hours": 0}))
    assert (await clients().get(path)).status_code == 200


async def test_a_recording_is_not_public_while_the_sitting_goes_on(
    clients: Clients, controller: Controller, session: str, shelf: Shelf
) -> None:
    archive(shelf, session)
    controller.bus.publish(SessionOpened(session=session))
    assert (await clients().get(f"/archive/{session}/video.mp4")).status_code == 401


async def test_the_picture_of_the_programme_is_for_those_who_run_it(clients: Clients, session: str) -> None:
    path = f"/api/v1/broadcasts/{session}/preview.jpg"
    assert (await clients().get(path)).status_code == 401
    assert (await clients(Role.STAFF).get(path)).status_code == 403
    picture = await clients(Role.TECHNICIAN).get(path)
    assert (picture.content, picture.headers["content-type"]) == (b"\xff\xd8picture", "image/jpeg")
    assert "private" in picture.headers["cache-control"]


async def test_players_of_other_sites_may_ask(clients: Clients, session: str) -> None:
    asked = {"Origin": "https://kmr.gov.ua", "Access-Control-Request-Method": "GET"}
    for path in (f"/live/{session}/master.m3u8", f"/archive/{session}/video.mp4"):
        answer = await clients().options(path, headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Range" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in (await clients().get("/health", headers=asked)).headers


async def test_what_is_wanted_and_what_is_are_told(
    admin: httpx.AsyncClient, controller: Controller, session: str
) -> None:
    controller.bus.publish(BroadcastArmed(session=session))
    told = (await admin.get(f"/api/v1/broadcasts/{session}")).json()
    assert (told["wanted"], told["actual"], told["playlist"]) == ("armed", "armed", None)
    controller.bus.publish(BroadcastWentLive(session=session))
    told = (await admin.get("/api/v1/broadcasts")).json()
    assert [(one["actual"], one["on_air"]) for one in told] == [("live", True)]
    assert told[0]["playlist"] == f"/live/{session}/master.m3u8"
    assert (await admin.get("/api/v1/broadcasts/none")).status_code == 404
    for act in ("go-live", "go-dark"):
        assert (await admin.post(f"/api/v1/broadcasts/none/{act}")).status_code == 404


async def test_viewers_are_who_fetches_playlists(
    clients: Clients, admin: httpx.AsyncClient, controller: Controller, session: str
) -> None:
    controller.bus.publish(BroadcastWentLive(session=session))
    viewer = clients()
    for program, path in (
        ("Firefox", "master.m3u8"),
        ("Firefox", "720p/index.m3u8"),
        ("Safari", "720p/index.m3u8"),
        ("curl", "720p/1.ts"),
    ):
        answer = await viewer.get(f"/live/{session}/{path}", headers={"User-Agent": program})
        assert answer.status_code == 200
    await viewer.head(f"/live/{session}/master.m3u8", headers={"User-Agent": "a probe"})
    assert (await admin.get(f"/api/v1/broadcasts/{session}")).json()["viewers"] == 2
    figures = (await viewer.get("/metrics")).text
    assert f'avctl_viewers{{session="{session}"}} 2.0' in figures
    assert "avctl_viewers_total 2.0" in figures
