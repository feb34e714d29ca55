"""The visitors' queue: what happens in it, how long people wait, and when somebody must look."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from avctl.bus import Bus
from avctl.commands import CallNext, Operate
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import NoAnswer, NotFound, Unsupported
from avctl.events import Event, LinkChanged, ReadingsChanged, TicketCalled, now
from avctl.model.device import DeviceState
from avctl.model.queue import Counter, Service, Ticket, counters_of, happened, services_of, tickets_of
from avctl.services.alerts import Alerts
from avctl.services.house import House

READINGS = frozenset({"services", "counters", "tickets"})
WAITS = 20  # of the last visitors, of which the average is made
LOOK = 5.0  # seconds between two looks at what lasts too long
CALL_SECONDS = 6.0  # within which a system must show the ticket that it called
RULES = ("queue_closed", "queue_quiet", "queue_unserved")


class Queues:
    """Every queue system of the house as one."""

    def __init__(self, config: Config, bus: Bus, desk: Desk, house: House, alerts: Alerts) -> None:
        self._settings, self._zone = config.queue, config.site.zone
        self._bus, self._desk, self._house, self._alerts = bus, desk, house, alerts
        self._known: dict[str, Mapping[str, Any]] = {}
        self._waits: dict[tuple[str, str], deque[float]] = {}
        self._stirred: dict[str, datetime] = {}  # when anything last happened
        self._served: dict[str, datetime] = {}  # when a counter was last open, or nobody waited
        bus.listen(self._changed, ReadingsChanged)
        bus.listen(self._linked, LinkChanged)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern the queue."""
        desk.handle(CallNext, self.call_next)

    async def run(self) -> None:
        """Look again and again at what lasts too long."""
        limits = (
            self._settings.quiet_minutes,
            self._settings.unserved_minutes,
            self._settings.closed_minutes,
        )
        pause = min(LOOK, *(minutes * 20 for minutes in limits if minutes))
        while True:
            await asyncio.sleep(pause)
            for state in self.devices():
                self._judge(state)

    # --- how it stands -----------------------------------------------------------------------------------

    def devices(self, device: str = "") -> tuple[DeviceState, ...]:
        """The queue systems of the house, or one of them."""
        return tuple(
            state
            for state in self._house
            if "Counters" in state.capabilities and (not device or state.id == device)
        )

    def services(self, device: str = "") -> Iterator[Service]:
        """What people wait for; the average is ours where the system tells none."""
        for state in self.devices(device):
            for one in services_of(state.id, state.readings):
                waits = self._waits.get((state.id, one.id))
                if one.average_wait is None and waits:
                    average = sum(waits) / len(waits)
                    yield Service(**{**vars(one), "average_wait": average})
                else:
                    yield one

    def counters(self, device: str = "") -> Iterator[Counter]:
        """Where people are served."""
        for state in self.devices(device):
            yield from counters_of(state.id, state.readings)

    def tickets(self, device: str = "") -> Iterator[Ticket]:
        """Who waits, was called, is served, or was until lately."""
        for state in self.devices(device):
            yield from tickets_of(state.id, state.readings)

    def counter(self, name: str) -> Counter:
        """The counter of an id; its system's own id will do in a house with one. NotFound for none."""
        found = [one for one in self.counters() if name in (one.id, one.counter)]
        exact = [one for one in found if one.id == name]
        if len(exact or found) != 1:
            raise NotFound(f"there is no counter {name!r}" if not found else f"{name!r}: of several systems")
        return (exact or found)[0]

    async def call_next(self, command: CallNext) -> Event:
        """Call the next ticket; answered with the call, once the system shows it."""
        counter = self.counter(command.counter)
        if "call_next" not in counter.acts:
            raise Unsupported("this queue system is only read")
        with self._bus.subscribe() as heard:
            arguments = {"counter": counter.counter}
            await self._desk.obey(
                Operate(actor=command.actor, device=counter.device, verb="call_next", arguments=arguments)
            )
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    while True:
                        event = await heard.next()
                        if isinstance(event, TicketCalled) and (
                            (event.device, event.counter) == (counter.device, counter.counter)
                        ):
                            return event
            except TimeoutError:
                raise NoAnswer(f"counter {counter.name} shows no called ticket") from None

    # --- what happens ------------------------------------------------------------------------------------

    def _changed(self, event: ReadingsChanged) -> None:
        if READINGS.isdisjoint(event.readings) or not self.devices(event.device):
            return
        readings = self._house.state(event.device).readings
        before = self._known.get(event.device)
        self._known[event.device] = readings
        if before is None:  # the first look: what was there before us did not happen now
            self._stirred[event.device] = event.at
        else:
            if _lengths(before) != _lengths(readings):  # a system that tells of no tickets
                self._stirred[event.device] = event.at
            for one in happened(event.device, before, readings):
                self._stirred[event.device] = event.at
                if isinstance(one, TicketCalled):
                    self._measure(one, before)
                self._bus.publish(one)
        self._judge(self._house.state(event.device))

    def _measure(self, called: TicketCalled, before: Mapping[str, Any]) -> None:
        waited = next(
            (
                one
                for one in tickets_of(called.device, before)
                if one.number == called.ticket and one.state == "waiting"
            ),
            None,
        )
        if waited is not None:
            waits = self._waits.setdefault((called.device, waited.service), deque(maxlen=WAITS))
            waits.append(max(0.0, (called.at - waited.since).total_seconds()))

    def _linked(self, event: LinkChanged) -> None:
        if self.devices(event.device):
            self._stirred[event.device] = event.at
            self._judge(self._house.state(event.device))

    # --- when somebody must look -------------------------------------------------------------------------

    def _judge(self, state: DeviceState) -> None:
        told = dict(self._wrong(state)) if state.online and self._at_work() else {}
        for rule in RULES:
            self._alerts.say(rule, state.id, told.get(rule, ""))

    def _wrong(self, state: DeviceState) -> Iterator[tuple[str, str]]:
        moment, settings = now(), self._settings
        waiting = sum(one.waiting for one in services_of(state.id, state.readings))
        counters = tuple(counters_of(state.id, state.readings))
        if not waiting or not counters or any(one.open for one in counters):
            self._served[state.id] = moment
        elif moment - self._served.setdefault(state.id, moment) >= timedelta(minutes=settings.closed_minutes):
            yield "queue_closed", "People wait and no counter is open"
        quiet = moment - self._stirred.get(state.id, moment)
        if waiting and settings.quiet_minutes and quiet >= timedelta(minutes=settings.quiet_minutes):
            yield "queue_quiet", f"People wait and nothing has happened for {settings.quiet_minutes:g} min"
        late = [
            one.number
            for one in tickets_of(state.id, state.readings)
            if one.state == "called" and moment - one.since >= timedelta(minutes=settings.unserved_minutes)
        ]
        if late and settings.unserved_minutes:
            yield "queue_unserved", f"Called, and not served since: {', '.join(late)}"

    def _at_work(self) -> bool:
        clock = now().astimezone(self._zone).time()
        opens, closes = map(time.fromisoformat, (self._settings.opens, self._settings.closes))
        if opens < closes:
            return opens <= clock < closes
        return clock >= opens or clock < closes  # over midnight; all day where both are the same


def _lengths(readings: Mapping[str, Any]) -> list[int]:
    return [one.waiting for one in services_of("", readings)]
