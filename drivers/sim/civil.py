"""What the simulated services of the civil alarm share: a token, a limit, ways not to be believed."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

KYIV = 31
REFRESHED = 3  # answers, of which the last has everything again
PORTAL = "<html><body><h1>Welcome to our hotel</h1><form>Room number: <input></form></body></html>"


class CivilAlarmSimulator(HttpSimulator):
    """A service that knows the regions 1 to 31.

    Knobs beyond the acts: ``most_a_minute`` (more is too often), ``asked`` (the last answers' status).
    """

    port = 443
    dates = False  # it writes them itself
    options_of: ClassVar[type[Any]]

    def __init__(self, device: Device) -> None:
        self.options = self.options_of.model_validate(device.options)
        super().__init__(device)
        self.alarms: dict[int, tuple[str, datetime]] = {}
        self.parts: set[int] = set()
        self.captive = self.broken = False
        self.hours_behind = 0.0
        self.most_a_minute = 1000
        self.asked: deque[int] = deque(maxlen=100)
        self.changed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        self._times: deque[float] = deque(maxlen=2000)
        self._told: dict[str, int] = {}

    @abstractmethod
    def answer(self, path: str) -> Any:
        """What stands at a path; None for nothing."""

    @abstractmethod
    def right(self, authorization: str) -> bool:
        """Whether this is the key."""

    def routes(self) -> list[Route]:
        return [Route("/{path:path}", self._request, methods=["GET"])]

    @act
    def raise_alarm(self, region: int = KYIV, level: Literal["red", "yellow", ""] = "red") -> None:
        """Raise the alarm in a region."""
        self.alarms[region] = level, datetime.now(UTC).replace(microsecond=0)
        self._changed()

    @act
    def raise_in_part(self, region: int = KYIV) -> None:
        """Raise the alarm in a part of a region."""
        self.parts.add(region)
        self._changed()

    @act
    def all_clear(self, region: int = KYIV) -> None:
        """End the alarm in a region and all its parts."""
        self.alarms.pop(region, None)
        self.parts.discard(region)
        self._changed()

    @act
    def show_portal(self, on: bool = True) -> None:
        """Put a hotel's log-in page in the way, with status 200."""
        self.captive = on

    @act
    def fail(self, on: bool = True) -> None:
        """Answer HTTP 500 to everything."""
        self.broken = on

    @act
    def age(self, hours: float) -> None:
        """Let the answers be copies of so many hours ago."""
        self.hours_behind = hours

    def state(self) -> Mapping[str, Any]:
        alarms = {str(region): level or "on" for region, (level, _) in self.alarms.items()}
        return {**super().state(), "alarms": alarms, "parts": sorted(self.parts)}

    async def _request(self, request: Request) -> Response:
        response = self._respond(request)
        said_at = datetime.now(UTC) - timedelta(hours=self.hours_behind)
        response.headers["date"] = format_datetime(said_at, usegmt=True)
        self.asked.append(response.status_code)
        return response

    def _respond(self, request: Request) -> Response:
        now = asyncio.get_running_loop().time()
        self._times.append(now)
        if self.captive:
            return HTMLResponse(PORTAL)
        if self.broken:
            return JSONResponse({"message": "Internal server error"}, 500)
        if self.refusing:
            return JSONResponse({"message": "Forbidden"}, 403)
        if not self.right(request.headers.get("authorization", "")):
            return JSONResponse({"message": "Unauthorized"}, 401)
        if sum(now - one < 60 for one in self._times) > self.most_a_minute:
            return JSONResponse({"message": "Too many requests"}, 429, {"Retry-After": "1"})
        told = self.answer(request.url.path)
        if told is None:
            return JSONResponse({"message": "Not found"}, 404)
        modified = format_datetime(self.changed_at, usegmt=True)
        # Its data is written anew now and then, also when no alarm has changed.
        self._told[request.url.path] = self._told.get(request.url.path, 0) + 1
        anew = self._told[request.url.path] % REFRESHED == 0
        if request.headers.get("if-modified-since") == modified and not anew:
            return Response(status_code=304)
        return JSONResponse(told, headers={"Last-Modified": modified})

    def _changed(self) -> None:
        # Its clock has whole seconds: two changes within one would pass for one.
        self.changed_at = max(
            datetime.now(UTC).replace(microsecond=0), self.changed_at + timedelta(seconds=1)
        )
