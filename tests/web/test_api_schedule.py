"""The schedule from outside: clashes, two at once, series, people on duty, lists in, calendars out."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import vobject
from icalendar import Calendar
from openpyxl import Workbook

from avctl.events import DutyTold
from avctl.model.account import Role
from avctl.services.controller import Controller

Clients = Callable[..., httpx.AsyncClient]
KYIV = ZoneInfo("Europe/Kyiv")
SESSIONS = "/api/v1/sessions"


def at(day: int, hour: int, minute: int = 0) -> str:
    """A moment of March 2027 on the council's clock; on the 28th the clocks change."""
    return datetime(2027, 3, day, hour, minute, tzinfo=KYIV).isoformat()


def committee(day: int = 18, first: int = 10, last: int = 12, **changes: Any) -> dict[str, Any]:
    booked = {"title": "Комісія", "kind": "committee", "room": "committee", "policy": "none"}
    return {**booked, "starts_at": at(day, first), "ends_at": at(day, last), **changes}


def clocks(controller: Any) -> list[str]:
    """Day, time and phase of each session of the committees' room."""
    return [
        f"{session.booking.starts_at.astimezone(KYIV):%d %H:%M} {session.phase}"
        for session in controller.sessions
        if session.room == "committee"
    ]


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    settings["schedule"] = {"broadcasts": 1}
    return settings


async def test_what_is_taken_is_refused_by_name_and_overridden_with_a_reason(
    clients: Clients, admin: httpx.AsyncClient
) -> None:
    scheduler, manager = clients(Role.SCHEDULER), clients(Role.MANAGER)
    duty = {"on_duty": ["technician"], "policy": "live", "breakdown_minutes": 20}
    first = (await scheduler.post(SESSIONS, json=committee(**duty))).json()["id"]
    for scarce, wanted in (
        ("room", committee(first=12, last=13, starts_at=at(18, 12, 10))),
        ("person", committee(first=11, last=13, room="plenary", on_duty=["technician"])),
        ("broadcasts", committee(first=11, last=13, room="plenary", policy="record")),
    ):
        refused = await scheduler.post(SESSIONS, json=wanted)
        assert refused.status_code == 409, wanted
        assert first in refused.json()["detail"]
        (clash,) = refused.json()["clashes"]
        assert (clash["scarce"], clash["with"][0]["session"]) == (scarce, first)
        over = {**wanted, "override": "так вирішив голова"}
        assert (await scheduler.post(SESSIONS, json=over)).status_code == 403
    assert (await manager.post(SESSIONS, json=over)).status_code == 201
    (line,) = (await admin.get("/api/v1/journal", params={"kind": "ClashOverridden"})).json()
    assert line["actor"] == "manager"
    assert "так вирішив голова" in json.dumps(line, ensure_ascii=False)
    stranger = await scheduler.post(SESSIONS, json=committee(day=20, on_duty=["nobody"]))
    assert [fault["field"] for fault in stranger.json()["errors"]] == ["on_duty"]


