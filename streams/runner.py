"""A broadcast in a process of its own: ``python -m streams.runner FOLDER``.

The folder has everything: the plan, the control socket, the status, what was wanted last, segments and
recording. The controller may come and go; a runner made again in the same folder goes on where it was.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import logging
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from avctl.errors import AvctlError, BadArgument, Conflict
from streams.authority import Authority
from streams.control import Control
from streams.encoder import Encoder
from streams.ffmpeg import find_ffmpeg
from streams.frames import Format, to_jpeg_picture
from streams.plan import LOCK_FILE, Plan, load_plan
from streams.programme import Programme
from streams.reader import Reader
from streams.requests import AskStatus, End, NameSpeaker, PlanEnd, Publish, Record, Request, Show
from streams.status import (
    STATUS_FILE,
    EncoderStatus,
    HlsStatus,
    LowerThird,
    Outputs,
    RecordingStatus,
    RenditionStatus,
    RunnerPhase,
    RunnerStatus,
    SourceStatus,
    replace_file,
)

log = logging.getLogger("streams.runner")

WANTED_FILE = "wanted.json"
PREVIEW_FILE = "preview.jpg"
PREVIEW_WIDTH = 640
METERS_SECONDS = 0.1
FLUSH_SECONDS = 10.0  # how long the encoder may take to close its last segments


class Wanted(BaseModel):
    """The last instruction, kept so that a runner made again obeys it."""

    model_config = ConfigDict(extra="ignore")

    scene: str
    name: str = ""
    role: str = ""
    published_at: AwareDatetime | None = None
    recording_started_at: AwareDatetime | None = None
    planned_end: AwareDatetime | None = None


class Runner:
    """Holds the parts together and says how they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan: Plan = load_plan(folder)
        best = self._plan.programme
        self._form = Format(width=best.width, height=best.height, fps=self._plan.fps)
        program = find_ffmpeg(self._plan.ffmpeg)
        self._wanted = self._recall()
        self._readers = {
            source.id: Reader(self._plan, source, self._form, program) for source in self._plan.sources
        }
        self._encoder = Encoder(self._plan, self._form, program, folder / "private", self._changed)
        self._programme = Programme(self._plan, self._form, self._readers, self._encoder.put)
        self._authority = Authority(folder, self._plan, self._encoder)
        self._control = Control(folder, self._obey, self._news)
        self._started_at = _now()
        self._alone_since = time.monotonic()
        self._dirty = asyncio.Event()
        self._end = asyncio.Event()
        self._leave = asyncio.Event()
        self._phase: RunnerPhase = "arming"
        self._fps = 0.0

    async def run(self) -> None:
        """Run until told to end, or to leave: leaving keeps everything for the next runner."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave.set)
        self._programme.show(self._wanted.scene)
        if self._wanted.name:
            self._programme.name(self._wanted.name, self._wanted.role)
        await self._control.start()
        reading = [asyncio.create_task(reader.run()) for reader in self._readers.values()]
        encoding = asyncio.create_task(self._encoder.run())
        telling = [
            asyncio.create_task(part())
            for part in (self._list, self._tell, self._meter, self._look, self._mind_the_end)
        ]
        self._programme.start()
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
            tasks = (*over, *reading, encoding, *telling)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._write_status()
            self._control.push(self._news())
            await asyncio.sleep(0)  # let the last news leave
            await self._control.close()

    async def _finish(self, encoding: asyncio.Task[None]) -> None:
        self._phase = "ending"
        self._write_status()
        self._control.push(self._news())
        self._encoder.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await asyncio.shield(encoding)
        await asyncio.to_thread(self._authority.finish)
        shutil.rmtree(self._folder / "private", ignore_errors=True)
        self._phase = "ended"

    # --- what is asked ----------------------------------------------------------------------------------

    def _obey(self, request: Request) -> None:
        if self._end.is_set() and not isinstance(request, AskStatus | End):
            raise Conflict("the broadcast is ending")
        match request:
            case Publish():
                now = _now()
                self._want(
                    published_at=self._wanted.published_at or now,
                    recording_started_at=self._wanted.recording_started_at or now,
                )
            case Record():
                self._want(recording_started_at=self._wanted.recording_started_at or _now())
            case Show():
                kind, _, name = request.scene.partition(":")
                if kind == "source" and name not in self._readers:
                    raise BadArgument("scene", f"one of {', '.join(self._readers)}")
                self._want(scene=request.scene)
                self._programme.show(request.scene)
            case NameSpeaker():
                self._want(name=request.name, role=request.role)
                self._programme.name(request.name, request.role)
            case PlanEnd():
                self._want(planned_end=request.at)
            case End():
                self._end.set()
        self._changed()

    def _want(self, **changes: Any) -> None:
        self._wanted = self._wanted.model_copy(update=changes)
        replace_file(self._folder / WANTED_FILE, self._wanted.model_dump_json().encode())
        self._authority.publish_from = self._wanted.published_at
        self._authority.record_from = self._wanted.recording_started_at

    def _recall(self) -> Wanted:
        try:
            return Wanted.model_validate_json((self._folder / WANTED_FILE).read_bytes())
        except (OSError, ValueError):
            return Wanted(scene=f"source:{self._plan.sources[0].id}", planned_end=self._plan.planned_end)

    # --- what goes on by itself ---------------------------------------------------------------------------

    async def _list(self) -> None:
        self._authority.publish_from = self._wanted.published_at
        self._authority.record_from = self._wanted.recording_started_at
        while True:
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
            self._control.push(self._news())

    async def _meter(self) -> None:
        shown = ""
        second, taken = time.monotonic(), self._encoder.taken
        while True:
            await asyncio.sleep(METERS_SECONDS)
            levels = self._programme.levels
            self._control.push(
                {"event": "meters", "rms_db": list(levels.rms_db), "peak_db": list(levels.peak_db)}
            )
            present = ",".join(f"{name}{reader.present}" for name, reader in self._readers.items())
            if (state := self._programme.showing + present) != shown:
                shown = state
                self._changed()
            if (passed := time.monotonic() - second) >= 1:
                self._fps = round((self._encoder.taken - taken) / 2 / passed, 1)
                second, taken = time.monotonic(), self._encoder.taken

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(1)
            frame = self._programme.latest
            if frame is not None:
                await asyncio.to_thread(self._photograph, frame)

    def _photograph(self, frame: Any) -> None:
        picture = io.BytesIO()
        to_jpeg_picture(self._form, frame, PREVIEW_WIDTH).save(picture, "JPEG", quality=75)
        replace_file(self._folder / PREVIEW_FILE, picture.getvalue())

    async def _mind_the_end(self) -> None:
        """End by ourselves when nobody minds us and the planned end is long past."""
        while True:
            await asyncio.sleep(0.5)
            planned = self._wanted.planned_end
            if planned is None or self._control.attended:
                continue
            if _now() >= planned + timedelta(seconds=self._plan.grace_seconds):
                log.warning("nobody minds this broadcast and its time is over: it ends")
                self._end.set()

    # --- how it is -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._dirty.set()

    def _news(self) -> dict[str, Any]:
        return {"event": "status", **self._status().model_dump(mode="json")}

    def _write_status(self) -> None:
        replace_file(self._folder / STATUS_FILE, self._status().model_dump_json().encode())

    def _status(self) -> RunnerStatus:
        authority = self._authority
        advancing = authority.advancing
        phase, reason = self._phase, ""
        if phase == "arming" and authority.seen:
            phase = self._phase = "armed"
        if phase == "armed" and self._wanted.published_at is not None:
            phase = "live" if authority.listed else "armed"
            if authority.listed and not advancing:
                phase, reason = "degraded", self._encoder.reason or "the playlist does not advance"
        return RunnerStatus(
            pid=os.getpid(),
            session=self._plan.session,
            phase=phase,
            reason=reason,
            showing=self._programme.showing,
            wanted=self._wanted.scene,
            lower_third=LowerThird(name=self._wanted.name, role=self._wanted.role),
            published=self._wanted.published_at is not None,
            recording=self._wanted.recording_started_at is not None,
            sources={
                name: SourceStatus(
                    present=reader.present,
                    since=reader.since,
                    frames=reader.frames,
                    restarts=reader.restarts,
                    reason="" if reader.present else reader.reason,
                )
                for name, reader in self._readers.items()
            },
            outputs=Outputs(
                hls=HlsStatus(
                    advancing=advancing,
                    segments=authority.listed,
                    last_segment_at=authority.listed_at,
                    renditions={
                        name: RenditionStatus(segments=authority.listed, kbps=kbps)
                        for name, kbps in authority.kbps.items()
                    },
                ),
                recording=RecordingStatus(
                    growing=authority.growing,
                    bytes=authority.recording.bytes,
                    file=authority.recording.file,
                ),
            ),
            encoder=EncoderStatus(alive=self._encoder.alive, restarts=self._encoder.restarts, fps=self._fps),
            frames=self._programme.frames,
            repeated=self._programme.repeated,
            started_at=self._started_at,
            published_at=self._wanted.published_at,
            recording_started_at=self._wanted.recording_started_at,
            planned_end=self._wanted.planned_end,
        )


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
