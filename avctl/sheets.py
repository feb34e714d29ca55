"""Tables that people bring or take: uploaded CSV or XLSX in, rows of named columns out; rows in, CSV out.

Who reads names the columns and the headings that each may have; what is wrong is said with its line. The
values are text: ``avctl.written`` makes dates, times and yes or no of them.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree.ElementTree import ParseError

from avctl.errors import BadArgument

LARGEST = 5 * 1024 * 1024  # bytes of a file
UNPACKED = 60 * 1024 * 1024  # bytes in an XLSX, which is a zip
MOST_ROWS = 5000
MOST_COLUMNS = 100
HEADING_WITHIN = 20  # lines: letterhead and title may stand above it
DELIMITERS = ";,\t"
RISKY = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for a formula
JOINED = re.compile(rb'<mergeCell ref="([A-Z]{1,3})(\d{1,7}):\1(\d{1,7})"')  # within one column
OLE = b"\xd0\xcf\x11\xe0"  # .xls, and an .xlsx with a password
# What openpyxl raises for a file that is torn or was never one.
TORN = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table. ``number`` is where a person finds it, counted from 1 with everything above."""

    number: int
    values: Mapping[str, str]
    overfull: bool = False  # more cells than headings: most likely a delimiter in a text without quotes

    def get(self, column: str) -> str:
        """The value of a column; empty when the table has no such column."""
        return self.values.get(column, "")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What was read. ``unknown`` are headings that nobody asked for; their values are left out."""

    columns: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: tuple[Row, ...]


Lines = Sequence[Sequence[str]]


def read(
    data: bytes, columns: Mapping[str, Sequence[str]], needed: Iterable[str] = (), *, joined: bool = False
) -> Sheet:
    """The rows of a file; BadArgument (field ``file``) says why it cannot be read.

    ``columns``: for each column of ours, the headings by which it may go; case, blanks and marks at the end
    do not count. ``needed``: columns that must be there. ``joined``: a cell that is joined over several
    lines of a workbook counts for each of them, as a faction's does for its people.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise BadArgument("file", "a file that is not empty")
    if len(data) > LARGEST:
        raise BadArgument("file", f"at most {LARGEST // 1024 // 1024} MiB")
    if data.startswith(OLE):
        raise BadArgument("file", "an .xlsx without a password, or CSV (an .xls: save it as .xlsx)")
    names = {
        _folded(heading): column for column, headings in columns.items() for heading in (column, *headings)
    }
    tables = _workbook(data, joined) if data.startswith(b"PK") else _texts(data)
    found = max(tables, key=lambda lines: _heading(lines, names)[1], default=())
    at, known = _heading(found, names)
    if not known:
        some = ", ".join(headings[0] for headings in columns.values() if headings)
        raise BadArgument("file", f"a first line with headings, such as: {some}")
    return _sheet(found, at, names, columns, needed)


def _sheet(
    lines: Lines,
    at: int,
    names: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
    needed: Iterable[str],
) -> Sheet:
    heads = [names.get(_folded(cell), "") for cell in lines[at]]
    for column in heads:
        if column and heads.count(column) > 1:
            raise BadArgument("file", f"one column for {columns[column][0]!r} (there are two)")
    for column in needed:
        if column not in heads:
            raise BadArgument("file", f"a column with the heading {columns[column][0]!r}")
    rows = []
    for number, line in enumerate(lines[at + 1 :], at + 2):
        cells = [_clean(cell) for cell in line]
        if any(cells):
            values = {column: cell for column, cell in zip(heads, cells, strict=False) if column}
            rows.append(Row(number=number, values=values, overfull=any(cells[len(heads) :])))
    if len(rows) > MOST_ROWS:
        raise BadArgument("file", f"at most {MOST_ROWS} rows (it has {len(rows)})")
    unknown = (_clean(cell) for cell, column in zip(lines[at], heads, strict=True) if not column)
    return Sheet(columns=tuple(filter(None, heads)), unknown=tuple(filter(None, unknown)), rows=tuple(rows))


def _heading(lines: Lines, names: Mapping[str, str]) -> tuple[int, int]:
    """Which line has the headings, and how many of them are known."""
    best = (0, 0)
    for at, line in enumerate(lines[:HEADING_WITHIN]):
        known = len({names[_folded(cell)] for cell in line if _folded(cell) in names})
        if known > best[1]:
            best = (at, known)
    return best


