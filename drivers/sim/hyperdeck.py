"""A HyperDeck that is not there, with one disk of two hours in its first slot.

Knobs beyond the acts: ``full`` (it says that it has connections enough), ``remote`` (whether it may be
driven), ``early`` (what changed is told before the answer), ``minutes`` (left by slot, None: no disk),
``said``.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from avctl.config import Device
from drivers.hyperdeck import Hyperdeck
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

TITLES = {100: "syntax error", 103: "unsupported", 105: "no disk", 109: "out of range", 110: "no input"}
TITLES |= {111: "remote control disabled", 150: "invalid state"}


class Commands:
    """Commands with their fields, out of what comes in any portions."""

    def __init__(self) -> None:
        self._kept = b""
        self._block: list[str] = []

    def feed(self, data: bytes) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The commands complete so far."""
        *lines, self._kept = (self._kept + data).split(b"\n")
        self._kept = self._kept[-1024:]
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if self._block and text:
                self._block = [*self._block, text][:32]
            elif self._block:
                first, *rest = self._block
                self._block = []
                yield first.rstrip(":"), _fields(rest)
            elif re.fullmatch(r"[^:]+:", text):
                self._block = [text]
            elif text:  # fields may stand on the line of the command too
                command, _, rest_of_it = text.partition(":")
                yield command.strip(), _fields([rest_of_it] if rest_of_it else [])


def _fields(lines: list[str]) -> Mapping[str, str]:
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


class HyperdeckSimulator(FramedSimulator[tuple[str, Mapping[str, str]]]):
    """The recorder."""

    title = "Recorder"
    port = Hyperdeck.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.status = "preview"
        self.minutes: dict[int, int | None] = {1: 120, 2: None}
        self.signal = True
        self.full = self.early = False
        self.remote = True
        self.said: deque[str] = deque(maxlen=100)
        self._notified: WeakKeyDictionary[Peer, set[str]] = WeakKeyDictionary()

    def codec(self) -> Codec[tuple[str, Mapping[str, str]]]:
        return Commands()

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        if self.full:
            await self.reply(peer, b"120 connection rejected\r\n")
            return False
        model = "HyperDeck Studio HD Plus"
        await self.reply(peer, _block(500, "connection info", {"protocol version": "1.11", "model": model}))
        return True

    async def heard(self, peer: Peer, frame: tuple[str, Mapping[str, str]]) -> None:
        command, fields = frame
        self.said.append(command)
        before = self.status
        answer = self._obey(peer, command, fields)
        if self.early:
            self._tell(before)
        await self.reply(peer, answer if isinstance(answer, bytes) else f"{answer}\r\n".encode())
        if not self.early:
            self._tell(before)

    @act
    def press_record(self) -> None:
        """Press Record at its front."""
        before, self.status = self.status, "record"
        self._tell(before)

    @act
    def press_stop(self) -> None:
        """Press Stop at its front."""
        before, self.status = self.status, "stopped"
        self._tell(before)

    @act
    def fill(self, minutes: int, slot: int = 1) -> None:
        """Leave so many minutes on a disk."""
        self.minutes[slot] = minutes
        self._push("slot", _block(502, "slot info", self._slot(slot)))

    @act
    def eject(self, slot: int = 1) -> None:
        """Take a disk out."""
        self.minutes[slot] = None
        self._push("slot", _block(502, "slot info", self._slot(slot)))

    @act
    def lose_signal(self, on: bool = True) -> None:
        """Take the picture off its input, or bring it back."""
        self.signal = not on

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "status": self.status,
            "minutes": {str(k): v for k, v in self.minutes.items()},
        }

    def _obey(self, peer: Peer, command: str, fields: Mapping[str, str]) -> bytes | str:
        match command:
            case "ping" | "watchdog":
                return "200 ok"
            case "device info":
                return _block(204, "device info", {"model": "HyperDeck Studio HD Plus", "slot count": "2"})
            case "transport info":
                return _block(208, "transport info", self._transport())
            case "slot info":
                slot = int(fields.get("slot id", "1")) if fields.get("slot id", "1").isdigit() else 0
                return _block(202, "slot info", self._slot(slot)) if slot in self.minutes else self._no(109)
            case "notify":
                names = {name for name, value in fields.items() if value == "true"}
                self._notified.setdefault(peer, set()).update(names)
                return "200 ok"
            case "remote":
                self.remote = fields.get("enable", "true") == "true"
                return "200 ok"
            case "record" | "stop" | "play":
                return self._drive(command)
        return self._no(103)

    def _drive(self, command: str) -> str:
        if not self.remote:
            return self._no(111)
        if self.refusing:
            return self._no(150)
        if command == "record":
            if not any(self.minutes.values()):
                return self._no(105)
            if not self.signal:
                return self._no(110)
        self.status = {"record": "record", "stop": "stopped", "play": "play"}[command]
        return "200 ok"

    def _no(self, code: int) -> str:
        return f"{code} {TITLES[code]}"

    def _transport(self) -> Mapping[str, str]:
        return {
            "status": self.status,
            "speed": "0",
            "slot id": "1",
            "timecode": "00:00:00:00",
            "video format": "1080p25",
            "loop": "false",
        }

    def _slot(self, slot: int) -> Mapping[str, str]:
        left = self.minutes[slot]
        status = "empty" if left is None else "mounted"
        return {"slot id": str(slot), "status": status, "recording time": str(60 * (left or 0))}

    def _tell(self, before: str) -> None:
        if self.status != before:
            self._push("transport", _block(508, "transport info", {"status": self.status}))

    def _push(self, subject: str, data: bytes) -> None:
        for peer, subjects in tuple(self._notified.items()) if not self.muted else ():
            if subject in subjects:
                peer.push(data)


def _block(code: int, title: str, fields: Mapping[str, str]) -> bytes:
    lines = (f"{name}: {value}" for name, value in fields.items())
    return "\r\n".join((f"{code} {title}:", *lines, "", "")).encode()


SIMULATOR = HyperdeckSimulator
