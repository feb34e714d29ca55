"""The simulated server as independent clients meet it: no code of the driver here."""

import asyncio
import base64
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from drivers.sim.bosch_dicentis import SIMULATOR, BoschDicentisSimulator
from drivers.sim.people import FACTIONS, PRESIDIUM, committee, plenary


def careless() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def client(
    server: BoschDicentisSimulator, path: str = "/Dicentis/API"
) -> AsyncIterator[ClientConnection]:
    async with websockets.connect(
        f"wss://127.0.0.1:{server.bound}{path}",
        ssl=careless(),
        subprotocols=[websockets.Subprotocol("DICENTIS_1_0")],
    ) as connection:
        yield connection


async def ask(connection: ClientConnection, operation: str, **parameters: Any) -> dict[str, Any]:
    """The parameters of the answer; events that come before it are passed over."""
    await connection.send(json.dumps({"operation": operation, "parameters": parameters}))
    while True:
        answer = json.loads(await connection.recv())
        if answer["operation"] != "event":
            assert answer["operation"] in (operation, "error")
            found: dict[str, Any] = answer["parameters"]
            return found


async def log_in(connection: ClientConnection) -> None:
    assert (await ask(connection, "login", user="admin", password=""))["loggedIn"] is True


async def event(connection: ClientConnection) -> list[str]:
    answer = json.loads(await connection.recv())
    assert (answer["messageId"], answer["operation"]) == (0, "event")
    names: list[str] = answer["parameters"]["events"]
    return names


@pytest.fixture
async def server(device: Callable[..., Any]) -> AsyncIterator[BoschDicentisSimulator]:
    """The plenary hall."""
    async with SIMULATOR(device("bosch_dicentis"), voting=False) as simulator:
        yield simulator


async def test_a_client_that_polls_in_lower_case_without_numbers(server: BoschDicentisSimulator) -> None:
    async with client(server) as connection:
        await connection.send('{"operation":"login","parameters":{"user":"admin","password":""}}')
        first = str(await connection.recv())
        assert first.startswith('{"messageId": 0, "operation": "login", "parameters": {"loggedIn": true, ')
        assert "canViewSynoptic" in (await ask(connection, "GetPermissions"))["permissions"]
        seats = (await ask(connection, "getseats"))["seats"]
        assert all(seat["seatName"] and seat["screenLine"] for seat in seats)
        assert (await ask(connection, "GetInterpreterBooths")) == {"booths": []}
        assert (await ask(connection, "GetInterpreterSeats")) == {"seats": []}
        assert (await ask(connection, "grantspeech", seatIds=[seats[13]["seatId"]])) == {}
        for _ in range(50):
            found = (await ask(connection, "GetDiscussionList"))["discussionList"]
            assert (await ask(connection, "GetInterpretationRoutings")) == {"routings": []}
            if [row["microphoneState"] for row in found] == ["on"]:
                break
        assert [row["seatId"] for row in found] == [seats[13]["seatId"]]
        assert server.state()["speakers"] == [14]


async def test_a_client_that_registers_again_and_again(server: BoschDicentisSimulator) -> None:
    async with client(server, "/DICENTIS/API") as connection:
        await connection.send('{"messageID": 7, "operation": "Login", "parameters": {"user": "admin"}}')
        assert '"messageId": 7' in (text := str(await connection.recv()))
        assert '"loggedIn": true' in text
        await ask(connection, "RegisterEvents", events=["discussionlistchanged", "MeetingInfoChanged"])
        seat = server.hall.numbered(5)
        for operation in ("AddSeatToSpeakers", "RemoveSeatFromDiscussionList"):
            await connection.send(
                json.dumps({"messageID": 8, "operation": operation, "parameters": {"seatId": seat.id}})
            )
            assert json.loads(await connection.recv())["operation"] == operation
            assert await event(connection) == ["DiscussionListChanged"]
            await ask(connection, "RegisterEvents", events=["DiscussionListChanged"])
            for turn in server.hall.turns:
                turn.since -= 1  # long enough ago
        assert server.state()["speakers"] == []
        await connection.send('{"messageID": 9, "operation": "GetMeetingInfo", "parameters": {}}')
        assert '"meetingInfo": {' in str(await connection.recv())
        assert (await ask(connection, "GetVotingInfo")) == {"votingInfo": None}
        assert (await ask(connection, "GetVotingResults")) == {"votingResults": []}


