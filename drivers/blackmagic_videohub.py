"""Blackmagic Videohub routers, on TCP 9990 (source: Blackmagic's developer information, protocol 2.3 to 2.8).

Blocks of text: a header with a colon, lines, an empty line. On connect it tells everything; a change is
answered ``ACK`` or ``NAK`` and told to everybody, also to whoever asked, perhaps before. Its numbers begin at
0, ours at 1.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field

from avctl.capabilities import Routing, lacking
from avctl.errors import LinkError, ProtocolError, Rejected
from drivers.polled import Codec, Options, Polled, one_of

LONGEST = 200_000  # bytes of a block: a router has up to 288 inputs, each with a label
ROUTING, LOCKS, INPUTS, OUTPUTS = (
    "VIDEO OUTPUT ROUTING",
    "VIDEO OUTPUT LOCKS",
    "INPUT LABELS",
    "OUTPUT LABELS",
)
DEVICE, PREAMBLE, END = "VIDEOHUB DEVICE", "PROTOCOL PREAMBLE", "END PRELUDE"
NUMBERED = re.compile(r"(\d{1,4}) (.*)")
HOLDERS: Mapping[str, str] = {"U": "", "O": "avctl", "L": "another"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A header without its colon, and its lines."""

    header: str
    lines: tuple[str, ...] = ()


def encode(block: Block) -> bytes:
    """The bytes of a block; an answer has no colon."""
    colon = "" if block.header in ("ACK", "NAK") else ":"
    return "\n".join((block.header + colon, *block.lines, "", "")).encode()


class Blocks:
    """Blocks out of bytes that come in any portions."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[Block]:
        """The blocks complete so far; ProtocolError for what cannot be one."""
        self._kept += data.replace(b"\r", b"")
        while (end := self._kept.find(b"\n\n")) >= 0:
            text, self._kept = self._kept[:end], self._kept[end + 2 :]
            header, *lines = text.decode("utf-8", "replace").lstrip("\n").split("\n")
            if not header:
                continue
            if not re.fullmatch(r"[A-Z][A-Z0-9 ]*:?", header):
                raise ProtocolError(f"not a block: {header[:80]!r}")
            yield Block(header=header.removesuffix(":"), lines=tuple(lines))
        if len(self._kept) > LONGEST:
            self._kept = b""
            raise ProtocolError("these are not blocks of a router")


def numbered(block: Block) -> dict[str, str]:
    """The lines of a block by their numbers, which become ours."""
    found = (NUMBERED.fullmatch(line) for line in block.lines)
    return {str(int(one[1]) + 1): one[2].strip() for one in found if one}


class RouterOptions(Options):
    """What a Videohub can be told in the configuration."""

    poll: float = Field(15, gt=0, le=60, description="Seconds between two signs of life.")


class BlackmagicVideohub(Polled[Block], Routing):
    """A router; also reports model, locks (output -> who holds it) and fault."""

    title = "Router (Blackmagic Videohub)"
    port = 9990
    Options = RouterOptions

    recall_routes = lacking("a Videohub stores no routes")
    cut = lacking("a Videohub has no preview")

    def codec(self) -> Codec[Block]:
        self._told = asyncio.Event()
        return Blocks()

    async def begin(self) -> None:
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                await self._told.wait()
        except TimeoutError:
            raise LinkError("no answer: it does not tell what it has") from None

    async def look(self) -> None:
        if self.readings.get("fault"):
            await self.ask(encode(Block(header="PING")), _answers)
        else:  # all of it, also what was missed
            await self.ask(encode(Block(header=ROUTING)), _answers)

    async def route(self, output: str, source: str) -> None:
        wire_output = int(one_of(output, self.readings.get("outputs", ()), "output")) - 1
        wire_source = int(one_of(source, self.readings.get("sources", ()), "source")) - 1
        line = f"{wire_output} {wire_source}"
        answer = await self.ask(encode(Block(header=ROUTING, lines=(line,))), _answers)
        if answer.header == "NAK":
            holder = self.readings.get("locks", {}).get(output)
            raise Rejected(
                "the output is locked by another" if holder == "another" else "the router refuses", "NAK"
            )
        self.look_again()

    def unasked(self, answer: Block) -> None:
        match answer.header:
            case "VIDEOHUB DEVICE":
                self._introduced(answer)
            case "INPUT LABELS" | "OUTPUT LABELS":
                self._fold("sources" if answer.header == INPUTS else "outputs", numbered(answer))
            case "VIDEO OUTPUT ROUTING":
                routes = numbered(answer).items()
                self._fold("routes", {to: str(int(from_) + 1) for to, from_ in routes if from_.isdigit()})
                self._told.set()  # older ones do not say that this was the last of what they tell
            case "VIDEO OUTPUT LOCKS":
                self._fold(
                    "locks", {to: HOLDERS.get(who[:1], "another") for to, who in numbered(answer).items()}
                )
            case "END PRELUDE":
                self._told.set()
            case "ACK" | "NAK":
                raise ProtocolError("an answer nobody asked for")

    def _introduced(self, block: Block) -> None:
        facts = dict(line.split(": ", 1) for line in block.lines if ": " in line)
        present = facts.get("Device present", "true")
        self.report(
            model=facts.get("Model name", ""), fault="" if present == "true" else f"device present: {present}"
        )
        if present != "true":  # nothing more is told
            self._told.set()
        for fact, reading in (("Video inputs", "sources"), ("Video outputs", "outputs")):
            if (count := facts.get(fact, "")).isdigit():
                names = self.readings.get(reading, {})
                self.report(**{reading: {str(at): names.get(str(at), "") for at in range(1, int(count) + 1)}})

    def _fold(self, reading: str, values: Mapping[str, str]) -> None:
        """A block may have only what changed."""
        self.report(**{reading: {**self.readings.get(reading, {}), **values}})


def _answers(block: Block) -> bool:
    return block.header in ("ACK", "NAK")


DRIVER = BlackmagicVideohub
