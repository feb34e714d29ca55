"""Microphone on: camera, name and chapter; last one off: the wide shot. Real drivers, simulated hall."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avctl.commands import BookSession, Command, ShowSpeaker
from avctl.config import Config, Device, Follow, Room, Shot
from avctl.events import (
    ChapterMarked,
    ItemStarted,
    MicClosed,
    MicOpened,
    ReadingsChanged,
    SpeakerShown,
    VerbAsked,
)
from avctl.model.booking import AgendaItem
from avctl.services.follow import printed_number

CHAIR, FIRST, SECOND = 1, 12, 34


def hall(free_port: Callable[[], int]) -> Config:
    shots = (
        Shot(camera="camera-1", preset=2, first=1, last=20),
        Shot(camera="camera-2", preset=3, first=21, last=120),
    )
    room = Room(id="plenary", title="Сесійна зала", wide=(Shot(camera="camera-1", preset=0),), shots=shots)
    devices = (
        Device(id="hall-dicentis", room="plenary", driver="bosch_dicentis", port=free_port()),
        Device(id="camera-1", room="plenary", driver="visca", port=free_port()),
        Device(id="camera-2", room="plenary", driver="visca", port=free_port()),
    )
    return Config(rooms=(room,), devices=devices, follow=Follow(wide_after=0))


async def open_session(one: Any, *agenda: dict[str, Any]) -> str:
    """A sitting that is open, with the names it shows told on the bus as its programme would."""
    now = datetime.now(UTC)
    details = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
        "agenda": agenda,
    }
    session = await one.desk.obey(BookSession(actor="olena", details=details))

    async def show(command: Command) -> None:
        assert isinstance(command, ShowSpeaker)
        one.bus.publish(SpeakerShown(session=command.session, name=command.name, role=command.role))

    one.desk.handle(ShowSpeaker, show)
    one.bus.publish(one.sessions.get(session.id).open("olena"))
    return str(session.id)


async def test_a_microphone_moves_the_camera_shows_the_name_and_marks_a_chapter(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one)
        one.simulators["hall-dicentis"].speak(FIRST)
        name = one.house.state("hall-dicentis").readings["seats"][str(FIRST)]["name"]
        assert name
        await one.sees(SpeakerShown, session=session, name=name)
        await one.until(lambda: one.house.state("camera-1").readings.get("preset") == 2)
        chapters = await one.sessions.chapters(session)
        assert [chapter.title for chapter in chapters if chapter.kind == "speaker"] == [name]


async def test_an_item_that_the_agenda_keeps_from_the_public_is_no_chapter(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    agenda = [
        {"number": "1", "title": "Про бюджет"},
        {"number": "2", "title": "Про кадри", "closed": True},
        {"number": "3", "title": "Різне"},
    ]
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one, *agenda)
        for item in agenda:
            one.bus.publish(ItemStarted(device="hall-dicentis", item=item["number"], title=item["title"]))
            assert one.sessions.get(session).item_closed is item.get("closed", False)
        await one.sees(ChapterMarked, session=session, title="Різне")
        chapters = await one.sessions.chapters(session)
        assert [chapter.title for chapter in chapters if chapter.kind == "item"] == ["Про бюджет", "Різне"]


async def test_the_last_microphone_off_brings_the_wide_shot_and_takes_the_name_off(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one)
        one.simulators["hall-dicentis"].speak(SECOND)
        await one.until(lambda: one.house.state("camera-2").readings.get("preset") == 3)
        one.simulators["hall-dicentis"].release(SECOND)
        await one.until(lambda: one.house.state("camera-1").readings.get("preset") == 0)
        assert one.sessions.get(session).speaker == ""
        assert one.follow.floor("plenary").speakers == ()


async def test_several_microphones_show_the_whole_hall(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        await open_session(one)
        one.simulators["hall-dicentis"].set_mode("open", max_speakers=4)
        for seat in (FIRST, SECOND):
            one.simulators["hall-dicentis"].speak(seat)
            await one.sees(MicOpened, seat=seat)
        await one.until(lambda: one.house.state("camera-1").readings.get("preset") == 0)


async def test_a_camera_that_is_away_is_replaced_by_the_wide_shot(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        await open_session(one)
        await one.simulators["camera-2"].unplug()
        await one.until(lambda: not one.house.state("camera-2").online)
        one.simulators["hall-dicentis"].speak(SECOND)
        asked = await one.sees(VerbAsked, verb="recall_preset")
        assert (asked.device, asked.arguments) == ("camera-1", {"preset": 0})


async def test_an_empty_seat_shows_no_name(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one)
        one.simulators["hall-dicentis"].leave(FIRST)
        await one.until(lambda: not one.house.state("hall-dicentis").readings["seats"][str(FIRST)]["name"])
        one.simulators["hall-dicentis"].speak(FIRST)
        await one.sees(MicOpened, seat=FIRST)
        await one.sees(SpeakerShown, session=session, name="")
        assert not any(chapter.kind == "speaker" for chapter in await one.sessions.chapters(session))


async def test_without_an_open_session_nothing_is_shown_and_no_camera_moves(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        one.simulators["hall-dicentis"].speak(FIRST)
        await one.sees(MicOpened, seat=FIRST)
        one.simulators["hall-dicentis"].release(FIRST)
        await one.sees(MicClosed, seat=FIRST)
        assert not any(isinstance(event, VerbAsked | ChapterMarked | SpeakerShown) for event in one.seen)


async def test_the_floor_is_unknown_while_the_system_is_away_and_whole_when_it_returns(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        simulator = one.simulators["hall-dicentis"]
        simulator.speak(FIRST)
        await one.sees(MicOpened, seat=FIRST)
        await simulator.unplug()
        await one.until(lambda: not one.follow.floor("plenary").known)
        simulator.release(FIRST)
        simulator.speak(SECOND)
        await simulator.plug()
        await one.sees(MicOpened, seat=SECOND)
        floor = one.follow.floor("plenary")
        assert floor.known
        assert [place.seat for place in floor.speakers] == [SECOND]


async def test_a_reading_that_names_a_new_deputy_reaches_the_floor(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        one.simulators["hall-dicentis"].speak(FIRST)
        await one.sees(MicOpened, seat=FIRST)
        one.simulators["hall-dicentis"].sit(FIRST, "Соломія Гайова")
        await one.sees(ReadingsChanged)
        await one.until(lambda: one.follow.floor("plenary").speakers[0].name == "Соломія Гайова")


@pytest.mark.parametrize(
    ("item", "title", "number"),
    [
        ("e9956b3c-a01f-5aa0-9000-000000000001", "Про бюджет", "7.1"),
        ("e9956b3c-a01f-5aa0-9000-000000000001", "Позачергове", ""),
        ("4", "Позачергове", "4"),
        ("2.3.", "Позачергове", "2.3."),
        ("", "Позачергове", ""),
    ],
)
def test_the_number_in_the_picture_is_that_of_the_agenda_and_never_a_systems_own_key(
    item: str, title: str, number: str
) -> None:
    agenda = (AgendaItem(number="7.1", title="Про бюджет"),)
    assert printed_number(ItemStarted(device="hall", item=item, title=title), agenda) == number
