"""The run of a sitting through the API: items, quorum, alarms that move the end, and who hears of what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from avctl.api.application import create_app
from avctl.bus import Bus
from avctl.clock import Clock, going_by
from avctl.commands import BookSession, OpenSession, ResumeSession, SuspendSession
from avctl.events import (
    EmergencyOrdered,
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    ReadingsChanged,
    Reason,
    SuspensionSuggested,
    VoteClosed,
    VoteOpened,
    now,
)
from avctl.model.account import Role
from avctl.services.controller import Controller
from dashboards import mount

Clients = Callable[..., httpx.AsyncClient]


@pytest.fixture
def app(controller: Controller) -> FastAPI:
    """API and pages over the controller."""
    app = create_app(controller)
    mount(app, controller)
    return app


AGENDA = [{"number": str(number), "title": f"Питання {number}", "minutes": 10} for number in (1, 2, 3)]


class Later(Clock):
    """The machine's clock, some time ahead."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def booked(controller: Controller, title: str, minutes: int, **more: Any) -> str:
    starts = now() + timedelta(minutes=minutes)
    details = {
        "title": title,
        "room": "plenary",
        "policy": "none",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=1)).isoformat(),
        **more,
    }
    session = await controller.desk.obey(BookSession(actor="scheduler", details=details))
    return str(session.id)


