"""Screens of the tests' own: a driver that tells a plain HTTP server which page to show, and that server.

``GET /page`` answers the address that is shown, ``PUT /page`` takes another one; the server is what a person
or an accident makes of it (``unplug``, ``mute``, ``slow``).
"""

from __future__ import annotations

import asyncio
from io import BytesIO

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avctl.capabilities import Pages
from avctl.config import Device
from avctl.driver import Driver
from avctl.errors import LinkError, Rejected
from avctl.http import Http, http
from drivers.sim.http import HttpSimulator


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    poll: float = Field(0.1, gt=0, description="Seconds between two looks.")
    pages: tuple[str, ...] = Field((), description="Only these can be shown.")


class Kiosk(Driver, Pages):
    title = "Screen of the tests"
    port = 9999
    Options = Options

    _http: Http | None = None

    async def serve(self) -> None:
        async with http(self.device.host, int(self.device.port or self.port), self.log) as self._http:
            while True:
                await self._look()
                self.online()
                await self.rest(self.options.poll)

    async def _ask(self, method: str, path: str, body: object = None) -> Response:
        if self._http is None:
            raise LinkError("not connected")
        answer = await self._http.ask(method, path, 5, body)
        if not answer.ok:
            raise Rejected(f"HTTP {answer.status}")
        return answer

    async def _look(self) -> None:
        said = (await self._ask("GET", "/page")).json()
        self.report(page=said["page"], showing="ok", fault="", pages=self.options.pages)

    async def show_page(self, url: str) -> None:
        await self._ask("PUT", "/page", {"page": url})
        await self._look()

    async def reload_page(self) -> None:
        await self._ask("PUT", "/reload", {})

    async def screenshot(self) -> bytes:
        return (await self._ask("GET", "/picture")).data


class KioskServer(HttpSimulator):
    """The screen. ``page``: what it shows; ``shown``: all it ever showed; ``slow``: seconds a page takes."""

    title = "Screen"
    port = Kiosk.port

    def __init__(self, device: Device, page: str = "about:blank") -> None:
        super().__init__(device)
        self.page = page
        self.shown: list[str] = []
        self.slow = 0.0
        self.pictures = 0

    def routes(self) -> list[Route]:
        return [
            Route("/page", self._page, methods=["GET", "PUT"]),
            Route("/reload", self._reload, methods=["PUT"]),
            Route("/picture", self._picture),
        ]

    async def _page(self, request: Request) -> Response:
        if request.method == "PUT":
            wanted = (await request.json())["page"]
            await asyncio.sleep(self.slow)
            self.page = wanted
            self.shown.append(wanted)
        return JSONResponse({"page": self.page})

    async def _reload(self, _: Request) -> Response:
        return JSONResponse({})

    async def _picture(self, _: Request) -> Response:
        self.pictures += 1
        file = BytesIO()
        Image.new("RGB", (160, 90), "navy").save(file, "JPEG")
        return Response(file.getvalue(), media_type="image/jpeg")


DRIVER = Kiosk
SIMULATOR = KioskServer
