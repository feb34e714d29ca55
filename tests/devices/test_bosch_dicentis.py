import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from avctl.errors import BadArgument, Conflict, ProtocolError, Rejected
from avctl.events import (
    FloorRequested,
    FloorRequestEnded,
    ItemStarted,
    Link,
    MicClosed,
    MicOpened,
    ReadingsChanged,
    VoteClosed,
    VoteOpened,
)
from drivers.bosch_dicentis import DRIVER, BoschDicentis
from drivers.bosch_dicentis.hall import Hall
from drivers.bosch_dicentis.messages import Answer, Notice, Refusal, decode, encode
from drivers.discussion import Numbers
from drivers.sim.bosch_dicentis import SIMULATOR, BoschDicentisSimulator
from drivers.sim.certificate import self_signed

Served = Callable[..., AbstractAsyncContextManager[BoschDicentis]]
LINES = (Path(__file__).parents[1] / "transcripts" / "bosch_dicentis.txt").read_text().splitlines()
TOLD = [line[2:] for line in LINES if line.startswith("<")]
ASKED = [line[2:] for line in LINES if line.startswith(">")]


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[BoschDicentisSimulator]:
    """A small hall: chairman in seat 1, deputies in 2 to 8."""
    async with SIMULATOR(device("bosch_dicentis"), roster="committee", seats=8) as simulator:
        yield simulator


def name_in(witness: Any, seat: int) -> str:
    return str(witness.readings.get("seats", {}).get(str(seat), {}).get("name"))


# --- the vendor's messages -------------------------------------------------------------------------


@pytest.mark.parametrize("line", ASKED)
def test_requests_are_the_vendors_text(line: str) -> None:
    message = json.loads(line)
    assert encode(message["messageId"], message["operation"], message["parameters"]) == line


@pytest.mark.parametrize("line", TOLD)
def test_answers_events_and_errors_are_understood(line: str) -> None:
    message = json.loads(line)
    match message["operation"]:
        case "error":
            expected: Any = Refusal(number=message["messageId"], text=message["parameters"]["message"])
        case "event":
            expected = Notice(names=("DiscussionListChanged",))
        case name:
            expected = Answer(number=message["messageId"], operation=name, parameters=message["parameters"])
    assert decode(line) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"operation": "GetSeats"}',
        '{"operation": 7, "parameters": {}}',
        '{"messageId": "x", "operation": "GetSeats", "parameters": {}}',
        '{"messageId": 0, "operation": "event", "parameters": {"events": [1]}}',
        '{"messageId": 1, "operation": "error", "parameters": {}}',
    ],
)
def test_nonsense_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


async def one_byte_at_a_time(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[str]
) -> None:
    """The vendor's server: a WebSocket by hand, each byte in a TLS record and segment of its own."""

    async def put(data: bytes) -> None:
        for place in range(len(data)):
            writer.write(data[place : place + 1])
            if place % 64 == 0:
                await writer.drain()

    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    heard.append(request.splitlines()[0])
    key = re.search(r"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE)
    assert key is not None
    accepted = hashlib.sha1(f"{key[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    await put(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: DICENTIS_1_0\r\nSec-WebSocket-Accept: "
        + base64.b64encode(accepted)
        + b"\r\n\r\n"
    )
    answers = {json.loads(line)["operation"]: json.loads(line)["parameters"] for line in TOLD}
    while True:
        opcode, length = await reader.readexactly(2)
        size = length & 0x7F
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(await reader.readexactly(size)))
        if opcode & 0x0F == 8:
            writer.close()
            return
        heard.append(data.decode())
        asked = json.loads(data)
        asked["parameters"] = answers[asked["operation"]]
        told = json.dumps(asked).encode()
        await put(b"\x81\x7e" + len(told).to_bytes(2, "big") + told)


