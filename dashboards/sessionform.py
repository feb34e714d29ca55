"""What is typed into the form of a session, and what a booking looks like in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from avctl.errors import BadArgument
from avctl.model.body import Template
from avctl.model.booking import Booking
from dashboards.schedule import CLOCK, moment, moment_typed
from dashboards.words import _

TEXTS = ("title", "body", "kind", "room", "policy", "remote_link", "remote_source")
MINUTES = ("setup_minutes", "breakdown_minutes")
ITEM = ("number", "title", "speaker", "document", "closed", "minutes")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
REPEATS: Mapping[str, str] = {
    "": _("does not repeat"),
    "daily": _("every working day"),
    "weekly": _("every week"),
    "fortnightly": _("every second week"),
    "monthly": _("every month, on this weekday"),
    "custom": _("by a rule of its own"),
}
Values = Mapping[str, str]
Items = tuple[Mapping[str, str], ...]
FAULTS: Mapping[str, str] = {
    "title": _("Enter a title of at most 300 characters."),
    "ends_at": _("The end must be later than the start, by at most 24 hours."),
    "room": _("Choose a room."),
    "remote_link": _("Enter an address that begins with https://."),
    "release_at": _("The recording cannot be public before the end."),
    "release_hours": _("Enter a number of hours."),
    "setup_minutes": _("At most 720 minutes."),
    "breakdown_minutes": _("At most 720 minutes."),
    "agenda": _("An item needs a title; a document is an address that begins with https://."),
    "rule": _("This is no rule that can be booked, or it gives more than 200 sessions."),
}


def values_of(booking: Booking, zone: ZoneInfo) -> dict[str, str]:
    """A booking as the form shows it."""
    local = {
        name: moment.astimezone(zone).strftime(CLOCK) if moment is not None else ""
        for name, moment in (
            ("starts_at", booking.starts_at),
            ("ends_at", booking.ends_at),
            ("release_at", booking.release_at),
        )
    }
    hours = booking.release_hours
    return {
        **{name: str(getattr(booking, name) or "") for name in TEXTS},
        **{name: str(getattr(booking, name)) for name in MINUTES},
        **local,
        "release_hours": "" if hours is None else f"{hours:g}",
        "off_site": "yes" if booking.off_site else "",
    }


def items_of(booking: Booking) -> Items:
    """Its agenda as the form shows it."""
    return tuple(
        {
            "number": item.number,
            "title": item.title,
            "speaker": item.speaker,
            "document": str(item.document or ""),
            "closed": "yes" if item.closed else "",
            "minutes": str(item.minutes or ""),
        }
        for item in booking.agenda
    )


def of_template(template: Template, body: str, day: datetime) -> tuple[dict[str, str], Items]:
    """A form that begins with what a body's sittings usually are, on a day."""
    hour, minute = map(int, template.clock.split(":"))
    starts = day.replace(hour=hour, minute=minute)
    hours = template.release_hours
    values = {
        "title": template.title or template.name,
        "body": body,
        "kind": template.kind.value,
        "room": template.room,
        "starts_at": starts.strftime(CLOCK),
        "ends_at": (starts + timedelta(minutes=template.minutes)).strftime(CLOCK),
        "setup_minutes": str(template.setup_minutes),
        "breakdown_minutes": str(template.breakdown_minutes),
        "policy": template.policy.value,
        "release_hours": "" if hours is None else f"{hours:g}",
    }
    items = tuple(
        {
            "number": item.number,
            "title": item.title,
            "speaker": item.speaker,
            "document": str(item.document or ""),
            "closed": "yes" if item.closed else "",
            "minutes": str(item.minutes or ""),
        }
        for item in template.agenda
    )
    return values, items


def typed(form: FormData) -> tuple[dict[str, str], Items, tuple[str, ...]]:
    """What was typed: single fields, the agenda, the people on duty."""
    values = {
        name: value.replace("\x00", "").strip() for name, value in form.items() if isinstance(value, str)
    }
    columns = [[str(one) for one in form.getlist(f"item_{name}")] for name in ITEM]
    items = tuple(dict(zip(ITEM, row, strict=True)) for row in zip(*columns, strict=False))
    duty = tuple(str(one) for one in form.getlist("on_duty"))
    return values, tuple(item for item in items if item["title"].strip() or item["number"].strip()), duty


def details_of(
    values: Values, items: Items, duty: Iterable[str], zone: ZoneInfo, before: Booking | None = None
) -> dict[str, Any]:
    """The booking of what was typed, ``before`` what it was; times are those of the council's clock.

    BadArgument names the field.
    """
    details: dict[str, Any] = {name: values.get(name, "") for name in TEXTS if name != "remote_link"}
    details["remote_link"] = values.get("remote_link") or None
    for name in ("starts_at", "ends_at"):
        details[name] = moment_typed(values, name, zone, before)
    for name in MINUTES:
        details[name] = _number(values.get(name) or "0", name)
    details["off_site"] = bool(values.get("off_site"))
    if details["off_site"]:
        details["room"] = ""
    release_at, release_hours = values.get("release_at", ""), values.get("release_hours", "")
    details["release_at"] = moment_typed(values, "release_at", zone, before) if release_at else None
    details["release_hours"] = _hours(release_hours) if release_hours else None
    details["on_duty"] = list(duty)
    agenda = [_item(item, place) for place, item in enumerate(items, 1)]
    for line in values.get("agenda", "").splitlines():
        if line.strip():
            agenda.append(_line(line.strip(), len(agenda) + 1))
    details["agenda"] = agenda
    return details


def rule_of(values: Values, zone: ZoneInfo) -> str:
    """The rule of a series that was chosen; empty when it does not repeat."""
    repeat, until = values.get("repeat", ""), values.get("until", "")
    if repeat == "custom":
        if not values.get("rule"):
            raise BadArgument("rule", _("Enter a rule, or choose how it repeats."))
        return values["rule"]
    if not repeat:
        return ""
    starts = moment(values.get("starts_at", ""), "starts_at", zone)
    day = WEEKDAYS[starts.weekday()]
    rules = {
        "daily": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "weekly": f"FREQ=WEEKLY;BYDAY={day}",
        "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={day}",
        "monthly": f"FREQ=MONTHLY;BYDAY={(starts.day - 1) // 7 + 1}{day}",
    }
    try:
        last = datetime.fromisoformat(until)
    except ValueError:
        raise BadArgument("until", _("Enter the last day of the series.")) from None
    if repeat not in rules:
        raise BadArgument("repeat", _("Choose how it repeats."))
    return f"{rules[repeat]};UNTIL={last:%Y%m%d}"


def _number(text: str, field: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) <= 5):
        raise BadArgument(field, _("Enter a number of minutes."))
    return int(text)


def _hours(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise BadArgument("release_hours", _("Enter a number of hours.")) from None


def _item(item: Mapping[str, str], place: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": item["number"].strip() or str(place),
        "title": item["title"].strip(),
        "speaker": item["speaker"].strip(),
        "closed": item["closed"] == "yes",
    }
    found["document"] = item["document"].strip() or None
    minutes = item["minutes"].strip()
    found["minutes"] = _number(minutes, "agenda") if minutes else None
    return found


def _line(line: str, place: int) -> dict[str, Any]:
    """A line of the agenda: with its number ("2.1 Про …", "3) Про …"), or counted."""
    first, _space, rest = line.partition(" ")
    number = first.rstrip(".)")
    if rest and len(number) <= 20 and number.replace(".", "").isdigit():
        return {"number": number, "title": rest.strip()}
    return {"number": str(place), "title": line}
