"""A TV channel that is not on air: a real transport stream by ffmpeg, sent as the device says, or as HLS.

Knobs beyond the acts: ``programme`` with ``name``, ``now``, ``next``, ``letters`` (how they are written) and
what it has ``injected``; ``sent`` (packets so far).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.sim.http import HttpSimulator
from drivers.sim.server import Simulator, act
from drivers.sim.tv_channel import guide
from drivers.sim.tv_channel.loops import (
    NULL,
    PER_DATAGRAM,
    PMT_PID,
    PROGRAMME,
    RATE,
    SECONDS,
    SIZE,
    SOUND_PID,
    VIDEO_PID,
    Going,
    Look,
    material,
)
from drivers.tv_channel import TvChannel
from drivers.tv_channel.options import Options

STEP = 0.02  # seconds between two sendings
GUIDE_EVERY = 480  # packets: half a second
LISTED = 5  # segments in the list
NAMES = ("Новини", "Погода", "Година запитань до уряду", "Київ сьогодні")


class Programme:
    """The stream, packet by packet, with whatever is wrong with it."""

    def __init__(self, name: str, rate: int = RATE) -> None:
        self.name, self.now, self.next, self.letters = name, NAMES[0], NAMES[1], "iso8859-5"
        self.look = self._shown = Look()
        self._making: tuple[Look, asyncio.Task[Any]] | None = None
        self.rate = rate
        self.injected: Counter[str] = Counter()
        self.without: dict[int, int] = {}  # PID -> packets of the stream that still pass without it
        self.scrambled = self.pmt_broken = self.clock_jumps = False
        self.drops: dict[int, int] = {}  # PID -> packets of it that are still to be dropped
        self.damages = self.unsynced = 0
        self._going = Going()
        self._passed = self._guide_at = 0

    async def ready(self) -> None:
        """Have what is to be seen next; what is seen now goes on until it is there."""
        if self.look == self._shown:
            await asyncio.to_thread(material, self._shown, rate=self.rate)
        elif self._making is None or self._making[0] != self.look:
            self._making = (
                self.look,
                asyncio.create_task(asyncio.to_thread(material, self.look, rate=self.rate)),
            )
        elif self._making[1].done():
            self._making[1].result()
            self._shown, self._making = self.look, None

    def loop(self) -> Iterator[bytes]:
        """The packets of the next loop as they are sent."""
        for packet in self._going.on(material(self._shown, rate=self.rate)):
            self._passed += 1
            pid = (packet[1] & 0x1F) << 8 | packet[2]
            if pid == guide.SDT_PID:
                packet = self._named(packet)
            if pid == NULL and self._passed >= self._guide_at:
                self._guide_at = self._passed + GUIDE_EVERY
                yield from self._guide()  # in the place of nothing
            elif (sent := self._faulty(pid, packet)) is not None:
                yield sent

    def _named(self, packet: bytes) -> bytes:
        section = guide.sdt(PROGRAMME, self.name, self.letters, 0)
        (made,) = guide.packets(guide.SDT_PID, section)
        return made[:3] + packet[3:4] + made[4:]

    def _guide(self) -> Iterator[bytes]:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for place, show in enumerate((self.now, self.next)):
            section = guide.eit(PROGRAMME, place, show, self.letters, hour + timedelta(hours=place), 0)
            for packet in guide.packets(guide.EIT_PID, section):
                yield self._going.following(guide.EIT_PID, packet)

    def _faulty(self, pid: int, packet: bytes) -> bytes | None:
        """The packet as it is sent, or nothing for one that is lost."""
        for gone, left in tuple(self.without.items()):
            self.without[gone] = left - 1
            if left <= 1:
                del self.without[gone]
        if pid in self.without:
            return None
        if self.drops.get(pid):
            self.drops[pid] -= 1
            return None
        if pid == PMT_PID and self.pmt_broken:
            self.injected["crc"] += 1
            packet = packet[:20] + bytes((packet[20] ^ 0x10,)) + packet[21:]
        if self.scrambled and pid in (VIDEO_PID, SOUND_PID):
            begin = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
            packet = (
                packet[:3]
                + bytes((packet[3] | 0x80,))
                + packet[4:begin]
                + bytes(byte ^ 0xA5 for byte in packet[begin:])
            )
        if self.damages and pid == VIDEO_PID and not packet[1] & 0x40 and not packet[3] & 0x20:
            self.damages -= 1
            self.injected["transport"] += 1
            packet = packet[:1] + bytes((packet[1] | 0x80,)) + packet[2:]
        if self.unsynced and pid == NULL:
            self.unsynced -= 1
            packet = b"\x48" + packet[1:]
        return packet


class Faults(Simulator):
    """What can be wrong with a channel."""

    programme: Programme

    @act
    def lose_packets(self, packets: int = 1, part: str = "video") -> None:
        """Lose packets of the picture (video) or the sound (sound) in a row."""
        pids = {"video": VIDEO_PID, "sound": SOUND_PID}
        if part not in pids or not 0 < packets < 16:
            raise ValueError("part: video or sound; packets: 1 to 15")
        self.programme.injected["continuity"] += 1
        self.programme.drops[pids[part]] = packets

    @act
    def damage(self, packets: int = 1) -> None:
        """Mark packets as damaged (transport error)."""
        self.programme.damages = packets

    @act
    def lose_table(self, table: str = "pat", seconds: float = 1e9) -> None:
        """Send no list of programmes (pat), none of their parts (pmt), or no sound (sound), for a while."""
        pids = {"pat": 0, "pmt": PMT_PID, "sound": SOUND_PID}
        if table not in pids:
            raise ValueError(f"table: one of {', '.join(pids)}")
        self.programme.injected[table] += 1
        self.programme.without[pids[table]] = round(seconds * self.programme.rate / 8 / SIZE)

    @act
    def break_pmt(self, on: bool = True) -> None:
        """Turn a bit in every list of the programme's parts."""
        self.programme.pmt_broken = on

    @act
    def scramble(self, on: bool = True) -> None:
        """Encrypt picture and sound."""
        self.programme.scrambled = on

    @act
    def heal(self) -> None:
        """Send everything as it should be."""
        self.programme.without.clear()
        self.programme.drops.clear()
        self.programme.scrambled = self.programme.pmt_broken = False
        self.programme.look = Look()

    @act
    def show(self, black: bool = False, frozen: bool = False, silent: bool = False) -> None:
        """Send a black or a frozen picture, or silence; begins within two seconds."""
        self.programme.look = Look(black=black, frozen=frozen, silent=silent)

    @act
    def announce(self, now: str, next: str = "") -> None:
        """Another show is on."""
        self.programme.now, self.programme.next = now, next

    def state(self) -> Mapping[str, Any]:
        look = self.programme.look
        return {
            **super().state(),
            **{"name": self.programme.name, "now": self.programme.now, "next": self.programme.next},
            **{"black": look.black, "frozen": look.frozen, "silent": look.silent},
            "scrambled": self.programme.scrambled,
        }


