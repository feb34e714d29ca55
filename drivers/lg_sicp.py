"""LG commercial displays, on TCP 9761 or a serial line (source: LG owner's manuals; nodel, Companion).

Asked ``ka 01 FF`` and a carriage return (FF asks, anything else sets), answered ``a 01 OK01x``; numbers are
hexadecimal text, the ``x`` is all that ends an answer. It never speaks unasked; set id 0 is not answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import Field

from avctl.capabilities import Brightness, Inputs, Layouts, Picture, Power, Volume
from avctl.errors import ProtocolError, Rejected
from drivers.frames import NOISE
from drivers.polled import Codec, Display, SerialDisplayOptions, one_of, percent, within

LONGEST = 64
ANSWER = re.compile(rb"([a-z]) ([0-9a-fA-F]{2,3}) (OK|NG)([^x]*)x")

# The code for a television's signal and the one for a computer's: either may be told, or be refused.
INPUTS: Mapping[str, tuple[int, ...]] = {
    "hdmi1": (0x90, 0xA0),
    "hdmi2": (0x91, 0xA1),
    "hdmi3": (0x92, 0xA2),
    "ops": (0x98, 0xA8),
    "dp": (0xC0, 0xD0),
    "hdbaset": (0xC3, 0xD3),
    "dvi": (0x80, 0x70),
    "rgb": (0x60,),
    "component": (0x40,),
    "av": (0x20,),
    "supersign": (0xE0,),
    "multi": (0xE2,),
    "url": (0xE3,),
}
_NAMES = {code: name for name, codes in INPUTS.items() for code in codes}
NO_WALL = ("00", "01", "10", "11")
STATES: Mapping[int, str] = {  # of kz
    0: "normal",
    1: "no signal",
    2: "off by remote control",
    3: "asleep",
    4: "off by the line",
    6: "no mains",
    8: "off by its timer",
    9: "off by itself",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a display said: the second letter of the command, its id, whether it obeyed, the data."""

    letter: str
    display: int
    ok: bool
    data: str


class Answers:
    """Answers out of bytes that come in any portions; a line that was just opened may begin with noise."""

    def __init__(self) -> None:
        self._kept = b""
        self._noise = NOISE

    def feed(self, data: bytes) -> Iterator[Answer]:
        """The answers complete so far; ProtocolError for what cannot be one."""
        self._kept += data
        while (end := self._kept.find(b"x")) >= 0:
            said, self._kept = self._kept[: end + 1], self._kept[end + 1 :]
            found = ANSWER.search(said) if self._noise else ANSWER.fullmatch(said.lstrip())
            self._noise = max(0, self._noise - len(said)) if found is None else 0
            if found is None and not self._noise:
                raise ProtocolError(f"not an answer: {said[:LONGEST]!r}")
            if found is None:
                continue
            letter, display, verdict, text = (part.decode("ascii", "replace") for part in found.groups())
            yield Answer(letter=letter, display=int(display, 16), ok=verdict == "OK", data=text)
        if len(self._kept) > LONGEST:
            self._kept = b""
            raise ProtocolError("these are not answers of a display")


def encode(command: str, display: int, data: str = "FF", digits: int = 2) -> bytes:
    """The bytes of a request."""
    return f"{command} {display:0{digits}X} {data}\r".encode()


class Options(SerialDisplayOptions):
    """What an LG display can be told in the configuration."""

    set_id: int = Field(1, ge=1, le=1000, description="The set id in the display's own menu.")
    id_digits: int = Field(2, ge=2, le=3, description="Digits of the set id: three on some models.")
    dark_value: str = Field(
        "01",
        pattern="^0[01]$",
        description="What darkens the picture: 01 by LG's manuals, 00 on some models.",
    )


