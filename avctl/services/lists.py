"""The schedule as a table: what its columns are called, how a line is read and how one is written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from avctl.config import Config
from avctl.model.body import Body, BodyKind
from avctl.model.booking import LONGEST_ITEM, Kind, Policy
from avctl.model.series import placed
from avctl.model.session import Session
from avctl.sheets import Row, Sheet
from avctl.written import clock_of, day_of, moment_of, truth_of

SESSION: Mapping[str, tuple[str, ...]] = {
    "key": ("Ключ", "Key", "ID", "Код"),
    "title": ("Назва", "Назва засідання", "Засідання", "Title"),
    "body": ("Орган", "Комісія", "Body"),
    "kind": ("Вид", "Вид засідання", "Kind"),
    "room": ("Зала", "Зал", "Приміщення", "Кімната", "Місце", "Місце проведення", "Room"),
    "day": ("Дата", "Дата проведення", "Date"),
    "starts_at": ("Початок", "Час", "Час початку", "Start", "Begins"),
    "ends_at": ("Закінчення", "Кінець", "Завершення", "Час закінчення", "End", "Ends"),
    "minutes": ("Тривалість", "Тривалість, хв", "Duration"),
    "setup_minutes": ("Підготовка", "Підготовка, хв", "Set-up"),
    "breakdown_minutes": ("Після засідання", "Після засідання, хв", "Розбирання", "Break-down"),
    "policy": ("Трансляція", "Broadcast", "Policy"),
    "release_at": ("Оприлюднення запису", "Оприлюднити", "Release"),
    "off_site": ("Виїзне", "Off-site"),
    "remote_link": ("Посилання", "Посилання на конференцію", "Link"),
    "on_duty": ("Чергові", "Черговий", "On duty"),
}
ITEM: Mapping[str, tuple[str, ...]] = {
    "number": ("№", "№ питання", "Номер", "№ з/п", "Number"),
    "item": ("Питання", "Питання порядку денного", "Назва питання", "Item"),
    "speaker": ("Доповідач", "Доповідає", "Speaker"),
    "document": ("Документ", "Проєкт рішення", "Посилання на документ", "Document"),
    "closed": ("Закрите", "Закрите питання", "Closed"),
    "item_minutes": ("Хвилин на питання", "Тривалість питання", "Item minutes"),
}
COLUMNS: Mapping[str, tuple[str, ...]] = {**SESSION, **ITEM}
KINDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PLENARY: ("пленарне засідання", "пленарне", "сесія"),
    Kind.COMMITTEE: ("засідання комісії", "комісія"),
    Kind.EXECUTIVE: ("засідання виконкому", "виконком", "виконавчий комітет"),
    Kind.HEARING: ("слухання", "громадські слухання"),
    Kind.BRIEFING: ("брифінг",),
    Kind.ONLINE: ("онлайн-захід", "онлайн", "дистанційне"),
}
POLICIES: Mapping[Policy, tuple[str, ...]] = {
    Policy.LIVE: ("наживо", "пряма трансляція", "пряма", "трансляція", "так", "yes"),
    Policy.DELAYED: ("із затримкою", "з затримкою", "відкладена"),
    Policy.RECORD: ("запис", "лише запис", "після погодження"),
    Policy.NONE: ("ні", "немає", "без трансляції", "no"),
}
SITS: Mapping[BodyKind, Kind] = {
    BodyKind.COUNCIL: Kind.PLENARY,
    BodyKind.COMMITTEE: Kind.COMMITTEE,
    BodyKind.EXECUTIVE: Kind.EXECUTIVE,
}
FORMULA = ("=", "+", "@")  # a spreadsheet would work these out


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong in a line: the column, what was expected there, what stands there."""

    field: str
    expected: str
    got: str = ""


@dataclass(kw_only=True)
class Candidate:
    """What a line asks for: fields of a booking, as far as it says them."""

    line: int
    key: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    cancelled: bool = False
    agenda_only: bool = False  # of a session that is booked already: found by key, or by day, body and title
    day: date | None = None
    family: str = ""  # what names all the occurrences of a series that the list has whole
    session: str = ""  # the one it stands for, where its key is another than that was imported under


