"""Televic Confero API (Plixus, D-Cerno AE, WAP G4; 7.17): HTTP on 9080, or TLS on 9443.

``Authorization: Bearer <token>``, made on the unit's page. What happens is fetched one event at a time by a
question that is held; each event has a number, and one may say that some before it are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, together
from avctl.errors import AuthRefused, Conflict, LinkError, NoAnswer, ProtocolError, Rejected
from avctl.http import Answer, Http, http
from avctl.wire import certificate_file, trusting
from drivers.discussion import OWN_ORDER, DiscussionSystem, mode_for, seat_row, within
from drivers.voting import STOP_TRIES, Vote, VotingSystem, choice_of, counted

SEATS, UNITS, MEETING = "/api/discussion/seats", "/api/room/seats/discussion", "/api/meeting"
SPEAKERS, REQUESTS = "/api/discussion/speakers", "/api/discussion/requests"
SETTINGS = "/api/discussion/settings"
ACTIONS, RESULTS = "/api/meeting/actions", "/api/meeting/voting-results"
EVENTS = "/api/notification/events?include-filter=Discussion,Meeting,Room"
LISTS: Mapping[str, str] = {"SpeakersChanged": SPEAKERS, "RequestsChanged": REQUESTS}
MODES: Mapping[str, str] = {
    "directSpeak": "open",
    "request": "queue",
    "operator": "request",
    "group": "group",
    "handsFree": "handsfree",
}
LOCAL = "LocalParticipantPresence"
FORGOTTEN = "the unit does not know the vote any more"
UNPROVEN = "the unit says that the vote stopped, and counts nothing: nobody voted, or it goes on"
BUTTONS = ("+", "-", "0", "++", "--")
TLS_PORT = 9443


def _token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("a token as the unit's page shows it: letters, digits and signs, without blanks")
    return token


class Options(BaseModel):
    """How to reach the unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: Annotated[SecretStr, AfterValidator(_token)] = Field(
        SecretStr(""), description="Token made on the unit's page, under API settings."
    )
    tls: bool = Field(False, description="Speak TLS; a unit with a certificate takes nothing else.")
    certificate: Annotated[str, AfterValidator(certificate_file)] = Field(
        "", description="File with the certificate to accept; empty accepts any, as units sign their own."
    )
    choices: tuple[str, ...] = Field(
        ("За", "Проти", "Утримався"), min_length=2, max_length=5, description="What can be voted, in order."
    )
    hold_seconds: float = Field(60, gt=0, le=300, description="Silence of a held question that ends it.")
    poll: float = Field(5, gt=0, le=60, description="Seconds between looks at everything.")
    answer_seconds: float = Field(5, gt=0, le=60, description="Silence of any other that ends the link.")


