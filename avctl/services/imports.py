"""Lists that people bring: looked through line by line first, booked only when they say so."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from enum import StrEnum
from typing import Any

from avctl.commands import AmendSession, BookSession, CancelSession, Command
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, BadArgument, NotFound
from avctl.events import now
from avctl.model.account import Account, Act
from avctl.model.booking import Booking, amended, booking_of, changes
from avctl.model.clash import Scarce, Taken
from avctl.model.session import BEFORE, OVER, Phase, Session
from avctl.services.bodies import Bodies
from avctl.services.icalendars import read_calendar
from avctl.services.lists import COLUMNS, Candidate, Fault, Reader
from avctl.services.sessions import Sessions
from avctl.sheets import read

FREE: Mapping[Scarce, str] = {
    Scarce.ROOM: "a room that is free",
    Scarce.PERSON: "people who are not on duty elsewhere",
    Scarce.BROADCASTS: "no more broadcasts at a time than the machine may carry",
}
# What a field should have been, in words that pages have too.
SHOULD_BE: Mapping[str, str] = {
    "title": "a title of at most 300 characters",
    "body": "at most 300 characters",
    "remote_link": "an address that begins with https://",
    "document": "an address that begins with https://",
    "item": "an item of at most 1000 characters",
    "number": "at most 20 characters",
    "speaker": "at most 300 characters",
    "setup_minutes": "at most 720 minutes",
    "breakdown_minutes": "at most 720 minutes",
    "release_at": "a moment that is not before the end",
    "room": "the name or id of a room",
}
CALLED_OFF = "скасовано в імпортованому переліку"  # why, where a list cannot say it
OCCURRENCE = re.compile(r"/\d{8}T\d{4}$")  # in the key of one of a series
KEPT = 50  # lists that wait for a yes


class Verdict(StrEnum):
    """What becomes of a line."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    CANCELLED = "cancelled"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a list, judged. ``booking`` is what it would make; ``fields`` what it would change."""

    number: int
    verdict: Verdict
    title: str
    booking: Booking | None = None
    session: str = ""
    fields: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A list that was looked through and not booked."""

    id: str
    actor: str
    unknown: tuple[str, ...]
    lines: tuple[Line, ...]
    candidates: tuple[Candidate, ...] = field(repr=False)

    def count(self, *verdicts: Verdict) -> int:
        """How many lines have one of these verdicts."""
        return sum(line.verdict in verdicts for line in self.lines)


class Imports:
    """Holds the previews; whoever made one confirms it."""

    def __init__(self, config: Config, desk: Desk, sessions: Sessions, bodies: Bodies) -> None:
        self._config, self._desk, self._sessions, self._bodies = config, desk, sessions, bodies
        self._previews: dict[str, Preview] = {}

    async def look(self, data: bytes, account: Account) -> Preview:
        """What a file would do, line by line; BadArgument (field ``file``) when it cannot be read."""
        unknown: tuple[str, ...] = ()
        if b"BEGIN:VCALENDAR" in data[:2000].upper():
            candidates = await asyncio.to_thread(read_calendar, data, self._config)
        else:
            sheet = await asyncio.to_thread(read, data, COLUMNS)
            unknown = sheet.unknown
            candidates = Reader(self._config, self._bodies).read(sheet)
        lines = await self._judged(candidates, account)
        preview = Preview(
            id=secrets.token_hex(8), actor=account.name, unknown=unknown, lines=lines, candidates=candidates
        )
        while len(self._previews) >= KEPT:
            del self._previews[next(iter(self._previews))]
        self._previews[preview.id] = preview
        return preview

    def get(self, preview: str, account: Account) -> Preview:
        """A list that waits; NotFound when there is none, or it is somebody else's."""
        found = self._previews.get(preview)
        if found is None or found.actor != account.name:
            raise NotFound("this list waits no more; upload it again")
        return found

    async def confirm(self, preview: str, account: Account) -> Preview:
        """Book what is good, as it is now; the answer says what was done with each line."""
        waiting = self.get(preview, account)
        del self._previews[preview]
        done = []
        for line in await self._judged(waiting.candidates, account):
            command = _command(line, account.name)
            if command is not None:
                try:
                    session: Session = await self._desk.obey(command)
                    line = replace(line, session=session.id)
                except AvctlError as refusal:
                    fault = Fault(field="", expected=str(refusal))
                    line = replace(line, verdict=Verdict.BAD, faults=(fault,))
            done.append(line)
        return replace(waiting, lines=tuple(done))

    # --- judging -----------------------------------------------------------------------------------------

    async def _judged(self, candidates: tuple[Candidate, ...], account: Account) -> tuple[Line, ...]:
        candidates = self._families(candidates)
        lines: list[Line] = []
        seen: dict[str, int] = {}
        for one in candidates:
            line = self._judge(one, account)
            first = seen.setdefault(one.key, one.line) if one.key else one.line
            if first != one.line and line.verdict is not Verdict.BAD:
                expected = "a key of its own: another line has the same key, or the same day and title"
                line = _bad(line, Fault(field="key", expected=expected, got=str(first)))
            lines.append(line)
        people = [
            (at, line) for at, line in enumerate(lines) if line.verdict is not Verdict.BAD and line.booking
        ]
        for at, line in people:
            try:
                await self._sessions.known([line.booking] if line.booking is not None else [])
            except BadArgument as refusal:
                lines[at] = _bad(line, _wrong(refusal, {}))
        self._clash(lines)
        return tuple(lines)

    def _judge(self, one: Candidate, account: Account) -> Line:
        """A line by itself: whether it can be read, and what it does to what is booked."""
        existing = self._found(one)
        title = str(one.details.get("title", "")) or (existing.title if existing is not None else "")
        line = Line(
            number=one.line,
            verdict=Verdict.BAD,
            title=title,
            session=existing.id if existing is not None else "",
            faults=tuple(one.faults),
        )
        if one.cancelled:
            return self._called_off(line, existing)
        if one.faults:
            return line
        if existing is None and one.agenda_only:
            return _bad(
                line, Fault(field="key", expected="a session that is booked, by its key or day and body")
            )
        if existing is not None and existing.phase in OVER:
            return _bad(line, Fault(field="", expected="a session that is not over or cancelled"))
        try:
            if existing is None:
                booking = booking_of({**one.details, "key": one.key})
            else:
                renamed = {"key": one.key} if one.session else {}
                booking = amended(existing.booking, {**one.details, **renamed})
            account.must_be_allowed(Act.BOOK_SESSIONS, booking.room)
        except BadArgument as refusal:
            return _bad(line, _wrong(refusal, one.details))
        except AvctlError as refusal:
            return _bad(line, Fault(field="room", expected=str(refusal)))
        if existing is None:
            return replace(line, verdict=Verdict.NEW, booking=booking)
        different = tuple(changes(existing.booking, booking))
        verdict = Verdict.CHANGED if different else Verdict.SAME
        return replace(line, verdict=verdict, booking=booking, fields=different)

    @staticmethod
    def _called_off(line: Line, existing: Session | None) -> Line:
        if existing is None or existing.phase is Phase.CANCELLED:
            return replace(line, verdict=Verdict.SAME, faults=())
        return replace(line, verdict=Verdict.CANCELLED, booking=existing.booking, faults=())

    def _families(self, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Where a list has the whole of a series: what it had before and has no more is moved or called off.

        What came and what went is paired in order, so that a series at another hour is the same sessions.
        """
        found, keys = list(candidates), {one.key for one in candidates}
        missing: dict[str, list[Session]] = {}
        for session in self._sessions:
            key = session.booking.key
            if key and session.phase in BEFORE and key not in keys and session.booking.ends_at > now():
                missing.setdefault(OCCURRENCE.sub("", key), []).append(session)
        for family in dict.fromkeys(one.family for one in candidates if one.family in missing):
            left = missing[family]
            mine = [one for one in found if one.family == family]
            fresh = [one for one in mine if not one.faults and not one.cancelled and self._found(one) is None]
            pairs = {id(one): session.id for one, session in zip(fresh, left, strict=False)}
            found = [replace(one, session=pairs.get(id(one), one.session)) for one in found]
            found += [
                Candidate(line=mine[-1].line, key=session.booking.key, cancelled=True)
                for session in left[len(fresh) :]
            ]
        return tuple(found)

    def _found(self, one: Candidate) -> Session | None:
        """The session that a line is about: by the key it was imported under, or by its id."""
        if one.session:
            return self._sessions.get(one.session)
        for session in self._sessions:
            if one.key and one.key in (session.booking.key, session.id):
                return session
        if not one.agenda_only or one.day is None:
            return None
        zone = self._config.site.zone
        same = [
            session
            for session in self._sessions
            if session.phase not in OVER
            and session.booking.starts_at.astimezone(zone).date() == one.day
            and all(
                getattr(session.booking, name).casefold() == str(one.details[name]).casefold()
                for name in ("title", "body", "room")
                if one.details.get(name)
            )
        ]
        return same[0] if len(same) == 1 else None

    def _clash(self, lines: list[Line]) -> None:
        """Mark what clashes with what is booked, or with a line above."""
        wanted = [
            (at, line.session, line.booking)
            for at, line in enumerate(lines)
            if line.booking is not None and line.verdict in (Verdict.NEW, Verdict.CHANGED)
        ]
        called_off = [line.session for line in lines if line.verdict is Verdict.CANCELLED]
        found = self._sessions.clashes_of(
            [(session, booking) for _at, session, booking in wanted], called_off
        )
        zone = self._config.site.zone
        for (at, _session, _booking), clashes in zip(wanted, found, strict=True):
            if clashes:
                said = tuple(
                    Fault(field=clash.scarce.value, expected=FREE[clash.scarce], got=_named(one, zone))
                    for clash in clashes
                    for one in clash.taken
                )
                lines[at] = _bad(lines[at], *said)


def _wrong(refusal: BadArgument, details: Mapping[str, Any]) -> Fault:
    """What is wrong with a field, by the name of its column, with what stands there."""
    path = refusal.field.split(".")
    got: Any = details
    for step in path:
        match got:
            case Mapping():
                got = got.get(step, "")
            case list() if step.isdecimal() and int(step) < len(got):
                got = got[int(step)]
            case _:
                got = ""
    name = path[-1] if path[0] == "agenda" and len(path) > 1 else path[0]
    if path[0] == "agenda" and name == "title":
        name = "item"
    expected = SHOULD_BE.get(name, refusal.expected)
    if (named := re.fullmatch(r"(.+) \((?:got|there is no) (.+)\)", expected)) is not None:
        return Fault(field=name, expected=named[1], got=named[2])
    return Fault(field=name, expected=expected, got=got if isinstance(got, str) else "")


def _named(one: Taken, zone: tzinfo) -> str:
    """What is taken by, in no language."""
    starts, ends = one.booking.starts_at.astimezone(zone), one.booking.ends_at.astimezone(zone)
    last = f"{ends:%H:%M}" if ends.date() == starts.date() else f"{ends:%d.%m.%Y %H:%M}"
    return f"{one.booking.title}, {starts:%d.%m.%Y %H:%M}–{last}"


def _bad(line: Line, *faults: Fault) -> Line:
    return replace(line, verdict=Verdict.BAD, faults=(*line.faults, *faults))


def _command(line: Line, actor: str) -> Command | None:
    if line.booking is None:
        return None
    details: Mapping[str, Any] = line.booking.model_dump(mode="json")
    match line.verdict:
        case Verdict.NEW:
            return BookSession(actor=actor, details=details)
        case Verdict.CHANGED:
            changed = {name: details[name] for name in line.fields}
            return AmendSession(actor=actor, session=line.session, details=changed)
        case Verdict.CANCELLED:
            return CancelSession(actor=actor, session=line.session, reason=CALLED_OFF)
        case _:
            return None