class Reader:
    """Reads the lines of a table on the council's clock, with the names of its rooms and bodies."""

    def __init__(self, config: Config, bodies: Iterable[Body]) -> None:
        self._zone = config.site.zone
        self._rooms = {
            _folded(name): room.id
            for room in config.rooms
            for name in (room.title_en, room.title, room.id)
            if name
        }
        self._titles = [room.title for room in config.rooms]
        self._bodies = {
            _folded(name): body for body in bodies for name in (body.name_en, body.name, body.id) if name
        }

    def read(self, sheet: Sheet) -> tuple[Candidate, ...]:
        """The sessions of a sheet, each with the agenda that stands in its lines and those below."""
        found: list[Candidate] = []
        agenda_only = not {"starts_at", "title"} <= set(sheet.columns)
        for row in sheet.rows:
            same = found and self._continues(row, found[-1])
            if not same:
                found.append(self._session(row, agenda_only))
            one = found[-1]
            if row.overfull:
                one.faults.append(Fault(field="", expected="as many cells as there are headings"))
            if row.get("item"):
                self._item(row, one)
        return tuple(found)

    def _continues(self, row: Row, before: Candidate) -> bool:
        """Whether a line only brings another item of the session above it."""
        if not row.get("item"):
            return False
        said = [row.get(name) for name in ("title", "starts_at", "day", "body")]
        if not any(said):
            return row.get("key") in ("", before.key)
        return self._key(row) == before.key and bool(before.key)

    def _session(self, row: Row, agenda_only: bool) -> Candidate:
        one = Candidate(line=row.number, key=self._key(row), agenda_only=agenda_only)
        details = one.details
        for name in ("title", "remote_link"):
            if row.get(name):
                details[name] = _plain(row.get(name))
        body = self._bodies.get(_folded(row.get("body")))
        if row.get("body"):
            details["body"] = body.name if body is not None else row.get("body")
        if row.get("off_site"):
            self._try(one, row, "off_site", truth_of)
        if row.get("room") and not details.get("off_site"):
            self._try(one, row, "room", self._room)
        for name, words, otherwise in (("kind", KINDS, _usual(body)), ("policy", POLICIES, "")):
            if row.get(name):
                self._try(one, row, name, lambda text, words=words: _word(text, words))
            elif otherwise:
                details[name] = otherwise
        for name in ("setup_minutes", "breakdown_minutes"):
            if row.get(name):
                self._try(one, row, name, _minutes)
        if row.get("release_at"):
            self._try(one, row, "release_at", lambda text: placed(moment_of(text), self._zone).isoformat())
        if row.get("on_duty"):
            names = re.split(r"[,;\n]", row.get("on_duty"))
            details["on_duty"] = [name.strip() for name in names if name.strip()]
        self._times(one, row, body)
        return one

    def _times(self, one: Candidate, row: Row, body: Body | None) -> None:
        """Start and end: a day with times, or whole moments; an end that is earlier is of the next day."""
        try:
            one.day = day_of(row.get("day")) if row.get("day") else None
        except ValueError:
            one.faults.append(Fault(field="day", expected="a date such as 11.02.2027", got=row.get("day")))
            return
        if not row.get("starts_at"):
            if not one.agenda_only:
                one.faults.append(Fault(field="starts_at", expected="a time such as 10:00"))
            return
        try:
            starts = _clock(row.get("starts_at"), one.day)
        except ValueError:
            expected = "a time such as 10:00, with its date here or in a column of its own"
            one.faults.append(Fault(field="starts_at", expected=expected, got=row.get("starts_at")))
            return
        one.day = starts.date()
        try:
            ends = _end(row, starts, body)
        except ValueError:
            got = row.get("ends_at") or row.get("minutes")
            one.faults.append(Fault(field="ends_at", expected="a time such as 18:00, or a duration", got=got))
            return
        one.details["starts_at"] = placed(starts, self._zone).isoformat()
        one.details["ends_at"] = placed(ends, self._zone).isoformat()

    def _item(self, row: Row, one: Candidate) -> None:
        agenda: list[dict[str, Any]] = one.details.setdefault("agenda", [])
        item: dict[str, Any] = {
            "number": row.get("number") or str(len(agenda) + 1),
            "title": _plain(row.get("item")),
            "speaker": _plain(row.get("speaker")),
        }
        if row.get("document"):
            item["document"] = row.get("document")
        try:
            item["closed"] = truth_of(row.get("closed"))
        except ValueError:
            one.faults.append(Fault(field="closed", expected="yes or no", got=row.get("closed")))
        if minutes := row.get("item_minutes"):
            if minutes.isdecimal() and minutes.isascii() and 1 <= int(minutes[:5]) <= LONGEST_ITEM:
                item["minutes"] = int(minutes)
            else:
                one.faults.append(Fault(field="item_minutes", expected="a number of minutes", got=minutes))
        agenda.append(item)

    def _key(self, row: Row) -> str:
        """By what a line is found again: the list's own key, else what is said of it on its day."""
        if row.get("key"):
            return row.get("key")[:300]
        parts = [_folded(row.get(name)) for name in ("body", "title")]
        try:
            whole = (
                " ".join((row.get("day"), row.get("starts_at"))) if row.get("day") else row.get("starts_at")
            )
            day = day_of(row.get("day")) if row.get("day") else moment_of(whole).date()
        except ValueError:
            return ""
        return "|".join((day.isoformat(), *parts))[:300] if any(parts) else ""

    def _room(self, text: str) -> str:
        try:
            return self._rooms[_folded(text)]
        except KeyError:
            raise ValueError(f"one of {', '.join(self._titles)}") from None

    @staticmethod
    def _try(one: Candidate, row: Row, name: str, read: Any) -> None:
        try:
            one.details[name] = read(row.get(name))
        except ValueError:
            one.faults.append(Fault(field=name, expected=EXPECTED[name], got=row.get(name)))


