"""A Xibo CMS that is not there, with one display, whose player is told by push.

Knobs beyond the acts: ``lag_seconds`` (until a player does what the CMS was told), ``layouts``, ``lifetime``.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from PIL import Image, ImageDraw
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from avctl.config import Device
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act
from drivers.xibo import Options, Xibo

GROUP = 40
CAMPAIGNS = 1000  # each layout is a campaign of its own, of this number and its own
MAC = "00:16:32:aa:bb:cc"
FILTERS = ("displayId", "display", "macAddress", "loggedIn")


class XiboSimulator(HttpSimulator):
    """A CMS with four layouts."""

    title = "Signage CMS"
    port = Xibo.port

    def __init__(self, device: Device) -> None:
        self.options = Options.model_validate(device.options)
        super().__init__(device)
        self.layouts = {11: "Вітання", 12: "Розклад засідань", 13: "Черга", 14: "Тривога"}
        self.current = self.scheduled = 11
        self.licensed = 1
        self.logged_in = True
        self.inventory = 1
        self.lag_seconds = 0.0
        self.lifetime = 3600
        self.woken = self.collected = 0
        self.pictured = False
        self._tokens: dict[str, float] = {}

    def routes(self) -> list[BaseRoute]:
        base = self.options.path
        return [
            Route(f"{base}/authorize/access_token", self._authorize, methods=["POST"]),
            Route(f"{base}/layout", self._layout),
            Route(f"{base}/clock", self._clock),
            Route(f"{base}/about", self._about),
            Route(f"{base}/schedule", self._schedule),
            Route(f"{base}/display", self._display),
            Route(f"{base}/display/requestscreenshot/{{display:int}}", self._request, methods=["PUT"]),
            Route(f"{base}/display/screenshot/{{display:int}}", self._screenshot),
            Route(f"{base}/display/wol/{{display:int}}", self._wake, methods=["POST"]),
            Route(f"{base}/display/authorise/{{display:int}}", self._authorise, methods=["PUT"]),
            Route(f"{base}/display/status/{{display:int}}", self._status),
            Route(f"{base}/display/faults/{{display:int}}", self._faults),
            Route(f"{base}/displaygroup/{{group:int}}/action/{{act}}", self._action, methods=["POST"]),
        ]

    @act
    def schedule(self, layout: int) -> None:
        """Let the schedule of the CMS go on to another layout."""
        if layout not in self.layouts:
            raise ValueError(f"layout: one of {', '.join(map(str, self.layouts))}")
        self.current = self.scheduled = layout

    @act
    def lose_player(self, on: bool = True) -> None:
        """Let the player lose its network, or find it again."""
        self.logged_in = not on

    @act
    def end_tokens(self) -> None:
        """Forget every token that was given."""
        self._tokens.clear()

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "layout": self.layouts[self.current], "logged_in": self.logged_in}

    async def _authorize(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        known = (self.options.client_id, self.options.client_secret.get_secret_value())
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if (form.get("client_id"), form.get("client_secret")) != known:
            return JSONResponse({"error": "invalid_client"}, 401)
        token = uuid.uuid4().hex
        self._tokens[token] = time.monotonic() + self.lifetime
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime})

    async def _layout(self, request: Request) -> Response:
        rows = [
            {"layoutId": number, "campaignId": CAMPAIGNS + number, "layout": name, "status": 1}
            for number, name in self.layouts.items()
        ]
        return self._listed(request, rows)

    async def _display(self, request: Request) -> Response:
        row = {
            "displayId": self.options.display,
            "display": "Хол",
            "license": "b1946ac92492d2347c6235b4d2611184",
            "licensed": self.licensed,
            "loggedIn": int(self.logged_in),
            "lastAccessed": int(time.time()),
            "mediaInventoryStatus": self.inventory,
            "currentLayoutId": self.current,
            "displayGroupId": GROUP,
            "macAddress": MAC,
            "orientation": 0,
            "resolution": "1920x1080",
            "wakeOnLanEnabled": 1,
            "clientVersion": "4.1.0",
            "lastCommandSuccess": 1,
        }
        wanted = {name: request.query_params.get(name) for name in FILTERS}
        fits = all(value in (None, str(row[name])) for name, value in wanted.items())
        return self._listed(request, [row] if fits else [])

    async def _clock(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"time": time.strftime("%H:%M %Z")})

    async def _about(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"version": "4.1.0", "sourceUrl": None})

    async def _schedule(self, request: Request) -> Response:
        return self._listed(request, [])

    async def _authorise(self, request: Request) -> Response:
        if (refused := self._refused(request)) is None:
            self.licensed = 1 - self.licensed
        return refused or Response(status_code=204)

    async def _status(self, request: Request) -> Response:
        told = {"displayId": self.options.display, "currentLayoutId": self.current}
        return self._refused(request) or JSONResponse(told)

    async def _faults(self, request: Request) -> Response:
        return self._listed(request, [])

    def _not_there(self, request: Request) -> Response | None:
        """The answer to a question about a display that it has not."""
        known = request.path_params.get("display", self.options.display) == self.options.display
        return None if known else JSONResponse({"error": {"message": "Not Found"}}, 404)

    async def _request(self, request: Request) -> Response:
        if (refused := self._refused(request)) is None:
            self.pictured = self.logged_in
        return refused or JSONResponse({"displayId": self.options.display})

    async def _screenshot(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if not self.pictured:
            return Response(status_code=404)
        file = BytesIO()
        image = Image.new("RGB", (320, 180), "navy")
        ImageDraw.Draw(image).text((10, 10), str(self.current))
        image.save(file, "JPEG")
        return Response(file.getvalue(), media_type="image/jpeg")

    async def _wake(self, request: Request) -> Response:
        if (refused := self._refused(request)) is None:
            self.woken += 1
        return refused or Response(status_code=204)

    async def _action(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.path_params["group"] != GROUP:
            return Response(status_code=404)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        match request.path_params["act"]:
            case "changeLayout" | "overlayLayout" as act:
                wanted = form.get("layoutId") or form.get("campaignId", "")
                layout = int(wanted) - (0 if "layoutId" in form else CAMPAIGNS) if wanted.isdecimal() else 0
                if layout not in self.layouts:
                    return JSONResponse({"error": {"message": "Missing layout"}}, 422)
                if self.logged_in and act == "changeLayout":  # what is laid over leaves it what it shows
                    self.spawn(self._later(layout))
            case "revertToSchedule":
                if self.logged_in:
                    self.spawn(self._later(self.scheduled))
            case "collectNow":
                self.collected += 1
            case "command" | "triggerWebhook" | "clearStatsAndLogs":
                pass
            case _:
                return Response(status_code=404)
        return Response(status_code=204)

    async def _later(self, layout: int) -> None:
        await asyncio.sleep(self.lag_seconds)
        self.current = layout

    def _listed(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        refused = self._refused(request)
        return refused or JSONResponse(rows, headers={"X-Total-Count": str(len(rows))})

    def _refused(self, request: Request) -> Response | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0.0) < time.monotonic():
            return JSONResponse({"error": "access_denied"}, 401)
        if self.refusing and request.method != "GET":
            return JSONResponse({"error": {"message": "Access Denied"}}, 403)
        return self._not_there(request)


SIMULATOR = XiboSimulator
