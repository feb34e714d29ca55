"""An Extron matrix that is not there: 8 x 4, on TCP with its greeting or on a serial line.

Knobs beyond the acts: ``wide`` (digits of its numbers), ``presets`` (by number), ``muted_outputs`` (by kind:
B picture, Z sound), ``signals`` (by input), ``gains`` (of groups, in tenths of dB), ``patient_seconds``,
``said`` (last commands).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from avctl.config import Device
from drivers.extron_sis import ExtronSis, SwitcherOptions
from drivers.polled import Codec
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

GREETING = (
    "(c) Copyright 2015, Extron Electronics, DTPCP84, V1.02, 60-1368-01\r\nWed, 21 Sep 2016 16:39:23\r\n"
)
# Commands need no end, unless they begin with an escape.
COMMAND = re.compile(
    r"\s*((?:\x1b|W)[^\r|]*[\r|]|\d+\*\d+[!%$&]|\d+%|\d+[.,]|[\d*]+[BZ]|[IQN])", re.IGNORECASE
)
LONGEST = 64
MUTES = {"B": "Vmt", "Z": "Amt"}


class Commands:
    """Commands out of what comes in any portions; what is none is one of a single letter."""

    def __init__(self) -> None:
        self._kept = ""

    def feed(self, data: bytes) -> Iterator[str]:
        """The commands complete so far."""
        self._kept += data.decode("latin-1")
        while self._kept:
            if found := COMMAND.match(self._kept):
                self._kept = self._kept[found.end() :]
                yield found[1].upper().rstrip("\r|")
            elif (
                re.match(r"\s*(?:(?:\x1b|W)[^\r|]*|[\d*]+)$", self._kept, re.IGNORECASE)
                and len(self._kept) < LONGEST
            ):
                return  # the rest of it will come
            else:
                wrong, self._kept = self._kept[0], self._kept[1:]
                if wrong.strip():
                    yield wrong


class ExtronSisSimulator(FramedSimulator[str]):
    """The matrix."""

    title = "Matrix"
    port = ExtronSis.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = SwitcherOptions.model_validate(device.options)
        self.wide = 2
        self.routes = dict.fromkeys(range(1, self.options.outputs + 1), 1)
        self.presets: dict[int, dict[int, int]] = {}
        self.muted_outputs: dict[str, set[int]] = {kind: set() for kind in MUTES}
        self.signals = dict.fromkeys(range(1, self.options.inputs + 1), True)
        self.gains: dict[int, int] = {}
        self.patient_seconds = 300.0
        self.said: deque[str] = deque(maxlen=100)

    def patience(self, peer: Peer) -> float:
        return self.patient_seconds

    def codec(self) -> Codec[str]:
        return Commands()

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        if isinstance(self.bound, str):
            return True
        await self.reply(peer, GREETING.encode())
        password = self.options.password.get_secret_value()
        for _ in range(3 if password else 0):
            await self.reply(peer, b"\r\nPassword:")
            if (await reader.readuntil(b"\r")).decode("latin-1").strip() == password:
                await self.reply(peer, b"\r\nLogin Administrator\r\n")
                return True
        return not password

    async def heard(self, peer: Peer, frame: str) -> None:
        self.said.append(frame)
        await self.reply(peer, f"{self._obey(frame, peer)}\r\n".encode())

    @act
    def press(self, output: int, source: int) -> None:
        """Press the buttons of an output and an input at its panel; input 0: nothing."""
        if output not in self.routes or not 0 <= source <= self.options.inputs:
            raise ValueError("an output and an input it has")
        self._tell(self._tie(output, source, "All"))

    @act
    def lose_signal(self, source: int, on: bool = True) -> None:
        """Take the picture off an input, or bring it back."""
        if source not in self.signals:
            raise ValueError(f"source: a number from 1 to {self.options.inputs}")
        self.signals[source] = not on

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "routes": {str(to): source for to, source in self.routes.items()},
            "dark": sorted(self.muted_outputs["B"]),
            "silent": sorted(self.muted_outputs["Z"]),
        }

    def _obey(self, command: str, peer: Peer) -> str:
        if found := re.fullmatch(r"(\d+)\*(\d+)([!%$&])", command):
            source, output, kind = int(found[1]), int(found[2]), found[3]
            if self.refusing:
                return "E14"
            if output not in self.routes:
                return "E12"
            if source > self.options.inputs:
                return "E01"
            said = self._tie(output, source, {"!": "All", "%": "Vid", "$": "Aud", "&": "RGB"}[kind])
            self._tell(said, but=peer)
            return said
        if found := re.fullmatch(r"(\d+)%", command):
            return f"{self.routes[int(found[1])]:0{self.wide}d}" if int(found[1]) in self.routes else "E12"
        if found := re.fullmatch(r"(\d+)([.,])", command):
            number = int(found[1])
            if found[2] == ".":
                if number not in self.presets:
                    return "E11"
                self.routes.update(self.presets[number])
            else:
                self.presets[number] = dict(self.routes)
            said = f"{'Rpr' if found[2] == '.' else 'Spr'}{number:0{self.wide}d}"
            self._tell(said, but=peer)
            return said
        if found := re.fullmatch(r"(?:(\d+)\*([01])|([01])\*)([BZ])", command):
            return self._mute(found[4], found[1], found[2] or found[3], peer)
        if re.fullmatch(r"(?:\x1b|W)0LS", command):
            return "*".join(str(int(on)) for on in self.signals.values())
        if found := re.fullmatch(r"(?:\x1b|W)D(\d{1,3})(?:\*([+-]?\d{1,5}))?GRPM", command):
            group = int(found[1])
            if found[2]:
                self.gains[group] = int(found[2])
            return f"GrpmD{group:02d}*{self.gains.get(group, 0):+06d}"
        if found := re.fullmatch(r"(?:\x1b|W)(\d)CV", command):
            return f"Vrb{found[1]}"
        return {"N": "60-1368-01", "Q": "1.02", "I": "DTPCP84"}.get(command, "E10")

    def _mute(self, kind: str, output: str | None, on: str, peer: Peer) -> str:
        """Make an output dark or silent, or all of them."""
        if self.refusing:
            return "E14"
        if output is not None and int(output) not in self.routes:
            return "E12"
        outputs = set(self.routes) if output is None else {int(output)}
        muted = self.muted_outputs[kind]
        self.muted_outputs[kind] = muted | outputs if on == "1" else muted - outputs
        said = MUTES[kind] + ("" if output is None else f"{int(output):0{self.wide}d}*") + on
        self._tell(said, but=peer)
        return said

    def _tie(self, output: int, source: int, kind: str) -> str:
        if kind in ("All", "Vid", "RGB"):
            self.routes[output] = source
        return f"Out{output:0{self.wide}d} In{source:0{self.wide}d} {kind}"

    def _tell(self, said: str, but: Peer | None = None) -> None:
        for peer in tuple(self.peers):
            if peer is not but and not self.muted:
                peer.push(f"{said}\r\n".encode())


SIMULATOR = ExtronSisSimulator
