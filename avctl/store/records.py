"""One function per question to the record. Each takes an open connection; transactions are the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, Table, delete, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from avctl.events import ChapterMarked
from avctl.model.alert import Alert
from avctl.model.framing import Framing
from avctl.model.golden import Golden
from avctl.model.participants import Seating
from avctl.model.preparation import Preparation
from avctl.model.session import OVER, Phase, Session
from avctl.model.silence import Silence
from avctl.model.vote import Vote
from avctl.store import tables

T = TypeVar("T")


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


async def upsert(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    """Write a row, replacing the one with the same primary key."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_or
    else:
        from sqlalchemy.dialects.sqlite import insert as insert_or  # type: ignore[assignment]
    keys = [column.name for column in table.primary_key]
    statement = insert_or(table).values(row)
    changes = {name: statement.excluded[name] for name in row if name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


# --- the journal -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class JournalRow:
    """A line of the journal. ``data`` is the event as ``avctl.events.encode`` gives it, without secrets."""

    number: int
    at: datetime
    kind: str
    subject: str
    actor: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which lines of the journal: an empty field asks for all. ``since`` is included, ``until`` is not."""

    kinds: tuple[str, ...] = ()
    subject: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL."""
        journal = tables.journal.c
        found: list[ColumnElement[bool]] = []
        if self.kinds:
            found.append(journal.kind.in_(self.kinds))
        if self.subject:
            found.append(journal.subject == self.subject)
        if self.actor:
            # The second condition, as it stands in the partial index, lets that be used.
            found += [journal.actor == self.actor, journal.actor != literal("", literal_execute=True)]
        if self.since is not None:
            found.append(journal.at >= self.since)
        if self.until is not None:
            found.append(journal.at < self.until)
        return found

    def passes(self, row: JournalRow) -> bool:
        """The same for a line that is not on disk yet."""
        return (
            (not self.kinds or row.kind in self.kinds)
            and (not self.subject or row.subject == self.subject)
            and (not self.actor or row.actor == self.actor)
            and (self.since is None or row.at >= self.since)
            and (self.until is None or row.at < self.until)
        )


EVERYTHING = Filter()


async def append_events(connection: AsyncConnection, rows: Sequence[JournalRow]) -> None:
    """Write lines of the journal."""
    if rows:
        await connection.execute(insert(tables.journal), [vars(row) for row in rows])


async def last_number(connection: AsyncConnection) -> int:
    """The number of the last line; 0 when there is none."""
    return (await connection.execute(select(func.max(tables.journal.c.number)))).scalar() or 0


async def events_after(
    connection: AsyncConnection, number: int, limit: int, which: Filter = EVERYTHING
) -> tuple[JournalRow, ...]:
    """The lines after a number, oldest first."""
    journal = tables.journal
    statement = select(journal).where(journal.c.number > number, *which.conditions())
    return await _lines(connection, statement.order_by(journal.c.number).limit(limit))


async def events_before(
    connection: AsyncConnection, number: int | None, limit: int, which: Filter = EVERYTHING
) -> tuple[JournalRow, ...]:
    """The lines before a number (all when None), newest first."""
    journal = tables.journal
    statement = select(journal).where(*which.conditions())
    if number is not None:
        statement = statement.where(journal.c.number < number)
    return await _lines(connection, statement.order_by(journal.c.number.desc()).limit(limit))


async def _lines(connection: AsyncConnection, statement: Select[Any]) -> tuple[JournalRow, ...]:
    return tuple(JournalRow(**row) for row in (await connection.execute(statement)).mappings())


# --- numbers handed out ----------------------------------------------------------------------------


async def reserved_number(connection: AsyncConnection) -> int:
    """The highest number that may have been handed out; 0 at first."""
    numbers = tables.numbers.c
    statement = select(numbers.number).where(numbers.name == "event")
    return (await connection.execute(statement)).scalar() or 0


async def reserve_number(connection: AsyncConnection, number: int) -> None:
    """From now on, numbers up to this one may be handed out."""
    await upsert(connection, tables.numbers, {"name": "event", "number": number})


# --- events of other programs ----------------------------------------------------------------------


async def post_event(connection: AsyncConnection, data: Mapping[str, Any]) -> None:
    """Leave an event (encoded) for the controller to publish."""
    await connection.execute(insert(tables.posted).values(data=data))


async def posted_events(connection: AsyncConnection, after: int) -> tuple[tuple[int, Mapping[str, Any]], ...]:
    """What other programs left, each with its id, oldest first."""
    posted = tables.posted
    statement = select(posted.c.id, posted.c.data).where(posted.c.id > after).order_by(posted.c.id).limit(100)
    return tuple((row.id, row.data) for row in await connection.execute(statement))


async def take_posted(connection: AsyncConnection, identifier: int) -> None:
    """This one has been published."""
    await connection.execute(delete(tables.posted).where(tables.posted.c.id == identifier))


# --- sessions --------------------------------------------------------------------------------------


async def save_session(connection: AsyncConnection, session: Session) -> None:
    """The session as its last event left it."""
    row = {
        "id": session.id,
        "room": session.room,
        "phase": session.phase.value,
        "starts_at": session.booking.starts_at,
        "ends_at": session.booking.ends_at,
        "state": _adapter(Session).dump_python(session, mode="json"),
        "number": session.number,
    }
    await upsert(connection, tables.sessions, row)


async def session_of(connection: AsyncConnection, session: str) -> Session | None:
    """The session of an id."""
    return next(iter(await _sessions(connection, tables.sessions.c.id == session)), None)


async def open_sessions(connection: AsyncConnection) -> tuple[Session, ...]:
    """Those that are not over, by planned start."""
    return await sessions_in(connection, [phase for phase in Phase if phase not in OVER])


async def sessions_in(connection: AsyncConnection, phases: Iterable[Phase]) -> tuple[Session, ...]:
    """Those in one of the phases, by planned start."""
    return await _sessions(connection, tables.sessions.c.phase.in_([phase.value for phase in phases]))


async def sessions_between(
    connection: AsyncConnection, since: datetime, until: datetime
) -> tuple[Session, ...]:
    """Those planned to begin from ``since`` and before ``until``, by planned start."""
    starts_at = tables.sessions.c.starts_at
    return await _sessions(connection, starts_at >= since, starts_at < until)


async def _sessions(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> tuple[Session, ...]:
    found = select(tables.sessions.c.state).where(*conditions).order_by(tables.sessions.c.starts_at)
    adapter = _adapter(Session)
    return tuple(adapter.validate_python(state) for state in (await connection.execute(found)).scalars())


# --- chapters --------------------------------------------------------------------------------------


async def save_chapter(connection: AsyncConnection, event: ChapterMarked) -> None:
    """A moment of a recording worth finding again."""
    row = {
        "session": event.session,
        "number": event.number,
        "at": event.at,
        "kind": event.kind,
        "title": event.title,
    }
    await upsert(connection, tables.chapters, row)


async def chapters_of(connection: AsyncConnection, session: str) -> tuple[ChapterMarked, ...]:
    """The chapters of a session, in order."""
    chapters = tables.chapters
    statement = select(chapters).where(chapters.c.session == session).order_by(chapters.c.number)
    return tuple(ChapterMarked(**row) for row in (await connection.execute(statement)).mappings())


# --- votes -----------------------------------------------------------------------------------------


async def save_vote(connection: AsyncConnection, vote: Vote) -> None:
    """What a vote decided, or that it is lost; a row that is there is never changed."""
    there = select(tables.votes.c.number).where(
        tables.votes.c.session == vote.session, tables.votes.c.number == vote.number
    )
    if (await connection.execute(there)).first() is None:
        row = {
            "session": vote.session,
            "number": vote.number,
            "closed_at": vote.closed_at,
            "state": _adapter(Vote).dump_python(vote, mode="json"),
        }
        await connection.execute(insert(tables.votes), [row])


async def votes_of(connection: AsyncConnection, session: str) -> tuple[Vote, ...]:
    """The votes of a session that are over, in order."""
    votes = tables.votes
    statement = select(votes.c.state).where(votes.c.session == session).order_by(votes.c.number)
    adapter = _adapter(Vote)
    return tuple(adapter.validate_python(state) for state in (await connection.execute(statement)).scalars())


# --- alerts ----------------------------------------------------------------------------------------


async def save_alert(connection: AsyncConnection, alert: Alert) -> None:
    """The alert as its last event left it."""
    row = {
        "id": alert.id,
        "rule": alert.rule,
        "subject": alert.subject,
        "severity": alert.severity.value,
        "raised_at": alert.raised_at,
        "cleared_at": alert.cleared_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": alert.acknowledged_by,
        "state": _adapter(Alert).dump_python(alert, mode="json"),
    }
    await upsert(connection, tables.alerts, row)


async def alert_of(connection: AsyncConnection, alert: str) -> Alert | None:
    """The alert of an id."""
    return next(
        iter(await _alerts(connection, select(tables.alerts).where(tables.alerts.c.id == alert))), None
    )


async def raised_alerts(connection: AsyncConnection) -> tuple[Alert, ...]:
    """Those whose cause is still there, latest first."""
    # Sorted here: asked to sort, SQLite would walk all that were ever raised.
    raised = await _alerts(connection, select(tables.alerts).where(tables.alerts.c.cleared_at.is_(None)))
    return tuple(sorted(raised, key=lambda alert: alert.raised_at, reverse=True))


async def alerts_before(
    connection: AsyncConnection, before: datetime | None, limit: int
) -> tuple[Alert, ...]:
    """A page of all alerts raised before a moment (all when None), latest first."""
    statement = select(tables.alerts).order_by(tables.alerts.c.raised_at.desc()).limit(limit)
    if before is not None:
        statement = statement.where(tables.alerts.c.raised_at < before)
    return await _alerts(connection, statement)


async def _alerts(connection: AsyncConnection, statement: Select[Any]) -> tuple[Alert, ...]:
    adapter = _adapter(Alert)
    rows = (await connection.execute(statement)).mappings()
    return tuple(adapter.validate_python(row["state"]) for row in rows)


# --- the cameras of rooms ----------------------------------------------------------------------------


async def save_framing(connection: AsyncConnection, framing: Framing) -> None:
    """What was decided about a room's cameras, as the last event left it."""
    state = _adapter(Framing).dump_python(framing, mode="json")
    await upsert(connection, tables.framings, {"room": framing.room, "state": state})


async def framings(connection: AsyncConnection) -> tuple[Framing, ...]:
    """What was decided about every room's cameras."""
    adapter = _adapter(Framing)
    found = await connection.execute(select(tables.framings.c.state))
    return tuple(adapter.validate_python(state) for state in found.scalars())


# --- people in seats, and what is silenced -----------------------------------------------------------


async def save_seating(connection: AsyncConnection, seating: Seating) -> None:
    """The people of a session, as the last event left them."""
    state = _adapter(Seating).dump_python(seating, mode="json")
    await upsert(connection, tables.seatings, {"session": seating.session, "state": state})


async def seatings(connection: AsyncConnection, sessions: Iterable[str]) -> tuple[Seating, ...]:
    """The people of some sessions, those that have any."""
    table, adapter = tables.seatings, _adapter(Seating)
    found = await connection.execute(select(table.c.state).where(table.c.session.in_(tuple(sessions))))
    return tuple(adapter.validate_python(state) for state in found.scalars())


async def last_seating(
    connection: AsyncConnection, room: str, body: str, before: datetime
) -> tuple[str, Seating] | None:
    """Title and people of the last session of a body in a room that ended with people in its seats."""
    sessions, table = tables.sessions, tables.seatings
    wanted = (
        select(sessions.c.state, table.c.state.label("people"))
        .join(table, table.c.session == sessions.c.id)
        .where(
            sessions.c.room == room,
            sessions.c.phase.in_([Phase.CLOSED.value, Phase.PUBLISHED.value]),
            sessions.c.starts_at < before,
        )
        .order_by(sessions.c.starts_at.desc())
        .limit(50)
    )
    for row in await connection.execute(wanted):
        session = _adapter(Session).validate_python(row.state)
        people = _adapter(Seating).validate_python(row.people)
        if session.booking.body == body and people.sat:
            return session.title, people
    return None


async def save_silence(connection: AsyncConnection, silence: Silence) -> None:
    """What a closed part has silenced in a room, as the last event left it."""
    state = _adapter(Silence).dump_python(silence, mode="json")
    await upsert(connection, tables.silences, {"room": silence.room, "state": state})


async def silences(connection: AsyncConnection) -> tuple[Silence, ...]:
    """What closed parts have silenced in every room."""
    adapter = _adapter(Silence)
    found = await connection.execute(select(tables.silences.c.state))
    return tuple(adapter.validate_python(state) for state in found.scalars())


# --- preparations, and what is known to be good --------------------------------------------------------


async def save_preparation(connection: AsyncConnection, preparation: Preparation) -> None:
    """A sheet as its last event left it."""
    row = {
        "id": preparation.id,
        "session": preparation.session,
        "began_at": preparation.began_at,
        "state": _adapter(Preparation).dump_python(preparation, mode="json"),
    }
    await upsert(connection, tables.preparations, row)


async def preparations_of(connection: AsyncConnection, sessions: Sequence[str]) -> tuple[Preparation, ...]:
    """The sheets of some sessions, oldest first."""
    sheets = tables.preparations
    found = select(sheets.c.state).where(sheets.c.session.in_(sessions)).order_by(sheets.c.began_at)
    adapter = _adapter(Preparation)
    return tuple(adapter.validate_python(state) for state in (await connection.execute(found)).scalars())


async def save_golden(connection: AsyncConnection, golden: Golden) -> None:
    """What is known to be good in a room."""
    state = _adapter(Golden).dump_python(golden, mode="json")
    await upsert(connection, tables.golden, {"room": golden.room, "state": state})


async def all_golden(connection: AsyncConnection) -> tuple[Golden, ...]:
    """What is known to be good in every room."""
    adapter = _adapter(Golden)
    found = await connection.execute(select(tables.golden.c.state))
    return tuple(adapter.validate_python(state) for state in found.scalars())
