"""A Bosch DICENTIS Wireless access point that is not there: its REST API for our driver and for others.

Knobs: ``lag_seconds`` (until a write shows), ``hold_seconds``, ``idle_seconds`` (until a session expires),
``asks`` (a press always asks, as where no microphone is free), ``settings_known`` (``/api/discuss`` exists),
``votes_known`` (``/api/voting`` exists), ``tells_early`` (results are told while a round is open),
``members.identifies`` (people say at their seats who they are), ``unknown`` (who did not) and
``parks`` (a log-in or log-out waits until no question of that account is held, as with a real one).
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.bosch_wireless import Options
from drivers.sim.http import Holds, HttpSimulator
from drivers.sim.members import Failure, Members, must
from drivers.sim.people import committee
from drivers.sim.rounds import Round
from drivers.sim.server import act


@dataclass
class Unit:
    """A wireless unit, which is a seat."""

    person: str
    chairman: bool
    connected: bool = True
    battery: int = 12
    signal: int = -55


@dataclass
class Session:
    """A log-in."""

    sid: str
    seen: float


class BoschWirelessSimulator(HttpSimulator):
    """An access point with a committee's units; the chair is in seat 1."""

    title = "Bosch DICENTIS Wireless"
    port = 80

    def __init__(self, device: Device, seats: int = 15) -> None:
        super().__init__(device)
        options = Options.model_validate(device.options)
        self._user, self._password = options.user, options.password.get_secret_value()
        self.units = {
            place: Unit(person=person.name, chairman=person.chairman)
            for place, person in enumerate(committee().people[:seats], 1)
        }
        self.members = Members({seat: unit.person for seat, unit in self.units.items()}, self._seat)
        self.standing = 0  # 0 on, 1 standby, 2 off
        self.speakers: list[int] = []
        self.waiting: list[int] = []
        self.priority: set[int] = set()
        self.discuss: dict[str, Any] = {
            **{"mode": 0, "maxOpenMics": 4, "waitingListSize": 50, "autoShift": False},
        }
        self.voting = Round(lambda: self.holds.changed("voting/state"), lambda: self.lag_seconds)
        self.votes_known = self.tells_early = True
        self.sessions: dict[str, Session] = {}
        self.logins: list[Mapping[str, Any]] = []
        self.holds = Holds()
        self.hold_seconds = options.hold_seconds or 50.0
        self.lag_seconds = 0.5
        self.idle_seconds = 600.0
        self.asks = self.parks = False
        self.settings_known = True
        self.unknown: set[int] = set()

    # --- the door ------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        return [Route("/api/{path:path}", self._request, methods=["GET", "POST", "PUT", "DELETE"])]

    async def _request(self, request: Request) -> Response:
        if "chunked" in request.headers.get("transfer-encoding", ""):
            return Response(status_code=500)
        body = await request.body()
        try:
            given = json.loads(body) if body else None
        except ValueError:
            return _failure(Failure("Invalid request body type"))
        path, method = request.path_params["path"].rstrip("/"), request.method
        if (method, path) == ("POST", "login"):
            if self.parks and self._user in self.sessions:
                await self.holds.over(self.sessions[self._user].sid)
            return self._log_in(request, given)
        session = self._session_of(request)
        if session is None:
            return Response(status_code=401)
        if (method, path) == ("POST", "logout"):
            if self.parks:
                await self.holds.over(session.sid)
            self._forget(session)
            return JSONResponse({})
        if method == "GET" and request.query_params.get("isPolling") == "true":
            await self.holds.hold(session.sid, path, self.hold_seconds)
            if self._session_of(request) is None:
                return Response(status_code=401)
        try:
            return JSONResponse(self._answer(method, path, given))
        except Failure as failure:
            return _failure(failure)

    def _log_in(self, request: Request, given: Any) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _failure(Failure("Invalid request body type"))
        self.logins.append(given)
        if (given.get("username"), given.get("password")) != (self._user, self._password):
            return _failure(Failure("Invalid username or password", 401))
        before = self.sessions.get(self._user)
        if before is not None and not given.get("override") and not self._expired(before):
            return _failure(Failure("User already logged in", 409))
        if before is not None:
            self._forget(before)
        session = self.sessions[self._user] = Session(uuid.uuid4().hex, asyncio.get_running_loop().time())
        answer = JSONResponse({"id": 1, "sid": session.sid})
        answer.set_cookie("sid", session.sid)
        return answer

    def _session_of(self, request: Request) -> Session | None:
        sid = request.headers.get("bosch-sid") or request.cookies.get("sid")
        for session in self.sessions.values():
            if session.sid == sid and not self._expired(session):
                session.seen = asyncio.get_running_loop().time()
                return session
        return None

    def _expired(self, session: Session) -> bool:
        return asyncio.get_running_loop().time() - session.seen > self.idle_seconds

    def _forget(self, session: Session) -> None:
        self.sessions = {user: one for user, one in self.sessions.items() if one is not session}
        self.holds.release(lambda key: key[0] == session.sid)

    # --- what it answers -----------------------------------------------------------------------------

    def _answer(self, method: str, path: str, given: Any) -> Any:
        name, _, place = path.partition("/")
        if self.refusing and method != "GET":
            raise Failure("Access denied", 403)
        if place and not re.fullmatch(r"\d+|available|state|results|status|settings", place):
            raise Failure("Not found", 404)
        match method, name, place:
            case "GET", _, _:
                return self._read(name, place)
            case "POST", "speakers", "":
                self._later(lambda: self._speak(seats), seats := self._seats(given, "No waiter to shift"))
            case "DELETE", "speakers", "":
                self._later(lambda: self._end(*self.speakers))
            case "DELETE", "speakers", _:
                self._listed(int(place), self.speakers, "Speaker not found in speakers list")
                self._later(lambda: self._end(int(place)))
            case "POST", "waiting-list", "" if self.discuss["mode"] != 0:
                raise Failure("", 500)
            case "POST", "waiting-list", "":
                self._later(lambda: self._wait(seats), seats := self._seats(given))
            case "DELETE", "waiting-list", "":
                self._later(self.waiting.clear)
            case "DELETE", "waiting-list", _:
                self._listed(int(place), self.waiting, "Waiter not found in waiting list")
                self._later(lambda: self._withdraw(int(place)))
            case "POST", "priority", "":
                seats = self._seats(given)
                if not all(self.units[seat].chairman for seat in seats):
                    raise Failure("Seat is not a chairman seat")
                self._later(lambda: self._take_priority(seats))
            case "DELETE", "priority", _:
                self._later(lambda: self.priority.discard(int(place)))
            case "PUT", "discuss", "" if self.settings_known and isinstance(given, dict):
                self.discuss.update(given)
                self.holds.changed("discuss")
            case "PUT", "system", "status" if isinstance(given, dict) and given.get("state") in (0, 1, 2):
                self._stand(given["state"])
            case _, "participants", _:
                return self.members.write(method, place, given)
            case "PUT", "voting", "" if self.votes_known and isinstance(given, dict):
                must(self.voting.set(given))
            case "PUT", "voting", "state" if self.votes_known and isinstance(given, dict):
                must(self.voting.step(int(given.get("state", -1))))
            case _:
                raise Failure("Not found", 404)
        return {}

    def _read(self, name: str, place: str) -> Any:
        match name, place:
            case "system-info", "":
                versions = {"Firmware": "1.73.2081", "Api": ["1.7"]}
                return {"System Type": "DCNM", "Device Type": "DCNM-WAP", "Hostname": self.device.id,
                        "Networks": [], "Versions": versions}  # fmt: skip
            case "system", "status":
                return {"state": self.standing}
            case "seats", "":
                return [self._unit(seat) for seat in self.units]
            case "seats", _ if place.isdecimal() and int(place) in self.units:
                return self._unit(int(place))
            case "speakers", "":
                return [self._speaker(seat) for seat in self.speakers]
            case "waiting-list", "":
                return [self._waiter(seat) for seat in self.waiting]
            case "speakers" | "waiting-list", "available":
                taken = self.speakers if name == "speakers" else (*self.speakers, *self.waiting)
                return [self._waiter(seat) for seat in self.units if seat not in taken]
            case "participants", _:
                return self.members.read(place)
            case "discuss", "" if self.settings_known:
                return self.discuss
            case "voting", "" if self.votes_known:
                return self.voting.settings
            case "voting", "state" if self.votes_known:
                return {"state": self.voting.shown}
            case "voting", "results" if self.votes_known:
                present = sum(unit.connected for unit in self.units.values())
                return self.voting.results(present, self.tells_early)
        raise Failure("Not found", 404)

    def _unit(self, seat: int) -> dict[str, Any]:
        unit = self.units[seat]
        return {
            **{"id": seat, "name": f"Seat {seat}", "prio": unit.chairman, "dual": False},
            **{"identification": False, "voting": True, "connected": unit.connected, "selected": False},
            **{"batteryStatus": unit.battery if unit.connected else None, "batteryCharges": 30},
            **{"signalStatus": unit.signal if unit.connected else None, "signalLevel": 4},
        }

    def _speaker(self, seat: int) -> dict[str, Any]:
        unit, silenced = self.units[seat], bool(self.priority) and seat not in self.priority
        state = {"prio": unit.chairman, "micOn": not silenced, "prioOn": seat in self.priority}
        return {**self._waiter(seat), **state}

    def _waiter(self, seat: int) -> dict[str, Any]:
        name = "" if seat in self.unknown else self.units[seat].person
        label = f"Seat {seat}"
        return {
            "id": seat,
            "participantId": seat if name else 65535,
            "name": name or label,
            "seatName": label,
        }

    def _seat(self, seat: int, name: str) -> None:
        self.units[seat].person = name
        self.holds.changed("participants")

    def _stand(self, state: int) -> None:
        """On, or in standby and off, where no unit is connected."""
        self.standing = state
        for seat in self.units:
            self.connect_seat(seat, state == 0)

    # --- the discussion ------------------------------------------------------------------------------

    def _seats(self, given: Any, empty: str = "") -> list[int]:
        if given is not None and not isinstance(given, list):
            raise Failure("Invalid request body type")
        for seat in given or ():
            if seat not in self.units:
                raise Failure(f"Invalid seat id [{seat}]")
        if not given and empty and not self.waiting:
            raise Failure(empty)
        return list(given or ())

    def _listed(self, seat: int, seats: list[int], otherwise: str) -> None:
        if seat not in seats:
            raise Failure(otherwise)

    def _later(self, change: Callable[[], object], _: object = None) -> None:
        """What is written shows after a while."""
        asyncio.get_running_loop().call_later(self.lag_seconds, self._change, change)

    def _change(self, change: Callable[[], object]) -> None:
        change()
        self.priority.intersection_update(self.speakers)
        self.holds.changed("speakers")
        self.holds.changed("waiting-list")

    def _speak(self, seats: list[int]) -> None:
        for seat in seats or self.waiting[:1]:
            self._withdraw(seat)
            if seat not in self.speakers and self.units[seat].connected:
                if len(self.speakers) >= self.discuss["maxOpenMics"]:
                    self.speakers.pop(0)
                self.speakers.append(seat)

    def _end(self, *seats: int) -> None:
        self.speakers = [seat for seat in self.speakers if seat not in seats]
        while self.discuss["autoShift"] and self.waiting and len(self.speakers) < self.discuss["maxOpenMics"]:
            self._speak(self.waiting[:1])

    def _wait(self, seats: list[int]) -> None:
        self.waiting += [seat for seat in seats if seat not in (*self.waiting, *self.speakers)]

    def _withdraw(self, seat: int) -> None:
        if seat in self.waiting:
            self.waiting.remove(seat)

    def _take_priority(self, seats: list[int]) -> None:
        self.priority.update(seats)
        self.speakers += [seat for seat in seats if seat not in self.speakers]

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        self._known(seat)
        full = self.asks or len(self.speakers) >= self.discuss["maxOpenMics"]
        if seat in self.speakers:
            self._change(lambda: self._end(seat))
        elif seat in self.waiting:
            self._change(lambda: self._withdraw(seat))
        elif full and self.discuss["mode"] == 0 and not self.units[seat].chairman:
            self._change(lambda: self._wait([seat]))
        else:
            self._change(lambda: self._speak([seat]))

    @act
    def sit(self, seat: int, name: str) -> None:
        """Somebody is given a seat, or with an empty name nobody."""
        self._known(seat)
        self.members.seat(seat, name)

    @act
    def connect_seat(self, seat: int, connected: bool = True) -> None:
        """A unit comes back, or its battery is taken out."""
        self._known(seat).connected = connected
        self.holds.changed("seats")
        if not connected:
            self._withdraw(seat)
            self._change(lambda: self._end(seat))

    @act
    def drain(self, seat: int, hours: int, signal: int = -55) -> None:
        """A battery empties, or a unit moves away."""
        self._known(seat).battery, self.units[seat].signal = hours, signal
        self.holds.changed("seats")

    @act
    def vote(self, seat: int, answer: str) -> None:
        """The voting button at a seat: for or yes, against or no, abstain, dnpv."""
        self._known(seat)
        self.voting.cast(seat, answer)

    @act
    async def restart(self) -> None:
        """The access point starts again: the lists are empty, every session is over, no vote is open."""
        await self.hang_up()
        self.voting.forget()
        self.speakers.clear()
        self.waiting.clear()
        self.sessions.clear()
        await self.listen()

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "clients": len(self.sessions),
            "seats": len(self.units),
            "speakers": list(self.speakers),
            "waiting": list(self.waiting),
            "mode": self.discuss["mode"],
            "voting": self.voting.state,
        }

    def _known(self, seat: int) -> Unit:
        if seat not in self.units:
            raise ValueError(f"a seat from 1 to {len(self.units)}")
        return self.units[seat]


def _failure(failure: Failure) -> Response:
    if not str(failure):
        return Response(status_code=failure.status)
    error = {"code": failure.status, "description": str(failure), "details": ""}
    return JSONResponse({"error": error}, failure.status)


SIMULATOR = BoschWirelessSimulator