async def test_the_vendors_hall_is_read_from_single_bytes(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    heard: list[str] = []
    server = await asyncio.start_server(
        lambda reader, writer: one_byte_at_a_time(reader, writer, heard),
        "127.0.0.1",
        0,
        ssl=self_signed("DICENTIS-0001 DICENTIS"),
    )
    hall.bound = server.sockets[0].getsockname()[1]
    async with server, served(DRIVER, hall, poll=60):
        await witness.report(speakers=(1,), waiting=(2,), meeting="Default", item="Budget", mode="open")
        await witness.sees(ItemStarted, item="t2", title="Budget")
        await witness.sees(VoteOpened, vote="v1", title="Budget")
        assert witness.readings["max_requests"] == 10
        assert witness.readings["seats"] == {
            "1": {"name": "Anna Alpha", "group": "Group A", "chairman": True, "fault": ""},
            "2": {"name": "Bo Beta", "group": "", "chairman": False, "fault": ""},
            "3": {"name": "", "group": "", "chairman": False, "fault": "disconnected"},
        }
        assert heard[:3] == ["GET /Dicentis/API HTTP/1.1", *ASKED[:2]]


# --- seats and names -------------------------------------------------------------------------------


def test_a_seat_keeps_its_number_and_two_never_share_one() -> None:
    numbers = Numbers()
    numbers.learn({"a": "Місце 14", "b": "Seat 14", "c": "Президія", "d": "7"})
    assert (numbers.of("a"), numbers.of("d")) == (14, 7)
    others = numbers.of("b"), numbers.of("c")
    assert len({14, 7, *others}) == 4
    numbers.learn({"d": "7", "c": "Президія", "b": "Seat 14", "a": "Місце 14"})
    assert (numbers.of("a"), numbers.of("b"), numbers.of("c")) == (14, *others)
    fresh = Numbers()
    fresh.learn({"c": "Президія"})
    assert fresh.of("c") == others[1]


def test_a_name_is_never_somebody_elses() -> None:
    hall = Hall()
    people = [{"participantId": one, "firstName": one, "lastName": "X", "group": "G"} for one in ("p", "q")]
    hall.take_participants({"participants": people})
    seats = [
        {"seatId": "a", "seatName": "Seat 1", "assignedParticipantId": "p", "seatedParticipantId": "q"},
        {"seatId": "b", "seatName": "Seat 2", "assignedParticipantId": "q", "screenLine": "Seat 2"},
        {"seatId": "c", "seatName": "Seat 3", "seatedParticipantId": "r", "screenLine": "From the screen"},
    ]
    hall.take_seats({"seats": seats})
    assert [hall.reading[seat]["name"] for seat in "123"] == ["q X", "", "From the screen"]
    rows = [{"seatId": "a", "participantId": "s", "microphoneState": "on", "speakerType": "isSpeaker"}]
    hall.take_list({"discussionList": rows})
    assert hall.reading["1"] == {"name": "", "group": "", "chairman": False, "fault": ""}
    hall.take_list({"discussionList": None})
    assert hall.reading["1"]["name"] == "q X"


def test_an_older_server_tells_who_sits_where_in_a_list_of_its_own() -> None:
    hall = Hall()
    hall.take_participants({"participants": [{"participantId": "p", "firstName": "A", "lastName": "B"}]})
    hall.take_places({"participantSeats": [{"participantId": "p", "seatedSeatId": "a"}]})
    hall.take_seats({"seats": [{"seatId": "a", "seatName": "Seat 1", "screenLine": "?"}]})
    assert hall.reading["1"]["name"] == "A B"


# --- the verbs -------------------------------------------------------------------------------------


async def test_the_floor_is_given_and_taken(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(5)
        await witness.report(speakers=(5,))
        await witness.sees(MicOpened, seat=5)
        await driver.close_mic(5)  # at once: a real server would lose it
        await witness.report(speakers=())
        await witness.sees(MicClosed, seat=5)


async def test_who_voted_what_may_come_as_a_bare_list(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    """The reference prints it so, without a name for the list; a server that takes it at its word exists."""
    hall.bare = True
    async with served(DRIVER, hall) as driver:
        await witness.report(vote="none")
        await driver.open_vote("Про бюджет")
        await witness.report(vote="open")
        hall.vote(2, "yes")
        hall.vote(3, "no")
        await driver.close_vote()
        assert (await witness.sees(VoteClosed)).choices == {"2": "yes", "3": "no"}


async def test_requests_are_granted_denied_and_cleared(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    hall.set_mode("manual")
    async with served(DRIVER, hall) as driver:
        for seat in (3, 4, 5, 6):
            hall.press(seat)
        await witness.report(waiting=(3, 4, 5, 6), mode="request")
        await driver.grant_request(4)
        await witness.report(speakers=(4,), waiting=(3, 5, 6))
        await witness.sees(FloorRequestEnded, seat=4)
        await driver.close_mic(3)  # he waits: his place in the queue is not a microphone
        await driver.deny_request(3)
        await witness.report(speakers=(4,), waiting=(5, 6))
        await driver.close_all_mics()
        await witness.report(speakers=(), waiting=(5, 6))
        await driver.clear_requests()
        await witness.report(speakers=(), waiting=())


async def test_all_microphones_close_also_where_the_queue_moves_up(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    hall.set_mode("open", max_speakers=2)
    for seat in (3, 4, 5, 6):
        hall.press(seat)
    async with served(DRIVER, hall) as driver:
        await witness.report(speakers=(3, 4), waiting=(5, 6), mode="open")
        await driver.close_all_mics()
        await witness.report(speakers=(), waiting=())


async def test_an_older_server_is_asked_in_its_own_words(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    for newer in ("grantspeech", "removespeech", "getdiscussionoptions", "getapistate"):
        del hall.operations[newer]
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(2)
        await driver.open_mic(3)
        await witness.report(speakers=(2, 3))
        await driver.close_all_mics()
        await witness.report(speakers=())


async def test_wrong_seats_and_wrong_moments_are_named(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        with pytest.raises(BadArgument, match="seat"):
            await driver.open_mic(99)
        with pytest.raises(Conflict, match="seat 2 does not wait"):
            await driver.grant_request(2)
        with pytest.raises(Conflict):
            await driver.deny_request(2)
        await driver.close_mic(2)


async def test_a_refusal_says_why(hall: BoschDicentisSimulator, served: Served, witness: Any) -> None:
    async with served(DRIVER, hall) as driver:
        hall.refuse()
        with pytest.raises(Rejected, match="Unable to perform the operation: GrantSpeech"):
            await driver.open_mic(2)
        hall.refuse(False)
        hall.forget_licence()
        with pytest.raises(Rejected, match="no permission for GrantSpeech") as refusal:
            await driver.open_mic(2)
        assert refusal.value.code == "No permission"
        assert driver.link is Link.ONLINE


# --- changes at the device -------------------------------------------------------------------------


async def test_what_deputies_do_is_told_at_once(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    hall.set_mode("open", max_speakers=1)
    async with served(DRIVER, hall, poll=60):
        hall.press(2)
        await witness.sees(MicOpened, seat=2)
        hall.press(3)
        await witness.sees(FloorRequested, seat=3)
        hall.press(2)
        await witness.sees(MicClosed, seat=2)
        await witness.sees(FloorRequestEnded, seat=3)
        await witness.sees(MicOpened, seat=3)
        await witness.report(speakers=(3,), waiting=())


async def test_every_name_is_known_before_its_microphone_opens(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, poll=60):
        hall.sit(2, "Ганна Гостинна")
        hall.press(2)
        opened = await witness.sees(MicOpened, seat=2)
        seats: dict[str, Any] = {}
        for event in witness.events[: opened.number]:
            if isinstance(event, ReadingsChanged):
                seats = event.readings.get("seats", seats)
        assert seats["2"]["name"] == "Ганна Гостинна"


async def test_the_chairmans_priority_silences_the_others(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        hall.press(2)
        await witness.report(speakers=(2,))
        hall.chairman()
        await witness.report(speakers=(1,))
        assert witness.readings["seats"]["1"]["chairman"] is True
        hall.chairman()
        await witness.report(speakers=(2,))
        hall.chairman()
        await witness.report(speakers=(1,))
        await driver.close_all_mics()  # also of him who was only muted
        await witness.report(speakers=())
        assert hall.hall.turns == []


async def test_who_leaves_is_not_named_any_more(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        mine = name_in(witness, 2)
        assert mine
        hall.sit(3, mine)
        await witness.until(lambda: name_in(witness, 3) == mine, "the name in the new seat")
        await witness.until(lambda: name_in(witness, 2) == "", "the old seat without a name")
        hall.leave(3)
        await witness.until(lambda: name_in(witness, 3) == "", "an empty seat without a name")
        hall.connect_seat(4, False)
        await witness.until(lambda: witness.readings["seats"]["4"]["fault"] == "disconnected", "the fault")


async def test_the_agenda_is_followed(hall: BoschDicentisSimulator, served: Served, witness: Any) -> None:
    async with served(DRIVER, hall):
        hall.open_item(2)
        started = await witness.sees(ItemStarted)
        assert (started.title, started.item) == (hall.state()["item"], hall.secretary.meeting.topics[1].id)
        hall.open_item("Про нове питання")
        await witness.sees(ItemStarted, title="Про нове питання")
        await witness.report(item="Про нове питання", meeting=hall.state()["meeting"])
        hall.close_item()
        await witness.sees(ItemStarted, title="")


async def test_a_server_that_forgets_its_events_is_looked_at_all_the_same(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, poll=0.05):
        for session in hall.sessions:
            session.registered.clear()
            session.armed.clear()
        hall.press(2)
        await witness.sees(MicOpened, seat=2)


async def test_interpretation_is_listed_with_who_is_interpreted_now(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        floor = {"number": 0, "name": "Floor", "language": "FLR", "active": False}
        english = {"number": 1, "name": "English", "language": "ENG", "active": False}
        polish = {"number": 2, "name": "Polski", "language": "POL", "active": False}
        await witness.report(interpretation=(floor, english, polish), booths=0)
        hall.interpret("ENG")
        await witness.report(interpretation=(floor, {**english, "active": True}, polish))
        hall.forget_licence("canViewInterpretation")
        hall.interpret("ENG", False)
        await witness.report(interpretation=(floor, english, polish))
