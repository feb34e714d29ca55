"""A house of simulated devices on a real bus, for the services that act over several devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from avctl.bus import Bus, Subscription
from avctl.commands import AcknowledgeAlert, Operate, Reconnect
from avctl.config import Config
from avctl.desk import Desk
from avctl.events import Event, Link
from avctl.services.alerts import Alerts
from avctl.services.follow import Follow
from avctl.services.framings import Framings
from avctl.services.golden import GoldenStates
from avctl.services.house import House
from avctl.services.journal import Journal, first_number
from avctl.services.participants import Participants
from avctl.services.preparation import Preparations
from avctl.services.sessions import Sessions
from avctl.services.sound import Sounds
from avctl.services.speaking import SpeakingTime
from avctl.services.tally import Tally
from avctl.services.votes import Votes
from avctl.store import Store
from avctl.store.engine import open_store
from drivers.sim.control import build
from drivers.sim.server import Simulator

E = TypeVar("E", bound=Event)

DEADLINE = 10.0


@dataclass
class Building:
    """Services that run on simulators, and somebody who watches."""

    config: Config
    bus: Bus
    desk: Desk
    house: House
    sessions: Sessions
    follow: Follow
    framings: Framings
    votes: Votes
    participants: Participants
    speaking: SpeakingTime
    sounds: Sounds
    alerts: Alerts
    journal: Journal
    store: Store
    preparations: Preparations
    golden: GoldenStates
    simulators: dict[str, Any]
    heard: Subscription
    seen: list[Event] = field(default_factory=list)

    async def sees(self, kind: type[E], **expected: Any) -> E:
        """Wait for an event of this kind with these values; what passes by is not seen again."""
        async with asyncio.timeout(DEADLINE):
            while True:
                event = await self.heard.next()
                self.seen.append(event)
                if isinstance(event, kind) and all(
                    getattr(event, name) == value for name, value in expected.items()
                ):
                    return event

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something is true; it can only become so by an event."""
        async with asyncio.timeout(DEADLINE):
            while not fact():
                self.seen.append(await self.heard.next())

    async def all_online(self) -> None:
        """Wait until every device has answered."""
        await self.until(lambda: all(state.link is Link.ONLINE for state in self.house))


@pytest.fixture
def building() -> Callable[[Config], Any]:
    """Makes a building of a configuration; ``real`` is what stands there, if it is not what is configured."""

    @asynccontextmanager
    async def make(config: Config, real: Config | None = None) -> AsyncIterator[Building]:
        async with AsyncExitStack() as stack:
            simulators: dict[str, Simulator] = {}
            for simulator in build(real or config):
                simulators[simulator.device.id] = await stack.enter_async_context(simulator)
            store = await stack.enter_async_context(open_store("sqlite://"))
            bus, desk = Bus(await first_number(store)), Desk()
            journal = Journal(store, bus)
            writing = asyncio.create_task(journal.run())
            heard = stack.enter_context(bus.subscribe())
            house = House(config, bus, answer_seconds=5)
            sessions = Sessions(config, bus, store, journal)
            alerts = Alerts(config, bus, store, journal, house, sessions)
            framings = Framings(config, bus, desk, store, journal, house)
            participants = Participants(bus, store, journal, house, sessions)
            follow = Follow(config, bus, desk, house, sessions, framings, participants)
            speaking = SpeakingTime(config, bus, desk, sessions, follow)
            sounds = Sounds(config, bus, desk, store, journal, house, sessions, alerts)
            participants.handle(desk)
            sounds.handle(desk)
            votes = Votes(config, bus, desk, store, journal, house, sessions, participants)
            votes.handle(desk)
            tally = Tally(config, bus, desk, house)
            framings.handle(desk)
            stack.callback(framings.close)
            preparations = Preparations(config, bus, desk, house, sessions, store, journal)
            preparations.handle(desk)
            golden = GoldenStates(config, bus, desk, store, journal, house)
            golden.handle(desk)
            sessions.handle(desk)
            desk.handle(Operate, house.operate)
            desk.handle(Reconnect, house.reconnect)
            desk.handle(AcknowledgeAlert, alerts.acknowledge)
            stack.push_async_callback(_end, writing)
            stack.callback(alerts.close)
            await stack.enter_async_context(house.running())
            stack.push_async_callback(follow.close)
            stack.push_async_callback(speaking.close)
            stack.push_async_callback(sounds.close)
            stack.push_async_callback(tally.close)
            stack.push_async_callback(preparations.close)
            yield Building(
                config=config,
                bus=bus,
                desk=desk,
                house=house,
                sessions=sessions,
                follow=follow,
                framings=framings,
                votes=votes,
                participants=participants,
                speaking=speaking,
                sounds=sounds,
                alerts=alerts,
                journal=journal,
                store=store,
                preparations=preparations,
                golden=golden,
                simulators=simulators,
                heard=heard,
            )

    return make


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
