"""The sheets of preparations, kept in the record: the newest of each session is held."""

from __future__ import annotations

from avctl.bus import Bus
from avctl.errors import NotFound
from avctl.events import (
    Event,
    LineBegun,
    LineJudged,
    PreparationBegan,
    PreparationEnded,
    SessionEvent,
)
from avctl.model.preparation import Preparation
from avctl.services.journal import Journal, Write
from avctl.store import Store, records

OURS = (PreparationBegan, LineBegun, LineJudged, PreparationEnded)


class Sheets:
    """Folds preparations from their events."""

    def __init__(self, bus: Bus, store: Store, journal: Journal) -> None:
        self._store, self._settled = store, journal.settled
        self._sheets: dict[str, Preparation] = {}  # by session
        bus.listen(self._fold, *OURS)
        journal.keep(self._kept, *OURS)

    async def restore(self, sessions: tuple[str, ...]) -> None:
        """Take in the newest of each session, at start."""
        async with self._store.read() as connection:
            for sheet in await records.preparations_of(connection, sessions):
                self._sheets[sheet.session] = sheet

    def get(self, session: str) -> Preparation:
        """The newest of a session that is held; NotFound when it never had one."""
        try:
            return self._sheets[session]
        except KeyError:
            raise NotFound(f"session {session!r} has not been prepared") from None

    def of(self, session: str) -> Preparation | None:
        """The same; None when there is none."""
        return self._sheets.get(session)

    async def all_of(self, session: str) -> tuple[Preparation, ...]:
        """Every sheet of a session, oldest first."""
        await self._settled()
        async with self._store.read() as connection:
            return await records.preparations_of(connection, (session,))

    def _fold(self, event: SessionEvent) -> None:
        if isinstance(event, PreparationBegan):
            self._sheets[event.session] = Preparation.begun(event)
        elif (sheet := self._sheets.get(event.session)) is not None and sheet.id == _sheet(event):
            self._sheets[event.session] = sheet.after(event)

    def _kept(self, event: Event) -> Write | None:
        if not isinstance(event, OURS):
            return None
        sheet = self._sheets.get(event.session)
        return None if sheet is None else Write(records.save_preparation, sheet)


def _sheet(event: Event) -> str:
    return str(getattr(event, "preparation", ""))
