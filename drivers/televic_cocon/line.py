"""Questions and commands to a CoCon server."""

from __future__ import annotations

import asyncio
from typing import Any

from avctl.config import Device
from avctl.driver import Driver, Publish
from avctl.errors import LinkError, Rejected
from avctl.http import Answer, Http
from drivers.televic_cocon.messages import content


class Line(Driver):
    """A driver that asks a CoCon server; ``_news`` wakes whoever looks around."""

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._http: Http | None = None
        self._news = asyncio.Event()

    async def _find(self, path: str) -> Any:
        """What a command tells; most answers bear its name around it."""
        found = content(await self._get(path))
        return found.get(path.split("/")[1], found) if isinstance(found, dict) else {}

    async def _get(self, path: str, seconds: float = 0) -> Answer:
        if self._http is None:
            raise LinkError("there is no connection")
        return await self._http.ask("GET", f"/CoCon/{path}", seconds or self.options.answer_seconds)

    async def _do(self, path: str) -> None:
        answer = await self._get(path)
        found = content(answer)
        if not answer.ok or str(found).strip() != "0":
            reason = {"1": "a wrong parameter", "-1": "an error of its own"}.get(str(found), str(found)[:200])
            raise Rejected(f"the server refused: {reason}", code=str(found)[:200])
        self._news.set()
