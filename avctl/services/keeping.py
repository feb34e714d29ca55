"""What is kept beside the journal, so that a start reads only what is live: sessions, alerts, chapters."""

from __future__ import annotations

from avctl.errors import NotFound
from avctl.events import AlertEvent, ChapterMarked, Event, ItemStarted, SessionEvent
from avctl.services.alerts import Alerts
from avctl.services.journal import Journal, Write
from avctl.services.sessions import Sessions
from avctl.store import Store, records


async def restore(store: Store, sessions: Sessions, alerts: Alerts) -> None:
    """Give the services what the record says is not over."""
    async with store.read() as connection:
        sessions.restore(await records.open_sessions(connection))
        alerts.restore(await records.raised_alerts(connection))


def keep(journal: Journal, sessions: Sessions, alerts: Alerts) -> None:
    """Have every later change of them written with the event that made it."""

    def session(event: Event) -> Write | None:
        match event:
            case SessionEvent(transient=False):
                changed = [one for one in sessions if one.id == event.session]
            case ItemStarted():
                changed = list(sessions)
            case _:
                return None
        folded = next((one for one in changed if one.number == event.number), None)
        return Write(records.save_session, folded) if folded is not None else None

    def chapter(event: Event) -> Write | None:
        return Write(records.save_chapter, event) if isinstance(event, ChapterMarked) else None

    def alert(event: Event) -> Write | None:
        if not isinstance(event, AlertEvent):
            return None
        try:
            return Write(records.save_alert, alerts.get(event.alert))
        except NotFound:
            return None

    for keeper in (session, chapter, alert):
        journal.keep(keeper)
