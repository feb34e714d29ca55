"""Fetches a channel that comes as HLS, segment by segment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from avctl.errors import LinkError, ProtocolError
from avctl.http import Answer, Http
from drivers.tv_channel.hls import Playlist, Segment, playlist_of, variant_of, wrong_with
from drivers.tv_channel.measured import Measured
from drivers.tv_channel.options import Options

SLOW_SECONDS = 1.0  # a small segment may take as long as any request
SLACK_SECONDS = 0.5  # by which a segment's length and its clock may differ
FROM_THE_END = 3  # segments: where a player begins, too


class Hls:
    """One web stream that is followed."""

    def __init__(self, server: Http, options: Options, measured: Measured) -> None:
        self._server, self._options, self._measured = server, options, measured
        self._path = options.path
        self._playlist: Playlist | None = None
        self._next: int | None = None
        self._moved_at = time.monotonic()
        self._media = 0.0
        self._late = ""

    async def segments(self) -> AsyncIterator[tuple[bytes, float]]:
        """The bytes of each new segment, and the length of all before it."""
        while True:
            new = await self._look()
            for segment in new:
                if data := await self._fetched(segment):
                    yield data, self._media
                self._next = segment.number + 1
            target = self._playlist.target if self._playlist else 1
            pause = target if new else target / 2
            await asyncio.sleep(self._options.playlist_seconds or pause)

    async def _fetched(self, segment: Segment) -> bytes:
        """A segment's bytes; nothing for one that is not there, which is a fault and no end."""
        began = time.monotonic()
        answer = await self._ask(segment.path, "segment")
        slow = time.monotonic() - began > max(segment.seconds, SLOW_SECONDS)
        if segment.begins_anew or segment.number != (self._next or segment.number):
            self._measured.transport.lost()
        self._measured.transport.lists_within(segment.seconds + SLACK_SECONDS)
        if not answer.ok or not answer.data:
            self._late = "a segment of the web stream is missing or empty"
            self._measured.transport.lost()
            return b""
        self._late = "segments of the web stream come slower than they play" if slow else ""
        self._media += segment.seconds
        if segment.seconds > 0:
            self._measured.media_rate = round(8 * len(answer.data) / segment.seconds)
        return answer.data

    async def _look(self) -> list[Segment]:
        """The segments that are new since the last look."""
        text = (await self._get(self._path, "playlist")).decode(errors="replace")
        if (variant := variant_of(text, self._path)) is not None:
            if variant == self._path:
                raise ProtocolError("its playlist names itself")
            self._path = variant
            text = (await self._get(variant, "playlist")).decode(errors="replace")
        playlist, before, now = playlist_of(text, self._path), self._playlist, time.monotonic()
        if before is None or playlist.last != before.last:
            self._moved_at = now
        self._measured.web_fault = wrong_with(playlist, before, now - self._moved_at) or self._late
        if before is not None and playlist.last < before.last:
            self._next = None
        self._playlist = playlist
        begin = playlist.last - FROM_THE_END + 1 if self._next is None else self._next
        return [segment for segment in playlist.segments if segment.number >= begin]

    async def _get(self, path: str, what: str) -> bytes:
        answer = await self._ask(path, what)
        if not answer.ok:
            raise LinkError(f"the server answers HTTP {answer.status} for its {what}")
        return answer.data

    async def _ask(self, path: str, what: str) -> Answer:
        return await self._server.ask(
            "GET", path, self._options.answer_seconds, secret=True, named=f"its {what}"
        )
