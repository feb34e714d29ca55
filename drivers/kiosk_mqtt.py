"""Kiosks whose agent speaks through an MQTT broker (source: MQTT 3.1.1; the topics are avctl's own contract).

An agent connects with the will ``<base>/<id>/online`` = ``0`` and says there ``1``, both retained; it says
``<base>/<id>/status`` every 10 s and at each change, retained, in JSON: ``{"at": "2026-11-28T09:00:00Z",
"page": "http://...", "browser": true, "error": "", "uptime": 3600, "version": "1.0"}``. It is told what to do
on ``<base>/<id>/cmd``, ``{"id": "7f-1", "do": "show", "url": "http://..."}`` (or reload, screenshot), and
answers on ``<base>/<id>/ack``: ``{"id": "7f-1", "ok": true}``, with ``error``, or with ``jpeg`` in Base64.

A ``1`` outlives a broker's crash, and a retained status says nothing of now: only its age does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pydantic import Field, SecretStr

from avctl.driver import together
from avctl.errors import LinkError, NoAnswer, ProtocolError, Rejected
from avctl.events import Link, now
from avctl.mqtt import Message, Mqtt, mqtt
from avctl.wire import trusting
from drivers.kiosk import Kiosk, Showing
from drivers.kiosk import Options as KioskOptions

MISSED = 2.5  # statuses in a row after which an agent is silent
SKEW = timedelta(seconds=5)  # by which a PC's clock may be ahead


class Options(KioskOptions):
    """What a kiosk with an agent can be told."""

    poll: float = Field(2, gt=0, le=60, description="Seconds between two looks at the age of its status.")
    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which an act was not done.")
    base: str = Field("kiosks", pattern=r"^[^+#\x00]+$", description="What its topics begin with.")
    id: str = Field("", pattern=r"^[^+#/\x00]*$", description="Its name there; empty: the device's id.")
    user: str = Field("", description="Name that the broker wants; empty: none.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    tls: bool = Field(False, description="Speak TLS; the port is then usually 8883.")
    status_seconds: float = Field(10, gt=0, le=600, description="Seconds between two statuses of the agent.")


class KioskMqtt(Kiosk):
    """A kiosk's agent; also reports version, that of the agent."""

    title = "Kiosk (agent by MQTT)"
    port = 1883
    told_apart_by = "id"
    Options = Options

    _line: Mqtt | None = None

    async def serve(self) -> None:
        """Hear the agent until the broker fails."""
        self.report(wakes=bool(self.options.mac))
        self._asked = dict[str, asyncio.Future[Mapping[str, Any]]]()
        self._numbers, self._mark = count(1), secrets.token_hex(4)
        self._heard_at, self._left = asyncio.get_running_loop().time(), False
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        user, password = self.options.user, self.options.password.get_secret_value()
        topics = [f"{self._topic}/{part}" for part in ("online", "status", "ack")]
        login = (user, password) if user else None
        try:
            async with mqtt(self.device.host, port, self.log, topics, tls, login) as self._line:
                await together(self._hear(self._line), self._watch())
        finally:
            self._line = None
            self.missed("unknown", "its broker cannot be reached")
            for asked in self._asked.values():
                asked.cancel()

    # --- verbs -------------------------------------------------------------------------------------------

    async def show_page(self, url: str) -> None:
        self.want(url)
        await self._ask("show", url=url)

    async def reload_page(self) -> None:
        await self._ask("reload")

    async def screenshot(self) -> bytes:
        """What the kiosk shows, as a JPEG picture."""
        told = await self._ask("screenshot")
        try:
            return base64.b64decode(told["jpeg"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise ProtocolError("the agent sent no picture") from None

    # --- the conversation --------------------------------------------------------------------------------

    @property
    def _topic(self) -> str:
        return f"{self.options.base}/{self.options.id or self.device.id}"

    async def _ask(self, act: str, **details: str) -> Mapping[str, Any]:
        line = self._line
        if line is None:
            raise LinkError("the broker is not connected")
        name = f"{self._mark}-{next(self._numbers)}"
        answer = self._asked[name] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                await line.publish(f"{self._topic}/cmd", json.dumps({"id": name, "do": act, **details}))
                await asyncio.wait((answer,))
        except TimeoutError:
            raise NoAnswer(f"the agent did not answer within {self.options.answer_seconds:g} s") from None
        finally:
            del self._asked[name]
        if answer.cancelled():
            raise LinkError("the link ended before the agent answered")
        told: Mapping[str, Any] = answer.result()
        if told.get("ok") is not True:
            raise Rejected(f"the agent refuses: {str(told.get('error', ''))[:200]}")
        return told

    async def _hear(self, line: Mqtt) -> None:
        while True:
            message = await line.hear()
            match message.topic.removeprefix(f"{self._topic}/"):
                case "online":
                    if message.text.strip() == "0":
                        self._left = True
                        self._away("PC dead", "its agent has left")
                case "status":
                    self._status(message)
                case "ack":
                    told = _table(message)
                    asked = self._asked.get(str(told.get("id", "")))
                    if asked is not None and not asked.done():
                        asked.set_result(told)

    def _status(self, message: Message) -> None:
        told = _table(message)
        page, alive, error = told.get("page", ""), told.get("browser", True), told.get("error", "")
        if not isinstance(page, str) or not isinstance(alive, bool) or not isinstance(error, str):
            raise ProtocolError(f"no status: {message.text[:80]!r}")
        if message.retained and not self._is_fresh(told.get("at")):
            return  # of a time that nobody knows, or long ago
        self._heard_at, self._left = asyncio.get_running_loop().time(), False
        self.beat()
        if alive:
            self.judge(page, fault=error)
        else:
            self.missed("browser dead", error or "the agent lives, the browser does not")
        self.report(version=str(told.get("version", "")))
        self.online()

    def _is_fresh(self, at: object) -> bool:
        try:
            said = datetime.fromisoformat(str(at))
        except ValueError:
            return False
        age = now() - (said if said.tzinfo else said.replace(tzinfo=UTC))
        return -SKEW <= age <= timedelta(seconds=self._patience)

    @property
    def _patience(self) -> float:
        return float(self.options.status_seconds * MISSED)

    async def _watch(self) -> None:
        """Notice when the agent has been silent too long: nobody else says so."""
        while True:
            await asyncio.sleep(min(self.options.poll, self._patience / 4))
            silent = asyncio.get_running_loop().time() - self._heard_at
            if silent > self._patience and not self._left:  # of one that has left, more is known
                self._away("unknown", "its agent does not say anything")

    def _away(self, showing: Showing, why: str) -> None:
        self.missed(showing, why)
        self.set_link(Link.OFFLINE, why)


def _table(message: Message) -> Mapping[str, Any]:
    try:
        told = json.loads(message.text)
    except (ValueError, RecursionError):
        raise ProtocolError(f"not JSON: {message.text[:80]!r}") from None
    if not isinstance(told, Mapping):
        raise ProtocolError(f"no JSON object: {message.text[:80]!r}")
    return told


DRIVER = KioskMqtt
