"""Makes everything once and hands it to whoever needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from avctl.bus import Bus
from avctl.commands import AcknowledgeAlert, Operate, PrepareSession, Reconnect
from avctl.config import Config
from avctl.desk import Desk
from avctl.events import now
from avctl.model.session import Phase
from avctl.services.accounts import Accounts
from avctl.services.alerts import Alerts
from avctl.services.controller import Controller
from avctl.services.follow import Follow
from avctl.services.house import House
from avctl.services.journal import Journal, first_number
from avctl.services.preparation import Preparation
from avctl.services.run import Run
from avctl.services.sessions import Sessions
from avctl.store.engine import open_store, sqlite_url
from streams.broadcast import Broadcasts


def store_url(config: Config, data: Path) -> str:
    """The address of the record: the configured one, else a file in the data folder."""
    return config.store.url or sqlite_url(data / "avctl.db")


def make_folder(data: Path) -> None:
    """Make the data folder, for its owner only."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)


@asynccontextmanager
async def controller(config: Config, data: Path) -> AsyncIterator[Controller]:
    """The whole program but its doors, running while the context lasts."""
    make_folder(data)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(store_url(config, data)))
        bus, desk = Bus(await first_number(store)), Desk()
        journal = Journal(store, bus)
        stack.push_async_callback(ended, asyncio.create_task(journal.run(), name="journal"))
        accounts = Accounts(store, bus, config.web)
        house = House(config, bus)
        sessions = Sessions(config, bus, store, journal)
        alerts = Alerts(config, bus, store, journal, house, sessions)
        follow = Follow(config, bus, desk, house, sessions)
        preparation = Preparation(config, bus, desk, house, sessions, journal)
        broadcasts = Broadcasts(config, data, bus, desk, house, sessions)

        sessions.handle(desk)
        Run(bus, desk, sessions).handle(desk)
        broadcasts.handle(desk)
        desk.handle(PrepareSession, preparation.prepare)
        desk.handle(Operate, house.operate)
        desk.handle(Reconnect, house.reconnect)
        desk.handle(AcknowledgeAlert, alerts.acknowledge)

        await sessions.restore()
        await alerts.restore()
        stack.callback(alerts.close)
        await stack.enter_async_context(house.running())
        stack.push_async_callback(follow.close)
        stack.push_async_callback(preparation.close)
        await stack.enter_async_context(broadcasts.running())
        alerts.forget_strangers()
        preparation.resume(tuple(one for one in sessions if one.phase is Phase.PREPARING))
        yield Controller(
            config=config,
            bus=bus,
            desk=desk,
            house=house,
            sessions=sessions,
            follow=follow,
            alerts=alerts,
            broadcasts=broadcasts,
            journal=journal,
            accounts=accounts,
            started_at=now(),
        )


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
