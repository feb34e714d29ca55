"""Queues that are read: QLogic's chart, and feeds of any shape, by hand and against their simulators."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from avctl.capabilities import verbs_of
from avctl.driver import supervise
from avctl.errors import BadArgument, Rejected, Unsupported
from drivers.qlogic import QLogic
from drivers.queue_http import Options, QueueHttp
from drivers.sim.qlogic import SIMULATOR as QLOGIC
from drivers.sim.queue_http import SIMULATOR as FEED

ORGANISATION = "28c94bad-f024-4289-a986-f9d79c9d8102"
# As QLogic's clients read it.
CHART = (
    '{"data":[{"SrvCenterDescription":"ЦНАП м.Львова на пл. Ринок","CountOfWaitingJobs":7,"Color":"#FF0000"},'
    '{"SrvCenterDescription":"ЦНАП м.Львова на Левицького","CountOfWaitingJobs":0,"Color":"#00FF00"}]}'
)
# The smart board of bcgov/queue-management.
BOARD = (  # with the mark that services on Windows put before it
    '\ufeff{"office_type":"callbyticket","counters":[{"id":4,"open":"OPENED"}],"citizens":[{"ticket_number":"A12","active_period":{"ps":{"ps_name":"Invited"}}},'
    '{"ticket_number":"B07","active_period":{"ps":{"ps_name":"Being Served"}}}]}'
)
ACTS = {
    "call_next": "POST /counters/{counter}/next",
    "recall": "POST /counters/{counter}/recall",
    "open_counter": "POST /counters/{counter}/open",
    "close_counter": "POST /counters/{counter}/close",
}


@asynccontextmanager
async def serving(kind: Any, made: Any, witness: Any) -> Any:
    driver = kind(made, witness.bus.publish)
    keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
    try:
        yield driver
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


@pytest.mark.parametrize("seven", ["7", '"7"'])
async def test_qlogics_chart_one_byte_a_segment(by_hand, device, witness, seven: str) -> None:
    asked = f"GET /Chart/ChartByNow?orgKey={ORGANISATION}"
    async with by_hand({asked: (200, CHART.replace(":7,", f":{seven},"))}) as server:
        made = device("qlogic", port=server.port, poll=600, organisation=ORGANISATION, centre="ринок")
        async with serving(QLogic, made, witness):
            name = "ЦНАП м.Львова на пл. Ринок"
            row = {"name": name, "waiting": 7, "average_wait": None}
            await witness.report(services={name: row}, counters={}, tickets=(), acts=())


async def test_qlogic_tells_how_many_wait_and_takes_no_orders(device, witness, served) -> None:
    queue = QLOGIC(device("qlogic", poll=0.05, organisation=ORGANISATION))
    async with queue, served(QLogic, queue) as driver:
        queue.come(2, 3)
        await witness.until(
            lambda: [one["waiting"] for one in driver.readings["services"].values()] == [0, 3], "three people"
        )
        assert verbs_of(driver) == {}
        with pytest.raises(Unsupported, match="how many wait"):
            await driver.call_next(counter="1")
        queue.refuse()
        assert "404" in (await witness.link("offline")).reason
    async with (
        queue,
        httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{queue.bound}") as client,
    ):
        queue.refuse(False)
        told = (await client.get("/Chart/ChartByNow", params={"orgKey": ORGANISATION})).json()
        assert told["data"][1]["CountOfWaitingJobs"] == 3


async def test_a_smart_boards_json_is_read_by_its_own_names(by_hand, device, witness) -> None:
    async with by_hand({"GET /api/v1/smartboard/?office_number=1": (200, BOARD)}) as server:
        made = device(
            "queue_http",
            port=server.port,
            poll=600,
            path="/api/v1/smartboard/?office_number=1",
            tickets="citizens",
            fields={"tickets.number": "ticket_number", "tickets.state": "active_period.ps.ps_name"},
            states={"Invited": "called", "Being Served": "serving"},
        )
        async with serving(QueueHttp, made, witness) as driver:
            await witness.report(acts=(), counters={"4": {"name": "4", "open": True, "ticket": ""}})
            told = [(one["number"], one["state"]) for one in driver.readings["tickets"]]
            assert told == [("A12", "called"), ("B07", "serving")]
            with pytest.raises(Unsupported, match="names no request"):
                await driver.call_next("1")


async def test_a_feed_is_read_and_its_counters_are_told(device, witness, served, caplog) -> None:
    login = {"user": "avctl", "password": "right-secret"}
    hall = FEED(device("queue_http", poll=0.05, **ACTS, **login))
    async with hall, served(QueueHttp, hall) as driver:
        hall.take_ticket(2)
        hall.take_ticket(2)
        await witness.until(lambda: driver.readings["services"]["2"]["waiting"] == 2, "two tickets")
        await driver.call_next("1")
        await witness.until(lambda: driver.readings["counters"]["1"]["ticket"] == "Б001", "the call")
        await driver.recall("1")
        await witness.until(lambda: driver.readings["tickets"][0]["calls"] == 2, "the second call")
        hall.confirm(1)
        await witness.until(lambda: driver.readings["tickets"][0]["state"] == "serving", "the visitor")
        hall.end(1)
        await witness.until(lambda: driver.readings["tickets"][0]["state"] == "done", "the end")
        await driver.open_counter("3")
        await witness.until(lambda: driver.readings["counters"]["3"]["open"] is True, "the counter")
        await driver.close_counter("3")
        await witness.until(lambda: driver.readings["counters"]["3"]["open"] is False, "the counter")
        hall.refuse()
        with pytest.raises(Rejected, match="409"):
            await driver.call_next("1")
        with pytest.raises(BadArgument):
            await driver.call_next("../../etc")
    async with hall, served(QueueHttp, hall, online=False, password="wrong"):
        assert "log-in" in (await witness.link("refused")).reason
    assert "right-secret" not in caplog.text


def test_a_wrong_place_state_or_request_is_named() -> None:
    for wrong, said in (
        ({"fields": {"tickets.numer": "id"}}, "tickets.number"),
        ({"states": {"INVITED": "invited"}}, "waiting, called"),
        ({"call_next": "/counters/{counter}/next"}, "POST /counters"),
    ):
        with pytest.raises(ValidationError, match=said):
            Options.model_validate(wrong)
