"""What people write in tables: days, times and yes or no, the way a Ukrainian office writes them."""

from __future__ import annotations

import re
from datetime import date, datetime, time

MONTHS = (
    *("січня", "лютого", "березня", "квітня", "травня", "червня"),
    *("липня", "серпня", "вересня", "жовтня", "листопада", "грудня"),
)
DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?: ?р\.?)?")
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
LONG = re.compile(rf"(\d{{1,2}}) ({'|'.join(MONTHS)}) (\d{{4}})(?: ?р\.?| року)?")
CLOCK = re.compile(r"(\d{1,2})[:.-](\d{2})(?::\d{2}(?:\.\d+)?)?")
YES = frozenset({"так", "yes", "true", "1", "+", "x", "х", "v", "закрите", "закритий", "закрита", "виїзне"})
NO = frozenset({"", "ні", "no", "false", "0", "-", "–", "відкрите", "відкритий", "відкрита"})


def day_of(text: str) -> date:
    """11.02.2027, 11 лютого 2027 р. or 2027-02-11; ValueError for anything else."""
    said = " ".join(text.casefold().split())
    if (found := ISO.fullmatch(said)) is not None:
        return date(*map(int, found.groups()))
    if (found := DAY.fullmatch(said)) is not None:
        return date(int(found[3]), int(found[2]), int(found[1]))
    if (found := LONG.fullmatch(said)) is not None:
        return date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]))
    raise ValueError(f"no day: {text[:40]!r}")


def clock_of(text: str) -> time:
    """10:00, 10.00 or 9-30; ValueError for anything else."""
    found = CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"no time: {text[:40]!r}")
    return time(int(found[1]), int(found[2]))


def moment_of(text: str) -> datetime:
    """A day and a time: "11.02.2027 10:00"; without a zone unless the text has an offset."""
    said = text.strip()
    if "T" in said:
        return datetime.fromisoformat(said)
    day, _blank, clock = said.replace(",", " ").rpartition(" ")
    return datetime.combine(day_of(day.strip()), clock_of(clock))


def truth_of(text: str) -> bool:
    """Yes or no; ValueError for anything else."""
    said = text.strip().casefold()
    if said in YES:
        return True
    if said in NO:
        return False
    raise ValueError(f"neither yes nor no: {text[:40]!r}")