class TelevicConfero(DiscussionSystem, VotingSystem):
    """A unit that speaks the Confero API. Also reports ``meeting``, the title of the one that runs."""

    title = "Televic Confero"
    port = 9080
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._http: Http | None = None
        self._news = asyncio.Event()
        self._newest: dict[str, int] = {}
        self._current = False
        self._seats: dict[int, bool] = {}  # number -> chairman
        self._faults: dict[int, str] = {}
        self._people: dict[int, str] = {}
        self._lists: dict[str, tuple[int, ...]] = {}
        self._settings: dict[str, Any] = {}
        self._meeting = ""
        self._learners: Mapping[str, Callable[[Any], None]] = {
            SEATS: self._learn_seats,
            UNITS: self._learn_units,
            MEETING: self._learn_meeting,
            SETTINGS: self._learn_settings,
            SPEAKERS: lambda found: self._lists.update({SPEAKERS: _numbers(found)}),
            REQUESTS: lambda found: self._lists.update({REQUESTS: _numbers(found)}),
        }

    # --- the link ------------------------------------------------------------------------------------

    async def serve(self) -> None:
        tls = trusting(self.options.certificate) if self.options.tls else None
        port = int(self.device.port or (TLS_PORT if tls else self.port))
        async with http(self.device.host, port, self.log, tls) as self._http:
            try:
                self._newest.clear()
                await together(self._look_around(), self._listen())
            finally:
                self._http = None

    async def _look_around(self) -> None:
        while True:
            self._news.clear()
            for path in self._learners:
                await self._look(path)
            self._tell()
            await self._look_at_vote()
            await self.rest(self.options.poll, self._news)

    async def _look(self, path: str) -> None:
        begun = self._newest.get(path, 0)
        answer = await self._ask("GET", path)
        if path in (UNITS, MEETING) and not answer.ok:  # older, not licensed, or no meeting runs
            self._learners[path](None)
        elif self._newest.get(path, 0) == begun:  # else an event told what is newer meanwhile
            self._learners[path](_checked(answer).json())

    async def _listen(self) -> None:
        """Fetch what happens, from now on: after a cut nothing connects to the numbers before it."""
        self._current, following = False, ""
        while True:
            answer = await self._ask("GET", EVENTS + following, self.options.hold_seconds)
            if answer.status == 204:
                self._current = True
                continue
            if answer.status in (404, 405):  # firmware without events: looking is all there is
                await asyncio.get_running_loop().create_future()
            event = _checked(answer).json()
            if not isinstance(event, dict) or not isinstance(number := event.get("id"), int):
                raise ProtocolError("not an event")
            following = f"&minimum-id={number + 1}"
            await self._happened(event)

    async def _happened(self, event: Mapping[str, Any]) -> None:
        path = LISTS.get(str(event.get("name")))
        if event.get("discontinuity") is True or path is None:
            self._current = self._current and event.get("discontinuity") is not True
            self._news.set()
            return
        told = _numbers(event.get("data"))
        if not self._current:
            # A unit may begin with its history: an event is news once it says what is the case.
            await self._look(path)
            self._current = self._lists.get(path) == told
        if self._current:
            self._newest[path] = self._newest.get(path, 0) + 1
            self._lists[path] = told
        self._tell()

    async def _ask(self, method: str, path: str, seconds: float = 0, body: object = None) -> Answer:
        if self._http is None:
            raise LinkError("there is no connection")
        token = self.options.token.get_secret_value()
        secret = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._http.ask(
            method, path, seconds or self.options.answer_seconds, body=body, headers=secret
        )
        if answer.status == 401:
            raise AuthRefused("the unit does not accept the token")
        return answer

    # --- what the answers mean -----------------------------------------------------------------------

    def _learn_seats(self, found: Any) -> None:
        self._seats = {
            seat: row.get("role") == "chairperson"
            for row in _rows(found)
            if (seat := _number(row.get("seatNumber"))) is not None
        }

    def _learn_units(self, found: Any) -> None:
        self._faults = {
            seat: "" if row.get("state") == "online" else "disconnected"
            for row in _rows(found or [])
            if (seat := _number(row.get("seatNumber"))) is not None
        }

    def _learn_meeting(self, found: Any) -> None:
        meeting = found if isinstance(found, dict) else {}
        people = {}
        for row in _rows(meeting.get("participants") or []):
            presence = row.get("presence")
            if not isinstance(presence, dict) or presence.get("kind", LOCAL) != LOCAL:
                continue  # who is absent, or far away, has a seat and is not at it
            if (seat := _number(presence.get("seatNumber"))) is not None:
                people[seat] = " ".join(
                    str(part).strip() for part in (row.get("firstName"), row.get("lastName")) if part
                )
        self._people, self._meeting = people, str(meeting.get("meetingId") or "")
        self.report(meeting=str(meeting.get("title") or ""))

    def _learn_settings(self, found: Any) -> None:
        if not isinstance(found, dict):
            raise ProtocolError("no settings")
        self._settings, mode = found, str(found.get("microphoneMode"))
        self.report(mode=MODES.get(mode, mode), modes=tuple(MODES.values()))
        if isinstance(most := found.get("maximumNumberOfSpeakers"), int):
            self.report(max_open=most)

    def _tell(self) -> None:
        if not (SPEAKERS in self._lists and REQUESTS in self._lists):
            return
        speakers = self._lists[SPEAKERS]
        waiting = tuple(seat for seat in self._lists[REQUESTS] if seat not in speakers)
        seats = {
            str(seat): seat_row(
                self._people.get(seat, ""), self._seats.get(seat, False), self._faults.get(seat, "")
            )
            for seat in sorted({*self._seats, *speakers, *waiting})
        }
        self.tell_floor(speakers, waiting, seats=seats)

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._switch(seat, on=True, asks=False)

    async def close_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._switch(seat, on=False, asks=seat in self.readings.get("waiting", ()))

    async def grant_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._switch(seat, on=True, asks=False)

    async def deny_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._switch(seat, on=False, asks=False)

    async def close_all_mics(self) -> None:
        """Take the floor from everybody; where the queue moves up by itself it is cleared first."""
        if self.readings.get("mode") != "request":
            await self.clear_requests()
        await self._do("DELETE", SPEAKERS)

    async def clear_requests(self) -> None:
        await self._do("DELETE", REQUESTS)

    async def set_mode(self, mode: str) -> None:
        await self._do("PUT", SETTINGS, {**self._settings, "microphoneMode": mode_for(MODES, mode)})

    async def set_max_open(self, count: int) -> None:
        most = within("count", count, 1, 25)
        await self._do("PUT", SETTINGS, {**self._settings, "maximumNumberOfSpeakers": most})

    move_up = lacking(OWN_ORDER)
    take_priority = lacking("priority is taken at the chairman's own device")
    mute_all = lacking("its microphones are closed, not muted")

    # --- votes ---------------------------------------------------------------------------------------

    async def open_vote(self, title: str) -> None:
        self.must_not_vote()
        if not self._meeting:
            raise Conflict("no meeting runs")
        choices = [
            {
                "number": place,
                "choiceId": str(place),
                "label": choice,
                "choiceTitle": choice,
                "button": button,
            }
            for place, (choice, button) in enumerate(zip(self.options.choices, BUTTONS, strict=False))
        ]
        told = {"votingTitle": title, "votingDescription": "", "choices": choices}
        voting = {**told, "resultVisibility": "Public", "showResultsRealtime": False}
        answer = await self._act("StartVotingAction", voting=voting)
        vote = Vote(id=answer.text.strip().strip('"'), title=title)  # bare text, or a JSON string
        if await self._results(vote) is None:
            raise NoAnswer("the unit says that it started the vote, and does not know it")
        self.vote_opened(vote)

    async def close_vote(self) -> None:
        """Stop the vote. Counts are 0 until it has stopped, so nothing but zeros proves no stop."""
        vote = self.open_one()
        for _ in range(STOP_TRIES):
            stopped = False
            try:
                await self._act("StopVotingAction", votingId=vote.id)
            except Rejected as refusal:
                stopped = refusal.code in ("400", "404", "409", "412")  # nothing is there to stop any more
                if not stopped:
                    raise
            found = await self._results(vote)
            if found is None:
                self.vote_lost(FORGOTTEN)
                raise NoAnswer(FORGOTTEN)
            if stopped or any(found[0].values()):
                self.vote_closed(*found)
                return
            await asyncio.sleep(self.stop_seconds)
        self.vote_lost(UNPROVEN)
        raise NoAnswer(UNPROVEN)

    async def _act(self, kind: str, **more: object) -> Answer:
        body = {"kind": kind, "meetingId": self._meeting, **more}
        return _checked(await self._ask("POST", ACTIONS, body=body))

    async def _results(self, vote: Vote) -> tuple[Mapping[str, int], Mapping[str, str]] | None:
        """Counts by choice and choices by seat; None when the unit tells none under this vote's id."""
        for _ in range(STOP_TRIES):
            answer = await self._ask("GET", RESULTS)
            if answer.status < 500:
                break
            await asyncio.sleep(self.stop_seconds)  # it is busy right after a start
        found = answer.json() if answer.ok else {}
        if not isinstance(found, dict) or str(found.get("votingId")) != vote.id:
            return None
        rows = _rows(found.get("global") or [])
        named = {str(row.get("choiceId")): choice_of(str(row.get("choiceTitle"))) for row in rows}
        counts = counted((named[str(row.get("choiceId"))], int(row.get("count") or 0)) for row in rows)
        choices = {
            str(seat): named[str(row.get("choiceId"))]
            for row in _rows(found.get("individual") or [])
            if (seat := _number(row.get("seatNumber"))) is not None and str(row.get("choiceId")) in named
        }
        return counts, choices

    async def _look_at_vote(self) -> None:
        """Whether the unit still knows the vote that was open: after a restart it does not."""
        if self.vote is None:
            self.no_vote()
        elif await self._results(vote := self.vote) is None and self.vote is vote:
            self.vote_lost(FORGOTTEN)

    async def _switch(self, seat: int, on: bool, asks: bool) -> None:
        # Both must be said, also the one that stays as it is.
        await self._do("PUT", f"{SEATS}/{seat}", {"microphoneOn": on, "requestingToSpeak": asks})

    async def _do(self, method: str, path: str, body: object = None) -> None:
        _checked(await self._ask(method, path, body=body))
        self._news.set()


def _checked(answer: Answer) -> Answer:
    if not answer.ok:
        said = answer.text.strip()[:200] or "without a reason"
        raise Rejected(f"the unit refused ({answer.status}): {said}", code=str(answer.status))
    return answer


def _rows(found: Any) -> list[Mapping[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ProtocolError("no list of objects")
    return found


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _numbers(found: Any) -> tuple[int, ...]:
    if not isinstance(found, list) or not all(isinstance(seat, int) for seat in found):
        raise ProtocolError("no list of seats")
    return tuple(dict.fromkeys(found))


DRIVER = TelevicConfero
