"""Tables as secretaries have them: encodings, delimiters, headings, workbooks, and what is no table."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from avctl.errors import BadArgument
from avctl.sheets import MOST_ROWS, Sheet, read
from avctl.written import clock_of, day_of, moment_of, truth_of

COLUMNS = {"title": ("Назва", "Title"), "day": ("Дата",), "closed": ("Закрите",)}
TABLE = "Назва;Дата\r\nПро бюджет, зміни;11.02.2027\r\n\r\n«Їжак»;12.02.2027\r\n"


def rows(sheet: Sheet) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, dict(row.values)) for row in sheet.rows]


EXPECTED = [
    (2, {"title": "Про бюджет, зміни", "day": "11.02.2027"}),
    (4, {"title": "«Їжак»", "day": "12.02.2027"}),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_a_table_is_read_in_every_encoding_an_office_has(encoding: str) -> None:
    assert rows(read(TABLE.encode(encoding), COLUMNS)) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        'Назва,Дата\n"Про бюджет, зміни",11.02.2027\n\n«Їжак»,12.02.2027\n',
        "Назва\tДата\nПро бюджет, зміни\t11.02.2027\n\n«Їжак»\t12.02.2027\n",
        " дата *; НАЗВА:;Примітка\n11.02.2027;Про бюджет, зміни;\n\n12.02.2027;«Їжак»;текст\n",
    ],
)
def test_delimiter_order_and_spelling_of_headings_do_not_matter(text: str) -> None:
    assert [
        (number, dict(sorted(values.items()))) for number, values in rows(read(text.encode(), COLUMNS))
    ] == [(number, dict(sorted(values.items()))) for number, values in EXPECTED]


def test_a_letterhead_may_stand_above_and_a_hint_for_excel() -> None:
    text = "sep=;\nКиївська міська рада\nРозклад на лютий\n\n" + TABLE
    assert [row.number for row in read(text.encode(), COLUMNS).rows] == [6, 8]


def test_a_cell_may_go_on_over_lines_and_numbers_are_those_of_the_file() -> None:
    sheet = read('Назва;Дата\n"Про\nбюджет";1\nдруге;2\n'.encode(), COLUMNS)
    assert rows(sheet) == [(2, {"title": "Про\nбюджет", "day": "1"}), (4, {"title": "друге", "day": "2"})]


def test_headings_nobody_knows_are_told_and_a_row_with_too_many_cells_too() -> None:
    sheet = read("Назва,Колір\nПро бюджет,синій,зайве\n".encode(), COLUMNS)
    assert sheet.unknown == ("Колір",)
    assert sheet.rows[0].overfull


def workbook(*lines: tuple[Any, ...]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    hidden = book.create_sheet("Довідник")
    hidden.sheet_state = "hidden"
    hidden.append(("Назва", "Дата", "Закрите"))
    assert book.active is not None
    for line in lines:
        book.active.append(line)
    book.save(file)
    return file.getvalue()


def test_a_workbook_gives_what_a_person_sees_in_its_cells() -> None:
    data = workbook(
        ("Київська міська рада",),
        ("Назва", "Дата", "Закрите"),
        ("Про бюджет", datetime(2027, 2, 11, 10, 0), True),
        (7, date(2027, 2, 12), None),
        (2.5, time(9, 30), False),
    )
    assert rows(read(data, COLUMNS)) == [
        (3, {"title": "Про бюджет", "day": "2027-02-11 10:00", "closed": "так"}),
        (4, {"title": "7", "day": "2027-02-12", "closed": ""}),
        (5, {"title": "2.5", "day": "09:30", "closed": "ні"}),
    ]


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not empty"),
        (b"\xd0\xcf\x11\xe0rest", r"\.xls"),
        (b"one,two\n1,2\n", "headings, such as: Назва"),
        (b"PK\x03\x04 torn", "whole"),
        (zipped("word/document.xml", b"<a/>"), "another kind of file"),
        (zipped("xl/workbook.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "whole"),
        (zipped("xl/workbook.xml", b"0" * (61 * 1024 * 1024)), "smaller when unpacked"),
        ("Назва;Назва\n1;2\n".encode(), "one column for 'Назва'"),
        ("Закрите\nтак\n".encode(), "heading 'Назва'"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x98", "UTF-8 or Windows-1251"),
        ("Назва\n".encode() + b"x\n" * (MOST_ROWS + 1), f"at most {MOST_ROWS} rows"),
    ],
)
def test_what_is_no_table_is_refused_with_what_was_expected(data: bytes, said: str) -> None:
    with pytest.raises(BadArgument, match=said) as refusal:
        read(data, COLUMNS, needed=("title",))
    assert refusal.value.field == "file"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for start in (b"", "Назва;".encode(), b"PK\x03\x04"):
        with suppress(BadArgument):
            read(start + data, COLUMNS)


@pytest.mark.parametrize(
    "text",
    ["11.02.2027", "2027-02-11", "11/2/2027", "11 лютого 2027 р.", "11 Лютого 2027 року", "11.02.2027 р."],
)
def test_a_day_is_read_as_an_office_writes_it(text: str) -> None:
    assert day_of(text) == date(2027, 2, 11)


def test_times_moments_and_answers_are_read() -> None:
    assert [clock_of(text) for text in ("9:30", "09.30", "9-30", "09:30:00")] == [time(9, 30)] * 4
    for text in ("11.02.2027 10:00", "2027-02-11 10:00", "2027-02-11T10:00", "11 лютого 2027 р., 10.00"):
        assert moment_of(text) == datetime(2027, 2, 11, 10, 0)
    assert truth_of("Так")
    assert not truth_of("")


@pytest.mark.parametrize("text", ["31.02.2027", "11.02.27", "завтра", "", "11.13.2027"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the callers say where it stood
        day_of(text)
