"""A Barco Event Master that is not there: presets with their numbers, one of them in the programme."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.barco_event_master import PREVIEW, PROGRAM, BarcoEventMaster
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

REFUSED = -1


class BarcoEventMasterSimulator(HttpSimulator):
    """The wall processor."""

    title = "Wall processor"
    port = BarcoEventMaster.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.presets = {0: "Hall", 1: "Speaker and slides", 2: "Vote"}
        self.program = self.preview = 0

    def routes(self) -> list[Route]:
        return [Route("/jsonrpc", self._request, methods=["POST"])]

    @act
    def save_preset(self, name: str) -> None:
        """Save another preset."""
        self.presets[max(self.presets, default=-1) + 1] = name

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
            self.program = self.program if self.refusing else self.preview
            return _answer(number, REFUSED if self.refusing else 0, None)
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
        return 0


def _answer(number: object, success: int, response: object) -> Response:
    return JSONResponse(
        {"jsonrpc": "2.0", "result": {"success": success, "response": response}, "id": number}
    )


SIMULATOR = BarcoEventMasterSimulator
