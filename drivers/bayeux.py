"""Bayeux 1.0 by long polling, as CometD servers speak it: shake hands, subscribe, ask again and again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from avctl.errors import LinkError, ProtocolError
from avctl.http import Http

HOLDS = 60.0  # seconds a server holds a question, where it does not say


class Bayeux:
    """One client of a server."""

    def __init__(self, http: Http, path: str, seconds: float, headers: Mapping[str, str]) -> None:
        self._http, self._path, self._seconds, self._headers = http, path, seconds, headers
        self._client = ""
        self._holds = HOLDS
        self._numbers = count(1)

    async def subscribe(self, channel: str) -> None:
        """Become a client, and hear a channel from now on."""
        shaken = await self._meta(
            "/meta/handshake", version="1.0", minimumVersion="1.0", supportedConnectionTypes=["long-polling"]
        )
        self._client = str(shaken.get("clientId", ""))
        if not self._client:
            raise ProtocolError("a handshake without a client's id")
        await self._meta("/meta/subscribe", subscription=channel)

    async def publish(self, channel: str, data: object) -> None:
        """Say something on a channel."""
        await self._ask(self._seconds, channel=channel, data=data)

    async def hear(self) -> list[Any]:
        """What was said since the last time, waiting as long as the server does; LinkError at its end."""
        told = await self._ask(
            self._holds + self._seconds, channel="/meta/connect", connectionType="long-polling"
        )
        for one in told:
            if one.get("channel") == "/meta/connect":
                self._judge(one)
        return [one["data"] for one in told if "data" in one]

    async def _meta(self, channel: str, **fields: Any) -> Mapping[str, Any]:
        told = await self._ask(self._seconds, channel=channel, **fields)
        answer = next((one for one in told if one.get("channel") == channel), None)
        if answer is None:
            raise ProtocolError(f"no answer to {channel}")
        self._judge(answer)
        return answer

    def _judge(self, answer: Mapping[str, Any]) -> None:
        if answer.get("successful") is not True:
            raise LinkError(f"its events are refused: {str(answer.get('error', ''))[:80]}")
        advice = answer.get("advice")
        if isinstance(advice, Mapping) and isinstance(held := advice.get("timeout"), int | float):
            self._holds = min(max(held / 1000, 1.0), 600.0)

    async def _ask(self, seconds: float, **message: Any) -> list[Mapping[str, Any]]:
        if self._client:
            message["clientId"] = self._client
        message["id"] = str(next(self._numbers))
        answer = await self._http.ask("POST", self._path, seconds, [message], headers=self._headers)
        if not answer.ok:
            raise LinkError(f"its events are answered with HTTP {answer.status}")
        told = answer.json()
        if not isinstance(told, list) or not all(isinstance(one, Mapping) for one in told):
            raise ProtocolError(f"no list of messages: {answer.text[:80]!r}")
        return told
