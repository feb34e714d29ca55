"""A kiosk with an agent that is not there, and the broker through which it speaks.

Knobs beyond the acts: ``page``, ``version``, ``told`` (every command it got).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from avctl.config import Device
from drivers.kiosk_mqtt import KioskMqtt, Options
from drivers.sim.broker import Broker
from drivers.sim.painted import painted
from drivers.sim.server import act

START = "http://127.0.0.1/start"


class KioskMqttSimulator(Broker):
    """An agent on a PC that shows a page."""

    title = "Kiosk"
    port = KioskMqtt.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.topic = f"{self.options.base}/{self.options.id or device.id}"
        self.page = self.options.page or START
        self.version = "1.0.0"
        self.browser = self.lives = True
        self.frozen = False
        self.error = ""
        self.told: list[Mapping[str, Any]] = []

    async def listen(self) -> None:
        await super().listen()
        self.retained.clear()
        self.spawn(self._live())

    def lets_in(self, user: str, password: str) -> bool:
        wanted = self.options.user, self.options.password.get_secret_value()
        return not wanted[0] or (user, password) == wanted

    @act
    async def wander(self, url: str) -> None:
        """Follow a link to another page, as a visitor would."""
        self.page = url
        await self._status()

    @act
    async def kill_browser(self, on: bool = True) -> None:
        """End the browser, or start it again."""
        self.browser = not on
        await self._status()

    @act
    async def kill_agent(self, on: bool = True) -> None:
        """End the agent without a word, or start it again: the broker says its will."""
        self.lives = not on
        await self.say(f"{self.topic}/online", "0" if on else "1", retain=True)
        await self._status()

    @act
    def freeze_agent(self, on: bool = True) -> None:
        """Let the agent stand still: it is connected, and says nothing any more."""
        self.frozen = on

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "page": self.page, "browser": self.browser, "agent": self.lives}

    async def heard(self, topic: str, data: bytes) -> None:
        if topic != f"{self.topic}/cmd" or not self.lives or self.frozen:
            return
        try:
            asked = dict(json.loads(data))
            name, wanted = str(asked["id"]), str(asked["do"])
        except (ValueError, KeyError, TypeError):
            return
        if any(one["id"] == name for one in self.told):
            return  # QoS 1 may bring it twice
        self.told.append(asked)
        answer: dict[str, Any] = {"id": name, "ok": not self.refusing}
        if self.refusing:
            answer["error"] = "not allowed"
        elif wanted == "show":
            self.page = str(asked.get("url", ""))
        elif wanted == "screenshot":
            answer["jpeg"] = self._picture()
        elif wanted != "reload":
            answer |= {"ok": False, "error": f"unknown: {wanted}"}
        await self.say(f"{self.topic}/ack", json.dumps(answer))
        await self._status()

    async def _live(self) -> None:
        await self.say(f"{self.topic}/online", "1" if self.lives else "0", retain=True)
        while True:
            await self._status()
            await asyncio.sleep(self.options.status_seconds)

    async def _status(self) -> None:
        if not self.lives or self.frozen:
            return
        status = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "page": self.page if self.browser else "",
            "browser": self.browser,
            "error": self.error,
            "uptime": 3600,
            "version": self.version,
        }
        await self.say(f"{self.topic}/status", json.dumps(status, ensure_ascii=False), retain=True)

    def _picture(self) -> str:
        image = painted(self.page)
        file = BytesIO()
        image.save(file, "JPEG", quality=40)
        return base64.b64encode(file.getvalue()).decode()


SIMULATOR = KioskMqttSimulator
