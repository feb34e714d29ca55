"""A Bosch DICENTIS server that is not there: its conference protocol for any number of clients."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import websockets
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from avctl.config import Device
from drivers.bosch_dicentis import Options
from drivers.sim.bosch_dicentis import shapes
from drivers.sim.bosch_dicentis.booths import Booth
from drivers.sim.bosch_dicentis.call import Call, Failure, Json, Operation, operation, read, says
from drivers.sim.bosch_dicentis.conducting import MEETING, SYSTEM, VOTING
from drivers.sim.bosch_dicentis.discussing import DISCUSSING
from drivers.sim.bosch_dicentis.hall import MODES, Hall
from drivers.sim.bosch_dicentis.meeting import Secretary, Voting
from drivers.sim.certificate import self_signed
from drivers.sim.people import Roster, committee, plenary
from drivers.sim.server import WebSocketSimulator, act

EVENTS: Mapping[str, str] = {
    name.lower(): name
    for name in (
        *("PermissionsChanged", "ApiStateChanged", "SeatsChanged", "DiscussionListChanged"),
        *("MeetingInfoChanged", "IndividualVotingResultsChanged", "VotingStateChanged"),
        *("EnableSeatIlluminationChanged", "IlluminatedSeatChanged", "SystemPowerModeChanged"),
        *("AgendaTopicsChanged", "ParticipantsChanged", "VotingScriptChanged", "VotingResultChanged"),
        *("InterpretationLanguagesChanged", "InterpretationRoutingsChanged", "InterpreterSeatsChanged"),
        *("InterpreterBoothsChanged", "BoothNotificationsChanged", "MasterVolumeChanged"),
        *("MasterVolumeRangeChanged", "PresentationStateChanged", "FileChanged", "ParticipantSeatsChanged"),
        *("QuorumResultChanged", "MajorityResultChanged", "VotingInfoChanged", "NotesFileListChanged"),
        *("InterpretationMetaRequestStatusChanged", "RoomNameChanged", "RoomContactEmailChanged"),
        *("PluginsChanged", "PluginEventAvailable", "PluginCommandAvailable", "ParticipantAccessDenied"),
        *("MeetingListChanged", "DiscussionOptionsChanged", "ImageServerUriChanged"),
        "SeatMicrophoneSensitivityUpdated",
    )
}

TALK = (  # these are about the connection; `_talk` answers them
    operation("Login", says(), takes={"user": str, "password": str}),
    operation("Logout", says()),
    operation("GetApiState", says(), rearms=("ApiStateChanged",)),
    operation("GetPermissions", says(), rearms=("PermissionsChanged",)),
    operation("RegisterEvents", says(), takes={"events": list}),
    operation("UnregisterEvents", says(), takes={"events": list}),
)
OPERATIONS: Mapping[str, Operation] = {
    one.name.lower(): one for one in (*TALK, *DISCUSSING, *MEETING, *VOTING, *SYSTEM)
}
_as_text = json.JSONEncoder(ensure_ascii=False).encode
BEFORE_LOGIN = frozenset({"login", "getapistate"})
BARE = ("getseatvotingresults", "getindividualvotingresults")


@dataclass(eq=False)
class Session:
    """One client. An event is told once, then ``armed`` again by the client's own acts."""

    connection: ServerConnection
    user: str = ""
    registered: set[str] = field(default_factory=set)
    armed: set[str] = field(default_factory=set)
    news: list[str] = field(default_factory=list)


