"""The closed part from the controller: entered whatever the runner does, proven, left when a person asks."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from avctl.bus import Bus
from avctl.config import Broadcast
from avctl.errors import AvctlError, DeviceError
from avctl.events import (
    BroadcastDegraded,
    ClosedPartChecked,
    ClosedPartDoubted,
    ClosedPartEntered,
    ClosedPartLeft,
    ClosedPartProven,
    now,
)
from avctl.model.broadcast import Broadcast as Shown
from streams import rfc8216
from streams.ffmpeg import find_ffmpeg
from streams.held import Held
from streams.keeper import gone, running
from streams.plan import CLOSED_FILE
from streams.probe import look_at, small
from streams.wanted import forbid

PROVE_SECONDS = 1.0
LIKE = 0.06  # mean difference of luma that a clock that goes, and an encoder, may make
SILENCE_DB = -60.0

log = logging.getLogger(__name__)


class ClosedParts:
    """Enters, proves and leaves closed parts of the broadcasts under ``root``."""

    def __init__(self, config: Broadcast, bus: Bus, root: Path) -> None:
        self._config, self._bus, self._root = config, bus, root

    async def enter(self, held: Held, actor: str) -> None:
        """Begin a closed part: when this returns, nothing of the hall is in any output.

        A runner that does not say so in time is ended by force, with everything it feeds. Its successor finds
        no permit, and shows nothing of the hall.
        """
        held.closed, held.leaving = True, False
        folder = self._root / held.session
        forbid(folder)
        try:
            await held.programme.enter_closed()
        except DeviceError as fault:
            why = f"the runner did not close and was ended by force: {fault}"
            log.error("%s: %s", held.session, why)
            if (pid := running(folder)) is not None:
                held.keeper.kill()
                await gone(pid)
            self._bus.publish(BroadcastDegraded(session=held.session, reason=why))
        self._bus.publish(ClosedPartEntered(session=held.session, actor=actor))

    async def leave(self, held: Held, actor: str) -> None:
        """End a closed part. A runner that is being started again hears of it when it is up."""
        held.closed, held.leaving, held.opened_at = False, True, now()
        await held.programme.leave_closed()
        held.leaving = False
        self._bus.publish(ClosedPartLeft(session=held.session, actor=actor))

    async def prove(self, held: Held, shown: Callable[[], Shown]) -> None:
        """While a part is closed, look at what viewers get, again and again; for as long as it is held."""
        rounds = itertools.count()
        looked: set[Path] = set()
        late = 0.0
        while True:
            await asyncio.sleep(PROVE_SECONDS)
            seen = shown()
            if not held.closed or seen.closed_at is None or not seen.published:
                looked.clear()
                late = 0.0
                continue
            rungs = self._rungs(held.session)
            rung = rungs[next(rounds) % len(rungs)]
            segment, init = self._newest(held.session, rung, seen.closed_at)
            if segment is None or segment in looked:
                late += PROVE_SECONDS
                if late > self._config.stalled_seconds:
                    self._doubt(seen, "the public list stands still")
                continue
            late = 0.0
            looked.add(segment)
            try:
                fault = await self._fault(held.session, segment, init)
            except (AvctlError, OSError) as why:
                self._doubt(seen, f"the public output cannot be looked at: {why}")
                continue
            if fault and held.closed:
                self._doubt(seen, fault)
                held.keeper.kill()  # its successor begins closed, and takes back what was public since
            elif held.closed:
                proven = ClosedPartChecked if seen.proven_at is not None else ClosedPartProven
                self._bus.publish(proven(session=held.session))

    def _doubt(self, shown: Shown, why: str) -> None:
        if shown.doubt != why:
            log.critical("%s: the closed part is in doubt: %s", shown.session, why)
            self._bus.publish(ClosedPartDoubted(session=shown.session, reason=why))

    def _rungs(self, session: str) -> tuple[str, ...]:
        """The renditions that viewers can choose."""
        names = tuple(one.name for one in self._config.renditions)
        return tuple(one for one in names if (self._root / session / "live" / one).is_dir()) or names

    def _newest(self, session: str, rendition: str, since: datetime) -> tuple[Path | None, Path | None]:
        """The newest listed segment that began in the closed part, and what must be read before it."""
        folder = self._root / session / "live" / rendition
        try:
            entries = rfc8216.read((folder / "index.m3u8").read_text(encoding="ascii")).entries
        except (OSError, ValueError):
            return None, None
        newest = entries[-1] if entries else None
        if newest is None or newest.at is None or newest.at < since:
            return None, None
        return folder / newest.uri, folder / newest.map if newest.map else None

    async def _fault(self, session: str, segment: Path, init: Path | None) -> str:
        """What in a segment is not of a closed part; empty when all of it is."""
        expected = await asyncio.to_thread(small, self._root / session / CLOSED_FILE)
        looked = await look_at(find_ffmpeg(self._config.ffmpeg or None), segment, init)
        name = f"{segment.parent.name}/{segment.name}"
        if (apart := looked.difference(expected)) > LIKE:
            return f"{name} is not the slate of a closed part ({apart:.0%} apart)"
        if looked.peak_db > SILENCE_DB:
            return f"{name} is not silent ({looked.peak_db:.0f} dBFS)"
        return ""
