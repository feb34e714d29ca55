"""Projectors and displays that speak PJLink, class 1 and 2, on TCP 4352 (source: JBMIA's specification).

Asked ``%1POWR ?``, answered ``%1POWR=1``; each line ends with a carriage return. On connect it says
``PJLINK 0``, or ``PJLINK 1 <salt>`` when it wants a password. Class 2 adds ``%2…`` and notices by UDP, which
are only hints.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from hashlib import md5

from pydantic import Field, SecretStr

from avctl import wire
from avctl.capabilities import Inputs, Picture, Power, Volume, lacking
from avctl.errors import AuthRefused, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.events import Link
from drivers.polled import Codec, Display, DisplayOptions, Lines, one_of

KINDS: Mapping[str, str] = {
    "1": "rgb",
    "2": "video",
    "3": "digital",
    "4": "storage",
    "5": "network",
    "6": "internal",
}
POWER: Mapping[str, str] = {"0": "standby", "1": "on", "2": "cooling", "3": "warming"}
WARMING = POWER["3"]
LAMP_SECONDS = 30.0  # more that a lamp may take which is warming up
PARTS = ("fan", "lamp", "temperature", "cover", "filter", "other")  # the six digits of ERST
REFUSALS: Mapping[str, str] = {
    "ERR1": "it does not know this command",
    "ERR2": "it does not know this value",
    "ERR3": "not now",
    "ERR4": "it has a fault",
}
LONGEST = 256  # a value has up to 128 bytes
TEXTS: Mapping[str, str] = {"NAME": "name", "INF1": "maker", "INF2": "model"}


def input_name(code: str) -> str:
    """What an input is called here: its kind and its number or letter."""
    return f"{KINDS.get(code[:1], 'input' + code[:1])}{code[1:].lower()}"


def input_code(name: str) -> str:
    """The two characters of an input; empty for a name that is none."""
    found = re.fullmatch(r"([a-z]+)([1-9a-z])", name)
    codes = {kind: code for code, kind in KINDS.items()}
    return codes[found[1]] + found[2].upper() if found and found[1] in codes else ""


def digest(salt: str, password: str) -> str:
    """What goes before the first command of a connection where a password is wanted."""
    return md5((salt + password).encode()).hexdigest()


def lamp_hours(said: str) -> tuple[int, ...]:
    """The hours of each lamp out of ``hours on hours on``."""
    words = said.split()
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise ProtocolError(f"not the hours of lamps: {said!r}")
    return tuple(int(hours) for hours in words[::2])


def faults(said: str) -> str:
    """What ERST complains about, in words."""
    if not re.fullmatch(r"[0-2]{6}", said):
        raise ProtocolError(f"not an error status: {said!r}")
    grades = {"1": " (warning)", "2": ""}
    return ", ".join(
        f"{part}{grades[grade]}" for part, grade in zip(PARTS, said, strict=True) if grade != "0"
    )


class Options(DisplayOptions):
    """What a PJLink projector can be told in the configuration."""

    poll: float = Field(5, gt=0, le=20, description="Seconds between two looks; after 30 s it hangs up.")
    password: SecretStr = Field(SecretStr(""), description="Password set in its menu; empty: none.")
    one_command: bool = Field(
        False, description="Connect anew for each command: for those that hang up after each."
    )
    notices_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="UDP port on which its notices are heard, 4352 by the standard; 0: none.",
    )


class Pjlink(Display[str], Power, Inputs, Volume, Picture):
    """A projector; also reports state, lamp_hours, fault, name, maker, model, and of class 2 more."""

    title = "Projector (PJLink)"
    port = 4352
    Options = Options

    _seal = ""  # goes before the first command of a connection when there is a password
    _class = "1"

    set_volume = lacking("PJLink steps the volume up and down and does not tell it")

    @property
    def warming(self) -> float:
        """Also when somebody else switched it on: it says so itself."""
        warms = self.link is Link.ONLINE and self.readings.get("state") == WARMING
        return max(super().warming, LAMP_SECONDS if warms else 0.0)

    def codec(self) -> Codec[str]:
        return Lines(b"\r", LONGEST)

    async def serve(self) -> None:
        """Look at the projector until it fails to answer, and hear its notices beside."""
        self._identified = False
        async with wire.notices(self.options.notices_port, self.device.host, self._noticed, self.log):
            if not self.options.one_command:
                await super().serve()
            self._one_at_a_time, self._news = asyncio.Lock(), asyncio.Event()
            await self._watch()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[wire.Wire]:
        self._greeted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with super().connected() as line:
            yield line

    async def switch(self, on: bool) -> None:
        await self._set("POWR", str(int(on)))

    async def set_input(self, name: str) -> None:
        # What a projector did not list it may have all the same.
        known = self.readings.get("inputs") or (name if input_code(name) else "digital1",)
        await self._set("INPT", input_code(one_of(name, known)))

    async def mute(self, on: bool) -> None:
        dark = self.readings.get("picture") is False
        await self._set("AVMT", "31" if on and dark else f"2{on:d}")

    async def show_picture(self, on: bool) -> None:
        # Both are said together: on some, 11 alone would let the sound be heard again.
        silent = bool(self.readings.get("muted"))
        await self._set("AVMT", "31" if silent and not on else f"1{not on:d}")

    async def begin(self) -> None:
        if not self.options.one_command:
            try:
                async with asyncio.timeout(self.options.answer_seconds):
                    self._take_greeting(await asyncio.shield(self._greeted))
            except TimeoutError:
                raise LinkError("no answer: it does not greet") from None
        await super().begin()

    def _take_greeting(self, said: str) -> None:
        match said.split(" "):
            case ["PJLINK", "0"]:
                self._seal = ""
            case ["PJLINK", "1", salt]:
                self._seal = digest(salt, self.options.password.get_secret_value())
            case _:
                raise ProtocolError(f"not a PJLink greeting: {said!r}")

    def screen(self, answer: str) -> None:
        if answer.upper() == "PJLINK ERRA":
            raise AuthRefused("the projector refuses the password")

    def shown(self, request: bytes) -> str:
        return "" if request.startswith(b"%") else f"(password) {request[32:]!r}"

    def unasked(self, answer: str) -> None:
        if self._greeted.done():
            super().unasked(answer)
        self._greeted.set_result(answer)

    def _noticed(self, datagram: bytes) -> None:
        """Power, input, fault or link changed: only a hint, since anybody can send a datagram."""
        if re.match(rb"%2(LKUP|POWR|ERST|INPT)=", datagram):
            self.look_again()

    # --- asking ------------------------------------------------------------------------------------------

    async def _set(self, command: str, value: str) -> None:
        await self._say(command, value)
        self.look_again()

    async def _get(self, command: str, level: str = "1", value: str = "?") -> str | None:
        """What it says; None when it cannot tell, which for each is normal at some time."""
        with suppress(Rejected):
            return await self._say(command, value, level)
        return None

    async def _say(self, command: str, value: str, level: str = "1") -> str:
        question = f"%{level}{command} {value}\r"
        if self.options.one_command:
            said = await self._alone(question)
        else:
            said = await self.ask(self._sealed(question))
        self.screen(said)
        head, equals, meaning = said.partition("=")
        if not equals or head[2:].upper() != command:
            raise ProtocolError(f"an answer to another question: {said!r}")
        if meaning in REFUSALS:
            raise Rejected(f"the projector refuses: {REFUSALS[meaning]}", meaning)
        return meaning

    def _sealed(self, question: str) -> bytes:
        seal, self._seal = self._seal, ""
        return f"{seal}{question}".encode()

    async def _alone(self, question: str) -> str:
        """One question on a connection of its own."""
        async with self._one_at_a_time, self.connected() as line, aclosing(self._lines(line)) as lines:
            try:
                async with asyncio.timeout(self.options.answer_seconds):
                    self._take_greeting(await anext(lines))
                    request = self._sealed(question)
                    await line.send(request, self.shown(request))
                    return await anext(lines)
            except TimeoutError:
                raise NoAnswer(f"no answer within {self.options.answer_seconds:g} s") from None

    async def _lines(self, line: wire.Wire) -> AsyncGenerator[str, None]:
        codec = self.codec()
        while True:
            for said in codec.feed(await line.receive()):
                yield said

    # --- looking -----------------------------------------------------------------------------------------

    async def look(self) -> None:
        if not self._identified:
            await self._identify()
        power = await self._get("POWR")
        if power is not None:
            self.report(power=power in ("1", "3"), state=POWER.get(power, power))
        if power == "1":  # otherwise it has no input, and muting is refused
            if code := await self._get("INPT"):
                self.report(input=input_name(code))
            if muted := await self._get("AVMT"):
                self.report(picture=muted not in ("11", "31"), muted=muted in ("21", "31"))
            if self._class == "2" and (size := await self._get("IRES", "2")):
                self.report(resolution=size, signal=size != "-")
        if errors := await self._get("ERST"):
            self.report(fault=faults(errors))
        if lamps := await self._get("LAMP"):
            self.report(lamp_hours=lamp_hours(lamps))
        if self._class == "2" and (filtered := await self._get("FILT", "2")):
            self.report(filter_hours=int(filtered) if filtered.isdigit() else None)

    async def _identify(self) -> None:
        """Once for each connection that lasts: its class, its names, its inputs."""
        self._class = "2" if (await self._get("CLSS")) == "2" else "1"
        told = await self._get("INST", self._class) or (
            await self._get("INST") if self._class == "2" else None
        )
        self.report(inputs=tuple(input_name(code) for code in (told or "").split()))
        for command, reading in TEXTS.items():
            self.report(**{reading: await self._get(command) or ""})
        if self._class == "2":
            for command, reading in (("SNUM", "serial"), ("SVER", "firmware")):
                self.report(**{reading: await self._get(command, "2") or ""})
        self.report(pjlink_class=int(self._class))
        self._identified = True


DRIVER = Pjlink
