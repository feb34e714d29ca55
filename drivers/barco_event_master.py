"""Barco Event Master, wall processors of the E2 and S3 family: JSON-RPC 2.0 over HTTP, on port 9999.

``POST /jsonrpc`` of ``{"method": "activatePreset", "params": {"id": 0, "type": 1}, "jsonrpc": "2.0", "id":
"0"}`` is answered with ``{"jsonrpc": "2.0", "result": {"success": 0, "response": null}, "id": "0"}``; 0: yes.
It can be asked for its presets, not for the one that is shown: reported is the one it last said yes to, and
nothing after the link was lost. Sources: npm barco-eventmaster 6.2.1, Bitfocus Companion's module.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from avctl.capabilities import Presets
from avctl.driver import Driver
from avctl.errors import LinkError, ProtocolError, Rejected
from avctl.http import Http, http
from drivers.polled import Options as PolledOptions
from drivers.polled import one_of

PREVIEW, PROGRAM = 0, 1


class Options(PolledOptions):
    """What a wall processor can be told in the configuration."""

    poll: float = Field(15, gt=0, le=600, description="Seconds between two looks at its list of presets.")


class BarcoEventMaster(Driver, Presets):
    """A wall processor."""

    title = "Wall processor (Barco Event Master)"
    port = 9999
    Options = Options

    _http: Http | None = None
    _numbers: Mapping[str, int] = {}
    _asked = 0

    async def serve(self) -> None:
        """Look at its presets until it fails to answer."""
        self._news = asyncio.Event()
        self.report(layout="")
        async with http(self.device.host, int(self.device.port or self.port), self.log) as self._http:
            try:
                while True:
                    self._news.clear()
                    await self._look()
                    self.online()
                    await self.rest(self.options.poll, self._news)
            finally:
                self._http = None

    async def recall_layout(self, name: str) -> None:
        one_of(name, self._numbers)
        await self._ask("activatePreset", id=self._numbers[name], type=PROGRAM)
        self.report(layout=name)

    async def _look(self) -> None:
        told = await self._ask("listPresets", ScreenDest=-1, AuxDest=-1)
        if not isinstance(told, list):
            raise ProtocolError(f"no list of presets: {str(told)[:80]}")
        named = [*map(_preset, told)]
        often = Counter(name for name, _ in named)
        # By its name alone only the last of two would be recalled.
        self._numbers = {
            name if name and often[name] == 1 else f"{name} ({number})".strip(): number
            for name, number in named
        }
        self.report(layouts=tuple(self._numbers))

    async def _ask(self, method: str, **parameters: Any) -> Any:
        if self._http is None:
            raise LinkError("the wall processor is not connected")
        self._asked += 1
        number = str(self._asked)
        body = {"method": method, "params": parameters, "jsonrpc": "2.0", "id": number}
        answer = await self._http.ask("POST", "/jsonrpc", self.options.answer_seconds, body)
        if not answer.ok:
            raise Rejected(f"it answers HTTP {answer.status}", str(answer.status))
        told = answer.json()
        if not isinstance(told, Mapping) or str(told.get("id")) != number:
            raise ProtocolError(f"no answer to {method}: {answer.text[:80]!r}")
        if told.get("error"):
            raise Rejected(f"it refuses {method}: {str(told['error'])[:80]}")
        result = told.get("result")
        if not isinstance(result, Mapping):
            raise ProtocolError(f"no result of {method}: {answer.text[:80]!r}")
        if result.get("success") != 0:
            raise Rejected(f"it refuses {method}", str(result.get("success")))
        return result.get("response")


def _preset(row: object) -> tuple[str, int]:
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), int):
        raise ProtocolError(f"no preset: {str(row)[:80]}")
    return str(row.get("Name", row["id"])), row["id"]


DRIVER = BarcoEventMaster
