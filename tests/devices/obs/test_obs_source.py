"""OBS as a source of a real broadcast: what it sends is seen, and what it does not obey changes nothing."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from obswebsocket import obsws, requests

from avctl.api.health import Figures
from avctl.commands import BookSession, CloseSession, OpenSession, ResumeSession, ShowSpeaker, SuspendSession
from avctl.config import Broadcast, Closed, Config, Device, Rendition, Room
from avctl.events import Event, Reason, now
from avctl.main.compose import controller
from avctl.model.session import Session
from avctl.services.controller import Controller
from streams.ffmpeg import find_ffmpeg
from streams.status import RunnerStatus, read_status

pytestmark = pytest.mark.timeout(150)

PATIENCE = 60.0


class Hall:
    """A controller with one room, in which OBS makes the picture."""

    def __init__(self, one: Controller, heard: Any, session: str) -> None:
        self.controller, self.session, self._heard = one, session, heard
        self.folder: Path = one.broadcasts.folder(session)
        self.seen: list[Event] = []

    @property
    def status(self) -> RunnerStatus:
        """What the runner last said of itself."""
        return read_status(self.folder)

    @property
    def obs(self) -> dict[str, Any]:
        """What OBS reports."""
        return dict(self.controller.house.state("obs").readings)

    def shown(self) -> str:
        """The colour of what viewers got last."""
        lines = (self.folder / "live" / "big" / "index.m3u8").read_text().splitlines()
        return colour(self.folder / "live" / "big" / lines[-1])

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something is true; a running broadcast says something ten times a second."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not _true(fact):
                    self.seen.append(await self._heard.next())
        except TimeoutError:
            raise AssertionError(f"it never came true: {self.obs} {self.status!r}") from None

    async def obs_says(self, **wanted: Any) -> None:
        """Wait for readings of OBS."""
        await self.until(lambda: all(self.obs.get(name) == wanted[name] for name in wanted))

    async def obey(self, command: Any) -> Any:
        """Do what a person would."""
        return await self.controller.desk.obey(command)


def _true(fact: Callable[[], bool]) -> bool:
    with suppress(OSError, ValueError, KeyError):
        return fact()
    return False


@asynccontextmanager
async def hall(obs: Any, data: Path) -> AsyncIterator[Hall]:
    options = {
        "password": obs.password,
        "scenes": {"hall": "Hall", "break": "Break", "closed": "Closed"},
        "lower_third": obs.name_text,
    }
    config = Config(
        rooms=(Room(id="plenary", title="Сесійна зала"),),
        devices=(
            Device(id="feed", room="plenary", driver="streams.feed", options={"url": f"{obs.target}/hall"}),
            Device(id="obs", room="plenary", driver="streams.obs", port=obs.port, options=options),
        ),
        broadcast=Broadcast(
            preset="ultrafast",
            closed=Closed(withdraw_seconds=0),
            segment_seconds=1,
            return_seconds=0.5,
            renditions=(Rendition(name="big", width=320, height=180, video_kbps=300),),
        ),
    )
    begins = now()
    details = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "starts_at": begins.isoformat(),
        "ends_at": (begins + timedelta(hours=1)).isoformat(),
        "policy": "live",
    }
    async with controller(config, data) as one:
        with one.bus.subscribe() as heard:
            booked = await one.desk.obey(BookSession(actor="olena", details=details))
            assert isinstance(booked, Session)
            here = Hall(one, heard, booked.id)
            await here.until(lambda: one.house.state("obs").online)
            yield here
            await here.obey(CloseSession(actor="olena", session=booked.id))


@asynccontextmanager
async def somebody(obs: Any) -> AsyncIterator[Callable[[Any], Any]]:
    """A person who presses buttons in OBS itself."""
    client = obsws("127.0.0.1", obs.port, obs.password, legacy=False)
    await asyncio.to_thread(client.connect)
    try:
        yield lambda request: asyncio.to_thread(client.call, request)
    finally:
        await asyncio.to_thread(client.disconnect)


def colour(picture: Path) -> str:
    """Which of red, green and blue a picture is most of."""
    command = [find_ffmpeg(), "-v", "error", "-i", str(picture), "-vf", "scale=1:1", "-pix_fmt", "rgb24"]
    raw = subprocess.run([*command, "-f", "rawvideo", "pipe:1"], capture_output=True, check=True).stdout
    means = list(np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3)[-1])
    return ("red", "green", "blue")[means.index(max(means))] if max(means) > min(means) + 60 else "none"


async def test_obs_is_a_source_told_of_slates_and_names_and_never_believed(obs: Any, tmp_path: Path) -> None:
    async with hall(obs, tmp_path / "data") as here, somebody(obs) as press:
        about = {"actor": "olena", "session": here.session}
        await here.obey(OpenSession(**about))
        await here.obs_says(live=True, sending=True)
        await here.until(lambda: here.status.showing == "source:feed" and here.shown() == "green")
        figures = {one.name: one for one in Figures(here.controller).collect()}
        assert [one.labels for one in figures["avctl_sender_live"].samples] == [{"device": "obs"}]
        assert figures["avctl_sender_live"].samples[0].value == 1

        await here.obey(ShowSpeaker(name="Олена Марчук", role="Фракція", **about))
        await here.obs_says(lower_third="Олена Марчук")
        await here.obey(SuspendSession(reason=Reason.BREAK, **about))
        await here.obs_says(showing="slate:break")
        await here.until(lambda: here.status.showing == "slate:break")
        # Somebody shows the hall in OBS: it is seen, it is not undone, and viewers keep the slate.
        await press(requests.SetCurrentProgramScene(sceneName="Hall"))
        await here.obs_says(showing="source:obs", live=True)
        assert here.status.showing == "slate:break"
        await here.obey(ResumeSession(**about))
        await here.until(lambda: here.status.showing == "source:feed")

        await here.obey(SuspendSession(reason=Reason.CLOSED, **about))
        await here.obs_says(showing="slate:closed")
        await here.until(lambda: here.status.showing == "slate:closed")
        await press(requests.SetCurrentProgramScene(sceneName="Hall"))
        await here.obs_says(showing="source:obs", live=True)
        segments = here.status.outputs.hls.segments
        await here.until(lambda: here.status.outputs.hls.segments > segments + 2)
        assert here.status.sources["feed"].present
        assert here.status.closed
        assert here.status.showing == "slate:closed"
        assert here.shown() != "green"
        await here.obey(ResumeSession(confirmed=True, **about))
        await here.until(lambda: here.status.showing == "source:feed" and here.shown() == "green")

        # It dies: a slate, then the hall again once it is back.
        obs.kill()
        await here.until(lambda: here.status.showing == "slate:technical")
        await here.until(lambda: not here.controller.house.state("obs").online)
        await asyncio.to_thread(obs.start)
        await here.until(lambda: here.controller.house.state("obs").online)
        await here.obs_says(live=True)
        await here.until(lambda: here.status.showing == "source:feed")
