from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from avctl.events import SessionBooked, SessionOpened, SessionReady
from avctl.model.account import Role
from avctl.services.controller import Controller

Clients = Callable[..., httpx.AsyncClient]


def later(booking: dict[str, Any], hours: float, **changes: Any) -> dict[str, Any]:
    """The same booking, so many hours later."""
    moved = {
        name: (datetime.fromisoformat(booking[name]) + timedelta(hours=hours)).isoformat()
        for name in ("starts_at", "ends_at")
    }
    return {**booking, **moved, **changes}


async def test_a_session_is_booked_and_found_again(clients: Clients, booking: dict[str, Any]) -> None:
    scheduler = clients(Role.SCHEDULER)
    answer = await scheduler.post("/api/v1/sessions", json=booking)
    assert answer.status_code == 201
    session = answer.json()
    assert answer.headers["location"] == f"/api/v1/sessions/{session['id']}"
    assert session["phase"] == "planned"
    assert [(item["number"], item["title"]) for item in session["agenda"]] == [("1", "Про бюджет")]
    assert (await scheduler.get(answer.headers["location"])).json() == session
    assert (await scheduler.get("/api/v1/sessions")).json() == [session]


async def test_a_clash_names_the_other_session(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    first = (await admin.post("/api/v1/sessions", json=booking)).json()
    answer = await admin.post("/api/v1/sessions", json=later(booking, 1))
    assert answer.status_code == 409
    assert first["id"] in answer.json()["detail"]
    assert (await admin.post("/api/v1/sessions", json=later(booking, 1, room="committee"))).status_code == 201


async def test_of_many_bookings_for_one_room_at_once_one_is_taken(
    admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    asked = [admin.post("/api/v1/sessions", json=booking) for _ in range(8)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*asked))
    assert statuses == [201] + [409] * 7


async def test_every_wrong_field_of_a_booking_is_named(
    admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    wrong = {**booking, "kind": "party", "title": "", "agenda": [{"number": "1"}], "colour": "red"}
    answer = await admin.post("/api/v1/sessions", json=wrong)
    assert answer.status_code == 422
    assert {fault["field"] for fault in answer.json()["errors"]} == {
        "kind",
        "title",
        "agenda.0.title",
        "colour",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"room": "attic"}, "room"),
        ({"room": ""}, "room"),
        ({"starts_at": "2027-02-11T10:00:00"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00", "ends_at": "0001-01-01T01:00:00+14:00"}, "starts_at"),
        ({"starts_at": "9999-12-31T22:00:00-12:00", "ends_at": "9999-12-31T23:00:00-12:00"}, "starts_at"),
    ],
)
async def test_a_booking_that_makes_no_sense_names_the_field(
    admin: httpx.AsyncClient, booking: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    answer = await admin.post("/api/v1/sessions", json={**booking, **changes})
    assert answer.status_code == 422, answer.text
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


async def test_a_booking_repeated_with_its_key_is_booked_once(
    admin: httpx.AsyncClient, booking: dict[str, Any], controller: Controller
) -> None:
    off_site = {**booking, "room": "", "off_site": True}  # nothing else would stop a second one
    key = {"Idempotency-Key": "f3a1"}
    asked = [admin.post("/api/v1/sessions", json=off_site, headers=key) for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(tuple(controller.sessions)) == 1
    other = await admin.post("/api/v1/sessions", json={**off_site, "title": "Інше"}, headers=key)
    assert other.status_code == 422


async def test_fields_of_a_booking_are_changed_and_the_others_stay(
    admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    first = (await admin.post("/api/v1/sessions", json=booking)).json()
    second = (await admin.post("/api/v1/sessions", json=later(booking, 8))).json()
    path = f"/api/v1/sessions/{first['id']}"
    changed = (await admin.patch(path, json={"title": "Позачергове", "remote_link": None})).json()
    new = ("number", "version", "changed_at")
    assert changed == {**first, "title": "Позачергове", **{name: changed[name] for name in new}}
    assert (await admin.patch(path, json={})).json() == changed
    longer = await admin.patch(path, json={"ends_at": second["ends_at"]})
    assert longer.status_code == 409
    assert second["id"] in longer.json()["detail"]
    for wrong in ({"title": None}, {"title": ""}, {"phase": "open"}, {"ends_at": "2020-01-01T00:00:00Z"}):
        assert (await admin.patch(path, json=wrong)).status_code == 422, wrong


async def test_a_sitting_runs_from_preparation_to_its_end(
    clients: Clients, admin: httpx.AsyncClient, booking: dict[str, Any], watch: Any
) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    technician = clients(Role.TECHNICIAN)

    async def act(name: str, body: Any = None) -> dict[str, Any]:
        answer = await technician.post(f"/api/v1/sessions/{session}/{name}", json=body)
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        return told

    assert (await act("prepare"))["phase"] in ("preparing", "ready")
    await watch.sees(SessionReady)
    assert (await act("open"))["phase"] == "open"
    suspended = await act("suspend", {"reason": "break"})
    assert (suspended["phase"], suspended["reason"]) == ("suspended", "break")
    assert (await act("resume"))["phase"] == "open"
    closed = await act("close")
    assert closed["phase"] == "closed"
    assert closed["closed_at"]
    answer = await technician.post(f"/api/v1/sessions/{session}/open")
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")


async def test_an_act_repeated_is_answered_the_same_and_done_once(
    admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    asked = [admin.post(f"/api/v1/sessions/{session}/open") for _ in range(5)]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    lines = (await admin.get("/api/v1/journal", params={"kind": SessionOpened.__name__})).json()
    assert [line["actor"] for line in lines] == ["admin"]


async def test_a_session_is_called_off(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    answer = await admin.post(f"/api/v1/sessions/{session}/cancel")
    assert (answer.status_code, answer.json()["phase"]) == (202, "cancelled")
    assert (await admin.post("/api/v1/sessions", json=booking)).status_code == 201


async def test_a_reason_no_one_knows_is_named(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    answer = await admin.post(f"/api/v1/sessions/{session}/suspend", json={"reason": "lunch"})
    assert answer.status_code == 422
    assert "air_raid" in answer.json()["errors"][0]["expected"]


async def test_the_schedule_is_filtered_and_paged(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    for days in range(3):
        body = later(booking, 24 * days, title=f"День {days}")
        assert (await admin.post("/api/v1/sessions", json=body)).status_code == 201
    elsewhere = (await admin.post("/api/v1/sessions", json={**booking, "room": "committee"})).json()

    async def titles(**asked: Any) -> list[str]:
        answer = await admin.get("/api/v1/sessions", params=asked)
        assert answer.status_code == 200, answer.text
        return [session["title"] for session in answer.json()]

    assert await titles(room="plenary") == ["День 0", "День 1", "День 2"]
    second = later(booking, 24)["starts_at"]
    assert await titles(**{"from": second}) == ["День 1", "День 2"]
    assert await titles(to=second, room="plenary") == ["День 0"]
    await admin.post(f"/api/v1/sessions/{elsewhere['id']}/cancel")
    assert await titles(phase="cancelled") == [elsewhere["title"]]
    page = await admin.get("/api/v1/sessions", params={"room": "plenary", "limit": 2})
    following = await admin.get(page.links["next"]["url"])
    assert [session["title"] for session in page.json() + following.json()] == ["День 0", "День 1", "День 2"]
    assert "next" not in following.links
    for wrong in ({"from": "0001-01-01T00:00:00Z"}, {"to": "soon"}, {"limit": 0}, {"phase": "lunch"}):
        assert (await admin.get("/api/v1/sessions", params=wrong)).status_code == 422, wrong


async def test_the_floor_of_a_hall_without_a_discussion_system_is_not_known(
    admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    floor = (await admin.get(f"/api/v1/sessions/{session}/floor")).json()
    assert (floor["known"], floor["speakers"], floor["waiting"], floor["vote"]) == (False, [], [], None)


async def test_a_session_that_does_not_exist_is_not_found(admin: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/floor"),
        ("POST", "/open"),
        ("POST", "/cancel"),
    ):
        body = {"title": "Х"} if method == "PATCH" else None
        answer = await admin.request(method, f"/api/v1/sessions/none{path}", json=body)
        assert answer.status_code == 404, path


async def test_the_journal_says_who_booked(
    clients: Clients, admin: httpx.AsyncClient, booking: dict[str, Any]
) -> None:
    session = (await clients(Role.SCHEDULER).post("/api/v1/sessions", json=booking)).json()["id"]
    lines = (await admin.get("/api/v1/journal", params={"subject": session})).json()
    assert [(line["kind"], line["actor"]) for line in lines] == [(SessionBooked.__name__, "scheduler")]


async def test_a_closed_part_is_entered_and_left_by_those_who_may_and_confirm(
    clients: Clients, admin: httpx.AsyncClient, booking: dict[str, Any], controller: Controller
) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    path = f"/api/v1/sessions/{session}"
    assert (await admin.post(f"{path}/open")).status_code == 202
    secretary, scheduler = clients(Role.SECRETARY), clients(Role.SCHEDULER)
    technician = clients(Role.TECHNICIAN)

    assert (await scheduler.post(f"{path}/suspend", json={"reason": "closed"})).status_code == 403
    assert (await secretary.post(f"{path}/suspend", json={"reason": "break"})).status_code == 403
    assert (await secretary.post(f"{path}/suspend", json={"reason": "closed"})).status_code == 202

    for body in (None, {}, {"confirm": False}):
        unsure = await technician.post(f"{path}/resume", json=body) if body is not None else None
        unsure = unsure or await technician.post(f"{path}/resume")
        assert unsure.status_code == 422
        assert "confirm" in unsure.text
        assert (await admin.get(path)).json()["reason"] == "closed"
    assert (await technician.post(f"{path}/resume", json={"confirm": "yes"})).status_code == 422
    assert (await scheduler.post(f"{path}/resume", json={"confirm": True})).status_code == 403
    for reason in ("break", "technical", "air_raid"):
        assert (await technician.post(f"{path}/suspend", json={"reason": reason})).status_code == 409
    left = await technician.post(f"{path}/resume", json={"confirm": True})
    assert left.status_code == 202
    assert (left.json()["phase"], left.json()["reason"]) == ("open", None)
    await controller.journal.settled()
    kinds = [(line.kind, line.actor) for line in await controller.journal.page(limit=100)]
    assert ("SessionSuspended", "secretary") in kinds
    assert ("SessionResumed", "technician") in kinds

    # A break is left without a word.
    assert (await technician.post(f"{path}/suspend", json={"reason": "break"})).status_code == 202
    assert (await secretary.post(f"{path}/resume")).status_code == 403
    assert (await technician.post(f"{path}/resume")).status_code == 202


async def test_a_break_says_until_when(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    session = (await admin.post("/api/v1/sessions", json=booking)).json()["id"]
    path = f"/api/v1/sessions/{session}"
    await admin.post(f"{path}/open")

    async def suspend(**body: Any) -> dict[str, Any]:
        answer = await admin.post(f"{path}/suspend", json={"reason": "break", **body})
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        return told

    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    first = await suspend(until=until)
    assert datetime.fromisoformat(first["until"]) == datetime.fromisoformat(until)
    assert await suspend() == first  # asked again, it is the same break
    assert datetime.fromisoformat((await suspend(minutes=5))["until"]).second == 0
    assert (await suspend(until=None))["until"] is None
    for wrong, field in (
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": "15:30"}, "until"),
        ({"until": until[:19]}, "until"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 5, "until": until}, "minutes"),
        ({"reason": "air_raid", "until": until}, "until"),
    ):
        answer = await admin.post(f"{path}/suspend", json={"reason": "break", **wrong})
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["field"] == field
    told = await admin.get("/api/v1/journal", params={"kind": "SessionSuspended"})
    assert len(told.json()) == 3
