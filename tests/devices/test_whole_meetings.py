"""Each simulated discussion system as somebody else's client meets it, through a whole meeting.

Nothing of the drivers is used here: what is said, and what is understood, is written as the makers do.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import httpx
import pytest
import websockets

from drivers.sim.control import load as simulator_of

Floor = tuple[list[int], list[int]]
"""Who speaks and who waits, in order."""


class Client:
    """Somebody else's client of a system; ``hall`` is only its address, and where people press buttons."""

    driver: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    counts: ClassVar[dict[str, int] | None] = None  # what two for and one against are there; None: no votes

    def __init__(self, hall: Any, stack: AsyncExitStack) -> None:
        self.hall, self.stack = hall, stack

    async def log_in(self) -> None: ...
    async def seats(self) -> list[int]: ...
    async def open(self, seat: int) -> None: ...
    async def close(self, seat: int) -> None: ...
    async def floor(self) -> Floor:
        """What the system says now, or has said so far."""
        ...

    async def news(self) -> None:
        """Wait until it says something unasked, or a held question is answered."""
        ...

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]: ...
    async def is_over(self) -> bool:
        """Whether the system no longer knows this log-in, after its restart."""
        ...


class Lines(Client):
    """Those that speak over TCP, in messages with an end."""

    end: ClassVar[bytes]

    async def log_in(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.hall.host, self.hall.bound)
        self.stack.callback(self.writer.close)
        self.lists: Floor = ([], [])
        self.found: list[int] = []

    async def next(self) -> str:
        return (await self.reader.readuntil(self.end)).decode()

    async def until(self, said: str) -> list[str]:
        """Everything that is said up to something."""
        told = [await self.next()]
        while said not in told[-1]:
            told.append(await self.next())
        for one in told:
            self.learn(one)
        return told

    def learn(self, text: str) -> None: ...

    def put(self, seat: int, place: int | None) -> None:
        """A seat speaks (0), waits (1), or does neither."""
        for at, seats in enumerate(self.lists):
            if seat in seats and at != place:
                seats.remove(seat)
            elif seat not in seats and at == place:
                seats.append(seat)

    async def seats(self) -> list[int]:
        return sorted(self.found)

    async def floor(self) -> Floor:
        return self.lists

    async def news(self) -> None:
        self.learn(await self.next())

    async def is_over(self) -> bool:
        while await self.reader.read(4096):
            pass
        return True


class ShureDis(Lines):
    driver, end = "shure_dis", b"\r\n"
    counts: ClassVar[dict[str, int] | None] = {"Yes": 2, "Abstain": 0, "No": 1}

    async def log_in(self) -> None:
        await super().log_in()
        self.writer.write(b"mic_status\r\n")
        await self.until("mic_status_done")

    def learn(self, text: str) -> None:
        match text.split():
            case ["seat_state", seat, "active", *_]:
                self.found.append(int(seat))
            case ["mic_on" | "mic_request_on" as what, seat]:
                self.put(int(seat), 0 if what == "mic_on" else 1)
            case ["mic_off" | "mic_request_off", seat]:
                self.put(int(seat), None)

    async def open(self, seat: int) -> None:
        self.writer.write(b"mic_on %d\r\n" % seat)

    async def close(self, seat: int) -> None:
        self.writer.write(b"mic_off %d\r\n" % seat)

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]:
        self.writer.write(b"voting_status\r\n")
        assert "voting_configuration 1 3-button voting\r\n" in await self.until("voting_status_done")
        self.writer.write(b"start_voting 1\r\n")
        await self.until("voting_started 1")
        cast()
        self.writer.write(b"stop_voting\r\n")
        await self.until("voting_stopped")
        told = [(await self.next()).split() for _ in "123"]
        assert {one[0] for one in told} == {"final_voting_result"}
        return {name: int(count) for _, _, count, name in told}


