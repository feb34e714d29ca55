"""A broadcast in a process of its own: ``python -m streams.runner FOLDER``.

The folder has everything: the plan, the control socket, the status, what was wanted last, segments and
recording. The controller may come and go; a runner made again in the same folder goes on where it was.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from avctl.errors import AvctlError, BadArgument, Conflict
from streams.album import PREVIEW_FILE, Album
from streams.authority import Authority
from streams.control import Control
from streams.encoder import Encoder
from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, Frame, Samples
from streams.loudness import Loudness
from streams.plan import CLOSED_FILE, LOCK_FILE, Plan, load_plan
from streams.programme import Programme
from streams.push import WAITING as PUSH_WAITING
from streams.push import Push
from streams.reader import Reader
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
)
from streams.sealed import Sealed
from streams.standin import StandIns
from streams.status import STATUS_FILE, replace_file
from streams.takeover import Takeover
from streams.wanted import Memory, forbid
from streams.watch import Watch

log = logging.getLogger("streams.runner")

TAKEN_BACK = timedelta(seconds=60)  # the most that a runner which begins closed takes back
METERS_SECONDS = 0.1
DISK_SECONDS = 5.0
DRAWN_SECONDS = 10.0  # the most that is waited for a slate to be drawn, before it is needed
FLUSH_SECONDS = 10.0  # how long the encoder may take to close its last segments


class Runner:
    """Holds the parts together and says how they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan: Plan = load_plan(folder)
        best = self._plan.programme
        self._form = Format(width=best.width, height=best.height, fps=self._plan.fps)
        program = find_ffmpeg(self._plan.ffmpeg)
        self._memory = Memory(folder, self._plan, _now())
        self._readers = {
            source.id: Reader(self._plan, source, self._form, program) for source in self._plan.sources
        }
        self._encoder = Encoder(self._plan, self._form, program, folder / "private", self._changed)
        self._takeovers = {
            source.backup_for: Takeover(
                self._readers[source.backup_for], self._readers[source.id], self._plan.fps
            )
            for source in self._plan.sources
            if source.backup_for is not None
        }
        stand_ins = {source.id for source in self._plan.sources if source.backup_for is not None}
        self._sources = {
            name: self._takeovers.get(name, reader)
            for name, reader in self._readers.items()
            if name not in stand_ins
        }
        self._watch = Watch(self._plan.watch, self._form)
        self._loudness = Loudness(program)
        self._programme = Programme(self._plan, self._form, self._sources, self._give)
        self._album = Album(folder, self._form)
        self._stand_ins = StandIns(self._plan, self._form, program, folder / "standins")
        self._authority = Authority(folder, self._plan, self._encoder, self._stand_ins)
        self._pushes = tuple(Push(program, push, PUSH_WAITING) for push in self._plan.pushes)
        self._authority.pushes = self._pushes
        self._sealed = Sealed(self._plan, self._form, program, folder)
        self._programme.sealed = self._sealed.put
        self._report = Report(
            self._plan,
            self._memory,
            self._readers,
            self._programme,
            self._encoder,
            self._authority,
            self._pushes,
            self._takeovers,
            self._watch,
            self._loudness,
        )
        self._control = Control(folder, self._obey, self._report.news)
        self._works: set[asyncio.Task[None]] = set()
        self._dirty = asyncio.Event()
        self._end = asyncio.Event()
        self._leave = asyncio.Event()

    async def run(self) -> None:
        """Run until told to end, or to leave: leaving keeps everything for the next runner."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave.set)
        wanted = self._memory.wanted
        self._programme.show(wanted.scene)
        if wanted.name:
            self._programme.name(wanted.name, wanted.role)
        for kind, values in wanted.overlays.items():
            self._programme.overlays.apply(kind, values)
        if wanted.closed_at is not None:
            self._programme.close()
            self._authority.close(wanted.closed_at)
            self._sealed.begin()
        await self._control.start()
        reading = [asyncio.create_task(reader.run()) for reader in self._readers.values()]
        encoding = asyncio.create_task(self._encoder.run())
        telling = [
            asyncio.create_task(part())
            for part in (
                self._list,
                self._tell,
                self._meter,
                self._look,
                self._mind_the_end,
                self._sealed.run,
                self._loudness.run,
                self._programme.painter.run,
                *(push.run for push in self._pushes),
            )
        ]
        self._watch.start()
        self._programme.start()
        self._background(self._stand_in)
        over = [asyncio.create_task(event.wait()) for event in (self._end, self._leave)]
        try:
            done, _ = await asyncio.wait(
                (*over, *reading, encoding, *telling), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if self._end.is_set():
                await self._finish(encoding)
        finally:
            self._programme.stop()
            self._watch.stop()
            tasks = (*over, *reading, encoding, *telling, *self._works)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._write_status()
            self._control.push(self._report.news())
            await asyncio.sleep(0)  # let the last news leave
            await self._control.close()

    async def _finish(self, encoding: asyncio.Task[None]) -> None:
        self._report.phase = "ending"
        self._write_status()
        self._control.push(self._report.news())
        self._encoder.end()
        self._sealed.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await asyncio.shield(encoding)
        await asyncio.to_thread(self._authority.finish)
        shutil.rmtree(self._folder / "private", ignore_errors=True)
        self._report.phase = "ended"

    def _give(self, frame: Frame, sound: Samples) -> None:
        """A picture of the programme with its samples to everybody who takes it; none of them waits."""
        self._encoder.put(frame, sound)
        self._loudness.put(sound)
        self._watch.put(frame, sound, judged=self._programme.showing.startswith("source:"))

    # --- what is asked ----------------------------------------------------------------------------------

    def _obey(self, request: Request) -> None:
        if self._end.is_set() and not isinstance(request, AskStatus | End):
            raise Conflict("the broadcast is ending")
        wanted = self._memory.wanted
        match request:
            case Publish():
                now = _now()
                self._want(
                    published_at=wanted.published_at or now,
                    recording_started_at=wanted.recording_started_at or now,
                )
            case Record():
                self._want(recording_started_at=wanted.recording_started_at or _now())
            case Show():
                kind, _, name = request.scene.partition(":")
                if kind == "source" and name not in self._sources:
                    raise BadArgument("scene", f"one of {', '.join(self._sources)}")
                self._want(scene=request.scene)
                self._programme.show(request.scene)
            case Restore():
                if request.source not in self._takeovers:
                    raise BadArgument("source", f"one of {', '.join(self._takeovers) or 'none'}")
                self._takeovers[request.source].restore()
            case EnterClosed():
                self._enter_closed()
            case LeaveClosed():
                self._leave_closed()
            case NameSpeaker():
                self._want(name=request.name, role=request.role)
                self._programme.name(request.name, request.role)
            case ShowOverlay():
                values = request.values if request.show else None
                self._want(overlays={**wanted.overlays, request.kind: values})
                self._programme.overlays.apply(request.kind, values)
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
        at = _now()
        self._programme.close()
        forbid(self._folder)
        self._encoder.discard()
        self._authority.close(at)
        for push in self._pushes:
            push.forget()
        self._sealed.begin()
        self._background(self._withdrawn(at))
        self._album.save(PREVIEW_FILE, self._programme.slate("closed"))
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
            replace = self._authority.withdraw(max(early, _now() - TAKEN_BACK), _now())
        slate = self._programme.slate("closed", DRAWN_SECONDS)
        self._album.save(CLOSED_FILE, slate)
        self._stand_ins.prepare(slate)
        if replace is not None:
            replace()

    def _leave_closed(self) -> None:
        if not self._memory.wanted.closed:
            return
        try:
            self._memory.permit()
        except OSError as fault:
            raise Conflict(f"the part stays closed: {fault.strerror}") from fault
        at = _now()
        self._want(closed_at=None, opened_at=at)
        self._authority.open(at)
        self._sealed.stop()
        self._programme.open()

    def _background(self, work: Callable[[], None]) -> None:
        """Do something that takes a while, and that nobody waits for."""
        task = asyncio.create_task(asyncio.to_thread(work))
        self._works.add(task)
        task.add_done_callback(self._works.discard)

    # --- what goes on by itself ---------------------------------------------------------------------------

    async def _list(self) -> None:
        self._instruct()
        looked = time.monotonic()
        while True:
            if time.monotonic() - looked > DISK_SECONDS:
                looked = time.monotonic()
                with suppress(OSError):
                    await asyncio.to_thread(self._authority.mind_the_disk)
            if await asyncio.to_thread(self._authority.collect):
                self._changed()
            await asyncio.sleep(0.1)

    async def _tell(self) -> None:
        while True:
            # Not wait_for: before Python 3.12 it loses a cancellation that meets its result.
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._dirty.wait()
            self._dirty.clear()
            self._write_status()
            self._control.push(self._report.news())

    async def _meter(self) -> None:
        shown = ""
        second, taken = time.monotonic(), self._encoder.taken
        while True:
            await asyncio.sleep(METERS_SECONDS)
            self._control.push(self._report.meters())
            present = ",".join(f"{name}{reader.present}" for name, reader in self._readers.items())
            if (state := self._programme.showing + present + str(list(self._watch.conditions))) != shown:
                shown = state
                self._changed()
            if (passed := time.monotonic() - second) >= 1:
                self._report.fps = round((self._encoder.taken - taken) / 2 / passed, 1)
                second, taken = time.monotonic(), self._encoder.taken

    async def _look(self) -> None:
        await self._album.run(self._programme, self._readers)

    async def _mind_the_end(self) -> None:
        """End by ourselves when nobody minds us and the planned end is long past."""
        while True:
            await asyncio.sleep(0.5)
            planned = self._memory.wanted.planned_end
            if planned is None or self._control.attended:
                continue
            if _now() >= planned + timedelta(seconds=self._plan.grace_seconds):
                log.warning("nobody minds this broadcast and its time is over: it ends")
                self._end.set()

    # --- how it is -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._dirty.set()

    def _write_status(self) -> None:
        status = self._report.status()
        try:
            replace_file(self._folder / STATUS_FILE, status.model_dump_json().encode())
        except OSError as fault:  # a full disk: the socket still tells
            log.error("the status cannot be written: %s", fault.strerror)


def _now() -> datetime:
    return datetime.now().astimezone()


def main(folder: Path) -> int:
    """Run the broadcast of a folder; 2 when another runner has it, 1 for a fault said on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another runner has this broadcast", file=sys.stderr)
        return 2
    except OSError as fault:
        print(f"{folder}: {fault.strerror}", file=sys.stderr)
        return 1
    os.ftruncate(lock, 0)
    os.write(lock, json.dumps({"pid": os.getpid()}).encode())
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