class Sender(Faults):
    """Sends datagrams to an address or a group, whoever listens."""

    title = "TV channel"
    port = TvChannel.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.programme = Programme(device.title or "Рада")
        self.sent = self.datagrams = 0
        self.twice = False
        self.missing = 0
        self._number = 65_500  # soon over its end
        self._line: socket.socket | None = None

    async def listen(self) -> None:
        self.bound = int(self.bound) or _free(self.host)
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.setblocking(False)
        if self.options.interface != "0.0.0.0":
            own = socket.inet_aton(self.options.interface)
            self._line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        self._line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)  # never beyond this machine
        self.spawn(self._send())

    async def hang_up(self) -> None:
        self.rest()
        if self._line is not None:
            self._line.close()
            self._line = None

    @act
    def repeat(self, on: bool = True) -> None:
        """Send every datagram twice, as two networks would (rtp)."""
        self.twice = on

    @act
    def lose(self, datagrams: int = 1) -> None:
        """Lose datagrams on the network."""
        self.missing = datagrams

    async def _send(self) -> None:
        began, sent = time.monotonic(), 0.0
        packet_seconds = SIZE * 8 / self.programme.rate
        batch: list[bytes] = []
        while True:
            await self.programme.ready()
            if time.monotonic() - began > sent + SECONDS:  # the machine was away: nobody wants what is late
                began, sent = time.monotonic(), 0.0
            for packet in self.programme.loop():
                batch.append(packet)
                if len(batch) < PER_DATAGRAM:
                    continue
                self._put(b"".join(batch))
                batch.clear()
                sent += PER_DATAGRAM * packet_seconds
                if (ahead := sent - (time.monotonic() - began)) > STEP:
                    await asyncio.sleep(ahead)

    def _put(self, data: bytes) -> None:
        self.sent += len(data) // SIZE
        self.datagrams += 1
        self._number = (self._number + 1) & 0xFFFF
        if self.missing:
            self.missing -= 1
            return
        if self.muted or self._line is None:
            return
        if self.garbling:
            data = bytes(byte ^ 0x55 for byte in data)
        if self.options.form == "rtp":
            clock = round(self.datagrams * len(data) * 8 / self.programme.rate * 90_000) & 0xFFFFFFFF
            head = b"\x80\x21" + self._number.to_bytes(2) + clock.to_bytes(4) + b"Rada"
            data = head + data
        for _ in range(1 + self.twice):
            with suppress(OSError):  # nobody listens, or the machine's buffer is full
                self._line.sendto(data, (self.host, int(self.bound)))


