import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from avctl.errors import Rejected
from avctl.events import FloorRequested, Link, MicClosed, MicOpened
from drivers.sim.televic_confero import SIMULATOR, TelevicConferoSimulator
from drivers.televic_confero import DRIVER, EVENTS, TelevicConfero

Served = Callable[..., AbstractAsyncContextManager[TelevicConfero]]
QUICK = {"poll": 60, "answer_seconds": 2, "token": "right-secret"}

VENDOR = {  # API 7.17
    "GET /api/discussion/seats": (
        200,
        '[{"seatNumber":1,"microphoneOn":true,"requestingToSpeak":false,"role":"chairperson"},'
        '{"seatNumber":5,"microphoneOn":false,"requestingToSpeak":true,"role":"delegate"}]',
    ),
    "GET /api/room/seats/discussion": (
        200,
        '[{"seatNumber":1,"state":"online","units":[],"capabilities":[],"role":"chairperson"}]',
    ),
    "GET /api/meeting": (
        200,
        '{"meetingId":"m","title":"Budget","participants":[{"participantId":"p","firstName":"Anna",'
        '"lastName":"Alpha","presence":{"kind":"LocalParticipantPresence","seatNumber":1}},'
        '{"participantId":"q","firstName":"Bo","lastName":"Beta",'
        '"presence":{"kind":"AbsentParticipantPresence","seatNumber":5}}]}',
    ),
    "GET /api/discussion/settings": (
        200,
        '{"microphoneMode":"request","maximumNumberOfSpeakers":4,"options":{"switchOffAllowed":true}}',
    ),
    "GET /api/discussion/speakers": (200, "[1]"),
    "GET /api/discussion/requests": (200, "[5]"),
    "PUT /api/discussion/seats/5": (400, "Missing json field: requestingToSpeak"),
}


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[TelevicConferoSimulator]:
    async with SIMULATOR(device("televic_confero", **QUICK)) as simulator:
        yield simulator


async def test_the_vendors_answers_are_read_from_single_bytes(
    hall: TelevicConferoSimulator, served: Served, witness: Any, by_hand: Any
) -> None:
    async with by_hand(VENDOR) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall) as driver:
            await witness.report(speakers=(1,), waiting=(5,), mode="queue", max_open=4, meeting="Budget")
            with pytest.raises(Rejected, match="Missing json field"):
                await driver.grant_request(5)
    assert witness.readings["seats"] == {
        "1": {"name": "Anna Alpha", "group": "", "chairman": True, "fault": ""},
        "5": {"name": "", "group": "", "chairman": False, "fault": ""},
    }
    assert {headers["authorization"] for _, headers, _ in vendor.heard} == {"Bearer right-secret"}
    assert f"GET {EVENTS}" in [asked for asked, *_ in vendor.heard]
    put = [body for asked, _, body in vendor.heard if asked.startswith("PUT")]
    assert json.loads(put[0]) == {"microphoneOn": True, "requestingToSpeak": False}


async def test_an_event_in_the_vendors_form_is_news_at_once(
    hall: TelevicConferoSimulator, served: Served, witness: Any, by_hand: Any
) -> None:
    event = '{"discontinuity":false,"id":7,"module":"Discussion","name":"SpeakersChanged","data":[1,5]}'
    answers = {**VENDOR, f"GET {EVENTS}": (200, event), "GET /api/discussion/speakers": (200, "[1,5]")}
    async with by_hand(answers) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall):
            await witness.sees(MicOpened, seat=5)
            await witness.until(lambda: f"GET {EVENTS}&minimum-id=8" in vendor.asked(), "the next question")


def test_a_token_that_cannot_be_sent_is_named_without_being_repeated() -> None:
    with pytest.raises(ValidationError, match="as the unit's page shows it") as refusal:
        DRIVER.Options(token="right secret\n")
    assert "right secret" not in str(refusal.value)


