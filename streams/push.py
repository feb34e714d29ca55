"""The programme to other platforms: each gets the finished segments, paced, through an ffmpeg of its own.

A platform that refuses, hangs or goes away is tried again with pauses, and nobody else notices: not the other
platforms, not the encoder, not the lists.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
from collections import deque
from contextlib import suppress
from datetime import datetime

import ffmpeg

from avctl.back_off import BackOff
from avctl.errors import LinkError
from streams.child import Child
from streams.ffmpeg import QUIET
from streams.masks import masked, secrets_of
from streams.plan import PushPlan

log = logging.getLogger(__name__)

WAITING = 5  # segments a platform may be behind; then it is cut, not waited for
LIVE_AFTER = 2  # times that more has gone out, half a second apart, before it counts as live
TOLD_SECONDS = 0.5
CUT_SECONDS = 0.2
_GONE_OUT = re.compile(rb"^total_size=(\d+)$", re.MULTILINE)


class Push:
    """One platform. ``put`` and ``forget`` may be called from any thread."""

    def __init__(self, program: str, plan: PushPlan, spare: int) -> None:
        self.plan = plan
        self.live = False
        self.since = datetime.now().astimezone()
        self.bytes = 0
        self.restarts = 0
        self.reason = "nothing to send yet"
        self._program = program
        self._waiting: deque[bytes] = deque(maxlen=spare)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._more = asyncio.Event()
        self._child: Child | None = None
        self._cut = False

    def put(self, data: bytes) -> None:
        """A segment for it. One that is far behind loses the oldest, and its connection."""
        with self._lock:
            if len(self._waiting) == self._waiting.maxlen and self._child is not None:
                self._cut = True
                self.reason = "the platform does not take what it is sent"
                self._child.kill()
                self._waiting.clear()
            self._waiting.append(data)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._more.set)

    def forget(self) -> None:
        """Lose what waits and what is under way: nothing that was given before comes out from here on."""
        with self._lock:
            self._waiting.clear()
            self._cut = True
            if self._child is not None:
                self._child.kill()

    async def run(self) -> None:
        """Send whenever there is something, until cancelled."""
        self._loop = asyncio.get_running_loop()
        back_off = BackOff(1, 10)
        while True:
            await self._more.wait()
            before = self.bytes
            await self._send()
            self._see(False)
            self.restarts += 1
            if self.bytes > before + (1 << 20):
                back_off = BackOff(1, 10)
            await asyncio.sleep(CUT_SECONDS if self._cut else back_off.pause())

    async def _send(self) -> None:
        url = self.plan.url
        hear, tell = os.pipe()
        child = Child(
            f"push {self.plan.id}",
            push_command(self._program, url, tell),
            pass_fds=(tell,),
            wants_input=True,
            secrets=secrets_of(url),
        )
        try:
            async with child:
                with self._lock:
                    self._child, self._cut = child, False
                works = [
                    asyncio.create_task(work, name=f"push {self.plan.id}")
                    for work in (self._feed(child), self._listen(hear))
                ]
                try:
                    await child.ended()
                finally:
                    for work in works:
                        work.cancel()
                    await asyncio.gather(*works, return_exceptions=True)
                    with self._lock:
                        self._child = None
        finally:
            os.close(hear)
            os.close(tell)
        if not self._cut:
            self.reason = said(child, url)
            log.warning("%s: %s", self.plan.id, self.reason)

    async def _feed(self, child: Child) -> None:
        while True:
            with self._lock:
                data = self._waiting.popleft() if self._waiting else None
            if data is None:
                self._more.clear()
                if not self._waiting:
                    await self._more.wait()
                continue
            with suppress(ConnectionError):
                child.input.write(data)
                await child.input.drain()
                self.bytes += len(data)

    async def _listen(self, hear: int) -> None:
        """What ffmpeg tells of what left it; what it was given says nothing: it reads before it connects."""
        out = grown = 0
        while grown < LIVE_AFTER:
            await asyncio.sleep(TOLD_SECONDS)
            for found in _GONE_OUT.finditer(_read(hear)):
                if (size := int(found[1])) > out:
                    out, grown = size, grown + 1
        self._see(True)
        while True:
            await asyncio.sleep(TOLD_SECONDS)
            _read(hear)  # a full pipe would hold the platform up

    def _see(self, live: bool) -> None:
        if live is not self.live:
            self.live = live
            self.since = datetime.now().astimezone()
            if live:
                self.reason = ""


def said(child: Child, url: str) -> str:
    """The last thing it complained of, without the key."""
    return child.said or f"{masked(url)} ended the connection"


def _read(hear: int) -> bytes:
    """What has been told since; nothing when there is none."""
    os.set_blocking(hear, False)
    with suppress(BlockingIOError):
        return os.read(hear, 65536)
    return b""


def push_command(program: str, url: str, tell: int) -> list[str]:
    """Copy a transport stream from standard input to a platform, at its own pace; ``tell`` hears of it."""
    form = "mpegts" if url.startswith("srt:") else "flv"
    more = {} if form == "mpegts" else {"flvflags": "no_duration_filesize"}
    graph = ffmpeg.input("pipe:0", format="mpegts", re=None, fflags="+genpts").output(
        url, format=form, c="copy", **more
    )
    told = ("-progress", f"pipe:{tell}", "-stats_period", str(TOLD_SECONDS))
    command: list[str] = ffmpeg.compile(graph.global_args(*QUIET, *told, "-loglevel", "warning"), cmd=program)
    return command


async def trial(program: str, plan: PushPlan, seconds: float) -> None:
    """Whether a platform takes our connection and our key, with a moment of black; LinkError says why not."""
    url = plan.url
    child = Child(f"push {plan.id}", trial_command(program, url), secrets=secrets_of(url))
    try:
        async with child, asyncio.timeout(seconds):
            code = await child.ended()
    except TimeoutError:
        raise LinkError(f"{masked(url)} does not answer within {seconds:g} s") from None
    if code:
        raise LinkError(said(child, url))


def trial_command(program: str, url: str) -> list[str]:
    """A few black pictures with silence: enough for a platform to say what it thinks of the key."""
    form = "mpegts" if url.startswith("srt:") else "flv"
    black = ffmpeg.input("color=color=black:size=320x180:rate=25", format="lavfi", t=0.2)
    silence = ffmpeg.input("anullsrc=r=48000:cl=stereo", format="lavfi", t=0.2)
    coded = {"c:v": "libx264", "preset": "ultrafast", "pix_fmt": "yuv420p", "c:a": "aac"}
    graph = ffmpeg.output(black, silence, url, format=form, **coded)
    command: list[str] = ffmpeg.compile(graph.global_args(*QUIET, "-loglevel", "warning"), cmd=program)
    return command
