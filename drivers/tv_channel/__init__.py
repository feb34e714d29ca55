"""TV channels fed to the building: transport streams in UDP or RTP, to one or to a group, and HLS.

``host`` and ``port`` are the group, or the address of ours that it is sent to; of HLS, the server. The stream
is measured by our own parser after ETSI TR 101 290 (ffmpeg was seen to say nothing of a missing PAT or a
broken PMT); picture and sound are ffmpeg's. Sources: ISO 13818-1, EN 300 468, RFC 2250, RFC 8216.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import cache
from typing import Any

from avctl.capabilities import Channel
from avctl.driver import Driver, together
from avctl.events import Link
from avctl.http import http
from avctl.incoming import incoming
from drivers.tv_channel.intake import Hls, Piece
from drivers.tv_channel.measured import UNSEEN, Measured
from drivers.tv_channel.options import Options
from drivers.tv_channel.pictures import Pictures
from drivers.tv_channel.rtp import Rtp
from drivers.tv_channel.tables import Programme

JOIN_AGAIN_SECONDS = 30.0  # a switch that forgot us is told again (IGMP without a querier: after 260 s)
RUN_AGAIN_SECONDS = 5.0  # between two runs of ffmpeg


class TvChannel(Driver, Channel):
    """A channel; also reports its name, its streams, and what was lost on which way."""

    title = "TV channel"
    port = 5004
    told_apart_by = "programme"
    Options = Options

    _pictures: Pictures | None = None

    async def serve(self) -> None:
        """Watch the channel; one that sends nothing is waited for."""
        self._measured = Measured(self.options)
        self._look = asyncio.Event()  # the programme is known, or is another
        parts = [self._receive(), self._tell()]
        try:
            await together(*parts, *([self._watch()] if self.options.pictures else []))
        finally:
            self.report(present=False, bitrate=0, fault="", **UNSEEN)

    def picture(self) -> tuple[bytes, datetime] | None:
        pictures = self._pictures
        return pictures.picture if pictures is not None and self.link is Link.ONLINE else None

    # --- the stream ---------------------------------------------------------------------------------

    async def _receive(self) -> None:
        if self.options.form == "hls":
            await self._fetch()
            return
        while True:
            async with incoming(
                self.device.host,
                int(self.device.port or self.port),
                self.log,
                self.options.interface,
                self.options.source,
            ) as line:
                rtp = Rtp() if self.options.form == "rtp" else None
                joined = time.monotonic()
                while time.monotonic() - max(joined, self._measured.heard_at) < JOIN_AGAIN_SECONDS:
                    read = await line.read()
                    if read.dropped:
                        self._measured.dropped(read.dropped)
                    found = read.datagrams if rtp is None else [*filter(None, map(rtp.feed, read.datagrams))]
                    if rtp is not None:
                        self._measured.network_lost = rtp.lost
                    self._take(b"".join(found), time.monotonic())

    async def _fetch(self) -> None:
        tls = trusted() if self.options.tls else None
        port = int(self.device.port or (443 if self.options.tls else 80))
        async with http(self.device.host, port, self.log, tls, others=trusted()) as server:
            async for piece in Hls(server, self.options, self._measured).segments():
                self._take_piece(piece)

    def _take_piece(self, piece: Piece) -> None:
        """Measure a segment, and let ffmpeg have what can be read."""
        measured = self._measured
        measured.sealed = piece.sealed
        if piece.begin:
            programme = measured.stream.programme
            measured.take_fragment(piece.begin, piece.data)
            self._compare(programme)
            if self._pictures is not None and not measured.encrypted:
                self._pictures.feed(piece.data)
        else:
            self._take(piece.data, piece.at)
        self._there()

    def _take(self, data: bytes, at: float) -> None:
        """Measure what has come, and let ffmpeg have it."""
        if not data:
            self._measured.transport.feed(b"", at)
            return
        programme = self._measured.stream.programme
        self._measured.take(data, at)
        self._compare(programme)
        if self._pictures is not None and not self._measured.encrypted:
            self._pictures.feed(data)
        self._there()

    def _compare(self, before: Programme | None) -> None:
        if self._measured.stream.programme is not before:
            self._look.set()

    def _there(self) -> None:
        if not self.readings.get("present") and (self._measured.stream.synced or self._measured.sealed):
            self.report(**{**self._seen(time.monotonic()), "present": True})
            self.online()

    # --- picture and sound --------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Keep one ffmpeg for the programme as it is; another for one that has other parts."""
        while True:
            self._look.clear()
            programme = self._measured.stream.programme
            video = programme is not None and bool(programme.of("video"))
            sound = programme is not None and bool(programme.of("sound"))
            if programme is None or not (video or sound):
                await self._look.wait()
                continue
            async with self._looking(video=video, sound=sound) as pictures:
                await _first(self._look.wait(), pictures.ended.wait())
            self.report(**UNSEEN)
            await asyncio.sleep(RUN_AGAIN_SECONDS if pictures.ended.is_set() else 0)

    @asynccontextmanager
    async def _looking(self, *, video: bool, sound: bool) -> AsyncIterator[Pictures]:
        options = self.options
        fragments = self._measured.fragments
        pictures = Pictures(self.log)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                pictures.looking(
                    self.device.id,
                    video=video,
                    sound=sound,
                    form="mpegts" if fragments is None else "mov",
                    number=options.programme if fragments is None else 0,
                    black_seconds=options.black_seconds,
                    freeze_seconds=options.freeze_seconds,
                    silence_seconds=options.silence_seconds,
                    every_picture=options.every_picture,
                )
            )
            if fragments is not None:
                pictures.feed(fragments.begin)
            self._pictures = pictures
            stack.callback(self._forget)
            yield pictures

    def _forget(self) -> None:
        self._pictures = None

    # --- what is told -------------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(self.options.poll)
            now = time.monotonic()
            silent_for = now - self._measured.heard_at
            if self.options.form != "hls" and silent_for > self.options.gone_seconds:
                self._gone()
                continue
            self.report(**self._seen(now))
            if self.link is Link.CONNECTING and (nonsense := self._measured.nonsense):
                self.set_link(Link.OFFLINE, nonsense)

    def _seen(self, now: float) -> dict[str, Any]:
        """All that is known of it."""
        seen: dict[str, Any] = dict(UNSEEN)
        if (pictures := self._pictures) is not None:
            seen = {
                "black": pictures.black,
                "frozen": pictures.frozen,
                "silent": pictures.silent,
                "loudness": pictures.loudness,
            }
        return self._measured.look(now, seen, self.readings)

    def _gone(self) -> None:
        """Nothing comes: what was seen is of before."""
        if self.link is Link.OFFLINE:
            return
        self._measured.begin()
        self._look.set()
        self.report(present=False, bitrate=0, pat=False, pmt=False, scrambled=False, fault="", **UNSEEN)
        self.set_link(Link.OFFLINE, f"no signal: nothing comes for {self.options.gone_seconds:g} s")


@cache
def trusted() -> ssl.SSLContext:
    """Whom the machine trusts: read once, for it takes a while."""
    return ssl.create_default_context()


async def _first(*waits: Any) -> None:
    """Wait for whichever comes first."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


DRIVER = TvChannel
