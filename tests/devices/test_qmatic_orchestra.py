"""Qmatic Orchestra: its JSON by hand, the driver on a simulated branch, a client of its events."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import BadArgument, Rejected
from drivers.qmatic_orchestra import QmaticOrchestra
from drivers.sim.qmatic_orchestra import SIMULATOR, QmaticOrchestraSimulator

LOGIN = {"user": "superadmin", "password": "right-secret"}
# As the vendor's gateway and working clients read it.
QUEUES = (
    '[{"id":312,"name":"Терапевт","customersWaiting":1,"waitingTime":75},'
    '{"id":901,"name":"Реєстратура","customersWaiting":0,"waitingTime":0}]'
)
VISITS = '[{"visitId":30283,"ticketId":"Щ028","waitingTime":75,"totalWaitingTime":75}]'
OVERVIEW = (
    '[{"id":3,"name":"3","status":"OPEN","staffName":"olena","staffFullName":"Олена М.","workProfileId":1,'
    '"workProfileName":"Усі","currentServiceName":"Терапевт","currentTicketNumber":"Б-7",'
    '"currentTransactionTime":12,"currentCustomerName":null},'
    '{"id":4,"name":"4","status":"CLOSED","staffName":null,"staffFullName":null,"workProfileId":null,'
    '"workProfileName":null,"currentServiceName":"","currentTicketNumber":"","currentTransactionTime":0}]'
)
BYTES = {
    "GET /rest/servicepoint/branches/": (200, '[{"id":1,"name":"ЦНАП"}]'),
    "GET /rest/servicepoint/branches/1/queues/": (200, QUEUES),
    "GET /rest/servicepoint/branches/1/queues/312/visits": (200, VISITS),
    "GET /rest/servicepoint/branches/1/servicePoints/deviceTypes/SW_SERVICE_POINT": (
        200,
        '[{"id":3,"name":"3"},{"id":4,"name":"4"}]',
    ),
    "GET /rest/managementinformation/v2/branches/1/servicePoints": (200, OVERVIEW),
    "POST /rest/servicepoint/branches/1/servicePoints/3/visits/next/": (
        200,
        '{"userState":"INACTIVE","visitState":"OK","visit":{"ticketId":"Б-7","currentVisitService":'
        '{"id":227634,"serviceId":117}}}',
    ),
}


@pytest.fixture
def branch(device: Callable[..., Device]) -> QmaticOrchestraSimulator:
    """A branch with two open counters."""
    return SIMULATOR(device("qmatic_orchestra", poll=0.05, answer_seconds=5, **LOGIN))


async def test_orchestras_json_one_byte_a_segment(by_hand, device, witness) -> None:
    async with by_hand(BYTES) as server:
        made = device("qmatic_orchestra", port=server.port, poll=600, **LOGIN)
        driver = QmaticOrchestra(made, witness.bus.publish)
        keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
        try:
            await witness.report(
                branch="ЦНАП",
                services={
                    "312": {"name": "Терапевт", "waiting": 1, "average_wait": None},
                    "901": {"name": "Реєстратура", "waiting": 0, "average_wait": None},
                },
                counters={
                    "3": {"name": "3", "open": True, "ticket": "Б-7"},
                    "4": {"name": "4", "open": False, "ticket": ""},
                },
            )
            told = [
                (one["number"], one["state"], one["service"], one["counter"])
                for one in driver.readings["tickets"]
            ]
            assert told == [("Щ028", "waiting", "312", ""), ("Б-7", "called", "312", "3")]
            with pytest.raises(Rejected, match="nobody works at the counter") as refused:
                await driver.call_next("3")
            assert refused.value.code == "INACTIVE"
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
    pair = base64.b64encode(b"superadmin:right-secret").decode()
    assert {headers.get("authorization") for _, headers, _ in server.heard} == {f"Basic {pair}"}


def tickets(driver: Any) -> dict[str, tuple[str, str, int]]:
    return {
        one["number"]: (one["state"], one["counter"], one["calls"])
        for one in driver.readings.get("tickets", ())
    }


async def test_visitors_are_called_recalled_and_served(branch, witness, served) -> None:
    async with branch, served(QmaticOrchestra, branch, called_seconds=3600) as driver:
        branch.take_ticket(1)
        branch.take_ticket(2)
        await witness.until(lambda: tickets(driver).get("Б001") == ("waiting", "", 0), "two tickets")
        assert driver.readings["services"]["2"]["waiting"] == 1
        await driver.call_next("2")
        await witness.until(lambda: tickets(driver)["А001"] == ("called", "2", 1), "the call")
        assert driver.readings["counters"]["2"]["ticket"] == "А001"
        await driver.recall("2")
        await witness.until(lambda: tickets(driver)["А001"] == ("called", "2", 2), "the second call")
        branch.end(2)
        await witness.until(lambda: tickets(driver)["А001"][0] == "done", "the end")
        branch.leave("Б001")
        await witness.until(lambda: tickets(driver)["Б001"][0] == "removed", "the visitor who left")
        with pytest.raises(Rejected, match="nobody waits"):
            await driver.call_next("2")
        with pytest.raises(Rejected, match="nobody was called"):
            await driver.recall("2")
        with pytest.raises(BadArgument):
            await driver.call_next("77")
        await driver.open_counter("3")
        await witness.until(lambda: driver.readings["counters"]["3"]["open"] is True, "the counter open")
        await driver.close_counter("3")
        await witness.until(lambda: driver.readings["counters"]["3"]["open"] is False, "the counter closed")
        assert not any(cookie for *_, cookie in branch.heard)  # although each answer sets one


async def test_what_was_not_done_is_refused(branch, witness, served) -> None:
    async with branch, served(QmaticOrchestra, branch) as driver:
        branch.take_ticket(1)
        branch.take_ticket(1)
        await witness.until(lambda: len(tickets(driver)) == 2, "two tickets")
        branch.answer_without_effect()
        with pytest.raises(Rejected, match="nobody works"):
            await driver.call_next("1")
        branch.answer_without_effect(False)
        with pytest.raises(Rejected, match="not open"):
            await driver.call_next("4")  # nobody sits there
        branch.quick_seconds = 600
        await driver.call_next("1")
        with pytest.raises(Rejected, match="too soon"):
            await driver.call_next("1")
        await witness.until(lambda: driver.readings["counters"]["1"]["ticket"] == "А001", "the call")
        branch.refuse()
        with pytest.raises(Rejected, match="403"):
            await driver.recall("1")


async def test_events_are_heard_lost_and_made_up_for(branch, witness, served) -> None:
    options = {"prefix": "CNAP", "confirms": True}
    branch = SIMULATOR(branch.device.model_copy(update={"options": {**branch.device.options, **options}}))
    # It looks by itself only once in ten minutes: what it sees, it was told of.
    async with branch, served(QmaticOrchestra, branch, poll=600) as driver:
        await witness.report(events=True)
        branch.take_ticket(3)
        await witness.until(lambda: tickets(driver).get("В001") == ("waiting", "", 0), "the ticket")
        branch.call(1)
        await witness.until(lambda: tickets(driver)["В001"] == ("called", "1", 1), "the call")
        branch.recall(1)
        await witness.until(lambda: tickets(driver)["В001"] == ("called", "1", 2), "the second call")
        branch.confirm(1)
        await witness.until(lambda: tickets(driver)["В001"][0] == "serving", "the visitor who came")
        branch.take_ticket(3)
        branch.call(2)
        branch.end(2, no_show=True)
        await witness.until(lambda: tickets(driver).get("В002", ("",))[0] in ("no_show", ""), "nobody came")
        # An event that comes after the look which saw the call already, or the answer to our own recall.
        branch.take_ticket(3)
        branch.lose_events()
        await driver.call_next("2")
        await witness.until(lambda: tickets(driver).get("В003") == ("called", "2", 1), "our call")
        await driver.recall("2")
        await witness.until(lambda: tickets(driver)["В003"] == ("called", "2", 2), "our second call")
        branch.lose_events(False)
        branch.recall(2)
        branch.recall(2)
        branch.take_ticket(3)
        await witness.until(lambda: tickets(driver).get("В004") == ("waiting", "", 0), "what came after")
        assert tickets(driver)["В003"] == ("called", "2", 2)
        branch.recall(2)
        await witness.until(lambda: tickets(driver)["В003"] == ("called", "2", 3), "the clerk's own call")
        branch.lose_events()
        branch.end(1)
        branch.lose_events(False)
        branch.drop()  # the line breaks: it looks when it is back
        await witness.until(lambda: tickets(driver)["В001"][0] == "done", "what nobody told")
    async with branch, served(QmaticOrchestra, branch, poll=0.1) as driver:
        await witness.report(events=True)
        branch.forget_listeners()
        await witness.until(lambda: driver.readings["events"] is False, "that events are not heard")
        await witness.report(events=True)


async def test_a_wrong_password_is_refused(branch, witness, served) -> None:
    async with branch, served(QmaticOrchestra, branch, online=False, password="wrong"):
        assert "log-in" in (await witness.link("refused")).reason


async def test_an_independent_client_takes_a_ticket_calls_it_and_hears_of_it(branch) -> None:
    """The requests that working clients send, with a plain HTTP library."""
    branch = SIMULATOR(
        branch.device.model_copy(update={"options": {**branch.device.options, "prefix": "CHA"}})
    )
    auth = ("superadmin", "right-secret")
    async with (
        branch,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{branch.bound}", auth=auth, trust_env=False) as client,
    ):

        async def bayeux(**message: Any) -> list[dict[str, Any]]:
            client.cookies.clear()
            told: list[dict[str, Any]] = (await client.post("/cometd", json=[message])).json()
            return told

        (shaken,) = await bayeux(
            channel="/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"], id="0"
        )
        me = {"clientId": shaken["clientId"]}
        await bayeux(channel="/meta/subscribe", subscription="/events/CHA/QVoiceLight", id="1", **me)
        told = {"uid": "CHA:QVoiceLight", "type": 67, "encoding": "QP_JSON"}
        command = {"M": "C", "C": {"CMD": "INIT", "TGT": "CFM", "PRM": told}, "N": "0"}
        await bayeux(channel="/events/INIT", data=command, id="2", **me)
        issued = await client.post(
            "/rest/entrypoint/branches/1/entryPoints/2/visits/", json={"services": [2], "parameters": {}}
        )
        assert issued.json()["ticketId"] == "Б001"
        replayed = await client.post("/rest/servicepoint/branches/1/servicePoints/1/visits/next/")
        assert (replayed.status_code, len(client.cookies)) == (403, 1)
        client.cookies.clear()
        status = (await client.post("/rest/servicepoint/branches/1/servicePoints/1/visits/next/")).json()
        assert (status["userState"], status["visit"]["ticketId"]) == ("CALLED", "Б001")
        heard = await bayeux(channel="/meta/connect", connectionType="long-polling", id="3", **me)
        events = [json.loads(one["data"])["E"] for one in heard if "data" in one]
        assert [one["evnt"] for one in events] == ["VISIT_CREATE", "VISIT_CALL"]
        assert events[1]["prm"]["ticket"] == "Б001"
