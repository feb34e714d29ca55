"""A HyperDeck that is not there, with one disk of two hours and two clips in its first slot.

Knobs beyond the acts: ``full`` (it says that it has connections enough), ``remote`` (whether it may be
driven), ``early`` (what changed is told before the answer), ``minutes`` (left by slot, None: no disk),
``clips`` (names by slot), ``said``.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from avctl.config import Device
from drivers.hyperdeck import Hyperdeck
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

TITLES = {100: "syntax error", 101: "unsupported parameter", 102: "invalid value", 103: "unsupported"}
TITLES |= {105: "no disk", 107: "timeline empty", 109: "out of range", 110: "no input"}
TITLES |= {111: "remote control disabled", 150: "invalid state"}
MODEL, PROTOCOL, FORMAT, CLIP_SECONDS = "HyperDeck Studio HD Plus", "1.11", "1080p25", 60
SUBJECTS = ("transport", "slot", "remote", "configuration")
SPEEDS = {"play": "100", "forward": "200", "rewind": "-200"}


class Refused(Exception):
    """A code to answer with."""

    def __init__(self, code: int) -> None:
        super().__init__(TITLES[code])
        self.code = code


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
                yield first.rstrip(":").lower(), _fields(rest)
            elif re.fullmatch(r"[^:]+:", text):
                self._block = [text]
            elif text:  # fields may stand on the line of the command too
                command, _, rest_of_it = text.partition(":")
                yield command.strip().lower(), _fields([rest_of_it] if rest_of_it else [])


def _fields(lines: list[str]) -> Mapping[str, str]:
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


class HyperdeckSimulator(FramedSimulator[tuple[str, Mapping[str, str]]]):
    """The recorder."""

    title = "Recorder"
    port = Hyperdeck.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.status = "preview"
        self.slot = 1
        self.clip = 1
        self.minutes: dict[int, int | None] = {1: 120, 2: None}
        self.clips: dict[int, list[str]] = {1: ["opening.mov", "anthem.mov"], 2: []}
        self.signal = True
        self.full = self.early = False
        self.remote = True
        self.said: deque[str] = deque(maxlen=100)
        self._notified: WeakKeyDictionary[Peer, set[str]] = WeakKeyDictionary()
        self._watched: WeakKeyDictionary[Peer, float] = WeakKeyDictionary()

    def codec(self) -> Codec[tuple[str, Mapping[str, str]]]:
        return Commands()

    def patience(self, peer: Peer) -> float | None:
        return self._watched.get(peer)

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        if self.full:
            await self.reply(peer, b"120 connection rejected\r\n")
            return False
        told = {"protocol version": PROTOCOL, "model": MODEL}
        await self.reply(peer, _block(500, "connection info", told))
        return True

    async def heard(self, peer: Peer, frame: tuple[str, Mapping[str, str]]) -> None:
        command, fields = frame
        self.said.append(command)
        before = self._told()
        try:
            answer = self._obey(peer, command, fields)
        except Refused as refusal:
            answer = f"{refusal.code} {TITLES[refusal.code]}\r\n".encode()
        if self.early:
            self._tell(before)
        await self.reply(peer, answer)
        if not self.early:
            self._tell(before)
        if command == "quit":
            peer.writer.close()

    @act
    def press_record(self) -> None:
        """Press Record at its front."""
        if not any(self.minutes.values()):
            raise ValueError("it has no disk to record on")
        self._change(lambda: self._record("by hand.mov"))

    @act
    def press_stop(self) -> None:
        """Press Stop at its front."""
        self._change(lambda: self._go("stopped"))

    @act
    def fill(self, minutes: int, slot: int = 1) -> None:
        """Leave so many minutes on a disk."""
        self._change(lambda: self.minutes.update({slot: minutes}))

    @act
    def eject(self, slot: int = 1) -> None:
        """Take a disk out; whatever it records on it or plays from it ends."""
        self._change(lambda: self._eject(slot))

    @act
    def lose_signal(self, on: bool = True) -> None:
        """Take the picture off its input, or bring it back."""
        self.signal = not on

    @act
    def press_remote(self, on: bool) -> None:
        """Press its button that lets others drive it, or shuts them out."""
        self._change(lambda: setattr(self, "remote", on))

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "status": self.status,
            "slot": self.slot,
            "clips": len(self._timeline()),
            "minutes": {str(k): v for k, v in self.minutes.items()},
        }

    # --- commands -----------------------------------------------------------------------------------------

    def _obey(self, peer: Peer, command: str, fields: Mapping[str, str]) -> bytes:
        match command:
            case "ping" | "quit":
                pass
            case "watchdog":
                self._watch(peer, fields)
            case "device info":
                told = {"protocol version": PROTOCOL, "model": MODEL, "slot count": str(len(self.minutes))}
                return _block(204, command, told)
            case "transport info":
                return _block(208, command, self._transport())
            case "slot info":
                return _block(202, command, self._slot(self._slot_of(fields)))
            case "clips count":
                return _block(214, command, {"clip count": str(len(self._timeline()))})
            case "clips get":
                return self._clips(fields)
            case "disk list":
                return self._disk(self._slot_of(fields))
            case "configuration":
                return _block(211, command, self._configuration())
            case "notify" if fields:
                self._notify(peer, fields)
            case "notify":
                wanted = self._notified.get(peer, set())
                return _block(209, command, {name: _word(name in wanted) for name in SUBJECTS})
            case "remote" if fields:
                self.remote = _truth(fields.get("enable", _word(self.remote)))
            case "remote":
                return _block(210, "remote info", self._remote())
            case "record" | "record spill" | "stop" | "play" | "goto" | "slot select":
                self._drive(command, fields)
            case _:
                raise Refused(103)
        return b"200 ok\r\n"

    def _watch(self, peer: Peer, fields: Mapping[str, str]) -> None:
        period = fields.get("period", "")
        if not re.fullmatch(r"\d{1,5}", period):
            raise Refused(102)
        self._watched.pop(peer, None)
        if int(period):  # 0 lets it be
            self._watched[peer] = float(period)

    def _notify(self, peer: Peer, fields: Mapping[str, str]) -> None:
        if not fields.keys() <= {*SUBJECTS}:
            raise Refused(101)
        wanted = self._notified.setdefault(peer, set())
        for name, value in fields.items():
            (wanted.add if _truth(value) else wanted.discard)(name)

    def _drive(self, command: str, fields: Mapping[str, str]) -> None:
        if not self.remote:
            raise Refused(111)
        if self.refusing:
            raise Refused(150)
        match command:
            case "record":
                if not any(self.minutes.values()):
                    raise Refused(105)
                if not self.signal:
                    raise Refused(110)
                self._record(f"{fields.get('name', f'clip_{len(self._timeline()) + 1}')}.mov")
            case "record spill":
                if self.status != "record":
                    raise Refused(150)
                spill = [one for one, left in self.minutes.items() if left and one != self.slot]
                self.slot = spill[0] if spill else self.slot
            case "stop":
                self._go("stopped")
            case "play":
                if not self._timeline():
                    raise Refused(107)
                self._go("play")
            case "goto":
                self._goto(fields)
            case "slot select":
                self._select(self._slot_of(fields))

    def _record(self, name: str) -> None:
        if self.status == "record":
            return
        if not self.minutes[self.slot]:
            self.slot = next(one for one, left in self.minutes.items() if left)
        self.clips.setdefault(self.slot, []).append(name)
        self.clip = len(self._timeline())
        self._go("record")

    def _eject(self, slot: int) -> None:
        self.minutes[slot] = None
        if slot == self.slot and self.status != "preview":
            self._go("stopped")

    def _goto(self, fields: Mapping[str, str]) -> None:
        clips = len(self._timeline())
        if not clips:
            raise Refused(107)
        said = fields.get("clip id", "")
        if not re.fullmatch(r"[+-]?\d{1,6}", said):
            raise Refused(102 if said else 101)
        wanted = int(said) + (self.clip if said[0] in "+-" else 0)
        if not 1 <= wanted <= clips:
            raise Refused(109)
        self.clip = wanted
        if self.status == "preview":
            self._go("stopped")

    def _select(self, slot: int) -> None:
        if self.status == "record":
            raise Refused(150)
        if self.minutes[slot] is None:
            raise Refused(105)
        self.slot, self.clip = slot, 1
        self._go("stopped")

    def _slot_of(self, fields: Mapping[str, str]) -> int:
        said = fields.get("slot id", str(self.slot))
        if not said.isdecimal() or int(said) not in self.minutes:
            raise Refused(102)
        return int(said)

    # --- what it tells --------------------------------------------------------------------------------------

    def _timeline(self) -> list[str]:
        return self.clips.get(self.slot, []) if self.minutes[self.slot] is not None else []

    def _clips(self, fields: Mapping[str, str]) -> bytes:
        clips = [f"{name} {_time(at)} {_time(1)}" for at, name in enumerate(self._timeline())]
        rows = {str(at): row for at, row in enumerate(clips, 1)}
        if "clip id" in fields:
            if fields["clip id"] not in rows:
                raise Refused(109)
            rows = {fields["clip id"]: rows[fields["clip id"]]}
        return _block(205, "clips info", {"clip count": str(len(rows)), **rows})

    def _disk(self, slot: int) -> bytes:
        if self.minutes[slot] is None:
            raise Refused(105)
        names = enumerate(self.clips.get(slot, []), 1)
        rows = {str(at): f"{name} QuickTimeProRes {FORMAT} {_time(1)}" for at, name in names}
        return _block(206, "disk list", {"slot id": str(slot), **rows})

    def _transport(self) -> Mapping[str, str]:
        return {
            "status": self.status,
            "speed": SPEEDS.get(self.status, "0"),
            "slot id": str(self.slot),
            "clip id": str(self.clip) if self._timeline() else "none",
            "single clip": "false",
            "display timecode": "00:00:00:00",
            "timecode": "00:00:00:00",
            "video format": FORMAT,
            "loop": "false",
        }

    def _slot(self, slot: int) -> Mapping[str, str]:
        left = self.minutes[slot]
        told = {"slot id": str(slot), "status": "empty" if left is None else "mounted"}
        disk = {} if left is None else {"volume name": f"DISK {slot}"}
        return {**told, **disk, "recording time": str(60 * (left or 0)), "video format": FORMAT}

    def _remote(self) -> Mapping[str, str]:
        return {"enabled": _word(self.remote), "override": "false"}

    def _configuration(self) -> Mapping[str, str]:
        return {"audio input": "embedded", "video input": "SDI", "file format": "QuickTimeProRes"}

    def _told(self) -> dict[tuple[str, int, str], Mapping[str, str]]:
        """Everything that is told when it changes: by subject, code and title."""
        slots = {("slot", slot, "slot info"): self._slot(slot) for slot in self.minutes}
        return {
            ("transport", 508, "transport info"): self._transport(),
            ("remote", 510, "remote info"): self._remote(),
            **slots,
        }

    def _change(self, change: Callable[[], None]) -> None:
        before = self._told()
        change()
        self._tell(before)

    def _tell(self, before: Mapping[tuple[str, int, str], Mapping[str, str]]) -> None:
        """Push what is not as it was: a disk whole, the rest only with the fields that changed."""
        for (subject, code, title), now in self._told().items():
            was = before.get((subject, code, title), {})
            changed = {name: value for name, value in now.items() if was.get(name) != value}
            if changed:
                told = _block(502, title, now) if subject == "slot" else _block(code, title, changed)
                self._push(subject, told)

    def _push(self, subject: str, data: bytes) -> None:
        for peer, subjects in tuple(self._notified.items()) if not self.muted else ():
            if subject in subjects:
                peer.push(data)

    def _go(self, status: str) -> None:
        self.status = status


def _word(on: bool) -> str:
    return "true" if on else "false"


def _truth(word: str) -> bool:
    if word not in ("true", "false"):
        raise Refused(102)
    return word == "true"


def _time(clips: int) -> str:
    """The timecode after so many clips, each a minute long."""
    return f"{clips // 60:02d}:{clips % 60:02d}:00:00"


def _block(code: int, title: str, fields: Mapping[str, str]) -> bytes:
    lines = (f"{name}: {value}" for name, value in fields.items())
    return "\r\n".join((f"{code} {title}:", *lines, "", "")).encode()


SIMULATOR = HyperdeckSimulator
