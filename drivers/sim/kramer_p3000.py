"""A Kramer switcher that is not there: 11 x 9, on TCP or a serial line.

Knobs beyond the acts: ``old`` (it knows #VID and not #ROUTE), ``spaced`` (a space in its errors), ``nothing``
(the input that is none: 0, or 12), ``presets`` (by number), ``said`` (the last commands).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from avctl.config import Device
from drivers.kramer_p3000 import KramerP3000, SwitcherOptions
from drivers.polled import Codec, Lines
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

INPUTS, OUTPUTS = 11, 9
LONGEST = 64


class KramerP3000Simulator(FramedSimulator[str]):
    """The switcher."""

    title = "Switcher"
    port = KramerP3000.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = SwitcherOptions.model_validate(device.options)
        self.old = self.spaced = False
        self.nothing = 0
        self.routes = dict.fromkeys(range(1, OUTPUTS + 1), 1)
        self.presets: dict[int, dict[int, int]] = {}
        self.said: deque[str] = deque(maxlen=100)

    def codec(self) -> Codec[str]:
        return Lines(b"\r", LONGEST, "latin-1")

    async def heard(self, peer: Peer, frame: str) -> None:
        line = frame.strip("\n ")
        if not line.startswith("#"):
            return
        address = re.match(r"#(\d{2})@", line)
        if address is not None and int(address[1]) != self.options.machine:
            return
        self.said.append(line)
        for command in re.sub(r"^#(\d{2}@)?", "", line).split("|"):
            for answer in self._obey(command.strip(), peer):
                await self.reply(peer, self._bytes(answer))

    @act
    def press(self, output: int, source: int) -> None:
        """Press the buttons of an output and an input at its panel; input 0: nothing."""
        if output not in self.routes or not 0 <= source <= INPUTS:
            raise ValueError("an output and an input it has")
        self._put(output, source or self.nothing, None)

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "routes": {str(to): source for to, source in self.routes.items()}}

    def _bytes(self, answer: str) -> bytes:
        return f"~{self.options.machine:02d}@{answer}\r\n".encode()

    def _fault(self, command: str, number: int) -> str:
        return f"{command} ERR{' ' if self.spaced else ''}{number:03d}"

    def _obey(self, command: str, peer: Peer) -> Iterator[str]:
        name, _, rest = command.partition(" ")
        numbers = [int(number) for number in re.findall(r"\d+", rest)]
        match name.upper():
            case "":
                yield " OK"
            case "MODEL?":
                yield "MODEL VS-911"
            case "VERSION?":
                yield "VERSION 1.10"
            case "INFO-IO?":
                yield f"INFO-IO IN {INPUTS},OUT {OUTPUTS}"
            case "ROUTE?" if not self.old:
                wanted = self.routes if "*" in rest else numbers[1:2]
                for output in wanted:
                    known = output in self.routes
                    yield f"ROUTE 1,{output},{self.routes[output]}" if known else self._fault("ROUTE", 3)
            case "ROUTE" if not self.old and len(numbers) == 3:
                fine = self._switch(numbers[1], numbers[2], peer)
                yield f"ROUTE {rest}" if fine else self._fault("ROUTE", 3)
            case "VID?" if self.old:
                yield "VID " + ",".join(f"{source}>{output}" for output, source in self.routes.items())
            case "VID" if self.old and len(numbers) == 2:
                fine = self._switch(numbers[1], numbers[0], peer)
                yield f"VID {rest} OK" if fine else self._fault("VID", 3)
            case "PRST-RCL" if numbers and numbers[0] in self.presets:
                self.routes.update(self.presets[numbers[0]])
                yield f"PRST-RCL {numbers[0]}"
            case "PRST-RCL":
                yield self._fault("PRST-RCL", 3)
            case _:
                yield self._fault(name.upper().rstrip("?"), 2)

    def _switch(self, output: int, source: int, peer: Peer) -> bool:
        known = 1 <= source <= INPUTS or source == self.nothing
        if self.refusing or output not in self.routes or not known:
            return False
        self._put(output, source, peer)
        return True

    def _put(self, output: int, source: int, but: Peer | None) -> None:
        self.routes[output] = source
        said = f"VID {source}>{output}" if self.old else f"ROUTE 1,{output},{source}"
        for peer in tuple(self.peers):
            if peer is not but and not self.muted:
                peer.push(self._bytes(said))


SIMULATOR = KramerP3000Simulator
