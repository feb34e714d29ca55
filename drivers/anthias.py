"""Anthias (once Screenly OSE), players of signage on small computers (source: its own server).

``GET /api/v2/assets`` lists what it may play, ``GET /api/v2/assets/control/asset&<id>`` switches to one,
``GET /api/v1/viewer_current_asset`` tells what is shown. There is no log-in unless HTTP Basic was set.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, SecretStr

from avctl.errors import AuthRefused, DeviceError, LinkError, ProtocolError, Rejected
from avctl.events import now
from avctl.http import Answer, Http, http
from avctl.wire import trusting
from drivers.kiosk import Kiosk, same_page
from drivers.kiosk import Options as KioskOptions

YEARS = timedelta(days=3650)  # for which an asset of ours may be played
SHOWN_SECONDS = 3600  # then it is shown again, if nothing else is played
OURS = "avctl"


class Options(KioskOptions):
    """What an Anthias player can be told in the configuration."""

    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which the player is hung.")
    user: str = Field("", description="Account for HTTP Basic; empty: none is wanted.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    tls: bool = Field(False, description="Speak TLS; the port is then usually 443.")
    alone: bool = Field(
        True, description="Switch off what else it plays when a page is shown; else it goes on to the next."
    )


class Anthias(Kiosk):
    """A player of signage; also reports player, its version."""

    title = "Signage player (Anthias)"
    port = 80
    Options = Options

    _http: Http | None = None

    async def serve(self) -> None:
        """Look at the player until it fails to answer."""
        self.report(wakes=bool(self.options.mac))
        self._news = asyncio.Event()
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        try:
            async with http(self.device.host, port, self.log, tls) as self._http:
                while True:
                    self._news.clear()
                    await self._look()
                    self.online()
                    await self.rest(self.options.poll, self._news)
        except DeviceError as fault:
            await self.miss(self.device.host, port, str(fault))
            raise
        finally:
            self._http = None

    async def show_page(self, url: str) -> None:
        self.want(url)
        assets = await self._assets()
        mine = next((one for one in assets if same_page(url, str(one.get("uri", "")))), None)
        if mine is None:
            mine = await self._add(url)
        elif not mine.get("is_enabled"):
            await self._ask("PATCH", f"v2/assets/{_id(mine)}", {"is_enabled": True})
        for other in assets if self.options.alone else ():
            if other.get("is_enabled") and _id(other) != _id(mine):
                await self._ask("PATCH", f"v2/assets/{_id(other)}", {"is_enabled": False})
        await self._ask("GET", f"v2/assets/control/asset&{_id(mine)}")
        self._news.set()

    async def reload_page(self) -> None:
        current = await self._current()
        if current is None:
            raise Rejected("the player shows nothing")
        await self._ask("GET", f"v2/assets/control/asset&{_id(current)}")

    async def _add(self, url: str) -> Mapping[str, Any]:
        start = now()
        asset = {
            "name": f"{OURS}: {url}"[:200],
            "uri": url,
            "start_date": start.isoformat(timespec="seconds"),
            "end_date": (start + YEARS).isoformat(timespec="seconds"),
            "duration": SHOWN_SECONDS,
            "mimetype": "webpage",
            "is_enabled": True,
            "nocache": False,
            "play_order": 0,
            "skip_asset_check": True,
        }
        return _asset((await self._ask("POST", "v2/assets", asset)).json())

    async def _look(self) -> None:
        info = (await self._ask("GET", "v2/info")).json()
        if not isinstance(info, Mapping):
            raise ProtocolError(f"no information: {str(info)[:80]}")
        current = await self._current()
        self.beat()
        self.report(player=str(info.get("anthias_version", "")))
        low = "the power supply is too weak" if info.get("under_voltage") is True else ""
        self.judge(str(current.get("uri", "")) if current is not None else "", fault=low)

    async def _current(self) -> Mapping[str, Any] | None:
        told = (await self._ask("GET", "v1/viewer_current_asset")).json()
        return None if not told else _asset(told)  # an empty list: nothing is shown

    async def _assets(self) -> list[Mapping[str, Any]]:
        told = (await self._ask("GET", "v2/assets")).json()
        if not isinstance(told, list):
            raise ProtocolError(f"no list of assets: {str(told)[:80]}")
        return [_asset(one) for one in told]

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        if self._http is None:
            raise LinkError("the player is not connected")
        headers = {"Accept": "application/json"}
        if self.options.user:
            pair = f"{self.options.user}:{self.options.password.get_secret_value()}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        answer = await self._http.ask(
            method, f"/api/{path}", self.options.answer_seconds, body, headers=headers
        )
        if answer.status == 401:
            raise AuthRefused("the player refuses the log-in")
        if not answer.ok:
            said = f"the player answers HTTP {answer.status}"
            looks = method == "GET" and "control" not in path
            raise LinkError(said) if looks else Rejected(said, str(answer.status))
        return answer


def _asset(told: object) -> Mapping[str, Any]:
    if not isinstance(told, Mapping) or not _id(told):
        raise ProtocolError(f"no asset: {str(told)[:80]}")
    return told


def _id(asset: Mapping[str, Any]) -> str:
    name = asset.get("asset_id")
    return name if isinstance(name, str) and name.isalnum() else ""


DRIVER = Anthias
