"""Bring a room to its wanted state before a session, with proof for each step."""

from __future__ import annotations

import asyncio
from functools import partial

from avctl.bus import Bus
from avctl.commands import ArmBroadcast, Operate, PrepareSession
from avctl.config import Config, Device
from avctl.desk import Desk
from avctl.errors import AvctlError, DeviceError
from avctl.events import SessionReady
from avctl.model.session import Session
from avctl.services.house import House
from avctl.services.journal import Journal
from avctl.services.sessions import Sessions


class Preparation:
    """Prepares rooms; one failed device never stops the rest."""

    def __init__(
        self, config: Config, bus: Bus, desk: Desk, house: House, sessions: Sessions, journal: Journal
    ) -> None:
        self._config, self._bus, self._desk = config, bus, desk
        self._house, self._sessions, self._settled = house, sessions, journal.settled
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def prepare(self, command: PrepareSession) -> Session:
        """Begin; the session is ready, with its faults named, when SessionReady comes."""
        event = self._sessions.get(command.session).prepare(command.actor)
        if event is not None:
            self._bus.publish(event)
            await self._settled()
            session = self._sessions.get(command.session)
            self._start(session, command.actor)
        return self._sessions.get(command.session)

    def resume(self, sessions: tuple[Session, ...]) -> None:
        """Go on with preparations a restart interrupted."""
        for session in sessions:
            self._start(session, "avctl")

    async def close(self) -> None:
        """Let every preparation go."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, session: Session, actor: str) -> None:
        task = asyncio.create_task(self._make_ready(session, actor))
        self._tasks[session.id] = task
        task.add_done_callback(partial(self._forget, session.id))

    def _forget(self, session: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(session) is task:
            del self._tasks[session]

    async def _make_ready(self, session: Session, actor: str) -> None:
        steps = [self._device(device, actor) for device in self._config.in_room(session.room)]
        if session.broadcastable:
            steps.append(self._arm(session, actor))
        found = await asyncio.gather(*steps)
        self._bus.publish(SessionReady(session=session.id, faults=tuple(fault for fault in found if fault)))

    async def _device(self, device: Device, actor: str) -> str:
        """The fault of a device that did not reach its wanted state; empty when it did."""
        for verb, arguments in device.prepare.items():
            command = Operate(actor=actor, device=device.id, verb=verb, arguments=arguments)
            if fault := await self._until_done(command):
                return f"{device.title or device.id}: {fault}"
        return ""

    async def _until_done(self, command: Operate) -> str:
        """Try until done: a display that has just been switched on refuses for a while."""
        fault = f"did not {command.verb} in time"
        try:
            async with asyncio.timeout(self._config.preparation.seconds):
                while True:
                    try:
                        await self._desk.obey(command)
                        return ""
                    except DeviceError as refusal:
                        fault = str(refusal)
                        await asyncio.sleep(self._config.preparation.retry_seconds)
                    except AvctlError as refusal:
                        return str(refusal)
        except TimeoutError:
            return fault

    async def _arm(self, session: Session, actor: str) -> str:
        try:
            await self._desk.obey(ArmBroadcast(actor=actor, session=session.id))
        except AvctlError as refusal:
            return str(refusal)
        return ""
