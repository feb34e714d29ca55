import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from avctl.errors import BadArgument, Rejected, Unsupported
from avctl.events import FloorRequested, Link, MicOpened
from drivers.bosch_wireless import DRIVER, BoschWireless
from drivers.sim.bosch_wireless import SIMULATOR, BoschWirelessSimulator

Served = Callable[..., AbstractAsyncContextManager[BoschWireless]]
QUICK = {"poll": 0.3, "answer_seconds": 0.5, "hold_seconds": 0.5}

VENDOR = {  # a DCNM-WAP, firmware 1.73.2081
    "POST /api/login": (200, '{"id":1,"sid":"5f3a"}'),
    "GET /api/voting/state": (200, '{"state":0}'),
    "GET /api/seats": (
        200,
        '[{"id":1,"name":"Seat 1","prio":true,"dual":false,"identification":false,"voting":true,'
        '"connected":true,"selected":false,"cameraPrepos":-1,"batteryStatus":12,"batteryCharges":30,'
        '"rangeTest":false,"signalStatus":-55,"signalLevel":4,"hasDisplay":false,"extra_seat":false},'
        '{"id":3,"name":"Seat 3","prio":false,"connected":false,"batteryStatus":null,"signalStatus":null}]',
    ),
    "GET /api/participants": (404, ""),
    "GET /api/participants/settings": (404, ""),
    "GET /api/discuss": (404, ""),
    "GET /api/speakers": (
        200,
        '[{"id":1,"participantId":65535,"name":"Anna","seatName":"Seat 1","prio":true,"micOn":true,'
        '"prioOn":false}]',
    ),
    "GET /api/waiting-list": (
        200,
        '[{"id":3,"participantId":65535,"name":"Seat 3","seatName":"Seat 3"}]',
    ),
    "POST /api/speakers": (400, '{"error":{"code":7,"description":"Invalid seat id [3]","details":""}}'),
}


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[BoschWirelessSimulator]:
    async with SIMULATOR(device("bosch_wireless", password="right-secret", **QUICK)) as simulator:
        simulator.lag_seconds = 0.02
        yield simulator


async def test_the_vendors_answers_are_read_from_single_bytes(
    hall: BoschWirelessSimulator, served: Served, witness: Any, by_hand: Any
) -> None:
    async with by_hand(VENDOR) as vendor:
        hall.bound = vendor.port
        async with served(DRIVER, hall, answer_seconds=5) as driver:
            await witness.report(speakers=(1,), waiting=(3,))
            with pytest.raises(Rejected, match=r"Invalid seat id \[3\]"):
                await driver.grant_request(3)
            with pytest.raises(Unsupported):
                await driver.set_mode("voice")
    assert witness.readings["seats"] == {
        "1": {
            "name": "Anna",
            "group": "",
            "chairman": True,
            "fault": "",
            "battery_hours": 12,
            "signal_dbm": -55,
        },
        "3": {"name": "", "group": "", "chairman": False, "fault": "disconnected"},
    }
    asked, headers, body = vendor.heard[0]
    assert (asked, json.loads(body)) == (
        "POST /api/login",
        {"override": True, "username": "admin", "password": "right-secret"},
    )
    assert headers["content-type"] == "application/json"
    assert (vendor.heard[1][1]["cookie"], vendor.heard[1][1]["bosch-sid"]) == ("sid=5f3a", "5f3a")
    assert "GET /api/speakers?isPolling=true" in [asked for asked, *_ in vendor.heard]
    assert [body for asked, _, body in vendor.heard if asked == "POST /api/speakers"] == ["[3]"]


