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

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, together
from avctl.errors import (
    AuthRefused,
    BadArgument,
    Conflict,
    LinkError,
    ProtocolError,
    Rejected,
)
from avctl.events import ItemStarted
from avctl.wire import certificate_file, trusting, websocket
from drivers.bosch_dicentis.hall import Entry, Hall
from drivers.bosch_dicentis.interpreting import Interpretation
from drivers.bosch_dicentis.line import Line
from drivers.bosch_dicentis.messages import (
    MODES,
    OLDER,
    PATH,
    REFRESH,
    SUBPROTOCOL,
    TOKEN,
    UNKNOWN,
    number_of,
    rows,
    text_of,
)
from drivers.bosch_dicentis.votes import Votes
from drivers.discussion import OWN_ORDER, DiscussionSystem

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
    "GetVotingInfo": "votingInfo",
    "GetInterpretationLanguages": "interpretationLanguages",
    "GetInterpreterBooths": "booths",
    "GetInterpretationRoutings": "routings",
}
"""Everything there is to know, in the order it is asked for, and where the answer has it."""

EVENTS = {event.lower(): event for event in REFRESH}
NEEDED = ("GetSeats", "GetDiscussionList")


class Options(BaseModel):
    """How to log in to the server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field("admin", description="Account on the server; it needs the right to see the synoptic.")
    password: SecretStr = Field(SecretStr(""), description="Its password; factory: none.")
    certificate: Annotated[str, AfterValidator(certificate_file)] = Field(
        "", description="File with the certificate to accept; empty accepts any, as servers sign their own."
    )
    poll: float = Field(
        1.5, ge=0.05, le=60, description="Seconds between looks at the list, in case the server fell silent."
    )
    answer_seconds: float = Field(2, gt=0, le=30, description="Silence after which the link is given up.")


class BoschDicentis(DiscussionSystem, Votes):
    """A DICENTIS server. Also reports ``max_requests``, ``meeting``, ``item``, ``agenda``, ``permissions``,
    ``interpretation`` (channels: ``number``, ``name``, ``language``, ``active``) and ``booths``."""

    title = "Bosch DICENTIS"
    port = 31416
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._hall = Hall()
        self._interpretation = Interpretation()
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
            "GetVotingInfo": self._learn_voting,
            "GetVotingResults": self._learn_votes,
            "GetInterpretationLanguages": self._interpreting(self._interpretation.take_languages),
            "GetInterpreterBooths": self._interpreting(self._interpretation.take_booths),
            "GetInterpretationRoutings": self._interpreting(self._interpretation.take_routings),
        }

    # --- the link ------------------------------------------------------------------------------------

    async def serve(self) -> None:
        host = f"[{self.device.host}]" if ":" in self.device.host else self.device.host
        url = f"wss://{host}:{self.device.port or self.port}{PATH}"
        tls = trusting(self.options.certificate)
        async with websocket(url, self.log, SUBPROTOCOL, tls, TOKEN) as wire:
            line = Line(wire, self._learn, self._noticed, self.options.answer_seconds, NEEDED)
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
            if await self.rest(self.options.poll, self._news):
                await self._look_again()
            else:
                await self._look("GetDiscussionList")
                await self._look_at_vote()

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
        await self._finish_vote()
        self._tell_floor()

    async def _look_at_vote(self) -> None:
        """A vote may begin, go on and end without an event that reaches us."""
        if self.readings.get("vote"):
            await self._look("GetVotingInfo")
            if self.vote is not None:
                await self._look("GetVotingResults")
            await self._finish_vote()

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
        if self.vote is not None:  # one that went on without us has a count already
            await self._look("GetVotingResults")
        await self._finish_vote()

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
            if operation in LOOKS and not (operation == "GetVotingInfo" and self._bears_refusal()):
                self._learners[operation]({LOOKS[operation]: None})

    async def _noticed(self, names: tuple[str, ...]) -> None:
        changed = [EVENTS[name.lower()] for name in names if name.lower() in EVENTS]
        if "DiscussionListChanged" in changed:  # the floor first: the rest waits for its answer
            self._later += changed
            await self._open_line.send("GetDiscussionList")
        else:
            self._need(*changed)

    def _learn(self, operation: str, parameters: Mapping[str, Any]) -> None:
        if operation == "Login" and not isinstance(parameters.get("loggedIn"), bool):
            raise ProtocolError("a log-in that is neither accepted nor refused")
        if operation == "Login" and parameters["loggedIn"] is False:
            raise AuthRefused(f"the server does not accept the password of {self.options.user!r}")
        if operation not in self._learners:
            return
        try:
            self._learners[operation](parameters)
        except ProtocolError as fault:
            if operation in NEEDED:
                raise
            # Of what a hall can do without, an answer that is not understood costs no more than that.
            self.log.debug("%s is not understood: %s", operation, fault)
            if operation in LOOKS:
                self._learners[operation]({LOOKS[operation]: None})

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
        now = asyncio.get_running_loop().time()
        new = self.tell_floor(self._hall.speakers, self._hall.waiting, seats=self._hall.reading)
        self._added.update(dict.fromkeys(new, now))

    def _learn_permissions(self, parameters: Mapping[str, Any]) -> None:
        found = parameters.get("permissions")
        self.report(permissions=tuple(map(str, found)) if isinstance(found, list) else ())

    def _learn_options(self, parameters: Mapping[str, Any]) -> None:
        mode = number_of(parameters, "discussionMode")
        named = text_of(parameters, "discussionMode") if mode is None else MODES.get(mode, str(mode))
        self.report(mode=named.lower(), max_requests=number_of(parameters, "maxRequests"))

    def _learn_meeting(self, parameters: Mapping[str, Any]) -> None:
        info = parameters.get("meetingInfo")
        held = isinstance(info, dict) and text_of(info, "state").lower() in ("activated", "opened")
        self._hall.identified = isinstance(info, dict) and text_of(
            info, "identificationMethod"
        ).lower() not in (
            "",
            "none",
        )
        self.report(meeting=text_of(info, "title") if isinstance(info, dict) and held else "")

    def _learn_topics(self, parameters: Mapping[str, Any]) -> None:
        opened = [
            row for row in rows(parameters, "agendaTopics") if text_of(row, "state").lower() == "opened"
        ]
        item = text_of(opened[0], "agendaTopicId") if opened else ""
        subject = text_of(opened[0], "subject") if opened else ""
        known = self.readings.get("item", "")
        agenda = tuple(text_of(row, "subject") for row in rows(parameters, "agendaTopics"))
        self.report(item=subject, agenda=agenda)
        if (item, subject) != (self._topic, known):
            self._topic = item
            self.publish(ItemStarted(device=self.device.id, item=item, title=subject))

    def _interpreting(self, take: Callable[[Mapping[str, Any]], None]) -> Callable[[Mapping[str, Any]], None]:
        def learn(parameters: Mapping[str, Any]) -> None:
            take(parameters)
            known = self._interpretation
            self.report(interpretation=known.reading, booths=known.booths)

        return learn

    def seat_of(self, seat: str) -> int:
        return self._hall.numbers.of(seat)

    def place_of(self, participant: str) -> int:
        return self._hall.numbers.of(self._hall.place(participant))

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
        if self.readings.get("mode") != "request":
            await self.clear_requests()
        await self._remove(*(entry for entry in self._hall.entries if not entry.waits))

    async def clear_requests(self) -> None:
        await self._remove(*(entry for entry in self._hall.entries if entry.waits))

    move_up = lacking(OWN_ORDER)
    take_priority = lacking("priority is taken at the chairman's own device")
    mute_all = lacking("its microphones are closed, not muted")
    set_mode = lacking("its protocol tells the mode of the discussion and does not change it")
    set_max_open = lacking("its protocol does not tell how many microphones may be open")

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
