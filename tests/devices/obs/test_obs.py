"""OBS, the real program under Xvfb: driven, disturbed, killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from obswebsocket import obsws, requests

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import Rejected
from avctl.events import Event, Link, LinkChanged
from streams.ffmpeg import find_ffmpeg
from streams.obs import Obs

pytestmark = pytest.mark.timeout(90)

SCENES = {"hall": "Hall", "break": "Break", "closed": "Closed", "technical": "Gone"}


@dataclass
class Driven:
    """A supervised driver and what it said."""

    driver: Obs
    events: list[Event] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def links(self) -> list[Link]:
        return [event.link for event in self.events if isinstance(event, LinkChanged)]

    async def until(self, fact: Callable[[], bool], seconds: float = 30) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not fact():
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            raise AssertionError(f"it never came true: {self.links()} {self.driver.readings}") from None

    async def reads(self, **wanted: Any) -> None:
        await self.until(lambda: all(self.driver.readings.get(name) == wanted[name] for name in wanted))


@asynccontextmanager
async def driven(port: int, password: str = "", text: str = "Speaker") -> AsyncIterator[Driven]:
    options = {"password": password, "scenes": SCENES, "lower_third": text}
    device = Device(id="obs", room="hall", driver="streams.obs", port=port, options=options)

    def publish(event: Event) -> None:
        here.events.append(event)
        here.more.set()

    here = Driven(Obs(device, publish))
    task = asyncio.create_task(supervise(here.driver, asyncio.Event(), first_pause=0.2, longest=1))
    try:
        yield here
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_scenes_and_names_are_what_obs_says_they_are(obs: Any) -> None:
    async with driven(obs.port, obs.password, obs.name_text) as here:
        await here.until(lambda: here.driver.link is Link.ONLINE)
        assert set(here.driver.readings["scenes"]) == {"Hall", "Break", "Closed"}
        assert here.driver.readings["version"].startswith("2") or here.driver.readings["version"] >= "3"
        await here.driver.show("slate:break")
        await here.reads(showing="slate:break", scene="Break", programme="break")
        await here.driver.show("slate:closed")
        await here.reads(showing="slate:closed")
        await here.driver.show("source:obs")
        await here.reads(showing="source:obs")
        with pytest.raises(Rejected, match="no scene for slate:technical"):
            await here.driver.show("slate:technical")
        await here.driver.show_lower_third("Олена Марчук", "Фракція «Ґанок»")
        await here.reads(lower_third="Олена Марчук")
        await here.driver.show_lower_third("")
        await here.reads(lower_third="")

        # Somebody presses a button in OBS itself.
        other = obsws("127.0.0.1", obs.port, obs.password, legacy=False)
        await asyncio.to_thread(other.connect)
        await asyncio.to_thread(other.call, requests.SetCurrentProgramScene(sceneName="Break"))
        await here.reads(showing="slate:break")
        await asyncio.to_thread(other.disconnect)
        await here.driver.show("source:obs")
        await here.reads(showing="source:obs")


async def test_recording_is_started_once_and_grows(obs: Any) -> None:
    async with driven(obs.port, obs.password, obs.name_text) as here:
        await here.until(lambda: here.driver.link is Link.ONLINE)
        await asyncio.gather(here.driver.start_recording(), here.driver.start_recording())
        await here.reads(recording=True, phase="live")
        await here.until(lambda: here.driver.readings["recorded"] > 0)
        await here.driver.end()
        await here.reads(recording=False, phase="ended")
        await here.driver.end()


async def test_a_stream_that_only_connects_again_is_not_live(
    obs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.obs.STALLED_SECONDS", 2)
    async with driven(obs.port, obs.password, obs.name_text) as here:
        await here.until(lambda: here.driver.link is Link.ONLINE)
        async with listening(f"{obs.target}/hall"):
            # While OBS connects it says that nothing is active.
            await asyncio.gather(here.driver.go_live(), here.driver.go_live())
            await here.reads(live=True, sending=True, reconnecting=False)
        await here.reads(live=False, sending=False, reconnecting=True)
        async with listening(f"{obs.target}/hall"):
            await here.reads(live=True, sending=True, reconnecting=False)
            await here.driver.end()
            await here.reads(live=False, sending=None, phase="ended")


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[None]:
    """Somebody to whom OBS can stream."""
    process = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "quiet", "-listen", "1", "-i", url, "-c", "copy", "-f", "null", "-"),
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.to_thread(_listens, int(url.split(":")[2].split("/")[0]))
        yield
    finally:
        with suppress(ProcessLookupError):  # it ends with the stream
            process.kill()
        await process.wait()


def _listens(port: int) -> None:
    """Wait until a port is listened at, without connecting: it takes one connection only."""
    wanted = f":{port:04X} 00000000:0000 0A"
    while wanted not in Path("/proc/net/tcp").read_text():
        time.sleep(0.05)


async def test_a_wrong_password_is_tried_once_and_never_said(obs: Any) -> None:
    async with driven(obs.port, "not-the-password") as here:
        await here.until(lambda: here.driver.link is Link.REFUSED)
        assert here.links() == [Link.REFUSED]
        assert "not-the-password" not in repr(here.events)


async def test_a_hanging_or_dead_obs_is_offline_and_found_again(obs: Any) -> None:
    async with driven(obs.port, obs.password, obs.name_text) as here:
        await here.until(lambda: here.driver.link is Link.ONLINE)
        obs.pause(True)
        await here.until(lambda: here.driver.link is Link.OFFLINE)
        obs.pause(False)
        await here.until(lambda: here.driver.link is Link.ONLINE)
        obs.kill()
        await here.until(lambda: here.driver.link is Link.OFFLINE)
        await asyncio.to_thread(obs.start)
        await here.until(lambda: here.driver.link is Link.ONLINE)
        await here.reads(showing="source:obs")


async def test_what_is_not_obs_is_said_so(free_port: Callable[[], int]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()

    port = free_port()
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server, driven(port) as here:
        await here.until(lambda: here.driver.link is Link.OFFLINE)
        offline = next(event for event in here.events if isinstance(event, LinkChanged))
        assert "no obs-websocket" in offline.reason
