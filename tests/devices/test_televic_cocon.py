import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from avctl.errors import Rejected
from avctl.events import FloorRequested, ItemStarted, Link, MicClosed, MicOpened
from drivers.sim.televic_cocon import SIMULATOR, TelevicCoconSimulator
from drivers.televic_cocon import DRIVER, TelevicCocon
from drivers.televic_cocon.people import People

Served = Callable[..., AbstractAsyncContextManager[TelevicCocon]]

CONNECTION = "8a6c0f1e-0000-4000-8000-00000000000a"
NOTIFICATION = f"GET /CoCon/Notification/id={CONNECTION}"


def doubled(text: str, status: int = 200) -> tuple[int, str]:
    """As the server sends it: JSON in a JSON text."""
    return status, json.dumps(text)


VENDOR = {  # document 6.10
    "GET /CoCon/Connect": doubled(f'{{"Connect":true,"id":"{CONNECTION}"}}'),
    "GET /CoCon/Microphone/Get": doubled(
        '{"Get":{"MicrophoneMode":{"Mode":"Operator","MaxNrActive":4},'
        '"State":{"Speakers":[5],"Requests":[4],"Replies":[6]}}}'
    ),
    "GET /CoCon/Room/GetAllSeats/?RoomId=1": doubled(
        '{"GetAllSeats":{"Seats":[{"IsChairMan":true,"SeatId":"4","SeatName":"Seat_4","UnitId":"7"},'
        '{"IsChairMan":false,"SeatId":"5","SeatName":"Seat_5","UnitId":"8"}]}}'
    ),
    "GET /CoCon/Room/GetAllUnitsState/?RoomId=1": doubled(
        '{"GetAllUnitsState":{"Units":[{"State":1,"UnitId":7},{"State":0,"UnitId":8}]}}'
    ),
    "GET /CoCon/Delegate/GetDelegatesInCurrentMeeting": doubled(
        '{"GetDelegatesInCurrentMeeting":{"Delegates":[{"Id":240,"FirstName":"Anna","Name":"Alpha",'
        '"Title":"","Groups":[],"SeatNumber":4,"BadgeNumber":null}],"IsMeetingRunning":true}}'
    ),
    "GET /CoCon/Meeting_Agenda/GetAgendaItemInformationInRunningMeeting": doubled(
        '{"Id":"2","Title":"Budget","Description":"","Type":"AgendaItem","State":"active","IdInDb":16,'
        '"VotingOptions":[],"Children":[]}'
    ),
    "GET /CoCon/Microphone/SetState/?State=On&SeatNr=4": doubled("1"),
    NOTIFICATION: doubled('{"Notification":"Error 408"}', 408),
}


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[TelevicCoconSimulator]:
    async with SIMULATOR(device("televic_cocon", poll=60, answer_seconds=2)) as simulator:
        yield simulator


async def test_the_vendors_answers_are_read_from_single_bytes(
    hall: TelevicCoconSimulator, served: Served, witness: Any, by_hand: Any
) -> None:
    async with by_hand({name: one for name, one in VENDOR.items() if name != NOTIFICATION}) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall) as driver:
            await witness.report(speakers=(5,), waiting=(4, 6), mode="request", max_open=4, item="Budget")
            await witness.sees(ItemStarted, item="2", title="Budget")
            with pytest.raises(Rejected, match="a wrong parameter") as refusal:
                await driver.grant_request(4)
            assert refusal.value.code == "1"
            assert NOTIFICATION in vendor.asked()
    assert witness.readings["seats"] == {
        "4": {"name": "Anna Alpha", "group": "", "chairman": True, "fault": ""},
        "5": {"name": "", "group": "", "chairman": False, "fault": "disconnected"},
        "6": {"name": "", "group": "", "chairman": False, "fault": ""},
    }


@pytest.mark.parametrize("status", [400, 200])
async def test_a_forgotten_connection_is_made_again_whichever_way_it_is_told(
    hall: TelevicCoconSimulator, served: Served, witness: Any, by_hand: Any, status: int
) -> None:
    told = {**VENDOR, NOTIFICATION: doubled('{"Notification":"Error 400"}', status)}
    async with by_hand(told) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall, online=False):
            assert "forgotten our connection" in (await witness.link("offline")).reason


@pytest.mark.parametrize("text", ["[]", "{}", '{"Get":{"State":{"Speakers":{}}}}', "There is none", '{"'])
async def test_nonsense_in_the_right_form_ends_the_link(
    hall: TelevicCoconSimulator, served: Served, witness: Any, by_hand: Any, text: str
) -> None:
    told = {**VENDOR, "GET /CoCon/Microphone/Get": doubled(text)}
    async with by_hand({name: one for name, one in told.items() if name != NOTIFICATION}) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall, online=False):
            await witness.link("offline")
    assert Link.ONLINE not in witness.links()


