"""Announced blackouts as calendars have them (RFC 5545): out for whoever plans, in from whoever announces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from avctl.commands.building import KeepBlackout, RemoveBlackout
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import BadArgument
from avctl.events import now
from avctl.model.playing import Blackout
from avctl.model.series import occurrences, placed
from avctl.services.blackouts import Blackouts
from avctl.services.calendars import head
from avctl.services.icalendars import clock_of, end_of, events_of, left_out, stamp_of, text_of

TITLES = {"uk": "Оголошене відключення електроенергії", "en": "Announced blackout"}
IMPORTED = "ics-"
AHEAD = timedelta(days=92)  # those of a rule that goes on for ever
MOST = 1000
WHEN = "a start and an end with times, not a whole day"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What a calendar did: how many were entered or changed, were so already, and will not come."""

    kept: int
    same: int
    removed: int


def written(config: Config, blackouts: Iterable[Blackout]) -> bytes:
    """The feed."""
    from icalendar import Event

    title = TITLES[config.site.language]
    calendar = head(config, title)
    for one in blackouts:
        event = Event()
        event.add("uid", f"{one.id}@avctl")
        event.add("dtstamp", one.begins_at.astimezone(UTC).replace(microsecond=0))
        event.add("dtstart", one.begins_at.astimezone(UTC))
        event.add("dtend", one.ends_at.astimezone(UTC))
        event.add("summary", title)
        event.add("transp", "TRANSPARENT")
        if one.note:
            event.add("description", one.note)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


class BlackoutImports:
    """Takes whole calendars in: what such a calendar brought before and has no more will not come."""

    def __init__(self, config: Config, desk: Desk, blackouts: Blackouts) -> None:
        self._config, self._desk, self._blackouts = config, desk, blackouts

    async def take(self, data: bytes, actor: str) -> Imported:
        """Enter the blackouts of a calendar; BadArgument (field ``file``) when any cannot be read."""
        source, wanted = read(data, self._config)
        known = {one.id: one for one in self._blackouts}
        fresh = [one for one in wanted if known.get(one.id) != one]
        here = {one.id for one in wanted}
        gone = [
            one.id
            for one in self._blackouts.coming()
            if one.id.startswith(source) and one.id not in here and one.begins_at > now()
        ]
        for one in fresh:
            details = one.model_dump(mode="json")
            await self._desk.obey(KeepBlackout(actor=actor, details=details))
        for identifier in gone:
            await self._desk.obey(RemoveBlackout(actor=actor, blackout=identifier))
        return Imported(kept=len(fresh), same=len(wanted) - len(fresh), removed=len(gone))


def read(data: bytes, config: Config) -> tuple[str, tuple[Blackout, ...]]:
    """How the ids of a calendar's blackouts begin, and those that are not over."""
    calendars, events = events_of(data)
    named = "".join(str(one.get("x-wr-calname", "")) for one in calendars)
    source = f"{IMPORTED}{_short(named, 6)}-"
    moved = {(text_of(event, "uid"), stamp_of(event, config)) for event in events if "recurrence-id" in event}
    found: dict[str, Blackout] = {}
    for event in events:
        if text_of(event, "status").upper() == "CANCELLED":
            continue
        uid = text_of(event, "uid") or text_of(event, "summary")
        for begins, ends, mark in _hours(event, moved, config):
            own = uid.removesuffix("@avctl")
            identifier = own if uid.endswith("@avctl") else f"{source}{_short(f'{uid}/{mark}', 12)}"
            if ends > now():
                one = _blackout(
                    identifier, begins, ends, text_of(event, "summary"), text_of(event, "description")
                )
                found[one.id] = one
    if len(found) > MOST:
        raise BadArgument("file", f"at most {MOST} blackouts")
    return source, tuple(found.values())


def _blackout(identifier: str, begins: datetime, ends: datetime, title: str, words: str) -> Blackout:
    note = words if title in TITLES.values() else title or words
    try:
        return Blackout(id=identifier, begins_at=begins, ends_at=ends, note=" ".join(note.split())[:200])
    except ValueError as fault:
        raise BadArgument("file", f"at most 7 days: {title[:60]}") from fault


def _hours(
    event: Any, moved: set[tuple[str, str]], config: Config
) -> Iterator[tuple[datetime, datetime, str]]:
    """From when until when, and by what one of a series is found again."""
    zone: tzinfo = config.site.zone
    starts, ends = clock_of(event, "dtstart", zone), end_of(event, zone)
    if starts is None or ends is None or ends <= starts:
        raise BadArgument("file", f"{WHEN}: {text_of(event, 'summary')[:60]}")
    if "rrule" not in event:
        begins, over = _exact(event, "dtstart", starts, config), _exact(event, "dtend", ends, config)
        yield begins, over, stamp_of(event, config)
        return
    try:
        places = occurrences(event["rrule"].to_ical().decode(), starts, zone)
    except (BadArgument, ValueError, AttributeError) as fault:
        raise BadArgument("file", f"a rule for days, weeks, months or years: {fault}") from fault
    without = {f"{moment:%Y%m%dT%H%M}" for moment in left_out(event, zone)}
    for place in places:
        mark = f"{place:%Y%m%dT%H%M}"
        begins = placed(place, config.site.zone)
        if begins > now() + AHEAD:
            return
        if mark not in without and (text_of(event, "uid"), mark) not in moved:
            yield begins, placed(place + (ends - starts), config.site.zone), mark


def _exact(event: Any, name: str, local: datetime, config: Config) -> datetime:
    """The moment itself, where the calendar says which: the clock shows an hour of autumn twice."""
    said = getattr(event.get(name), "dt", None)
    if isinstance(said, datetime) and said.tzinfo is not None:
        return said.astimezone(UTC)
    return placed(local, config.site.zone)


def _short(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
