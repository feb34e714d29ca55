"""Bosch DICENTIS, the wired conference system: its server's conference protocol.

JSON over a TLS WebSocket, port 31416 (messages in ``messages.py``). The server speaks first, but says
only *what kind* of thing changed, once, until that thing is asked for again. Vendor reference:
``ConferenceProtocol.chm`` in the server's program folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from avctl.capabilities import Discussion
from avctl.config import Device
from avctl.driver import Driver, Publish, together
from avctl.errors import (
    AuthRefused,
    BadArgument,
    Conflict,
    LinkError,
    Rejected,
)
from avctl.events import FloorRequested, FloorRequestEnded, ItemStarted, Link, MicClosed, MicOpened
from avctl.wire import trusting, websocket
from drivers.bosch_dicentis.hall import Entry, Hall
from drivers.bosch_dicentis.line import Line
from drivers.bosch_dicentis.messages import (
    MODES,
    OLDER,
    PATH,
    REFRESH,
    SUBPROTOCOL,
    TOKEN,
    UNKNOWN,
    rows,
    text_of,
)

SETTLE_SECONDS = 0.15  # a real server loses a removal that comes within 0.1 s of the addition

LOOKS = {
    "GetPermissions": "permissions",
    "GetParticipants": "participants",
    "GetParticipantSeats": "participantSeats",
    "GetSeats": "seats",
    "GetDiscussionOptions": "discussionMode",
    "GetDiscussionList": "discussionList",
    "GetMeetingInfo": "meetingInfo",
    "GetAgendaTopics": "agendaTopics",
}
"""Everything there is to know, in the order it is asked for, and where the answer has it."""

EVENTS = {event.lower(): event for event in REFRESH}
NEEDED = ("GetSeats", "GetDiscussionList")


def _certificate(path: str) -> str:
    if path:
        try:
            trusting(path)
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            raise ValueError("the path of a certificate in PEM form, or nothing") from fault
    return path


class Options(BaseModel):
    """How to log in to the server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field("admin", description="Account on the server; it needs the right to see the synoptic.")
    password: SecretStr = Field(SecretStr(""), description="Its password; factory: none.")
    certificate: Annotated[str, AfterValidator(_certificate)] = Field(
        "", description="File with the certificate to accept; empty accepts any, as servers sign their own."
    )
    poll: float = Field(
        1.5, ge=0.05, le=60, description="Seconds between looks at the list, in case the server fell silent."
    )


