"""UPSes behind Network UPS Tools (upsd), on TCP 3493 (source: NUT's developer guide, network protocol).

Lines: ``GET VAR hall ups.status`` is answered ``VAR hall ups.status "OL CHRG"``, a list by lines from
``BEGIN LIST`` to ``END LIST``, what is wrong by ``ERR`` and a word. It never speaks unasked.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from pydantic import Field, SecretStr

from avctl.capabilities import Ups
from avctl.errors import AuthRefused, ProtocolError, Rejected
from drivers.polled import Codec, Lines, Options, Polled

LONGEST = 1024
MOST = 2000  # variables of a UPS
FAULTS: Mapping[str, str] = {  # words of ups.status that a person must see
    "LB": "battery low",
    "RB": "battery must be replaced",
    "OVER": "overloaded",
    "BYPASS": "on bypass",
    "OFF": "off",
    "FSD": "is shutting down",
    "ALARM": "alarm",
}
STALE = ("DATA-STALE", "DRIVER-NOT-CONNECTED")
REFUSED = ("ACCESS-DENIED", "USERNAME-REQUIRED", "PASSWORD-REQUIRED", "INVALID-USERNAME", "INVALID-PASSWORD")
NUMBERS: Mapping[str, str] = {
    "battery.charge": "charge",
    "battery.runtime": "runtime",
    "ups.load": "load",
    "input.voltage": "voltage",
    "ups.temperature": "temperature",
}


class Answers:
    """Answers out of bytes that come in any portions; a list is one answer, its lines in their order."""

    def __init__(self) -> None:
        self._lines = Lines(b"\n", LONGEST)
        self._list: list[str] = []

    def feed(self, data: bytes) -> Iterator[tuple[str, ...]]:
        """The answers complete so far; ProtocolError for what cannot be one."""
        for line in self._lines.feed(data):
            if self._list or line.startswith("BEGIN LIST "):
                self._list.append(line)
                if len(self._list) > MOST:
                    self._list = []
                    raise ProtocolError(f"a list of more than {MOST} lines")
                if line.startswith("END LIST "):
                    whole, self._list = self._list, []
                    yield tuple(whole)
            else:
                yield (line,)


def words(line: str) -> list[str]:
    """The words of a line, without their quotes."""
    try:
        return shlex.split(line)
    except ValueError as fault:
        raise ProtocolError(f"not a line of upsd: {line[:80]!r}") from fault


def quoted(text: str) -> str:
    """A word as it is sent."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(text: str) -> float | None:
    """A value that is a number; None when it is none."""
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


class UpsOptions(Options):
    """What a UPS can be told in the configuration."""

    ups: str = Field("ups", pattern=r"^[\w.-]+$", description="Its name in ups.conf of the server.")
    user: str = Field("", description="User of upsd; empty: nobody needs to log in to read.")
    password: SecretStr = Field(SecretStr(""), description="Password of that user.")
    poll: float = Field(3, gt=0, le=60, description="Seconds between two looks.")


class NutUps(Polled[tuple[str, ...]], Ups):
    """A UPS; also reports status (NUT's words), voltage, temperature and model."""

    title = "UPS (Network UPS Tools)"
    port = 3493
    told_apart_by = "ups"
    Options = UpsOptions

    def codec(self) -> Codec[tuple[str, ...]]:
        return Answers()

    async def begin(self) -> None:
        if self.options.user:
            await self._say(f"USERNAME {quoted(self.options.user)}")
            await self._say(f"PASSWORD {quoted(self.options.password.get_secret_value())}")

    def shown(self, request: bytes) -> str:
        return "PASSWORD (password)" if request.startswith(b"PASSWORD ") else ""

    async def _say(self, line: str) -> tuple[str, ...]:
        said = await self.ask(f"{line}\n".encode())
        if said[0].startswith("ERR "):
            code = said[0].split(" ")[1]
            if code in REFUSED:
                raise AuthRefused(f"upsd refuses the log-in ({code})")
            raise Rejected(f"upsd refuses: {code.replace('-', ' ').lower()}", code)
        return said

    async def look(self) -> None:
        try:
            said = await self._say(f"LIST VAR {self.options.ups}")
        except Rejected as refusal:
            # What was last heard is no longer so: whether there is mains is not known.
            lost = refusal.code in STALE
            fault = "the server has lost the UPS" if lost else str(refusal)
            self.report(on_battery=None, status="", fault=fault)
            return
        values: dict[str, str] = {}
        for line in said[1:-1]:
            parts = words(line)
            if len(parts) != 4 or parts[0] != "VAR":
                raise ProtocolError(f"not a variable: {line[:80]!r}")
            values[parts[2]] = parts[3]
        self._report_all(values)

    def _report_all(self, values: Mapping[str, str]) -> None:
        status = values.get("ups.status", "").split()
        on_battery = True if "OB" in status else False if "OL" in status else None
        faults = [text for word, text in FAULTS.items() if word in status]
        faults += ["mains: not known"] if on_battery is None and not faults else []
        faults += [values["ups.alarm"]] if values.get("ups.alarm") else []
        self.report(
            status=" ".join(status),
            on_battery=on_battery,
            low="LB" in status,
            fault=", ".join(faults),
            model=" ".join(values[key] for key in ("ups.mfr", "ups.model") if values.get(key)),
        )
        for name, reading in NUMBERS.items():
            value = number(values.get(name, ""))
            whole = reading in ("charge", "runtime", "load")
            self.report(**{reading: round(value) if whole and value is not None else value})


DRIVER = NutUps
