"""The air raid, end to end: heard, told, suggested to sessions, and over only when all clear was heard.

A signal that is false or lost (silence, an error, old data, another region) is *unknown*: it suggests
nothing, stops whatever was about to be done by itself, and ends nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial

from avctl.bus import Bus
from avctl.commands import Command, SuspendSession
from avctl.commands.building import (
    DismissSuggestion,
    LiftEmergency,
    ShowEmergency,
)
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, NotFound
from avctl.events import (
    AirRaidBegan,
    AirRaidEnded,
    AirRaidEvent,
    AlarmChanged,
    DeviceEvent,
    Event,
    LinkChanged,
    ReadingsChanged,
    Reason,
    ResumptionSuggested,
    SessionClosed,
    SessionEvent,
    SessionOpened,
    SessionResumed,
    SessionSuspended,
    Severity,
    SuggestionDropped,
    SuspensionSuggested,
    now,
)
from avctl.model.air_raid import ACTIVE, CLEAR, PARTLY, RESUME, SUSPEND, UNKNOWN, AirRaid, together
from avctl.model.session import RUNNING, Phase, Session
from avctl.services.alerts import Alerts
from avctl.services.everywhere import Everywhere
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.services.sessions import Sessions
from avctl.store import Store, building

log = logging.getLogger(__name__)

ACTOR = "air raid"
NAME = "air_raid"
FOLDED = (
    *(AirRaidEvent, SuspensionSuggested, ResumptionSuggested, SuggestionDropped),
    *(SessionSuspended, SessionResumed, SessionClosed),
)
HEARD = {"alarm", "level", "alarm_since", "heard_at"}


class AirRaids:
    """Knows the alarm, and what it asks of each session."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        desk: Desk,
        store: Store,
        journal: Journal,
        house: House,
        sessions: Sessions,
        alerts: Alerts,
        everywhere: Everywhere,
    ) -> None:
        self._settings, self._bus, self._desk, self._store = config.alarm, bus, desk, store
        self._house, self._sessions, self._alerts, self._everywhere = house, sessions, alerts, everywhere
        self._state = AirRaid()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unknown: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        bus.listen(self._fold, *FOLDED)
        journal.keep(self._kept, *FOLDED)
        bus.listen(self._hear, ReadingsChanged, LinkChanged)
        bus.listen(self._changed, AlarmChanged)
        bus.listen(self._opened, SessionOpened)
        bus.listen(self._by_hand, SessionSuspended)
        bus.listen(self._gone_on, SessionResumed, SessionClosed)

    def handle(self, desk: Desk) -> None:
        """Answer the command that concerns suggestions."""
        desk.handle(DismissSuggestion, self.dismiss)

    async def restore(self) -> None:
        """Take in what the record holds, at start; what the services say now is not known yet."""
        async with self._store.read() as connection:
            known = await building.standing(connection, NAME, AirRaid)
        if known is not None:
            suggestions = {name: replace(one, acts_at=None) for name, one in known.suggestions.items()}
            fresh = AirRaid(began_at=known.began_at, suggestions=suggestions, asked=known.asked)
            self._state = fresh.after(AlarmChanged(alarm=UNKNOWN, heard_at=_last(known), said={}))

    async def close(self) -> None:
        """Let every timer and act go."""
        for timer in (*self._timers.values(), self._unknown):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def now(self) -> AirRaid:
        """What is known now."""
        return self._state

    @property
    def watched(self) -> bool:
        """Whether any service is asked at all."""
        return any("Alarm" in state.capabilities for state in self._house)

    def counts(self) -> bool:
        """Whether what is heard at this moment is an alarm for this site."""
        return self._state.alarm == ACTIVE or (self._settings.partly_counts and self._state.alarm == PARTLY)

    @property
    def about_to_act(self) -> tuple[str, ...]:
        """The sessions that will be suspended by themselves unless somebody, or the signal, stops it."""
        return tuple(self._timers)

    async def dismiss(self, command: DismissSuggestion) -> None:
        """Somebody decided otherwise: the session goes on as it is."""
        if command.session not in self._state.suggestions:
            raise NotFound("nothing is suggested to this session")
        self._stop(command.session)
        self._bus.publish(SuggestionDropped(session=command.session, actor=command.actor, reason="dismissed"))

    # --- hearing -------------------------------------------------------------------------------------

    def _hear(self, event: DeviceEvent) -> None:
        if event.device not in self._house or "Alarm" not in self._house.state(event.device).capabilities:
            return
        if isinstance(event, ReadingsChanged) and not HEARD & event.readings.keys():
            return
        services = [state for state in self._house if "Alarm" in state.capabilities]
        # A service that cannot be reached says nothing, whatever it said before.
        said = {
            state.id: str(state.readings.get("alarm", UNKNOWN)) if state.online else UNKNOWN
            for state in services
        }
        alarm = together(said.values())
        loud = [state.readings for state in services if said[state.id] == alarm]
        loud = [one for one in loud if alarm in (ACTIVE, PARTLY)]
        level, since = (
            max((str(readings.get(name, "")) for readings in loud), default="")
            for name in ("level", "alarm_since")
        )
        heard = max((str(state.readings.get("heard_at", "")) for state in services), default="")
        fresh = AlarmChanged(
            alarm=alarm, said=said, heard_at=heard if alarm == UNKNOWN else "", level=level, since=since
        )
        known = self._state
        if (fresh.alarm, fresh.level, fresh.since, fresh.said) != (
            known.alarm,
            known.level,
            known.since,
            known.said,
        ):
            self._bus.publish(fresh)

    def _changed(self, event: AlarmChanged) -> None:
        self._tell_unknown()
        if self.counts():
            if not self._state.lasts:
                self._bus.publish(AirRaidBegan(level=event.level))
                self._alert(event)
                if self._settings.screens:
                    self._soon(ShowEmergency(actor=ACTOR, kind=NAME))
            for name, suggestion in self._state.suggestions.items():
                if suggestion.what == RESUME:
                    self._bus.publish(SuggestionDropped(session=name, reason="alarm again"))
            for session in self._sessions:
                self._suggest(session)
        else:
            self._hold()
        if event.alarm == CLEAR and self._state.lasts:
            self._over()

    def _by_hand(self, event: SessionSuspended) -> None:
        """A sitting stops for an air raid that no service told, or not yet: visitors need the shelter too."""
        if event.reason is Reason.AIR_RAID and self._settings.screens:
            self._soon(ShowEmergency(actor=ACTOR, kind=NAME))

    def _gone_on(self, event: SessionEvent) -> None:
        """The last sitting that stopped goes on: without an alarm, the screens are given back."""
        order = self._everywhere.state.orders.get(NAME)
        stopped = any(one.reason is Reason.AIR_RAID for one in self._sessions if one.id != event.session)
        if order is not None and order.by == ACTOR and not self._state.lasts and not stopped:
            self._soon(LiftEmergency(actor=ACTOR, kind=NAME))

    def _over(self) -> None:
        self._bus.publish(AirRaidEnded())
        self._alerts.say(NAME, self._subject(), "")
        self._soon(LiftEmergency(actor=ACTOR, kind=NAME))
        for session, suggestion in self._state.suggestions.items():
            if suggestion.what == SUSPEND:
                self._bus.publish(SuggestionDropped(session=session, reason="all clear"))
        for one in self._sessions:
            if one.phase is Phase.SUSPENDED and one.reason is Reason.AIR_RAID:
                self._bus.publish(ResumptionSuggested(session=one.id))

    # --- suggesting ----------------------------------------------------------------------------------

    def _opened(self, event: SessionOpened) -> None:
        if self.counts() and self._state.lasts:
            self._suggest(self._sessions.get(event.session))

    def _suggest(self, session: Session) -> None:
        """Suggest it once; whoever goes on, or says no, is not asked again while the alarm lasts."""
        if session.phase not in RUNNING or session.reason in (Reason.AIR_RAID, Reason.CLOSED):
            return
        known = self._state.suggestions.get(session.id)
        if known is None and session.id in self._state.asked:
            return
        after = self._settings.suspend_after
        acts_at = now() + timedelta(seconds=after) if after else None
        if known is not None and known.what == SUSPEND and (known.acts_at is None) is (acts_at is None):
            return
        self._bus.publish(SuspensionSuggested(session=session.id, acts_at=acts_at))
        if acts_at is not None:
            self._stop(session.id)
            loop = asyncio.get_running_loop()
            self._timers[session.id] = loop.call_later(after, self._act, session.id)

    def _act(self, session: str) -> None:
        """The time is over: only an alarm that is heard at this very moment suspends."""
        self._timers.pop(session, None)
        suggestion = self._state.suggestions.get(session)
        if suggestion is not None and suggestion.what == SUSPEND and self.counts():
            self._soon(SuspendSession(actor=ACTOR, session=session, reason=Reason.AIR_RAID))

    def _hold(self) -> None:
        """The alarm is not certain any more: nothing is done by itself; what was suggested stays."""
        for session in tuple(self._timers):
            self._stop(session)
            if session in self._state.suggestions:
                self._bus.publish(SuspensionSuggested(session=session, acts_at=None))

    def _stop(self, session: str) -> None:
        if (timer := self._timers.pop(session, None)) is not None:
            timer.cancel()

    def _soon(self, command: Command) -> None:
        task = asyncio.get_running_loop().create_task(self._obey(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obey(self, command: Command) -> None:
        try:
            await self._desk.obey(command)
        except NotFound:
            log.debug("nothing to do for %s", type(command).__name__)
        except AvctlError as refusal:
            log.error("the air raid could not %s: %s", type(command).__name__, refusal)

    # --- telling -------------------------------------------------------------------------------------

    def _subject(self) -> str:
        return next((state.id for state in self._house if "Alarm" in state.capabilities), NAME)

    def _alert(self, event: AlarmChanged) -> None:
        text = "Air-raid alarm" + (f", level {event.level}" if event.level else "")
        self._alerts.say(NAME, self._subject(), text, Severity.CRITICAL)

    def _tell_unknown(self) -> None:
        """An alarm nobody can hear is told after a while: a lost poll is not worth it."""
        if self._unknown is not None:
            self._unknown.cancel()
            self._unknown = None
        if self._state.alarm != UNKNOWN:
            self._alerts.say("alarm_unknown", self._subject(), "")
            return
        loop = asyncio.get_running_loop()
        said = "Whether there is an air-raid alarm is not known"
        self._unknown = loop.call_later(
            self._settings.unknown_after, partial(self._alerts.say, "alarm_unknown", self._subject(), said)
        )

    def _fold(self, event: Event) -> None:
        self._state = self._state.after(event)
        if isinstance(event, SessionEvent) and event.session not in self._state.suggestions:
            self._stop(event.session)

    def _kept(self, event: Event) -> Write | None:
        return Write(building.save_standing, (NAME, self._state))


def _last(known: AirRaid) -> str:
    """When the services were last heard, before a restart."""
    if known.alarm == UNKNOWN or known.changed_at is None:
        return known.heard_at
    return known.changed_at.isoformat(timespec="seconds")
