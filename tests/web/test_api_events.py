from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx

from avctl.api import events as events_api
from avctl.events import BroadcastMeasured, MicClosed, MicOpened
from avctl.model.account import Role
from avctl.services.controller import Controller

Clients = Callable[..., httpx.AsyncClient]
MICS = {"kinds": "MicOpened,MicClosed"}


async def test_what_happens_is_told_at_once_and_in_order(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    async with stream(admin, params=MICS) as events:
        for seat in (1, 2, 3):
            controller.bus.publish(MicOpened(device="hall", seat=seat))
        told = [await events.sees("MicOpened", seat=seat) for seat in (1, 2, 3)]
    numbers = [event["number"] for event in told]
    assert numbers == sorted(numbers)


async def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    """Events are published while it is away, while the journal is read to it, and afterwards."""
    async with stream(admin, params=MICS) as events:
        controller.bus.publish(MicOpened(device="hall", seat=0))
        last = (await events.sees("MicOpened"))["number"]
    for seat in range(1, 700):  # more than a page of the journal
        controller.bus.publish(MicOpened(device="hall", seat=seat))

    async def go_on() -> None:
        for seat in range(700, 900):
            controller.bus.publish(MicOpened(device="hall", seat=seat))
            await asyncio.sleep(0)

    going_on = asyncio.create_task(go_on())
    async with stream(admin, params=MICS, headers={"Last-Event-ID": str(last)}) as events:
        seats = [json.loads((await events.next())["data"])["seat"] for _ in range(899)]
        assert seats == list(range(1, 900))
    await going_on


async def test_the_last_number_may_stand_in_the_address(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    controller.bus.publish(MicOpened(device="hall", seat=1))
    async with stream(admin, params={**MICS, "last_event_id": controller.bus.last_number - 1}) as events:
        await events.sees("MicOpened", seat=1)


async def test_a_number_from_another_record_does_not_silence_the_stream(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    async with stream(admin, params=MICS, headers={"Last-Event-ID": str(2**40)}) as events:
        controller.bus.publish(MicOpened(device="hall", seat=1))
        await events.sees("MicOpened", seat=1)


async def test_meters_come_only_when_asked_for(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    both = {"kinds": ["BroadcastMeasured", "MicOpened"]}
    async with (
        stream(admin, params=both) as plain,
        stream(admin, params={**both, "transient": "1"}) as metered,
    ):
        controller.bus.publish(BroadcastMeasured(session="s", meters={"rms_db": [-20.0, float("-inf")]}))
        controller.bus.publish(MicOpened(device="hall", seat=1))
        assert (await plain.next())["event"] == "MicOpened"
        assert (await metered.sees("BroadcastMeasured"))["meters"] == {"rms_db": [-20.0, None]}
        assert (await metered.next())["event"] == "MicOpened"


async def test_only_the_kinds_asked_for_are_told(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    async with stream(admin, params={"kinds": "MicClosed"}) as events:
        controller.bus.publish(MicOpened(device="hall", seat=1))
        controller.bus.publish(MicClosed(device="hall", seat=1))
        assert (await events.next())["event"] == "MicClosed"
    answer = await admin.get("/api/v1/events", params={"kinds": "MicExploded"})
    assert answer.status_code == 422
    for wrong in ("soon", "-1", str(2**70)):
        assert (await admin.get("/api/v1/events", headers={"Last-Event-ID": wrong})).status_code == 422


async def test_who_may_not_see_the_journal_hears_nothing_of_people(
    clients: Clients, controller: Controller, stream: Any
) -> None:
    asked = {"kinds": "AccountChanged,MicOpened"}
    async with (
        stream(clients(Role.SCHEDULER), params=asked) as less,
        stream(clients(Role.MANAGER), params=asked) as more,
    ):
        await controller.accounts.make_token("admin", "other", actor="admin")
        controller.bus.publish(MicOpened(device="hall", seat=1))
        assert (await less.next())["event"] == "MicOpened"
        assert (await more.next())["event"] == "AccountChanged"


async def test_the_stream_ends_with_the_login(
    browser_of: Callable[[Role], Awaitable[httpx.AsyncClient]], url: str, stream: Any
) -> None:
    browser = await browser_of(Role.TECHNICIAN)
    async with stream(browser) as events:
        assert (await browser.post("/api/v1/logout")).status_code == 204
        await events.ends()


async def test_the_stream_ends_when_the_account_is_disabled(
    clients: Clients, controller: Controller, stream: Any
) -> None:
    async with stream(clients(Role.TECHNICIAN)) as events:
        await controller.accounts.disable("technician", actor="admin")
        await events.ends()


async def test_a_reader_who_is_too_slow_is_let_go(
    admin: httpx.AsyncClient, controller: Controller, stream: Any
) -> None:
    """More than the queue holds is published at once: the stream ends, and nothing was told out of order."""
    async with stream(admin, params=MICS) as events:
        for seat in range(events_api.WAITING + 1):
            controller.bus.publish(MicOpened(device="hall", seat=seat))
        await events.ends()


async def test_a_stream_ends_when_the_server_does(
    admin: httpx.AsyncClient, stream: Any, stop_serving: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    async with stream(admin) as events:
        stopping = asyncio.create_task(stop_serving())
        await events.ends()
        await stopping


async def test_a_stream_asked_for_its_head_only_does_not_begin(admin: httpx.AsyncClient) -> None:
    assert (await admin.head("/api/v1/events")).status_code == 405