async def test_the_second_of_two_is_told_what_the_first_changed(
    clients: Clients, controller: Controller
) -> None:
    olena, taras = clients(Role.SCHEDULER), clients(Role.ADMIN)
    answer = await olena.post(SESSIONS, json=committee())
    path, tag = f"{SESSIONS}/{answer.json()['id']}", answer.headers["etag"]
    assert (await taras.get(path)).headers["etag"] == tag
    first = await taras.patch(path, json={"title": "Комісія з бюджету"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = await olena.patch(path, json={"room": "plenary"}, headers={"If-Match": tag})
    assert second.status_code == 412
    told = second.json()
    assert told["current"]["title"] == "Комісія з бюджету"
    assert told["changed"][0]["by"] == "admin"
    assert told["changed"][0]["before"] == {"title": "Комісія"}
    again = {"If-Match": first.headers["etag"]}
    assert (await olena.patch(path, json={"room": "plenary"}, headers=again)).status_code == 200
    assert (await olena.patch(path, json={"room": "committee"}, headers={"If-Match": "x"})).status_code == 422
    # A person who is limited to other rooms may neither change nor run it.
    await controller.accounts.set_rooms("technician", ("committee",), actor="test")
    limited = clients(Role.TECHNICIAN)
    assert (await limited.post(f"{path}/prepare")).status_code == 403
    assert [room["id"] for room in (await limited.get("/api/v1/rooms")).json()] == ["committee"]


async def test_a_series_stays_at_ten_and_is_changed_in_part(clients: Clients) -> None:
    scheduler = clients(Role.SCHEDULER)
    asked = {"booking": committee(), "rule": "FREQ=WEEKLY;COUNT=4"}
    series = (await scheduler.post("/api/v1/series", json=asked)).json()
    starts = [datetime.fromisoformat(one["starts_at"]) for one in series]
    assert [f"{moment:%d.%m %H:%M %z}" for moment in starts] == [
        "18.03 10:00 +0200",
        "25.03 10:00 +0200",
        "01.04 10:00 +0300",
        "08.04 10:00 +0300",
    ]
    paths = [f"{SESSIONS}/{one['id']}" for one in series]
    own = {"starts_at": at(26, 15), "ends_at": at(26, 16)}
    assert (await scheduler.patch(paths[1], json=own)).json()["place"]["moved"]
    later = {"starts_at": at(18, 11), "ends_at": at(18, 13), "title": "Бюджет", "scope": "all"}
    assert (await scheduler.patch(paths[0], json=later)).status_code == 200
    now = [(await scheduler.get(path)).json() for path in paths]
    clock = [datetime.fromisoformat(one["starts_at"]).astimezone(KYIV) for one in now]
    assert [f"{moment:%d %H}" for moment in clock] == ["18 11", "26 15", "01 11", "08 11"]
    assert {one["title"] for one in now} == {"Бюджет"}
    off = {"reason": "канікули", "scope": "following"}
    assert (await scheduler.post(f"{paths[2]}/cancel", json=off)).status_code == 202
    phases = [(await scheduler.get(path)).json()["phase"] for path in paths]
    assert phases == ["planned", "planned", "cancelled", "cancelled"]
    taken = {"booking": committee(day=19, first=15, last=17, starts_at=at(26, 15), ends_at=at(26, 17))}
    clash = await scheduler.post("/api/v1/series", json={**taken, "rule": "FREQ=DAILY;COUNT=3"})
    assert clash.status_code == 409  # all or none
    assert len((await scheduler.get(SESSIONS)).json()) == 4


@pytest.fixture
async def channel(free_port: Callable[[], int]) -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
    """A service of Apprise's that takes JSON, and what it was told."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        told.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield f"json://127.0.0.1:{port}/token-that-is-secret", told


@pytest.mark.timeout(90)  # Apprise reads its hundred services: two seconds of a core
async def test_people_on_duty_are_told_and_the_journal_says_so(
    clients: Clients,
    controller: Controller,
    watch: Any,
    channel: tuple[str, asyncio.Queue[dict[str, Any]]],
) -> None:
    address, told = channel
    await controller.contacts.set_contact("technician", address, actor="technician")
    scheduler = clients(Role.SCHEDULER)
    booked = await scheduler.post(SESSIONS, json=committee(on_duty=["technician", "manager"]))
    path = f"{SESSIONS}/{booked.json()['id']}"
    assert "призначено" in (await told.get())["title"]
    nowhere = await watch.sees(DutyTold, person="manager")
    assert (nowhere.told, nowhere.problem) == (False, "no address is known")
    moved = {"starts_at": at(18, 14), "ends_at": at(18, 16), "reason": "зал зайнятий"}
    await scheduler.patch(path, json=moved)
    message = (await told.get())["message"]
    assert "Було: 18.03.2027 10:00" in message
    assert "Стало: 18.03.2027 14:00" in message
    assert "зал зайнятий" in message
    await watch.sees(DutyTold, person="technician", change="moved", told=True)
    await scheduler.post(f"{path}/cancel", json={"reason": "немає кворуму"})
    assert "немає кворуму" in (await told.get())["message"]
    await watch.sees(DutyTold, person="technician", change="cancelled", told=True)
    lines = (await clients(Role.ADMIN).get("/api/v1/journal", params={"limit": 500})).text
    assert "token-that-is-secret" not in lines


async def test_what_is_held_elsewhere_takes_no_room_and_closed_items_have_no_title_outside(
    clients: Clients, controller: Controller
) -> None:
    scheduler, nobody = clients(Role.SCHEDULER), clients()
    hall = (await scheduler.post(SESSIONS, json=committee(off_site=True, policy="live"))).json()
    assert (hall["room"], hall["off_site"]) == ("", True)
    assert controller.sessions.in_room("committee") is None
    secret = {"number": "1", "title": "Про кадри", "speaker": "Кадровик", "closed": True}
    agenda = [secret, {"number": "2", "title": "Про парки"}]
    details = committee(title="Перша\nдруга\a", agenda=agenda, on_duty=["technician"])
    booked = (await scheduler.post(SESSIONS, json=details)).json()
    assert booked["title"] == "Перша друга"
    blank = await scheduler.post(SESSIONS, json=committee(day=19, title="  "))
    assert [fault["field"] for fault in blank.json()["errors"]] == ["title"]
    own = (await clients(Role.TECHNICIAN).post("/api/v1/me/calendar")).json()["path"]
    for address, told in (("/calendar.ics", False), ("/calendar/rooms/committee.ics", False), (own, True)):
        feed = Calendar.from_ical((await nobody.get(address)).content)
        (said,) = [one["description"] for one in feed.walk("VEVENT") if one["summary"] == "Перша друга"]
        assert ("Про кадри" in said, "Кадровик" in said, "2. Про парки" in said) == (told, told, True)
    feed = Calendar.from_ical((await nobody.get("/calendar.ics")).content)
    assert [one["description"] for one in feed.walk("VEVENT") if one["summary"] == "Комісія"] == [
        "Без трансляції"
    ]


async def test_the_hour_that_is_shown_twice_in_autumn_goes_out_and_comes_back(clients: Clients) -> None:
    scheduler, nobody = clients(Role.SCHEDULER), clients()
    second = datetime(2027, 10, 31, 3, 30, tzinfo=KYIV, fold=1)
    starts = datetime(2027, 10, 31, 1, 0, tzinfo=KYIV).isoformat()
    await scheduler.post(SESSIONS, json=committee(starts_at=starts, ends_at=second.isoformat()))
    feed = await nobody.get("/calendar.ics")
    ends = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    (event,) = Calendar.from_ical(feed.content).walk("VEVENT")
    assert event["dtend"].dt.astimezone(UTC) == ends
    assert vobject.readOne(feed.text).vevent.dtend.value.astimezone(UTC) == ends
    kind = {"Content-Type": "text/calendar"}
    back = await scheduler.post("/api/v1/imports", content=feed.content, headers=kind)
    assert [line["verdict"] for line in back.json()["lines"]] == ["same"]


async def test_a_bad_line_is_told_in_words_of_its_column(clients: Clients) -> None:
    scheduler = clients(Role.SCHEDULER)
    lines = (
        "Назва,Зала,Дата,Початок,Закінчення,Трансляція,Виїзне,Чергові,Питання,Документ",
        'Добре,"Школа № 5",19.03.2027,10:00,11:00,,так,technician; manager,,',
        "Довге,committee,19.03.2027,09:00,09:00,ні,,,,",
        "Документ,committee,19.03.2027,10:00,12:00,ні,,,Про парки,у папці",
        ",committee,20.03.2027,10:00,12:00,ні,,,,",
        "Люди,committee,20.03.2027,10:00,12:00,ні,,nobody,,",
    )
    kind = {"Content-Type": "text/csv"}
    answer = await scheduler.post("/api/v1/imports", content="\n".join(lines).encode(), headers=kind)
    found = answer.json()["lines"]
    assert [[(one["field"], one["got"]) for one in line["faults"]] for line in found] == [
        [],
        [("ends_at", "09:00")],
        [("document", "у папці")],
        [("title", "")],
        [("on_duty", "nobody")],
    ]
    assert found[3]["faults"][0]["expected"] == "a title of at most 300 characters"


async def test_lists_come_in_once_and_calendars_go_out(clients: Clients, controller: Controller) -> None:
    scheduler, nobody = clients(Role.SCHEDULER), clients()
    book, file = Workbook(), io.BytesIO()
    assert book.active is not None
    for line in (
        (
            "Ключ",
            "Назва",
            "Зала",
            "Дата",
            "Початок",
            "Закінчення",
            "Трансляція",
            "Чергові",
            "Питання",
            "Закрите",
        ),
        (
            "К-1",
            "Пленарне",
            "Сесійна зала",
            datetime(2027, 3, 27),
            "22:00",
            "05:00",
            "ні",
            "technician",
            "А",
            "",
        ),
        ("К-1", "", "", "", "", "", "", "", "Б", "так"),
        ("К-2", "Погане", "Підвал", "31.02.2027", "10:00", "12:00", "ні", "", "", ""),
    ):
        book.active.append(line)
    book.save(file)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    async def look(data: bytes, kind: str) -> dict[str, Any]:
        answer = await scheduler.post("/api/v1/imports", content=data, headers={"Content-Type": kind})
        assert answer.status_code == 201, answer.text
        seen: dict[str, Any] = answer.json()
        return seen

    async def confirm(preview: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = (await scheduler.post(f"/api/v1/imports/{preview['id']}/confirm")).json()
        return done

    preview = await look(file.getvalue(), kind)
    assert [line["verdict"] for line in preview["lines"]] == ["new", "bad"]
    assert [fault["field"] for fault in preview["lines"][1]["faults"]] == ["room", "day"]
    assert (await scheduler.get(SESSIONS)).json() == []
    await confirm(preview)
    (session,) = (await scheduler.get(SESSIONS)).json()
    ends = datetime.fromisoformat(session["ends_at"]).astimezone(KYIV)
    assert f"{ends:%d %H:%M %z}" == "28 05:00 +0300"  # past midnight, and past the change of clocks
    assert [item["closed"] for item in session["agenda"]] == [False, True]
    again = await look(file.getvalue(), kind)
    assert [line["verdict"] for line in again["lines"]] == ["same", "bad"]
    table = (await scheduler.get("/api/v1/schedule.csv")).content
    ours = await look(table.replace("Пленарне".encode(), "Бюджетне".encode()), "text/csv")
    assert [(line["verdict"], line["fields"]) for line in ours["lines"]] == [("changed", ["title"])]
    await confirm(ours)

    # Two readers that know nothing of us.
    feed = await nobody.get("/calendar.ics")
    assert feed.headers["content-type"] == "text/calendar; charset=utf-8"
    unchanged = await nobody.get("/calendar.ics", headers={"If-None-Match": feed.headers["etag"]})
    assert unchanged.status_code == 304
    assert max(map(len, feed.content.split(b"\r\n"))) <= 75
    (event,) = Calendar.from_ical(feed.content).walk("VEVENT")
    assert (event["uid"], event["summary"], int(event["sequence"])) == (
        f"{session['id']}@avctl",
        "Бюджетне",
        1,
    )
    assert event["dtend"].dt.astimezone(UTC) == datetime(2027, 3, 28, 2, tzinfo=UTC)
    other = vobject.readOne(feed.text).vevent
    assert other.summary.value == "Бюджетне"
    assert other.dtstart.value.astimezone(UTC) == datetime(2027, 3, 27, 20, tzinfo=UTC)
    assert other.dtend.value - other.dtstart.value == timedelta(hours=6) or other.dtend.value.tzinfo

    # A calendar of one's own, by an address that ends when it is renewed.
    technician = clients(Role.TECHNICIAN)
    old = (await technician.post("/api/v1/me/calendar")).json()["path"]
    assert "technician" in (await nobody.get(old)).text
    assert (await technician.post("/api/v1/me/calendar")).status_code == 201
    assert (await nobody.get(old)).status_code == 404
    empty = Calendar.from_ical((await nobody.get("/calendar/rooms/committee.ics")).content)
    assert not empty.walk("VEVENT")

    # Somebody else's calendar comes in, with a series, an exception, and what was called off.
    theirs = "\r\n".join(
        (
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//other//", "BEGIN:VEVENT", "UID:a@other"),
            *(
                "DTSTAMP:20270101T000000Z",
                "SUMMARY:Комісія",
                "LOCATION:Зала комісій",
                "DTSTART:20270316T080000Z",
            ),
            *("DURATION:PT90M", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20270323T080000Z", "END:VEVENT"),
            *("BEGIN:VEVENT", "UID:b@other", "DTSTAMP:20270101T000000Z", "SUMMARY:Цілий день"),
            *("DTSTART;VALUE=DATE:20270317", "LOCATION:Зала комісій", "END:VEVENT", "END:VCALENDAR", ""),
        )
    )
    calendar = await look(theirs.encode(), "text/calendar")
    assert [line["verdict"] for line in calendar["lines"]] == ["new", "new", "bad"]
    await confirm(calendar)
    assert clocks(controller) == ["16 10:00 planned", "30 10:00 planned"]

    # An hour later and with another exception it is the same series, and what went is called off.
    again = await look(theirs.replace("T080000Z", "T090000Z").encode(), "text/calendar")
    assert [(line["verdict"], line["fields"][:2]) for line in again["lines"]] == [
        ("changed", ["starts_at", "ends_at"]),
        ("changed", ["starts_at", "ends_at"]),
        ("bad", []),
    ]
    await confirm(again)
    less = theirs.replace("T080000Z", "T090000Z").replace("EXDATE:20270323T09", "EXDATE:20270330T08")
    again = await look(less.encode(), "text/calendar")
    assert [line["verdict"] for line in again["lines"]] == ["same", "changed", "bad"]
    await confirm(again)
    fewer = await look(less.replace("COUNT=3", "COUNT=1").encode(), "text/calendar")
    assert [line["verdict"] for line in fewer["lines"]] == ["same", "bad", "cancelled"]
    await confirm(fewer)
    assert clocks(controller) == ["16 11:00 planned", "23 11:00 cancelled"]

    await scheduler.post(f"{SESSIONS}/{session['id']}/cancel", json={"reason": "кворум"})
    (gone,) = [
        event
        for event in Calendar.from_ical((await nobody.get("/calendar.ics")).content).walk("VEVENT")
        if event["uid"] == f"{session['id']}@avctl"
    ]
    assert (gone["status"], int(gone["sequence"])) == ("CANCELLED", 2)
