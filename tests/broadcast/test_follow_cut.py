"""The whole program with two cameras and their feeds: a microphone brings the other camera to viewers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from avctl.commands import BookSession, CutTo, GoDark, OpenSession
from avctl.config import Broadcast, Config, Device, Follow, Rendition, Room, Shot
from avctl.events import BroadcastWentLive, Event, SourceCut
from avctl.main.compose import controller as compose
from drivers.sim.control import build
from streams.ffmpeg import find_ffmpeg

pytestmark = pytest.mark.timeout(120)

DEADLINE = 60.0
COLOURS = {"feed-1": ("0x00C800", (0, 200, 0)), "feed-2": ("0x0000C8", (0, 0, 200))}


def film(folder: Path, feed: str) -> str:
    """A film of one colour, to be played for ever."""
    path = folder / f"{feed}.mp4"
    picture, sound = f"color=c={COLOURS[feed][0]}:s=320x180:r=25:d=2", "sine=440:r=48000:d=2"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound)
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    subprocess.run([find_ffmpeg(), "-v", "error", *inputs, *codecs, str(path)], check=True)
    return path.as_uri()


async def test_a_microphone_cuts_what_viewers_see_to_the_camera_that_has_arrived(
    tmp_path: Path, free_port: Callable[[], int], look: Callable[[Path], Any]
) -> None:
    shots = tuple(Shot(camera=f"camera-{one}", preset=2, first=1, last=20) for one in (1, 2))
    real = (
        Device(id="floor", room="plenary", driver="bosch_dicentis", port=free_port()),
        *(
            Device(id=f"camera-{one}", room="plenary", driver="visca", port=free_port(), feeds=f"feed-{one}")
            for one in (1, 2)
        ),
    )
    feeds = tuple(
        Device(
            id=feed,
            room="plenary",
            driver="streams.feed",
            options={"url": film(tmp_path, feed), "loop": True},
        )
        for feed in COLOURS
    )
    config = Config(
        rooms=(Room(id="plenary", title="Сесійна зала", shots=shots),),
        devices=(*real, *feeds),
        follow=Follow(shortest_shot=0, lower_third=False, item_line=False),
        broadcast=Broadcast(
            renditions=(Rendition(name="big", width=320, height=180, video_kbps=400),),
            preset="ultrafast",
            segment_seconds=1,
        ),
    )
    async with AsyncExitStack() as stack:
        simulators = {
            one.device.id: await stack.enter_async_context(one)
            for one in build(config.model_copy(update={"devices": real}))
        }
        one = await stack.enter_async_context(compose(config, tmp_path / "data"))
        heard = stack.enter_context(one.bus.subscribe())

        async def sees(kind: type[Event], **expected: Any) -> None:
            async with asyncio.timeout(DEADLINE):
                while True:
                    event = await heard.next()
                    if isinstance(event, kind) and all(
                        getattr(event, name) == value for name, value in expected.items()
                    ):
                        return

        async def until(fact: Callable[[], bool]) -> None:
            async with asyncio.timeout(DEADLINE):
                while not fact():
                    await heard.next()

        def seen() -> str:
            """The source whose colour the last segment for viewers ends with; empty: neither."""
            folder = one.broadcasts.folder(session.id) / "live" / "big"
            text = (folder / "index.m3u8").read_text() if (folder / "index.m3u8").exists() else ""
            listed = [line for line in text.splitlines() if line and not line.startswith("#")]
            if not listed:
                return ""
            middle = look(folder / listed[-1])[90, 200].astype(int)
            near = [feed for feed, (_, colour) in COLOURS.items() if abs(middle - colour).max() < 40]
            return near[0] if near else ""

        await until(lambda: all(one.house.state(device.id).online for device in real))
        starts_at = datetime.now(UTC)
        details = {
            "title": "Пленарне засідання",
            "room": "plenary",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
            "policy": "live",
        }
        session = await one.desk.obey(BookSession(actor="olena", details=details))
        try:
            await one.desk.obey(OpenSession(actor="olena", session=session.id))
            if not one.broadcasts.get(session.id).on_air:
                await sees(BroadcastWentLive)
            await until(lambda: one.house.state("feed-1").online and seen() == "feed-1")
            simulators["floor"].speak(12)
            await sees(SourceCut, source="feed-2", actor="follow")
            assert one.house.state("camera-2").readings["preset"] == 2
            assert one.house.state("camera-1").readings.get("preset") is None
            await until(lambda: seen() == "feed-2")
            await until(lambda: one.house.state("camera-2").readings.get("tally") is True)
            await one.desk.obey(CutTo(actor="olena", session=session.id, source="feed-1"))
            await until(lambda: seen() == "feed-1")
            assert one.framings.get("plenary").held_by == "olena"
        finally:
            await one.desk.obey(GoDark(actor="olena", session=session.id))
