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
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import quote

from pydantic import Field

from avctl.driver import together
from avctl.errors import DeviceError, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.http import Answer, Http, http
from avctl.wire import WebSocket, websocket
from drivers.devtools import mapping, page_id, table
from drivers.kiosk import Kiosk, same_page
from drivers.kiosk import Options as KioskOptions

# It refuses whoever calls it by a name that is not this one: a page of a stranger could reach it otherwise.
NAME = "localhost"
BLANK = "about:blank"
NOTHING = ("chrome-error:", BLANK)
ENABLED = ("Page.enable", "Runtime.enable", "Log.enable", "Inspector.enable")
LOOK = "[location.href, document.readyState, document.visibilityState]"
PICTURES = re.compile(r'(?<="data":")[^"]{80,}')
CRASHED = "the page crashed, or ran out of memory"
HUNG = "the page hangs: it does not answer the browser"
ICON = "/favicon.ico"
UNREACHABLE = "cannot be loaded:"
NOT_COMING = "the page does not come: its server is silent"
CRASH_SECONDS = 0.5  # a page that crashes is not always said to
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
    _hung = False
    _lost_until: float | None = None  # the fault is of the network, and passes
    # Of what was asked last: its mark, and where it led. Of what is shown: its mark and address.
    _loader = _led = ""
    _frame = ("", "")

    async def serve(self) -> None:
        """Look at the page until the browser fails to answer."""
        self.report(wakes=bool(self.options.mac))
        self._news, self._committed = asyncio.Event(), asyncio.Event()
        self._numbers, self._asked = count(1), dict[int, asyncio.Future[Mapping[str, Any]]]()
        self._going = 0
        port = int(self.device.port or self.port)
        try:
            async with http(self.device.host, port, self.log) as self._http:
                version = table((await self._get("GET", "/json/version")).json())
                while True:
                    self._page = await self._target()
                    await self._follow(port, str(version.get("Browser", "")))
        except DeviceError as fault:
            await self.miss(
                self.options.pc_host or self.device.host, self.options.pc_port or port, str(fault)
            )
            raise
        finally:
            self._http = None

    async def _follow(self, port: int, version: str) -> None:
        """Look at one page, until another is the one that people see."""
        self._crashed = self._hung = self._seen = False
        self._complain("")
        self._moved, self._dialogs = asyncio.Event(), asyncio.Queue[bool]()
        url = f"ws://{NAME}:{port}/devtools/page/{self._page}"
        line = websocket(url, self.log, hidden=PICTURES, at=(self.device.host, port))
        try:
            async with line as self._line:
                await together(
                    self._hear(self._line), self._watch(version), self._answer_dialogs(), self._leave()
                )
        finally:
            self._line = None
            for asked in self._asked.values():
                if not asked.done():
                    asked.cancel()

    async def _leave(self) -> None:
        await self._moved.wait()

    # --- verbs -------------------------------------------------------------------------------------------

    async def show_page(self, url: str) -> None:
        self.want(url)
        if self._hung:
            await self._replace(url)
            return
        self._led = self._loader = ""
        self._going += 1  # it does not show a wrong page yet, it is on its way
        try:
            told = await self._ask("Page.navigate", url=url)
            error, self._loader = str(told.get("errorText") or ""), str(told.get("loaderId") or "")
            if not error and self._loader:  # none: it only moved within its page
                await self._commits(self._loader)
        except NoAnswer:
            if await self._alive():
                raise NoAnswer(NOT_COMING) from None
            await self._replace(url)
            return
        finally:
            self._going -= 1
            self._news.set()
        if error:
            self._complain(f"{UNREACHABLE} {url} ({error})")
            raise Rejected(f"the page cannot be loaded: {error}", error)
        self._arrived()

    async def _commits(self, loader: str) -> None:
        """Wait until what was asked for is shown; NoAnswer: the page before it does not go."""
        try:
            async with asyncio.timeout(self.options.answer_seconds):
                while self._frame[0] != loader:
                    self._committed.clear()
                    await self._committed.wait()
        except TimeoutError:
            raise NoAnswer(NOT_COMING) from None

    async def reload_page(self) -> None:
        if self._hung:
            await self._replace(self.wanted or BLANK)
            return
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

    async def _get(self, method: str, path: str) -> Answer:
        if self._http is None:
            raise LinkError("the browser is not connected")
        answer = await self._http.ask(method, path, self.options.answer_seconds, headers={"Host": NAME})
        if not answer.ok:
            raise LinkError(f"the browser answers HTTP {answer.status}: {answer.text[:80]}")
        return answer

    async def _pages(self) -> list[str]:
        """The ids of its pages; the one in front is the first."""
        told = (await self._get("GET", "/json/list")).json()
        if not isinstance(told, list):
            raise ProtocolError("no list of pages")
        return [page_id(one) for one in told if isinstance(one, Mapping) and one.get("type") == "page"]

    async def _target(self) -> str:
        """The page that is looked at: the one in front; one is opened where there is none."""
        pages = await self._pages()
        return pages[0] if pages else await self._open(self.wanted or BLANK)

    async def _open(self, url: str) -> str:
        return page_id((await self._get("PUT", f"/json/new?{quote(url, safe='')}")).json())

    async def _replace(self, url: str) -> None:
        """Open another page in front of one that hangs: it can neither be sent elsewhere nor loaded again."""
        hanging = self._page
        # Its process is ended first: another page of the same site could be given to it, and hang with it.
        for method in ("Page.stopLoading", "Page.crash"):  # one that is loading is not ended
            with suppress(NoAnswer, Rejected, TimeoutError):
                async with asyncio.timeout(CRASH_SECONDS):
                    await self._ask(method)
        await self._open(url)
        self._moved.set()
        await self._get("GET", f"/json/close/{hanging}")

    async def _alive(self) -> bool:
        """Whether a page that does not answer can be pictured: then it only waits for the next one."""
        try:
            await self._ask("Page.captureScreenshot", format="jpeg", quality=1)
        except (NoAnswer, Rejected):
            return False
        return True

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
                told = table(json.loads(text))
            except (ValueError, RecursionError):
                raise ProtocolError(f"not JSON: {text[:80]!r}") from None
            if "id" in told:
                self._answered(told)
            else:
                self._happened(str(told.get("method", "")), mapping(told.get("params")))

    def _answered(self, told: Mapping[str, Any]) -> None:
        number = told["id"]
        asked = self._asked.get(number) if isinstance(number, int) else None
        if asked is None or asked.done():
            return  # an answer that came late
        if "error" in told:
            error = mapping(told["error"])
            asked.set_exception(
                Rejected(f"the browser refuses: {error.get('message', '')}", str(error.get("code", "")))
            )
        else:
            asked.set_result(mapping(told.get("result")))

    def _happened(self, method: str, params: Mapping[str, Any]) -> None:
        match method:
            case "Page.frameNavigated" if not mapping(params.get("frame")).get("parentId"):
                self._crashed = False
                self._committed_frame(mapping(params["frame"]))
            case "Inspector.targetCrashed":
                self._crashed = True
                self._complain(CRASHED)
            case "Inspector.targetReloadedAfterCrash":
                self._crashed = False
            case "Inspector.detached" if self._seen:
                self._moved.set()  # closed by hand: what was behind it is seen now
            case "Inspector.detached":
                raise LinkError(f"the browser lets go: {params.get('reason', '')}")
            case "Page.javascriptDialogOpening":
                self._complain(f"the page asks: {params.get('message', '')}")
                self._dialogs.put_nowait(params.get("type") in ("alert", "beforeunload"))
            case "Runtime.exceptionThrown":
                details = mapping(params.get("exceptionDetails"))
                thrown = mapping(details.get("exception")).get("description") or details.get("text", "")
                self._complain(str(thrown).partition("\n")[0])
                return  # what a page complains of again and again is told with the next look
            case "Runtime.consoleAPICalled" if params.get("type") == "error":
                values = params.get("args")
                said = [mapping(one) for one in values] if isinstance(values, list) else []
                self._complain(" ".join(str(one.get("value", one.get("description", ""))) for one in said))
                return
            case "Log.entryAdded" if mapping(params.get("entry")).get("level") == "error":
                self._logged(mapping(params["entry"]))
                return
            case "Page.navigatedWithinDocument" | "Page.loadEventFired" | "Page.frameStoppedLoading":
                pass
            case _:
                return
        self._news.set()

    def _complain(self, fault: str) -> None:
        """Something is wrong with the page, and stays so until another is shown; empty: nothing."""
        self._fault, self._lost_until = fault, None

    def _logged(self, entry: Mapping[str, Any]) -> None:
        """What the browser itself complains of; never in place of what the page does, where that stays."""
        if str(entry.get("url", "")).endswith(ICON):
            return  # every browser asks for it, and nobody misses it
        if entry.get("source") != "network":
            self._complain(str(entry.get("text", "")).strip())
        elif not self._fault or self._lost_until is not None:
            self._fault = str(entry.get("text", ""))
            self._lost_until = asyncio.get_running_loop().time() + self.options.lost_seconds

    def _committed_frame(self, frame: Mapping[str, Any]) -> None:
        """Another page has begun to be shown."""
        unreachable = frame.get("unreachableUrl")
        if not unreachable:
            self._complain("")
        elif not self._fault.startswith(f"{UNREACHABLE} {unreachable}"):  # then it also says why
            self._complain(f"{UNREACHABLE} {unreachable}")
        self._frame = (str(frame.get("loaderId", "")), str(frame.get("url", "")))
        self._arrived()
        self._committed.set()

    def _arrived(self) -> None:
        """Where the address that is wanted has led: a server may send the browser on to another one."""
        loader, url = self._frame
        if self._loader and loader == self._loader and not url.startswith(NOTHING):
            self._led = url

    async def _answer_dialogs(self) -> None:
        """Close what a page asks, as it waits for an answer that nobody gives at a kiosk."""
        while True:
            accept = await self._dialogs.get()
            with suppress(Rejected, NoAnswer):
                await self._ask("Page.handleJavaScriptDialog", accept=accept)

    async def _watch(self, version: str) -> None:
        domains = list(ENABLED)
        while True:
            self._news.clear()
            try:
                while domains and not self._crashed:
                    await self._ask(domains[0])
                    del domains[0]
                if self._crashed:
                    self.missed("browser dead", self._fault)
                else:
                    if self._lost_until is not None and asyncio.get_running_loop().time() > self._lost_until:
                        self._complain("")
                    await self._look()
            except NoAnswer:
                await self._stuck()
            if not self._moved.is_set():
                self.report(browser=version)
                self.online()
            await self.rest(self.options.poll, self._news)

    async def _stuck(self) -> None:
        """The page does not answer: it crashed meanwhile, waits for the next one, or hangs."""
        await self._get("GET", "/json/version")  # the browser itself may be gone
        if self._crashed:
            self._news.set()
            return
        self._hung = not await self._alive()
        if self._hung:
            self.missed("browser dead", HUNG)
        else:
            self.report(showing="loading", fault=NOT_COMING)

    async def _look(self) -> None:
        try:
            told = await self._ask("Runtime.evaluate", expression=LOOK, returnByValue=True)
        except Rejected as refusal:
            if refusal.code != str(GONE):
                raise LinkError(str(refusal)) from refusal
            self.judge("", loading=True, fault=self._fault)
            return
        self._hung, self._seen = False, True
        match mapping(told.get("result")).get("value"):
            case [str(page), str(state), str(visibility)]:
                if visibility == "hidden" and (await self._pages())[:1] not in ([], [self._page]):
                    self._moved.set()  # another is in front
                    return
                self.beat()
                shown = self.wanted if self._led and same_page(self._led, page) else page
                self.judge(
                    "" if page.startswith(NOTHING) else shown,
                    loading=state == "loading" or self._going > 0,
                    fault=self._fault,
                )
            case other:
                raise ProtocolError(f"no address of a page: {str(other)[:80]}")


DRIVER = KioskCdp
