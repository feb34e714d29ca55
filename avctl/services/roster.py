"""Lists of people out of files: each row is good, or says what is wrong in which of its cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from avctl import sheets
from avctl.errors import BadArgument
from avctl.model.participants import LAST_SEAT, Participant

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": (
        *("ПІБ", "П.І.Б.", "прізвище та ім'я", "прізвище, ім'я", "прізвище ім'я", "ім'я та прізвище"),
        *("прізвище, ім'я, по батькові", "прізвище ім'я по батькові", "прізвище, ім'я та по батькові"),
        *("депутат", "учасник", "особа", "full name", "participant", "deputy"),
    ),
    "last": ("прізвище", "surname", "last name", "family name"),
    "first": ("ім'я", "first name", "given name"),
    "middle": ("по батькові", "middle name", "patronymic"),
    "group": ("фракція", "фракція (група)", "група", "фракція/група", "фракція, група", "faction", "party"),
    "office": ("посада", "office", "role", "position"),
    "seat": ("місце", "номер місця", "№ місця", "крісло", "seat number", "place"),
    "card": ("картка", "номер картки", "№ картки", "карта", "card number"),
}
FAULTS: Mapping[str, str] = {
    "no_name": "a name is missing",
    "long_name": "the name is longer than 200 characters",
    "long_group": "the faction is longer than 200 characters",
    "signs": "it has characters that cannot be written",
    "no_seat": "a seat is missing, and there is no card",
    "bad_seat": "the seat is no number from 1 to 99999",
    "same_seat": "the seat is taken by an earlier row",
    "bad_card": "the card is longer than 64 characters",
    "same_card": "the card is an earlier row's",
    "overfull": "it has more cells than the table has columns",
}
NAMES = ("name", "last", "first", "middle")  # whole, or in parts as a list of a council writes them
LONGEST, LONGEST_CARD = 200, 64
NUMBER = re.compile(r"(?:№|місце|seat)?\s*(\d{1,5})(?:[.,]0+)?", re.IGNORECASE)
APOSTROPHES = "'’ʼ"  # each as good as the others


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong in one cell: its column, what (of FAULTS), and what stands there or where before."""

    column: str
    code: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row as it stands in the file; ``number`` is its own there."""

    number: int
    name: str
    group: str
    seat: str
    card: str
    faults: tuple[Fault, ...] = ()

    @property
    def good(self) -> bool:
        """Whether it can be taken over."""
        return not self.faults

    @property
    def participant(self) -> Participant:
        """Whom a good row is about."""
        return Participant(name=self.name, group=self.group, seat=_seat(self.seat) or 0, card=self.card)


def read(data: bytes) -> tuple[Row, ...]:
    """The rows of a file; BadArgument when it is no list of people."""
    headings = {
        column: tuple(name.replace("'", sign) for name in names for sign in APOSTROPHES)
        for column, names in COLUMNS.items()
    }
    sheet = sheets.read(data, headings, joined=True)
    if not set(NAMES) & set(sheet.columns):
        raise BadArgument("file", "a column with the heading 'ПІБ', or 'прізвище' and 'ім'я' (name)")
    if not {"seat", "card"} & set(sheet.columns):
        raise BadArgument("file", "a column with the heading 'місце', or 'картка' (seat, card)")
    if not sheet.rows:
        raise BadArgument("file", "at least one row below the headings")
    taken: dict[tuple[str, object], int] = {}
    return tuple(_row(row, taken) for row in sheet.rows)


def _row(row: sheets.Row, taken: dict[tuple[str, object], int]) -> Row:
    cells = {column: " ".join(row.get(column).split()) for column in COLUMNS}
    parts = [cells.pop(part) for part in NAMES[1:]]
    office = cells.pop("office")  # stands where there is no faction
    whole = {"name": cells["name"] or " ".join(filter(None, parts)), "group": cells["group"] or office}
    found = cells | whole
    faults = [] if not row.overfull else [Fault(column="name", code="overfull", value=found["name"][:60])]

    def fault(column: str, code: str, value: str = "") -> None:
        faults.append(Fault(column=column, code=code, value=value[:60]))

    for column, text in found.items():
        if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in text):
            fault(column, "signs", ascii(text))
    if not found["name"]:
        fault("name", "no_name")
    for column in ("name", "group"):
        if len(found[column]) > LONGEST:
            fault(column, f"long_{column}", found[column])
    seat = _seat(found["seat"])
    if not found["seat"] and not found["card"]:
        fault("seat", "no_seat")
    elif found["seat"] and seat is None:
        fault("seat", "bad_seat", found["seat"])
    if len(found["card"]) > LONGEST_CARD:
        fault("card", "bad_card", found["card"])
    for column, value in (("seat", seat), ("card", found["card"])):
        if value and (before := taken.setdefault((column, value), row.number)) != row.number:
            fault(column, f"same_{column}", f"{value}, {before}")
    return Row(number=row.number, faults=tuple(faults), **found)


def _seat(text: str) -> int | None:
    """The number of a seat, also one that a spreadsheet made a fraction; None when it is none."""
    found = NUMBER.fullmatch(text)
    return int(found[1]) if found and 1 <= int(found[1]) <= LAST_SEAT else None
