"""The controller's side of broadcasts: what is wanted of each, and what its runner and files say it is."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from avctl.bus import Bus
from avctl.commands import (
    ArmBroadcast,
    CutTo,
    EnterClosedPart,
    GoDark,
    GoLive,
    LeaveClosedPart,
    RestoreSource,
    ShowOverlay,
    ShowSlate,
    ShowSpeaker,
    StartRecording,
)
from avctl.config import Config, Device
from avctl.desk import Desk
from avctl.errors import (
    BadArgument,
    Conflict,
    DeviceError,
    LinkError,
    NoAnswer,
    NotFound,
    Rejected,
    Unsupported,
)
from avctl.events import (
    BroadcastDegraded,
    BroadcastEnded,
    BroadcastEnding,
    BroadcastFailed,
    OverlayShown,
    Reason,
    SessionAmended,
    SessionEvent,
    SessionResumed,
    SessionSuspended,
    SourceCut,
    SourceRestored,
    SpeakerShown,
    now,
)
from avctl.model.booking import Policy
from avctl.model.broadcast import Broadcast, State
from avctl.model.session import BEFORE, OVER, RUNNING, Session
from avctl.services.house import House
from avctl.services.sessions import Sessions
from streams.archive import Archive
from streams.closed import ClosedParts
from streams.disk import DiskGuard
from streams.engine import Programme
from streams.feed import Feed
from streams.folder import announced, make_private, mind_sources, remembered, write_plan
from streams.held import Held
from streams.keeper import Keeper, over, running
from streams.learned import learned
from streams.lookout import Lookout
from streams.masks import cleaned
from streams.patrol import Patrol
from streams.plan import PLAN_FILE
from streams.status import RunnerStatus
from streams.studio import Studios

log = logging.getLogger(__name__)

FEED = "streams.feed"
ARM_SECONDS = 20.0
END_SECONDS = 20.0
HOPELESS = 5  # deaths in a row after which somebody must look


class Broadcasts:
    """Starts, finds again, watches and ends the broadcasts of all rooms."""

    def __init__(
        self, config: Config, data: Path, bus: Bus, desk: Desk, house: House, sessions: Sessions
    ) -> None:
        self._config, self._root = config, data / "broadcasts"
        self._bus, self._desk, self._house, self._sessions = bus, desk, house, sessions
        self._broadcasts: dict[str, Broadcast] = {}
        self._held: dict[str, Held] = {}
        self._archive = Archive(config, self._root, bus, sessions)
        self._arming = asyncio.Lock()
        second = config.broadcast.recording.second_folder
        others = (Path(second),) if second else ()
        disks = DiskGuard(bus, self._root, others, config.broadcast.disk_floor_mb)
        self._patrol = Patrol(config.broadcast, self._root, disks)
        self._closed = ClosedParts(config.broadcast, bus, self._root)
        bus.listen(self._fold, SessionEvent)
        bus.listen(self._plan, SessionAmended, SessionSuspended, SessionResumed)
        self._studios = Studios(bus, desk, house, sessions, self._held)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern a programme."""
        desk.handle(ArmBroadcast, self.arm)
        desk.handle(GoLive, self.go_live)
        desk.handle(StartRecording, self.start_recording)
        desk.handle(GoDark, self.go_dark)
        desk.handle(ShowSlate, self.show_slate)
        desk.handle(CutTo, self.cut_to)
        desk.handle(RestoreSource, self.restore)
        desk.handle(EnterClosedPart, self.enter_closed)
        desk.handle(LeaveClosedPart, self.leave_closed)
        desk.handle(ShowOverlay, self.show_overlay)
        desk.handle(ShowSpeaker, self.show_speaker)

    # --- what is asked about -------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Broadcast]:
        return iter(tuple(self._broadcasts.values()))

    def get(self, session: str) -> Broadcast:
        """The broadcast of a session, of long ago too; NotFound when it never had one."""
        if session not in self._broadcasts:
            found = remembered(self.folder(session))
            if found is None:
                raise NotFound(f"session {session!r} has no broadcast")
            self._broadcasts[session] = found
        return self._broadcasts[session]

    def hidden(self, session: str) -> bool:
        """Whether the hall may be seen by those only who may close parts."""
        held = self._held.get(session)
        return held is not None and (held.closed or self.get(session).closed_at is not None)

    def folder(self, session: str) -> Path:
        """Where the files of a broadcast are."""
        return self._root / session

    # --- while the controller runs -------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Find what is on air, and watch it; runners outlive the context."""
        make_private(self._root)
        for session in tuple(self._sessions):
            if session.broadcastable and self._is_wanted(session):
                self._hold(session)
            elif session.phase in OVER:
                self._archive.publish(session.id)
        watching = asyncio.create_task(self._patrol.run(self._held, self.get), name="broadcasts: patrol")
        try:
            yield
        finally:
            tasks = [watching, *self._archive.tasks, *self._studios.tasks]
            for held in self._held.values():
                tasks.extend(held.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _is_wanted(self, session: Session) -> bool:
        folder = self.folder(session.id)
        return (folder / PLAN_FILE).is_file() and not over(folder)

    # --- the commands ----------------------------------------------------------------------------------

    async def arm(self, command: ArmBroadcast) -> Broadcast:
        """Have a runner up; nothing is public yet. LinkError says why it does not come up."""
        session = self._sessions.get(command.session)
        if not session.broadcastable:
            raise Conflict("this session is booked without a broadcast")
        async with self._arming:
            if session.id not in self._held:
                if over(self.folder(session.id)):
                    raise Conflict("the broadcast of this session has ended")
                write_plan(self.folder(session.id), self._config, session, self._feeds(session.room))
                self._hold(session)
        held = self._held[session.id]
        try:
            async with asyncio.timeout(ARM_SECONDS):
                await held.up.wait()
        except TimeoutError:
            raise NoAnswer(f"the runner is not up after {ARM_SECONDS:g} s") from None
        return self.get(session.id)

    async def go_live(self, command: GoLive) -> Broadcast:
        """Make the programme public and record it; Conflict unless it is booked to be live."""
        if self._sessions.get(command.session).booking.policy is not Policy.LIVE:
            raise Conflict("this session is booked without a live broadcast")
        await self.arm(ArmBroadcast(actor=command.actor, session=command.session))
        event = self.get(command.session).go_live(command.actor)
        if event is not None:
            self._bus.publish(event)
        held = self._held_of(command.session)
        held.recording = held.recording or command.record
        await held.programme.show_public(record=held.recording)
        return self.get(command.session)

    async def start_recording(self, command: StartRecording) -> Broadcast:
        """Record without anybody seeing it."""
        await self.arm(ArmBroadcast(actor=command.actor, session=command.session))
        held = self._held_of(command.session)
        held.recording = True
        await held.programme.start_recording()
        return self.get(command.session)

    async def go_dark(self, command: GoDark) -> Broadcast:
        """End programme and recording; the files stay. NotFound when there never was a broadcast."""
        broadcast = self.get(command.session)
        event = broadcast.go_dark(command.actor)
        if event is not None:
            self._bus.publish(event)
        if command.session not in self._held:
            return self.get(command.session)
        held = self._held[command.session]
        if event is not None:
            self._bus.publish(BroadcastEnding(session=command.session, actor=command.actor))
        with suppress(DeviceError):  # a runner that is being started is told when it is up
            await held.programme.end()
        try:
            async with asyncio.timeout(END_SECONDS):
                await held.gone.wait()
        except TimeoutError:
            held.keeper.kill()
            raise NoAnswer(
                f"the runner did not end within {END_SECONDS:g} s; it was ended by force"
            ) from None
        return self.get(command.session)

    async def show_slate(self, command: ShowSlate) -> Broadcast:
        """Show a slate, or the hall again."""
        held = self._held_of(command.session)
        if held.closed:
            raise Conflict("the session is in a closed part; leave it first")
        held.slate = command.slate
        with suppress(Rejected):  # a runner of before knows no times
            await held.programme.tell_times(held.times)
        await held.programme.show(held.scene)
        return self.get(command.session)

    async def cut_to(self, command: CutTo) -> Broadcast:
        """Make another source the hall; BadArgument names those there are."""
        held = self._held_of(command.session)
        if command.source not in held.sources:
            raise BadArgument("source", f"one of {', '.join(held.sources)}")
        if command.source != held.source:
            held.source = command.source
            with suppress(LinkError):  # a runner that is being started is told when it is up
                await held.programme.show(held.scene)
            self._bus.publish(SourceCut(session=command.session, actor=command.actor, source=command.source))
        return self.get(command.session)

    async def restore(self, command: RestoreSource) -> Broadcast:
        """Use the main feed of a source again."""
        await self._held_of(command.session).programme.ask("restore", source=command.source)
        self._bus.publish(SourceRestored(session=command.session, actor=command.actor, source=command.source))
        return self.get(command.session)

    async def enter_closed(self, command: EnterClosedPart) -> Broadcast:
        """Take the hall out of every output; returns when it is out."""
        await self._closed.enter(self._held_of(command.session), command.actor)
        return self.get(command.session)

    async def leave_closed(self, command: LeaveClosedPart) -> Broadcast:
        """Let the hall be seen again."""
        await self._closed.leave(self._held_of(command.session), command.actor)
        return self.get(command.session)

    async def show_speaker(self, command: ShowSpeaker) -> None:
        """Put a name in the picture. Who speaks is told, also when there is no picture to write it in."""
        held = self._held.get(command.session)
        if held is not None:
            held.name, held.role = command.name, command.role
            with suppress(LinkError):  # a runner that is being started is told when it is up
                if held.writes:
                    await held.programme.show_lower_third(command.name, command.role)
        self._bus.publish(
            SpeakerShown(session=command.session, actor=command.actor, name=command.name, role=command.role)
        )

    async def show_overlay(self, command: ShowOverlay) -> Broadcast:
        """Write something over the hall's picture, or take it off; Unsupported where that is not possible."""
        held = self._held_of(command.session)
        if command.show and not held.writes:
            raise Unsupported("the encoder's picture is passed on as it is: nothing can be written over it")
        await held.programme.show_overlay(command.kind, command.show, command.values)
        self._bus.publish(
            OverlayShown(
                session=command.session, actor=command.actor, overlay=command.kind, shown=command.show
            )
        )
        return self.get(command.session)

    def _held_of(self, session: str) -> Held:
        try:
            return self._held[session]
        except KeyError:
            raise NotFound(f"session {session!r} has no broadcast now") from None

    # --- holding one -----------------------------------------------------------------------------------

    def _hold(self, session: Session) -> None:
        folder, feeds = self.folder(session.id), self._feeds(session.room)
        if mind_sources(folder, feeds) and (pid := running(folder)) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)  # it is started again and listens where they are now
        device = Device(
            id=f"programme-{session.id}", room=session.room, driver="streams.engine", title="Програма"
        )
        programme = Programme(
            device, self._bus.publish, session.id, folder, lambda status: self._learn(session.id, status)
        )
        keeper = Keeper(folder, lambda why, times: self._died(session.id, why, times))
        public = folder / "live" / self._config.broadcast.renditions[0].name
        held = Held(
            lookout=Lookout(public), session=session.id, keeper=keeper, programme=programme, feeds=feeds
        )
        held.plan(session)
        held.source = next(iter(held.sources), "")
        held.closed = session.reason is Reason.CLOSED
        held.slate = "" if held.closed or session.reason is None else str(session.reason)
        if session.phase in BEFORE and announced(folder):
            held.slate = "starting"  # viewers were let in before the start: the hall is not for them yet
        held.recording = session.phase in RUNNING
        held.name, held.role = session.speaker, session.speaker_role
        self._held[session.id] = held
        if session.id not in self._broadcasts:
            found = remembered(folder) or Broadcast(session=session.id, since=now())
            # Without the moment nothing would be proven: what is public since is looked at from there on.
            closed_at = (found.closed_at or session.since) if held.closed else None
            self._broadcasts[session.id] = replace(found, closed_at=closed_at)
        self._house.add(programme)
        held.tasks.add(asyncio.create_task(self._keep(session.id, held), name=f"runner {session.id}"))
        proving = self._closed.prove(held, lambda: self.get(session.id))
        held.proving = asyncio.create_task(proving, name=f"closed part {session.id}")
        held.tasks.add(held.proving)

    def _feeds(self, room: str) -> tuple[Feed, ...]:
        drivers = (self._house.driver(one.id) for one in self._house.in_room(room) if one.driver == FEED)
        return tuple(driver for driver in drivers if isinstance(driver, Feed))

    async def _keep(self, session: str, held: Held) -> None:
        await held.keeper.run()
        self._bus.publish(BroadcastEnded(session=session))
        if held.proving is not None:
            held.proving.cancel()
        await self._house.remove(held.programme.device.id)
        for feed in held.feeds:
            feed.unwatched()
        del self._held[session]
        held.gone.set()
        self._archive.publish(session)

    def _died(self, session: str, why: str, times: int) -> None:
        urls = tuple(feed.url for feed in self._held[session].feeds)
        why = cleaned(why, urls)
        log.error("the runner of %s ended: %s", session, why)
        if times >= HOPELESS:
            self._bus.publish(BroadcastFailed(session=session, reason=why))
        elif self.get(session).state is not State.ENDING:
            self._bus.publish(
                BroadcastDegraded(session=session, reason=f"the runner ended and is started again: {why}")
            )

    # --- what the runner says, and what is wanted of it ------------------------------------------------

    def _learn(self, session: str, status: RunnerStatus) -> None:
        held = self._held.get(session)
        if held is None:
            return
        broadcast = self.get(session)
        for event in learned(held, broadcast, status):
            self._bus.publish(event)
        held.mend(broadcast, status)

    def _plan(self, event: SessionEvent) -> None:
        """Other times: the runner is told when it says next how it is."""
        if (held := self._held.get(event.session)) is not None:
            held.plan(self._sessions.get(event.session))

    def _fold(self, event: SessionEvent) -> None:
        if (broadcast := self._broadcasts.get(event.session)) is not None:
            self._broadcasts[event.session] = broadcast.after(event)
