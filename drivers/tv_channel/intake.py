"""Fetches a channel that comes as HLS, segment by segment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from avctl.errors import LinkError, NoAnswer, ProtocolError
from avctl.events import now
from avctl.http import Fetched, Http
from drivers.tv_channel.hls import (
    Key,
    Place,
    Playlist,
    Segment,
    playlist_of,
    sound_apart,
    stopped,
    variant_of,
    wrong_with,
)
from drivers.tv_channel.measured import Measured
from drivers.tv_channel.options import Options

SLOW_SECONDS = 1.0  # a small segment may take as long as any request
SLACK_SECONDS = 0.5  # by which a segment's length and its clock may differ
FROM_THE_END = 3  # segments: where a player begins, too
SLEEP_SECONDS = 30.0  # at the longest, whatever a playlist promises
LIST, SEGMENT, KEY = 2**21, 2**26, 2**12  # bytes, at the most
KEY_SIZE = 16
PARTIAL = 206
REFUSED = (401, 403)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A segment as it is to be measured: decrypted, unless it is ``sealed``."""

    data: bytes
    at: float  # the length of all before it
    begin: bytes = b""  # what stands before it (fragmented MP4)
    sealed: bool = False


class Sealed(Exception):
    """It is encrypted, and not for us."""


class Hls:
    """One web stream that is followed."""

    def __init__(self, server: Http, options: Options, measured: Measured) -> None:
        self._server, self._options, self._measured = server, options, measured
        self._rendition = ""  # of a master playlist; its address may be good for a while only
        self._playlist: Playlist | None = None
        self._next: int | None = None
        self._moved_at = time.monotonic()
        self._media = 0.0
        self._late = ""
        self._begins: dict[tuple[Place, Key | None], bytes] = {}
        self._keys: dict[str, bytes] = {}

    async def segments(self) -> AsyncIterator[Piece]:
        """Each new segment."""
        while True:
            new = await self._look()
            for segment in new:
                if (piece := await self._piece(segment)) is not None:
                    yield piece
                self._next = segment.number + 1
            target = self._playlist.target if self._playlist else 1
            pause = min(target if new else target / 2, SLEEP_SECONDS)
            await asyncio.sleep(self._options.playlist_seconds or pause)

    # --- a segment ----------------------------------------------------------------------------------

    async def _piece(self, segment: Segment) -> Piece | None:
        """A segment; nothing for one that is not there, which is a fault and no end."""
        if segment.begins_anew or segment.number != (self._next or segment.number):
            self._measured.transport.lost()
        self._measured.transport.lists_within(segment.seconds + SLACK_SECONDS)
        began, at = time.monotonic(), self._media
        self._media += segment.seconds
        try:
            data = await self._bytes(segment.place, SEGMENT, segment.gap)
            begin = await self._beginning(segment)
            sealed = segment.key is not None and not segment.key.path
            if segment.key is not None and not sealed:
                data = _opened(data, await self._key(segment.key), _vector(segment.key, segment.number))
        except Sealed:
            return Piece(data=b"", at=at, sealed=True)
        except (LinkError, NoAnswer) as fault:  # the list says whether the server is gone
            self._late = str(fault) if isinstance(fault, Absent) else Absent.MISSING
            self._measured.transport.lost()
            return None
        slow = time.monotonic() - began > max(segment.seconds, SLOW_SECONDS)
        self._late = "segments of the web stream come slower than they play" if slow else ""
        if segment.seconds > 0:
            self._measured.media_rate = round(8 * len(data) / segment.seconds)
        if begin[:1] == b"\x47":  # of a transport stream that is its lists
            data, begin = begin + data, b""
        return Piece(data=data, at=at, begin=begin, sealed=sealed)

    async def _beginning(self, segment: Segment) -> bytes:
        if segment.begin is None:
            return b""
        wanted = segment.begin, segment.begin_key
        if wanted not in self._begins:
            data = await self._bytes(segment.begin, SEGMENT)
            if (key := segment.begin_key) is not None:
                if not key.path:
                    raise Sealed
                data = _opened(data, await self._key(key), _vector(key, segment.number))
            self._begins = {wanted: data}  # the last one is what is used
        return self._begins[wanted]

    async def _key(self, key: Key) -> bytes:
        if key.path not in self._keys:
            answer = await self._get(key.path, KEY, "its key")
            if not answer.ok or len(answer.data) != KEY_SIZE:
                raise Sealed
            self._keys = {**dict(list(self._keys.items())[-3:]), key.path: answer.data}
        return self._keys[key.path]

    async def _bytes(self, place: Place, most: int, gap: bool = False) -> bytes:
        """What is there; a server that gives all of a file has it cut here."""
        if gap:
            raise Absent(Absent.MISSING)
        headers = {}
        if place.size is not None:
            headers["Range"] = f"bytes={place.first}-{place.first + place.size - 1}"
        answer = await self._get(place.path, most, "its segment", headers)
        if answer.status in REFUSED:
            self._rendition = ""  # what the address holds is over: the master playlist has a new one
            raise Absent(Absent.REFUSED)
        data = answer.data
        if place.size is not None:
            if answer.status != PARTIAL:
                data = data[place.first : place.first + place.size]
            if len(data) != place.size:
                raise Absent(Absent.MISSING)
        if not answer.ok or not data:
            raise Absent(Absent.MISSING)
        return data

    # --- the lists ----------------------------------------------------------------------------------

    async def _look(self) -> list[Segment]:
        """The segments that are new since the last look."""
        text, place = await self._list()
        playlist, before, seen = playlist_of(text, place), self._playlist, time.monotonic()
        if before is None or playlist.last != before.last:
            self._moved_at = seen
        self._measured.web_fault = wrong_with(playlist, before, seen - self._moved_at, now()) or self._late
        if before is not None and playlist.last < before.last:
            self._next = None
            self._measured.transport.lost()
        self._playlist = playlist
        begin = playlist.last - FROM_THE_END + 1 if self._next is None else self._next
        new = [segment for segment in playlist.segments if segment.number >= begin]
        self._measured.stopped = not new and bool(stopped(playlist, seen - self._moved_at))
        return new

    async def _list(self) -> tuple[str, str]:
        """The media playlist as it is now, and its address; a rendition that is no more is chosen anew."""
        if self._rendition:
            answer = await self._get(self._rendition, LIST, "its playlist")
            if answer.ok:
                return answer.data.decode(errors="replace"), answer.url
            self._rendition = ""
        for address in (self._options.path, ""):
            answer = await self._get(address or self._rendition, LIST, "its playlist")
            if not answer.ok:
                raise LinkError(f"the server answers HTTP {answer.status} for its playlist")
            text = answer.data.decode(errors="replace")
            variant = variant_of(text, answer.url)
            if variant is None:
                return text, answer.url
            self._rendition = variant
            self._measured.sound_apart = sound_apart(text)
        self._rendition = ""
        raise ProtocolError("its playlist names one that has no segments either")

    async def _get(
        self, address: str, most: int, named: str, headers: dict[str, str] | None = None
    ) -> Fetched:
        if self._options.tls and address.startswith("http:"):
            raise ProtocolError(f"{named} is not in TLS")
        return await self._server.fetch(address, self._options.answer_seconds, most, named, headers)


class Absent(LinkError):
    """A segment that is listed cannot be had."""

    MISSING = "a segment of the web stream is missing or empty"
    REFUSED = "segments of the web stream are refused: their address may be over"


def _vector(key: Key, number: int) -> bytes:
    return key.vector or number.to_bytes(16)


def _opened(data: bytes, key: bytes, vector: bytes) -> bytes:
    """Decrypt a whole segment; Sealed when this is not its key."""
    cipher, padding = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor(), PKCS7(128).unpadder()
    try:
        plain = cipher.update(data) + cipher.finalize()
        return padding.update(plain) + padding.finalize()
    except ValueError:
        raise Sealed from None
