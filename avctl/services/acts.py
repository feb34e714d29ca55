"""The acts of a sitting, as far as the record is concerned; ``run`` brings the programme along."""

from __future__ import annotations

from datetime import datetime

from avctl.bus import Bus
from avctl.commands import (
    BeginItem,
    CancelSession,
    CloseSession,
    NoteQuorum,
    OpenSession,
    ResumeSession,
    SuspendSession,
)
from avctl.errors import BadArgument, Conflict
from avctl.events import Reason, now
from avctl.model.booking import amended
from avctl.model.session import Session, in_minutes
from avctl.services.sessions import Sessions

MOST_PRESENT = 10_000
WHY = "Перерву через тривогу або знеструмлення додано до часу засідання"


class Acts:
    """Decides and publishes; each act happens once."""

    def __init__(self, bus: Bus, sessions: Sessions) -> None:
        self._bus, self._sessions, self._config = bus, sessions, sessions.config

    async def open(self, command: OpenSession) -> Session:
        """Begin the sitting, unless another one runs in the room."""
        session = self._sessions.get(command.session)
        running = self._sessions.running_in(session.room) if session.room else None
        if running is not None and running.id != session.id:
            raise Conflict(f"{running.title!r} ({running.id}) is running in this room")
        return await self._sessions.tell(session.id, session.open(command.actor))

    async def suspend(self, command: SuspendSession) -> Session:
        """Interrupt the sitting, or change until when."""
        session, until = self._sessions.get(command.session), command.until
        if not command.timed:
            until = session.until if command.reason is session.reason else self._usual(command.reason)
        event = session.suspend(command.reason, command.actor, until)
        return await self._sessions.tell(command.session, event)

    def _usual(self, reason: Reason) -> datetime | None:
        """When an interruption ends that nobody set a time for."""
        minutes = self._config.broadcast.break_minutes if reason is Reason.BREAK else 0
        return in_minutes(minutes) if minutes else None

    async def resume(self, command: ResumeSession) -> Session:
        """Go on; after an air-raid alarm or a power cut the planned end moves, unless that is not wanted."""
        session = self._sessions.get(command.session)
        event, moved = session.resume(command.actor), session.taken_away(now())
        if event is not None:
            self._bus.publish(event)
            if command.move_end is not False and moved:
                self._move_end(self._sessions.get(session.id), session.booking.ends_at + moved, command.actor)
            await self._sessions.kept()
        return self._sessions.get(session.id)

    async def begin_item(self, command: BeginItem) -> Session:
        """Take up an item of the agenda."""
        event = self._sessions.get(command.session).begin_item(command.place, command.actor)
        return await self._sessions.tell(command.session, event)

    async def note_quorum(self, command: NoteQuorum) -> Session:
        """Keep how many are there, and how many must be by the rule of the body."""
        if not 0 <= command.present <= MOST_PRESENT:
            raise BadArgument("present", f"0 to {MOST_PRESENT} (got {command.present})")
        session = self._sessions.get(command.session)
        quorum = self._config.voting.rule_of(session.booking.body).quorum
        event = session.note_quorum(command.present, quorum, command.actor)
        return await self._sessions.tell(session.id, event)

    async def close(self, command: CloseSession) -> Session:
        """End the sitting."""
        return await self._sessions.tell(
            command.session, self._sessions.get(command.session).close(command.actor)
        )

    async def cancel(self, command: CancelSession) -> Session:
        """Call the sitting off."""
        return await self._sessions.tell(
            command.session, self._sessions.get(command.session).cancel(command.actor, command.reason)
        )

    def _move_end(self, session: Session, ends_at: datetime, actor: str) -> None:
        """Another planned end. What runs is never refused: what it clashes with then is told."""
        details = {"ends_at": ends_at.isoformat()}
        try:
            booking = amended(session.booking, details)
        except BadArgument:
            return  # beyond a day: nobody plans that, and a person says when it ends
        self._bus.publish(session.amend(details, actor, WHY))
        (clashes,) = self._sessions.clashes_of(((session.id, booking),))
        self._sessions.overridden(session.id, actor, WHY, clashes)
