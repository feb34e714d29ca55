"""The hours of a Samsung display: its first timer, in the form of 13 bytes (older) or 15.

On and off are three bytes each (hour of twelve, minute, half of the day) and whether they count, then on
which days (once more for off in the longer form), volume, input, holidays: those stay as they are. Source:
python-samsung-mdc, a working client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from avctl.errors import BadArgument, ProtocolError

LENGTHS = (13, 15)
AFTERNOON, MORNING = 0, 1
DAILY, WEEKDAYS = 1, 2
DAYS = {DAILY: "daily", WEEKDAYS: "weekdays"}


@dataclass(frozen=True, kw_only=True)
class Hours:
    """When a display switches itself on and off, as HH:MM; empty: it does not."""

    on_at: str
    off_at: str
    days: str

    @classmethod
    def wanted(cls, on_at: str, off_at: str, days: str) -> Self:
        """What somebody wants; BadArgument says what was expected."""
        for field, moment in (("on_at", on_at), ("off_at", off_at)):
            if moment and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", moment):
                raise BadArgument(field, f"a time such as 07:30, or nothing (got {moment!r})")
        return cls(on_at=on_at, off_at=off_at, days=days)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """What a display says."""
        if len(data) not in LENGTHS:
            raise ProtocolError(f"a timer of {len(data)} bytes")
        return cls(
            on_at=_time(data[0:3]) if data[3] else "",
            off_at=_time(data[4:7]) if data[7] else "",
            days=DAYS.get(data[8], "other"),
        )

    def over(self, before: bytes) -> bytes:
        """The bytes that set it, where ``before`` is what the display says now."""
        if len(before) not in LENGTHS:
            raise ProtocolError(f"a timer of {len(before)} bytes")
        data = bytearray(before)
        data[0:4] = _bytes(self.on_at, before[0:3])
        data[4:8] = _bytes(self.off_at, before[4:7])
        repeat = WEEKDAYS if self.days == DAYS[WEEKDAYS] else DAILY
        for at in (8, 10)[: 1 if len(before) == LENGTHS[0] else 2]:
            data[at] = repeat
        return bytes(data)


def _time(data: bytes) -> str:
    hour, minute, half = data
    if not 0 <= hour <= 12 or minute > 59:
        raise ProtocolError(f"not a time: {data.hex(' ')}")
    return f"{hour % 12 + (12 if half == AFTERNOON else 0):02d}:{minute:02d}"


def _bytes(moment: str, before: bytes) -> bytes:
    if not moment:
        return before + b"\0"
    hour, minute = map(int, moment.split(":"))
    return bytes((hour % 12 or 12, minute, MORNING if hour < 12 else AFTERNOON, 1))