class LgSicp(Display[Answer], Power, Inputs, Volume, Brightness, Picture, Layouts):
    """A display or one tile of a wall; also reports temperature (°C), hours, state, fault and serial."""

    title = "LG display"
    port = 9761
    serial = True
    told_apart_by = "set_id"
    Options = Options

    def codec(self) -> Codec[Answer]:
        return Answers()

    async def switch(self, on: bool) -> None:
        await self._say("ka", f"{on:02X}")

    async def set_input(self, name: str) -> None:
        codes = INPUTS[one_of(name, INPUTS)]
        for code in codes:
            try:
                await self._set("xb", f"{code:02X}")
                return
            except Rejected:
                if code == codes[-1]:
                    raise

    async def set_volume(self, level: int) -> None:
        await self._set("kf", f"{percent(level):02X}")

    async def mute(self, on: bool) -> None:
        await self._set("ke", f"{not on:02X}")  # 00 is silence

    async def set_brightness(self, level: int) -> None:
        await self._set("kh", f"{percent(level):02X}")

    async def show_picture(self, on: bool) -> None:
        dark = int(self.options.dark_value)
        await self._set("kd", f"{1 - dark if on else dark:02X}")

    async def join_wall(self, rows: int, columns: int, tile: int) -> None:
        within(rows, 1, 14 if columns == 15 else 15, "rows")  # FF would ask
        within(columns, 1, 15, "columns")
        within(tile, 1, rows * columns, "tile")
        await self._set("dd", f"{columns:X}{rows:X}")
        await self._set("di", f"{tile:02X}")

    async def leave_wall(self) -> None:
        await self._set("dd", "00")

    def unasked(self, answer: Answer) -> None:
        if answer.display == self.options.set_id:  # others are other displays on the same line
            super().unasked(answer)

    async def _set(self, command: str, data: str) -> None:
        await self._say(command, data)
        self.look_again()

    async def _say(self, command: str, data: str) -> str:
        answer = await self.ask(
            encode(command, self.options.set_id, data, self.options.id_digits),
            fits=lambda said: said.letter == command[1] and said.display == self.options.set_id,
        )
        if not answer.ok:
            raise Rejected(f"the display refuses {command}", answer.data)
        return answer.data

    async def _number(self, command: str) -> int | None:
        """A value it tells; None when it refuses, which is normal for what does not apply now."""
        with suppress(Rejected):
            said = await self._say(command, "FF")
            try:
                return int(said, 16)
            except ValueError:
                raise ProtocolError(f"{command} is no number: {said!r}") from None
        return None

    async def look(self) -> None:
        power = await self._number("ka")
        if power is not None:
            self.report(power=power == 1, inputs=tuple(INPUTS))
        if power != 1:
            self.report(fault="")
            return
        if (code := await self._number("xb")) is not None:
            self.report(input=_NAMES.get(code, f"input_{code:02x}"))
        if (dark := await self._number("kd")) is not None:
            self.report(picture=dark != int(self.options.dark_value))
        for command, reading in (("kf", "volume"), ("kh", "brightness")):
            level = await self._number(command)
            if level is not None and level <= 100:
                self.report(**{reading: level})
        if (sounds := await self._number("ke")) is not None:
            self.report(muted=sounds == 0)
        await self._look_at_wall()
        await self._look_for_faults()

    async def _look_at_wall(self) -> None:
        with suppress(Rejected):
            said = await self._say("dd", "FF")
            if not re.fullmatch(r"[0-9a-fA-F]{2}", said):
                raise ProtocolError(f"not a wall: {said!r}")
            wall = said not in NO_WALL
            columns, rows = (int(said[0], 16), int(said[1], 16)) if wall else (1, 1)
            self.report(wall=wall, rows=rows, columns=columns)
            if wall and (tile := await self._number("di")) is not None:
                self.report(tile=tile)

    async def _look_for_faults(self) -> None:
        for command, reading in (("dn", "temperature"), ("dl", "hours")):
            if (value := await self._number(command)) is not None:
                self.report(**{reading: value})
        if (state := await self._number("kz")) is not None:
            self.report(state=STATES.get(state, str(state)), fault="no signal" if state == 1 else "")
        if "serial" not in self.readings:
            with suppress(Rejected):
                self.report(serial=(await self._say("fy", "FF")).strip())


DRIVER = LgSicp
