"""Kiosks whose Chromium has its debugging port open (source: the protocol's own list, and a real Chromium).

``GET /json/list`` names the pages; ``ws://.../devtools/page/<id>`` speaks JSON:
``{"id":1,"method":"Page.reload"}`` is answered ``{"id":1,"result":{}}``; what has no ``id`` was told unasked.
The port listens on the PC's loopback only and knows no log-in: reach it through a tunnel, never openly.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import quote

from pydantic import Field

from avctl.driver import together
from avctl.errors import DeviceError, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.http import Http, http
from avctl.wire import WebSocket, websocket
from drivers.kiosk import Kiosk
from drivers.kiosk import Options as KioskOptions

# It refuses whoever calls it by a name that is not this one: a page of a stranger could reach it otherwise.
NAME = "localhost"
BLANK = "about:blank"
ENABLED = ("Page.enable", "Runtime.enable", "Log.enable", "Inspector.enable")
LOOK = "[location.href, document.readyState]"
PICTURES = re.compile(r'(?<="data":")[^"]{80,}')
CRASHED = "the page crashed, or ran out of memory"
GONE = -32000  # "Cannot find context", "Inspected target navigated or closed": the page is being changed


class Options(KioskOptions):
    """What a kiosk with an open debugging port can be told."""

    poll: float = Field(5, gt=0, le=600, description="Seconds between two looks at the page.")
    answer_seconds: float = Field(4, gt=0, le=30, description="Silence after which the browser is hung.")
    pc_host: str = Field("", description="Address of the PC itself, where the port is reached by a tunnel.")
    pc_port: int = Field(
        0, ge=0, le=65535, description="A port of the PC (such as 22) that tells whether it is there."
    )
    lost_seconds: float = Field(
        60, gt=0, description="Seconds that something the page could not load is told: it is tried again."
    )
    quality: int = Field(40, ge=1, le=100, description="JPEG quality of a picture of the screen.")


class KioskCdp(Kiosk):
    """A kiosk's browser; also reports browser, its version."""

    title = "Kiosk (Chromium)"
    port = 9222
    Options = Options

    _http: Http | None = None
    _line: WebSocket | None = None

    async def serve(self) -> None:
        """Look at the page until the browser fails to answer."""
        self.report(wakes=bool(self.options.mac))
        self._news, self._committed = asyncio.Event(), asyncio.Event()
        self._numbers, self._asked = count(1), dict[int, asyncio.Future[Mapping[str, Any]]]()
        self._crashed, self._fault, self._going = False, "", 0
        self._lost_until: float | None = None  # the fault is of the network, and passes
        port = int(self.device.port or self.port)
        try:
            async with http(self.device.host, port, self.log) as self._http:
                version = _table(await self._get("GET", "/json/version"))
                target = await self._target()
                url = f"ws://{NAME}:{port}/devtools/page/{target}"
                line = websocket(url, self.log, hidden=PICTURES, at=(self.device.host, port))
                async with line as self._line:
                    await together(self._hear(self._line), self._watch(str(version.get("Browser", ""))))
        except DeviceError as fault:
            await self.miss(
                self.options.pc_host or self.device.host, self.options.pc_port or port, str(fault)
            )
            raise
        finally:
            self._http = self._line = None
            for asked in self._asked.values():
                if not asked.done():
                    asked.cancel()

    # --- verbs -------------------------------------------------------------------------------------------

    async def show_page(self, url: str) -> None:
        self.want(url)
        self._going += 1  # it does not show a wrong page yet, it is on its way
        try:
            told = await self._ask("Page.navigate", url=url)
        finally:
            self._going -= 1
            self._news.set()
        if told.get("errorText"):
            raise Rejected(f"the page cannot be loaded: {told['errorText']}", str(told["errorText"]))

    async def reload_page(self) -> None:
        self._committed.clear()
        await self._ask("Page.reload", ignoreCache=True)
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                await self._committed.wait()
        except TimeoutError:
            raise NoAnswer("the page was not loaded again") from None

    async def screenshot(self) -> bytes:
        """What the browser shows, as a JPEG picture."""
        told = await self._ask("Page.captureScreenshot", format="jpeg", quality=self.options.quality)
        try:
            return base64.b64decode(told["data"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise ProtocolError("the browser sent no picture") from None

    # --- the conversation --------------------------------------------------------------------------------

    async def _get(self, method: str, path: str) -> Any:
        assert self._http is not None
        answer = await self._http.ask(method, path, self.options.answer_seconds, headers={"Host": NAME})
        if not answer.ok:
            raise LinkError(f"the browser answers HTTP {answer.status}: {answer.text[:80]}")
        return answer.json()

    async def _target(self) -> str:
        """The page that is looked at: the first; one is opened where there is none."""
        told = await self._get("GET", "/json/list")
        if not isinstance(told, list):
            raise ProtocolError("no list of pages")
        pages = [one for one in told if isinstance(one, Mapping) and one.get("type") == "page"]
        page = (
            pages[0] if pages else await self._get("PUT", f"/json/new?{quote(self.wanted or BLANK, safe='')}")
        )
        name = str(_table(page).get("id", ""))
        if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", name):
            raise ProtocolError(f"a page without an id: {str(page)[:80]}")
        return name

    async def _ask(self, method: str, **params: Any) -> Mapping[str, Any]:
        line = self._line
        if line is None:
            raise LinkError("the browser is not connected")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await line.send(json.dumps({"id": number, "method": method, "params": params}))
            async with asyncio.timeout(self.options.answer_seconds):
                return await asyncio.shield(answer)
        except TimeoutError:
            raise NoAnswer(f"no answer to {method} within {self.options.answer_seconds:g} s") from None
        except asyncio.CancelledError:
            if answer.cancelled():  # by the end of the link, not by our caller
                raise LinkError("the link ended before the browser answered") from None
            raise
        finally:
            del self._asked[number]
            answer.cancel()

    async def _hear(self, line: WebSocket) -> None:
        while True:
            text = await line.receive()
            try:
                told = _table(json.loads(text))
            except (ValueError, RecursionError):
                raise ProtocolError(f"not JSON: {text[:80]!r}") from None
            if "id" in told:
                self._answered(told)
            else:
                self._happened(str(told.get("method", "")), _mapping(told.get("params")))

    def _answered(self, told: Mapping[str, Any]) -> None:
        number = told["id"]
        asked = self._asked.get(number) if isinstance(number, int) else None
        if asked is None or asked.done():
            return  # an answer that came late
        if "error" in told:
            error = _mapping(told["error"])
            asked.set_exception(
                Rejected(f"the browser refuses: {error.get('message', '')}", str(error.get("code", "")))
            )
        else:
            asked.set_result(_mapping(told.get("result")))

    def _happened(self, method: str, params: Mapping[str, Any]) -> None:
        match method:
            case "Page.frameNavigated" if not _mapping(params.get("frame")).get("parentId"):
                self._crashed = False
                unreachable = _mapping(params["frame"]).get("unreachableUrl")
                self._fault = f"cannot be loaded: {unreachable}" if unreachable else ""
                self._lost_until = None
                self._committed.set()
            case "Inspector.targetCrashed":
                self._crashed, self._fault, self._lost_until = True, CRASHED, None
            case "Inspector.targetReloadedAfterCrash":
                self._crashed = False
            case "Inspector.detached":
                raise LinkError(f"the browser lets go: {params.get('reason', '')}")
            case "Runtime.exceptionThrown":
                details = _mapping(params.get("exceptionDetails"))
                thrown = _mapping(details.get("exception")).get("description") or details.get("text", "")
                self._fault, self._lost_until = str(thrown).partition("\n")[0], None
                return  # what a page complains of again and again is told with the next look
            case "Runtime.consoleAPICalled" if params.get("type") == "error":
                values = params.get("args")
                said = [_mapping(one) for one in values] if isinstance(values, list) else []
                self._fault = " ".join(str(one.get("value", one.get("description", ""))) for one in said)
                self._lost_until = None
                return
            case "Log.entryAdded" if _mapping(params.get("entry")).get("level") == "error":
                self._logged(_mapping(params["entry"]))
                return
            case "Page.navigatedWithinDocument" | "Page.loadEventFired" | "Page.frameStoppedLoading":
                pass
            case _:
                return
        self._news.set()

    def _logged(self, entry: Mapping[str, Any]) -> None:
        """What the browser itself complains of; never in place of what the page does, where that stays."""
        if entry.get("source") != "network":
            self._fault, self._lost_until = str(entry.get("text", "")).strip(), None
        elif not self._fault or self._lost_until is not None:
            self._fault = str(entry.get("text", ""))
            self._lost_until = asyncio.get_running_loop().time() + self.options.lost_seconds

    async def _watch(self, version: str) -> None:
        for domain in ENABLED:
            await self._ask(domain)
        while True:
            self._news.clear()
            if self._crashed:
                self.missed("browser dead", self._fault)
            else:
                if self._lost_until is not None and asyncio.get_running_loop().time() > self._lost_until:
                    self._fault, self._lost_until = "", None
                await self._look()
            self.report(browser=version)
            self.online()
            await self.rest(self.options.poll, self._news)

    async def _look(self) -> None:
        try:
            told = await self._ask("Runtime.evaluate", expression=LOOK, returnByValue=True)
        except Rejected as refusal:
            if refusal.code != str(GONE):
                raise LinkError(str(refusal)) from refusal
            self.judge("", loading=True, fault=self._fault)
            return
        except NoAnswer:
            if self._crashed:
                return  # it crashed while it was asked
            raise
        match _mapping(told.get("result")).get("value"):
            case [str(page), str(state)]:
                empty = page.startswith(("chrome-error:", BLANK))
                self.beat()
                self.judge(
                    "" if empty else page, loading=state == "loading" or self._going > 0, fault=self._fault
                )
            case other:
                raise ProtocolError(f"no address of a page: {str(other)[:80]}")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ProtocolError(f"no JSON object: {str(value)[:80]}")
    return value


DRIVER = KioskCdp
