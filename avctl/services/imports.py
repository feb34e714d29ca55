"""Lists that people bring: looked through line by line first, booked only when they say so."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from avctl.commands import AmendSession, BookSession, CancelSession, Command
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, BadArgument, NotFound
from avctl.model.account import Account, Act
from avctl.model.booking import Booking, amended, booking_of, changes
from avctl.model.clash import Scarce, named
from avctl.model.session import OVER, Phase, Session
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
                lines[at] = _bad(line, Fault(field=refusal.field, expected=refusal.expected))
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
                booking = amended(existing.booking, one.details)
            account.must_be_allowed(Act.BOOK_SESSIONS, booking.room)
        except BadArgument as refusal:
            return _bad(line, Fault(field=refusal.field, expected=refusal.expected))
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

    def _found(self, one: Candidate) -> Session | None:
        """The session that a line is about: by the key it was imported under, or by its id."""
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
                    Fault(field=clash.scarce.value, expected=FREE[clash.scarce], got=named(one, zone))
                    for clash in clashes
                    for one in clash.taken
                )
                lines[at] = _bad(lines[at], *said)


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
            return CancelSession(actor=actor, session=line.session)
        case _:
            return None