@pytest.mark.parametrize("twice", [True, False])
async def test_what_happens_is_told_by_events_alone(
    hall: TelevicCoconSimulator, served: Served, witness: Any, twice: bool
) -> None:
    hall.doubled = twice  # some servers may not put JSON into JSON
    async with served(DRIVER, hall):
        for seat in (5, 3):
            hall.press(seat)
            await witness.sees(FloorRequested, seat=seat)
        hall.press(1)
        await witness.sees(MicOpened, seat=1)
        hall.open_item(2)
        await witness.sees(ItemStarted, item="2")
        hall.sit(3, "Ганна Гостинна")
        await witness.until(lambda: witness.readings["seats"]["3"]["name"] == "Ганна Гостинна", "the name")
        hall.connect_seat(3, False)
        await witness.until(lambda: witness.readings["seats"]["3"]["fault"] == "disconnected", "the fault")
        await witness.report(speakers=(1,), waiting=(5,))


async def test_events_queued_while_we_were_looking_open_no_microphone_again(
    hall: TelevicCoconSimulator, served: Served, witness: Any
) -> None:
    def greeted(connections: dict[str, Any]) -> bool:
        for connection in connections.values():
            if not connection.queue:
                old = {"Speakers": [4], "Requests": [], "Replies": []}
                connection.queue.append({"MicrophoneState": old})
        return bool(connections)

    hall.hold_seconds = 0.05
    async with served(DRIVER, hall):
        hall.press(5)
        await witness.sees(FloorRequested, seat=5)
        assert hall.speakers == []
    hall.press(5)
    async with served(DRIVER, hall, online=False):
        await witness.until(lambda: greeted(hall.connections), "a connection")
        await witness.link("online")
        hall.press(6)
        await witness.sees(FloorRequested, seat=6)
    assert not any(isinstance(event, MicOpened) for event in witness.events)


async def test_a_server_that_says_yes_and_does_nothing_is_not_believed(
    hall: TelevicCoconSimulator, served: Served, witness: Any
) -> None:
    hall.running = False
    async with served(DRIVER, hall) as driver:
        await witness.report(meeting_runs=False)
        assert {row["name"] for row in witness.readings["seats"].values()} == {""}
        await driver.open_mic(3)  # answered with 0, for microphones follow only while a meeting runs
        await witness.report(speakers=())
        hall._set_meeting({"state": "Running"})
        await witness.report(meeting_runs=True)
        await driver.open_mic(3)
        await witness.sees(MicOpened, seat=3)


async def test_requests_to_reply_wait_behind_the_others_and_are_cleared_with_them(
    hall: TelevicCoconSimulator, served: Served, witness: Any
) -> None:
    hall.replies = [7]
    async with served(DRIVER, hall) as driver:
        hall.press(5)
        await witness.report(waiting=(5, 7))
        await driver.clear_requests()
        await witness.report(waiting=())


async def test_an_expired_connection_is_made_again(
    hall: TelevicCoconSimulator, served: Served, witness: Any
) -> None:
    hall.hold_seconds = 0.05
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(3)
        await witness.sees(MicOpened, seat=3)
        hall.expires_seconds = -1
        assert "forgotten" in (await witness.link("offline")).reason
        hall.expires_seconds = 180
        hall.press(3)
        await witness.link("online")
        await witness.sees(MicClosed, seat=3)


# --- who is there -----------------------------------------------------------------------------------

DELEGATES = json.loads(
    '{"Delegates":[{"Id":240,"FirstName":"Anna","Name":"Alpha","Title":"","Groups":[{"Id":3,"Name":"Kyiv"}],'
    '"SeatNumber":2,"BadgeNumber":null},{"Id":241,"FirstName":"Bo","Name":"Beta","Title":"","Groups":[],'
    '"SeatNumber":4,"BadgeNumber":"14EFB4E2"}],"IsMeetingRunning":true}'
)
PLANNED = {"name": "Bo Beta", "group": "", "card": None, "authenticated": None}
AWAY = {**PLANNED, "name": ""}


def told(people: People, event: str) -> None:
    ((name, value),) = json.loads(event).items()
    people.heard(name.casefold(), value)