def _folded(heading: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", heading).casefold().split()).strip(" *:.?№#")


def _clean(cell: str) -> str:
    """A value without what word processors leave at its ends."""
    return unicodedata.normalize("NFC", cell).replace("\0", "").strip().strip("\ufeff\u200b\u00a0").strip()


# --- CSV ---------------------------------------------------------------------------------------------------


def _texts(data: bytes) -> list[Lines]:
    """The lines, once for each delimiter: whoever finds the most headings has the right one."""
    text = _decoded(data)
    first, _newline, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= 5:  # a hint for Excel
        text = f"\n{rest}"
    if "\0" in text:
        raise BadArgument("file", "a CSV or XLSX file")
    return [_split(text, delimiter) for delimiter in DELIMITERS]


def _decoded(data: bytes) -> str:
    """The text: by its byte order mark, else UTF-8, else what Windows has for Cyrillic."""
    for mark, encoding in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"", "utf-8-sig"),
        (b"", "cp1251"),
    ):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise BadArgument("file", "CSV in UTF-8 or Windows-1251, or XLSX")


def _split(text: str, delimiter: str) -> Lines:
    """Cells of each line of the file; a cell may go on over several, and rows keep the line they begin on."""
    lines: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            lines.append(cells[:MOST_COLUMNS])
            lines.extend([] for _ in range(reader.line_num - len(lines)))
            if len(lines) > 10 * MOST_ROWS:
                raise BadArgument("file", f"at most {MOST_ROWS} rows")
    except csv.Error as fault:
        raise BadArgument("file", f"CSV that can be read (line {reader.line_num}: {fault})") from fault
    return lines


# --- XLSX --------------------------------------------------------------------------------------------------


def _workbook(data: bytes, joined: bool) -> list[Lines]:
    """The lines of each sheet that is not hidden."""
    from openpyxl import load_workbook  # takes a quarter of a second, and few ever need it

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = packed.namelist()
            if sum(part.file_size for part in packed.infolist()) > UNPACKED:
                raise BadArgument("file", "an XLSX file that is smaller when unpacked")
        if "xl/workbook.xml" not in names:
            raise BadArgument("file", "CSV or XLSX (this is another kind of file: save it as .xlsx)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and checks, which nobody here needs
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            tables = [[*_lines(sheet)] for sheet in shown]
            if joined:
                with zipfile.ZipFile(io.BytesIO(data)) as packed:
                    for sheet, lines in zip(shown, tables, strict=True):
                        _part(packed.read(sheet._worksheet_path), lines)
            return list(tables)
    except TORN as fault:
        raise BadArgument("file", "an XLSX file that is whole") from fault


def _part(sheet: bytes, lines: list[list[str]]) -> None:
    """Give each line its own of a cell that is joined over several; openpyxl gives it to the first."""
    left = 10 * MOST_ROWS  # a file may say that cells are joined a million times
    for found in JOINED.finditer(sheet):
        column = 0
        for letter in found[1]:
            column = 26 * column + letter - ord("A") + 1
        first, last = int(found[2]), min(int(found[3]), len(lines))
        left -= max(0, last - first)
        if left < 0:
            return
        if 1 <= first <= len(lines) and column <= len(lines[first - 1]):
            for line in lines[first:last]:
                line += [""] * (column - len(line))
                line[column - 1] = line[column - 1] or lines[first - 1][column - 1]


def _lines(sheet: Any) -> Iterable[list[str]]:
    most = 10 * MOST_ROWS
    rows = sheet.iter_rows(min_row=1, max_row=most, max_col=MOST_COLUMNS, values_only=True)
    for row in rows:
        yield [_text(value) for value in row]


def _text(value: object) -> str:
    """A cell as a person would have typed it."""
    match value:
        case None:
            return ""
        case bool():
            return "так" if value else "ні"
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case time():
            return f"{value:%H:%M}"
        case timedelta():
            minutes = round(value.total_seconds() / 60)
            return f"{minutes // 60:02}:{minutes % 60:02}"
        case _:
            return str(value)


def written(rows: Iterable[Iterable[object]], delimiter: str = ",") -> bytes:
    """A table as CSV for spreadsheets: UTF-8 with the mark they look for, and nothing in it is a formula."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _plain(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(RISKY) else text