class HlsServer(HttpSimulator, Faults):
    """The same as HLS: a list of segments of 1.92 s, a master playlist before it."""

    title = "TV channel (HLS)"
    port = 80
    dates = False

    def __init__(self, device: Device) -> None:
        self.options = Options.model_validate(device.options)
        super().__init__(device)
        self.programme = Programme(device.title or "Рада")
        self.stalled = False
        self._segments: dict[int, bytes] = {}
        self._next = 1

    def routes(self) -> list[Route]:
        return [
            Route(self.options.path, self._master),
            Route("/live/media.m3u8", self._media),
            Route("/live/{number:int}.ts", self._segment),
        ]

    async def listen(self) -> None:
        await self.programme.ready()
        while len(self._segments) < LISTED:
            self._make()
        await super().listen()
        self.spawn(self._go_on())

    @act
    def stall(self, on: bool = True) -> None:
        """Make no new segments."""
        self.stalled = on

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.programme.ready()
            if not self.stalled:
                self._make()

    def _make(self) -> None:
        self._segments[self._next] = b"".join(self.programme.loop())
        self._segments.pop(self._next - LISTED, None)
        self._next += 1

    async def _master(self, request: Request) -> Response:
        if self.refusing:
            return Response(status_code=503)
        return _playlist(["#EXT-X-STREAM-INF:BANDWIDTH=1504000,RESOLUTION=320x180", "/live/media.m3u8"])

    async def _media(self, request: Request) -> Response:
        if self.refusing:
            return Response(status_code=503)
        listed = [f"#EXTINF:{SECONDS},\n{number}.ts" for number in self._segments]
        first = min(self._segments)
        return _playlist(["#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{first}", *listed])

    async def _segment(self, request: Request) -> Response:
        data = self._segments.get(request.path_params["number"])
        return Response(status_code=404) if data is None else Response(data, media_type="video/mp2t")


def _playlist(lines: list[str]) -> Response:
    text = "\n".join(["#EXTM3U", "#EXT-X-VERSION:3", *lines, ""])
    return PlainTextResponse(text, media_type="application/vnd.apple.mpegurl")


def _free(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def simulator(device: Device) -> Faults:
    """As the device's options say."""
    options = Options.model_validate(device.options)
    return HlsServer(device) if options.form == "hls" else Sender(device)


SIMULATOR: Callable[[Device], Simulator] = simulator
