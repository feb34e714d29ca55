"""Questions and commands to an access point, within a log-in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from avctl.config import Device
from avctl.driver import Driver, Publish
from avctl.errors import LinkError, ProtocolError, Rejected
from avctl.http import Answer, Http

LAG_SECONDS = 0.6  # a look sooner after a write may still find what was before, so there is a second


class Line(Driver):
    """A driver that asks an access point; ``_news`` wakes whoever looks around."""

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._http: Http | None = None
        self._session: dict[str, str] = {}
        self._news = asyncio.Event()

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        seconds = self.options.answer_seconds + self.options.hold_seconds
        answer = await self._open.ask(method, path, seconds, body=body, headers=self._session)
        if answer.status == 401:
            raise LinkError(f"the session ended: it expired, or somebody else is {self.options.user!r}")
        return answer

    async def _write(self, method: str, path: str, body: object = None) -> None:
        """Do something, and look at what became of it: at once, and when it is sure to show."""
        checked(await self._ask(method, path, body))
        self._news.set()
        asyncio.get_running_loop().call_later(LAG_SECONDS, self._news.set)

    @property
    def _open(self) -> Http:
        if self._http is None:
            raise LinkError("there is no connection")
        return self._http


def checked(answer: Answer) -> Answer:
    """The answer; Rejected, in the access point's words, when it is a refusal."""
    if not answer.ok:
        raise _refusal(answer)
    return answer


def _refusal(answer: Answer) -> Rejected:
    code, said = str(answer.status), f"the access point answered {answer.status}"
    with suppress(ProtocolError):
        match answer.json():
            case {"error": {"description": str(text)}}:
                said = text
    return Rejected(said, code=code)


def rows(found: Any) -> list[Mapping[str, Any]]:
    """A list of objects; ProtocolError when it is none."""
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ProtocolError("no list of objects")
    return found