async def test_a_wrong_secret_is_tried_once_and_no_secret_is_in_the_log(
    hall: BoschWirelessSimulator, served: Served, witness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(DRIVER, hall, online=False, password="wrong-secret"):
        assert "'admin'" in (await witness.link("refused")).reason
        assert witness.links() == [Link.REFUSED]
    async with served(DRIVER, hall):
        pass
    assert [one["password"] for one in hall.logins] == ["wrong-secret", "right-secret"]
    told = caplog.text + "".join(map(str, witness.events))
    assert not any(secret in told for secret in ("wrong-secret", "right-secret", "sid="))


async def test_an_account_in_use_is_taken_over_or_left_as_it_is_configured(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    account = {"username": "admin", "password": "right-secret"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hall.bound}", trust_env=False) as other:
        assert (await other.post("/api/login", json=account)).status_code == 200
        async with served(DRIVER, hall, online=False, override=False):
            assert "logged in elsewhere" in (await witness.link("offline")).reason
        async with served(DRIVER, hall):
            answer = await other.post("/api/login", json=account)
            assert (answer.status_code, answer.json()["error"]["description"]) == (
                409,
                "User already logged in",
            )
            await other.post("/api/login", json={**account, "override": True})
            assert "somebody else is 'admin'" in (await witness.link("offline")).reason
            await witness.link("online")
            assert (await other.get("/api/seats")).status_code == 401


async def test_an_expired_session_is_begun_again(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        hall.idle_seconds = -1
        assert "session ended" in (await witness.link("offline")).reason
        hall.idle_seconds = 600
        await witness.link("online")


async def test_battery_signal_and_fault_are_told_for_each_seat(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        hall.drain(2, hours=1, signal=-80)
        await witness.until(lambda: witness.readings["seats"]["2"]["battery_hours"] == 1, "the battery")
        assert witness.readings["seats"]["2"]["signal_dbm"] == -80
        hall.connect_seat(2, False)
        await witness.until(lambda: witness.readings["seats"]["2"]["fault"] == "disconnected", "the fault")
        assert "battery_hours" not in witness.readings["seats"]["2"]
        hall.sit(2, "")
        await witness.until(lambda: witness.readings["seats"]["2"]["name"] == "", "no name")


async def test_where_people_identify_themselves_an_unknown_speaker_has_no_name(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    hall.members.identifies, hall.unknown = 1, {3}
    async with served(DRIVER, hall) as driver:
        for seat in (2, 3):
            await driver.open_mic(seat)
        await witness.report(speakers=(2, 3))
        named = {seat: row["name"] for seat, row in witness.readings["seats"].items()}
        assert (named["2"], named["3"], named["4"]) == (hall.units[2].person, "", hall.units[4].person)
        hall.members.identifies = 3  # nobody says who he is any more: the plan is what is known
        await witness.until(
            lambda: witness.readings["seats"]["3"]["name"] == hall.units[3].person, "the plan's name"
        )


async def test_the_chairmans_priority_silences_the_others(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(3)
        await witness.report(speakers=(3,))
        await driver.take_priority(1)
        await witness.report(speakers=(1,))
        with pytest.raises(Rejected, match="Seat is not a chairman seat"):
            await driver.take_priority(3)


async def test_a_request_is_told_as_soon_as_it_is_made_while_the_question_is_held(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    hall.asks = True
    hall.hold_seconds = 50
    async with served(DRIVER, hall, hold_seconds=50, poll=60):
        await witness.until(lambda: len(hall.holds._held) == 2, "two held questions")
        hall.press(3)
        await witness.sees(FloorRequested, seat=3)
        hall.press(4)  # between two questions
        await witness.sees(FloorRequested, seat=4)


async def test_an_access_point_that_parks_others_behind_held_questions_is_asked_again_and_again(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, hold_seconds=0):
        hall.press(3)
        await witness.sees(MicOpened, seat=3)
        assert not hall.holds._held


async def test_one_that_answers_at_once_instead_of_holding_is_not_asked_without_end(
    hall: BoschWirelessSimulator, served: Served, witness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    hall.hold_seconds = 0
    async with served(DRIVER, hall, hold_seconds=50, poll=60):
        caplog.set_level(logging.DEBUG)
        began = asyncio.get_running_loop().time()
        await witness.until(lambda: caplog.text.count(">> GET /api/speakers?") >= 3, "three questions")
        await asyncio.sleep(0.3)
        passed = asyncio.get_running_loop().time() - began
        assert caplog.text.count(">> GET /api/speakers?") <= 2 + passed / 0.25
        hall.press(3)
        await witness.sees(MicOpened, seat=3)


async def test_nonsense_in_the_right_form_ends_the_link(
    hall: BoschWirelessSimulator, served: Served, witness: Any, by_hand: Any
) -> None:
    for body in ('{"not": "a list"}', "[7]", "<html>", '[{"id":', ""):
        async with by_hand({**VENDOR, "GET /api/speakers": (200, body)}) as vendor:
            hall.bound = vendor.port
            async with served(DRIVER, hall, online=False):
                await witness.link("offline")
    assert Link.ONLINE not in witness.links()


async def test_wrong_numbers_never_leave(hall: BoschWirelessSimulator, served: Served) -> None:
    async with served(DRIVER, hall) as driver:
        with pytest.raises(BadArgument, match="count: a number from 1 to 25"):
            await driver.set_max_open(26)


async def test_a_log_in_that_waits_for_questions_held_before_gets_in(
    hall: BoschWirelessSimulator, served: Served, witness: Any
) -> None:
    """As after a controller that was killed: the access point does not know yet that nobody listens."""
    hall.parks, hall.hold_seconds = True, 1.5
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hall.bound}", trust_env=False) as before:
        account = {"username": "admin", "password": "right-secret"}
        assert (await before.post("/api/login", json=account)).status_code == 200
        held = asyncio.create_task(before.get("/api/speakers?isPolling=true"))
        while not hall.holds._held:
            await asyncio.sleep(0)
        async with served(DRIVER, hall):
            assert (await held).status_code == 200
            hall.press(3)
            await witness.report(speakers=(3,))


# --- other people's clients ------------------------------------------------------------------------


async def test_a_client_holds_a_whole_meeting(hall: BoschWirelessSimulator) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hall.bound}", trust_env=False) as client:
        account = {"override": True, "username": "admin", "password": "right-secret"}
        sid = (await client.post("/api/login", json=account)).json()["sid"]
        assert len((await client.get("/api/seats")).json()) == 15
        assert (await client.get("/api/system-info")).json()["Device Type"] == "DCNM-WAP"
        client.cookies.clear()
        assert (await client.get("/api/seats", headers={"sid": sid})).status_code == 401
        client.headers["Bosch-Sid"] = sid
        held = asyncio.create_task(client.get("/api/speakers?isPolling=true"))
        while not hall.holds._held:
            await asyncio.sleep(0)
        second = asyncio.create_task(client.get("/api/speakers?isPolling=true"))
        assert (await held).json() == []  # released by the second
        assert (await client.post("/api/speakers", json=[4])).json() == {}
        assert [row["id"] for row in (await second).json()] == [4]
        assert (await client.post("/api/speakers", content=aiter_of(b"[5]"))).status_code == 500
        refused = await client.delete("/api/speakers/9")
        assert refused.json()["error"]["description"] == "Speaker not found in speakers list"
        assert (await client.get("/api/seats/x")).status_code == 404
        assert (await client.put("/api/voting/state", json={"state": 2})).status_code == 400
        new = {"name": "Лук'ян", "seatId": 3, "nfc": "14EFB4E2"}
        for wrong, text in (
            ({"name": "X", "seatId": 3}, "Missing field 'nfc'"),
            ({**new, "name": "x" * 33}, "Value out of range for field 'name'"),
            ({**new, "seatId": 99}, "Unknown seat id"),
            (new, "Seat already assigned"),
        ):
            refused = await client.post("/api/participants", json=wrong)
            assert (refused.status_code, refused.json()["error"]["description"]) == (400, text)
        assert (await client.delete("/api/participants/3")).json() == {}
        one = (await client.post("/api/participants", json=new)).json()["id"]
        await client.put(f"/api/participants/{one}", json={"name": "Лук'ян Орлюк"})
        assert (await client.get(f"/api/participants/{one}")).json()["name"] == hall.units[3].person
        assert len((await client.get("/api/speakers/available")).json()) == 14
        await client.put("/api/system/status", json={"state": 1})
        assert (await client.get("/api/system/status")).json() == {"state": 1}
        assert not (await client.get("/api/seats/3")).json()["connected"]
        await client.put("/api/system/status", json={"state": 0})
        await client.put("/api/voting/state", json={"state": 1})
        hall.vote(3, "for")
        await client.put("/api/voting/state", json={"state": 0})
        results = (await client.get("/api/voting/results")).json()["results"]
        assert {row["name"]: row["value"] for row in results} == {
            **{"for": 1, "against": 0, "abstain": 0},
            **{"present": 15, "notVoted": 14},
        }
        assert (await client.post("/api/logout")).status_code == 200
        assert (await client.get("/api/seats")).status_code == 401


async def aiter_of(data: bytes) -> AsyncIterator[bytes]:
    yield data
