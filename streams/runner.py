"""A broadcast in a process of its own: ``python -m streams.runner FOLDER``.

The folder has everything: the plan, the control socket, the status, what was wanted last, segments and
recording. The controller may come and go; a runner made again in the same folder goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from avctl.errors import AvctlError, BadArgument, Conflict
from streams import beat, rfc8216
from streams.authority import Authority
from streams.clock import clock_of
from streams.control import Control
from streams.copying.copied import Copied
from streams.encoded import Encoded
from streams.ffmpeg import find_ffmpeg
from streams.heap import give_back
from streams.keeper import claim
from streams.plan import Plan, load_plan
from streams.playlist import MEDIA
from streams.priority import Priority
from streams.push import WAITING as PUSH_WAITING
from streams.push import Push
from streams.report import Report
from streams.requests import (
    AskStatus,
    End,
    EnterClosed,
    LeaveClosed,
    NameSpeaker,
    PlanEnd,
    Publish,
    Record,
    Request,
    Restore,
    Show,
    ShowOverlay,
    SlateTimes,
)
from streams.status import STATUS_FILE, replace_file
from streams.wanted import Memory, forbid
from streams.way import Way

log = logging.getLogger("streams.runner")

TAKEN_BACK = timedelta(seconds=60)  # the most that a runner which begins closed takes back
SWOLLEN_SECONDS = 2.0  # of pictures that wait: from 70 MB on
FLUSH_SECONDS = 10.0  # how long the encoder may take to close its last segments


class Runner:
    """Holds the parts together and says how they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan: Plan = load_plan(folder)
        program = find_ffmpeg(self._plan.ffmpeg)
        self._clock = clock_of(folder, _listed_until(folder, self._plan))
        self._memory = Memory(folder, self._plan, self._clock.now())
        way = Copied if self._plan.stream_copy else Encoded
        self._way: Way = way(self._plan, folder, program, self._changed, self._clock)
        self._authority = Authority(folder, self._plan, self._way.segments, self._way.stand_ins)
        self._pushes = tuple(Push(program, push, PUSH_WAITING) for push in self._plan.pushes)
        self._authority.pushes = self._pushes
        self._report = Report(self._plan, self._memory, self._way, self._authority, self._pushes)
        self._priority = Priority(f"{self._plan.session}-{folder.stat().st_ino:x}", self._plan.limits)
        self._control = Control(folder, self._obey, self._report.news)
        self._works: set[asyncio.Task[None]] = set()
        self._dirty = asyncio.Event()
        self._end = asyncio.Event()
        self._leave = asyncio.Event()

    async def run(self) -> None:
        """Run until told to end, or to leave: leaving keeps everything for the next runner."""
        self._priority.begin()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave.set)
        wanted = self._memory.wanted
        self._way.begin(wanted)
        if wanted.closed_at is not None:
            self._authority.close(wanted.closed_at)
        await self._control.start()
        encoding = asyncio.create_task(self._way.segments.run())
        telling = [
            asyncio.create_task(part())
            for part in (
                self._list,
                self._tell,
                self._meter,
                self._mind_the_end,
                self._mind_the_memory,
                *self._way.works,
                *(push.run for push in self._pushes),
            )
        ]
        self._way.watch.changed = lambda: loop.call_soon_threadsafe(self._dirty.set)
        self._way.start()
        self._background(self._stand_in)
        over = [asyncio.create_task(event.wait()) for event in (self._end, self._leave)]
        try:
            done, _ = await asyncio.wait((*over, encoding, *telling), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if self._end.is_set():
                await self._finish(encoding)
        finally:
            self._way.stop()
            tasks = (*over, encoding, *telling, *self._works)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tell_status()
            await asyncio.sleep(0)  # let the last news leave
            await self._control.close()
            self._priority.end()

    async def _finish(self, encoding: asyncio.Task[None]) -> None:
        self._report.phase = "ending"
        self._tell_status()
        self._way.segments.end()
        self._way.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await asyncio.shield(encoding)
        await asyncio.to_thread(self._authority.finish)
        shutil.rmtree(self._folder / "private", ignore_errors=True)
        self._report.phase = "ended"

    # --- what is asked ----------------------------------------------------------------------------------

    def _obey(self, request: Request) -> None:
        if self._end.is_set() and not isinstance(request, AskStatus | End):
            raise Conflict("the broadcast is ending")
        wanted = self._memory.wanted
        match request:
            case Publish():
                now = self._clock.now()
                self._want(
                    published_at=wanted.published_at or now,
                    recording_started_at=wanted.recording_started_at or (now if request.record else None),
                )
            case Record():
                self._want(recording_started_at=wanted.recording_started_at or self._clock.now())
            case Show():
                kind, _, name = request.scene.partition(":")
                if kind == "source" and name not in self._way.sources:
                    raise BadArgument("scene", f"one of {', '.join(self._way.sources)}")
                self._want(scene=request.scene)
                self._way.show(request.scene)
            case Restore():
                if request.source not in self._way.takeovers:
                    raise BadArgument("source", f"one of {', '.join(self._way.takeovers) or 'none'}")
                self._way.takeovers[request.source].restore()
            case EnterClosed():
                self._enter_closed()
            case LeaveClosed():
                self._leave_closed()
            case NameSpeaker():
                self._way.name(request.name, request.role)
                self._want(name=request.name, role=request.role)
            case ShowOverlay():
                values = request.values if request.show else None
                self._way.overlay(request.kind, values)
                self._want(overlays={**wanted.overlays, request.kind: values})
            case SlateTimes():
                self._want(times=request.times)
                self._way.until(request.times)
            case PlanEnd():
                self._want(planned_end=request.at)
            case End():
                self._end.set()
        self._changed()

    def _want(self, **changes: Any) -> None:
        self._memory.change(**changes)
        self._instruct()

    def _instruct(self) -> None:
        """What the authority may list and record."""
        wanted = self._memory.wanted
        self._authority.publish_from = wanted.published_at
        self._authority.record_from = wanted.recording_started_at

    def _enter_closed(self) -> None:
        """In this order: no new picture of the hall, none that is under way, none that is asked for later."""
        if self._memory.wanted.closed:
            return
        at = self._clock.now()
        self._way.close()
        forbid(self._folder)
        self._way.segments.discard()
        self._authority.close(at)
        for push in self._pushes:
            push.forget()
        self._background(self._withdrawn(at))
        self._way.cover()
        self._want(closed_at=at, opened_at=None)

    def _withdrawn(self, at: datetime) -> Callable[[], None]:
        """What was public just before a part was closed is so no more; what is to be done after that."""
        return self._authority.withdraw(at - timedelta(seconds=self._plan.closed.withdraw_seconds), at)

    def _stand_in(self) -> None:
        """Be ready to close; a runner that begins closed takes back what another may have let out."""
        closed_at = self._memory.wanted.closed_at
        replace = None
        if closed_at is not None:
            early = closed_at - timedelta(seconds=self._plan.closed.withdraw_seconds)
            replace = self._authority.withdraw(max(early, self._clock.now() - TAKEN_BACK), self._clock.now())
        self._way.ready_to_close()
        if replace is not None:
            replace()

    def _leave_closed(self) -> None:
        if not self._memory.wanted.closed:
            return
        try:
            self._memory.permit()
        except OSError as fault:
            raise Conflict(f"the part stays closed: {fault.strerror}") from fault
        at = self._clock.now()
        self._want(closed_at=None, opened_at=at)
        self._authority.open(at)
        self._way.open()

    def _background(self, work: Callable[[], None]) -> None:
        """Do something that takes a while, and that nobody waits for."""
        task = asyncio.create_task(asyncio.to_thread(work))
        self._works.add(task)
        task.add_done_callback(self._works.discard)

    # --- what goes on by itself ---------------------------------------------------------------------------

    async def _list(self) -> None:
        self._instruct()
        while True:
            if await asyncio.to_thread(self._collected):
                self._changed()
            await beat.pause(self._way.segments.look_seconds)

    def _collected(self) -> bool:
        with suppress(OSError):
            self._authority.mind_the_disk()
        return self._authority.collect()

    async def _tell(self) -> None:
        while True:
            # Not wait_for: before Python 3.12 it loses a cancellation that meets its result.
            with suppress(TimeoutError):
                async with asyncio.timeout(beat.left(1)):
                    await self._dirty.wait()
            self._dirty.clear()
            # One that is merely ready steps back for those that are on air.
            matters = self._memory.wanted.recording_started_at is not None or self._report.phase == "arming"
            self._way.segments.ladder.matters = matters
            self._priority.mind(matters=matters)
            self._tell_status()

    async def _meter(self) -> None:
        shown: object = None
        second, taken = time.monotonic(), self._way.segments.taken
        while True:
            # Evenly, so that there are ten a second however long one takes; what is slept through is lost.
            await asyncio.sleep(beat.next_left())
            self._control.push(self._report.meters())
            present = [reader.present for reader in self._way.readers.values()]
            if (state := (self._way.picture.showing, present)) != shown:
                shown = state
                self._changed()
            if (passed := time.monotonic() - second) >= 1:
                self._report.fps = round((self._way.segments.taken - taken) / 2 / passed, 1)
                second, taken = time.monotonic(), self._way.segments.taken

    async def _mind_the_end(self) -> None:
        """End by ourselves when nobody minds us and the planned end is long past."""
        while True:
            await beat.pause(0.5)
            planned = self._memory.wanted.planned_end
            if planned is None or self._control.attended:
                continue
            if datetime.now(UTC) >= planned + timedelta(seconds=self._plan.grace_seconds):
                log.warning("nobody minds this broadcast and its time is over: it ends")
                self._end.set()

    async def _mind_the_memory(self) -> None:
        """Pictures that waited for an encoder that was late take much, and it is not to stay taken."""
        swollen = False
        while True:
            await beat.pause(1)
            behind = self._way.segments.behind
            if behind > SWOLLEN_SECONDS:
                swollen = True
            elif swollen and behind < SWOLLEN_SECONDS / 4:
                swollen = False
                await asyncio.to_thread(give_back)

    # --- how it is -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._dirty.set()

    def _tell_status(self) -> None:
        """To the disk, and to whoever listens."""
        status = self._report.status()
        try:
            replace_file(self._folder / STATUS_FILE, status.model_dump_json().encode())
        except OSError as fault:  # a full disk: the socket still tells
            log.error("the status cannot be written: %s", fault.strerror)
        self._control.push(self._report.news(status))


def _listed_until(folder: Path, plan: Plan) -> datetime | None:
    """The end of what viewers were given by the runners before; None without one."""
    listed = folder / "live" / plan.programme.name / MEDIA
    try:
        entries = rfc8216.read(listed.read_text(encoding="ascii")).entries
    except (OSError, ValueError):
        return None
    newest = entries[-1] if entries else None
    return newest.at + timedelta(seconds=newest.seconds) if newest is not None and newest.at else None


def main(folder: Path) -> int:
    """Run the broadcast of a folder; 2 when another runner has it, 1 for a fault said on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    try:
        claim(folder)
    except BlockingIOError:
        print("another runner has this broadcast", file=sys.stderr)
        return 2
    except OSError as fault:
        print(f"{folder}: {fault.strerror}", file=sys.stderr)
        return 1
    try:
        asyncio.run(Runner(folder.absolute()).run())
    except AvctlError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m streams.runner FOLDER", file=sys.stderr)
        raise SystemExit(2)
    raise SystemExit(main(Path(sys.argv[1])))
