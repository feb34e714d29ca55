"""The recordings of broadcasts that are over, made into something a player understands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from avctl.bus import Bus
from avctl.config import Config
from avctl.errors import LinkError
from avctl.events import BroadcastFailed, ChapterMarked, RecordingReady
from avctl.services.sessions import Sessions
from streams.clock import corrected, note
from streams.keeper import over
from streams.recording import fullest, moments, settle
from streams.remux import published, remux

log = logging.getLogger(__name__)


class Archive:
    """Makes the recording of each broadcast that has ended, once; after a restart what was not finished."""

    def __init__(self, config: Config, root: Path, bus: Bus, sessions: Sessions) -> None:
        self._config, self._root, self._bus, self._sessions = config, root, bus, sessions
        self._making: dict[str, asyncio.Task[None]] = {}
        bus.listen(self._marked, ChapterMarked)

    @property
    def tasks(self) -> Iterable[asyncio.Task[None]]:
        """What is being made now; whoever ends cancels it."""
        return tuple(self._making.values())

    def publish(self, session: str) -> None:
        """Begin to make a recording, unless it is made or there is none."""
        folder = self._root / session
        recorded = over(folder) and (folder / "recording").is_dir() and published(folder) is None
        if recorded and session not in self._making:
            task = asyncio.create_task(self._make(session), name=f"recording {session}")
            self._making[session] = task
            task.add_done_callback(lambda _: self._making.pop(session, None))

    def _marked(self, event: ChapterMarked) -> None:
        note(self._root / event.session, event.at)

    async def _make(self, session: str) -> None:
        folder = self._root / session
        second = self._config.broadcast.recording.second_folder
        disks = [folder, *((Path(second) / session,) if second else ())]
        await asyncio.to_thread(settle, folder, disks)
        recorded = await asyncio.to_thread(fullest, disks)
        chapters = await self._sessions.chapters(session)
        times = corrected(folder, [chapter.at for chapter in chapters])
        places = await asyncio.to_thread(moments, recorded, times)
        marks = [
            (place, chapter.title)
            for place, chapter in zip(places, chapters, strict=True)
            if chapter.kind != "phase"
        ]
        try:
            made = await remux(folder, marks, self._config.broadcast.ffmpeg or None, recorded)
        except (LinkError, OSError) as fault:
            log.error("the recording of %s is safe but not published: %s", session, fault)
            self._bus.publish(BroadcastFailed(session=session, reason=f"the recording: {fault}"))
            return
        self._bus.publish(RecordingReady(session=session, seconds=made.seconds, size=made.size))
