"""Kramer switchers over Protocol 3000, on TCP 5000 or a serial line (source: Kramer manuals; Companion).

``#ROUTE 1,2,3`` and a carriage return (layer, output, input) is answered ``~01@ROUTE 1,2,3``; older ones know
``#VID 3>2`` (input, output) instead. ``01`` is the machine. Errors are ``ERR003`` or ``ERR 003``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import Field

from avctl.capabilities import Routing, lacking
from avctl.errors import LinkError, NoAnswer, ProtocolError, Rejected
from drivers.frames import NOISE
from drivers.polled import Codec, Lines, Options, Polled, one_of, within

FAULT = re.compile(r"ERR ?(\d{3})")
TIE = re.compile(r"(\d+)\s*>\s*(\d+)")
FAULTS: Mapping[str, str] = {
    "001": "it does not understand",
    "002": "it has no such command",
    "003": "a number is out of its range",
    "004": "it wants a log-in",
}
VIDEO = 1  # the layer


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a machine said: to which command, and the rest of the line."""

    machine: int
    command: str
    text: str

    @property
    def fault(self) -> str:
        """The number of the error it reports; empty when it does not."""
        found = FAULT.search(f"{self.command} {self.text}")
        return found[1] if found else ""


class Answers:
    """Answers out of bytes that come in any portions; a line that was just opened may begin with noise."""

    def __init__(self) -> None:
        self._lines = Lines(b"\n", 256, "latin-1")
        self._noise = NOISE

    def feed(self, data: bytes) -> Iterator[Said]:
        """The answers complete so far; ProtocolError for what cannot be one."""
        for line in self._lines.feed(data.replace(b"\r", b"\n")):
            noise, begins, _ = line.partition("~") if self._noise else ("", "~", "")
            self._noise = 0 if begins else max(0, self._noise - len(line))
            if begins or not self._noise:
                yield read(line[len(noise) :])


def read(line: str) -> Said:
    """One line; ProtocolError when it is none of the protocol."""
    found = re.fullmatch(r"~(\d{2})@\s*([A-Za-z][\w-]*\??)?\s*(.*)", line.strip())
    if found is None:
        raise ProtocolError(f"not Protocol 3000: {line[:80]!r}")
    return Said(machine=int(found[1]), command=(found[2] or "").upper(), text=found[3].strip())


class SwitcherOptions(Options):
    """What a Kramer switcher can be told in the configuration."""

    machine: int = Field(1, ge=1, le=99, description="Its machine number.")
    inputs: int = Field(8, ge=1, le=128, description="How many inputs it has, if it does not tell.")
    outputs: int = Field(8, ge=1, le=128, description="How many outputs it has, if it does not tell.")
    baud_rate: int = Field(115200, ge=1200, le=115200, description="Speed of a serial line.")


class KramerP3000(Polled[Said], Routing):
    """A switcher; also reports model and firmware."""

    title = "Switcher (Kramer Protocol 3000)"
    port = 5000
    serial = True
    told_apart_by = "machine"
    Options = SwitcherOptions

    cut = lacking("a matrix has no preview")

    _old = False  # it knows #VID and not #ROUTE

    def codec(self) -> Codec[Said]:
        return Answers()

    async def serve(self) -> None:
        """Look at the switcher; where only machines of other numbers answer, that is the reason."""
        self._strangers: set[int] = set()
        try:
            await super().serve()
        except (NoAnswer, LinkError) as silence:  # which of them is chance: a silence ends the link, too
            if not self._strangers:
                raise
            others = ", ".join(map(str, sorted(self._strangers)))
            why = f"machine {self.options.machine} does not answer, machine {others} does"
            raise NoAnswer(why) from silence

    async def begin(self) -> None:
        await self.ask(self._request(""), fits=lambda said: self._mine(said) and said.command in ("", "OK"))
        await self._count()
        for command, reading in (("MODEL?", "model"), ("VERSION?", "firmware")):
            with suppress(Rejected):
                self.report(**{reading: (await self._say(command)).text})
        try:
            await self._say(f"ROUTE? {VIDEO},1")
            self._old = False
        except Rejected:
            self._old = True

    async def _count(self) -> None:
        told: dict[str, str] = {}
        with suppress(Rejected):
            told = dict(re.findall(r"(IN|OUT)\s*(\d+)", (await self._say("INFO-IO?")).text))
        counts = (
            ("outputs", told.get("OUT", self.options.outputs)),
            ("sources", told.get("IN", self.options.inputs)),
        )
        self.report(**{name: {str(at): "" for at in range(1, int(count) + 1)} for name, count in counts})

    def screen(self, answer: Said) -> None:
        """Routes are told in lines of any number, asked for or not."""
        if not self._mine(answer):
            self._strangers.add(answer.machine)
            return
        self._strangers.clear()
        if answer.fault:
            return
        numbers = re.findall(r"\d+", answer.text)
        if answer.command == "ROUTE" and len(numbers) == 3 and numbers[0] in ("1", "12"):
            self._routed(numbers[1], numbers[2])
        elif answer.command in ("VID", "AV"):
            for source, output in TIE.findall(answer.text):
                self._routed(output, source)

    def unasked(self, answer: Said) -> None:
        """Hands at its panel, and further lines of an answer: taken in already."""
        if answer.command.startswith("PRST"):
            self.look_again()

    def _request(self, text: str) -> bytes:
        """A command; to a machine of another number than the usual one by its address."""
        machine = int(self.options.machine)
        return (f"#{text}\r" if machine == 1 else f"#{machine:02}@{text}\r").encode()

    def _mine(self, answer: Said) -> bool:
        return answer.machine == int(self.options.machine)

    def _routed(self, output: str, source: str) -> None:
        output, source = str(int(output)), str(int(source))
        if output not in self.readings.get("outputs", ()):
            return
        nothing = source not in self.readings.get("sources", ())  # 0, or one more than it has
        self.report(routes={**self.readings.get("routes", {}), output: "" if nothing else source})

    async def _say(self, text: str) -> Said:
        command = re.split(r"[ ?]", text)[0]
        # An error may not say to which command: one question is under way at a time.
        said = await self.ask(
            self._request(text),
            fits=lambda answer: (
                self._mine(answer)
                and (answer.command.rstrip("?") == command or answer.command.startswith("ERR"))
            ),
        )
        if said.fault:
            raise Rejected(f"the switcher refuses: {FAULTS.get(said.fault, 'an error')}", f"ERR{said.fault}")
        return said

    async def route(self, output: str, source: str) -> None:
        sources = self.readings.get("sources", {})
        one_of(output, self.readings.get("outputs", ()), "output")
        one_of(source, ("", *sources), "source")
        if source:
            await self._put(output, source)
        else:
            try:
                await self._put(output, "0")
            except Rejected:  # for some the input after the last is nothing
                await self._put(output, str(len(sources) + 1))
        self.look_again()

    async def _put(self, output: str, source: str) -> None:
        await self._say(f"VID {source}>{output}" if self._old else f"ROUTE {VIDEO},{output},{source}")

    async def recall_routes(self, number: int) -> None:
        await self._say(f"PRST-RCL {within(number, 1, 99, 'number')}")
        self.look_again()

    async def look(self) -> None:
        if self._old:
            await self._say("VID? *")
            return
        for output in self.readings["outputs"]:
            await self._say(f"ROUTE? {VIDEO},{output}")


DRIVER = KramerP3000
