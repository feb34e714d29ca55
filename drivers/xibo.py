"""Players of a Xibo CMS, each by its display in it (source: Xibo's API document and working clients).

OAuth 2: ``POST /api/authorize/access_token`` gives a token; ``GET /api/display?displayId=7`` tells which
layout a player showed when it was last in touch. An order is answered 204 when the CMS has taken it: players
hear of it by push, or at their next collection, so only what a player reports back is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from avctl.errors import AuthRefused, DeviceError, LinkError, ProtocolError, Rejected
from avctl.http import Answer, Http, http
from avctl.wire import trusting
from drivers.kiosk import Kiosk
from drivers.polled import Options as PolledOptions
from drivers.polled import one_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DOWNLOADING = {2: "its content is still being downloaded", 3: "its content is out of date"}
PICTURE_SECONDS = 2.0  # until a player has sent the picture that was asked for; it is asked again
PICTURE_TRIES = 5


class Options(PolledOptions):
    """What a display of a Xibo CMS can be told in the configuration."""

    poll: float = Field(10, gt=0, le=600, description="Seconds between two looks at the display.")
    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which the link is given up.")
    client_id: str = Field(description="Id of the application that the CMS knows.")
    client_secret: SecretStr = Field(description="Its secret.")
    display: int = Field(gt=0, description="Id of the display in the CMS.")
    page: str = Field("", description="Layout it should show; empty: the one it was last told to.")
    tls: bool = Field(True, description="Speak TLS.")
    path: str = Field("/api", description="Where its interface begins.")


class Xibo(Kiosk):
    """A player of signage; its pages are the layouts of the CMS. Also reports player, its version."""

    title = "Signage player (Xibo)"
    port = 443
    told_apart_by = "display"
    Options = Options

    _http: Http | None = None
    _token = ""

    @property
    def while_away(self) -> tuple[str, ...]:
        """Nothing: without the CMS nobody can be told anything."""
        return ()

    async def serve(self) -> None:
        """Look at the display until the CMS fails to answer."""
        self._news, self._token = asyncio.Event(), ""
        self._layouts: dict[str, int] = {}
        self._group = 0
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        why = ""
        try:
            async with http(self.device.host, port, self.log, tls) as self._http:
                while True:
                    self._news.clear()
                    await self._look()
                    self.report(wakes=True)
                    self.online()
                    await self.rest(self.options.poll, self._news)
        except DeviceError as fault:
            why = str(fault)
            raise
        finally:
            self._http = None
            self.missed("unknown", why or "its CMS is not asked")

    # --- verbs -------------------------------------------------------------------------------------------

    async def show_page(self, url: str) -> None:
        layout = self._layouts[one_of(url, self._layouts, "url")]
        self._wanted = url
        await self._order("changeLayout", layoutId=layout, changeMode="replace", downloadRequired=1)

    async def reload_page(self) -> None:
        await self._order("collectNow")

    async def wake(self) -> None:
        await self._ask("POST", f"display/wol/{self.options.display}")

    async def screenshot(self) -> bytes:
        """What the player showed when it was asked; it sends that to the CMS first."""
        number = self.options.display
        await self._ask("PUT", f"display/requestscreenshot/{number}")
        for _ in range(PICTURE_TRIES):
            answer = await self._ask("GET", f"display/screenshot/{number}", missing=True)
            if answer.ok and answer.data[:4] in (b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"\x89PNG"):
                return answer.data
            await asyncio.sleep(PICTURE_SECONDS / PICTURE_TRIES)
        raise Rejected("the player has sent no picture yet")

    async def _order(self, act: str, **details: str | int) -> None:
        await self._ask("POST", f"displaygroup/{self._group}/action/{act}", details)
        self._news.set()

    # --- what the CMS says -------------------------------------------------------------------------------

    async def _look(self) -> None:
        layouts = self._rows(await self._ask("GET", "layout?length=1000"))
        self._layouts = {
            str(one["layout"]): one["layoutId"]
            for one in layouts
            if isinstance(one.get("layoutId"), int) and one.get("layout")
        }
        shown = self._rows(await self._ask("GET", f"display?displayId={self.options.display}"))
        if not shown:
            raise LinkError(f"the CMS knows no display {self.options.display}")
        display = shown[0]
        group, current = display.get("displayGroupId"), display.get("currentLayoutId")
        if not isinstance(group, int):
            raise ProtocolError(f"a display without a group: {str(display)[:80]}")
        self._group = group
        names = {number: name for name, number in self._layouts.items()}
        self.report(pages=tuple(self._layouts), player=str(display.get("clientVersion") or ""))
        accessed = display.get("lastAccessed")
        if isinstance(accessed, int | float) and 0 < accessed < 1e11:
            self.beat(datetime.fromtimestamp(accessed, UTC))
        if not display.get("loggedIn"):
            self.missed("unknown", "the player is not in touch with the CMS")
            return
        state = display.get("mediaInventoryStatus")
        fault = DOWNLOADING.get(state, "") if isinstance(state, int) else ""
        self.judge(names.get(current, "") if isinstance(current, int) else "", fault=fault)

    def _rows(self, answer: Answer) -> list[Mapping[str, Any]]:
        told = answer.json()
        if not isinstance(told, list) or not all(isinstance(one, Mapping) for one in told):
            raise ProtocolError(f"no list: {answer.text[:80]!r}")
        return told

    async def _ask(
        self,
        method: str,
        path: str,
        details: Mapping[str, str | int] | None = None,
        missing: bool = False,
    ) -> Answer:
        """The answer of the CMS; a token that is over is asked for anew, once."""
        answer = await self._send(method, path, details)
        if answer.status == 401:
            self._token = ""
            answer = await self._send(method, path, details)
        if answer.status == 401:
            raise AuthRefused("the CMS refuses the application")
        if not answer.ok and not (missing and answer.status == 404):
            said = f"the CMS answers HTTP {answer.status}"
            raise LinkError(said) if method == "GET" else Rejected(said, str(answer.status))
        return answer

    async def _send(self, method: str, path: str, details: Mapping[str, str | int] | None) -> Answer:
        if self._http is None:
            raise LinkError("the CMS is not connected")
        if not self._token:
            self._token = await self._log_in(self._http)
        body = None if details is None else urlencode(details).encode()
        headers = {"Authorization": f"Bearer {self._token}", **(FORM if body is not None else {})}
        where = f"{self.options.path}/{quote(path, safe='/?=&')}"
        return await self._http.ask(method, where, self.options.answer_seconds, body, headers=headers)

    async def _log_in(self, line: Http) -> str:
        secret = self.options.client_secret.get_secret_value()
        form = {"grant_type": "client_credentials", "client_id": self.options.client_id}
        body = urlencode({**form, "client_secret": secret}).encode()
        where = f"{self.options.path}/authorize/access_token"
        seconds = self.options.answer_seconds
        answer = await line.ask("POST", where, seconds, body, headers=FORM, secret=True)
        if answer.status in (400, 401, 403):
            raise AuthRefused("the CMS refuses the application")
        told = answer.json() if answer.ok else None
        token = told.get("access_token") if isinstance(told, Mapping) else None
        if not isinstance(token, str) or not token.isascii():
            raise LinkError(f"the CMS gives no token (HTTP {answer.status})")
        return token


DRIVER = Xibo
