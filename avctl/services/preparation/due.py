"""Preparations that begin by themselves, and alerts that weigh more as a sitting's start comes nearer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from avctl import clock as time
from avctl.commands import PrepareSession
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import Severity, now
from avctl.model.preparation import Stage, Verdict
from avctl.model.session import BEFORE, Phase, Session
from avctl.services.alerts import Alerts
from avctl.services.preparation.sheets import Sheets
from avctl.services.sessions import Sessions

log = logging.getLogger(__name__)

RULE = "preparation_failed"
ITSELF = "avctl"
LOOK_SECONDS = 1.0
NEARNESS = ((timedelta(minutes=15), Severity.CRITICAL), (timedelta(minutes=60), Severity.WARNING))
LONGEST_TEXT = 400


class Due:
    """Looks at the plan once a second."""

    def __init__(
        self,
        config: Config,
        desk: Desk,
        sessions: Sessions,
        sheets: Sheets,
        alerts: Alerts,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._before = timedelta(minutes=config.preparation.minutes_before)
        self._desk, self._sessions, self._sheets, self._alerts = desk, sessions, sheets, alerts
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await time.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Begin what is due, and say what failed."""
        at = self._clock()
        for session in tuple(self._sessions):
            self._weigh(session, at)
            if self._is_due(session, at):
                try:
                    await self._desk.obey(PrepareSession(actor=ITSELF, session=session.id))
                except AvctlError as refusal:
                    log.warning("%s is not prepared: %s", session.id, refusal)

    def _is_due(self, session: Session, at: datetime) -> bool:
        """Once for each start; not in the sight of another sitting, nor against a person who cancelled."""
        if not self._before or session.phase not in (Phase.PLANNED, Phase.READY) or session.booking.off_site:
            return False
        starts_at = session.booking.starts_at
        if not starts_at - self._before <= at < starts_at:
            return False
        sheet = self._sheets.of(session.id)
        done = sheet is not None and sheet.began_at >= starts_at - 2 * self._before
        return not done and self._sessions.running_in(session.room) is None

    def _weigh(self, session: Session, at: datetime) -> None:
        sheet = self._sheets.of(session.id)
        if sheet is None or sheet.stage is Stage.RUNNING:
            return
        before = session.phase in BEFORE
        faults = [line.what for line in sheet.lines if before and line.verdict is Verdict.FAIL]
        left = session.booking.starts_at - at
        severity = next((weight for within, weight in NEARNESS if left <= within), Severity.INFO)
        self._alerts.say(RULE, session.id, "; ".join(faults)[:LONGEST_TEXT], severity)
