"""Votes over the API: who may see and do what, and what is answered."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from avctl.config import Config
from avctl.events import QuestionDecided, QuestionLost, ReadingsChanged
from avctl.model.account import Role
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.samsung_mdc import SamsungMdcSimulator

Clients = Callable[..., httpx.AsyncClient]


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    """The configuration with a discussion system that votes, of a body of fifteen."""
    hall = {"id": "hall", "room": "plenary", "driver": "bosch_dicentis", "port": free_port()}
    settings["devices"].append(hall)
    settings["voting"] = {"elected": 15}
    return settings


@pytest.fixture
async def hall(config: Config) -> AsyncIterator[BoschDicentisSimulator]:
    """The simulated discussion system."""
    async with BoschDicentisSimulator(config.devices[-1], roster="committee") as simulator:
        yield simulator


@pytest.fixture
async def controller(
    config: Config,
    wall: SamsungMdcSimulator,
    hall: BoschDicentisSimulator,
    tmp_path: Path,
    compose: Callable[..., AbstractAsyncContextManager[Controller]],
) -> AsyncIterator[Controller]:
    """The whole program but its doors."""
    async with compose(config, tmp_path / "data") as everything:
        yield everything


@pytest.fixture
async def session(
    admin: httpx.AsyncClient, controller: Controller, booking: dict[str, Any], watch: Any
) -> str:
    """A sitting that is open, in a hall that votes."""
    found = str((await admin.post("/api/v1/sessions", json=booking)).json()["id"])
    assert (await admin.post(f"/api/v1/sessions/{found}/open")).status_code == 202
    while not controller.house.state("hall").readings.get("vote"):
        await watch.sees(ReadingsChanged, device="hall")
    return found


async def test_a_vote_is_opened_counted_closed_and_read_in_every_form(
    clients: Clients, admin: httpx.AsyncClient, session: str, hall: BoschDicentisSimulator, watch: Any
) -> None:
    votes = f"/api/v1/sessions/{session}/votes"
    secretary = clients(Role.SECRETARY)
    question = {"title": "Про бюджет", "threshold": "present"}
    answers = await asyncio.gather(*(secretary.post(votes, json=question) for _ in "123"))
    assert {answer.status_code for answer in answers} == {201}, answers[0].text
    opened = answers[0].json()
    assert {answer.json()["number"] for answer in answers} == {1}
    assert answers[0].headers["location"] == f"{votes}/1"
    assert (opened["state"], opened["voted"], opened["counts"], opened["outcome"]) == ("open", None, {}, None)
    assert (opened["elected"], opened["quorum"], opened["needed"]) == (15, 8, None)
    for seat, answer in ((2, "yes"), (3, "yes"), (4, "no"), (5, "abstain")):
        hall.vote(seat, answer)
    while (floor := (await admin.get(f"/api/v1/sessions/{session}/floor")).json()["vote"])["voted"] != 4:
        await watch.sees(ReadingsChanged, device="hall")
    assert (floor["number"], floor["title"], floor["state"]) == (1, "Про бюджет", "open")
    assert floor["counts"] == {"yes": 2, "no": 1, "abstain": 1}
    assert (await secretary.get(f"{votes}/1/roll-call.csv")).status_code == 404
    answers = await asyncio.gather(*(secretary.post(f"{votes}/1/close") for _ in "12"))
    assert [answer.status_code for answer in answers] == [202, 202]
    closed = answers[0].json()
    assert closed == answers[1].json()
    assert (closed["state"], closed["outcome"], closed["voted"]) == ("closed", "no_quorum", 4)
    assert closed["counts"] == {"yes": 2, "no": 1, "abstain": 1, "not_voting": 11}
    assert len(closed["ballots"]) == 15
    assert (await secretary.get(f"{votes}/1")).json() == closed
    assert (await secretary.get(f"{votes}/1/roll-call.json")).json() == closed
    listed = (await secretary.get(votes)).json()
    assert listed == [{name: value for name, value in closed.items() if name != "ballots"}]
    sheet = await secretary.get(f"{votes}/1/roll-call.csv")
    assert sheet.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert [{**row, "seat": int(row["seat"])} for row in rows] == closed["ballots"]
    lines = (await admin.get("/api/v1/journal", params={"kind": "QuestionDecided"})).json()
    assert [line["actor"] for line in lines] == ["secretary"]
    floor = (await admin.get(f"/api/v1/sessions/{session}/floor")).json()["vote"]
    assert (floor["state"], floor["outcome"]) == ("closed", "no_quorum")


async def test_the_public_sees_votes_of_public_sessions_but_of_closed_parts(
    clients: Clients, admin: httpx.AsyncClient, session: str, watch: Any
) -> None:
    votes, public = f"/api/v1/sessions/{session}/votes", clients()

    async def vote(title: str) -> int:
        number = int((await admin.post(votes, json={"title": title})).json()["number"])
        assert (await admin.post(f"{votes}/{number}/close")).status_code == 202
        return number

    assert await vote("Відкрите") == 1
    for path in (votes, f"{votes}/1", f"{votes}/1/roll-call.csv"):
        assert (await public.get(path)).status_code == 401, path
        assert (await clients(Role.STAFF).get(path)).status_code == 200, path
    # Its policy is told while it runs: no programme is started by that.
    assert (await admin.patch(f"/api/v1/sessions/{session}", json={"policy": "live"})).status_code == 200
    assert (await public.get(f"{votes}/1")).json()["title"] == "Відкрите"
    await admin.post(f"/api/v1/sessions/{session}/suspend", json={"reason": "closed"})
    assert await vote("Таємне") == 2
    await admin.post(f"/api/v1/sessions/{session}/resume", json={"confirm": True})
    assert [one["number"] for one in (await public.get(votes)).json()] == [1]
    assert [one["number"] for one in (await clients(Role.SECRETARY).get(votes)).json()] == [1, 2]
    assert (await public.get(f"{votes}/2")).status_code == 401
    assert (await clients(Role.SCHEDULER).get(f"{votes}/2")).status_code == 403
    assert (await clients(Role.SCHEDULER).get(f"/api/v1/sessions/{session}/floor")).json()["vote"] is None
    assert (await clients(Role.TECHNICIAN).get(f"{votes}/2")).json()["closed_part"] is True
    for role, sees in ((Role.TECHNICIAN, True), (Role.SCHEDULER, False), (Role.MANAGER, False)):
        readings = (await clients(role).get("/api/v1/devices/hall")).json()["readings"]
        assert ("vote_title" in readings, "vote_counts" in readings) == (sees, sees), role
    for role, sees in ((Role.TECHNICIAN, True), (Role.MANAGER, False)):
        told = [(await clients(role).get("/api/v1/journal", params={"limit": 500})).text]
        told.append((await clients(role).get("/api/v1/journal", params={"limit": 500, "after": 0})).text)
        assert ["Таємне" in text for text in told] == [sees, sees], role
        assert all("Відкрите" in text for text in told)


async def test_whoever_has_to_do_with_other_rooms_sees_what_the_public_sees(
    clients: Clients, admin: httpx.AsyncClient, controller: Controller, session: str
) -> None:
    votes = f"/api/v1/sessions/{session}/votes"
    await admin.post(votes, json={"title": "Відкрите"})
    await admin.post(f"{votes}/1/close")
    elsewhere = clients(Role.SECRETARY)
    assert (await elsewhere.get(f"{votes}/1")).status_code == 200
    await controller.accounts.set_rooms("secretary", ("committee",), actor="test")
    for path in (votes, f"{votes}/1", f"{votes}/1/roll-call.csv"):
        assert (await elsewhere.get(path)).status_code == 403, path


async def test_what_is_wrong_is_named_and_a_lost_vote_says_why(
    clients: Clients, admin: httpx.AsyncClient, session: str, hall: BoschDicentisSimulator, watch: Any
) -> None:
    votes = f"/api/v1/sessions/{session}/votes"
    for role, status in ((Role.SCHEDULER, 403), (Role.MANAGER, 403), (Role.TECHNICIAN, 422)):
        assert (await clients(role).post(votes, json={})).status_code == status, role
    for wrong, field in (
        ({"title": "Т", "threshold": "half"}, "threshold"),
        ({"title": "Т", "present": 16}, "present"),
        ({"title": "Т", "present": -1}, "present"),
        ({"title": "Т" * 1001}, "title"),
        ({}, "title"),
    ):
        answer = await admin.post(votes, json=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    assert (await admin.get(f"{votes}/7")).status_code == 404
    assert (await admin.post(f"{votes}/7/close")).status_code == 404
    assert (await admin.get(f"{votes}/x")).status_code == 422
    assert (await admin.get("/api/v1/sessions/none/votes")).status_code == 404
    key = {"Idempotency-Key": "one"}
    first = await admin.post(votes, json={"title": "Перше"}, headers=key)
    assert (await admin.post(votes, json={"title": "Друге"})).status_code == 409
    await hall.restart()
    await watch.sees(QuestionLost, vote=1)
    again = await admin.post(votes, json={"title": "Перше"}, headers=key)  # the same request, done once
    assert (again.status_code, again.json()["number"], again.json()["state"]) == (201, 1, "lost")
    assert "know" in again.json()["reason"]
    assert first.json()["number"] == 1
    refused = await admin.post(f"{votes}/1/close")
    assert (refused.status_code, "lost" in refused.json()["detail"]) == (409, True)
    while (told := (await admin.get("/api/v1/devices/hall")).json())["link"] != "online":
        await watch.sees(ReadingsChanged, device="hall")
    assert told["readings"]["vote"] == "lost"
    repeated = await admin.post(votes, json={"title": "Перше"})
    assert (repeated.status_code, repeated.json()["number"]) == (201, 2)
    await admin.post(f"{votes}/2/close")
    await watch.sees(QuestionDecided, vote=2)
