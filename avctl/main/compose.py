"""Makes everything once and hands it to whoever needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from argon2 import PasswordHasher

from avctl.bus import Bus
from avctl.clock import Clock, going_by
from avctl.commands import AcknowledgeAlert, Operate, Reconnect
from avctl.config import Config
from avctl.desk import Desk
from avctl.events import now
from avctl.services.accounts import Accounts
from avctl.services.air_raid import AirRaids
from avctl.services.alerts import Alerts
from avctl.services.blackouts import Blackouts
from avctl.services.bodies import Bodies
from avctl.services.calendars import Calendars
from avctl.services.channels import Channels
from avctl.services.contacts import Contacts
from avctl.services.controller import Controller
from avctl.services.everywhere import Everywhere
from avctl.services.follow import Follow
from avctl.services.foreseen import Foreseen
from avctl.services.framings import Framings
from avctl.services.golden import GoldenStates
from avctl.services.house import House
from avctl.services.imports import Imports
from avctl.services.journal import Journal, first_number
from avctl.services.kiosks import Kiosks
from avctl.services.lobby import Lobby
from avctl.services.mainless import BlackoutImports
from avctl.services.mains import MainsWatch
from avctl.services.notices import Notices
from avctl.services.participants import Participants
from avctl.services.pictures import Pictures
from avctl.services.preparation import Preparations
from avctl.services.preparation.due import Due
from avctl.services.preparation.mains import MainsAhead
from avctl.services.queues import Queues
from avctl.services.reminders import Reminders
from avctl.services.run import Run
from avctl.services.scoreboard import Scoreboard
from avctl.services.series import Series
from avctl.services.sessions import Sessions
from avctl.services.sound import Sounds
from avctl.services.speaking import SpeakingTime
from avctl.services.tally import Tally
from avctl.services.viewers import Viewers
from avctl.services.votes import Votes
from avctl.store.engine import open_store, sqlite_url
from streams.broadcast import Broadcasts
from streams.proof import OutputProof


def store_url(config: Config, data: Path) -> str:
    """The address of the record: the configured one, else a file in the data folder."""
    return config.store.url or sqlite_url(data / "avctl.db")


def make_folder(data: Path) -> None:
    """Make the data folder, for its owner only."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)


