"""NETIO power sockets that are not there: four, with accounts to read and to write.

Knobs beyond the acts: ``outputs`` (their rows, by number), ``measures`` (whether it measures currents).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.netio import Netio, Options
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

ACTIONS = range(7)  # off, on, off then on, on then off, toggle, as it is, ignored


class NetioSimulator(HttpSimulator):
    """The sockets."""

    title = "Power sockets"
    port = Netio.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.on = dict.fromkeys(range(1, 5), True)
        self.names = {number: f"output_{number}" for number in self.on}
        self.measures = True

    def routes(self) -> list[Route]:
        return [
            Route("/netio.json", self._request, methods=["GET", "POST"]),
            Route("/netio.cgi", self._form),
        ]

    @act
    def press(self, outlet: int) -> None:
        """Press the button of a socket."""
        if outlet not in self.on:
            raise ValueError(f"outlet: one of {', '.join(map(str, self.on))}")
        self.on[outlet] = not self.on[outlet]

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "on": {str(number): on for number, on in self.on.items()}}

    async def _request(self, request: Request) -> Response:
        account = self._account(request)
        if account == "":
            return Response(status_code=401)
        if request.method == "POST":
            if account == "read":
                return Response(status_code=403)
            try:
                wanted = json.loads(await request.body())["Outputs"]
                switches = [
                    (int(one["ID"]), int(one["Action"]), int(one.get("Delay", 1000))) for one in wanted
                ]
            except (ValueError, KeyError, TypeError):
                return Response(status_code=400)
            known = all(number in self.on and action in ACTIONS for number, action, _ in switches)
            if self.refusing or not known:
                return Response(status_code=400)
            for number, action, delay in switches:
                self._switch(number, action, delay / 1000)
        return JSONResponse(self._everything())

    async def _form(self, request: Request) -> Response:
        """Switch by an address alone, ``?pass=...&output1=1``; the password is that of who may write."""
        options, told = self.options, dict(request.query_params)
        secret = options.writer_password if options.writer else options.password
        if options.user and told.pop("pass", "") != secret.get_secret_value():
            return Response(status_code=401)
        switches = [
            (int(name.removeprefix("output")), int(value))
            for name, value in told.items()
            if name.removeprefix("output").isdecimal() and value.isdecimal()
        ]
        if self.refusing or not all(one in self.on and action in ACTIONS for one, action in switches):
            return Response(status_code=400)
        for number, action in switches:
            self._switch(number, action, 5.0)
        return Response("OK", media_type="text/plain")

    def _account(self, request: Request) -> str:
        """What the log-in may: read, write, or nothing."""
        options = self.options
        if not options.user:
            return "write"
        pairs = {
            (options.user, options.password.get_secret_value()): "read" if options.writer else "write",
            (options.writer, options.writer_password.get_secret_value()): "write" if options.writer else "",
        }
        return next(
            (
                may
                for (user, password), may in pairs.items()
                if request.headers.get("authorization", "")
                == f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
            ),
            "",
        )

    def _switch(self, number: int, action: int, seconds: float) -> None:
        if action in (0, 1):
            self.on[number] = action == 1
        elif action in (2, 3):
            self.on[number] = action == 3
            self.spawn(self._later(number, action == 2, seconds))
        elif action == 4:
            self.on[number] = not self.on[number]

    async def _later(self, number: int, on: bool, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.on[number] = on

    def _everything(self) -> dict[str, Any]:
        outputs = [
            {
                **{"ID": number, "Name": self.names[number], "State": int(on), "Action": 6, "Delay": 5000},
                **({"Current": 850 * on, "PowerFactor": 0.9, "Load": 190 * on} if self.measures else {}),
                "Energy": 12,
            }
            for number, on in self.on.items()
        ]
        agent = {
            **{"Model": "NETIO 4C", "Version": "3.4.2", "JSONVer": "2.4", "DeviceName": "rack"},
            **{"SerialNumber": "24:A4:2C:00:00:01", "Uptime": 1000, "Time": "2026-11-25T19:00:00+00:00"},
            **{"NumOutputs": len(outputs), "NumInputs": 0},
        }
        measured = {
            **{"Voltage": 230.1, "Frequency": 50.0, "TotalCurrent": 850 * sum(self.on.values())},
            **{"OverallPowerFactor": 0.9, "TotalLoad": 190 * sum(self.on.values()), "TotalEnergy": 12},
            "EnergyStart": "2026-01-01T00:00:00+00:00",
        }
        return {"Agent": agent, "GlobalMeasure": measured, "Outputs": outputs, "Inputs": []}


SIMULATOR = NetioSimulator
