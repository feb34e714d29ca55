"""A series: the occurrences of a rule on the council's clock, and what a change of several means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from itertools import islice
from typing import Any

from dateutil.rrule import rrulestr

from avctl.commands import Scope
from avctl.errors import BadArgument
from avctl.model.booking import Booking
from avctl.model.session import BEFORE, Session

MOST = 200  # occurrences of one series
FARTHEST = timedelta(days=366 * 2)
SAME_WEEK = timedelta(days=3)  # what was called off, or runs, stands for the place of another rule so near
ALWAYS = frozenset({"FREQ", "COUNT", "UNTIL", "INTERVAL", "WKST", "BYDAY"})
IN_A_MONTH = ALWAYS | {"BYMONTHDAY", "BYSETPOS", "BYMONTH"}
# More is nothing an office wants, and a rule that never matches takes a minute of looking.
FREQUENCIES: Mapping[str, frozenset[str]] = {
    "DAILY": ALWAYS,
    "WEEKLY": ALWAYS,
    "MONTHLY": IN_A_MONTH,
    "YEARLY": IN_A_MONTH,
}
SUCH_AS = "an RRULE such as FREQ=WEEKLY;BYDAY=TH;COUNT=10"
TIMES = ("starts_at", "ends_at", "release_at")


def occurrences(rule: str, start: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """When a rule puts its occurrences, on the clock of ``zone``, as ``start`` is (neither has an offset).

    A series stays at its hour of the clock when the clocks are changed. BadArgument: it is no rule.
    """
    parts = _parts(rule)
    allowed = FREQUENCIES.get(parts.get("FREQ", ""), frozenset())
    if (
        "FREQ" not in parts
        or not parts.keys() <= allowed
        or (parts.get("FREQ") == "DAILY" and {"INTERVAL", "BYDAY"} <= parts.keys())
    ):
        raise BadArgument("rule", f"FREQ of {', '.join(FREQUENCIES)} with what belongs to it, {SUCH_AS}")
    try:
        count = int(parts.pop("COUNT", MOST + 1))
        parts["UNTIL"] = f"{min(_until(parts.get('UNTIL'), zone), start + FARTHEST):%Y%m%dT%H%M%S}"
        if int(parts.get("INTERVAL", 1)) < 1 or count < 1:
            raise ValueError("COUNT and INTERVAL are 1 or more")
        text = ";".join("=".join(part) for part in parts.items())
        moments = tuple(islice(rrulestr(text, dtstart=start), min(count, MOST + 1)))
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as fault:
        raise BadArgument("rule", f"{SUCH_AS} ({fault})") from fault
    if len(moments) > MOST:
        raise BadArgument("rule", f"at most {MOST} occurrences (COUNT or UNTIL says when it ends)")
    if not moments:
        raise BadArgument("rule", "a rule that has an occurrence in the next two years")
    return moments


def _parts(rule: str) -> dict[str, str]:
    """FREQ=WEEKLY;COUNT=3 in parts; BadArgument when it is nothing like that."""
    text = rule.strip().upper().removeprefix("RRULE:")
    parts = [part.partition("=")[::2] for part in text.split(";") if part]
    if not all(name.isalpha() and value.isprintable() for name, value in parts):
        raise BadArgument("rule", SUCH_AS)
    return dict(parts)


def _until(text: str | None, zone: tzinfo) -> datetime:
    """The last moment of a rule on the council's clock: a day counts whole, UTC is what calendars write."""
    if text is None:
        return datetime.max
    if len(text) == len("20270401"):
        return datetime.strptime(f"{text}T235959", "%Y%m%dT%H%M%S")
    until = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")
    return until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if text.endswith("Z") else until


def placed(clock: datetime, zone: tzinfo) -> datetime:
    """The moment at which the council's clock shows this; one that is skipped in spring is an hour later."""
    return clock.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def moved(booking: Booking, clock: datetime, zone: tzinfo) -> dict[str, Any]:
    """The moments of a booking with its start at another time of the council's clock, as long as before."""
    was = booking.starts_at.astimezone(zone).replace(tzinfo=None)
    found: dict[str, Any] = {}
    for name in TIMES:
        moment: datetime | None = getattr(booking, name)
        if moment is not None:
            local = moment.astimezone(zone).replace(tzinfo=None)
            found[name] = placed(clock + (local - was), zone).isoformat()
    return found


def alike(
    details: Mapping[str, Any], before: Booking, after: Booking, one: Booking, zone: tzinfo
) -> dict[str, Any]:
    """What a change of one occurrence means for another: the same, with times moved by as much.

    An occurrence that has a time of its own keeps that.
    """
    same = {name: value for name, value in details.items() if name not in (*TIMES, "place")}
    times = {name: getattr(after, name) for name in TIMES if name in details}
    if not times or (one.place is not None and one.place.moved):
        return same
    for name, moment in times.items():
        was, mine = getattr(before, name), getattr(one, name)
        if moment is None or was is None or mine is None:
            continue
        clock = moment.astimezone(zone).replace(tzinfo=None) - was.astimezone(zone).replace(tzinfo=None)
        same[name] = placed(mine.astimezone(zone).replace(tzinfo=None) + clock, zone).isoformat()
    return same


def meant(sessions: Iterable[Session], this: Session, scope: Scope) -> tuple[Session, ...]:
    """A session and, of its series, those that may still be changed and are meant, in order."""
    place = this.booking.place
    if place is None or scope is Scope.THIS:
        return (this,)
    found = [
        one
        for one in sessions
        if (its := one.booking.place) is not None
        and its.series == place.series
        and (one.id == this.id or one.phase in BEFORE)
        and (scope is Scope.ALL or its.at >= place.at)
    ]
    return tuple(sorted(found, key=lambda one: one.booking.starts_at))


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One of a series as it stands, and where its rule put it on the council's clock.

    ``regular``: nothing of its time was changed by itself. ``stays``: it runs, is over or was called off.
    """

    session: str
    at: datetime
    regular: bool = True
    stays: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What another rule means: where each that is kept stands now, what is booked, what is called off."""

    kept: Mapping[str, datetime]
    added: tuple[datetime, ...]
    gone: tuple[str, ...]


def _far(one: datetime, other: datetime) -> timedelta:
    return abs(one - other)


def rearranged(existing: Iterable[Occurrence], wanted: Iterable[datetime]) -> Plan:
    """Bring a series to another rule with as little change as can be.

    What both rules know stays. The others are paired in order, so that Thursdays become Fridays with all that
    was entered for them. Exceptions are kept: one that has a time of its own is never called off, and where
    one was called off nothing is booked in its place.
    """
    found = sorted(existing, key=lambda one: (one.at, one.session))
    open_places = dict.fromkeys(sorted(set(wanted)))
    kept: dict[str, datetime] = {}
    left: list[Occurrence] = []
    for one in found:
        if one.at in open_places:
            del open_places[one.at]
            if not one.stays:
                kept[one.session] = one.at
        else:
            left.append(one)
    for one in [one for one in left if one.stays]:
        left.remove(one)
        near = min(open_places, key=partial(_far, one.at), default=None)
        if near is not None and abs(near - one.at) <= SAME_WEEK:
            del open_places[near]
    free = list(open_places)
    pairs = left[: len(free)]
    kept |= {one.session: at for one, at in zip(pairs, free, strict=False)}
    gone = tuple(one.session for one in left[len(free) :] if one.regular)
    return Plan(kept=kept, added=tuple(free[len(pairs) :]), gone=gone)