class ShureMxcw(Lines):
    driver, end = "shure_mxcw", b">"
    counts: ClassVar[dict[str, int] | None] = {"1": 2, "2": 0, "3": 1}

    async def log_in(self) -> None:
        await super().log_in()
        self.writer.write(b"< GET 0 MIC_STATUS >< GET 0 REQUEST_LIST_STATUS >< GET OPERATION_MODE >")
        await self.until("OPERATION_MODE MANUAL")

    def learn(self, text: str) -> None:
        match text.strip(" <>\r\n").split():
            case ["REP", seat, "MIC_STATUS", status]:
                self.found = [*{*self.found, int(seat)}]
                if int(seat) not in self.lists[1] or status == "ON":
                    self.put(int(seat), 0 if status == "ON" else None)
            case ["REP", seat, "REQUEST_LIST_STATUS", "IN_LIST"]:
                self.put(int(seat), 1)
            case ["REP", seat, "REQUEST_LIST_STATUS", _] if int(seat) in self.lists[1]:
                self.put(int(seat), None)

    async def open(self, seat: int) -> None:
        self.writer.write(b"< SET %d MIC_STATUS ON >" % seat)

    async def close(self, seat: int) -> None:
        self.writer.write(b"< SET %d MIC_STATUS OFF >" % seat)

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]:
        self.writer.write(b"< SET START_VOTE 1 >")
        await self.until("VOTING_STATE ACTIVE")
        cast()
        self.writer.write(b"< SET COMPLETE_VOTE TRUE >")
        await self.until("VOTING_STATE COMPLETE")
        told = [re.findall(r"(\d) FINAL_VOTING_RESULT (\d+)", await self.next()) for _ in "123"]
        return {button: int(count) for ((button, count),) in told}


class Dcerno(Lines):
    driver, end = "televic_dcerno", b"\x03"
    header = b"\x0202:set0002021O00000C00000000000000:"

    async def log_in(self) -> None:
        await super().log_in()
        self.writer.write(
            b'\x0202:con0000021O00000C00000000000000:{"typ":"CoCon","nam":"CoCon Emulator","ver":"0.01",'
            b'"inf":"","svr":0,"tim":""}\x03'
            b'\x0202:get0001021O00000C00000000000000:{"nam":"gmicstat","uid":0}\x03'
            b'\x0202:get0002021O00000C00000000000000:{"nam":"gmmo","uid":0}\x03'
        )
        assert '"inf":"connected"' in (await self.until('"nam":"mmo"'))[0]

    def learn(self, text: str) -> None:
        told = json.loads(text[text.index("{") :].rstrip("\x03"))
        if told.get("nam") == "micstat":
            seat = int(told["uid"][2:], 16)
            self.found = [*{*self.found, seat}]
            self.put(seat, {1: 0, 2: 1}.get(told["stat"]))

    async def _switch(self, seat: int, state: bytes) -> None:
        serial = b"%s%06x" % (b"11" if seat == 1 else b"10", seat)
        self.writer.write(self.header + b'{"nam":"smicstat","uid":"%s","stat":"%s"}\x03' % (serial, state))

    async def open(self, seat: int) -> None:
        await self._switch(seat, b"1")

    async def close(self, seat: int) -> None:
        await self._switch(seat, b"0")


