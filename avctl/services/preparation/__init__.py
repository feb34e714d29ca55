"""Bring a room to its wanted state before a session, and prove it, line by line, on a dated sheet."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial

from avctl.bus import Bus
from avctl.commands import CancelPreparation, PrepareSession, RerunLine
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, Conflict, NotFound
from avctl.events import (
    LineBegun,
    LineJudged,
    PreparationBegan,
    PreparationEnded,
    SessionCancelled,
    SessionClosed,
    SessionEvent,
    SessionOpened,
    SessionReady,
)
from avctl.model.preparation import GOOD, UNDONE, Line, Preparation, Stage, Verdict, lines_told
from avctl.model.preparation_words import (
    BROKEN_OFF,
    CANCELLED,
    LEFT_OUT,
    OCCUPIED,
    READ_BACK,
    REASON,
)
from avctl.model.session import OVER, Phase, Session
from avctl.services.house import House
from avctl.services.journal import Journal
from avctl.services.preparation.cameras import Cameras
from avctl.services.preparation.clock import Clock
from avctl.services.preparation.devices import Devices
from avctl.services.preparation.proof import ACTOR, Prover, Result, failed, passed
from avctl.services.preparation.sheets import Sheets
from avctl.services.preparation.steps import Steps
from avctl.services.sessions import Sessions
from avctl.store import Store

log = logging.getLogger(__name__)

__all__ = ["ACTOR", "Preparations"]


class Preparations:
    """Prepares rooms; one failed line never stops the rest."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        desk: Desk,
        house: House,
        sessions: Sessions,
        store: Store,
        journal: Journal,
        provers: Iterable[Prover] = (),
    ) -> None:
        self._bus, self._sessions, self._settled = bus, sessions, journal.settled
        self._answer_seconds = config.preparation.answer_seconds
        self._steps = Steps(config, desk, house)
        self._provers: tuple[Prover, ...] = (
            self._steps,
            Devices(config, bus, house),
            Cameras(config, desk, house),
            Clock(config),
            *provers,
        )
        self._of_kind = {kind: prover for prover in self._provers for kind in prover.kinds}
        self.sheets = Sheets(bus, store, journal)
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by session
        self._lines: dict[tuple[str, str], asyncio.Task[None]] = {}  # by session and line
        self._to_do: dict[str, set[str]] = {}  # lines that were asked for and are not judged yet
        bus.listen(self._opened, SessionOpened)
        bus.listen(self._over, SessionClosed, SessionCancelled)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern a preparation."""
        desk.handle(PrepareSession, self.prepare)
        desk.handle(RerunLine, self.rerun)
        desk.handle(CancelPreparation, self.cancel)

    # --- the commands ----------------------------------------------------------------------------------

    async def prepare(self, command: PrepareSession) -> Session:
        """Begin; the session is ready, with its faults named, when SessionReady comes."""
        session = self._sessions.get(command.session)
        if session.id in self._tasks and session.phase is not Phase.PREPARING:
            raise Conflict("lines of its last preparation are being done again")
        event = session.prepare(command.actor)
        if event is not None:
            self._bus.publish(event)
            self._begin(self._sessions.get(session.id), command.actor)
            await self._settled()
        return self._sessions.get(session.id)

    async def rerun(self, command: RerunLine) -> Preparation:
        """Do a line again, and those that were left out for its sake."""
        session = await self._sessions.find(command.session)
        sheet = self.sheets.get(session.id)
        if (line := sheet.line(command.line)) is None:
            raise NotFound(f"this preparation has no line {command.line!r}")
        if session.id in self._tasks and line.id in self._to_do.get(session.id, ()):
            return sheet  # asked for twice
        if session.id in self._tasks:
            raise Conflict("the room is being prepared")
        if session.phase in OVER:
            raise Conflict(f"the session is {session.phase}")
        if (other := self._occupied(session, line)) is not None:
            raise Conflict(f"not while {other.title!r} is open in this room: it would be seen")
        self._start(session, sheet, sheet.without(line.id))
        await self._settled()
        return self.sheets.get(session.id)

    async def cancel(self, command: CancelPreparation) -> Preparation:
        """End it; when this returns, whatever was moved is back."""
        sheet = self.sheets.get(self._sessions.get(command.session).id)
        task = self._tasks.get(command.session)
        if sheet.stage is Stage.CANCELLED and task is None:
            return sheet
        if task is None:
            raise Conflict("nothing is being prepared")
        await _ended(task)
        self._break_off(command.session, command.actor)
        await self._settled()
        return self.sheets.get(command.session)

    # --- the life of the service -------------------------------------------------------------------------

    async def resume(self) -> None:
        """Go on with what a restart interrupted; what people would see twice is not done again."""
        held = tuple(session for session in self._sessions if session.phase not in OVER)
        await self.sheets.restore(tuple(session.id for session in held))
        for session in held:
            sheet = self.sheets.of(session.id)
            preparing = session.phase is Phase.PREPARING
            if preparing and (sheet is None or sheet.began_at < session.since):
                self._begin(session, ACTOR)
            elif sheet is not None and (preparing or sheet.count(*UNDONE)):
                task = asyncio.create_task(self._take_up(session, sheet), name=f"taking up {session.id}")
                self._keep_task(session.id, task)

    async def close(self) -> None:
        """Let every preparation go; the next start takes them up."""
        await asyncio.gather(*(_ended(task) for task in tuple(self._tasks.values())))

    # --- doing it ------------------------------------------------------------------------------------------

    def _begin(self, session: Session, actor: str) -> None:
        # Held elsewhere, it needs nothing of a room's.
        provers = () if session.booking.off_site else self._provers
        lines = tuple(line for prover in provers for line in prover.lines(session))
        began = PreparationBegan(
            session=session.id,
            actor=actor,
            preparation=f"{session.id}-{secrets.token_hex(3)}",
            room=session.room,
            lines=lines_told(lines),
        )
        self._bus.publish(began)
        sheet = self.sheets.get(session.id)
        self._start(session, sheet, tuple(line.id for line in sheet.lines))

    def _start(self, session: Session, sheet: Preparation, lines: tuple[str, ...]) -> None:
        self._to_do[session.id] = {*lines}
        task = asyncio.create_task(self._run(session.id, sheet.id, lines), name=f"preparing {session.id}")
        self._keep_task(session.id, task)

    def _keep_task(self, session: str, task: asyncio.Task[None]) -> None:
        self._tasks[session] = task
        task.add_done_callback(partial(self._forget, session))

    def _forget(self, session: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(session) is task:
            del self._tasks[session]

    async def _run(self, session: str, sheet: str, lines: tuple[str, ...]) -> None:
        """Do some lines, each once those before it are over."""
        over = {line: asyncio.Event() for line in lines}
        for line in lines:
            task = asyncio.create_task(self._in_turn(session, sheet, line, over), name=f"{session} {line}")
            self._lines[session, line] = task
        tasks = [self._lines[session, line] for line in lines]
        try:
            for line, ended in zip(lines, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
                if isinstance(ended, Exception):  # our own mistake costs one line
                    log.error("%s of %s failed", line, session, exc_info=ended)
                    fault = failed(REASON, reason=f"a fault of avctl itself: {type(ended).__name__}")
                    self._judge(session, sheet, line, fault)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for line in lines:
                self._lines.pop((session, line), None)
        if self._tasks.get(session) is asyncio.current_task():
            del self._tasks[session]  # whoever hears that it is ready may ask for more
        self._tell_ready(session)

    def _tell_ready(self, session: str) -> None:
        sheet = self.sheets.get(session)
        if sheet.stage is Stage.RUNNING:
            ended = PreparationEnded(session=session, preparation=sheet.id, stage=Stage.DONE.value)
            self._bus.publish(ended)
        if self._sessions.get(session).phase in (Phase.PREPARING, Phase.READY):
            self._bus.publish(SessionReady(session=session, faults=self.sheets.get(session).faults))

    async def _in_turn(self, session: str, sheet: str, line: str, over: Mapping[str, asyncio.Event]) -> None:
        one = self.sheets.get(session).line(line)
        assert one is not None
        try:
            for other in (*one.after, *one.behind):
                if other in over:
                    await over[other].wait()
            result = await self._result(session, sheet, one)
            self._judge(session, sheet, line, result)
        except asyncio.CancelledError:
            if (session, line) in self._lines:
                raise  # all of it is broken off, not this line for the sake of a sitting
            self._judge(session, sheet, line, self._not_now(session))
        finally:
            over[line].set()

    async def _result(self, session: str, sheet: str, line: Line) -> Result:
        now = self._sessions.get(session)
        if (other := self._occupied(now, line)) is not None:
            return Result(verdict=Verdict.SKIPPED, text=OCCUPIED, values={"title": other.title})
        if (missed := self._missed(session, line)) is not None:
            return Result(
                verdict=Verdict.SKIPPED, text=LEFT_OUT, values={"line": missed.what, "missed": missed.id}
            )

        def keep(keeps: Mapping[str, object]) -> None:
            self._bus.publish(LineBegun(session=session, preparation=sheet, line=line.id, keeps=keeps))

        keep({})
        try:
            return await self._of_kind[line.kind].prove(now, line, keep)
        except (AvctlError, OSError) as fault:
            return failed(REASON, reason=str(fault) or type(fault).__name__)

    def _missed(self, session: str, line: Line) -> Line | None:
        """What did not go well and a line cannot do without."""
        sheet = self.sheets.get(session)
        before = (sheet.line(other) for other in line.after)
        return next((one for one in before if one is not None and one.verdict not in GOOD), None)

    def _judge(self, session: str, sheet: str, line: str, result: Result) -> None:
        self._to_do.get(session, set()).discard(line)
        self._bus.publish(
            LineJudged(
                session=session,
                preparation=sheet,
                line=line,
                verdict=result.verdict.value,
                text=result.text,
                values=result.values,
            )
        )

    # --- what must not be done now ----------------------------------------------------------------------

    def _occupied(self, session: Session, line: Line) -> Session | None:
        """The sitting in whose sight a line would be done: only it may move what is in its room."""
        running = self._sessions.running_in(session.room) if session.room else None
        if running is None or not (line.seen or (line.kind == "step" and running.id != session.id)):
            return None
        return running

    def _not_now(self, session: str) -> Result:
        now = self._sessions.get(session)
        running = self._sessions.running_in(now.room) or now
        return Result(verdict=Verdict.SKIPPED, text=OCCUPIED, values={"title": running.title})

    def _opened(self, event: SessionOpened) -> None:
        """Whatever would be seen ends at once; the rest goes on."""
        room = self._sessions.get(event.session).room
        for session, line in tuple(self._lines):
            if self._sessions.get(session).room != room:
                continue
            one = self.sheets.get(session).line(line)
            if one is not None and self._occupied(self._sessions.get(session), one) is not None:
                self._lines.pop((session, line)).cancel()

    def _over(self, event: SessionEvent) -> None:
        if (task := self._tasks.get(event.session)) is not None:
            task.cancel()
            task.add_done_callback(lambda _: self._break_off(event.session, event.actor))

    def _break_off(self, session: str, actor: str) -> None:
        """Say what was not done, once all of it has ended."""
        sheet = self.sheets.get(session)
        for line in sheet.lines:
            if line.verdict in UNDONE:
                skipped = Result(verdict=Verdict.SKIPPED, text=CANCELLED, values={"name": actor})
                self._judge(session, sheet.id, line.id, skipped)
        if sheet.stage is Stage.RUNNING:
            stage = Stage.CANCELLED.value
            self._bus.publish(
                PreparationEnded(session=session, actor=actor, preparation=sheet.id, stage=stage)
            )

    # --- after a restart --------------------------------------------------------------------------------

    async def _take_up(self, session: Session, sheet: Preparation) -> None:
        again: list[str] = []
        for line in sheet.lines:
            if line.verdict is Verdict.RUNNING:
                await self._take_up_line(session, sheet, line, again)
            elif line.verdict is Verdict.WAITING:
                again.append(line.id)
        await self._run(session.id, sheet.id, tuple(again))

    async def _take_up_line(self, session: Session, sheet: Preparation, line: Line, again: list[str]) -> None:
        """What had moved is put back and not moved again; what shows as done is not asked for again."""
        if line.keeps:
            if self._sessions.running_in(session.room) is None:
                with suppress(AvctlError, TimeoutError):
                    await self._put_back(line)
            self._judge(session.id, sheet.id, line.id, failed(BROKEN_OFF))
        elif line.kind == "step" and await self._was_done(line):
            self._judge(session.id, sheet.id, line.id, passed(READ_BACK))
        else:
            again.append(line.id)

    async def _was_done(self, line: Line) -> bool:
        """Whether a step shows as done, once its device has been heard again."""
        with self._bus.subscribe() as heard, suppress(TimeoutError):
            async with asyncio.timeout(self._answer_seconds):
                while not self._steps.is_done(line):
                    await heard.next()
        return self._steps.is_done(line)

    async def _put_back(self, line: Line) -> None:
        """Devices have only just been connected to: try until it is done."""
        prover = self._of_kind[line.kind]
        async with asyncio.timeout(30):
            while True:
                try:
                    return await prover.put_back(line)
                except AvctlError as fault:
                    log.info("%s is not put back yet: %s", line.subject, fault)
                    await asyncio.sleep(1)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
