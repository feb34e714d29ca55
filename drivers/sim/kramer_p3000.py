"""A Kramer switcher that is not there: 11 x 9, on TCP or a serial line; it knows #ROUTE and the older #VID.

Knobs beyond the acts: ``old`` (it knows #VID only), ``spaced`` (a space in its errors), ``nothing`` (the
input that is none: 0, or 12), ``signals`` (by input), ``dark`` (by output), ``presets`` (by number), ``said``
(the last commands).
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
LAYERS = (1, 2, 12)  # video, audio, all
SYNTAX, UNKNOWN, OUT_OF_RANGE = 1, 2, 3


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
        self.sounds = dict(self.routes)
        self.signals = dict.fromkeys(range(1, INPUTS + 1), True)
        self.dark = dict.fromkeys(self.routes, False)
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
            case "INFO-PRST?":
                yield "INFO-PRST VID 60,AUD 0"
            case "ROUTE?" if not self.old:
                yield from self._routed(numbers, "*" in rest)
            case "ROUTE" if not self.old:
                if len(numbers) != 3:
                    yield self._fault("ROUTE", SYNTAX)
                    return
                layer, output, source = numbers
                fine = layer in LAYERS and self._switch(output, source, peer, layer)
                yield f"ROUTE {rest}" if fine else self._fault("ROUTE", OUT_OF_RANGE)
            case "VID?":
                ties = [f"{source}>{output}" for output, source in self.routes.items()]
                if "*" in rest:
                    yield "VID " + ",".join(ties)
                else:
                    known = len(numbers) == 1 and numbers[0] in self.routes
                    yield f"VID {ties[numbers[0] - 1]}" if known else self._fault("VID", OUT_OF_RANGE)
            case "VID" | "AUD" | "AV" as kind:
                if not re.fullmatch(r"\d+>\d+", rest.strip()):
                    yield self._fault(kind, SYNTAX)
                    return
                layer = {"VID": 1, "AUD": 2, "AV": 12}[kind]
                fine = self._switch(numbers[1], numbers[0], peer, layer)
                yield f"{kind} {rest} OK" if fine else self._fault(kind, OUT_OF_RANGE)
            case "SIGNAL?":
                known = len(numbers) == 1 and numbers[0] in self.signals
                told = f"SIGNAL {numbers[0]},{int(self.signals[numbers[0]])}" if known else ""
                yield told or self._fault("SIGNAL", OUT_OF_RANGE)
            case "VMUTE":
                known = len(numbers) == 2 and numbers[0] in self.dark and numbers[1] in (0, 1)
                if known and not self.refusing:
                    self.dark[numbers[0]] = numbers[1] == 1
                    yield f"VMUTE {numbers[0]},{numbers[1]}"
                else:
                    yield self._fault("VMUTE", OUT_OF_RANGE)
            case "PRST-RCL" if numbers and numbers[0] in self.presets:
                self.routes.update(self.presets[numbers[0]])
                yield f"PRST-RCL {numbers[0]}"
            case "PRST-RCL":
                yield self._fault("PRST-RCL", OUT_OF_RANGE)
            case _:
                yield self._fault(name.upper().rstrip("?"), UNKNOWN)

    def _routed(self, numbers: list[int], all_of_them: bool) -> Iterator[str]:
        """A line for each output that was asked for."""
        if not numbers or numbers[0] not in LAYERS or (len(numbers) != 2 and not all_of_them):
            yield self._fault("ROUTE", SYNTAX)
            return
        table = self.sounds if numbers[0] == 2 else self.routes
        for output in table if all_of_them else numbers[1:]:
            known = output in table
            yield f"ROUTE {numbers[0]},{output},{table[output]}" if known else self._fault("ROUTE", 3)

    def _switch(self, output: int, source: int, peer: Peer, layer: int) -> bool:
        known = 1 <= source <= INPUTS or source == self.nothing
        if self.refusing or output not in self.routes or not known:
            return False
        if layer != 1:
            self.sounds[output] = source
        if layer != 2:
            self._put(output, source, peer)
        return True

    def _put(self, output: int, source: int, but: Peer | None) -> None:
        self.routes[output] = source
        said = f"VID {source}>{output}" if self.old else f"ROUTE 1,{output},{source}"
        for peer in tuple(self.peers):
            if peer is not but and not self.muted:
                peer.push(self._bytes(said))


SIMULATOR = KramerP3000Simulator
