"""The proof of what goes out, before anything does: public form, recording, disk, the platforms' keys."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from avctl.config import Config
from avctl.errors import ConfigError
from avctl.model.preparation import Line
from avctl.model.preparation_words import (
    ACCEPTED,
    FREE,
    GROWN,
    NOT_GROWN,
    PICTURE,
    PLAIN,
    REASON,
    SOUND,
)
from avctl.model.session import Session
from avctl.services.house import House
from avctl.services.preparation.proof import Keep, Result, failed, passed
from streams.feed import Feed
from streams.ffmpeg import find_ffmpeg
from streams.folder import make_private, plan_of, pushes_of
from streams.push import trial
from streams.rehearsal import (
    APART,
    HERTZ,
    LEVEL_DB,
    OFF_DB,
    Rehearsed,
    discard,
    rehearse,
)
from streams.rehearsal import PLAIN as MINIMUM

FOLDER = "rehearsals"
FEED = "streams.feed"
PUSH_SECONDS = 15.0
TIMES = 2  # the room a session may take beyond its plan
GIGABYTE = 1e9
REHEARSED = ("picture", "sound", "recording")


class OutputProof:
    """Rehearses a session's broadcast where nobody sees it; three lines share one rehearsal."""

    kinds = (*REHEARSED, "disk", "push")

    def __init__(self, config: Config, data: Path, house: House) -> None:
        self._config, self._house = config, house
        self._root, self._broadcasts = data / FOLDER, data / "broadcasts"
        self._rehearsing: dict[str, asyncio.Task[Rehearsed]] = {}
        self._waiting: dict[str, int] = {}

    async def clean(self) -> None:
        """Take away what a controller that died was rehearsing, once, at start."""
        with suppress(FileNotFoundError):
            for folder in self._root.iterdir():
                await discard(folder, at_once=True)

    def lines(self, session: Session) -> Iterable[Line]:
        """Of a session that is broadcast or recorded."""
        if not session.broadcastable:
            return
        yield Line(id="disk", kind="disk", values={"gigabytes": _gigabytes(self._needed(session))})
        expected = {
            "percent": round(APART * 100),
            "level": f"{LEVEL_DB:g}",
            "hertz": HERTZ,
            "off": f"{OFF_DB:g}",
        }
        for kind in REHEARSED:
            # After the runner is up: two that start at once would take from each other what they need.
            yield Line(id=kind, kind=kind, values=expected, after=("armed",), seen=True)
        for push in pushes_of(self._config, session.room):
            yield Line(
                id=f"push.{push.id}",
                kind="push",
                subject=push.id,
                values={"device": push.title or push.id},
                seen=True,
            )

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """Look at what comes out."""
        match line.kind:
            case "disk":
                return self._disk(session)
            case "push":
                return await self._push(session, line.subject)
        async with self._shared(session) as rehearsing:
            found = await asyncio.shield(rehearsing)
        return _judged(line.kind, found)

    async def put_back(self, line: Line) -> None:
        """A rehearsal is taken away at start (``clean``)."""

    @asynccontextmanager
    async def _shared(self, session: Session) -> AsyncIterator[asyncio.Task[Rehearsed]]:
        """The rehearsal under way; whoever leaves last ends it."""
        if session.id not in self._rehearsing:
            self._rehearsing[session.id] = asyncio.create_task(
                self._rehearse(session), name=f"rehearsal {session.id}"
            )
        task = self._rehearsing[session.id]
        self._waiting[session.id] = self._waiting.get(session.id, 0) + 1
        try:
            yield task
        finally:
            self._waiting[session.id] -= 1
            if not self._waiting[session.id]:
                del self._rehearsing[session.id], self._waiting[session.id]
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _rehearse(self, session: Session) -> Rehearsed:
        drivers = (
            self._house.driver(one.id) for one in self._house.in_room(session.room) if one.driver == FEED
        )
        plan = plan_of(self._config, session, tuple(one for one in drivers if isinstance(one, Feed)))
        make_private(self._root)
        program = find_ffmpeg(self._config.broadcast.ffmpeg or None)
        return await rehearse(self._root / session.id, plan, program, self._config.preparation.proof_seconds)

    # --- the disk ----------------------------------------------------------------------------------------

    def _needed(self, session: Session) -> float:
        """Bytes for twice the planned length: what is recorded, and what viewers can go back to."""
        wanted = self._config.broadcast
        seconds = (session.booking.ends_at - session.booking.starts_at).total_seconds() * TIMES
        best = wanted.renditions[0]
        recorded = (best.video_kbps + best.audio_kbps) * 2 * seconds  # the MP4 is made beside the recording
        ladder = sum(one.video_kbps + one.audio_kbps for one in wanted.renditions) + wanted.audio_only_kbps
        listed = ladder * (min(seconds, wanted.dvr_seconds) if wanted.dvr_seconds else seconds)
        return (recorded + listed) * 1000 / 8

    def _disk(self, session: Session) -> Result:
        second = self._config.broadcast.recording.second_folder
        best = self._config.broadcast.renditions[0]
        seconds = (session.booking.ends_at - session.booking.starts_at).total_seconds() * TIMES
        wanted = [(self._broadcasts, self._needed(session))]
        if second:
            wanted.append((Path(second), (best.video_kbps + best.audio_kbps) * seconds * 1000 / 8))
        measured = []
        for folder, needed in wanted:
            free = shutil.disk_usage(folder).free
            said = {"gigabytes": _gigabytes(free), "folder": folder.name}
            if free < needed:
                return failed(FREE, **said)
            measured.append(said)
        return passed(FREE, **measured[0])

    # --- the platforms -------------------------------------------------------------------------------------

    async def _push(self, session: Session, push: str) -> Result:
        plan = next((one for one in pushes_of(self._config, session.room) if one.id == push), None)
        if plan is None:
            raise ConfigError(f"there is no platform {push!r} any more")
        began = asyncio.get_running_loop().time()
        await trial(find_ffmpeg(self._config.broadcast.ffmpeg or None), plan, PUSH_SECONDS)
        return passed(ACCEPTED, seconds=round(asyncio.get_running_loop().time() - began, 1))


def _judged(kind: str, found: Rehearsed) -> Result:
    match kind:
        case "recording" if found.recorded:
            return passed(GROWN, kilobytes=round(found.grown / 1000), seconds=found.seconds)
        case "recording" if not found.fault or found.segment:
            return failed(NOT_GROWN, folder=Path(found.still).name)
        case _ if not found.segment:
            return failed(REASON, reason=found.fault)
        case "picture" if found.contrast < MINIMUM:
            return failed(PLAIN, name=found.segment)
        case "picture":
            said = {"percent": f"{found.apart * 100:.1f}", "name": found.segment}
            return passed(PICTURE, **said) if found.seen else failed(PICTURE, **said)
        case _:
            said = {"level": f"{found.level_db:.1f}", "hertz": f"{found.hertz:.0f}", "name": found.segment}
            return passed(SOUND, **said) if found.heard else failed(SOUND, **said)


def _gigabytes(size: float) -> str:
    return f"{size / GIGABYTE:.1f}"
