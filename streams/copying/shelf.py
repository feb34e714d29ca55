"""Private segments of a broadcast that encodes nothing, laid out as an encoder would lay them out.

Who lists them (``authority.py``) finds runs with a folder, a list and finished segments in it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from streams.encoder import Run
from streams.ffmpeg import PRIVATE_PLAYLIST
from streams.ladder import Ladder, whole
from streams.plan import Plan
from streams.status import replace_file

log = logging.getLogger(__name__)

LISTED = 30
LOOK_SECONDS = 1.0  # who makes the segments has them taken over at once


class Shelf:
    """See ``way.Segments``. ``begin`` and ``put`` are called by the programme's thread."""

    def __init__(self, plan: Plan, folder: Path, changed: Callable[[], None]) -> None:
        self.ladder = Ladder(plan)  # of one step
        self.fault = ""
        self.alive = False
        self.restarts = 0
        self.taken = 0
        self.reason = ""
        self.runs: list[Run] = []
        self.fresh = False  # whether there is something to be taken over
        self.look_seconds = LOOK_SECONDS
        self.settle: Callable[[], object] = lambda: None
        self.sent: Callable[[], Plan] = lambda: plan
        self.longest: Callable[[], int] = lambda: plan.segment_seconds
        self.ending = threading.Event()
        self.ended = False
        self._plan, self._folder, self._changed = plan, folder, changed
        self._name = plan.programme.name
        self._numbers = 0
        self._moments: dict[int, datetime] = {}
        self._next = 0  # pictures of the plan's rate, by which the authority counts
        self._run: Run | None = None
        self._entries: list[str] = []
        self._laid = 0
        self._swept: set[Path] = set()
        self._tell: Callable[[], object] = lambda: None

    @property
    def chip(self) -> str:
        """Nothing encodes here."""
        return "none"

    @property
    def behind(self) -> float:
        """Nothing waits."""
        return 0.0

    @property
    def plan(self) -> Plan:
        """The plan, with the size and rate of what the encoder sends."""
        return self.sent()

    @property
    def target(self) -> int:
        """The longest that a segment is, in whole seconds."""
        return self.longest()

    @property
    def dropped(self) -> int:
        """Nothing is given that could be lost."""
        return 0

    def moment(self, number: int) -> datetime | None:
        """When the picture of a number was taken; None once it is ``finished`` or discarded."""
        return self._moments.get(number)

    def finished(self, number: int) -> None:
        """Everything before this picture has been taken over."""
        for one in [one for one in self._moments if one < number]:
            self._moments.pop(one, None)

    def discard(self) -> None:
        """Lose what is not listed; what was laid out so far never will be."""
        for run in tuple(self.runs):
            run.discarded = True
            run.over = True
        self._run = None

    async def run(self) -> None:
        """Until the programme has laid out its last segment, after ``end``, or cancelled."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.alive = True
        self._changed()
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self._tell = lambda: loop.call_soon_threadsafe(over.set)
        await over.wait()
        self.alive = False

    def end(self) -> None:
        """Let the programme lay out what it has."""
        self.ending.set()

    def finish(self) -> None:
        """The programme has laid out its last segment."""
        if not self.ended:
            self.close()
            self.ended = True
            self._tell()

    def begin(self) -> None:
        """What is put from here on does not follow from what was before."""
        self.close()
        self._numbers += 1
        run = Run(self._plan, whole(self._plan), self._folder / f"{self._numbers:04d}", self._next)
        run.origins = {self._name: self._name}
        self._entries, self._laid, self._run = [], 0, run
        self.runs.append(run)

    def close(self) -> None:
        """Nothing more comes to the present run."""
        if self._run is not None:
            self._run.over = True
            self._run = None
            self.fresh = True

    def put(self, data: bytes, at: float, seconds: float) -> None:
        """Lay out one finished segment, whose first picture was taken at ``at``, in seconds of the epoch."""
        run = self._run
        if run is None:
            self.begin()
            run = self._run
            assert run is not None
        folder = run.folder / self._name
        name = f"{self._laid:06d}.ts"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            self._moments[self._next] = datetime.fromtimestamp(at, UTC)
            self._entries = [*self._entries, f"#EXTINF:{seconds:.6f},\n{name}\n"][-LISTED:]
            replace_file(folder / PRIVATE_PLAYLIST, "".join(self._entries).encode("ascii"))
        except OSError as fault:
            if not self.reason:
                log.error("a segment cannot be laid out: %s", fault.strerror)
            self.reason = fault.strerror or "a segment cannot be laid out"
            self.close()
            return
        self.reason = ""
        self.fresh = True
        self._laid += 1
        self._next += round(seconds * self._plan.fps)

    def sweep(self) -> None:
        """Take away the folders of runs that nobody lists from any more."""
        kept = {run.folder for run in self.runs}
        for number in range(len(self._swept) + 1, self._numbers + 1):
            folder = self._folder / f"{number:04d}"
            if folder in kept:
                return
            shutil.rmtree(folder, ignore_errors=True)
            self._swept.add(folder)