async def test_what_happens_is_told_by_events_alone(
    hall: TelevicConferoSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        for seat in (5, 3):
            hall.press(seat)
            await witness.sees(FloorRequested, seat=seat)
        hall.press(1)
        await witness.sees(MicOpened, seat=1)
        hall.sit(3, "Ганна Гостинна")
        await witness.until(lambda: witness.readings["seats"]["3"]["name"] == "Ганна Гостинна", "the name")
        hall.connect_seat(3, False)
        await witness.until(lambda: witness.readings["seats"]["3"]["fault"] == "disconnected", "the fault")
        await witness.report(speakers=(1,), waiting=(5,))


async def test_a_history_that_is_told_first_opens_no_microphone_again(
    hall: TelevicConferoSimulator, served: Served, witness: Any
) -> None:
    hall.replays = True
    for seat in (1, 1, 4, 5):  # he spoke, and stopped long ago
        hall.press(seat)
    async with served(DRIVER, hall):
        await witness.report(speakers=(), waiting=(4, 5))
        hall.press(6)
        await witness.sees(FloorRequested, seat=6)
    assert not any(isinstance(event, MicOpened) for event in witness.events)


async def test_lost_history_is_made_good_by_a_look_at_everything(
    hall: TelevicConferoSimulator, served: Served, witness: Any
) -> None:
    hall.history = 1
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(2)
        await witness.sees(MicOpened, seat=2)
        for seat in (2, 3, 4, 5):  # several events in one go: only the last is kept
            hall.press(seat)
        await witness.sees(MicClosed, seat=2)
        await witness.report(speakers=(), waiting=(3, 4, 5))


async def test_firmware_without_events_is_looked_at(
    hall: TelevicConferoSimulator, served: Served, witness: Any
) -> None:
    hall.has_events = False
    async with served(DRIVER, hall, poll=0.2):
        hall.press(3)
        await witness.sees(FloorRequested, seat=3)


async def test_without_a_meeting_seats_are_numbers(
    hall: TelevicConferoSimulator, served: Served, witness: Any
) -> None:
    hall.meeting = ""
    async with served(DRIVER, hall):
        assert witness.readings["meeting"] == ""
        assert {row["name"] for row in witness.readings["seats"].values()} == {""}


@pytest.mark.parametrize("body", ['{"not": "a list"}', "[true, {}]", "<html>", "[1,", ""])
async def test_nonsense_in_the_right_form_ends_the_link(
    hall: TelevicConferoSimulator, served: Served, witness: Any, by_hand: Any, body: str
) -> None:
    async with by_hand({**VENDOR, "GET /api/discussion/speakers": (200, body)}) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall, online=False):
            await witness.link("offline")
    assert Link.ONLINE not in witness.links()


# --- other people's clients ------------------------------------------------------------------------


async def test_a_client_holds_a_whole_meeting(hall: TelevicConferoSimulator) -> None:
    base, token = f"http://127.0.0.1:{hall.bound}", {"Authorization": "Bearer right-secret"}
    async with httpx.AsyncClient(base_url=base, headers=token, trust_env=False) as client:
        await client.delete("/api/meeting")
        assert (await client.get("/api/meeting")).status_code == 412
        nowhere = {"title": "X", "date": "2026-12-01", "participants": [{"presence": {"kind": "Elsewhere"}}]}
        assert (await client.post("/api/meeting", json=nowhere)).text == "Invalid ParticipantPresence"
        begun = await client.post("/api/meeting", json={"kind": "NewMeetingFromLocalTemplate"})
        meeting = str(uuid.UUID(begun.text))
        plain = {"Content-Type": "text/plain;charset=UTF-8"}
        half = await client.put("/api/discussion/seats/3", content='{"microphoneOn":true}', headers=plain)
        assert (half.status_code, half.text) == (400, "Missing json field: requestingToSpeak")
        whole = '{"microphoneOn":true,"requestingToSpeak":false}'
        done = await client.put("/api/discussion/seats/3", content=whole, headers=plain)
        assert done.status_code == 204
        assert (await client.get("/api/discussion/seats/3")).json()["microphoneOn"] is True
        assert (await client.get("/api/notification/events")).status_code == 400
        event = (await client.get(f"{EVENTS}&minimum-id=1")).json()
        assert (event["id"], event["name"]) == (1, "MeetingStateChanged")
        choices = [{"number": 0, "choiceId": "a", "choiceTitle": "For"}]
        act = {"kind": "StartVotingAction", "meetingId": meeting}
        vote = {"votingTitle": "V", "choices": choices}
        voting = (await client.post("/api/meeting/actions", json={**act, "voting": vote})).text
        hall.cast(2, 0)
        assert (await client.get("/api/meeting/voting-results")).json()["global"][0]["count"] == 0
        stop = {"kind": "StopVotingAction", "meetingId": meeting, "votingId": voting}
        assert (await client.post("/api/meeting/actions", json=stop)).status_code == 204
        assert (await client.get("/api/meeting/voting-results")).json()["global"][0]["count"] == 1
