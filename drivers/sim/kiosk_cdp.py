"""A kiosk's Chromium that is not there: its debugging port, with one page that people and accidents change.

Knobs beyond the acts: ``pages`` (id of each open page and its address, the one in front last),
``unreachable`` (what fails), ``moved`` (where the server of an address sends the browser instead).
"""

from __future__ import annotations

import base64
import ipaddress
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from avctl.config import Device
from drivers.kiosk_cdp import KioskCdp, Options
from drivers.sim.http import HttpSimulator
from drivers.sim.painted import painted
from drivers.sim.server import act

START = "http://127.0.0.1/start"
ERROR = "chrome-error://chromewebdata/"
BROWSERS = (  # what the browser itself answers
    *("Browser.getVersion", "Browser.close"),
    *("Page.bringToFront", "Page.stopLoading", "Page.crash"),
)
VERSION = {
    "Browser": "Chrome/156.0.7000.0",
    "Protocol-Version": "1.3",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0",
    "V8-Version": "15.6.1",
    "WebKit-Version": "537.36",
}
ENABLE = ("Page.enable", "Runtime.enable", "Log.enable", "Network.enable", "Inspector.enable")


class KioskCdpSimulator(HttpSimulator):
    """A browser with one page."""

    title = "Kiosk"
    port = KioskCdp.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        options = Options.model_validate(device.options)
        self.browser = str(uuid.uuid4())
        self.page = uuid.uuid4().hex.upper()
        self.pages = {self.page: options.page or START}
        self.unreachable: set[str] = set()
        self.crashed = self.hung = self.stalled = self.asking = False
        self.loaded = 0
        self.moved: dict[str, str] = {}
        self._viewers: dict[WebSocket, set[str]] = {}
        self._seen: dict[WebSocket, str] = {}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/json/version", self._version),
            Route("/json/list", self._list),
            Route("/json", self._list),
            Route("/json/new", self._new, methods=["GET", "PUT"]),
            Route("/json/activate/{page}", self._activate),
            Route("/json/close/{page}", self._close),
            WebSocketRoute("/devtools/page/{page}", self._talk),
            WebSocketRoute("/devtools/browser/{page}", self._talk),
        ]

    @property
    def url(self) -> str:
        """What the page shows."""
        return self.pages.get(self.page, "")

    # --- what people and accidents do -------------------------------------------------------------------

    @act
    async def wander(self, url: str) -> None:
        """Follow a link to another page, as a visitor would."""
        await self._go(url)

    @act
    def break_page(self, url: str, on: bool = True) -> None:
        """Let an address fail to load, or load again."""
        (self.unreachable.add if on else self.unreachable.discard)(url)

    @act
    async def crash(self) -> None:
        """Let the page run out of memory."""
        self.crashed = True
        await self._tell("Inspector.targetCrashed", {})

    @act
    def hang(self, on: bool = True) -> None:
        """Let a script of the page run for ever."""
        self.hung = on

    @act
    def stall(self, on: bool = True) -> None:
        """Let the server of the next page be silent: it does not come, and the one before it stays."""
        self.stalled = on

    @act
    async def ask_visitor(self, text: str = "Увага!") -> None:
        """Let the page open a window with a question, and wait for its answer."""
        self.asking = True
        told = {"url": self.url, "frameId": self.page, "message": text, "type": "confirm"}
        await self._tell("Page.javascriptDialogOpening", {**told, "hasBrowserHandler": False})

    @act
    def open_page(self, url: str = f"{START}/other") -> None:
        """Open another page in front of the one that is shown, as a visitor would."""
        self._show(url)

    @act
    async def complain(self, text: str = "TypeError: queue is undefined") -> None:
        """Let a script of the page fail."""
        details = {"exceptionId": 1, "text": "Uncaught", "lineNumber": 1, "columnNumber": 1}
        exception = {"type": "object", "subtype": "error", "description": f"{text}\n    at app.js:1:1"}
        await self._tell(
            "Runtime.exceptionThrown",
            {"timestamp": 1.0, "exceptionDetails": {**details, "exception": exception}},
        )

    @act
    async def lose_resource(self, text: str = "Failed to load resource: net::ERR_FAILED") -> None:
        """Let something that the page asks the network for not come."""
        entry = {"source": "network", "level": "error", "text": text, "timestamp": 1.0}
        await self._tell("Log.entryAdded", {"entry": {**entry, "url": f"{self.url}/programme"}})

    @act
    async def close_page(self) -> None:
        """Close the page in front."""
        await self._end(self.page)

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "url": self.url, "crashed": self.crashed, "hung": self.hung}

    # --- the HTTP part ----------------------------------------------------------------------------------

    async def _version(self, request: Request) -> Response:
        return self._checked(
            request,
            {
                **VERSION,
                "webSocketDebuggerUrl": f"ws://{request.headers['host']}/devtools/browser/{self.browser}",
            },
        )

    async def _list(self, request: Request) -> Response:
        host = request.headers["host"]
        worker = {"id": "W" * 32, "type": "service_worker", "title": "worker", "url": f"{START}/worker.js"}
        # The one in front is the first.
        return self._checked(request, [worker, *(self._entry(host, page) for page in reversed(self.pages))])

    async def _new(self, request: Request) -> Response:
        if request.method != "PUT":
            text = "Using unsafe HTTP verb GET to invoke /json/new. This action supports only PUT verb."
            return PlainTextResponse(text, 405)
        self._show(unquote(request.url.query) or "about:blank")
        return self._checked(request, self._entry(request.headers["host"], self.page))

    async def _activate(self, request: Request) -> Response:
        page = request.path_params["page"]
        if page not in self.pages:
            return PlainTextResponse(f"No such target id: {page}", 404)
        self._front(page)
        return PlainTextResponse("Target activated")

    async def _close(self, request: Request) -> Response:
        page = request.path_params["page"]
        if page not in self.pages:
            return PlainTextResponse(f"No such target id: {page}", 404)
        await self._end(page)
        return PlainTextResponse("Target is closing")

    def _show(self, url: str) -> None:
        """A page of its own, in front; what hangs or crashed is behind it."""
        self.page = uuid.uuid4().hex.upper()
        self.pages[self.page] = url
        self.crashed = self.hung = self.stalled = self.asking = False

    def _front(self, page: str) -> None:
        self.pages[page] = self.pages.pop(page)
        self.page = page

    async def _end(self, page: str) -> None:
        self.pages.pop(page, None)
        self.page = next(reversed(self.pages), "")
        for viewer, seen in tuple(self._seen.items()):
            if seen == page:
                told = {"method": "Inspector.detached", "params": {"reason": "target_closed"}}
                await self._say(viewer, told)
                with suppress(WebSocketDisconnect, RuntimeError, OSError):
                    await viewer.close()

    def _entry(self, host: str, page: str) -> dict[str, str]:
        return {
            "description": "",
            "devtoolsFrontendUrl": f"/devtools/inspector.html?ws={host}/devtools/page/{page}",
            "id": page,
            "title": self.pages[page],
            "type": "page",
            "url": self.pages[page],
            "webSocketDebuggerUrl": f"ws://{host}/devtools/page/{page}",
        }

    def _checked(self, request: Request, told: object) -> Response:
        name = urlsplit(f"//{request.headers['host']}").hostname or ""
        if name != "localhost":
            try:
                ipaddress.ip_address(name)
            except ValueError:
                text = "Host header is specified and is not an IP address or localhost."
                return PlainTextResponse(text, 500)
        return JSONResponse(told)

    # --- the WebSocket part -----------------------------------------------------------------------------

    async def _talk(self, socket: WebSocket) -> None:
        page = socket.path_params["page"]
        if "origin" in socket.headers or page not in (*self.pages, self.browser):
            await socket.close(1008)  # becomes HTTP 403
            return
        await socket.accept()
        self._viewers[socket], self._seen[socket] = set(), page
        try:
            while True:
                await self._heard(socket, page, await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            self._viewers.pop(socket, None)
            self._seen.pop(socket, None)

    async def _heard(self, socket: WebSocket, page: str, text: str) -> None:
        try:
            asked = json.loads(text)
            number, method, params = int(asked["id"]), str(asked["method"]), dict(asked.get("params") or {})
        except (ValueError, KeyError, TypeError):
            await self._say(socket, {"error": {"code": -32700, "message": "JSON: invalid"}})
            return
        if not self._answers(page, method):
            return
        if method in ENABLE:
            self._viewers[socket].add(method.partition(".")[0])
        told = self._told(page, method, params)
        if told is None or (self.refusing and method not in ENABLE):
            error = {"code": -32601, "message": f"'{method}' wasn't found"}
            refusal = error if told is None else {"code": -32000, "message": "Not allowed"}
            await self._say(socket, {"id": number, "error": refusal})
            return
        await self._say(socket, {"id": number, "result": told})
        match method:
            case "Inspector.enable" if self.crashed:
                await self._tell("Inspector.targetCrashed", {})
            case "Runtime.enable":
                context = {"id": 1, "origin": self.pages.get(page, ""), "name": "", "uniqueId": "1.1"}
                created = {"method": "Runtime.executionContextCreated", "params": {"context": context}}
                await self._say(socket, created)
            case "Page.navigate":
                await self._go(str(params.get("url", "")), told["loaderId"])
            case "Page.reload":
                await self._go(self.url)
            case "Page.handleJavaScriptDialog":
                self.asking = False
                await self._tell("Page.javascriptDialogClosed", {"result": params.get("accept") is True})
            case "Page.bringToFront":
                self._front(page)
            case "Page.stopLoading":
                self.stalled = False
            case "Page.crash":
                await self.crash()
            case "Browser.close":
                self.spawn(self.unplug())

    def _answers(self, page: str, method: str) -> bool:
        """Whether anything is said at all: what a page itself would answer waits for it."""
        if page != self.page or method in (*BROWSERS, "Inspector.enable", "Page.handleJavaScriptDialog"):
            return True
        if self.hung or self.asking or (self.crashed and method == "Runtime.evaluate"):
            return False
        return not self.stalled or method not in ("Runtime.evaluate", *ENABLE)

    def _told(self, page: str, method: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a method is answered; None: there is none of this name."""
        match method:
            case "Page.navigate":
                reachable = params.get("url") not in self.unreachable
                failed = {} if reachable else {"errorText": "net::ERR_CONNECTION_REFUSED"}
                return {"frameId": page, "loaderId": uuid.uuid4().hex.upper(), **failed}
            case "Runtime.evaluate":
                return self._value(page, str(params.get("expression", "")))
            case "Page.captureScreenshot":
                kind = "PNG" if params.get("format", "png") == "png" else "JPEG"
                return {"data": _picture(self.pages.get(page, ""), kind, params.get("quality", 80))}
            case "Browser.getVersion":
                return {
                    **{"protocolVersion": "1.3", "product": VERSION["Browser"], "revision": "@0"},
                    **{"userAgent": VERSION["User-Agent"], "jsVersion": VERSION["V8-Version"]},
                }
            case _ if method in (*ENABLE, *BROWSERS, "Page.reload", "Page.handleJavaScriptDialog"):
                return {}
        return None

    def _value(self, page: str, expression: str) -> dict[str, Any]:
        """The values of a page that have a name, or a list of them; it runs no program."""
        url = self.pages.get(page, "")
        known = {
            "location.href": ERROR if url in self.unreachable else url,
            "document.readyState": "complete",
            "document.title": url,
            "document.visibilityState": "visible" if page == self.page else "hidden",
        }
        names = [name.strip() for name in expression.strip("[]").split(",")]
        if not all(name in known for name in names):
            exception = {"type": "object", "subtype": "error", "description": f"SyntaxError: {expression}"}
            details = {"exceptionId": 1, "text": "Uncaught", "lineNumber": 0, "columnNumber": 0}
            return {"result": exception, "exceptionDetails": {**details, "exception": exception}}
        if expression.startswith("["):
            return {"result": {"type": "object", "value": [known[name] for name in names]}}
        return {"result": {"type": "string", "value": known[names[0]]}}

    async def _go(self, url: str, loader: str = "") -> None:
        self.crashed = self.hung = self.stalled = self.asking = False
        self.pages[self.page] = leads = self.moved.get(url, url)
        self.loaded += 1
        failed = url in self.unreachable
        frame = {
            "id": self.page,
            "loaderId": loader or uuid.uuid4().hex.upper(),
            "url": ERROR if failed else leads,
            "securityOrigin": "://" if failed else leads,
            "mimeType": "text/html",
            **({"unreachableUrl": url} if failed else {}),
        }
        await self._tell("Page.frameStartedNavigating", {"frameId": self.page, "url": url})
        await self._tell("Page.frameStartedLoading", {"frameId": self.page})
        await self._tell("Page.frameNavigated", {"frame": frame, "type": "Navigation"})
        await self._tell("Page.domContentEventFired", {"timestamp": 1.0})
        await self._tell("Page.loadEventFired", {"timestamp": 1.0})
        await self._tell("Page.frameStoppedLoading", {"frameId": self.page})

    async def _tell(self, method: str, params: Mapping[str, Any]) -> None:
        """Tell whoever looks at the page in front, and wants to hear of this."""
        domain = method.partition(".")[0]
        for viewer, enabled in tuple(self._viewers.items()):
            if domain in enabled and self._seen.get(viewer) == self.page:
                await self._say(viewer, {"method": method, "params": params})

    async def _say(self, socket: WebSocket, told: Mapping[str, Any]) -> None:
        faulty = await self.fault(json.dumps(told, separators=(",", ":")).encode())
        if faulty is not None:
            try:
                await socket.send_text(faulty.decode(errors="replace"))
            except (WebSocketDisconnect, RuntimeError, OSError):
                self._viewers.pop(socket, None)


def _picture(url: str, kind: str, quality: int) -> str:
    """A page as a simulated screen shows it."""
    image = painted(url)
    file = BytesIO()
    image.save(file, kind, quality=quality)
    return base64.b64encode(file.getvalue()).decode()


SIMULATOR = KioskCdpSimulator
