"""A visitor queue with a simple feed that is not there: ``/queue.json``, and requests for each counter.

Knobs beyond the acts: ``hall`` (tickets, counters).
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from avctl.config import Device
from drivers.queue_http import Options, QueueHttp
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act
from drivers.sim.visitors import Hall, Visit

PULSE = 2.0


class QueueHttpSimulator(HttpSimulator):
    """A hall with four counters, two of them open."""

    title = "Visitor queue"
    port = QueueHttp.port

    def __init__(self, device: Device) -> None:
        self.options = Options.model_validate(device.options)
        super().__init__(device)
        self.hall = Hall()
        for counter in (1, 2):
            self.hall.open(counter, f"clerk{counter}")

    def routes(self) -> list[BaseRoute]:
        counter = "/counters/{counter:int}"
        return [
            Route(self.options.path.partition("?")[0], self._feed),
            Route(f"{counter}/next", self._doing(lambda number: self.hall.call(number)), methods=["POST"]),
            Route(
                f"{counter}/recall", self._doing(lambda number: self.hall.recall(number)), methods=["POST"]
            ),
            Route(
                f"{counter}/open",
                self._doing(lambda number: self.hall.open(number, "clerk")),
                methods=["POST"],
            ),
            Route(f"{counter}/close", self._doing(lambda number: self.hall.close(number)), methods=["POST"]),
        ]

    @act
    def take_ticket(self, service: int = 1) -> None:
        """Take a ticket from the terminal."""
        self.hall.take(service)

    @act
    def call(self, counter: int) -> None:
        """Press "next" at a counter."""
        self.hall.call(counter)

    @act
    def confirm(self, counter: int) -> None:
        """Let the visitor who was called come to the counter."""
        self.hall.confirm(counter)

    @act
    def end(self, counter: int) -> None:
        """End the visit at a counter."""
        self.hall.end(counter)

    @act
    def open_doors(self, pace: float = 1.0) -> None:
        """Let an ordinary day begin: visitors come, are called and served, until it is unplugged."""
        self.spawn(self._day(pace))

    async def _day(self, pace: float) -> None:
        chance = random.Random(1)
        while True:
            self.hall.moment(chance)
            await asyncio.sleep(PULSE / pace)

    async def _feed(self, request: Request) -> Response:
        if self._stranger(request):
            return Response(status_code=401)
        services = [
            {
                "id": str(number),
                "name": name,
                "waiting": sum(one.service == number for one in self.hall.waiting),
            }
            for number, (name, _) in self.hall.services.items()
        ]
        desks = self.hall.desks.values()
        counters = [
            {
                "id": str(desk.id),
                "name": desk.name,
                "open": bool(desk.clerk),
                "ticket": desk.visit.number if desk.visit else "",
            }
            for desk in desks
        ]
        visits = [*self.hall.waiting, *(desk.visit for desk in desks if desk.visit)]
        return JSONResponse(
            {"services": services, "counters": counters, "tickets": [_shown(visit) for visit in visits]}
        )

    def _doing(self, what: Callable[[int], object]) -> Any:
        async def do(request: Request) -> Response:
            if self._stranger(request):
                return Response(status_code=401)
            if self.refusing:
                return JSONResponse({"error": "refused"}, 409)
            try:
                what(request.path_params["counter"])
            except ValueError:
                return Response(status_code=404)
            return Response(status_code=204)

        return do

    def _stranger(self, request: Request) -> bool:
        if not self.options.user:
            return False
        pair = f"{self.options.user}:{self.options.password.get_secret_value()}".encode()
        return request.headers.get("authorization", "") != f"Basic {base64.b64encode(pair).decode()}"


def _shown(visit: Visit) -> Mapping[str, Any]:
    return {
        "number": visit.number,
        "service": str(visit.service),
        "state": visit.state,
        "counter": str(visit.counter or ""),
        "since": visit.at.isoformat(timespec="seconds"),
    }


SIMULATOR = QueueHttpSimulator
