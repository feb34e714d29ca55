"""What screens show: versions, approval, what is refused, and which place is due at a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from avctl.commands import SuspendSession
from avctl.commands.building import (
    ApproveContent,
    KeepContent,
    KeepPlaylist,
    RemoveContent,
    RemovePlaylist,
)
from avctl.errors import BadArgument, Conflict, Forbidden
from avctl.events import Reason, now
from avctl.model.playing import Content, ContentKind, Hours, Place, Shown, chosen, place_at
from kiosks.place import place_of

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.fixture
def settings(free_port: Callable[[], int]) -> dict[str, Any]:
    return {
        "web": {"port": free_port()},
        "lobby": {"approve": True},
        "rooms": [{"id": "plenary", "title": "Сесійна зала"}, {"id": "lobby", "title": "Вестибюль"}],
        "devices": [
            {"id": name, "room": "lobby", "driver": "kiosks.plain", "port": free_port()}
            for name in ("kiosk", "wall")
        ],
    }


@pytest.fixture
def place(settings: dict[str, Any], tmp_path: Path) -> Callable[..., Any]:
    return partial(place_of, settings, tmp_path / "data")


def picture(kind: str = "PNG", side: int = 640) -> BytesIO:
    file = BytesIO()
    Image.new("RGB", (side, side), "navy").save(file, kind)
    file.seek(0)
    return file


async def video(folder: Path, *arguments: str) -> BytesIO:
    """A short film by ffmpeg."""
    made = folder / "made.mp4"
    child = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=2"),
        *(*arguments, str(made)),
    )
    assert await child.wait() == 0
    return BytesIO(made.read_bytes())


async def test_uploads_are_looked_at_before_they_are_believed(place, tmp_path: Path) -> None:
    async with place() as here:
        lobby = here.controller.lobby
        good = await lobby.receive(picture("JPEG"), ContentKind.PICTURE)
        assert (good.media_type, good.width, good.height) == ("image/jpeg", 640, 640)
        film = await lobby.receive(
            await video(tmp_path, "-c:v", "libx264", "-pix_fmt", "yuv420p"), ContentKind.VIDEO
        )
        assert (film.media_type, film.width, film.seconds) == ("video/mp4", 320, 2.0)
        kept = {good.name, film.name}
        whole = (lobby.folder / film.name).read_bytes()
        bad = [
            (BytesIO(b""), ContentKind.PICTURE, "not empty"),
            (BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ContentKind.PICTURE, "JPEG, PNG or WebP"),
            (BytesIO(picture().getvalue()[:200]), ContentKind.PICTURE, "JPEG, PNG or WebP"),
            (picture(side=20), ContentKind.PICTURE, "pixels each way"),
            (picture("GIF"), ContentKind.PICTURE, "JPEG, PNG or WebP"),
            (picture(), ContentKind.VIDEO, "MP4 with H.264"),
            (BytesIO(whole[: len(whole) // 2]), ContentKind.VIDEO, "a video"),
            (await video(tmp_path, "-c:v", "mpeg4"), ContentKind.VIDEO, "got MP4, mpeg4"),
            (await video(tmp_path, "-c:v", "libx264", "-pix_fmt", "yuv444p"), ContentKind.VIDEO, "yuv444p"),
            # By another name a list of other files, and a film in a container browsers do not take.
            (BytesIO(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hosts\n"), ContentKind.VIDEO, "MP4 with"),
            (
                await video(tmp_path, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-f", "matroska"),
                ContentKind.VIDEO,
                "MP4 with",
            ),
        ]
        for file, kind, reason in bad:
            with pytest.raises(BadArgument, match=reason):
                await lobby.receive(file, kind)
        assert {path.name for path in lobby.folder.iterdir()} == kept


async def test_a_new_version_waits_for_a_second_person_and_the_old_one_goes_on(place) -> None:
    async with place() as here:
        lobby = here.controller.lobby
        details = {"id": "site", "kind": "page", "title": "Сайт", "url": "https://kyivcity.gov.ua/"}
        await here.obey(KeepContent(actor="olena", details=details))
        assert lobby.current("site") is None
        with pytest.raises(Forbidden):
            await here.obey(ApproveContent(actor="olena", content="site", version=1))
        await here.obey(ApproveContent(actor="petro", content="site", version=1))
        await here.obey(KeepContent(actor="olena", details={**details, "url": "https://example.org/"}))
        assert lobby.current("site").url == "https://kyivcity.gov.ua/"
        playlist = {"id": "days", "title": "Будні", "screens": ["kiosk"], "entries": [{"content": "site"}]}
        await here.obey(KeepPlaylist(actor="olena", details=playlist))
        with pytest.raises(Conflict, match="Будні"):
            await here.obey(RemoveContent(actor="olena", content="site"))
        for wrong, said in (
            ({**details, "id": "Сайт"}, "id"),
            ({**details, "url": "javascript:alert(1)"}, "url"),
            ({**details, "kind": "hall"}, "kind"),
            ({"id": "hall", "kind": "hall", "title": "Зала", "room": "nowhere"}, "room"),
            ({"id": "empty", "kind": "memorial", "title": "Пам’ять"}, "people"),
        ):
            with pytest.raises(BadArgument) as refusal:
                await here.obey(KeepContent(actor="olena", details=wrong))
            assert refusal.value.field == said, wrong
        with pytest.raises(BadArgument, match="screens"):
            await here.obey(KeepPlaylist(actor="olena", details={**playlist, "screens": ["nowhere"]}))
        await here.controller.journal.settled()
        devices = here.devices
    async with devices["kiosk"], devices["wall"], place(devices) as again:  # after a restart
        lobby = again.controller.lobby
        assert [one.version for one in lobby.versions("site")] == [2, 1]
        assert lobby.current("site").approved_by == "petro"
        shown, here_now, _ = lobby.now_and_next("kiosk", now())
        assert (shown.id, here_now.content.id) == ("days", "site")
        await again.obey(KeepPlaylist(actor="olena", details={**playlist, "title": "Щодня"}))
        assert [one.title for one in await lobby.playlist_versions("days")] == ["Щодня", "Будні"]
        await again.obey(RemovePlaylist(actor="olena", playlist="days"))
        await again.obey(RemoveContent(actor="olena", content="site"))
        assert list(lobby) == []


async def test_a_memorial_wall_shows_nothing_else(place) -> None:
    async with place() as here:
        people = [{"name": "Олексій Коваленко"}]
        memorial = {"id": "heroes", "kind": "memorial", "title": "Герої", "people": people}
        page = {"id": "site", "kind": "page", "title": "Сайт", "url": "https://kyivcity.gov.ua/"}
        for details in (memorial, page):
            await here.obey(KeepContent(actor="olena", details=details))
        mine = {"id": "memory", "title": "Пам’ять", "screens": ["wall"], "entries": [{"content": "heroes"}]}
        await here.obey(KeepPlaylist(actor="olena", details=mine))
        assert here.controller.lobby.memorials() == {"wall"}
        other = {"id": "days", "title": "Будні", "screens": ["wall"], "entries": [{"content": "site"}]}
        with pytest.raises(Conflict, match="nothing else"):
            await here.obey(KeepPlaylist(actor="olena", details=other))
        mixed = {**mine, "entries": [{"content": "heroes"}, {"content": "site"}]}
        with pytest.raises(Conflict, match="nothing else"):
            await here.obey(KeepPlaylist(actor="olena", details=mixed))


async def test_a_hall_is_on_the_walls_while_it_sits_and_never_in_a_closed_part(place) -> None:
    async with place() as here:
        lobby = here.controller.lobby
        hall = {"id": "hall", "kind": "hall", "title": "Зала", "room": "plenary"}
        await here.obey(KeepContent(actor="olena", details=hall))
        await here.obey(ApproveContent(actor="petro", content="hall", version=1))
        playlist = {"id": "days", "title": "Будні", "screens": ["kiosk"], "entries": [{"content": "hall"}]}
        await here.obey(KeepPlaylist(actor="olena", details=playlist))
        assert lobby.now_and_next("kiosk", now())[1] is None
        session = await here.session()
        assert lobby.now_and_next("kiosk", now())[1].content.room == "plenary"
        await here.obey(SuspendSession(actor="olena", session=session, reason=Reason.CLOSED))
        assert lobby.now_and_next("kiosk", now())[1] is None


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ({"since": "08:00", "until": "20:00"}, "2026-11-28T08:00", "2026-11-28T20:00"),
        ({"days": (0, 1, 2, 3, 4)}, "2026-11-27T23:59", "2026-11-28T00:00"),
        ({"since": "22:00", "until": "06:00", "days": (4,)}, "2026-11-28T05:59", "2026-11-27T05:59"),
        ({"first": "2026-12-01", "last": "2026-12-31"}, "2026-12-31T23:00", "2026-11-30T23:59"),
    ],
)
def test_hours_are_those_of_the_councils_clock(hours: dict[str, Any], inside: str, outside: str) -> None:
    made = Hours.model_validate(hours)
    assert made.hold(at(inside))
    assert not made.hold(at(outside))


def test_every_player_is_at_the_same_place_and_empty_halls_are_left_out() -> None:
    def page(name: str, seconds: float, **more: Any) -> Place:
        details = {"id": name, "title": name, "kind": "page", "url": "https://example.org/", **more}
        return Place(content=Content.model_validate(details), seconds=seconds)

    hall = page("hall", 20, kind="hall", url="", room="plenary")
    usual = Shown(id="a", title="", hours=Hours(), rank=0, places=(page("one", 10), hall, page("two", 30)))
    feast = Shown(id="b", title="", hours=Hours(first="2026-12-31"), rank=5, places=(page("three", 5),))
    zero = datetime(2026, 11, 28, tzinfo=UTC)
    zero -= timedelta(seconds=zero.timestamp() % 60)
    named = [place_at(usual, zero + timedelta(seconds=moment))[0].content.id for moment in (0, 10, 59)]
    assert named == ["one", "hall", "two"]
    here, after = place_at(usual, zero, frozenset({"plenary"}))
    assert {here.content.id, after.content.id} == {"one", "two"}
    assert chosen((usual, feast), zero, KYIV) is usual
    # In Kyiv the year's last day has begun; in UTC it has not.
    assert chosen((usual, feast), datetime(2026, 12, 30, 22, 30, tzinfo=UTC), KYIV) is feast