def test_the_vendors_events_say_who_logged_in_and_who_left() -> None:
    people = People()
    people.learn(DELEGATES)
    assert people.row(2) == {"name": "Anna Alpha", "group": "Kyiv", "card": None, "authenticated": None}
    told(people, '{"BadgeEvent":{"SeatNr":4,"Delegate":null,"BadgeInserted":true,"bid":"14EFB4E2"}}')
    assert people.row(4) == {**PLANNED, "card": "14EFB4E2", "authenticated": True}  # known by the card
    told(people, '{"BadgeEvent":{"SeatNr":4,"Delegate":null,"Badgelnserted":false,"bid":"14EFB4E2"}}')
    assert people.row(4) == AWAY  # and no name of the plan for an empty seat
    people.learn(DELEGATES)
    assert people.row(4) == AWAY
    told(people, '{"BadgeEvent":{"SeatNr":4,"Delegate":null,"BadgeInserted":true,"bid":"0000BEEF"}}')
    assert people.row(4) == {**AWAY, "card": "0000BEEF"}  # a card that nobody knows names nobody
    told(
        people,
        '{"BadgeEvent":{"SeatNr":4,"Delegate":{"Id":240,"FirstName":"Anna","Name":"Alpha"},'
        '"BadgeInserted":true,"bid":"22"}}',
    )
    assert (people.row(4)["name"], people.row(4)["card"]) == ("Anna Alpha", "22")
    told(people, '{"DelegateOnSeat":{"SeatNr":2,"Delegate":"","OnSeat":false}}')
    assert people.row(2)["name"] == ""
    told(people, '{"DelegateOnSeat":{"SeatNr":2,"Delegate":"Cleo Gamma","OnSeat":true}}')
    assert people.row(2)["name"] == ""  # until the server is asked
    people.learn(DELEGATES)
    assert people.row(2)["name"] == "Anna Alpha"
    told(people, '{"DelegateOnSeat":{"SeatNr":2,"Delegate":"241","OnSeat":true}}')
    assert (people.row(2)["name"], people.row(2)["authenticated"]) == ("Bo Beta", True)
    people.forget()  # the link was cut: who is there now is not known, the plan is
    assert people.row(2)["name"] == "Anna Alpha"
    assert people.row(4) == PLANNED
    people.learn({**DELEGATES, "Delegates": [], "IsMeetingRunning": False})
    assert people.row(4) == AWAY


async def test_a_card_names_its_owner_and_its_leaving_nobody(
    hall: TelevicCoconSimulator, served: Served, witness: Any
) -> None:
    hall.badges[3] = "14EFB4E2"
    name = hall.people[3]
    async with served(DRIVER, hall):

        def seat(number: int) -> dict[str, Any]:
            found: dict[str, Any] = witness.readings["seats"][str(number)]
            return found

        hall.badge(5, "14EFB4E2")
        await witness.until(lambda: seat(5).get("card") == "14EFB4E2", "a card at seat 5")
        assert (seat(5)["name"], seat(5)["authenticated"]) == (name, True)
        hall.badge(5, "14EFB4E2", inserted=False)
        await witness.until(lambda: seat(5)["name"] == "", "nobody at seat 5")
        assert "authenticated" not in seat(5)


# --- other people's clients ------------------------------------------------------------------------


async def test_a_client_holds_a_whole_meeting(hall: TelevicCoconSimulator) -> None:
    hall.deaf_stops = 1
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hall.bound}", trust_env=False) as client:

        async def get(path: str) -> Any:
            return json.loads((await client.get(f"/CoCon/{path}")).json())

        greeting = (await client.get("/CoCon/Connect")).json()
        assert greeting.startswith('{"Connect":true,"id":"')
        connection = greeting[22:58]  # as one client cuts it out
        assert await get(f"Subscribe/?Model=Microphone&id={connection}&details=true") == {"Subscribe": True}
        assert await get("Microphone/SetState/?State=On&SeatNr=4") == 0
        assert await get("Microphone/SetState/?State=On&SeatNr=999") == 0
        assert await get("Microphone/SetState/?State=Loud&SeatNr=4") == 1
        event = await get(f"Notification/id={connection}")
        assert event == {"MicrophoneState": {"Speakers": [4], "Requests": [], "Replies": []}}
        hall.hold_seconds = 0.01
        empty = await client.get(f"/CoCon/Notification/id={connection}")
        assert (empty.status_code, json.loads(empty.json())) == (408, {"Notification": "Error 408"})
        assert (await client.get("/CoCon/Notification/id=nobody")).status_code == 400
        template = "VotingTemplate=3_Vote_Public"
        assert await get(f"Voting/AddInstantVote/?{template}") == {"AddInstantVote": {"Result": True}}
        assert await get("Voting/SetVotingState/?State=Stop") == 1
        assert await get("Voting/SetVotingState/?State=Start") == 0
        hall.cast(2, 1)
        assert (await get("Voting/GetAmountOfVotes"))["GetAmountOfVotes"]["Total voted"] == 0  # as real ones
        states = []
        for _ in "12":
            assert await get("Voting/SetVotingState/?State=Stop") == 0
            states.append((await get("Voting/GetVotingState"))["GetVotingState"]["State"])
        assert states == ["VotingStarted", "VotingStopped"]
        result = (await get("Voting/GetGeneralVotingResults/?Id=101"))["GetGeneralVotingResults"]
        assert [one["Votes"]["Count"] for one in result["VotingResults"]["Options"]] == [0, 1, 0]