class BoschDicentisSimulator(WebSocketSimulator):
    """A DICENTIS 6.50 server with its seats; ``voting`` is the licence for votes."""

    port = 31416
    subprotocol = "DICENTIS_1_0"

    def __init__(self, device: Device, roster: str = "", seats: int = 0, voting: bool = True) -> None:
        super().__init__(device)
        options = Options.model_validate(device.options)
        self._user, self._password = options.user, options.password.get_secret_value()
        size = roster or ("committee" if "committee" in device.id else "plenary")
        people = _shortened({"committee": committee, "plenary": plenary}[size](), seats)
        self.hall = Hall(device.id, people, self.changed)
        self.secretary = Secretary(device.id, people, self.changed)
        self.booth = Booth(self.changed)
        self.room = device.title or device.id
        self.volume = -6.0
        self.operations = dict(OPERATIONS)  # an older server has fewer
        self.ready = True
        self.bare = False  # who voted what is a bare list, as the reference prints it, not one with a name
        self.starting_seconds = 0.5
        self.power_seconds = 10.0
        self.sessions: set[Session] = set()
        self.permissions = {*shapes.PERMISSIONS, *(shapes.VOTING_PERMISSIONS if voting else ())}
        self._identity: ssl.SSLContext | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- the connections -----------------------------------------------------------------------------

    def certificate(self) -> ssl.SSLContext:
        self._identity = self._identity or self_signed(f"DICENTIS-{self.device.id} DICENTIS")
        return self._identity

    @act
    def renew_certificate(self) -> None:
        """Be given another certificate, shown after the next start."""
        self._identity = None

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.lower() == "/dicentis/api":
            return None
        return connection.respond(HTTPStatus.NOT_FOUND, "nothing here\n")

    async def converse(self, connection: ServerConnection) -> None:
        session = Session(connection)
        self.sessions.add(session)
        try:
            async for frame in connection:
                await self._heard(session, frame)
        finally:
            self.sessions.discard(session)

    async def _heard(self, session: Session, frame: str | bytes) -> None:
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError):
            await session.connection.close(1007)
            return
        given = {str(name).lower(): value for name, value in message.items()} if _is_object(message) else {}
        number, name = given.get("messageid"), given.get("operation")
        later: list[Callable[[], None]] = []
        try:
            said, answer = str(name), self._answer(session, name, given.get("parameters"), later)
        except Failure as refusal:
            said, answer = "error", {"message": str(refusal)}
        await self._say(session, number if isinstance(number, int) else 0, said, answer)
        for effect in later:
            effect()

    def _answer(
        self, session: Session, name: object, parameters: object, later: list[Callable[[], None]]
    ) -> Json:
        if not isinstance(name, str) or not name:
            raise Failure("Bad message format")
        if not session.user and name.lower() not in BEFORE_LOGIN:
            raise Failure("Please login first")
        wanted = self.operations.get(name.lower())
        if wanted is None:
            raise Failure(f"{name.upper()} is an unknown operation")
        if not isinstance(parameters, dict):
            raise Failure("Bad message format")
        given = read(wanted, parameters)
        if wanted.permission and wanted.permission not in self.permissions:
            raise Failure("No permission")
        if self.refusing and not (wanted in TALK or wanted.name.startswith("Get")):
            raise Failure(f"Unable to perform the operation: {wanted.name}")
        call = Call(name=wanted.name, given=given, system=self, later=later)
        answer = self._talk(session, call) if wanted in TALK else wanted.answer(call)
        session.armed.update(session.registered.intersection(wanted.rearms))
        return answer

    def _talk(self, session: Session, call: Call) -> Json:
        match call.name:
            case "Login":
                return self._log_in(session, call.given)
            case "Logout":
                session.connection.transport.abort()
            case "GetApiState":
                return {"online": self.ready}
            case "GetPermissions":
                return {"permissions": sorted(self.permissions)}
            case "RegisterEvents":
                names = _events(call.given)
                session.registered.update(names)
                session.armed.update(names)
            case "UnregisterEvents":
                names = _events(call.given)
                session.registered.difference_update(names)
                session.armed.difference_update(names)
        return {}

    def _log_in(self, session: Session, given: Json) -> Json:
        if session.user:
            raise Failure("Already logged in. Please disconnect to log off")
        if (given.get("user"), given.get("password") or "") != (self._user, self._password):
            return {"loggedIn": False, "token": ""}
        session.user = self._user
        user = str(uuid.uuid5(uuid.NAMESPACE_OID, self._user))
        return {"loggedIn": True, "token": uuid.uuid4().hex, "userId": user}

    async def _say(self, session: Session, number: int, name: str, parameters: Json) -> None:
        bare = self.bare and name.lower() in BARE
        told: Any = next(iter(parameters.values())) if bare else parameters
        message = {"messageId": number, "operation": name, "parameters": told}
        faulty = await self.fault(_as_text(message).encode())
        if faulty is not None:
            await session.connection.send(faulty.decode(errors="replace"))

    # --- events --------------------------------------------------------------------------------------

    def changed(self, event: str) -> None:
        """Tell each client that listens for it, once; what changes in one go is told in one message."""
        for session in self.sessions:
            if event in session.armed:
                session.armed.discard(event)
                session.news.append(event)
                if len(session.news) == 1:
                    task = asyncio.get_running_loop().create_task(self._tell(session))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _tell(self, session: Session) -> None:
        names, session.news = session.news, []
        with suppress(websockets.ConnectionClosed):
            await self._say(session, 0, "event", {"events": names})

    # --- what a person or an accident does -----------------------------------------------------------

    @act
    def press(self, seat: int) -> None:
        """The button at a seat: ask for the floor, withdraw, or stop speaking."""
        self.hall.press(self.hall.numbered(seat))

    @act
    def speak(self, seat: int) -> None:
        """The chairman's staff give the floor to a seat."""
        self.hall.grant(self.hall.numbered(seat))

    @act
    def release(self, seat: int) -> None:
        """The chairman's staff take a seat off the list."""
        self.hall.remove(self.hall.numbered(seat))

    @act
    def chairman(self) -> None:
        """The chairman presses his priority button, or lets it go."""
        self.hall.press(self.hall.chair)

    @act
    def set_mode(self, mode: str, max_speakers: int = 0, max_requests: int = 0) -> None:
        """Run the discussion ``manual``, ``open``, ``override`` or ``voice``; 0 leaves a number as it is."""
        if mode not in MODES or max_speakers < 0 or max_requests < 0:
            raise ValueError(f"one of {', '.join(MODES)}, and numbers from 0")
        most = max_speakers or self.hall.max_speakers, max_requests or self.hall.max_requests
        self.hall.set_mode(MODES.index(mode), *most)

    @act
    def open_item(self, item: int | str) -> None:
        """Take up an item of the agenda: by its place from 1, or its subject, added when it is new."""
        topics = self.secretary.meeting.topics
        if isinstance(item, int) and not 0 < item <= len(topics):
            raise ValueError(f"an item from 1 to {len(topics)}, or a subject")
        topic = topics[item - 1] if isinstance(item, int) else self.secretary.add_topic(item)
        self.secretary.open_topic(topic.id)

    @act
    def close_item(self) -> None:
        """Leave the item under discussion."""
        self.secretary.close_topic()

    @act
    def sit(self, seat: int, name: str) -> None:
        """Somebody sits down: one of the roster, or a guest."""
        self.hall.sits(seat, name)

    @act
    def leave(self, seat: int) -> None:
        """Whoever sits there goes."""
        self.hall.leaves(seat)

    @act
    def identify(self, on: bool = True) -> None:
        """From now on people log in at their seats with a card, or no longer."""
        self.secretary.meeting.identification = "externalId" if on else "none"
        self.changed("MeetingInfoChanged")

    @act
    def interpret(self, language: str, on: bool = True) -> None:
        """The interpreter of a language, such as ENG, begins or stops."""
        self.booth.interpret(language, on)

    @act
    def connect_seat(self, seat: int, connected: bool = True) -> None:
        """Put in a seat's cable, or pull it."""
        self.hall.connect(self.hall.numbered(seat), connected)

    @act
    def vote(self, seat: int, answer: str) -> None:
        """The voting button at a seat: yes, no or abstain."""
        if answer not in Voting.answers:
            raise ValueError(f"one of {', '.join(Voting.answers)}")
        self.secretary.vote(self.hall.numbered(seat).seated, answer)

    @act
    async def restart(self) -> None:
        """The server starts again: every client is dropped, the discussion list is empty, no vote is open."""
        await self.hang_up()
        self.hall.clear()
        self.secretary.voting = None
        self.ready = False
        await self.listen()
        asyncio.get_running_loop().call_later(self.starting_seconds, self._started)

    @act
    def power(self, on: bool = True) -> None:
        """The seats are switched on or off at the mains."""
        self.hall.switch("poweredOn" if on else "poweredOff")

    @act
    def forget_licence(self, permission: str = "canEditSynoptic") -> None:
        """The account loses a right, by default that of controlling the discussion."""
        self.permissions.discard(permission)
        self.changed("PermissionsChanged")

    @act
    def renew_licence(self, permission: str = "canEditSynoptic") -> None:
        """The account gets a right back."""
        self.permissions.add(permission)
        self.changed("PermissionsChanged")

    def switch(self, on: bool) -> None:
        """Switch the seats as the operation does: it takes a while."""
        self.hall.switch("poweringOn" if on else "poweringOff")
        asyncio.get_running_loop().call_later(self.power_seconds, self.power, on)

    def state(self) -> Mapping[str, Any]:
        topic = self.secretary.topic
        return {
            **super().state(),
            "clients": len(self.sessions),
            "power": self.hall.power,
            "mode": MODES[self.hall.mode],
            "seats": len(self.hall.seats),
            "chairman": self.hall.chair.number,
            "speakers": [seat.number for seat in self.hall.speaking()],
            "waiting": [seat.number for seat in self.hall.waiting()],
            "meeting": self.secretary.meeting.title,
            "item": topic.subject if topic is not None else "",
        }

    def _started(self) -> None:
        self.ready = True
        self.changed("ApiStateChanged")


def _is_object(message: object) -> bool:
    return isinstance(message, dict)


def _events(given: Json) -> list[str]:
    names = given.get("events")
    if names is None:
        raise Failure("Value cannot be null.\nParameter name: source")
    for place, name in enumerate(names):
        if str(name).lower() not in EVENTS:
            raise Failure(
                f'Error converting value "{name}" to type '
                f"'SynopticControl.Common.ConferenceEvent'. Path 'parameters.events[{place}]'."
            )
    return [EVENTS[str(name).lower()] for name in names]


def _shortened(roster: Roster, seats: int) -> Roster:
    people = roster.people[: seats or None]
    if not any(person.chairman for person in people):
        people = (*people[:-1], *(person for person in roster.people if person.chairman))
    return replace(roster, people=people)


SIMULATOR = BoschDicentisSimulator
