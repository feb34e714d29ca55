"""What announced blackouts will hit: told before they begin, so that somebody can do something about it."""

from __future__ import annotations

from avctl import clock
from avctl.config import Config
from avctl.events import Severity
from avctl.model.playing import Blackout
from avctl.model.session import OVER, RUNNING, Session
from avctl.services.alerts import Alerts
from avctl.services.blackouts import Blackouts
from avctl.services.sessions import Sessions

AHEAD = "blackout_ahead"
LOOK_SECONDS = 1.0


class Foreseen:
    """Looks at the calendar of blackouts once a second."""

    def __init__(self, config: Config, sessions: Sessions, alerts: Alerts, blackouts: Blackouts) -> None:
        self._before = config.power.warn_minutes * 60
        self._zone = config.site.zone
        self._rooms = {room.id: room.title for room in config.rooms}
        self._sessions, self._alerts, self._blackouts = sessions, alerts, blackouts
        self._said: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        self._said = {one.subject for one in self._alerts.raised() if one.rule == AHEAD}
        while True:
            self.look()
            await clock.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Say what is near, with what it hits; once it has begun, batteries speak for themselves."""
        at = clock.now()
        near = {
            one.id: one
            for one in self._blackouts.coming()
            if 0 < (one.begins_at - at).total_seconds() <= self._before
        }
        for gone in self._said - near.keys():
            self._alerts.say(AHEAD, gone, "")
        for one in near.values():
            hit = [session for session in self._sessions if self._is_hit(session, one)]
            said = "; ".join(map(self._named, hit))
            text = one.hours(self._zone) + (f": {said}" if said else "")
            self._alerts.say(AHEAD, one.id, text, Severity.WARNING if hit else Severity.INFO)
        self._said = set(near)

    def _is_hit(self, session: Session, blackout: Blackout) -> bool:
        """Booked into it, or still in progress when it comes."""
        booking = session.booking
        if booking.off_site or session.phase in OVER:
            return False
        if session.phase in RUNNING and booking.ends_at < clock.now():
            return True  # nobody knows how much longer
        return blackout in self._blackouts.during(booking)

    def _named(self, session: Session) -> str:
        starts = session.booking.starts_at.astimezone(self._zone)
        return f"{session.title}, {starts:%H:%M}, {self._rooms.get(session.room, session.room)}"
