"""A CometD server that is not there: who listens to which channel, by long polling."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

MOST_CLIENTS = 8
HOLDS = 20.0  # seconds a question for events is held


class Listener:
    """Who listens to events."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        self.ready = False
        self.waiting: list[dict[str, Any]] = []
        self.news = asyncio.Event()


class Listeners:
    """Everybody who listens; they hear of something once they have published on the channel ``init``."""

    def __init__(self, init: str) -> None:
        self._init = init
        self._known: dict[str, Listener] = {}

    def tell(self, channel: str, data: object) -> None:
        """Say something on a channel."""
        for client in self._known.values():
            if client.ready and channel in client.channels:
                client.waiting.append({"channel": channel, "data": data})
                client.news.set()

    def forget(self) -> None:
        """Know nobody any more, as after a restart."""
        for client in self._known.values():
            client.news.set()
        self._known.clear()

    async def answer(self, body: bytes) -> Response:
        """The answer to one message; to a question for events once there are some."""
        try:
            (asked,) = json.loads(body)
            channel, number = str(asked["channel"]), asked.get("id")
        except (ValueError, KeyError, TypeError):
            return Response(status_code=400)
        said: dict[str, Any] = {"channel": channel, "id": number, "successful": True}
        if channel == "/meta/handshake":
            return JSONResponse([said | self._greet()])
        client = self._known.get(str(asked.get("clientId", "")))
        if client is None:
            unknown = {"successful": False, "error": "402::Unknown client"}
            return JSONResponse([{**said, **unknown, "advice": {"reconnect": "handshake"}}])
        if channel == "/meta/subscribe":
            client.channels.add(str(asked.get("subscription", "")))
            said["subscription"] = asked.get("subscription")
        elif channel == self._init:
            client.ready = True
        elif channel == "/meta/connect":
            if not client.waiting:
                client.news.clear()
                try:
                    async with asyncio.timeout(HOLDS):
                        await client.news.wait()
                except TimeoutError:
                    pass
            told, client.waiting = client.waiting, []
            return JSONResponse([*told, said])
        return JSONResponse([said])

    def _greet(self) -> dict[str, Any]:
        name = uuid.uuid4().hex
        self._known[name] = Listener()
        while len(self._known) > MOST_CLIENTS:  # who went without a word is forgotten
            self._known.pop(next(iter(self._known))).news.set()
        advice = {"reconnect": "retry", "interval": 0, "timeout": int(HOLDS * 1000)}
        supported = {"version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        return {"clientId": name, **supported, "advice": advice}