class BoschDicentis(Driver, Discussion):
    """A DICENTIS server. Also reports ``mode``, ``max_requests``, ``meeting``, ``item``, ``permissions``."""

    title = "Bosch DICENTIS"
    port = 31416
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._hall = Hall()
        self._line: Line | None = None
        self._due: dict[str, None] = {}
        self._news = asyncio.Event()
        self._later: list[str] = []
        self._added: dict[int, float] = {}
        self._older = False
        self._topic = ""
        self._learners: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "GetPermissions": self._learn_permissions,
            "GetParticipants": self._hall.take_participants,
            "GetParticipantSeats": self._hall.take_places,
            "GetSeats": self._hall.take_seats,
            "GetDiscussionOptions": self._learn_options,
            "GetDiscussionList": self._learn_list,
            "GetMeetingInfo": self._learn_meeting,
            "GetAgendaTopics": self._learn_topics,
        }

    # --- the link ------------------------------------------------------------------------------------

    async def serve(self) -> None:
        host = f"[{self.device.host}]" if ":" in self.device.host else self.device.host
        url = f"wss://{host}:{self.device.port or self.port}{PATH}"
        tls = trusting(self.options.certificate)
        async with websocket(url, self.log, SUBPROTOCOL, tls, TOKEN) as wire:
            line = Line(wire, self._learn, self._noticed, NEEDED)
            self._line, self._older = line, False
            try:
                await together(line.hear(), self._attend())
            finally:
                self._line = None
                line.lose()

    async def _attend(self) -> None:
        await self._log_in()
        await self._look_everywhere()
        while True:
            try:
                async with asyncio.timeout(self.options.poll):
                    await self._news.wait()
            except TimeoutError:
                await self._look("GetDiscussionList")
            else:
                await self._look_again()

    async def _look_again(self) -> None:
        """Ask for all that changed, once each event is sure to be told again."""
        self._news.clear()
        due, self._due = self._due, {}
        if "ApiStateChanged" in due:
            await self._look_everywhere()
            return
        for event in due:
            await self._listen_for(event)
        for operation in dict.fromkeys(operation for event in due for operation in REFRESH[event]):
            await self._look(operation)
        self._tell_floor()

    async def _log_in(self) -> None:
        await self._check_ready()
        secret = {"user": self.options.user, "password": self.options.password.get_secret_value()}
        await self._open_line.ask("Login", secret)

    async def _check_ready(self) -> None:
        try:
            state = await self._open_line.ask("getApiState")
        except Rejected:  # a server that does not know the question is as ready as it can say
            return
        if state.get("online") is not True:
            raise LinkError("the server is not ready yet")

    async def _look_everywhere(self) -> None:
        await self._check_ready()
        for event in REFRESH:
            await self._listen_for(event)
        for operation in LOOKS:
            await self._look(operation)

    async def _listen_for(self, event: str) -> None:
        try:  # one at a time: a single unknown name spoils a whole registration
            await self._open_line.ask("RegisterEvents", {"events": [event]})
        except Rejected as refusal:
            self.log.debug("the server does not tell of %s: %s", event, refusal)

    async def _look(self, operation: str) -> None:
        try:
            await self._open_line.ask(operation)
        except Rejected as refusal:
            if operation in NEEDED:
                raise
            self.log.debug("the server does not tell: %s", refusal)
            self._learners[operation]({LOOKS[operation]: None})

    async def _noticed(self, names: tuple[str, ...]) -> None:
        changed = [EVENTS[name.lower()] for name in names if name.lower() in EVENTS]
        if "DiscussionListChanged" in changed:  # the floor first: the rest waits for its answer
            self._later += changed
            await self._open_line.send("GetDiscussionList")
        else:
            self._need(*changed)

    def _need(self, *events: str) -> None:
        self._due.update(dict.fromkeys(events))
        self._news.set()

    @property
    def _open_line(self) -> Line:
        if self._line is None:
            raise LinkError("there is no connection")
        return self._line

    def _learn(self, operation: str, parameters: Mapping[str, Any]) -> None:
        if operation == "Login" and parameters.get("loggedIn") is not True:
            raise AuthRefused(f"the server does not accept the password of {self.options.user!r}")
        if operation in self._learners:
            self._learners[operation](parameters)

    # --- what the answers mean -----------------------------------------------------------------------

    def _learn_list(self, parameters: Mapping[str, Any]) -> None:
        self._hall.take_list(parameters)
        self._tell_floor()
        if self._hall.unknown():
            self._later.append("SeatsChanged")
        if self._later:
            self._need(*self._later)
            self._later.clear()

    def _tell_floor(self) -> None:
        spoke, waited = self.readings.get("speakers", ()), self.readings.get("waiting", ())
        speakers, waiting = self._hall.speakers, self._hall.waiting
        self.report(seats=self._hall.reading, speakers=speakers, waiting=waiting)
        if self.link is not Link.ONLINE:
            self.online()
        device = self.device.id
        for seat in spoke:
            if seat not in speakers:
                self.publish(MicClosed(device=device, seat=seat))
        for seat in waited:
            if seat not in waiting:
                self.publish(FloorRequestEnded(device=device, seat=seat))
        for seat in speakers:
            if seat not in spoke:
                self._added[seat] = asyncio.get_running_loop().time()
                self.publish(MicOpened(device=device, seat=seat))
        for seat in waiting:
            if seat not in waited:
                self._added[seat] = asyncio.get_running_loop().time()
                self.publish(FloorRequested(device=device, seat=seat))

    def _learn_permissions(self, parameters: Mapping[str, Any]) -> None:
        found = parameters.get("permissions")
        self.report(permissions=tuple(map(str, found)) if isinstance(found, list) else ())

    def _learn_options(self, parameters: Mapping[str, Any]) -> None:
        mode, most = parameters.get("discussionMode"), parameters.get("maxRequests")
        named = MODES.get(mode, str(mode)) if isinstance(mode, int) else text_of(parameters, "discussionMode")
        self.report(mode=named.lower(), max_requests=most if isinstance(most, int) else None)

    def _learn_meeting(self, parameters: Mapping[str, Any]) -> None:
        info = parameters.get("meetingInfo")
        held = isinstance(info, dict) and text_of(info, "state").lower() in ("activated", "opened")
        self.report(meeting=text_of(info, "title") if isinstance(info, dict) and held else "")

    def _learn_topics(self, parameters: Mapping[str, Any]) -> None:
        opened = [
            row for row in rows(parameters, "agendaTopics") if text_of(row, "state").lower() == "opened"
        ]
        item = text_of(opened[0], "agendaTopicId") if opened else ""
        subject = text_of(opened[0], "subject") if opened else ""
        known = self.readings.get("item", "")
        self.report(item=subject)
        if (item, subject) != (self._topic, known):
            self._topic = item
            self.publish(ItemStarted(device=self.device.id, item=item, title=subject))

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        await self._add(seat, self._hall.entry(seat))

    async def grant_request(self, seat: int) -> None:
        await self._add(seat, self._waiting(seat))

    async def close_mic(self, seat: int) -> None:
        self._known(seat)
        entry = self._hall.entry(seat)
        if entry is not None and not entry.waits:  # closing a microphone must not cost a place in the queue
            await self._remove(entry)

    async def deny_request(self, seat: int) -> None:
        await self._remove(self._waiting(seat))

    async def close_all_mics(self) -> None:
        """Take the floor from everybody; where the queue moves up by itself it must be cleared too."""
        if self.readings.get("mode") != "manual":
            await self.clear_requests()
        await self._remove(*(entry for entry in self._hall.entries if not entry.waits))

    async def clear_requests(self) -> None:
        await self._remove(*(entry for entry in self._hall.entries if entry.waits))

    def _known(self, seat: int) -> str:
        found = self._hall.numbers.seat(seat)
        if found is None or str(seat) not in self._hall.reading:
            raise BadArgument("seat", f"a seat of this hall, {seat} is not")
        return found

    def _waiting(self, seat: int) -> Entry:
        self._known(seat)
        entry = self._hall.entry(seat)
        if entry is None or not entry.waits:
            raise Conflict(f"seat {seat} does not wait for the floor")
        return entry

    async def _add(self, seat: int, entry: Entry | None) -> None:
        id_ = self._known(seat)
        operation = "GrantResponse" if entry is not None and entry.responds else "GrantSpeech"
        self._added[seat] = asyncio.get_running_loop().time()
        await self._command(operation, [entry or Entry(seat=id_)])

    async def _remove(self, *entries: Entry) -> None:
        """Remove these from the discussion list, once those just added can be."""
        numbers = {self._hall.numbers.of(entry.seat): entry for entry in entries}
        ready = max((self._added.get(number, 0.0) for number in numbers), default=0.0) + SETTLE_SECONDS
        await asyncio.sleep(max(0.0, ready - asyncio.get_running_loop().time()))
        entries = tuple(
            now
            for number, before in numbers.items()
            if (now := self._hall.entry(number)) is not None and now.waits == before.waits
        )
        for operation, responds in (("RemoveSpeech", False), ("RemoveResponse", True)):
            concerned = [entry for entry in entries if entry.responds is responds]
            if concerned:
                await self._command(operation, concerned)

    async def _command(self, operation: str, entries: list[Entry]) -> None:
        seats = [entry.seat for entry in entries if entry.seat != entry.participant]
        people = [entry.participant for entry in entries if entry.seat == entry.participant]
        if not self._older:
            wanted = {"seatIds": seats, "participantIds": people} if people else {"seatIds": seats}
            try:
                await self._open_line.ask(operation, wanted)
            except Rejected as refusal:
                if UNKNOWN not in refusal.code.lower():
                    raise
                self._older = True
            else:
                return
        for seat in seats:
            await self._open_line.ask(OLDER[operation], {"seatId": seat})


DRIVER = BoschDicentis
