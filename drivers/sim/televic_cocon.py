"""A Televic CoCon room server that is not there, for our driver and for other people's clients.

Knobs: ``doubled`` (answers are JSON in a JSON text, as the real server's), ``hold_seconds``,
``expires_seconds`` (a connection that nobody asks for is forgotten), ``deaf_stops`` (so many stops of a vote
answer 0 and do nothing), ``counts_early`` (how many have voted is told before the stop; a real one says 0).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from avctl.config import Device
from drivers.sim.http import Holds, HttpSimulator
from drivers.sim.people import committee
from drivers.sim.server import act
from drivers.televic_cocon import Options

MODES = ("Operator", "DirectSpeak", "Request", "Vox", "OnlyRequest")
CHOICES = ("For", "Against", "Abstain")
STEPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Start": (("VotingIdle",), "VotingStarted"),
    "Stop": (("VotingStarted", "VotingPaused"), "VotingStopped"),
    "Pause": (("VotingStarted",), "VotingPaused"),
    "Resume": (("VotingPaused",), "VotingStarted"),
    "Clear": (("VotingStopped",), "VotingIdle"),
    "Restart": (("VotingStarted", "VotingStopped"), "VotingStarted"),
}


class Connection:
    """The events that wait for one client."""

    def __init__(self, now: float) -> None:
        self.queue: list[dict[str, Any]] = []
        self.seen = now


class TelevicCoconSimulator(HttpSimulator):
    """A room with a committee's seats and a running meeting; the chair is in seat 1."""

    title = "Televic CoCon"
    port = 8890

    def __init__(self, device: Device, seats: int = 15) -> None:
        super().__init__(device)
        Options.model_validate(device.options)
        self.people = dict(enumerate((person.name for person in committee().people[:seats]), 1))
        self.badges: dict[int, str] = {}  # a delegate's card, by the seat of the plan
        self.offline: set[int] = set()
        self.speakers: list[int] = []
        self.requests: list[int] = []
        self.replies: list[int] = []
        self.mode, self.most = "Operator", 4
        self.running = True
        self.item = 0
        self.voting = "VotingIdle"
        self.vote = 0  # its id in the database
        self.votes: dict[int, int] = {}
        self.deaf_stops = 0
        self.counts_early = False
        self.connections: dict[str, Connection] = {}
        self.holds = Holds()
        self.hold_seconds = 30.0
        self.expires_seconds = 180.0
        self.doubled = True

    # --- the door ------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        return [Route("/CoCon/{path:path}", self._request, methods=["GET"])]

    async def _request(self, request: Request) -> Response:
        path = request.path_params["path"].strip("/")
        if path == "Connect":
            name = str(uuid.uuid4())
            self.connections[name] = Connection(asyncio.get_running_loop().time())
            return self._say({"Connect": True, "id": name})
        if path.startswith("Notification/id="):
            return await self._notify(path.partition("=")[2])
        given = {name.lower(): value for name, value in request.query_params.items()}
        if path == "Disconnect":
            self.connections.pop(given.get("id", ""), None)
            return self._say({"Disconnect": True})
        if path in ("Subscribe", "Unsubscribe"):
            return self._say({path: given.get("id", "") in self.connections})
        command = self._commands().get(path)
        if command is None:
            return self._say("Unknown command")
        if self.refusing and "/Get" not in path:
            return self._say(-1)
        try:
            return self._say(command(given))
        except (KeyError, ValueError):
            return self._say(1)

    def _say(self, content: Any, status: int = 200) -> Response:
        text = json.dumps(content, separators=(",", ":"))
        body = json.dumps(text) if self.doubled else text
        return Response(body, status, media_type="application/json")

    async def _notify(self, name: str) -> Response:
        now = asyncio.get_running_loop().time
        connection = self.connections.get(name)
        if connection is None or now() - connection.seen > self.expires_seconds:
            self.connections.pop(name, None)
            return self._say({"Notification": "Error 400"}, 400)
        if not connection.queue:
            await self.holds.hold(name, "events", self.hold_seconds)
        connection.seen = now()
        if not connection.queue:
            return self._say({"Notification": "Error 408"}, 408)
        return self._say(connection.queue.pop(0))

    def _tell(self, event: dict[str, Any]) -> None:
        for connection in self.connections.values():
            connection.queue.append(event)
        self.holds.changed("events")

    # --- commands ------------------------------------------------------------------------------------

    def _commands(self) -> Mapping[str, Callable[[Mapping[str, str]], Any]]:
        return {
            "Microphone/SetState": self._set_state,
            "Microphone/GetState": lambda given: {"GetState": {"State": self._state()}},
            "Microphone/Get": lambda given: {"Get": {"MicrophoneMode": self._mode(), "State": self._state()}},
            "Microphone/GetMicrophoneMode": lambda given: {
                "GetMicrophoneMode": {"MicrophoneMode": self._mode()}
            },
            "Microphone/SetMicrophoneMode": self._set_mode,
            "Microphone/ClearMicrophoneList": self._clear,
            "Microphone/ActivateNextMicrophone": lambda given: self._next(),
            "Room/GetAllSeats": lambda given: {"GetAllSeats": {"Seats": self._seats()}},
            "Room/GetAllUnitsState": lambda given: {"GetAllUnitsState": {"Units": self._units()}},
            "Delegate/GetDelegatesInCurrentMeeting": lambda given: {
                "GetDelegatesInCurrentMeeting": {
                    "Delegates": self._delegates(),
                    "IsMeetingRunning": self.running,
                }
            },
            "Delegate/GetDelegatesInMeeting": lambda given: {
                "GetDelegatesInMeeting": {"Delegates": self._delegates()}
            },
            "Meeting_Agenda/GetDelegateSeating": lambda given: {
                "GetDelegateSeating": {
                    "DelegateSeating": [
                        {"DelegateId": one["Id"], "SeatId": one["SeatNumber"]} for one in self._delegates()
                    ]
                }
            },
            "Meeting_Agenda/GetAgendaItemInformationInRunningMeeting": lambda given: self._agenda(),
            "Meeting_Agenda/SetMeetingState": self._set_meeting,
            "Voting/AddInstantVote": lambda given: self._add_vote(given["votingtemplate"]),
            "Voting/SetVotingState": lambda given: self._set_voting(given["state"]),
            "Voting/GetVotingState": lambda given: {"GetVotingState": {"State": self.voting}},
            "Voting/GetAmountOfVotes": lambda given: self._amount(),
            "Voting/GetGeneralVotingResults": lambda given: self._general(int(given["id"])),
            "Voting/GetIndividualVotingResults": lambda given: self._individual(int(given["id"])),
        }

    def _state(self) -> dict[str, list[int]]:
        return {"Speakers": [*self.speakers], "Requests": [*self.requests], "Replies": [*self.replies]}

    def _mode(self) -> dict[str, Any]:
        rights = {"AllowCancelRequest": True, "AllowSwitchOffMic": True, "FIFO": True, "ReplyRequest": False}
        return {**rights, "MaxNrActive": self.most, "Mode": self.mode}

    def _seats(self) -> list[dict[str, Any]]:
        return [
            {"IsChairMan": seat == 1, "SeatId": str(seat), "SeatName": f"Seat_{seat}", "UnitId": str(seat)}
            for seat in self.people
        ]

    def _units(self) -> list[dict[str, int]]:
        return [{"State": int(seat not in self.offline), "UnitId": seat} for seat in self.people]

    def _delegates(self) -> list[dict[str, Any]]:
        return [self._delegate(seat) for seat, name in self.people.items() if name and self.running]

    def _delegate(self, seat: int) -> dict[str, Any]:
        first, _, last = self.people[seat].partition(" ")
        return {
            **{"Id": 200 + seat, "FirstName": first, "Name": last, "Title": "", "Groups": []},
            **{"SeatNumber": seat, "BadgeNumber": self.badges.get(seat)},
        }

    def _agenda(self) -> Any:
        if not self.running:
            return "There is no running meeting"
        items: list[dict[str, Any]] = [
            {
                **{"Id": str(place), "Title": title, "Description": "", "Type": "AgendaItem"},
                **{"State": "active" if place == self.item else "notstarted", "IdInDb": 80 + place},
                **{"VotingOptions": [], "Children": []},
            }
            for place, title in enumerate(committee().agenda, 1)
        ]
        if self.vote:
            options = [{"Id": 180 + place, "Name": name} for place, name in enumerate(CHOICES)]
            state = "ended" if self.voting == "VotingStopped" else "active"
            vote = {"Id": "9", "Title": "Instant vote", "Type": "VotingAgendaItem", "State": state}
            items.append({**vote, "IdInDb": self.vote, "VotingOptions": options, "Children": []})
        return {"GetAgendaItemInformationInRunningMeeting": {"AgendaItems": items}}

    def _set_state(self, given: Mapping[str, str]) -> int:
        seat, state = int(given["seatnr"]), given["state"]
        if state not in ("On", "Off", "Request", "Toggle"):
            return 1
        if seat in self.people and self.running:
            self._become(seat, "Off" if state == "Toggle" and seat in self.speakers else state)
        return 0  # also when nothing happens

    def _become(self, seat: int, state: str) -> None:
        before = self._state()
        for seats in (self.speakers, self.requests, self.replies):
            if seat in seats and not (state in ("On", "Toggle") and seats is self.speakers):
                seats.remove(seat)
        if state in ("On", "Toggle") and seat not in self.speakers and seat not in self.offline:
            self.speakers.append(seat)
        elif state == "Request" and seat not in self.offline:
            self.requests.append(seat)
        self._settle(before)

    def _settle(self, before: dict[str, list[int]]) -> None:
        del self.speakers[: max(0, len(self.speakers) - self.most)]
        while self.mode == "Request" and self.requests and len(self.speakers) < self.most:
            self.speakers.append(self.requests.pop(0))
        if self._state() != before:
            self._tell({"MicrophoneState": self._state()})

    def _set_mode(self, given: Mapping[str, str]) -> int:
        if given["mode"] not in MODES:
            return 1
        self.mode, self.most = given["mode"], int(given["maxnractive"])
        self._tell({"MicrophoneMode": {**self._mode(), "ActivationType": "Toggle"}})
        self._settle(self._state())
        return 0

    def _clear(self, given: Mapping[str, str]) -> int:
        before, what = self._state(), given["type"]
        if what not in ("SpeakersAndRequests", "Speakers", "Requests"):
            return 1
        if what == "Speakers":
            self.speakers = [seat for seat in self.speakers if seat == 1]
        elif what == "SpeakersAndRequests":
            self.speakers = []
        if "Requests" in what:
            self.requests = []
        self._settle(before)
        return 0

    def _next(self) -> int:
        if self.requests:
            self._become(self.requests[0], "On")
        return 0

    def _set_meeting(self, given: Mapping[str, str]) -> int:
        self.running = {"Running": True, "Paused": False, "Ended": False}[given["state"]]
        self._tell({"MeetingStatus": {"MeetingId": 14, "State": given["state"]}})
        return 0

    # --- voting --------------------------------------------------------------------------------------

    def _add_vote(self, template: str) -> dict[str, Any]:
        if self.voting in ("VotingStarted", "VotingPaused") or not self.running:
            return {"AddInstantVote": {"Result": False}}
        self.vote, self.voting = max(self.vote, 100) + 1, "VotingIdle"
        self._tell({"MeetingAgendaChanged": {"MeetingId": 14}})
        return {"AddInstantVote": {"Result": True}}

    def _set_voting(self, state: str) -> int:
        allowed, then = STEPS[state]
        if self.voting not in allowed or not self.vote:
            return 1
        if state == "Stop" and self.deaf_stops:
            self.deaf_stops -= 1
            return 0
        if then == "VotingStarted" and state != "Resume":
            self.votes.clear()
        self.voting = then
        self._tell({"VotingState": {"Id": 9, "State": state, "VotingTemplate": "3_Vote_Public"}})
        return 0

    def _amount(self) -> Any:
        if self.voting not in ("VotingStarted", "VotingPaused"):
            return "There is no running voting"
        told = len(self.votes) if self.counts_early else 0  # a real one tells nothing before the stop
        amount = {"Total voted": told, "Total not voted": len(self.people) - told}
        return {"GetAmountOfVotes": {**amount, "Entitled to vote": len(self.people)}}

    def _general(self, vote: int) -> Any:
        if vote != self.vote:
            return "There are no results"
        options = [
            {"Id": 180 + place, "Name": "", "Color": "#FF008000", "Votes": _count(self.votes, place)}
            for place in range(len(CHOICES))  # as the document has them: only the agenda names them
        ]
        return {"GetGeneralVotingResults": {"Id": vote, "VotingResults": {"Options": options}}}

    def _individual(self, vote: int) -> Any:
        rows = [
            {"DelegateId": 200 + seat, "VotingOptionId": 180 + choice, "SeatNumber": seat}
            for seat, choice in self.votes.items()
        ]
        return {"IndividualVotingResults": {"Id": vote, "VotingResults": rows if vote == self.vote else []}}

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        self._known(seat)
        self._tell({"MicButtonEvent": {"SeatNr": seat, "Event": "down"}})
        if seat in (*self.speakers, *self.requests):
            self._become(seat, "Off")
        else:
            self._become(seat, "On" if seat == 1 or self.mode in ("DirectSpeak", "Vox") else "Request")

    @act
    def sit(self, seat: int, name: str) -> None:
        """Somebody takes a seat, or with an empty name leaves it."""
        self._known(seat)
        self.people[seat] = name
        self._tell({"DelegateOnSeat": {"SeatNr": seat, "Delegate": name, "OnSeat": bool(name)}})

    @act
    def badge(self, seat: int, card: str, inserted: bool = True) -> None:
        """A card is put in at a seat, or taken out; whose it is the system knows if it is in ``badges``."""
        self._known(seat)
        owner = next((place for place, one in self.badges.items() if one == card), None)
        delegate = self._delegate(owner) if owner is not None else None
        self._tell(
            {"BadgeEvent": {"SeatNr": seat, "Delegate": delegate, "BadgeInserted": inserted, "bid": card}}
        )

    @act
    def connect_seat(self, seat: int, connected: bool = True) -> None:
        """A unit's cable is put in or pulled."""
        self._known(seat)
        (self.offline.discard if connected else self.offline.add)(seat)
        self._tell({"UnitStateChanged": {"Id": seat, "State": int(connected), "BatteryState": 0}})
        if not connected:
            self._become(seat, "Off")

    @act
    def open_item(self, item: int) -> None:
        """Take up an item of the agenda by its place from 1; 0 leaves the last."""
        self.item = item
        self._tell({"MeetingId": 14, "Agenda_ItemChanged": {"Id": str(item), "State": "active"}})

    @act
    def cast(self, seat: int, choice: int) -> None:
        """The voting button at a seat, by the place of the choice from 0."""
        self._known(seat)
        if self.voting == "VotingStarted":
            self.votes[seat] = choice

    @act
    def deafen(self, stops: int = 1) -> None:
        """So many of the next stops of a vote answer that all is well and do nothing."""
        self.deaf_stops = stops

    @act
    async def restart(self) -> None:
        """The server starts again: its lists are empty, it knows no connection and runs no vote."""
        await self.hang_up()
        for seats in (self.speakers, self.requests, self.replies):
            seats.clear()
        self.connections.clear()
        self.voting, self.vote = "VotingIdle", 0
        await self.listen()

    def state(self) -> Mapping[str, Any]:
        return {
            **super().state(),
            "clients": len(self.connections),
            "seats": len(self.people),
            "speakers": list(self.speakers),
            "waiting": [*self.requests, *self.replies],
            "mode": self.mode,
        }

    def _known(self, seat: int) -> None:
        if seat not in self.people:
            raise ValueError(f"a seat from 1 to {len(self.people)}")


def _count(votes: Mapping[int, int], choice: int) -> dict[str, float]:
    count = sum(vote == choice for vote in votes.values())
    return {"Count": count, "Weight": float(count)}


SIMULATOR = TelevicCoconSimulator
