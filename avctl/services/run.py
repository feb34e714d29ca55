"""The run of a session: what its acts mean for the broadcast and the recording.

The session's own event comes first and stands, whatever the programme does: a sitting that was suspended
is suspended. The broadcast keeps what is wanted of it and is brought to that by its own supervisor.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace

from avctl.bus import Bus
from avctl.commands import (
    AnnounceSession,
    ArmBroadcast,
    BeginItem,
    CancelSession,
    CloseSession,
    Command,
    EnterClosedPart,
    GoDark,
    GoLive,
    LeaveClosedPart,
    NoteQuorum,
    OpenSession,
    ResumeSession,
    ShowSlate,
    StartRecording,
    SuspendSession,
)
from avctl.desk import Desk
from avctl.errors import AvctlError, BadArgument, Conflict, NotFound
from avctl.events import BroadcastDegraded, ChapterMarked, Reason
from avctl.model.booking import Policy
from avctl.model.series import meant
from avctl.model.session import BEFORE, Phase, Session
from avctl.services.acts import Acts
from avctl.services.sessions import Sessions

log = logging.getLogger(__name__)

STARTING = "starting"  # the slate before the start


class Run:
    """Answers the acts of a session that concern its programme too."""

    def __init__(self, bus: Bus, desk: Desk, sessions: Sessions) -> None:
        self._bus, self._desk, self._sessions = bus, desk, sessions
        self._acts = Acts(bus, sessions)

    def handle(self, desk: Desk) -> None:
        """Answer the acts of a running session."""
        desk.handle(OpenSession, self.open)
        desk.handle(SuspendSession, self.suspend)
        desk.handle(ResumeSession, self.resume)
        desk.handle(CloseSession, self.close)
        desk.handle(CancelSession, self.cancel)
        desk.handle(AnnounceSession, self.announce)
        desk.handle(BeginItem, self._acts.begin_item)
        desk.handle(NoteQuorum, self._acts.note_quorum)

    async def announce(self, command: AnnounceSession) -> Session:
        """Let viewers in before the start; they see the slate until the sitting opens."""
        session = self._sessions.get(command.session)
        if session.phase not in BEFORE:
            raise Conflict(f"a session that is {session.phase} is not announced any more")
        if session.booking.policy is not Policy.LIVE or not session.broadcastable:
            raise Conflict("this session is booked without a live broadcast")
        actor = command.actor
        await self._desk.obey(ArmBroadcast(actor=actor, session=session.id))
        await self._desk.obey(ShowSlate(actor=actor, session=session.id, slate=STARTING))
        await self._desk.obey(GoLive(actor=actor, session=session.id, record=False))
        return self._sessions.get(session.id)

    async def open(self, command: OpenSession) -> Session:
        """Begin the sitting; what the policy wants begins with it."""
        before = self._sessions.get(command.session).phase
        session = await self._acts.open(command)
        if session.broadcastable and before is not Phase.OPEN:
            self._mark(session, "open")
            live = session.booking.policy is Policy.LIVE
            act = GoLive if live else StartRecording
            await self._try(act(actor=command.actor, session=session.id))
            if live:  # those who were let in before see the hall now
                await self._try(ShowSlate(actor=command.actor, session=session.id, slate=""))
        return session

    async def suspend(self, command: SuspendSession) -> Session:
        """Interrupt the sitting; the programme shows the slate of the reason."""
        before = self._sessions.get(command.session).reason
        session = await self._acts.suspend(command)
        if session.broadcastable and session.reason is not before:
            self._mark(session, str(command.reason))
        if session.broadcastable and command.reason is Reason.CLOSED:
            await self._close_part(EnterClosedPart(actor=command.actor, session=session.id))
        elif session.broadcastable:
            await self._try(ShowSlate(actor=command.actor, session=session.id, slate=str(command.reason)))
        return session

    async def resume(self, command: ResumeSession) -> Session:
        """Go on; the programme shows the hall again. After a closed part a person confirms that it may."""
        closed = self._sessions.get(command.session).reason is Reason.CLOSED
        if closed and not command.confirmed:
            raise BadArgument("confirm", "true: after a closed part viewers see the hall again")
        session = await self._acts.resume(command)
        if session.broadcastable:
            self._mark(session, "resumed")
        if session.broadcastable and command.confirmed:
            await self._close_part(LeaveClosedPart(actor=command.actor, session=session.id))
        if session.broadcastable:
            await self._try(ShowSlate(actor=command.actor, session=session.id, slate=""))
        return session

    async def close(self, command: CloseSession) -> Session:
        """End the sitting, the programme and the recording."""
        session = await self._acts.close(command)
        if session.broadcastable:
            await self._try(GoDark(actor=command.actor, session=session.id))
        return session

    async def cancel(self, command: CancelSession) -> Session:
        """Call the sitting off, and others of its series as far as meant; a programme that was armed ends."""
        for one in meant(self._sessions, self._sessions.get(command.session), command.scope):
            session = await self._acts.cancel(replace(command, session=one.id))
            if session.broadcastable:
                await self._try(GoDark(actor=command.actor, session=session.id))
        return self._sessions.get(command.session)

    def _mark(self, session: Session, title: str) -> None:
        self._bus.publish(ChapterMarked(session=session.id, kind="phase", title=title))

    async def _close_part(self, command: Command) -> None:
        """What the interlock refuses is told to whoever asked: nobody may believe that it was done."""
        with suppress(NotFound):  # it never had a programme: there is nothing to see
            await self._desk.obey(command)

    async def _try(self, command: Command) -> None:
        try:
            await self._desk.obey(command)
        except NotFound:
            pass  # it never had a programme: nothing to bring along
        except AvctlError as refusal:
            log.error("%s failed: %s", type(command).__name__, refusal)
            session = getattr(command, "session", "")
            self._bus.publish(BroadcastDegraded(session=session, reason=str(refusal)))
