"""A vMix that is not there, with three inputs.

Knobs beyond the acts: ``titles`` (by input, from 1), ``counted`` (whether a document's length counts its
end of line), ``recording``, ``said`` (the last lines).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet
from xml.sax.saxutils import quoteattr

from avctl.config import Device
from drivers.polled import Codec, Lines
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act
from drivers.vmix import Vmix


class VmixSimulator(FramedSimulator[str]):
    """The mixer."""

    title = "Vision mixer"
    port = Vmix.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.titles = {1: "Трибуна", 2: "Зала", 3: "Заставка"}
        self.active, self.preview = 1, 2
        self.counted = True
        self.recording = False
        self.said: deque[str] = deque(maxlen=100)
        self._subscribed: dict[str, WeakSet[Peer]] = {"TALLY": WeakSet(), "ACTS": WeakSet()}

    def codec(self) -> Codec[str]:
        return Lines(b"\n")

    async def greet(self, reader: asyncio.StreamReader, peer: Peer) -> bool:
        await self.reply(peer, b"VERSION OK 26.0.0.40\r\n")
        return True

    async def heard(self, peer: Peer, frame: str) -> None:
        self.said.append(frame)
        command, _, rest = frame.partition(" ")
        match command.upper():
            case "XML":
                body = self._document().encode()
                length = len(body) + (2 if self.counted else 0)
                await self.reply(peer, f"XML {length}\r\n".encode() + body + b"\r\n")
            case "TALLY":
                await self.reply(peer, self._tally())
            case "SUBSCRIBE" if (subject := rest.strip().upper()) in self._subscribed:
                await self.reply(peer, f"SUBSCRIBE OK {subject}\r\n".encode())
                self._subscribed[subject].add(peer)
            case "UNSUBSCRIBE" if (subject := rest.strip().upper()) in self._subscribed:
                await self.reply(peer, f"UNSUBSCRIBE OK {subject}\r\n".encode())
                self._subscribed[subject].discard(peer)
            case "ACTS":
                await self.reply(peer, self._activator(rest.split()).encode() + b"\r\n")
            case "PING":
                await self.reply(peer, b"PING OK PONG\r\n")
            case "QUIT":
                peer.writer.close()
            case "FUNCTION":
                before = self._activators()
                fault = self._function(rest)
                told = f"ER {fault}" if fault else "OK Completed"
                await self.reply(peer, f"FUNCTION {told}\r\n".encode())
                self._tell(before)
            case _:
                await self.reply(peer, f"{command} ER\r\n".encode())

    @act
    def press_cut(self) -> None:
        """Press Cut on its screen."""
        before = self._activators()
        self.active, self.preview = self.preview, self.active
        self._tell(before)

    @act
    def record(self, on: bool = True) -> None:
        """Press Record on its screen."""
        before = self._activators()
        self.recording = on
        self._tell(before)

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "program": self.active,
            "preview": self.preview,
            "recording": self.recording,
        }

    def _function(self, text: str) -> str:
        """What is wrong with it; empty when it was done."""
        found = re.fullmatch(r"(\w+)(?: Input=(\d+))?", text.strip())
        number = int(found[2]) if found and found[2] else None
        if found is None or self.refusing or found[1] not in ("Cut", "PreviewInput"):
            return "Function not found"
        if number is not None and number not in self.titles:
            return "Input not found"
        if found[1] == "PreviewInput":
            self.preview = number or self.preview
        elif number is None:
            self.active, self.preview = self.preview, self.active
        else:
            self.active = number
        return ""

    def _document(self) -> str:
        inputs = "".join(
            f'<input key="{at}" number="{at}" title={quoteattr(title)}/>' for at, title in self.titles.items()
        )
        return (
            f"<vmix><version>26.0.0.40</version><inputs>{inputs}</inputs><preview>{self.preview}</preview>"
            f"<active>{self.active}</active><recording>{self.recording}</recording></vmix>"
        )

    def _tally(self) -> bytes:
        digits = "".join(
            "1" if at == self.active else "2" if at == self.preview else "0" for at in self.titles
        )
        return f"TALLY OK {digits}\r\n".encode()

    def _activators(self) -> dict[str, int]:
        """What lamps of a control surface would show: by name and, where it has one, input."""
        return {
            **{f"Input {at}": int(at == self.active) for at in self.titles},
            **{f"InputPreview {at}": int(at == self.preview) for at in self.titles},
            "Recording": int(self.recording),
        }

    def _activator(self, words: list[str]) -> str:
        shown = self._activators()
        match words:
            case ["Input"]:  # without a number it is the one that is on
                words = ["Input", str(self.active)]
            case ["InputPreview"]:
                words = ["InputPreview", str(self.preview)]
        name = " ".join(words)
        return f"ACTS OK {name} {shown[name]}" if name in shown else "ACTS ER No Input"

    def _tell(self, before: Mapping[str, int]) -> None:
        """Push what changed to those who want it."""
        changed = {name: on for name, on in self._activators().items() if before.get(name) != on}
        if self.muted or not changed:
            return
        for peer in tuple(self._subscribed["ACTS"]):
            for name, on in changed.items():
                peer.push(f"ACTS OK {name} {on}\r\n".encode())
        if changed.keys() != {"Recording"}:
            for peer in tuple(self._subscribed["TALLY"]):
                peer.push(self._tally())


SIMULATOR = VmixSimulator
