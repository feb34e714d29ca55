from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from avctl.events import VerbDone
from avctl.model.account import Role
from drivers.sim.samsung_mdc import SamsungMdcSimulator

Clients = Callable[..., httpx.AsyncClient]


async def test_rooms_name_their_devices_and_what_they_are_busy_with(
    admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    plenary, committee = (await admin.get("/api/v1/rooms")).json()
    assert (plenary["title"], plenary["devices"], plenary["session"]) == ("Сесійна зала", ["wall"], session)
    assert (committee["title_en"], committee["devices"], committee["session"]) == ("", ["away"], None)


async def test_a_device_is_told_with_its_link_readings_and_verbs(
    admin: httpx.AsyncClient, wall_online: SamsungMdcSimulator
) -> None:
    device = (await admin.get("/api/v1/devices/wall")).json()
    assert (device["link"], device["driver"], device["reason"]) == ("online", "samsung_mdc", "")
    assert device["readings"]["power"] is True
    assert {"set_power", "set_input"} <= set(device["verbs"])
    assert "Power" in device["capabilities"]
    assert [one["id"] for one in (await admin.get("/api/v1/devices")).json()] == ["wall", "away"]


async def test_a_verb_is_answered_with_the_event_that_confirmed_it(
    clients: Clients, wall_online: SamsungMdcSimulator, watch: Any
) -> None:
    technician = clients(Role.TECHNICIAN)
    answer = await technician.post("/api/v1/devices/wall/set_volume", json={"level": 33})
    assert answer.status_code == 202, answer.text
    event = answer.json()["event"]
    assert (event["event"], event["device"]) == ("ReadingsChanged", "wall")
    assert event["readings"]["volume"] == 33
    assert (await technician.get("/api/v1/devices/wall")).json()["readings"]["volume"] == 33
    assert (await watch.sees(VerbDone)).actor == "technician"


@pytest.mark.parametrize(
    ("verb", "arguments", "field"),
    [
        ("set_power", {}, "on"),
        ("set_power", {"on": "yes"}, "on"),
        ("set_power", {"on": True, "now": True}, "now"),
        ("set_volume", {"level": 1.5}, "level"),
        ("set_volume", {"level": 101}, "level"),
        ("set_input", {"name": "scart"}, "name"),
    ],
)
async def test_a_wrong_argument_is_named(
    admin: httpx.AsyncClient,
    wall_online: SamsungMdcSimulator,
    verb: str,
    arguments: dict[str, Any],
    field: str,
) -> None:
    answer = await admin.post(f"/api/v1/devices/wall/{verb}", json=arguments)
    assert answer.status_code == 422, answer.text
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


async def test_a_verb_without_arguments_needs_no_body(
    admin: httpx.AsyncClient, wall_online: SamsungMdcSimulator
) -> None:
    assert (await admin.post("/api/v1/devices/wall/leave_wall")).status_code == 202


async def test_a_verb_the_device_does_not_have_is_told_with_those_it_has(
    admin: httpx.AsyncClient, wall_online: SamsungMdcSimulator
) -> None:
    answer = await admin.post("/api/v1/devices/wall/open_mic", json={"seat": 1})
    assert answer.status_code == 422
    assert "set_power" in answer.json()["detail"]


async def test_a_device_that_says_no_is_a_conflict_with_its_own_code(
    admin: httpx.AsyncClient, wall_online: SamsungMdcSimulator
) -> None:
    wall_online.refuse()
    answer = await admin.post("/api/v1/devices/wall/set_volume", json={"level": 30})
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"]


async def test_a_device_that_is_away_does_not_answer(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/v1/devices/away/set_power", json={"on": True})
    assert answer.status_code == 504
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_device_is_not_found(admin: httpx.AsyncClient) -> None:
    for method, path in (("GET", "none"), ("POST", "none/set_power"), ("POST", "none/reconnect")):
        body = {"on": True} if path.endswith("power") else None
        answer = await admin.request(method, f"/api/v1/devices/{path}", json=body)
        assert answer.status_code == 404, path


async def test_a_device_that_came_back_is_found_at_once_when_asked(
    admin: httpx.AsyncClient, wall_online: SamsungMdcSimulator, stream: Any
) -> None:
    async with stream(admin, params={"kinds": "LinkChanged"}) as events:
        await wall_online.unplug()
        await events.sees("LinkChanged", device="wall", link="offline")
        await wall_online.plug()
        assert (await admin.post("/api/v1/devices/wall/reconnect")).status_code == 202
        await events.sees("LinkChanged", device="wall", link="online")


async def test_two_people_may_press_at_once(
    admin: httpx.AsyncClient, wall_online: SamsungMdcSimulator
) -> None:
    presses = [admin.post("/api/v1/devices/wall/set_input", json={"name": "dp1"}) for _ in range(2)]
    assert [answer.status_code for answer in await asyncio.gather(*presses)] == [202, 202]
