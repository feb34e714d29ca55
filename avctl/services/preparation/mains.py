"""Whether mains are announced to be away while a session needs its room."""

from __future__ import annotations

from collections.abc import Iterable

from avctl.config import Config
from avctl.model.preparation import Line
from avctl.model.preparation_words import ANNOUNCED, NOT_ANNOUNCED
from avctl.model.session import Session
from avctl.services.blackouts import Blackouts
from avctl.services.preparation.proof import Keep, Result, passed, warned


class MainsAhead:
    """Reads the calendar of blackouts."""

    kinds = ("mains",)

    def __init__(self, config: Config, blackouts: Blackouts) -> None:
        self._zone, self._blackouts = config.site.zone, blackouts

    def lines(self, session: Session) -> Iterable[Line]:
        """One, where one is announced."""
        if self._blackouts.during(session.booking):
            yield Line(id="mains", kind="mains", values={"hours": self._hours(session)})

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """As it is announced now."""
        hours = self._hours(session)
        return warned(ANNOUNCED, hours=hours) if hours else passed(NOT_ANNOUNCED)

    async def put_back(self, line: Line) -> None:
        """Reading changes nothing."""

    def _hours(self, session: Session) -> str:
        return "; ".join(one.hours(self._zone) for one in self._blackouts.during(session.booking))
