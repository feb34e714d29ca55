"""NETIO power sockets over their JSON API, on HTTP 80 (source: NETIO's M2M document; PyPI Netio).

``GET /netio.json`` tells everything, ``POST`` of ``{"Outputs": [{"ID": 2, "Action": 0}]}`` switches and is
answered with everything again. Accounts to read and to write are two; nothing is told unasked.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import Field, SecretStr

from avctl.capabilities import Outlets
from avctl.driver import Driver
from avctl.errors import AuthRefused, BadArgument, LinkError, ProtocolError, Rejected
from avctl.http import Answer, Http, http
from avctl.wire import trusting
from drivers.polled import Options as PolledOptions

OFF, ON, OFF_THEN_ON = 0, 1, 2


class Options(PolledOptions):
    """What NETIO sockets can be told in the configuration."""

    user: str = Field("", description="Account that may read; empty: none is wanted.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    writer: str = Field("", description="Account that may switch; empty: the same.")
    writer_password: SecretStr = Field(SecretStr(""), description="Its password.")
    tls: bool = Field(False, description="Speak TLS; the port is then usually 443.")
    off_seconds: float = Field(5, ge=0.1, le=600, description="Seconds without power when it is cycled.")


NOT_CONNECTED = 999  # what it says of a sensor that is not there


class Netio(Driver, Outlets):
    """Power sockets; also reports model, firmware, voltage and watts."""

    title = "Power sockets (NETIO)"
    port = 80
    Options = Options

    _http: Http | None = None

    async def serve(self) -> None:
        """Look at the sockets until they fail to answer."""
        self._news = asyncio.Event()
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        async with http(self.device.host, port, self.log, tls) as self._http:
            try:
                while True:
                    self._news.clear()
                    self._take(await self._ask("GET", None))
                    self.online()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self.options.poll):
                            await self._news.wait()
            finally:
                self._http = None

    async def switch_outlet(self, outlet: int, on: bool) -> None:
        await self._act(outlet, Action=ON if on else OFF)

    async def cycle_outlet(self, outlet: int) -> None:
        await self._act(outlet, Action=OFF_THEN_ON, Delay=round(self.options.off_seconds * 1000))

    async def _act(self, outlet: int, **action: int) -> None:
        known = self.readings.get("outlets", {})
        if str(outlet) not in known:
            raise BadArgument("outlet", f"one of {', '.join(known)} (got {outlet})")
        self._take(await self._ask("POST", {"Outputs": [{"ID": outlet, **action}]}))
        self._news.set()

    async def _ask(self, method: str, body: object) -> Mapping[str, Any]:
        if self._http is None:
            raise LinkError("the sockets are not connected")
        answer = await self._http.ask(
            method, "/netio.json", self.options.answer_seconds, body, headers=self._login(method)
        )
        return self._checked(answer, method)

    def _login(self, method: str) -> Mapping[str, str]:
        user, password = self.options.user, self.options.password
        if method == "POST" and self.options.writer:
            user, password = self.options.writer, self.options.writer_password
        if not user:
            return {}
        pair = f"{user}:{password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _checked(self, answer: Answer, method: str) -> Mapping[str, Any]:
        if answer.status == 401 and method == "GET":
            raise AuthRefused("it refuses the log-in")
        if answer.status in (401, 403):
            raise Rejected("the account may only read", str(answer.status))
        if not answer.ok:
            raise Rejected(f"the sockets refuse it with HTTP {answer.status}", str(answer.status))
        told = answer.json()
        if not isinstance(told, Mapping) or not isinstance(told.get("Outputs"), list):
            raise ProtocolError(f"no sockets: {answer.text[:80]!r}")
        return told

    def _take(self, told: Mapping[str, Any]) -> None:
        """Everything it says; the spelling of what is not named here differs between firmwares."""
        agent, measured = _mapping(told.get("Agent")), _mapping(told.get("GlobalMeasure"))
        self.report(
            model=str(agent.get("Model", "")),
            firmware=str(agent.get("Version", "")),
            voltage=None if (volts := measured.get("Voltage")) == NOT_CONNECTED else volts,
            watts=measured.get("TotalLoad"),
            outlets=dict(map(_outlet, told["Outputs"])),
        )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _outlet(row: object) -> tuple[str, dict[str, Any]]:
    told = _mapping(row)
    number, state, current = told.get("ID"), told.get("State"), told.get("Current")
    if not isinstance(number, int) or state not in (0, 1):
        raise ProtocolError(f"no socket: {str(row)[:80]}")
    outlet: dict[str, Any] = {"name": str(told.get("Name", "")), "on": state == 1}
    if isinstance(current, int | float):  # in mA; not every model measures
        outlet["amperes"] = round(current / 1000, 2)
    return str(number), outlet


DRIVER = Netio