class Dicentis(Client):
    driver = "bosch_dicentis"
    counts: ClassVar[dict[str, int] | None] = {"yes": 2, "no": 1, "abstain": 0}

    async def log_in(self) -> None:
        careless = ssl.create_default_context()
        careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
        self.line = await self.stack.enter_async_context(
            websockets.connect(
                f"wss://127.0.0.1:{self.hall.bound}/Dicentis/API",
                ssl=careless,
                subprotocols=[websockets.Subprotocol("DICENTIS_1_0")],
            )
        )
        while (await self.ask("GetApiState")) != {"online": True}:  # it has just been started
            await asyncio.sleep(0.01)
        assert (await self.ask("login", user="admin", password=""))["loggedIn"] is True
        await self.ask("RegisterEvents", events=["DiscussionListChanged"])
        rows = (await self.ask("GetSeats"))["seats"]
        self.ids = {int(re.sub(r"\D", "", row["seatName"])): row["seatId"] for row in rows}

    async def ask(self, operation: str, **parameters: Any) -> Any:
        await self.line.send(json.dumps({"operation": operation, "parameters": parameters}))
        while (answer := json.loads(await self.line.recv()))["operation"] == "event":
            self.told = True
        assert answer["operation"] == operation, answer
        return answer["parameters"]

    async def seats(self) -> list[int]:
        return sorted(self.ids)

    async def open(self, seat: int) -> None:
        await self.ask("GrantSpeech", seatIds=[self.ids[seat]])

    async def close(self, seat: int) -> None:
        for turn in self.hall.hall.turns:
            turn.since -= 1  # what is removed at once after it was added stays
        await self.ask("RemoveSeatFromDiscussionList", seatId=self.ids[seat])

    async def floor(self) -> Floor:
        self.told = False
        rows = (await self.ask("GetDiscussionList"))["discussionList"]
        number = {id_: seat for seat, id_ in self.ids.items()}
        on = [number[row["seatId"]] for row in rows if row["microphoneState"] == "on"]
        return on, [number[row["seatId"]] for row in rows if row["speakerType"] == "isRequest"]

    async def news(self) -> None:
        if not self.told:  # else the event came before an answer
            event = json.loads(await self.line.recv())
            assert event["parameters"] == {"events": ["DiscussionListChanged"]}

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]:
        await self.ask("ActivateAdHocVoting", subject="Budget", description="", number="1")
        await self.ask("OpenVoting")
        cast()
        await self.ask("CloseVoting")
        assert (await self.ask("GetVotingState")) == {"votingState": "done"}
        rows = (await self.ask("GetVotingResults"))["votingResults"]
        return {row["answer"]: row["count"] for row in rows}

    async def is_over(self) -> bool:
        with pytest.raises(websockets.ConnectionClosed):
            await self.ask("GetSeats")
        return True


class Asked(Client):
    """Those that speak HTTP."""

    async def log_in(self) -> None:
        base = f"http://127.0.0.1:{self.hall.bound}"
        self.http = await self.stack.enter_async_context(httpx.AsyncClient(base_url=base, trust_env=False))

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).raise_for_status().json()


class Wireless(Asked):
    driver = "bosch_wireless"
    counts: ClassVar[dict[str, int] | None] = {"for": 2, "against": 1, "abstain": 0}

    async def log_in(self) -> None:
        await super().log_in()
        account = {"override": True, "username": "admin", "password": ""}
        sid = (await self.http.post("/api/login", json=account)).raise_for_status().json()["sid"]
        self.http.headers["Bosch-Sid"] = sid

    async def seats(self) -> list[int]:
        return [row["id"] for row in await self.get("/api/seats")]

    async def open(self, seat: int) -> None:
        assert (await self.http.post("/api/speakers", json=[seat])).json() == {}

    async def close(self, seat: int) -> None:
        assert (await self.http.delete(f"/api/speakers/{seat}")).json() == {}

    async def floor(self) -> Floor:
        speakers, waiting = await self.get("/api/speakers"), await self.get("/api/waiting-list")
        return [row["id"] for row in speakers if row["micOn"]], [row["id"] for row in waiting]

    async def news(self) -> None:
        await self.get("/api/speakers?isPolling=true")

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]:
        await self.http.put("/api/voting", json={"mode": 1, "subject": "Budget"})
        assert (await self.http.put("/api/voting/state", json={"state": 1})).json() == {}
        cast()
        assert (await self.http.put("/api/voting/state", json={"state": 0})).json() == {}
        results = {row["name"]: row["value"] for row in (await self.get("/api/voting/results"))["results"]}
        assert (results.pop("present"), results.pop("notVoted")) == (15, 12)
        return results

    async def is_over(self) -> bool:
        return (await self.http.get("/api/seats")).status_code == 401


