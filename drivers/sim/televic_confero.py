"""A Televic unit with the Confero API that is not there, for our driver and for other people's clients.

Knobs: ``replays`` (who asks for events without a number gets the history first), ``history`` (events kept),
``has_events`` (older firmware has none), ``raw_ids`` (ids as bare text, not as JSON), ``busy`` (so often it
answers 500 about the results of a vote), ``deaf_stops`` (so many stops of a vote do nothing).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from avctl.config import Device
from drivers.sim.certificate import self_signed
from drivers.sim.http import Holds, HttpSimulator
from drivers.sim.people import committee
from drivers.sim.server import act
from drivers.televic_confero import Options

PRESENCES = tuple(f"{kind}ParticipantPresence" for kind in ("Local", "Remote", "Absent"))
MODES = ("directSpeak", "request", "group", "operator", "handsFree")
MODULES = ("Discussion", "Meeting", "Room", "Recording")


class TelevicConferoSimulator(HttpSimulator):
    """A unit with a committee's seats, in a running meeting; the chair is in seat 1."""

    title = "Televic Confero"
    port = 9080

    def __init__(self, device: Device, seats: int = 15) -> None:
        super().__init__(device)
        options = Options.model_validate(device.options)
        self._token, self._tls = options.token.get_secret_value(), options.tls
        self._identity: ssl.SSLContext | None = None
        self.people = dict(enumerate((person.name for person in committee().people[:seats]), 1))
        self.away: set[int] = set()
        self.speakers: list[int] = []
        self.waiting: list[int] = []
        self.settings: dict[str, Any] = {
            "microphoneMode": "operator",
            "maximumNumberOfSpeakers": 4,
            "options": {"switchOffAllowed": True, "cancelRequestAllowed": True},
        }
        self.meeting = str(uuid.uuid4())
        self.vote: dict[str, Any] = {}
        self.votes: dict[int, int] = {}
        self.recording = "idle"
        self.events: list[dict[str, Any]] = []
        self.number = 0
        self.tried: list[str] = []
        self.holds = Holds()
        self.hold_seconds = 30.0
        self.history = 100
        self.replays = False
        self.has_events = True
        self.raw_ids = True
        self.busy = 0
        self.deaf_stops = 0

    def tls(self) -> ssl.SSLContext | None:
        if self._tls and self._identity is None:
            self._identity = self_signed(self.device.id)
        return self._identity

    @act
    def renew_certificate(self) -> None:
        """Be given another certificate, shown after the next start."""
        self._identity = None

    def routes(self) -> list[Route]:
        one = {
            "discussion/seats": self._seats,
            "discussion/seats/{seat:int}": self._seat,
            "discussion/speakers": lambda request, body: self._list(request, self.speakers),
            "discussion/requests": lambda request, body: self._list(request, self.waiting),
            "discussion/settings": self._settings,
            "room/seats/discussion": self._room,
            "notification/events": self._events,
            "notification/modules": lambda request, body: JSONResponse(list(MODULES)),
            "meeting": self._meeting,
            "meeting/actions": self._action,
            "meeting/voting-results": self._results,
            "recording/state": self._recording,
        }
        methods = ["GET", "PUT", "POST", "DELETE"]
        return [Route(f"/api/{path}", self._guarded(answer), methods=methods) for path, answer in one.items()]

    def _guarded(self, answer: Callable[[Request, Any], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            self.tried.append(token)
            if self._token and (scheme.lower() != "bearer" or token != self._token):
                return Response(status_code=401)
            if self.refusing and request.method != "GET":
                return PlainTextResponse("Operation not allowed", 403)
            body = await request.body()
            try:
                given = json.loads(body) if body else None  # whatever its Content-Type
            except ValueError:
                return PlainTextResponse("Invalid json", 400)
            found = answer(request, given)
            response: Response = await found if asyncio.iscoroutine(found) else found
            return response

        return guarded

    # --- the discussion ------------------------------------------------------------------------------

    def _seats(self, request: Request, body: Any) -> Response:
        return JSONResponse([self._row(seat) for seat in self.people])

    def _row(self, seat: int) -> dict[str, Any]:
        role = "chairperson" if seat == 1 else "delegate"
        state = {"microphoneOn": seat in self.speakers, "requestingToSpeak": seat in self.waiting}
        return {"seatNumber": seat, **state, "role": role}

    def _seat(self, request: Request, body: Any) -> Response:
        seat = request.path_params["seat"]
        if seat not in self.people:
            return PlainTextResponse("Unknown seat", 404)
        if request.method == "GET":
            return JSONResponse(self._row(seat))
        for field in ("microphoneOn", "requestingToSpeak"):
            if not isinstance(body, dict) or not isinstance(body.get(field), bool):
                return PlainTextResponse(f"Missing json field: {field}", 400)
        self._become(seat, body["microphoneOn"], body["requestingToSpeak"])
        return Response(status_code=204)

    def _become(self, seat: int, speaks: bool, waits: bool) -> None:
        before = list(self.speakers), list(self.waiting)
        for seats, member in ((self.speakers, speaks), (self.waiting, waits and not speaks)):
            if not member and seat in seats:
                seats.remove(seat)
            elif member and seat not in seats and seat not in self.away:
                seats.append(seat)
        self._settle(*before)

    def _settle(self, spoke: list[int], waited: list[int]) -> None:
        """Let the queue move up where it does, and tell what is different now."""
        most = self.settings["maximumNumberOfSpeakers"]
        del self.speakers[: max(0, len(self.speakers) - most)]
        while self.settings["microphoneMode"] == "request" and self.waiting and len(self.speakers) < most:
            self.speakers.append(self.waiting.pop(0))
        for seat in sorted({*spoke, *waited, *self.speakers, *self.waiting}):
            if (seat in spoke, seat in waited) != (seat in self.speakers, seat in self.waiting):
                self._tell("Discussion", "SeatChanged", self._row(seat))
        if spoke != self.speakers:
            self._tell("Discussion", "SpeakersChanged", list(self.speakers))
        if waited != self.waiting:
            self._tell("Discussion", "RequestsChanged", list(self.waiting))

    def _list(self, request: Request, seats: list[int]) -> Response:
        if request.method != "DELETE":
            return JSONResponse(seats)
        before = list(self.speakers), list(self.waiting)
        seats.clear()
        self._settle(*before)
        return Response(status_code=204)

    def _settings(self, request: Request, body: Any) -> Response:
        if request.method == "PUT":
            if not isinstance(body, dict) or body.get("microphoneMode") not in MODES:
                return PlainTextResponse("Invalid microphoneMode", 400)
            self.settings.update(body)
            self._tell("Discussion", "SettingsChanged", self.settings)
            self._settle(list(self.speakers), list(self.waiting))
            return Response(status_code=204)
        return JSONResponse(self.settings)

    def _room(self, request: Request, body: Any) -> Response:
        return JSONResponse(
            [
                {
                    "seatNumber": seat,
                    "state": "offline" if seat in self.away else "online",
                    **{"units": [], "capabilities": [], "role": self._row(seat)["role"]},
                }
                for seat in self.people
            ]
        )

    # --- events --------------------------------------------------------------------------------------

    def _tell(self, module: str, name: str, data: Any) -> None:
        self.number += 1
        event = {"discontinuity": False, "id": self.number, "module": module, "name": name, "data": data}
        self.events = [*self.events, event][-self.history :]
        self.holds.release(lambda key: True)

    async def _events(self, request: Request, body: Any) -> Response:
        wanted = request.query_params.get("include-filter", "")
        if not wanted:
            return PlainTextResponse("Missing include-filter", 400)
        if not self.has_events:
            return Response(status_code=404)
        least = int(request.query_params.get("minimum-id", 0 if self.replays else self.number + 1))
        asker, loop = uuid.uuid4().hex, asyncio.get_running_loop()
        until = loop.time() + self.hold_seconds
        while True:
            for event in self.events:
                if event["id"] >= least and event["module"] in wanted.split(","):
                    lost = least > 0 and self.events[0]["id"] > least
                    return JSONResponse({**event, "discontinuity": lost})
            if (left := until - loop.time()) <= 0:
                return Response(status_code=204)
            await self.holds.hold(asker, "events", left)

    # --- meeting and voting --------------------------------------------------------------------------

    def _meeting(self, request: Request, body: Any) -> Response:
        if request.method == "POST":
            people = body.get("participants", []) if isinstance(body, dict) else []
            if any(_presence(one) not in PRESENCES for one in people):
                return PlainTextResponse("Invalid ParticipantPresence", 400)
            self.meeting = str(uuid.uuid4())
            self._tell("Meeting", "MeetingStateChanged", _state("meetingRunning"))
            return self._id(self.meeting)
        if not self.meeting:
            return PlainTextResponse("No meeting running", 412)
        if request.method == "DELETE":
            self.meeting = ""
            self._tell("Meeting", "MeetingStateChanged", _state("noMeetingRunning"))
            return Response(status_code=204)
        return JSONResponse(
            {
                "meetingId": self.meeting,
                "title": committee().meeting,
                "participants": [
                    {
                        "participantId": f"p{seat}",
                        "firstName": name.partition(" ")[0],
                        "lastName": name.partition(" ")[2],
                        "presence": {"kind": "LocalParticipantPresence", "seatNumber": seat},
                    }
                    for seat, name in self.people.items()
                    if name
                ],
            }
        )

    def _id(self, value: str) -> Response:
        return PlainTextResponse(value) if self.raw_ids else JSONResponse(value)

    def _action(self, request: Request, body: Any) -> Response:
        if not isinstance(body, dict) or body.get("meetingId") != self.meeting or not self.meeting:
            return PlainTextResponse("No such meeting", 412)
        match body:
            case {"kind": "StartVotingAction", "voting": {"choices": list(choices)} as voting}:
                self.votes.clear()
                title = voting.get("votingTitle", "")
                self.vote = {"id": str(uuid.uuid4()), "title": title, "choices": choices, "open": True}
                return self._id(self.vote["id"])
            case {"kind": "StopVotingAction", "votingId": voting} if self.vote.get("id") == voting:
                if not self.vote["open"]:
                    return PlainTextResponse("No such voting running", 412)
                self.vote["open"], self.deaf_stops = self.deaf_stops > 0, max(0, self.deaf_stops - 1)
                return Response(status_code=204)
            case {"kind": "StartDiscussionAction"}:
                return self._id(str(uuid.uuid4()))
            case {"kind": "StopDiscussionAction"}:
                return Response(status_code=204)
        return PlainTextResponse("Invalid action", 400)

    def _results(self, request: Request, body: Any) -> Response:
        if not self.vote:
            return Response(status_code=404)
        if self.busy:
            self.busy -= 1
            return Response(status_code=500)
        told = {} if self.vote["open"] else self.votes  # nothing is counted before the stop
        rows = [
            {
                "choiceId": choice.get("choiceId"),
                "choiceTitle": choice.get("choiceTitle"),
                "count": sum(vote == place for vote in told.values()),
            }
            for place, choice in enumerate(self.vote["choices"])
        ]
        return JSONResponse(
            {
                "votingId": self.vote["id"],
                "votingTitle": self.vote["title"],
                "global": rows,
                "individual": [],
            }
        )

    def _recording(self, request: Request, body: Any) -> Response:
        if request.method == "PUT" and isinstance(body, dict):
            self.recording = str(body.get("state", "idle"))
            self._tell("Recording", "StateChanged", {"state": self.recording})
            return Response(status_code=204)
        return JSONResponse({"state": self.recording})

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        self._known(seat)
        if seat in self.speakers or seat in self.waiting:
            self._become(seat, False, False)
        else:
            opens = seat == 1 or self.settings["microphoneMode"] in ("directSpeak", "group", "handsFree")
            self._become(seat, opens, not opens)

    @act
    def sit(self, seat: int, name: str) -> None:
        """Somebody takes a seat, or with an empty name leaves it."""
        self._known(seat)
        self.people[seat] = name
        self._tell("Meeting", "ParticipantChanged", {"seatNumber": seat})

    @act
    def connect_seat(self, seat: int, connected: bool = True) -> None:
        """A unit's cable is put in or pulled."""
        self._known(seat)
        (self.away.discard if connected else self.away.add)(seat)
        self._tell("Room", "SeatAdded" if connected else "SeatRemoved", {"seatNumber": seat})
        if not connected:
            self._become(seat, False, False)

    @act
    def cast(self, seat: int, choice: int) -> None:
        """The voting button at a seat, by the place of the choice from 0."""
        self._known(seat)
        if self.vote.get("open"):
            self.votes[seat] = choice

    @act
    def deafen(self, stops: int = 1) -> None:
        """So many of the next stops of a vote answer that all is well and do nothing."""
        self.deaf_stops = stops

    @act
    async def restart(self) -> None:
        """The unit starts again: no meeting, no lists, and its events are numbered from 1."""
        await self.hang_up()
        self.speakers.clear()
        self.waiting.clear()
        self.events.clear()
        self.vote.clear()
        self.number, self.meeting = 0, ""
        await self.listen()

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "seats": len(self.people),
            "speakers": list(self.speakers),
            "waiting": list(self.waiting),
            "mode": self.settings["microphoneMode"],
            "meeting": self.meeting,
        }

    def _known(self, seat: int) -> None:
        if seat not in self.people:
            raise ValueError(f"a seat from 1 to {len(self.people)}")


def _presence(participant: Any) -> str:
    presence = participant.get("presence") if isinstance(participant, dict) else None
    return str(presence.get("kind")) if isinstance(presence, dict) else ""


def _state(state: str) -> dict[str, str]:
    return {"kind": "EventMeetingStateChanged", "meetingState": state}


SIMULATOR = TelevicConferoSimulator