async def test_an_event_is_told_once_until_it_is_armed_again(server: BoschDicentisSimulator) -> None:
    async with client(server) as connection:
        await log_in(connection)
        await ask(connection, "RegisterEvents", events=["DiscussionListChanged", "AgendaTopicsChanged"])
        server.press(1)
        server.open_item(1)
        assert await event(connection) == ["DiscussionListChanged", "AgendaTopicsChanged"]
        server.press(2)
        assert (await ask(connection, "GetAgendaTopics"))["agendaTopics"][0]["state"] == "opened"
        assert len((await ask(connection, "GetDiscussionList"))["discussionList"]) == 2
        server.press(3)
        assert await event(connection) == ["DiscussionListChanged"]
        await ask(connection, "UnregisterEvents", events=["DiscussionListChanged"])
        await ask(connection, "GetDiscussionList")
        server.press(4)
        server.close_item()
        assert await event(connection) == ["AgendaTopicsChanged"]


async def test_ten_clients_at_once_see_the_same(server: BoschDicentisSimulator) -> None:
    async def follow() -> list[str]:
        async with client(server) as connection:
            await log_in(connection)
            while True:
                rows = (await ask(connection, "getdiscussionlist"))["discussionList"]
                if len(rows) == 3:
                    return [row["screenLine"] for row in rows]

    async with asyncio.TaskGroup() as clients:
        followers = [clients.create_task(follow()) for _ in range(10)]
        async with client(server) as operator:
            await log_in(operator)
            for seat in (3, 1, 2):
                await ask(operator, "GrantSpeech", seatIds=[server.hall.numbered(seat).id])
    names = [plenary().people[seat - 1].name for seat in (3, 1, 2)]
    assert [follower.result() for follower in followers] == [names] * 10


@pytest.mark.parametrize(
    ("operation", "parameters", "said"),
    [
        ("dummyOperation", {}, "DUMMYOPERATION is an unknown operation"),
        ("", {}, "Bad message format"),
        ("Login", {"user": "admin"}, "Already logged in. Please disconnect to log off"),
        ("CloseAgenda", {}, "Unable to perform the operation: CloseAgenda"),
        ("GetVotings", {}, "No permission"),
        ("RemoveSpeech", {"seatIds": ["nobody"]}, "Unable to perform the operation: RemoveSpeech"),
        ("GetMicrophoneSensitivity", {}, "Value cannot be null.\nParameter name: source"),
        ("GetMeetingInfo", {"meetingId": ""}, "Unable to perform the operation: GetMeetingInfo"),
        (
            "RegisterEvents",
            {"events": ["SeatsChanged", "bogus"]},
            'Error converting value "bogus" to type '
            "'SynopticControl.Common.ConferenceEvent'. Path 'parameters.events[1]'.",
        ),
        (
            "GetPermissions",
            {"events": []},
            "Could not find member 'events' on object of type 'GetPermissionsRequest'. "
            "Path 'parameters.events'.",
        ),
    ],
)
async def test_refusals_have_the_servers_own_texts(
    server: BoschDicentisSimulator, operation: str, parameters: dict[str, Any], said: str
) -> None:
    async with client(server) as connection:
        assert (await ask(connection, "getApiState")) == {"online": True}
        assert (await ask(connection, "GetPermissions", wrong=1)) == {"message": "Please login first"}
        assert (await ask(connection, "login", user="admin", password="?")) == {
            "loggedIn": False,
            "token": "",
        }
        await log_in(connection)
        assert (await ask(connection, operation, **parameters)) == {"message": said}
        assert server.sessions
        assert not next(iter(server.sessions)).registered


@pytest.mark.parametrize(
    ("sent", "code"), [("{nonsense", 1007), ('{"operation": "logout", "parameters": {}}', 1006)]
)
async def test_how_the_server_hangs_up(server: BoschDicentisSimulator, sent: str, code: int) -> None:
    async with client(server) as connection:
        await log_in(connection)
        await connection.send(sent)
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert connection.close_code == code


async def test_only_the_path_and_subprotocol_of_the_interface_are_served(
    server: BoschDicentisSimulator,
) -> None:
    with pytest.raises(websockets.InvalidStatus, match="404"):
        async with client(server, "/other"):
            pass
    with pytest.raises(websockets.InvalidHandshake):
        await websockets.connect(f"wss://127.0.0.1:{server.bound}/Dicentis/API", ssl=careless())


async def test_a_client_that_sends_one_byte_in_each_segment(server: BoschDicentisSimulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.bound, ssl=careless())

    async def put(data: bytes) -> None:
        for place in range(len(data)):
            writer.write(data[place : place + 1])
            await writer.drain()

    def frame(text: str) -> bytes:
        mask, data = os.urandom(4), text.encode()
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        return bytes((0x81, 0x80 | len(data))) + mask + masked

    async def heard() -> str:
        _, size = await reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        return (await reader.readexactly(size)).decode()

    key = base64.b64encode(os.urandom(16))
    await put(
        b"GET /dicentis/api HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: DICENTIS_1_0\r\nSec-WebSocket-Key: "
        + key
        + b"\r\n\r\n"
    )
    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert answer.startswith("HTTP/1.1 101")
    assert "DICENTIS_1_0" in answer
    await put(frame('{"operation":"login","parameters":{"user":"admin","password":""}}'))
    assert '"loggedIn": true' in await heard()
    await put(frame('{"messageId":3,"operation":"getdiscussionlist","parameters":{}}'))
    start = '{"messageId": 3, "operation": "getdiscussionlist", "parameters": {"discussionList": ['
    assert (await heard()).startswith(start)
    writer.transport.abort()


