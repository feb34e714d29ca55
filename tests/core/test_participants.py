"""Who sits in which seat: whose word counts, and when a name is nobody's any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook

from avctl.commands import (
    BookSession,
    Command,
    ListParticipants,
    RestoreSeat,
    ShowSpeaker,
    SubstituteParticipant,
)
from avctl.config import Config, Device, Follow, Room
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import (
    MicOpened,
    ParticipantsListed,
    SeatRestored,
    SeatSubstituted,
    SpeakerShown,
)
from avctl.model.participants import Origin, Participant, Seating, as_list
from avctl.services.participants import Participants
from avctl.services.roster import read

CSV = "Місце;ПІБ;Фракція;Картка\n1;Олена Марчук;Кияни;A-1\n14;Лук’ян Дзвінчук;Каштани;\n"


# --- whose word counts -----------------------------------------------------------------------------------


def seated(*people: Participant, origin: Origin = Origin.IMPORT) -> Seating:
    event = ParticipantsListed(session="s", people=as_list(people), origin=origin.value)
    return Seating(session="s").after(event)


def who(seating: Seating, seat: int, told: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    one = seating.occupants(told)[seat]
    return one.name, one.origin.value


OLENA = Participant(name="Олена Марчук", group="Кияни", seat=1, card="A-1")
TARAS = Participant(name="Тарас Вітрук", group="Каштани", seat=2)


def test_a_substitution_goes_before_a_list_and_a_list_before_the_system() -> None:
    told = {"1": {"name": "Система Каже"}, "3": {"name": "Гнат Орлюк"}, "4": {"name": ""}}
    listed = seated(OLENA, TARAS)
    assert who(listed, 1, told) == ("Олена Марчук", "import")
    assert who(listed, 3, told) == ("Гнат Орлюк", "system")
    assert who(listed, 4, told) == ("", "unknown")
    said = listed.after(SeatSubstituted(session="s", seat=1, name="Ярина Росяненко"))
    assert who(said, 1, told) == ("Ярина Росяненко", "substitution")
    assert who(said.after(SeatRestored(session="s", seat=1)), 1, told) == ("Олена Марчук", "import")


def test_a_card_at_the_seat_goes_before_a_list_and_names_its_owner() -> None:
    told = {"1": {"name": "Гнат Орлюк", "authenticated": True}, "5": {"name": "", "card": "A-1"}}
    assert who(seated(OLENA), 1, told) == ("Гнат Орлюк", "card")
    assert who(seated(OLENA), 5, told) == ("Олена Марчук", "card")


def test_nobody_is_in_two_seats() -> None:
    told = {"7": {"name": "ОЛЕНА МАРЧУК", "authenticated": True}}
    assert who(seated(OLENA), 7, told)[1] == "card"
    assert 1 not in seated(OLENA).occupants(told)  # she is at seat 7: who presses at 1 is not known
    moved = seated(OLENA, TARAS).after(SeatSubstituted(session="s", seat=9, name="Тарас Вітрук"))
    assert 2 not in moved.occupants({})
    assert who(moved, 9, {}) == ("Тарас Вітрук", "substitution")


def test_who_logs_in_after_a_substitution_ends_it() -> None:
    said = seated().after(SeatSubstituted(session="s", seat=1, name="Ярина Росяненко", instead="Гнат Орлюк"))
    before = {"1": {"name": "Гнат Орлюк", "authenticated": True}}
    assert who(said, 1, before) == ("Ярина Росяненко", "substitution")  # it was said in spite of that card
    after = {"1": {"name": "Левко Хмелюк", "authenticated": True}}
    assert who(said, 1, after) == ("Левко Хмелюк", "card")


def test_the_list_of_an_earlier_session_counts_only_where_the_system_names_nobody() -> None:
    earlier = seated(OLENA, origin=Origin.EARLIER)
    assert who(earlier, 1, {"1": {"name": ""}, "2": {"name": ""}}) == ("Олена Марчук", "earlier")
    assert who(earlier, 1, {"1": {"name": ""}, "2": {"name": "Гнат Орлюк"}}) == ("", "unknown")


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_a_list_is_read_as_spreadsheets_write_it(encoding: str, separator: str) -> None:
    rows = read(CSV.replace(";", separator).encode(encoding))
    assert [row.participant for row in rows] == [
        OLENA,
        Participant(name="Лук’ян Дзвінчук", group="Каштани", seat=14),
    ]


def test_a_workbook_is_read_and_its_numbers_are_seats() -> None:
    book = Workbook()
    for line in (("Full name", "Faction", "Seat"), ("Olena", "K", 1.0), ("Taras", None, 2)):
        book.active.append(line)
    kept = BytesIO()
    book.save(kept)
    assert [(row.good, row.participant.seat) for row in read(kept.getvalue())] == [(True, 1), (True, 2)]
    with pytest.raises(BadArgument, match="whole"):
        read(kept.getvalue()[:-400])


def test_a_faction_that_is_joined_over_its_people_is_the_faction_of_each() -> None:
    book = Workbook()
    table = ("Список",), ("ПІБ", "Місце", "Фракція"), ("А", 1, "Каштани"), ("Б", 2), ("В", 3)
    for line in (*table, ("Г", 4, "Кияни")):
        book.active.append(line)
    for area in ("A1:C1", "C3:C5"):
        book.active.merge_cells(area)
    kept = BytesIO()
    book.save(kept)
    assert [row.group for row in read(kept.getvalue())] == ["Каштани"] * 3 + ["Кияни"]


def test_a_name_may_stand_in_columns_of_its_parts() -> None:
    head = "Прізвище;Ім’я;По батькові;№ місця;Посада;Фракція\n"
    text = f"{head}Марчук;Олена;Іванівна;7;голова;\nВітрук;;;8\n;;;9\n"
    rows = read(text.encode())
    assert rows[0].group == "голова"
    assert [(row.name, row.good) for row in rows] == [
        ("Марчук Олена Іванівна", True),
        ("Вітрук", True),
        ("", False),
    ]


def test_each_row_says_what_is_wrong_in_which_column() -> None:
    text = "seat,name,card\n1,A,\n1,B,\n,C,\nx,D,\n3,,\n0,E,\n,F,c1\n4,G,c1\n5," + "Я" * 201 + ",\n"
    found = [[(one.column, one.code) for one in row.faults] for row in read(text.encode())]
    assert found == [
        [],
        [("seat", "same_seat")],
        [("seat", "no_seat")],
        [("seat", "bad_seat")],
        [("name", "no_name")],
        [("seat", "bad_seat")],
        [],
        [("card", "same_card")],
        [("name", "long_name")],
    ]
    numbers = [row.participant.seat for row in read("ПІБ;Місце\nА;№ 16\nБ;місце 17\nВ;18,0\n".encode())]
    assert numbers == [16, 17, 18]
    assert read(text.encode())[1].faults[0].value == "1, 2"  # the seat, and the row that has it


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\n\n",
        b"\x89PNG\r\n\x1a\n\0\0\x98",
        b"PK\x03\x04 no zip",
        b"%PDF-1.4 \xff\x98",
        b"{}",
        b"name;faction\nA;B\n",
    ],
)
def test_what_is_no_list_is_refused_with_a_reason(nonsense: bytes) -> None:
    with pytest.raises(BadArgument) as refusal:
        read(nonsense)
    assert refusal.value.field == "file"


# --- a session ---------------------------------------------------------------------------------------------


def hall(free_port: Callable[[], int]) -> Config:
    device = Device(id="hall-dicentis", room="plenary", driver="bosch_dicentis", port=free_port())
    return Config(rooms=(Room(id="plenary", title="Зала"),), devices=(device,), follow=Follow(wide_after=0))


async def booked(one: Any, begins: timedelta = timedelta()) -> str:
    start = datetime.now(UTC) + begins
    details = {
        "title": "Засідання",
        "body": "Рада",
        "room": "plenary",
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=1)).isoformat(),
    }
    return str((await one.desk.obey(BookSession(actor="olena", details=details))).id)


async def test_the_lower_third_has_the_name_that_is_known_now_and_none_that_is_stale(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await booked(one)

        async def show(command: Command) -> None:
            assert isinstance(command, ShowSpeaker)
            one.bus.publish(SpeakerShown(session=command.session, name=command.name, role=command.role))

        one.desk.handle(ShowSpeaker, show)
        one.bus.publish(one.sessions.get(session).open("olena"))
        preview = await one.participants.look(session, CSV.encode(), "deputies.csv")
        assert one.participants.seating(session).empty  # nothing is written before somebody says so
        take = ListParticipants(actor="secretary", session=session, preview=preview.id)
        await one.desk.obey(take)
        with pytest.raises(NotFound):
            await one.desk.obey(take)
        system = one.simulators["hall-dicentis"]
        system.speak(14)
        await one.sees(SpeakerShown, name="Лук’ян Дзвінчук", role="Каштани")
        assert one.follow.floor("plenary").speakers[0].name == "Лук’ян Дзвінчук"

        # One act, while she speaks; the list knows the faction of whom it knows.
        await one.desk.obey(
            SubstituteParticipant(actor="secretary", session=session, seat=14, name="олена марчук")
        )
        await one.sees(SpeakerShown, name="олена марчук", role="Кияни")
        await one.desk.obey(SubstituteParticipant(actor="secretary", session=session, seat=14, name=""))
        await one.sees(SpeakerShown, name="")
        await one.desk.obey(RestoreSeat(actor="secretary", session=session, seat=14))
        with pytest.raises(BadArgument, match="a seat of this hall, 1400 is not"):
            await one.desk.obey(
                SubstituteParticipant(actor="secretary", session=session, seat=1400, name="Олена")
            )
        await one.sees(SpeakerShown, name="Лук’ян Дзвінчук")

        # Whoever speaks while the link is away is not known to speak still; what the system named is gone.
        await system.unplug()
        await one.sees(SpeakerShown, name="")
        floor = one.follow.floor("plenary")
        assert not floor.known
        assert one.participants.who("plenary", 3).name == ""
        await system.plug()
        await one.sees(SpeakerShown, name="Лук’ян Дзвінчук")
        assert one.participants.who("plenary", 3).name

        # The end keeps who sat there; the record gives it back, also after a restart.
        one.bus.publish(one.sessions.get(session).close("olena"))
        await one.sessions.chapters(session)  # until the record has it
        with pytest.raises(Conflict):
            await one.desk.obey(SubstituteParticipant(actor="secretary", session=session, seat=1, name="X"))
        again = Participants(one.bus, one.store, one.journal, one.house, one.sessions)
        await again.restore()
        assert again.seating(session) == one.participants.seating(session)
        _, sat = await one.participants.find(one.sessions.get(session))
        assert {(p.seat, p.name, p.origin) for p in sat} >= {(14, "Лук’ян Дзвінчук", Origin.IMPORT)}

        # The next session of this body begins with nobody of the last one, until somebody says so.
        following = await booked(one, timedelta(hours=2))
        assert one.participants.seating(following).empty
        last = await one.participants.look_back(following)
        assert last.source == "Засідання"
        await one.desk.obey(ListParticipants(actor="secretary", session=following, preview=last.id))
        await one.sees(ParticipantsListed, session=following, origin="earlier")
        rows = (await one.participants.find(one.sessions.get(following)))[1]
        assert next(row for row in rows if row.seat == 14).origin is not Origin.EARLIER  # the system names it


async def test_a_card_at_a_dicentis_seat_is_believed(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await booked(one)
        preview = await one.participants.look(session, CSV.encode(), "deputies.csv")
        await one.desk.obey(ListParticipants(actor="secretary", session=session, preview=preview.id))
        assert one.participants.who("plenary", 14).origin is Origin.IMPORT
        system = one.simulators["hall-dicentis"]
        system.identify()
        system.sit(14, "Соломія Гайова")
        await one.until(lambda: one.participants.who("plenary", 14).origin is Origin.CARD)
        assert one.participants.who("plenary", 14).name == "Соломія Гайова"
        system.speak(14)
        await one.sees(MicOpened, seat=14)
        assert one.follow.floor("plenary").speakers[0].name == "Соломія Гайова"