EXPECTED: Mapping[str, str] = {
    "room": "the name or id of a room",
    "kind": "a kind of sitting, such as пленарне or комісія",
    "policy": "a kind of broadcast: наживо, із затримкою, запис or ні",
    "setup_minutes": "a number of minutes",
    "breakdown_minutes": "a number of minutes",
    "off_site": "yes or no",
    "release_at": "a date and a time such as 12.02.2027 18:00",
}


def _clock(text: str, day: date | None) -> datetime:
    """A moment on the council's clock, from a time alone when the day is known."""
    try:
        return moment_of(text).replace(tzinfo=None)
    except ValueError:
        if day is None:
            raise
        return datetime.combine(day, clock_of(text))


def _end(row: Row, starts: datetime, body: Body | None) -> datetime:
    if row.get("ends_at"):
        ends = _clock(row.get("ends_at"), starts.date())
        if ends == starts:
            raise ValueError("no length")
        # A sitting past midnight: 22:00 to 01:30.
        return ends if ends > starts or ends.date() != starts.date() else ends + timedelta(days=1)
    if row.get("minutes"):
        return starts + timedelta(minutes=_minutes(row.get("minutes")))
    if body is not None and body.templates:
        return starts + timedelta(minutes=body.templates[0].minutes)
    raise ValueError("no end")


def _minutes(text: str) -> int:
    """90, "90 хв" or 1:30."""
    if ":" in text:
        clock = clock_of(text)
        return clock.hour * 60 + clock.minute
    return int(text.casefold().removesuffix(".").removesuffix("хв").strip())


def _word(text: str, words: Mapping[Any, tuple[str, ...]]) -> str:
    said = _folded(text)
    for value, names in words.items():
        if said in (value.value, *names):
            return str(value.value)
    raise ValueError(text)


def _usual(body: Body | None) -> str:
    return SITS[body.kind].value if body is not None and body.kind in SITS else ""


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split())


def _plain(text: str) -> str:
    """Text without the mark that keeps a spreadsheet from working it out."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


# --- written ------------------------------------------------------------------------------------------


def written(sessions: Iterable[Session], config: Config) -> str:
    """Sessions as CSV that a Ukrainian Excel opens and that can be imported again."""
    file = io.StringIO(newline="")
    lines = csv.writer(file, delimiter=";")
    lines.writerow(headings[0] for headings in COLUMNS.values())
    for session in sessions:
        for line in _lines(session, config):
            lines.writerow(_safe(line.get(name, "")) for name in COLUMNS)
    return f"\ufeff{file.getvalue()}"


def _lines(session: Session, config: Config) -> Iterator[dict[str, str]]:
    booking, zone = session.booking, config.site.zone

    def local(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%d.%m.%Y %H:%M}"

    rooms = {room.id: room.title for room in config.rooms}
    first = {
        "key": booking.key or session.id,
        "title": booking.title,
        "body": booking.body,
        "kind": KINDS[booking.kind][0],
        "room": rooms.get(booking.room, booking.room),
        "day": f"{booking.starts_at.astimezone(zone):%d.%m.%Y}",
        "starts_at": f"{booking.starts_at.astimezone(zone):%H:%M}",
        "ends_at": local(booking.ends_at),
        "setup_minutes": str(booking.setup_minutes),
        "breakdown_minutes": str(booking.breakdown_minutes),
        "policy": POLICIES[booking.policy][0],
        "release_at": local(session.release_at)
        if booking.release_at is not None and session.release_at
        else "",
        "off_site": "так" if booking.off_site else "ні",
        "remote_link": str(booking.remote_link or ""),
        "on_duty": ", ".join(booking.on_duty),
    }
    items = [
        {
            "number": item.number,
            "item": item.title,
            "speaker": item.speaker,
            "document": str(item.document or ""),
            "closed": "так" if item.closed else "ні",
            "item_minutes": str(item.minutes or ""),
        }
        for item in booking.agenda
    ]
    yield {**first, **(items[0] if items else {})}
    for item in items[1:]:
        yield {"key": first["key"], **item}


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
