"""What other people's calendars (RFC 5545) ask to be booked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from avctl.config import Config
from avctl.errors import BadArgument
from avctl.events import now
from avctl.model.booking import Kind
from avctl.model.series import occurrences, placed
from avctl.services.calendars import WORDS
from avctl.services.lists import Candidate, Fault

LARGEST = 5 * 1024 * 1024
MOST = 5000
OFF_SITE = frozenset(words["off_site"].casefold() for words in WORDS.values())
EARLIEST = timedelta(days=31)  # what ended longer ago is not booked any more


def read_calendar(data: bytes, config: Config) -> tuple[Candidate, ...]:
    """The events of an iCalendar file; BadArgument (field ``file``) when it is none."""
    _calendars, events = events_of(data)
    whole = {text_of(event, "uid") for event in events if "recurrence-id" not in event}
    moved = {(text_of(event, "uid"), stamp_of(event, config)) for event in events if "recurrence-id" in event}
    found = [one for number, event in enumerate(events, 1) for one in _wanted(event, number, moved, config)]
    for one in found:
        if one.family not in whole:  # an occurrence that was sent alone says nothing of the others
            one.family = ""
    return tuple(found)


def events_of(data: bytes) -> tuple[list[Any], list[Any]]:
    """The calendars of a file and all their events; BadArgument (field ``file``) when it is no iCalendar."""
    from icalendar import Calendar  # takes a quarter of a second, and no start should wait for it

    if len(data) > LARGEST:
        raise BadArgument("file", f"at most {LARGEST // 1024 // 1024} MiB")
    try:
        calendars = Calendar.from_ical(data, multiple=True)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
        raise BadArgument("file", "an iCalendar file (.ics) that is whole") from fault
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    if not events:
        raise BadArgument("file", "an iCalendar file (.ics) with events")
    if len(events) > MOST:
        raise BadArgument("file", f"at most {MOST} events")
    return calendars, events


def _wanted(event: Any, number: int, moved: set[tuple[str, str]], config: Config) -> Iterator[Candidate]:
    """The sessions of an event; a series gives one for each occurrence that has no event of its own."""
    zone = config.site.zone
    one = _candidate(event, number, config)
    starts, ends = clock_of(event, "dtstart", zone), end_of(event, zone)
    if starts is None or ends is None or ends <= starts:
        one.faults.append(Fault(field="starts_at", expected="a start and an end with times, not a whole day"))
        yield one
        return
    if "rrule" not in event:
        yield _at(one, starts, ends, zone)
        return
    try:
        rule = event["rrule"].to_ical().decode()
        places = occurrences(rule, starts, zone)
    except (BadArgument, ValueError, AttributeError) as fault:
        one.faults.append(
            Fault(field="rule", expected="a rule for days, weeks, months or years", got=str(fault))
        )
        yield one
        return
    without = {f"{moment:%Y%m%dT%H%M}" for moment in left_out(event, zone)}
    for place in places:
        mark = f"{place:%Y%m%dT%H%M}"
        if mark not in without and (text_of(event, "uid"), mark) not in moved:
            again = _candidate(event, number, config)
            again.key = f"{again.key}/{mark}"
            yield _at(again, place, place + (ends - starts), zone)


def _candidate(event: Any, number: int, config: Config) -> Candidate:
    one = Candidate(line=number)
    uid, mark = text_of(event, "uid"), stamp_of(event, config)
    one.key = f"{uid}/{mark}"[:300] if mark else uid[:300]
    if uid.endswith("@avctl"):  # a feed of our own comes back
        one.key = uid.removesuffix("@avctl")
    else:
        one.family = uid[:300]
    if not uid:
        one.faults.append(Fault(field="key", expected="an event with a UID"))
    one.details["title"] = text_of(event, "summary")
    place = text_of(event, "location")
    rooms = {
        name.casefold(): room.id
        for room in config.rooms
        for name in (room.title, room.title_en, room.id)
        if name
    }
    if place.casefold() in OFF_SITE:
        one.details["off_site"] = True
    elif place.casefold() in rooms:
        one.details["room"] = rooms[place.casefold()]
    else:
        one.faults.append(Fault(field="room", expected="the name or id of a room", got=place))
    kinds = [str(name).casefold() for name in getattr(event.get("categories"), "cats", ())]
    if (kind := next((kind for kind in Kind if kind in kinds), None)) is not None:
        one.details["kind"] = kind.value
    one.cancelled = text_of(event, "status").upper() == "CANCELLED"
    return one


def _at(one: Candidate, starts: datetime, ends: datetime, zone: tzinfo) -> Candidate:
    one.day = starts.date()
    one.details["starts_at"] = placed(starts, zone).isoformat()
    one.details["ends_at"] = placed(ends, zone).isoformat()
    if placed(ends, zone) < now() - EARLIEST:
        one.faults.append(Fault(field="ends_at", expected="a sitting that ended within the last 31 days"))
    return one


def text_of(event: Any, name: str) -> str:
    """A value of an event as plain text; empty when it has none."""
    found = event.get(name, "")
    return str(found[0] if isinstance(found, list) else found).strip()


def stamp_of(event: Any, config: Config) -> str:
    """Which occurrence of a series an event is about, as it was planned; empty when it is of none."""
    planned = clock_of(event, "recurrence-id", config.site.zone)
    return f"{planned:%Y%m%dT%H%M}" if planned is not None else ""


def clock_of(event: Any, name: str, zone: tzinfo) -> datetime | None:
    """A moment on the council's clock; None when it is missing, or a whole day."""
    moment = getattr(event.get(name), "dt", None)
    return _local(moment, zone) if isinstance(moment, datetime) else None


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None)


def end_of(event: Any, zone: tzinfo) -> datetime | None:
    """When an event ends, by its end or its length, on the council's clock; None when it does not say."""
    if "dtend" in event:
        return clock_of(event, "dtend", zone)
    starts = clock_of(event, "dtstart", zone)
    lasts = getattr(event.get("duration"), "dt", None)
    return starts + lasts if starts is not None and isinstance(lasts, timedelta) else None


def left_out(event: Any, zone: tzinfo) -> Iterator[datetime]:
    """The occurrences that a series leaves out, on the council's clock."""
    found = event.get("exdate", [])
    for dates in found if isinstance(found, list) else [found]:
        for one in getattr(dates, "dts", ()):
            if isinstance(one.dt, datetime):
                yield _local(one.dt, zone)
