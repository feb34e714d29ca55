"""What the plan wants while a day goes on: the slate before the start, and words when nobody acts.

Nothing here opens, interrupts or ends a sitting: that takes a person.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from avctl import clock
from avctl.commands import AnnounceSession
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import Severity
from avctl.model.booking import Policy
from avctl.model.session import BEFORE, RUNNING, Session
from avctl.services.alerts import Alerts
from avctl.services.sessions import Sessions

log = logging.getLogger(__name__)

ITSELF = "avctl"
LOOK_SECONDS = 1.0
NOT_BEGUN, OVERRUN = "not_begun", "overrun"
NEAR = timedelta(minutes=15)  # to the next booking: from here on it is grave


class Reminders:
    """Looks at the plan once a second."""

    def __init__(self, config: Config, desk: Desk, sessions: Sessions, alerts: Alerts) -> None:
        self._soon = timedelta(minutes=config.schedule.soon_minutes)
        self._before = timedelta(minutes=config.schedule.remind_minutes)
        self._zone = config.site.zone
        self._desk, self._sessions, self._alerts = desk, sessions, alerts
        self._announced: set[tuple[str, datetime]] = set()  # asked for once, whatever became of it

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Say what should have been done, and show the slate where it is time."""
        at = clock.now()
        for session in tuple(self._sessions):
            self._remind(session, at)
            self._warn(session, at)
            key = (session.id, session.booking.starts_at)
            if self._is_soon(session, at) and key not in self._announced:
                self._announced.add(key)
                try:
                    await self._desk.obey(AnnounceSession(actor=ITSELF, session=session.id))
                except AvctlError as refusal:
                    log.warning("%s is not announced to viewers: %s", session.id, refusal)

    def _is_soon(self, session: Session, at: datetime) -> bool:
        starts_at = session.booking.starts_at
        return (
            session.phase in BEFORE
            and session.booking.policy is Policy.LIVE
            and session.broadcastable
            and starts_at - self._soon <= at < starts_at
            and self._sessions.running_in(session.room) is None
        )

    def _remind(self, session: Session, at: datetime) -> None:
        """To go on air, or to begin the recording: from a little before the start until it is no use."""
        booking = session.booking
        late = (
            bool(self._before)
            and session.phase in BEFORE
            and session.broadcastable
            and booking.starts_at - self._before <= at < booking.ends_at
        )
        severity = Severity.CRITICAL if at >= booking.starts_at else Severity.WARNING
        self._alerts.say(NOT_BEGUN, session.id, self._named(session) if late else "", severity)

    def _warn(self, session: Session, at: datetime) -> None:
        """Of the next booking in the room, as soon as the one that runs will not be out by then."""
        text, severity = "", Severity.WARNING
        if session.phase in RUNNING and (coming := self._sessions.next_in(session)) is not None:
            booking = session.booking
            out = max(booking.ends_at, at) + timedelta(minutes=booking.breakdown_minutes)
            if out > coming.booking.since:
                text = self._named(coming)
                severity = Severity.CRITICAL if coming.booking.since - at <= NEAR else severity
        self._alerts.say(OVERRUN, session.id, text, severity)

    def _named(self, session: Session) -> str:
        starts = session.booking.starts_at.astimezone(self._zone)
        return f"{session.title}, {starts:%H:%M}"