class Confero(Asked):
    driver = "televic_confero"
    options: ClassVar[dict[str, Any]] = {"token": "right-secret"}
    counts: ClassVar[dict[str, int] | None] = {"For": 2, "Against": 1}

    async def log_in(self) -> None:
        await super().log_in()
        assert (await self.http.get("/api/discussion/seats")).status_code == 401
        self.http.headers["Authorization"] = "Bearer right-secret"
        begun = await self.http.post("/api/meeting", json={"kind": "NewMeetingFromLocalTemplate"})
        self.meeting, self.after = str(uuid.UUID(begun.text.strip('"'))), ""
        self.http.headers["Content-Type"] = "text/plain;charset=UTF-8"  # as one client says of its JSON

    async def seats(self) -> list[int]:
        return [row["seatNumber"] for row in await self.get("/api/discussion/seats")]

    async def _switch(self, seat: int, on: bool) -> None:
        wanted = {"microphoneOn": on, "requestingToSpeak": False}
        assert (await self.http.put(f"/api/discussion/seats/{seat}", json=wanted)).is_success

    async def open(self, seat: int) -> None:
        await self._switch(seat, True)

    async def close(self, seat: int) -> None:
        await self._switch(seat, False)

    async def floor(self) -> Floor:
        return await self.get("/api/discussion/speakers"), await self.get("/api/discussion/requests")

    async def news(self) -> None:
        path = f"/api/notification/events?include-filter=Discussion,Meeting{self.after}"
        answer = await self.http.get(path)
        if answer.status_code != 204:  # nothing for a while
            self.after = f"&minimum-id={answer.json()['id'] + 1}"

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]:
        choices = [
            {"number": 0, "choiceId": "a", "label": "F", "choiceTitle": "For", "button": "+"},
            {"number": 1, "choiceId": "b", "label": "A", "choiceTitle": "Against", "button": "-"},
        ]
        voting = {"votingTitle": "Budget", "votingDescription": "", "choices": choices}
        begin = {"kind": "StartVotingAction", "meetingId": self.meeting, "voting": voting}
        started = await self.http.post("/api/meeting/actions", json=begin)
        cast()
        end = {"kind": "StopVotingAction", "meetingId": self.meeting, "votingId": started.text.strip('"')}
        assert (await self.http.post("/api/meeting/actions", json=end)).status_code == 204
        return {
            row["choiceTitle"]: row["count"]
            for row in (await self.get("/api/meeting/voting-results"))["global"]
        }

    async def is_over(self) -> bool:
        return (await self.http.get("/api/meeting")).status_code == 412  # it keeps its token, not its meeting