async def test_every_operation_answers_whatever_it_is_given(device: Callable[..., Any]) -> None:
    async with SIMULATOR(device("bosch_dicentis"), voting=True) as server, client(server) as connection:
        await log_in(connection)
        seat = server.hall.numbered(1)
        for name, operation in server.operations.items():
            if name in ("login", "logout"):
                continue
            right: dict[Any, Any] = {str: seat.id, list: [seat.id], bool: True, float: -3.5}
            for given in (
                {},
                {taken: None for taken in operation.takes},
                {taken: right[kind] for taken, kind in operation.takes.items()},
                {taken: {"nonsense": []} for taken in operation.takes},
                {taken: [{}, [], None, 1] for taken in operation.takes},
            ):
                await ask(connection, operation.name, **given)


async def test_a_removal_right_after_an_addition_is_lost(server: BoschDicentisSimulator) -> None:
    async with client(server) as connection:
        await log_in(connection)
        await ask(connection, "AddSeatToSpeakers", seatId=server.hall.numbered(9).id)
        server.hall.numbered(9)
        next(iter(server.hall.turns)).since += 60  # whatever the machine's speed: just now
        await ask(connection, "RemoveSeatFromDiscussionList", seatId=server.hall.numbered(9).id)
        assert len((await ask(connection, "GetDiscussionList"))["discussionList"]) == 1


@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        ("press", {"seat": 124}),
        ("open_item", {"item": 0}),
        ("set_mode", {"mode": "loud"}),
        ("set_mode", {"mode": "open", "max_speakers": -1}),
        ("vote", {"seat": 1, "answer": "perhaps"}),
    ],
)
async def test_an_act_that_cannot_be_names_what_can(
    server: BoschDicentisSimulator, act: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="from|one of"):
        await server.perform(act, arguments)


async def test_a_vote_with_the_licence(device: Callable[..., Any]) -> None:
    async with SIMULATOR(device("bosch_dicentis"), voting=True) as server, client(server) as connection:
        await log_in(connection)
        await ask(connection, "RegisterEvents", events=["VotingResultChanged"])
        assert (await ask(connection, "ActivateAdHocVoting", subject="Про бюджет", number="1")) == {}
        assert (await ask(connection, "GetVotingState")) == {"votingState": "ready"}
        assert (await ask(connection, "OpenVoting")) == {}
        for seat, answer in ((1, "yes"), (2, "yes"), (3, "no"), (1, "abstain")):
            server.vote(seat, answer)
        results = (await ask(connection, "GetVotingResults"))["votingResults"]
        assert [(row["answer"], row["count"]) for row in results] == [("yes", 1), ("no", 1), ("abstain", 1)]
        assert (await ask(connection, "CloseVoting")) == {}
        assert (await ask(connection, "HoldVoting")) == {
            "message": "Unable to perform the operation: HoldVoting"
        }
        assert (await ask(connection, "GetVotingState")) == {"votingState": "done"}


async def test_the_seats_can_be_switched_off(server: BoschDicentisSimulator) -> None:
    server.power_seconds = 0.01
    server.press(1)
    async with client(server) as connection:
        await log_in(connection)
        await ask(connection, "SetSystemPowerMode", powerMode="poweredOff")
        while (await ask(connection, "getsystempowermode"))["powerMode"] != "poweredOff":
            pass
        assert (await ask(connection, "GetDiscussionList"))["discussionList"] == []
        assert {seat["status"] for seat in (await ask(connection, "GetSeats"))["seats"]} == {"Disconnected"}
        server.press(1)
        assert server.state()["speakers"] == []


def test_the_council_is_invented_once_and_for_all() -> None:
    hall, room = plenary(), committee()
    assert hall == plenary()
    assert [person.chairman for person in hall.people].index(True) == 120
    assert [person.chairman for person in room.people] == [True, *[False] * 14]
    groups = [person.group for person in hall.people]
    assert [(group, groups.count(group)) for group, _ in FACTIONS] == list(FACTIONS)
    assert groups.count(PRESIDIUM) == 3
    names = [person.name for person in (*hall.people, *room.people)]
    assert len(set(names)) == len(names) == 138
