"""A broadcast whose runner is, or should be, there: what is wanted of it, and how it is brought to that."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from avctl.errors import DeviceError
from avctl.model.broadcast import Broadcast, Wanted
from avctl.model.session import Session
from streams.engine import Programme
from streams.feed import Feed
from streams.folder import Growth
from streams.keeper import Keeper
from streams.lookout import Lookout
from streams.status import RunnerStatus

log = logging.getLogger(__name__)


@dataclass
class Held:
    """``source`` is the one that is the hall; ``slate`` what is shown in its place, if anything.

    ``times``: when slates are over. ``closed`` overrides both. ``leaving``: a person asked to end the closed
    part and the runner has not heard it yet; nothing else ever opens it.
    """

    session: str
    keeper: Keeper
    programme: Programme
    feeds: tuple[Feed, ...]
    lookout: Lookout
    source: str = ""
    slate: str = ""
    times: dict[str, datetime] = field(default_factory=dict)
    planned_end: datetime | None = None
    closed: bool = False
    leaving: bool = False
    opened_at: datetime | None = None
    shown: Growth = field(default_factory=Growth)  # to viewers
    written: Growth = field(default_factory=Growth)  # the recording
    recording: bool = False
    writes: bool = True  # whether anything can be written over the picture
    using: dict[str, str] = field(default_factory=dict)
    reduced: str = ""
    name: str = ""
    role: str = ""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    proving: asyncio.Task[None] | None = None
    mending: asyncio.Task[None] | None = None

    def plan(self, session: Session) -> None:
        """Take over what the session says of times."""
        self.planned_end = session.booking.ends_at
        self.times = {"starting": session.booking.starts_at}
        if session.until is not None:
            self.times[str(session.reason)] = session.until
        if session.release_at is not None:
            self.times["released"] = session.release_at

    @property
    def sources(self) -> tuple[str, ...]:
        """What can be the hall: every feed that stands in for no other."""
        return tuple(feed.device.id for feed in self.feeds if not feed.options.backup_for)

    @property
    def scene(self) -> str:
        """What is to be shown when no part is closed."""
        if self.slate:
            return f"slate:{self.slate}"
        return f"source:{self.source}" if self.source else "slate:technical"

    def mend(self, broadcast: Broadcast, status: RunnerStatus) -> None:
        """Begin to bring the runner to what is wanted of it, unless that is under way."""
        if self.mending is None or self.mending.done():
            self.mending = asyncio.create_task(self._mend(broadcast, status))
            self.tasks.add(self.mending)
            self.mending.add_done_callback(self.tasks.discard)

    async def _mend(self, broadcast: Broadcast, status: RunnerStatus) -> None:
        """A runner came back, or missed a word."""
        programme = self.programme
        try:
            if self.closed and not status.closed:
                await programme.enter_closed()
            if broadcast.wanted is Wanted.DARK:
                if status.phase not in ("ending", "ended"):
                    await programme.end()
                return
            if status.wanted != self.scene:
                await programme.show(self.scene)
            if self.leaving and not self.closed:
                await programme.leave_closed()
                self.leaving = False
            if broadcast.wanted is Wanted.LIVE and not status.published:
                await programme.show_public(record=self.recording)
            if self.recording and not status.recording:
                await programme.start_recording()
            named = (status.lower_third.name, status.lower_third.role) == (self.name, self.role)
            if status.writes and not named:
                await programme.show_lower_third(self.name, self.role)
            if self.planned_end is not None and status.planned_end != self.planned_end:
                await programme.plan_end(self.planned_end)
            if status.times != self.times:
                await programme.tell_times(self.times)
        except DeviceError as fault:
            log.debug("%s is not as wanted yet: %s", self.session, fault)