class Cocon(Asked):
    driver = "televic_cocon"
    counts: ClassVar[dict[str, int] | None] = {"For": 2, "Against": 1, "Abstain": 0}

    async def get(self, path: str) -> Any:
        """What is in the JSON in the JSON text."""
        return json.loads((await self.http.get(f"/CoCon/{path}")).json())

    async def log_in(self) -> None:
        await super().log_in()
        self.id = (await self.get("Connect"))["id"]
        assert await self.get(f"Subscribe/?Model=Microphone&id={self.id}&details=true") == {"Subscribe": True}
        self.state = (await self.get("Microphone/GetState"))["GetState"]["State"]

    async def seats(self) -> list[int]:
        return [
            int(row["SeatId"])
            for row in (await self.get("Room/GetAllSeats/?RoomId=1"))["GetAllSeats"]["Seats"]
        ]

    async def open(self, seat: int) -> None:
        assert await self.get(f"Microphone/SetState/?State=On&SeatNr={seat}") == 0

    async def close(self, seat: int) -> None:
        assert await self.get(f"Microphone/SetState/?State=Off&SeatNr={seat}") == 0

    async def floor(self) -> Floor:
        return self.state["Speakers"], self.state["Requests"]

    async def news(self) -> None:
        event = await self.get(f"Notification/id={self.id}")
        self.state = event.get("MicrophoneState", self.state)

    async def vote(self, cast: Callable[[], None]) -> dict[str, int]:
        added = await self.get("Voting/AddInstantVote/?VotingTemplate=3_Vote_Public")
        assert added == {"AddInstantVote": {"Result": True}}
        assert await self.get("Voting/SetVotingState/?State=Start") == 0
        cast()
        assert await self.get("Voting/SetVotingState/?State=Stop") == 0
        agenda = await self.get("Meeting_Agenda/GetAgendaItemInformationInRunningMeeting")
        vote = re.findall(r'"VotingAgendaItem".*?"IdInDb": (\d+)', json.dumps(agenda))[0]
        told = (await self.get(f"Voting/GetGeneralVotingResults/?Id={vote}"))["GetGeneralVotingResults"]
        named = re.findall(r'"Id": (\d+), "Name": "(\w+)"', json.dumps(agenda))  # the result leaves them out
        counts = {str(row["Id"]): row["Votes"]["Count"] for row in told["VotingResults"]["Options"]}
        return {name: counts[mark] for mark, name in named}

    async def is_over(self) -> bool:
        return await self.get(f"Notification/id={self.id}") == {"Notification": "Error 400"}


CLIENTS = (Dicentis, Wireless, Confero, Cocon, ShureMxcw, ShureDis, Dcerno)


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.driver)
async def client(request: Any, device: Callable[..., Any]) -> AsyncIterator[Client]:
    kind: type[Client] = request.param
    made: Any = simulator_of(device(kind.driver, **kind.options))
    for knob, value in (
        ("lag_seconds", 0.01),
        ("hold_seconds", 0.2),
        ("starting_seconds", 0.05),
        ("asks", True),
    ):
        if hasattr(made, knob):
            setattr(made, knob, value)
    if kind is Dicentis:  # as the others are: a press asks
        made.set_mode("manual")
    elif kind is Confero:
        made.settings["microphoneMode"] = "operator"
    async with made, AsyncExitStack() as stack:
        yield kind(made, stack)


async def becomes(client: Client, speakers: list[int], waiting: list[int]) -> None:
    async with asyncio.timeout(10):
        while await client.floor() != (speakers, waiting):
            await client.news()


async def test_somebody_elses_client_goes_through_a_whole_meeting(client: Client) -> None:
    hall = client.hall
    await client.log_in()
    seats = await client.seats()
    assert seats[:15] == list(range(1, 16))
    await becomes(client, [], [])
    await client.open(4)
    await becomes(client, [4], [])
    hall.press(3)
    await becomes(client, [4], [3])
    hall.press(7)
    await becomes(client, [4], [3, 7])
    await client.open(3)
    await becomes(client, [4, 3], [7])
    await client.close(4)
    await becomes(client, [3], [7])
    hall.press(3)  # lets go of the floor himself
    hall.press(7)  # and he does not want it any more
    await becomes(client, [], [])
    if client.counts is not None:
        yes, no = {"bosch_dicentis": ("yes", "no"), "bosch_wireless": ("for", "against")}.get(
            client.driver, (0, 2 if client.driver.startswith("shure") else 1)
        )

        def cast() -> None:
            for seat, choice in ((2, yes), (3, no), (4, no), (4, yes)):  # who presses again means the last
                getattr(hall, "cast", getattr(hall, "vote", None))(seat, choice)

        assert await client.vote(cast) == client.counts
    hall.press(5)
    await becomes(client, [], [5])
    await hall.restart()
    assert await client.is_over()
    await client.log_in()
    assert await client.seats() == seats
    await becomes(client, [], [])
    await client.open(2)
    await becomes(client, [2], [])