async def test_items_are_taken_up_once_and_the_record_says_by_whom(
    controller: Controller, clients: Clients
) -> None:
    session = await booked(controller, "Пленарне", -1, agenda=AGENDA)
    technician, secretary = clients(Role.TECHNICIAN), clients(Role.SECRETARY)
    address = f"/api/v1/sessions/{session}"
    assert (await technician.post(f"{address}/next-item")).status_code == 409  # it is not open
    await technician.post(f"{address}/open")
    # Two technicians press at the same moment, and press twice.
    answers = await asyncio.gather(
        *(technician.post(f"{address}/next-item", json={"place": 1}) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {202}
    answer = await technician.post(f"{address}/next-item")
    assert (answer.json()["item"], answer.json()["item_place"]) == ("Питання 2", 2)
    assert (await secretary.post(f"{address}/next-item")).status_code == 403
    counted = await secretary.post(f"{address}/quorum", json={"present": 70})
    assert (counted.status_code, counted.json()["present"]) == (202, 70)
    assert (await technician.post(f"{address}/next-item", json={"place": 4})).status_code == 422
    record = [(one["act"], one["text"], one["actor"]) for one in counted.json()["record"]]
    assert record == [
        ("opened", "", "technician"),
        ("item", "1 Питання 1", "technician"),
        ("item", "2 Питання 2", "technician"),
        ("quorum", "70/61", "secretary"),
    ]
    lines = await technician.get("/api/v1/journal", params={"kind": "ItemCalled", "subject": session})
    assert lines.status_code == 200, lines.text
    assert [line["data"]["place"] for line in lines.json()] == [2, 1]
    chapters = await controller.sessions.chapters(session)
    assert [one.title for one in chapters if one.kind == "item"] == ["Питання 1", "Питання 2"]


async def test_an_alarm_moves_the_end_and_what_it_clashes_with_is_told(
    controller: Controller, clients: Clients, watch: Any
) -> None:
    session = await booked(controller, "Пленарне", 0)
    coming = await booked(controller, "Слухання", 75, setup_minutes=10)
    desk = controller.desk
    await desk.obey(OpenSession(actor="technician", session=session))
    planned = controller.sessions.get(session).booking.ends_at
    for reason, ahead in ((Reason.AIR_RAID, 5), (Reason.POWER, 15)):
        with going_by(Later(timedelta(minutes=ahead))):
            await desk.obey(SuspendSession(actor="technician", session=session, reason=reason))
    with going_by(Later(timedelta(minutes=25))):
        await desk.obey(ResumeSession(actor="technician", session=session))
        assert controller.sessions.get(session).booking.ends_at == planned + timedelta(minutes=20)
        overridden = (await clients(Role.TECHNICIAN).get("/api/v1/journal?kind=ClashOverridden")).json()
        assert coming in overridden[0]["data"]["clashes"][0]
        amended = (await clients(Role.TECHNICIAN).get("/api/v1/journal?kind=SessionAmended")).json()
        assert (amended[0]["actor"], "тривогу" in amended[0]["data"]["reason"]) == ("technician", True)
    # The page and the alerts say so within a look at the plan.
    async with asyncio.timeout(10):
        while not any(one.rule == "overrun" for one in controller.alerts.raised()):
            await asyncio.sleep(0.05)
    alert = next(one for one in controller.alerts.raised() if one.rule == "overrun")
    assert "Слухання" in alert.text

    # Whoever wants the end as planned says so; a slip of the finger moves nothing.
    client = clients(Role.TECHNICIAN)
    ends = controller.sessions.get(session).booking.ends_at
    with going_by(Later(timedelta(minutes=26))):
        await desk.obey(SuspendSession(actor="technician", session=session, reason=Reason.AIR_RAID))
    with going_by(Later(timedelta(minutes=56))):
        await desk.obey(ResumeSession(actor="technician", session=session, move_end=False))
    await client.post(f"/api/v1/sessions/{session}/suspend", json={"reason": "power", "minutes": 30})
    answer = await client.post(f"/api/v1/sessions/{session}/resume", json={"move_end": True})
    assert answer.status_code == 202
    assert controller.sessions.get(session).booking.ends_at == ends


async def test_who_is_limited_to_a_room_hears_of_that_room(
    controller: Controller, clients: Clients, url: str, stream: Any
) -> None:
    await controller.accounts.add("borys", Role.TECHNICIAN, "dovhyi parol 7", actor="test")
    await controller.accounts.set_rooms("borys", ("committee",), actor="test")
    token = await controller.accounts.make_token("borys", "test", actor="test")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False) as borys:
        async with stream(borys) as reader:
            plenary = await booked(controller, "Пленарне", 60)
            committee = await booked(controller, "Комісія", 60, room="committee")
            told = await reader.sees("SessionBooked")
            assert told["session"] == committee
        assert [one["id"] for one in (await borys.get("/api/v1/sessions")).json()] == [committee]
        assert (await borys.get(f"/api/v1/sessions/{plenary}")).status_code == 403
        subjects = {one["subject"] for one in (await borys.get("/api/v1/journal")).json()}
        assert committee in subjects
        assert not subjects & {plenary, "wall"}
        alerts = (await borys.get("/api/v1/alerts")).json()
        assert {one["subject"] for one in alerts} <= {"away", committee}
        csv = (await borys.get("/api/v1/schedule.csv")).text
        assert ("Комісія" in csv, "Пленарне" in csv) == (True, False)
        for page in ("/control", "/control/multiview"):
            shown = (await borys.get(page)).text
            assert ("Зала комісій" in shown, "Сесійна зала" in shown) == (True, False), page
        assert (await borys.get("/control/plenary")).status_code == 403
        # Alarms are everybody's, what they ask of a session is not; nor are the screens elsewhere.
        for session in (plenary, committee):
            controller.bus.publish(SuspensionSuggested(session=session))
        asked = (await borys.get("/api/v1/alarm")).json()["suggestions"]
        assert [one["session"] for one in asked] == [committee]
        for page in ("/control", "/lobby"):
            shown = (await borys.get(page)).text
            assert (f"banner-{committee}" in shown, plenary in shown) == (True, False), page
        async with stream(borys) as reader:
            had = {"wall": {"page": None}, "away": {"page": None}}
            controller.bus.publish(
                EmergencyOrdered(emergency="e", kind="text", title="", text="!", before=had)
            )
            assert (await reader.sees("EmergencyOrdered"))["before"] == {"away": {"page": None}}
        emergency = (await borys.get("/api/v1/lobby/emergency")).json()
        assert (emergency["shown"]["text"], emergency["returning"]) == ("!", [])
        wanted = {"title": "Будні", "screens": ["wall"]}
        answer = await clients(Role.TECHNICIAN).put("/api/v1/lobby/playlists/weekdays", json=wanted)
        assert answer.status_code != 403
        assert (await borys.put("/api/v1/lobby/playlists/weekdays", json=wanted)).status_code == 403
        assert plenary not in (await borys.get("/journal")).text
        assert committee in (await borys.get("/journal")).text


async def test_votes_of_closed_parts_are_told_to_those_who_may_close_parts(
    controller: Controller, clients: Clients, stream: Any
) -> None:
    session = await booked(controller, "Пленарне", -1)
    manager, secretary = clients(Role.MANAGER), clients(Role.SECRETARY)
    async with stream(manager) as one, stream(secretary) as two:
        votes(controller.bus, session)
        seen = []
        while not seen or seen[-1]["event"] != "QuestionDecided":
            seen.append(json.loads((await one.next())["data"]))
        assert [told["vote"] for told in seen if told["event"].startswith("Question")] == [2, 2]
        assert {"power": True} in [told.get("readings") for told in seen]
        assert not [told for told in seen if told["event"].startswith("Vote") or "vote_counts" in str(told)]
        for kind in ("VoteOpened", "QuestionPut", "VoteClosed", "QuestionDecided", "QuestionLost"):
            await two.sees(kind)
        assert (await two.sees("QuestionDecided"))["vote"] == 2
    journal = (await manager.get("/api/v1/journal")).text
    assert "Кадрове" not in journal
    assert "Про парки" in journal
    assert "Кадрове" in (await clients(Role.TECHNICIAN).get("/api/v1/journal")).text
    # Asked for anew, from before: the same.
    async with stream(manager, headers={"Last-Event-ID": "0"}) as again:
        while (told := await again.next())["event"] != "QuestionDecided":
            assert "Кадрове" not in told["data"]
        assert '"vote": 2' in told["data"]


def votes(bus: Bus, session: str) -> None:
    """A vote in a closed part that is decided, one that is lost, and one that everybody may know."""
    for vote, title, closed in (
        (1, "Кадрове питання", True),
        (3, "Кадрове знову", True),
        (2, "Про парки", False),
    ):
        bus.publish(VoteOpened(device="wall", vote=f"v{vote}", title=title))
        bus.publish(
            QuestionPut(
                session=session,
                vote=vote,
                title=title,
                device="wall",
                round=f"v{vote}",
                threshold="elected",
                elected=120,
                quorum=61,
                closed_part=closed,
            )
        )
        counts = {"yes": 61}
        bus.publish(ReadingsChanged(device="wall", readings={"power": True, "vote_counts": counts}))
        bus.publish(VoteClosed(device="wall", vote=f"v{vote}", title=title, counts=counts, choices={}))
        if vote == 3:
            bus.publish(QuestionLost(session=session, vote=vote, title=title, reason="збій"))
        else:
            bus.publish(
                QuestionDecided(
                    session=session,
                    vote=vote,
                    title=title,
                    outcome="adopted",
                    present=61,
                    counts=counts,
                    ballots={},
                    closed_part=closed,
                )
            )


async def test_a_series_gets_another_rule_by_the_api(clients: Clients, booking: dict[str, Any]) -> None:
    scheduler = clients(Role.SCHEDULER)
    asked = {"booking": {**booking, "agenda": []}, "rule": "FREQ=WEEKLY;COUNT=3"}
    series = (await scheduler.post("/api/v1/series", json=asked)).json()
    address = f"/api/v1/sessions/{series[1]['id']}/rule"
    answer = await scheduler.post(address, json={"rule": "FREQ=WEEKLY;COUNT=4", "scope": "following"})
    assert answer.status_code == 200, answer.text
    held = [one for one in (await scheduler.get("/api/v1/sessions")).json() if one["phase"] == "planned"]
    assert len(held) == 5
    assert (await scheduler.post(address, json={"rule": "щось", "scope": "all"})).status_code == 422
    assert (await clients(Role.TECHNICIAN).post(address, json={"rule": ""})).status_code == 403
    alone = await scheduler.post(address, json={"scope": "this"})
    assert alone.json()["place"] is None
