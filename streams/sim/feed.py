"""The IP encoder of a hall: a program of its own that pushes H.264 and AAC to where the runner listens.

It dials again every second while nobody listens, as hardware encoders do. Picture: a hall, somebody who
moves, a burnt-in clock; sound: syllables at about -23 LUFS. One second between key frames.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import ffmpeg
import font_roboto

from avctl.config import Device
from avctl.errors import ConfigError, LinkError
from drivers.sim.server import Simulator, act
from streams.child import Child
from streams.feed import FeedOptions
from streams.ffmpeg import find_ffmpeg
from streams.masks import cleaned, secrets_of
from streams.sim import hall

PAUSE_SECONDS = 1.0
KNOCK_SECONDS = 0.25
CONNECT_MILLISECONDS = 1500
HALL_TIME = "EET-2EEST,M3.5.0/3,M10.5.0/4"  # POSIX form of Europe/Kyiv: needs no zone files
BOTH_SIDES = ("passphrase", "pbkeylen", "streamid", "latency", "transtype")

SPEAKER_X, SPEAKER_Y = "580+60*sin(t*1.3)", "150+6*sin(t*5)"
CLOCK = "%{localtime:%T}"


class FeedSimulator(Simulator):
    """The encoder of a feed device, faults of picture and sound included."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        options = FeedOptions.model_validate(device.options)
        self._url = options.url.get_secret_value()
        self._target = pushed_to(self._url)
        self._ffmpeg = find_ffmpeg()
        self._running: asyncio.Task[None] | None = None
        self._child: Child | None = None
        self._complaint = ""
        self.frozen = False
        self.dark = False
        self.silent = False
        self.sent = 0
        self.starts = 0

    async def listen(self) -> None:
        """Start to dial; whether anybody listens does not matter."""
        self._running = asyncio.create_task(self._push(), name=f"simulator {self.device.id}")

    async def hang_up(self) -> None:
        """End the program."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    @act
    async def freeze(self, on: bool = True) -> None:
        """Let the picture stand still, clock and all; sound goes on."""
        self.frozen = on
        await self._tell(*(_standing(_shown_now()) if on else _moving()))

    @act
    async def black(self, on: bool = True) -> None:
        """Send a black picture; sound goes on."""
        self.dark = on
        await self._tell(f"drawbox@black -1 enable {int(on)}")

    @act
    async def silence(self, on: bool = True) -> None:
        """Send no sound; the picture goes on."""
        self.silent = on
        await self._tell(f"volume@voice -1 volume {int(not on)}")

    @act
    def mute(self, on: bool = True) -> None:
        """Hold the program: the connection stays for a while, nothing comes."""
        super().mute(on)
        if self._child is not None and self._child.alive:
            os.kill(self._child.pid, SIGSTOP if on else SIGCONT)

    @act
    async def garble(self, on: bool = True) -> None:
        """Send packets with wrong bytes in them."""
        super().garble(on)
        self._again()

    @act
    async def refuse(self, on: bool = True) -> None:
        """Do not dial."""
        super().refuse(on)
        self._again()

    def state(self) -> Mapping[str, Any]:
        """Process, bytes sent by it, and the faults that are on."""
        child = self._child
        return {
            **super().state(),
            "pid": child.pid if child is not None and child.alive else None,
            "bytes": self.sent,
            "starts": self.starts,
            "frozen": self.frozen,
            "black": self.dark,
            "silent": self.silent,
        }

    async def _push(self) -> None:
        while True:
            if not self.refusing and nobody_at(self._target):
                await asyncio.sleep(KNOCK_SECONDS)
                continue
            if not self.refusing:
                with suppress(LinkError):
                    await self._once()
            await asyncio.sleep(PAUSE_SECONDS + self.delayed)

    async def _once(self) -> None:
        self.sent, self._complaint = 0, ""
        with _held(await asyncio.to_thread(_material, self.device.id.endswith("-2"))) as files:
            command = encoder_command(self._ffmpeg, self._target, *files, **self._look())
            child = Child(
                self.device.id,
                ("env", f"TZ={os.environ.get('TZ', HALL_TIME)}", *command),
                pass_fds=files,
                wants_input=True,
                secrets=(*secrets_of(self._url), *secrets_of(self._target)),
                heard=self._heard,
            )
            async with child:
                self._child, self.starts = child, self.starts + 1
                if self.muted:
                    os.kill(child.pid, SIGSTOP)
                code = await child.ended()
        self._child = None
        self.log.debug("ended with %s: %s", code, cleaned(self._complaint, (self._url, self._target)))

    def _look(self) -> dict[str, Any]:
        return {
            "standing": _shown_now() if self.frozen else "",
            "dark": self.dark,
            "silent": self.silent,
            "garbled": self.garbling,
        }

    def _heard(self, line: str) -> None:
        name, _, value = line.partition("=")
        if name == "total_size" and value.isdigit():
            self.sent = int(value)
        elif " " in name:
            self._complaint = line

    def _again(self) -> None:
        if self._child is not None:
            self._child.kill()

    async def _tell(self, *commands: str) -> None:
        """Change the picture without a new connection: ffmpeg takes filter commands on its input."""
        if self._child is None or not self._child.alive:
            return
        with suppress(ConnectionError):
            self._child.input.write("".join(f"c{command}\n" for command in commands).encode())
            await self._child.input.drain()


def pushed_to(url: str) -> str:
    """The address a sender dials for a feed that waits at ``url``; ConfigError when there is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    place = f"{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{parts.port}"
    query = dict(parse_qsl(parts.query))
    match parts.scheme:
        case "srt":
            mode = "listener" if query.get("mode") == "caller" else "caller"
            kept = {name: query[name] for name in BOTH_SIDES if name in query}
            dialled = {"mode": mode, "connect_timeout": CONNECT_MILLISECONDS, "pkt_size": 1316, **kept}
            return urlunsplit(("srt", place, "", urlencode(dialled), ""))
        case "udp":
            return urlunsplit(("udp", place, "", "pkt_size=1316", ""))
        case "rtmp":
            return url
        case scheme:
            raise ConfigError(f"a simulated encoder cannot push {scheme}", (("url", "srt, rtmp or udp"),))