@asynccontextmanager
async def controller(
    config: Config, data: Path, clock: Clock | None = None, hasher: PasswordHasher | None = None
) -> AsyncIterator[Controller]:
    """The whole program but its doors, running while the context lasts; by the machine's clock or another.

    ``hasher``: another cost of passwords than the library's own, for programs that live for one test.
    """
    make_folder(data)
    async with AsyncExitStack() as stack:
        if clock is not None:
            stack.enter_context(going_by(clock))
        store = await stack.enter_async_context(open_store(store_url(config, data)))
        bus, desk = Bus(await first_number(store)), Desk()
        journal = Journal(store, bus)
        stack.push_async_callback(ended, asyncio.create_task(journal.run(), name="journal"))
        accounts = Accounts(store, bus, config.web, hasher)
        house = House(config, bus)
        sessions = Sessions(config, bus, store, journal)
        framings = Framings(config, bus, desk, store, journal, house)
        participants = Participants(bus, store, journal, house, sessions)
        # Before everybody else that hears the devices: nothing is as pressed for time as a camera.
        follow = Follow(config, bus, desk, house, sessions, framings, participants)
        bodies = Bodies(config, bus, store, journal)
        contacts = Contacts(store, bus)
        alerts = Alerts(config, bus, store, journal, house, sessions)
        Channels(bus, house, alerts)
        speaking = SpeakingTime(config, bus, desk, sessions, follow)
        sounds = Sounds(config, bus, desk, store, journal, house, sessions, alerts)
        votes = Votes(config, bus, desk, store, journal, house, sessions, participants)
        scoreboard = Scoreboard(config, bus, desk, sessions, votes)
        kiosks = Kiosks(config, bus, house, alerts)
        queues = Queues(config, bus, desk, house, alerts)
        tally = Tally(config, bus, desk, house)
        broadcasts = Broadcasts(config, data, bus, desk, house, sessions)
        output = OutputProof(config, data, house)
        blackouts = Blackouts(bus, store, journal)
        provers = (output, MainsAhead(config, blackouts))
        preparations = Preparations(config, bus, desk, house, sessions, store, journal, provers)
        due = Due(config, desk, sessions, preparations.sheets, alerts)
        reminders = Reminders(config, desk, sessions, alerts)
        golden = GoldenStates(config, bus, desk, store, journal, house)

        everywhere = Everywhere(config, bus, desk, store, journal, house)
        air_raids = AirRaids(config, bus, desk, store, journal, house, sessions, alerts, everywhere)
        lobby = Lobby(config, data, bus, store, journal, sessions, everywhere)
        foreseen = Foreseen(config, sessions, alerts, blackouts)
        mains = MainsWatch(config, bus, desk, store, journal, house, sessions, alerts, blackouts)

        sessions.handle(desk)
        Series(sessions).handle(desk)
        bodies.handle(desk)
        Run(bus, desk, sessions).handle(desk)
        broadcasts.handle(desk)
        framings.handle(desk)
        votes.handle(desk)
        participants.handle(desk)
        sounds.handle(desk)
        preparations.handle(desk)
        golden.handle(desk)
        queues.handle(desk)
        everywhere.handle(desk)
        air_raids.handle(desk)
        lobby.handle(desk)
        blackouts.handle(desk)
        desk.handle(Operate, house.operate)
        desk.handle(Reconnect, house.reconnect)
        desk.handle(AcknowledgeAlert, alerts.acknowledge)

        await sessions.restore()
        await bodies.restore()
        await alerts.restore()
        await framings.restore()
        await votes.restore()
        await participants.restore()
        await sounds.restore()
        await golden.restore()
        await everywhere.restore()
        await air_raids.restore()
        await lobby.restore()
        await blackouts.restore()
        await mains.restore()
        notices = Notices(config, bus, sessions, contacts)
        stack.push_async_callback(ended, asyncio.create_task(notices.run(), name="notices"))
        stack.callback(framings.close)
        stack.callback(alerts.close)
        stack.callback(kiosks.close)
        stack.push_async_callback(scoreboard.close)
        await stack.enter_async_context(house.running())
        votes.expect()
        stack.push_async_callback(follow.close)
        stack.push_async_callback(speaking.close)
        stack.push_async_callback(sounds.close)
        stack.push_async_callback(tally.close)
        stack.push_async_callback(preparations.close)
        stack.push_async_callback(everywhere.close)
        stack.push_async_callback(air_raids.close)
        stack.push_async_callback(mains.close)
        await stack.enter_async_context(broadcasts.running())
        alerts.forget_strangers(one.id for one in blackouts)
        scoreboard.resume()
        everywhere.resume()
        mains.resume()
        await output.clean()
        await preparations.resume()
        stack.push_async_callback(ended, asyncio.create_task(due.run(), name="what is due"))
        stack.push_async_callback(ended, asyncio.create_task(queues.run(), name="queues"))
        stack.push_async_callback(ended, asyncio.create_task(reminders.run(), name="reminders"))
        stack.push_async_callback(ended, asyncio.create_task(foreseen.run(), name="blackouts"))
        yield Controller(
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
            preparations=preparations,
            golden=golden,
            queues=queues,
            everywhere=everywhere,
            air_raids=air_raids,
            lobby=lobby,
            blackouts=blackouts,
            blackout_imports=BlackoutImports(config, desk, blackouts),
            mains=mains,
            pictures=Pictures(config, bus, house),
            alerts=alerts,
            broadcasts=broadcasts,
            journal=journal,
            accounts=accounts,
            bodies=bodies,
            contacts=contacts,
            calendars=Calendars(config, bus, sessions),
            imports=Imports(config, desk, sessions, bodies),
            viewers=Viewers(),
            started_at=now(),
        )


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
