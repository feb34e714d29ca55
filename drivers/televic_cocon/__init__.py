"""Televic CoCon API (room server, or REST API of a Plixus; document 6.10): HTTP on 8890, GET only, no log-in.

Answers are JSON in a JSON text. ``Connect`` gives a connection; its events are queued and fetched one by one
with a question that is held for 30 s. Commands answer 0 also for what then does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from avctl.capabilities import lacking
from avctl.config import Device
from avctl.driver import Publish, together
from avctl.errors import LinkError, ProtocolError
from avctl.events import ItemStarted, Link
from avctl.http import http
from drivers.discussion import OWN_ORDER, DiscussionSystem, mode_for, seat_row, within
from drivers.televic_cocon.messages import Lists, content, items, lists, number, rows
from drivers.televic_cocon.people import People
from drivers.televic_cocon.votes import Votes

MICROPHONES, PEOPLE = "Microphone/Get", "Delegate/GetDelegatesInCurrentMeeting"
AGENDA = "Meeting_Agenda/GetAgendaItemInformationInRunningMeeting"
SEATS, UNITS = "Room/GetAllSeats", "Room/GetAllUnitsState"
MODES: Mapping[str, str] = {
    "Operator": "request",
    "DirectSpeak": "open",
    "Request": "queue",
    "Vox": "voice",
    "OnlyRequest": "only_requests",
}
LOOK_AGAIN = frozenset(
    {
        *("microphonemode", "meetingstatus", "meetingagendachanged", "agenda_itemchanged"),
        *(
            "votingstate",
            "badgeevent",
            "delegateonseat",
            "unitstatechanged",
            "micstatechangedinrunningmeeting",
        ),
    }
)
"""Events after which everything is asked again; the casing of their names varies."""
ONLINE = 1


class Options(BaseModel):
    """Which room of the server, and how to watch it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    room: int = Field(1, ge=0, description="Id of the room on the server.")
    template: str = Field("3_Vote_Public", description="Voting template on the server, one with a timer.")
    hold_seconds: float = Field(40, gt=0, le=120, description="Silence of a held question that ends it.")
    poll: float = Field(5, gt=0, le=60, description="Seconds between looks at everything.")
    answer_seconds: float = Field(5, gt=0, le=60, description="Silence of any other that ends the link.")


