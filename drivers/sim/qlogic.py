"""A QLogic that is not there: the chart of how many wait in each service centre.

Knobs beyond the acts: ``waiting`` (people by the centre's name).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from avctl.config import Device
from drivers.qlogic import Options, QLogic
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

CENTRES = ("ЦНАП Шевченківського району", "ЦНАП Подільського району")


class QLogicSimulator(HttpSimulator):
    """Two centres of one organisation."""

    title = "Visitor queue"
    port = QLogic.port

    def __init__(self, device: Device) -> None:
        self.options = Options.model_validate(device.options)
        super().__init__(device)
        self.waiting = dict.fromkeys(CENTRES, 0)

    def routes(self) -> list[BaseRoute]:
        return [Route("/Chart/ChartByNow", self._chart)]

    @act
    def come(self, centre: int = 1, people: int = 1) -> None:
        """Let people come to a centre; fewer than none leave."""
        if not 1 <= centre <= len(CENTRES):
            raise ValueError(f"centre: 1 to {len(CENTRES)}")
        name = CENTRES[centre - 1]
        self.waiting[name] = max(0, self.waiting[name] + people)

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "waiting": dict(self.waiting)}

    async def _chart(self, request: Request) -> Response:
        if self.refusing or request.query_params.get("orgKey") != self.options.organisation:
            return JSONResponse({"data": []}, 404)
        rows = [
            {"SrvCenterDescription": name, "CountOfWaitingJobs": count, "Color": "#5B9BD5"}
            for name, count in self.waiting.items()
        ]
        return JSONResponse({"data": rows})


SIMULATOR = QLogicSimulator
