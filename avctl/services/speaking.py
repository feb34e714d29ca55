"""The speaking-time clock: how long somebody may speak, and what happens when the time is over."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from avctl.bus import Bus
from avctl.commands import Operate
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import (
    DeviceEvent,
    LinkChanged,
    MicClosed,
    MicOpened,
    SessionEvent,
    SessionOpened,
    SessionResumed,
    SessionSuspended,
    SpeakingTimeOver,
    now,
)
from avctl.model.floor import Place
from avctl.model.session import Phase, Session
from avctl.services.follow import Follow
from avctl.services.sessions import Sessions

log = logging.getLogger(__name__)

ACTOR = "clock"
Speech = tuple[str, int, datetime]  # of a session, at a seat, since a moment


class SpeakingTime:
    """Watches whoever has the floor of an open session; each speech is told once when its time is over."""

    def __init__(self, config: Config, bus: Bus, desk: Desk, sessions: Sessions, follow: Follow) -> None:
        self._settings, self._bus, self._desk = config.floor, bus, desk
        self._sessions, self._follow = sessions, follow
        self._rooms = {device.id: device.room for device in config.devices}
        self._timers: dict[Speech, asyncio.TimerHandle | None] = {}  # None: it was told
        self._tasks: set[asyncio.Task[None]] = set()
        bus.listen(self._hear, MicOpened, MicClosed, LinkChanged)
        bus.listen(self._turn, SessionOpened, SessionResumed, SessionSuspended)

    async def close(self) -> None:
        """Let every timer and act go."""
        for timer in self._timers.values():
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def limit(self, session: Session | None, place: Place) -> float | None:
        """The seconds somebody may speak in a session; None: as long as they like."""
        if session is None or session.phase is not Phase.OPEN:
            return None
        if place.chairman and not self._settings.chairman_limited:
            return None
        settings = self._settings
        return settings.speaking_limits.get(session.booking.kind, settings.speaking_limit) or None

    def _hear(self, event: DeviceEvent) -> None:
        if room := self._rooms.get(event.device):
            self._look(room)

    def _turn(self, event: SessionEvent) -> None:
        self._look(self._sessions.get(event.session).room)

    def _look(self, room: str) -> None:
        """Watch those who speak now, and nobody else of the room."""
        session = self._sessions.in_room(room)
        floor = self._follow.floor(room)
        if session is None or floor is None:
            return
        speeches: set[Speech] = set()
        for place in floor.speakers if floor.known else ():
            speech = (session.id, place.seat, place.since)
            limit = self.limit(session, place)
            if limit is None:
                continue
            speeches.add(speech)
            if speech not in self._timers:
                left = limit - (now() - place.since).total_seconds()
                loop = asyncio.get_running_loop()
                self._timers[speech] = loop.call_later(max(0.0, left), self._over, room, speech, limit)
        if not floor.known:
            return  # whoever spoke may speak still: it is not told twice
        for speech in [one for one in self._timers if one[0] == session.id and one not in speeches]:
            if (timer := self._timers.pop(speech)) is not None:
                timer.cancel()

    def _over(self, room: str, speech: Speech, limit: float) -> None:
        session, seat, _ = speech
        self._timers[speech] = None
        floor = self._follow.floor(room)
        place = next((one for one in floor.speakers if one.seat == seat), None) if floor is not None else None
        if floor is None or place is None or not floor.known:
            return
        self._bus.publish(SpeakingTimeOver(session=session, seat=seat, name=place.name, limit=limit))
        if self._settings.close_at_limit:
            command = Operate(actor=ACTOR, device=floor.device, verb="close_mic", arguments={"seat": seat})
            task = asyncio.get_running_loop().create_task(self._try(command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _try(self, command: Operate) -> None:
        try:
            await self._desk.obey(command)
        except AvctlError as refusal:
            log.warning("the microphone is not closed at the limit: %s", refusal)
