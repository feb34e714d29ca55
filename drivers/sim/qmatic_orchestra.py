"""A Qmatic Orchestra that is not there: one branch, its REST interface, its events by CometD.

Knobs beyond the acts: ``hall`` (tickets, counters), ``quick_seconds`` (a call sooner than that is refused),
``heard`` (method, path and cookie of every request).
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import uuid
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from avctl.config import Device
from drivers.qmatic_orchestra import Options, QmaticOrchestra
from drivers.sim.bayeux import Listeners
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act
from drivers.sim.visitors import Desk, Hall, Visit

BRANCH = 1
PRINTER = {"id": 99, "name": "Термінал талонів"}
COOKIE = "JSESSIONID"
INIT = "/events/INIT"
PULSE = 4.0  # seconds between two things that happen in a hall that is open


class QmaticOrchestraSimulator(HttpSimulator):
    """A branch with four counters, two of them open."""

    title = "Visitor queue"
    port = QmaticOrchestra.port

    def __init__(self, device: Device) -> None:
        self.options = Options.model_validate(device.options)
        super().__init__(device)
        self.told: deque[tuple[int, str, str]] = deque(maxlen=500)
        self.hall = Hall(self._tell)
        for counter in (1, 2):
            self.hall.open(counter, f"clerk{counter}")
        self.profiles = [{"id": 1, "name": "Усі послуги"}]
        self.quick_seconds = 0.0
        self.heard: deque[tuple[str, str, str]] = deque(maxlen=500)
        self.idle = self.deaf = False
        self.listeners = Listeners(INIT)

    def routes(self) -> list[BaseRoute]:
        base = self.options.path
        branch = f"{base}/servicepoint/branches/{{branch:int}}"
        point = f"{branch}/servicePoints/{{point:int}}"
        return [
            Route(f"{base}/servicepoint/branches/", self._branches),
            Route(f"{branch}/queues/", self._queues),
            Route(f"{branch}/queues/{{queue:int}}/visits", self._visits),
            Route(f"{branch}/services", self._services),
            Route(f"{branch}/workProfiles", self._profiles),
            Route(f"{branch}/servicePoints/deviceTypes/SW_SERVICE_POINT", self._points),
            Route(f"{base}/managementinformation/v2/branches/{{branch:int}}/servicePoints", self._overview),
            Route(f"{point}/users/{{user}}/", self._sit, methods=["PUT", "DELETE"]),
            Route(f"{branch}/users/{{user}}/workProfile/{{profile:int}}/", self._profile, methods=["PUT"]),
            Route(f"{point}/visits/next/", self._next, methods=["POST"]),
            Route(f"{point}/visit/recall/", self._recall, methods=["PUT"]),
            Route(f"{point}/visits/createAndEnd", self._walk_in, methods=["POST"]),
            Route(f"{branch}/visits/{{visit:int}}/end/", self._end, methods=["PUT"]),
            Route(f"{branch}/visits/{{visit:int}}/events", self._history),
            Route(f"{base}/servicepoint/user", self._user),
            Route(f"{base}/servicepoint/user/status", self._user),
            Route(
                f"{base}/entrypoint/branches/{{branch:int}}/queues/{{queue:int}}/visits/",
                self._transfer,
                methods=["PUT"],
            ),
            Route(
                f"{base}/entrypoint/branches/{{branch:int}}/entryPoints/{{entry:int}}/visits/",
                self._issue,
                methods=["POST"],
            ),
            Route(self.options.events_path, self._events, methods=["POST"]),
        ]

    # --- what people and accidents do -------------------------------------------------------------------

    @act
    def take_ticket(self, service: int = 1) -> None:
        """Take a ticket from the terminal."""
        self.hall.take(service)

    @act
    def call(self, counter: int) -> None:
        """Press "next" at a counter."""
        self.hall.call(counter)

    @act
    def recall(self, counter: int) -> None:
        """Press "call again" at a counter."""
        self.hall.recall(counter)

    @act
    def confirm(self, counter: int) -> None:
        """Let the visitor who was called come to the counter."""
        self.hall.confirm(counter)

    @act
    def end(self, counter: int, no_show: bool = False) -> None:
        """End the visit at a counter; or say that nobody came."""
        self.hall.end(counter, "VISIT_NOSHOW" if no_show else "VISIT_END")

    @act
    def leave(self, number: str) -> None:
        """Leave without having been called."""
        self.hall.remove(number)

    @act
    def sit_down(self, counter: int, on: bool = True) -> None:
        """Let a clerk sit down at a counter, or leave it."""
        if on:
            self.hall.open(counter, f"clerk{counter}")
        else:
            self.hall.close(counter)

    @act
    def answer_without_effect(self, on: bool = True) -> None:
        """Answer HTTP 200 to every act, with a state that says that nothing was done."""
        self.idle = on

    @act
    def lose_events(self, on: bool = True) -> None:
        """Tell no events, as a network between that drops them."""
        self.deaf = on

    @act
    def forget_listeners(self) -> None:
        """Know no listener any more, as after a restart of the event server."""
        self.listeners.forget()

    @act
    def open_doors(self, pace: float = 1.0) -> None:
        """Let an ordinary day begin: visitors come, are called and served, until it is unplugged."""
        self.spawn(self._day(pace))

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "waiting": [visit.number for visit in self.hall.waiting],
            "counters": {
                str(desk.id): {"clerk": desk.clerk, "ticket": desk.visit.number if desk.visit else ""}
                for desk in self.hall.desks.values()
            },
        }

    async def _day(self, pace: float) -> None:
        chance = random.Random(1)
        while True:
            self.hall.moment(chance)
            await asyncio.sleep(PULSE / pace)

    # --- what is asked -----------------------------------------------------------------------------------

    async def _branches(self, request: Request) -> Response:
        return self._answer(request, [{"id": BRANCH, "name": "Центр надання адміністративних послуг"}])

    async def _queues(self, request: Request) -> Response:
        rows = []
        for number, (name, _) in self.hall.services.items():
            waiting = [visit for visit in self.hall.waiting if visit.service == number]
            longest = max((visit.seconds for visit in waiting), default=0)
            rows.append(
                {"id": number, "name": name, "customersWaiting": len(waiting), "waitingTime": longest}
            )
        return self._answer(request, rows)

    async def _visits(self, request: Request) -> Response:
        rows = [
            {"visitId": visit.id, "ticketId": visit.number, "waitingTime": visit.seconds}
            for visit in self.hall.waiting
            if visit.service == request.path_params["queue"]
        ]
        return self._answer(request, rows)

    async def _services(self, request: Request) -> Response:
        rows = [{"id": number, "internalName": name} for number, (name, _) in self.hall.services.items()]
        return self._answer(request, rows)

    async def _profiles(self, request: Request) -> Response:
        return self._answer(request, self.profiles)

    async def _points(self, request: Request) -> Response:
        return self._answer(request, [{"id": one.id, "name": one.name} for one in self.hall.desks.values()])

    async def _overview(self, request: Request) -> Response:
        return self._answer(request, [*map(self._shown, self.hall.desks.values()), {**PRINTER, **NOBODY}])

    def _shown(self, desk: Desk) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": desk.id, "name": desk.name, **NOBODY}
        if desk.clerk:
            shown |= {"status": "OPEN", "staffName": desk.clerk, "staffFullName": desk.clerk.title()}
            shown |= {"workProfileId": 1, "workProfileName": self.profiles[0]["name"]}
        if desk.visit is not None:
            shown |= {
                "currentTicketNumber": desk.visit.number,
                "currentServiceName": self.hall.services[desk.visit.service][0],
                "currentTransactionTime": desk.visit.seconds,
            }
        return shown

    async def _sit(self, request: Request) -> Response:
        user = request.path_params["user"]
        if refused := self._refused(request):
            return refused
        desk = self.hall.desks[request.path_params["point"]]
        if not self.idle:
            if request.method == "PUT":
                self.hall.open(desk.id, user)
            else:
                self.hall.close(desk.id)
        return self._answer(request, self._status(desk))

    async def _profile(self, request: Request) -> Response:
        user = request.path_params["user"]
        desk = next((one for one in self.hall.desks.values() if one.clerk == user), None)
        return self._refused(request) or self._answer(request, self._status(desk))

    async def _next(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        desk = self.hall.desks[request.path_params["point"]]
        if self.idle or not desk.clerk:
            return self._answer(request, self._status(desk))
        now = asyncio.get_running_loop().time()
        if now - desk.called_at < self.quick_seconds:
            return self._answer(request, {**self._status(desk), "visitState": "CALL_NEXT_TO_QUICK"})
        desk.called_at = now
        self.hall.call(desk.id)
        return self._answer(request, self._status(desk))

    async def _recall(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        desk = self.hall.desks[request.path_params["point"]]
        if not self.idle:
            self.hall.recall(desk.id)
        return self._answer(request, self._status(desk))

    async def _end(self, request: Request) -> Response:
        visit = request.path_params["visit"]
        if refused := self._refused(request):
            return refused
        desk = next((one for one in self.hall.desks.values() if one.visit and one.visit.id == visit), None)
        if desk is not None and not self.idle:
            self.hall.end(desk.id)
        return self._answer(request, self._status(desk))

    async def _walk_in(self, request: Request) -> Response:
        """Count a visitor who had no ticket."""
        if refused := self._refused(request):
            return refused
        desk = self.hall.desks[request.path_params["point"]]
        if desk.clerk and not self.idle:
            self._tell("VISIT_END", None, desk)
        return self._answer(request, self._status(desk))

    async def _transfer(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        try:
            wanted = int(json.loads(await request.body())["visitId"])
            if not self.idle:
                self.hall.transfer(wanted, request.path_params["queue"])
        except (ValueError, KeyError, TypeError):
            return Response(status_code=404)
        answer = self._answer(request, {})
        return answer if answer.status_code != 200 else Response(status_code=204)

    async def _history(self, request: Request) -> Response:
        visit = request.path_params["visit"]
        rows = [{"eventName": name, "eventTime": at} for one, name, at in self.told if one == visit]
        return self._answer(request, rows)

    async def _user(self, request: Request) -> Response:
        """Who asks, and the state of the counter where they sit."""
        desk = next((one for one in self.hall.desks.values() if one.clerk == self.options.user), None)
        who = {"userName": self.options.user}
        return self._answer(request, who if request.url.path.endswith("/user") else self._status(desk))

    async def _issue(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        try:
            visit = self.hall.take(int(json.loads(await request.body())["services"][0]))
        except (ValueError, KeyError, TypeError, IndexError):
            return Response(status_code=400)
        return self._answer(request, {"id": visit.id, "ticketId": visit.number})

    def _status(self, desk: Desk | None) -> dict[str, Any]:
        if self.idle:
            return {"userState": "INACTIVE", "visitState": "OK", "visit": None}
        if desk is None or not desk.clerk:
            return {
                "userState": "NO_STARTED_SERVICE_POINT_SESSION",
                "servicePointState": "CLOSED",
                "visitState": "OK",
                "visit": None,
            }
        visit = None
        if desk.visit is not None:
            service = {"id": desk.visit.id * 10, "serviceId": desk.visit.service}
            visit = {"id": desk.visit.id, "ticketId": desk.visit.number, "currentVisitService": service}
        user = desk.visit.state.upper() if desk.visit else "IN_STORE_NEXT"
        return {
            "branchId": BRANCH,
            "servicePointId": desk.id,
            "servicePointName": desk.name,
            "servicePointState": "OPEN",
            "userState": user,
            "visitState": "OK",
            "visit": visit,
        }

    def _refused(self, request: Request) -> Response | None:
        if self._stranger(request):
            return self._answer(request, None)
        if self.refusing or COOKIE in request.cookies:
            return Response(status_code=403)
        there = request.path_params.get("point", 1) in self.hall.desks
        return None if there else Response(status_code=404)

    def _stranger(self, request: Request) -> bool:
        pair = f"{self.options.user}:{self.options.password.get_secret_value()}".encode()
        return request.headers.get("authorization", "") != f"Basic {base64.b64encode(pair).decode()}"

    def _answer(self, request: Request, told: object) -> Response:
        self.heard.append((request.method, request.url.path, request.headers.get("cookie", "")))
        if self._stranger(request):
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="Orchestra"'})
        if request.path_params.get("branch", BRANCH) != BRANCH:
            return Response(status_code=404)
        answer = JSONResponse(told)
        answer.set_cookie(COOKIE, uuid.uuid4().hex)
        return answer

    # --- its events --------------------------------------------------------------------------------------

    async def _events(self, request: Request) -> Response:
        if self._stranger(request):
            return Response(status_code=401)
        return await self.listeners.answer(await request.body())

    def _tell(self, event: str, visit: Visit | None, desk: Desk | None) -> None:
        if visit is not None:
            self.told.append((visit.id, event, datetime.now(UTC).isoformat(timespec="milliseconds")))
        if getattr(self, "deaf", True):  # also while it is made
            return
        told: dict[str, Any] = {}
        if visit is not None:
            told |= {"ticket": visit.number, "visitId": visit.id}
        if desk is not None:
            told |= {"servicePointName": desk.name, "servicePointId": desk.id}
        channel = f"/events/{self.options.prefix}/QVoiceLight"
        data = json.dumps({"M": "E", "E": {"evnt": event, "prm": told}}, ensure_ascii=False)
        self.listeners.tell(channel, data)


NOBODY = {
    "status": "CLOSED",
    "staffName": None,
    "staffFullName": None,
    "workProfileId": None,
    "workProfileName": None,
    "currentServiceName": "",
    "currentTicketNumber": "",
    "currentTransactionTime": 0,
    "currentCustomerName": None,
}


SIMULATOR = QmaticOrchestraSimulator
