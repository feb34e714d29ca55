"""An Anthias player that is not there: its assets, and which of them it shows.

Knobs beyond the acts: ``assets`` (by their ids), ``current`` (the id of what is shown; empty: nothing).
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from avctl.config import Device
from avctl.events import now
from drivers.anthias import Anthias, Options
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

START = "http://127.0.0.1/start"
NEEDED = ("name", "uri", "start_date", "end_date", "duration", "mimetype", "is_enabled")


class AnthiasSimulator(HttpSimulator):
    """A player that plays one page."""

    title = "Signage player"
    port = Anthias.port

    def __init__(self, device: Device) -> None:
        self.options = Options.model_validate(device.options)
        super().__init__(device)
        self.assets: dict[str, dict[str, Any]] = {}
        self.current = self.add(self.options.page or START)
        self.under_voltage = False
        self.switched = 0
        self.full = False
        self.panel = True
        self.settings: dict[str, Any] = {"player_name": "", "default_duration": 10, "show_splash": True}
        self.done: list[str] = []

    def add(self, url: str, **more: Any) -> str:
        """Have another page to play."""
        name = uuid.uuid4().hex
        self.assets[name] = {
            **{"asset_id": name, "name": url, "uri": url, "mimetype": "webpage", "duration": 10},
            **{"start_date": "2026-01-01T00:00:00+00:00", "end_date": "2036-01-01T00:00:00+00:00"},
            **{"is_enabled": True, "nocache": False, "play_order": len(self.assets), "is_active": True},
            **{"skip_asset_check": True, "is_processing": False, **more},
        }
        return name

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v2/info", self._info),
            Route("/api/v2/assets", self._list, methods=["GET", "POST"]),
            Route("/api/v2/assets/order", self._order, methods=["POST"]),
            Route("/api/v2/assets/control/{command}", self._control),
            Route("/api/v2/assets/{asset}", self._one, methods=["GET", "PATCH", "PUT", "DELETE"]),
            Route("/api/v2/assets/{asset}/content", self._content),
            Route("/api/v2/assets/{asset}/recheck", self._recheck, methods=["POST"]),
            Route("/api/v2/file_asset", self._file, methods=["POST"]),
            Route("/api/v2/device_settings", self._settings, methods=["GET", "PATCH"]),
            Route("/api/v2/display/{word}", self._power, methods=["POST"]),
            Route("/api/v2/backup", self._done("backup", 201), methods=["POST"]),
            *(
                Route(f"/api/v2/{act}", self._done(act), methods=["POST"])
                for act in ("recover", "reboot", "shutdown")
            ),
            Route("/api/v1/viewer_current_asset", self._current),
        ]

    @act
    def play_next(self) -> None:
        """Go on to the next asset, as the player does by itself."""
        self._step(1)

    def _step(self, by: int) -> None:
        enabled = [name for name, one in self.assets.items() if one["is_enabled"]]
        playing = sorted(enabled, key=lambda name: int(self.assets[name]["play_order"]))
        if playing:
            at = playing.index(self.current) if self.current in playing else -1
            self.current = playing[(at + by) % len(playing)]

    @act
    def fill(self, on: bool = True) -> None:
        """Let its card be full."""
        self.full = on

    @act
    def weaken(self, on: bool = True) -> None:
        """Let the power supply be too weak."""
        self.under_voltage = on

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "shows": self.assets.get(self.current, {}).get("uri", "")}

    async def _info(self, request: Request) -> Response:
        told = {
            **{"viewlog": "", "loadavg": 0.2, "free_space": "20G", "up_to_date": True},
            **{"display_power": "on" if self.panel else "off", "storage": {"status": "ok"}},
            **{"anthias_version": "master@2f3a1c0", "device_model": "Raspberry Pi 4", "host_user": "pi"},
            **{"uptime": {"days": 3, "hours": 4.2}, "memory": {"total": 4096}, "ip_addresses": []},
            **{"under_voltage": self.under_voltage, "mac_address": "00:16:32:aa:bb:cc"},
            "time": {"iso": now().isoformat(timespec="seconds"), "timezone": "UTC", "offset": "+00:00"},
        }
        return self._answer(request, told)

    async def _list(self, request: Request) -> Response:
        if request.method == "GET":
            return self._answer(request, list(self.assets.values()))
        if refused := self._refused(request):
            return refused
        try:
            wanted = dict(json.loads(await request.body()))
            missing = [name for name in NEEDED if name not in wanted]
        except (ValueError, TypeError):
            return Response(status_code=400)
        if missing:
            return JSONResponse(dict.fromkeys(missing, ["This field is required."]), 400)
        name = self.add(**{"url": str(wanted.pop("uri")), **wanted})
        return self._answer(request, self.assets[name], 201)

    async def _one(self, request: Request) -> Response:
        asset = self.assets.get(request.path_params["asset"])
        if asset is None:
            return Response(status_code=404)
        if request.method == "GET":
            return self._answer(request, asset)
        if refused := self._refused(request):
            return refused
        if request.method == "DELETE":
            del self.assets[asset["asset_id"]]
            return Response(status_code=204)
        try:
            asset.update(json.loads(await request.body()))
        except (ValueError, TypeError):
            return Response(status_code=400)
        if not asset["is_enabled"] and self.current == asset["asset_id"]:
            self.play_next()
        return self._answer(request, asset)

    async def _order(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        try:
            names = json.loads(await request.body())["ids"]
            names = names.split(",") if isinstance(names, str) else list(names)
        except (ValueError, KeyError, TypeError):
            return Response(status_code=400)
        for at, name in enumerate(one for one in names if one in self.assets):
            self.assets[name]["play_order"] = at
        return Response(status_code=204)

    async def _content(self, request: Request) -> Response:
        asset = self.assets.get(request.path_params["asset"])
        if asset is None:
            return self._refused(request) or Response(status_code=404)
        return self._answer(request, {"type": "url", "url": asset["uri"]})

    async def _recheck(self, request: Request) -> Response:
        there = request.path_params["asset"] in self.assets
        return self._refused(request) or Response(status_code=200 if there else 404)

    async def _file(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if self.full:
            return JSONResponse({"error": "No space left on device"}, 507)
        return JSONResponse({"uri": f"/data/anthias_assets/{uuid.uuid4().hex}.tmp", "ext": ""})

    async def _settings(self, request: Request) -> Response:
        if request.method == "PATCH":
            if refused := self._refused(request):
                return refused
            try:
                self.settings |= json.loads(await request.body())
            except (ValueError, TypeError):
                return Response(status_code=400)
        return self._answer(request, self.settings)

    async def _power(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        word = request.path_params["word"]
        if word not in ("on", "off"):
            return Response(status_code=400)
        self.panel = word == "on"
        return Response(status_code=200)

    def _done(self, act: str, status: int = 200) -> Any:
        async def do(request: Request) -> Response:
            if (refused := self._refused(request)) is None:
                self.done.append(act)
            return refused or Response(status_code=status)

        return do

    async def _control(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        command, _, asset = request.path_params["command"].partition("&")
        if command in ("next", "previous"):
            self._step(1 if command == "next" else -1)
        elif command == "asset" and asset in self.assets:
            self.current = asset
            self.switched += 1
        return self._answer(request, "Asset switched")

    async def _current(self, request: Request) -> Response:
        return self._answer(request, self.assets.get(self.current, []))

    def _refused(self, request: Request) -> Response | None:
        if self._stranger(request):
            return Response(status_code=401)
        return JSONResponse({"detail": "Not allowed"}, 403) if self.refusing else None

    def _stranger(self, request: Request) -> bool:
        pair = f"{self.options.user}:{self.options.password.get_secret_value()}".encode()
        right = f"Basic {base64.b64encode(pair).decode()}"
        return bool(self.options.user) and request.headers.get("authorization", "") != right

    def _answer(self, request: Request, told: object, status: int = 200) -> Response:
        return Response(status_code=401) if self._stranger(request) else JSONResponse(told, status)


SIMULATOR = AnthiasSimulator
