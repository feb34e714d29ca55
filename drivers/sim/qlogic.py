"""A QLogic that is not there: the chart of how many wait in each service centre, and its booking service.

Knobs beyond the acts: ``waiting`` (people by the centre's name).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from avctl.config import Device
from drivers.qlogic import Options, QLogic
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act
from drivers.sim.visitors import SERVICES

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
        service = "/QueueService.svc"  # on port 8084 of a real one
        return [
            Route("/Chart/ChartByNow", self._chart),
            Route(f"{service}/json_pre_reg/getServiceCenterList", self._centres),
            Route(f"{service}/json_pre_reg/GetDayIntervalListEx", self._days),
            Route(f"{service}/json_pre_reg/RegCustomerEx", self._register),
            Route(f"{service}/json_wellcome_point/getGroupsByCenterId", self._groups),
            Route(f"{service}/json_wellcome_point/getServicesByCenterId", self._services),
        ]

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

    async def _centres(self, request: Request) -> Response:
        if request.query_params.get("organisationGuid") != self.options.organisation:
            return JSONResponse({"d": []})
        rows = [
            {"ServiceCenterId": at, "ServiceCenterName": name, "LocationName": "Київ"}
            for at, name in enumerate(self.waiting, 1)
        ]
        return JSONResponse({"d": rows})

    async def _groups(self, request: Request) -> Response:
        return JSONResponse({"d": [{"GroupId": 1, "Description": "Усі послуги", "IsActive": True}]})

    async def _services(self, request: Request) -> Response:
        rows = [
            {"ServiceId": number, "Description": name, "IsActive": True}
            for number, (name, _) in SERVICES.items()
        ]
        return JSONResponse({"d": rows})

    async def _days(self, request: Request) -> Response:
        """Two hours of each day that is asked for, as far as a month goes."""
        try:
            first, last = (
                datetime.strptime(request.query_params.get(name, ""), "%m-%d-%Y").replace(tzinfo=UTC)
                for name in ("dateStart", "dateEnd")
            )
        except ValueError:
            return JSONResponse({"d": None}, 400)
        days = [first + timedelta(days=one) for one in range(min((last - first).days + 1, 31))]
        times = [
            {"IsAllow": True, "StartTime": f"PT9H{minute}M", "StopTime": f"PT9H{minute + 30}M"}
            for minute in (0, 30)
        ]
        rows = [
            {
                "IsAllow": day.weekday() < 5,
                "DatePart": f"/Date({int(day.timestamp() * 1000)}+0200)/",
                "Times": times if day.weekday() < 5 else [],
            }
            for day in days
        ]
        return JSONResponse({"d": rows})

    async def _register(self, request: Request) -> Response:
        return JSONResponse({"d": {"CustOrderGuid": str(uuid.uuid4())}})


SIMULATOR = QLogicSimulator
