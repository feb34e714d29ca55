"""A kiosk's Chromium that is not there: its debugging port, with one page that people and accidents change.

Knobs beyond the acts: ``pages`` (id of each open page and its address), ``unreachable`` (what fails).
"""

from __future__ import annotations

import base64
import ipaddress
import json
import uuid
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageDraw
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from avctl.config import Device
from drivers.kiosk_cdp import KioskCdp, Options
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

START = "http://127.0.0.1/start"
ERROR = "chrome-error://chromewebdata/"
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
        self.crashed = self.hung = False
        self.loaded = 0
        self._viewers: dict[WebSocket, set[str]] = {}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/json/version", self._version),
            Route("/json/list", self._list),
            Route("/json", self._list),
            Route("/json/new", self._new, methods=["GET", "PUT"]),
            Route("/json/activate/{page}", self._activate),
            WebSocketRoute("/devtools/page/{page}", self._talk),
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
        """Close the page."""
        self.pages.pop(self.page, None)
        for viewer in tuple(self._viewers):
            await viewer.close()

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "url": self.url, "crashed": self.crashed, "hung": self.hung}

    # --- the HTTP part ----------------------------------------------------------------------------------

    async def _version(self, request: Request) -> Response:
        return self._checked(
            request,
            {
                "Browser": "Chrome/156.0.7000.0",
                "Protocol-Version": "1.3",
                "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0",
                "V8-Version": "15.6.1",
                "WebKit-Version": "537.36",
                "webSocketDebuggerUrl": f"ws://{request.headers['host']}/devtools/browser/{self.browser}",
            },
        )

    async def _list(self, request: Request) -> Response:
        host = request.headers["host"]
        worker = {"id": "W" * 32, "type": "service_worker", "title": "worker", "url": f"{START}/worker.js"}
        return self._checked(request, [worker, *(self._entry(host, page) for page in self.pages)])

    async def _new(self, request: Request) -> Response:
        if request.method != "PUT":
            text = "Using unsafe HTTP verb GET to invoke /json/new. This action supports only PUT verb."
            return PlainTextResponse(text, 405)
        self.page = uuid.uuid4().hex.upper()
        self.pages[self.page] = unquote(request.url.query) or "about:blank"
        return self._checked(request, self._entry(request.headers["host"], self.page))

    async def _activate(self, request: Request) -> Response:
        page = request.path_params["page"]
        if page not in self.pages:
            return PlainTextResponse(f"No such target id: {page}", 404)
        return PlainTextResponse("Target activated")

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
        if "origin" in socket.headers or socket.path_params["page"] not in self.pages:
            await socket.close(1008)  # becomes HTTP 403
            return
        await socket.accept()
        self._viewers[socket] = set()
        try:
            while True:
                await self._heard(socket, await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            self._viewers.pop(socket, None)

    async def _heard(self, socket: WebSocket, text: str) -> None:
        try:
            asked = json.loads(text)
            number, method = int(asked["id"]), str(asked["method"])
        except (ValueError, KeyError, TypeError):
            await self._say(socket, {"error": {"code": -32700, "message": "JSON: invalid"}})
            return
        if self.hung and method not in ENABLE:
            return
        params = asked.get("params") or {}
        if method in ENABLE:
            self._viewers[socket].add(method.partition(".")[0])
            await self._say(socket, {"id": number, "result": {}})
            if method == "Inspector.enable" and self.crashed:
                await self._tell("Inspector.targetCrashed", {})
        elif self.refusing:
            error = {"code": -32000, "message": "Not allowed"}
            await self._say(socket, {"id": number, "error": error})
        elif method == "Page.navigate":
            reachable = params.get("url") not in self.unreachable
            failed = {} if reachable else {"errorText": "net::ERR_CONNECTION_REFUSED"}
            result = {"frameId": self.page, "loaderId": uuid.uuid4().hex.upper(), **failed}
            await self._say(socket, {"id": number, "result": result})
            await self._go(str(params.get("url", "")))
        elif method == "Page.reload":
            await self._say(socket, {"id": number, "result": {}})
            await self._go(self.url)
        elif method == "Runtime.evaluate":
            if self.crashed:
                return
            value = [ERROR if self.url in self.unreachable else self.url, "complete"]
            shown = {"type": "object", "value": value}
            await self._say(socket, {"id": number, "result": {"result": shown}})
        elif method == "Page.captureScreenshot":
            await self._say(socket, {"id": number, "result": {"data": _picture(self.url)}})
        else:
            error = {"code": -32601, "message": f"'{method}' wasn't found"}
            await self._say(socket, {"id": number, "error": error})

    async def _go(self, url: str) -> None:
        self.crashed = self.hung = False
        self.pages[self.page] = url
        self.loaded += 1
        failed = url in self.unreachable
        frame = {
            "id": self.page,
            "loaderId": uuid.uuid4().hex.upper(),
            "url": ERROR if failed else url,
            "securityOrigin": "://" if failed else url,
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
        domain = method.partition(".")[0]
        for viewer, enabled in tuple(self._viewers.items()):
            if domain in enabled:
                await self._say(viewer, {"method": method, "params": params})

    async def _say(self, socket: WebSocket, told: Mapping[str, Any]) -> None:
        faulty = await self.fault(json.dumps(told, separators=(",", ":")).encode())
        if faulty is not None:
            try:
                await socket.send_text(faulty.decode(errors="replace"))
            except (WebSocketDisconnect, RuntimeError, OSError):
                self._viewers.pop(socket, None)


def _picture(url: str) -> str:
    """A page as a simulated screen shows it: its address on white."""
    image = Image.new("RGB", (640, 360), "white")
    ImageDraw.Draw(image).text((20, 20), url.encode("ascii", "replace").decode(), fill="black")
    file = BytesIO()
    image.save(file, "JPEG", quality=40)
    return base64.b64encode(file.getvalue()).decode()


SIMULATOR = KioskCdpSimulator