def nobody_at(target: str) -> bool:
    """Whether nobody is at an SRT address of this machine, as far as that shows; spares a program's start."""
    parts = urlsplit(target)
    if parts.scheme != "srt" or parts.port is None or "mode=caller" not in parts.query:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
        try:
            knock.connect((parts.hostname, parts.port))
            for _ in range(2):  # the first is refused by the time of the second
                knock.send(b"\0")  # too short to be anything
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def encoder_command(
    program: str,
    target: str,
    room: int,
    speaker: int,
    voice: int,
    *,
    standing: str = "",
    dark: bool = False,
    silent: bool = False,
    garbled: bool = False,
) -> list[str]:
    """ffmpeg's arguments; ``room``, ``speaker``, ``voice`` are descriptors, ``standing`` a frozen clock."""
    at = {"x": "580", "y": "150"} if standing else {"x": SPEAKER_X, "y": SPEAKER_Y}
    ground = _still(room, "yuv420p", re=None)
    somebody = _still(speaker, "yuva420p")
    pictures = (
        ffmpeg.filter([ground, somebody], "overlay@speaker", **at)
        .filter(
            "drawtext@clock",
            fontfile=str(_font()),
            text=standing or CLOCK,
            fontsize=64,
            fontcolor="white",
            box=1,
            boxcolor="black@0.6",
            boxborderw=12,
            x=40,
            y=40,
        )
        .filter("drawbox@black", color="black", t="fill", enable=int(dark))
        .filter("format", "yuv420p")
    )
    sound = ffmpeg.input(f"/proc/self/fd/{voice}", format="wav", re=None, stream_loop=-1).audio.filter(
        "volume@voice", int(not silent)
    )
    faults = {"bsf:v": "noise=amount=200"} if garbled else {}
    pushed = ffmpeg.output(
        pictures,
        sound,
        target,
        format="flv" if target.startswith("rtmp") else "mpegts",
        **{"c:v": "libx264", "b:v": "2500k", "c:a": "aac", "b:a": "128k", **faults},
        preset="ultrafast",
        tune="zerolatency",
        maxrate="2500k",
        bufsize="2500k",
        g=25,
        keyint_min=25,
        sc_threshold=0,
        ar=48_000,
        ac=2,
    ).global_args("-hide_banner", "-nostats", "-loglevel", "warning", "-progress", "pipe:2")
    command: list[str] = ffmpeg.compile(pushed, cmd=program)
    return command


def _still(descriptor: int, pixels: str, **options: Any) -> Any:
    picture = ffmpeg.input(f"/proc/self/fd/{descriptor}", format="png_pipe", framerate=25, **options)
    looped = picture.video.filter("format", pixels).filter("loop", loop=-1, size=1, start=0)
    return looped.filter("setpts", "N/25/TB")


def _standing(clock: str) -> Iterator[str]:
    yield "overlay@speaker -1 x 580"
    yield "overlay@speaker -1 y 150"
    yield _written(clock)


def _moving() -> Iterator[str]:
    yield f"overlay@speaker -1 x {SPEAKER_X}"
    yield f"overlay@speaker -1 y {SPEAKER_Y}"
    yield _written(CLOCK)


def _written(text: str) -> str:
    escaped = text.replace(":", "\\:")  # reinit takes options separated by colons
    return f"drawtext@clock -1 reinit text={escaped}"


def _shown_now() -> str:
    return f"{datetime.now():%H:%M:%S}"


def _font() -> Path:
    return Path(font_roboto.__file__).parent / "files" / "Roboto-Medium.ttf"


@cache
def _material(other: bool) -> tuple[bytes, bytes, bytes]:
    return hall.room(other), hall.speaker(), hall.voice()


@contextmanager
def _held(contents: tuple[bytes, ...]) -> Iterator[tuple[int, ...]]:
    """The contents as files without a name: nothing stays behind, however we end."""
    files: list[int] = []
    try:
        for content in contents:
            descriptor = os.memfd_create("avctl-hall")
            files.append(descriptor)
            os.write(descriptor, content)
        yield tuple(files)
    finally:
        for descriptor in files:
            os.close(descriptor)


SIMULATOR: Callable[[Device], Simulator] = FeedSimulator
