"""Extron matrix switchers over SIS, on telnet 23 or a serial line (source: Extron manuals; nodel).

``3*2!`` ties input 3 to output 2 and is answered ``Out02 In03 All``; ``2%`` asks what output 2 shows: ``03``.
What hands do at the panel is told unasked in the same words. Numbers are of any width; errors are
``E`` and two digits. It asks ``Password:`` on the network, without an end of line.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from pydantic import Field, SecretStr

from avctl.capabilities import Routing, lacking
from avctl.errors import AuthRefused, LinkError, ProtocolError, Rejected
from drivers.polled import Codec, Options, Polled, one_of, within

LONGEST = 512
PROMPT = "Password:"
TIE = re.compile(r"Out(\d+)\W+In(\d+)\W*(All|Vid|RGB|Aud)?", re.IGNORECASE)
FAULTS: Mapping[str, str] = {
    "E01": "it has no such input",
    "E10": "it does not know this command",
    "E11": "it has no such preset",
    "E12": "it has no such output",
    "E13": "it does not take this value",
    "E14": "it cannot do that as it is set up",
    "E17": "it took too long",
    "E22": "it is busy",
    "E24": "our log-in may not do that",
    "E25": "it is not there",
    "E26": "it has too many connections",
}


class Lines:
    """Lines out of bytes that come in any portions; a prompt is one without its end."""

    def __init__(self) -> None:
        self._kept = ""

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines complete so far; ProtocolError for one that is too long or no text."""
        self._kept += data.decode("latin-1")  # what is no text is found when it is read
        *lines, self._kept = self._kept.split("\n")
        if self._kept.strip() == PROMPT:
            lines, self._kept = [*lines, PROMPT], ""
        if len(self._kept) > LONGEST or any(len(line) > LONGEST for line in lines):
            self._kept = ""
            raise ProtocolError(f"a line of more than {LONGEST} characters")
        for line in lines:
            if line.strip():
                yield line.strip()


class SwitcherOptions(Options):
    """What an Extron switcher can be told in the configuration."""

    inputs: int = Field(8, ge=1, le=128, description="How many inputs it has.")
    outputs: int = Field(4, ge=1, le=128, description="How many outputs it has.")
    password: SecretStr = Field(SecretStr(""), description="Password of its network access; empty: none.")
    poll: float = Field(15, gt=0, le=240, description="Seconds between two looks; it hangs up after 300 s.")
    settle_seconds: float = Field(0, ge=0, le=30, description="Seconds it needs after its greeting; some 6.")
    baud_rate: int = Field(9600, ge=1200, le=115200, description="Speed of a serial line.")


class ExtronSis(Polled[str], Routing):
    """A matrix; also reports model (its part number) and firmware."""

    title = "Matrix (Extron)"
    port = 23
    serial = True
    Options = SwitcherOptions

    cut = lacking("a matrix has no preview")

    def codec(self) -> Codec[str]:
        return Lines()

    async def serve(self) -> None:
        """Look at the switcher until it fails to answer."""
        self._greeted, self._prompted, self._let_in = (asyncio.Event() for _ in range(3))
        await super().serve()

    async def begin(self) -> None:
        if not isinstance(self.device.port, str):
            await self._until(self._greeted, "no answer: it does not greet")
            if self.options.password.get_secret_value():
                await self._log_in()
            await asyncio.sleep(self.options.settle_seconds)
        # It tells what hands do at the panel. A line that was just opened may begin with noise.
        await self._say("\x1b1CV\r", r".*Vrb\s*\d")
        counts = ("outputs", self.options.outputs), ("sources", self.options.inputs)
        self.report(**{name: {str(at): "" for at in range(1, count + 1)} for name, count in counts})
        for command, reading in (("N", "model"), ("Q", "firmware")):
            with suppress(Rejected):
                self.report(**{reading: (await self._say(command, r".+"))})

    async def _log_in(self) -> None:
        await self._until(self._prompted, "no answer: it does not ask for the password that is configured")
        self._prompted.clear()
        password = f"{self.options.password.get_secret_value()}\r".encode()
        await self.ask(password, fits=lambda said: said.lower().startswith("login"))

    async def _until(self, event: asyncio.Event, otherwise: str) -> None:
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                await event.wait()
        except TimeoutError:
            raise LinkError(otherwise) from None

    def shown(self, request: bytes) -> str:
        password = self.options.password.get_secret_value()
        return "(password)" if password and request == f"{password}\r".encode() else ""

    def screen(self, answer: str) -> None:
        if "(c)" in answer or answer == PROMPT:
            self._greeted.set()
        if answer != PROMPT:
            self._fold(answer)
            return
        if not self.options.password.get_secret_value():
            raise AuthRefused("it wants a password and none is configured")
        if self._let_in.is_set():
            raise AuthRefused("it refuses the password")
        self._let_in.set()
        self._prompted.set()

    def unasked(self, answer: str) -> None:
        """What hands do at the panel was folded already; a preset may have changed everything."""
        if answer.startswith(("Rpr", "Exe")):
            self.look_again()

    def _fold(self, answer: str) -> None:
        if (tie := TIE.match(answer)) and (tie[3] or "All").lower() in ("all", "vid", "rgb"):
            self._routed(tie[1], tie[2])

    def _routed(self, output: str, source: str) -> None:
        route = {str(int(output)): str(int(source)) if int(source) else ""}
        self.report(routes={**self.readings.get("routes", {}), **route})

    async def _say(self, command: str, answer: str) -> str:
        """The answer of this form; Rejected when it is an error."""
        wanted = re.compile(answer, re.IGNORECASE)
        said = await self.ask(
            command.encode(), fits=lambda line: bool(wanted.fullmatch(line) or re.fullmatch(r"E\d\d", line))
        )
        if re.fullmatch(r"E\d\d", said):
            raise Rejected(f"the switcher refuses: {FAULTS.get(said, 'an error')}", said)
        return said

    async def route(self, output: str, source: str) -> None:
        one_of(output, self.readings.get("outputs", ()), "output")
        one_of(source, ("", *self.readings.get("sources", ())), "source")
        await self._say(f"{source or 0}*{output}!", rf"Out0*{output}\W+In0*{source or 0}\W*All")
        self.look_again()

    async def recall_routes(self, number: int) -> None:
        await self._say(f"{within(number, 1, 64, 'number')}.", rf"Rpr0*{number}")
        self.look_again()

    async def look(self) -> None:
        for output in self.readings["outputs"]:
            # Tagged or not, its last number is the input; another output's tie is not the answer.
            said = await self._say(f"{output}%", rf"\d+|Out0*{output}\W+In\d+\W*\w*")
            if found := re.search(r"(\d+)\D*$", said):
                self._routed(output, found[1])


DRIVER = ExtronSis