class TelevicCocon(DiscussionSystem, Votes):
    """A CoCon room. Also reports ``meeting_runs``: microphones follow only while one does, and ``item``."""

    title = "Televic CoCon"
    port = 8890
    Options = Options

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._told = 0
        self._current = False
        self._seats: dict[int, tuple[bool, str]] = {}  # number -> chairman, unit
        self._offline: set[str] = set()
        self._people = People()
        self._lists: Lists = ((), (), ())
        room = f"/?RoomId={self.options.room}"
        self._looks: Mapping[str, Callable[[Any], None]] = {
            SEATS + room: self._learn_seats,
            UNITS + room: self._learn_units,
            PEOPLE: self._learn_people,
            AGENDA: self._learn_agenda,
            MICROPHONES: self._learn_microphones,
        }

    # --- the link ------------------------------------------------------------------------------------

    async def serve(self) -> None:
        port = int(self.device.port or self.port)
        self._people.forget()
        async with http(self.device.host, port, self.log) as self._http:
            try:
                found = content(await self._get("Connect"))
                match found:
                    case {"Connect": True, "id": str(connection)}:
                        await together(self._look_around(), self._listen(connection))
                raise ProtocolError(f"no connection: {str(found)[:80]!r}")
            finally:
                self._http = None

    async def _look_around(self) -> None:
        while True:
            self._news.clear()
            for path, learn in self._looks.items():
                begun = self._told
                found = await self._find(path)
                if path != MICROPHONES or self._told == begun:  # else an event told what is newer
                    learn(found)
            self._tell()
            await self._look_at_vote()
            await self.rest(self.options.poll, self._news)

    async def _listen(self, connection: str) -> None:
        self._current = False
        while True:
            answer = await self._get(f"Notification/id={connection}", self.options.hold_seconds)
            event = content(answer)
            said = str(event.get("Notification", "")) if isinstance(event, dict) else ""
            if answer.status == 408 or said.endswith("408"):
                self._current = True
            elif answer.status == 400 or said.endswith("400"):
                raise LinkError("the server has forgotten our connection")
            elif not answer.ok or not isinstance(event, dict):
                raise ProtocolError(f"not an event: {answer.text[:80]!r}")
            else:
                await self._happened(event)

    async def _happened(self, event: Mapping[str, Any]) -> None:
        for name, value in event.items():
            if name.casefold() == "microphonestate" and isinstance(value, dict):
                await self._microphones_told(value)
            elif name.casefold() in LOOK_AGAIN:
                if isinstance(value, dict):
                    self._people.heard(name.casefold(), value)
                    if self.link is Link.ONLINE:
                        self._tell()  # whoever left is named no more, before anything is asked
                self._news.set()

    async def _microphones_told(self, state: Mapping[str, Any]) -> None:
        told = lists(state)
        if not self._current:
            # What was queued before our first look is old: an event is news once it says what is the case.
            self._learn_microphones(await self._find(MICROPHONES))
            self._current = self._lists == told
        if self._current:
            self._lists = told
        self._told += 1
        self._tell()

    # --- what the answers mean -----------------------------------------------------------------------

    def _learn_seats(self, found: Any) -> None:
        self._seats = {
            seat: (row.get("IsChairMan") is True, str(row.get("UnitId")))
            for row in rows(found, "Seats", needed=True)
            if (seat := number(row.get("SeatId"))) is not None
        }

    def _learn_units(self, found: Any) -> None:
        units = rows(found, "Units")
        self._offline = {str(row.get("UnitId")) for row in units if row.get("State") != ONLINE}

    def _learn_people(self, found: Any) -> None:
        self._people.learn(found)
        runs = found.get("IsMeetingRunning") if isinstance(found, dict) else None
        self.report(meeting_runs=runs is not False)

    def _learn_agenda(self, found: Any) -> None:
        self._items = tuple(items(found))
        opened = [row for row in self._items if str(row.get("State")).lower() == "active"]
        active = next((row for row in opened if row.get("Type") == "AgendaItem"), {})  # not a vote
        title = str(active.get("Title", ""))
        if title != self.readings.get("item", ""):
            self.publish(ItemStarted(device=self.device.id, item=str(active.get("Id", "")), title=title))
        self.report(item=title)

    def _learn_microphones(self, found: Any) -> None:
        if not isinstance(found, dict) or not isinstance(found.get("State"), dict):
            raise ProtocolError("no state of the microphones")
        self._lists = lists(found["State"])
        mode = found.get("MicrophoneMode")
        if isinstance(mode, dict):
            word, most = str(mode.get("Mode")), mode.get("MaxNrActive")
            self.report(mode=MODES.get(word, word), modes=tuple(MODES.values()))
            if isinstance(most, int):
                self.report(max_open=most)

    def _tell(self) -> None:
        speakers, requests, replies = self._lists
        waiting = tuple(dict.fromkeys(seat for seat in (*requests, *replies) if seat not in speakers))
        known = {**dict.fromkeys((*speakers, *waiting), (False, "")), **self._seats}
        seats = {
            str(seat): seat_row(
                chairman=chairman,
                fault="disconnected" if unit in self._offline else "",
                **self._people.row(seat),
            )
            for seat, (chairman, unit) in sorted(known.items())
        }
        self.tell_floor(speakers, waiting, seats=seats)

    # --- verbs ---------------------------------------------------------------------------------------

    async def open_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        await self._switch(seat, "On")

    async def close_mic(self, seat: int) -> None:
        self.must_be_seat(seat)
        if seat not in self.readings.get("waiting", ()):  # it would cost the place in the queue
            await self._switch(seat, "Off")

    async def grant_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._switch(seat, "On")

    async def deny_request(self, seat: int) -> None:
        self.must_wait(seat)
        await self._switch(seat, "Off")

    async def close_all_mics(self) -> None:
        """Take the floor from everybody; where the queue moves up by itself it is cleared too."""
        if self.readings.get("mode") != "request":
            await self._do("Microphone/ClearMicrophoneList/?Type=SpeakersAndRequests")
            return
        await self._do("Microphone/ClearMicrophoneList/?Type=Speakers")
        for seat, (chairman, _) in self._seats.items():
            if chairman and seat in self._lists[0]:  # the list keeps him
                await self._switch(seat, "Off")

    async def clear_requests(self) -> None:
        await self._do("Microphone/ClearMicrophoneList/?Type=Requests")
        for seat in self._lists[2]:
            await self._switch(seat, "Off")

    async def next_speaker(self) -> None:
        self.first_waiting()
        await self._do("Microphone/ActivateNextMicrophone")

    async def set_mode(self, mode: str) -> None:
        await self._set_mode(mode_for(MODES, mode), self.readings.get("max_open", 1))

    async def set_max_open(self, count: int) -> None:
        await self._set_mode(mode_for(MODES, self.readings.get("mode", "")), within("count", count, 1, 25))

    move_up = lacking(OWN_ORDER)
    take_priority = lacking("priority is taken at the chairman's own device")
    mute_all = lacking("its microphones are closed, not muted")

    async def _switch(self, seat: int, state: str) -> None:
        await self._do(f"Microphone/SetState/?State={state}&SeatNr={seat}")

    async def _set_mode(self, mode: str, most: int) -> None:
        await self._do(f"Microphone/SetMicrophoneMode/?Mode={mode}&MaxNrActive={most}")


DRIVER = TelevicCocon
