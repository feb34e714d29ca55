"""A Barco Event Master that is not there: presets with their numbers, one of them in the programme.

Who subscribes is told by HTTP what has changed, until it restarts. Knob beyond the acts: ``subscribed``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.barco_event_master import PREVIEW, PROGRAM, BarcoEventMaster
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

REFUSED = -1
PUSH_PORT = 3000


class BarcoEventMasterSimulator(HttpSimulator):
    """The wall processor."""

    title = "Wall processor"
    port = BarcoEventMaster.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.presets = {0: "Hall", 1: "Speaker and slides", 2: "Vote"}
        self.program = self.preview = 0
        self.subscribed: dict[tuple[str, int], set[str]] = {}

    async def hang_up(self) -> None:
        self.subscribed.clear()
        await super().hang_up()

    def routes(self) -> list[Route]:
        return [Route("/jsonrpc", self._request, methods=["POST"])]

    @act
    def save_preset(self, name: str) -> None:
        """Save another preset."""
        number = max(self.presets, default=-1) + 1
        self.presets[number] = name
        self._tell("PresetChanged", add=[number])

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "program": self.presets.get(self.program),
            "presets": [*self.presets.values()],
        }

    async def _request(self, request: Request) -> Response:
        try:
            asked = json.loads(await request.body())
            number, method, told = asked["id"], asked["method"], asked["params"]
        except (ValueError, KeyError, TypeError):
            return Response(status_code=400)
        if method == "listPresets":
            rows = [
                {"id": one, "Name": name, "presetSno": one + 1, "LockMode": 0}
                for one, name in self.presets.items()
            ]
            return _answer(number, 0, rows)
        if method == "activatePreset":
            return _answer(number, self._activate(told), None)
        if method in ("cut", "allTrans"):
            if not self.refusing:
                self.program = self.preview
                self._tell("ScreenDestChanged", update=[0])
            return _answer(number, REFUSED if self.refusing else 0, None)
        if method in ("subscribe", "unsubscribe"):
            return _answer(number, self._subscribe(told, method == "subscribe"), None)
        error = {"code": -32601, "message": "Method not found"}
        return JSONResponse({"jsonrpc": "2.0", "error": error, "id": number})

    def _activate(self, told: Any) -> int:
        """By number, by serial number or by name, as the caller likes."""
        if not isinstance(told, Mapping) or self.refusing:
            return REFUSED
        names = {name: one for one, name in self.presets.items()}
        serial = told.get("presetSno")
        chosen = told.get("id", names.get(told.get("presetName", "")))
        chosen = serial - 1 if isinstance(serial, int) else chosen
        if chosen not in self.presets or told.get("type", PREVIEW) not in (PREVIEW, PROGRAM):
            return REFUSED
        if told.get("type", PREVIEW) == PROGRAM:
            self.program = chosen
        else:
            self.preview = chosen
        self._tell("ScreenDestChanged", update=[0])
        return 0

    def _subscribe(self, told: Any, on: bool) -> int:
        host = told.get("hostname") if isinstance(told, Mapping) else None
        wanted = told.get("notification", []) if isinstance(told, Mapping) else None
        port = str(told.get("port", PUSH_PORT)) if isinstance(told, Mapping) else ""
        if not isinstance(host, str) or not port.isdecimal() or not isinstance(wanted, list):
            return REFUSED
        kinds = self.subscribed.setdefault((host, int(port)), set())
        names = {str(one) for one in wanted}
        self.subscribed[host, int(port)] = kinds | names if on else kinds - names
        return 0

    def _tell(self, kind: str, **change: list[int]) -> None:
        """Have those told who want to hear of it."""
        everything: dict[str, list[int]] = {"add": [], "remove": [], "update": []}
        told = {
            "method": "notification",
            "notificationType": kind,
            "change": everything | change,
        }
        for (host, port), kinds in tuple(self.subscribed.items()) if not self.muted else ():
            if kind in kinds:
                self.spawn(self._post(host, port, {"result": told}))

    async def _post(self, host: str, port: int, message: Mapping[str, Any]) -> None:
        with suppress(httpx.HTTPError, httpx.InvalidURL):  # whoever went away hears nothing
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                await client.post(f"http://{host}:{port}/", json=message)


def _answer(number: object, success: int, response: object) -> Response:
    return JSONResponse(
        {"jsonrpc": "2.0", "result": {"success": success, "response": response}, "id": number}
    )


SIMULATOR = BarcoEventMasterSimulator
