"""vMix, a vision mixer in software, on TCP 8099 (source: vMix's TCP API; Companion, node-vmix).

Lines: ``TALLY`` is answered ``TALLY OK 120`` (a digit for each input: 1 on air, 2 in the preview),
``FUNCTION Cut Input=1`` by ``FUNCTION OK`` or ``FUNCTION ER`` and a reason, ``XML`` by ``XML`` and a
length, then so many bytes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import Field

from avctl.capabilities import Routing, lacking
from avctl.errors import LinkError, ProtocolError, Rejected
from drivers.polled import Codec, Options, Polled, one_of

LONGEST_LINE, LONGEST_XML = 4096, 4 * 2**20
PROGRAM, PREVIEW = "program", "preview"


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line that vMix said, and the document that came with it."""

    line: str
    document: bytes = b""

    @property
    def command(self) -> str:
        """What it answers, or tells."""
        return self.line.split(" ", 1)[0]


class Answers:
    """Answers out of bytes that come in any portions."""

    def __init__(self) -> None:
        self._kept = b""
        self._awaited: tuple[str, int] | None = None

    def feed(self, data: bytes) -> Iterator[Said]:
        """The answers complete so far; ProtocolError for what cannot be one."""
        self._kept += data
        while said := self._next():
            yield said

    def _next(self) -> Said | None:
        while True:
            if self._awaited is not None:
                line, length = self._awaited
                if len(self._kept) < length:
                    return None
                document, self._kept, self._awaited = self._kept[:length], self._kept[length:], None
                return Said(line=line, document=document)
            line_bytes, end, rest = self._kept.partition(b"\n")
            if len(line_bytes) > LONGEST_LINE:
                self._kept = b""
                raise ProtocolError("these are not lines of vMix")
            if not end:
                return None
            self._kept = rest
            line = line_bytes.decode("utf-8", "replace").strip()
            if found := re.fullmatch(r"XML (\d{1,8})", line):
                if int(found[1]) > LONGEST_XML:
                    raise ProtocolError(f"a document of {found[1]} bytes")
                self._awaited = line, int(found[1])
            elif line:  # the end of a document's line may not be counted in its length
                return Said(line=line)


def document(data: bytes) -> Element:
    """The state of vMix; ProtocolError when it is none."""
    try:
        found: Element = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError) as fault:
        raise ProtocolError(f"not a state of vMix: {fault}") from fault
    return found


class MixerOptions(Options):
    """What a vMix can be told in the configuration."""

    poll: float = Field(2, gt=0, le=60, description="Seconds between two looks; cuts are told at once.")


class Vmix(Polled[Said], Routing):
    """A vision mixer; also reports version, recording, streaming and tallies (by input)."""

    title = "Vision mixer (vMix)"
    port = 8099
    Options = MixerOptions

    recall_routes = lacking("vMix stores no routes")

    def codec(self) -> Codec[Said]:
        return Answers()

    async def serve(self) -> None:
        """Look at vMix until it fails to answer."""
        self._greeted = asyncio.Event()
        await super().serve()

    async def begin(self) -> None:
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                await self._greeted.wait()
        except TimeoutError:
            raise LinkError("no answer: it does not say its version") from None
        await self._say("SUBSCRIBE TALLY", "SUBSCRIBE")

    def unasked(self, answer: Said) -> None:
        match answer.command:
            case "VERSION":
                self.report(version=answer.line.removeprefix("VERSION OK").strip())
                self._greeted.set()
            case "TALLY":
                self._tallied(answer.line)
                self.look_again()
            case "ACTS":
                self.look_again()
            case _:
                super().unasked(answer)

    async def _say(self, text: str, answer: str) -> Said:
        said = await self.ask(
            f"{text}\r\n".encode(), fits=lambda one: one.command == answer and not self._told(one, text)
        )
        words = said.line.split(" ", 2)
        if words[1:2] == ["ER"]:
            raise Rejected(f"vMix refuses: {' '.join(words[2:]) or text}", "ER")
        return said

    @staticmethod
    def _told(said: Said, text: str) -> bool:
        """Whether it is a tally that nobody asked for: only ``TALLY`` itself is answered by one."""
        return said.command == "TALLY" and text != "TALLY"

    async def route(self, output: str, source: str) -> None:
        one_of(output, (PROGRAM, PREVIEW), "output")
        one_of(source, self.readings.get("sources", ()), "source")
        function = "Cut" if output == PROGRAM else "PreviewInput"
        await self._say(f"FUNCTION {function} Input={source}", "FUNCTION")
        self.look_again()

    async def cut(self) -> None:
        await self._say("FUNCTION Cut", "FUNCTION")
        self.look_again()

    async def look(self) -> None:
        state = document((await self._say("XML", "XML")).document)
        tally = self._tallied((await self._say("TALLY", "TALLY")).line)
        names = {
            one.get("number", ""): one.get("title", "") for one in state.iter("input") if one.get("number")
        }
        sources = names or {number: "" for number in tally}
        routes = {
            output: state.findtext(name) or next((one for one, seen in tally.items() if seen == output), "")
            for output, name in ((PROGRAM, "active"), (PREVIEW, "preview"))
        }
        self.report(outputs={PROGRAM: "", PREVIEW: ""}, sources=sources, routes=routes)
        for reading in ("recording", "streaming"):
            if (value := state.findtext(reading)) is not None:
                self.report(**{reading: value.strip().lower() == "true"})

    def _tallied(self, line: str) -> dict[str, str]:
        digits = line.removeprefix("TALLY OK").strip()
        if not re.fullmatch(r"[0-2]*", digits):
            raise ProtocolError(f"not a tally: {line[:80]!r}")
        words = {"1": PROGRAM, "2": PREVIEW}
        tally = {str(at): words[digit] for at, digit in enumerate(digits, 1) if digit in words}
        self.report(tallies=tally)
        return tally


DRIVER = Vmix
