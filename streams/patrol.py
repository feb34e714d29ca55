"""Looks at the files of every broadcast once a second and believes no claims: does it really go on?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from avctl.config import Broadcast
from avctl.model.broadcast import Broadcast as Shown
from avctl.model.broadcast import State, Wanted
from streams.disk import DiskGuard
from streams.folder import size_of
from streams.held import Held


class Patrol:
    """One round a second over the broadcasts under ``root``, and over the disks."""

    def __init__(self, config: Broadcast, root: Path, disks: DiskGuard) -> None:
        self._config, self._root, self._disks = config, root, disks

    async def run(self, held: Mapping[str, Held], shown: Callable[[str], Shown]) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(1)
            with suppress(OSError):
                await asyncio.to_thread(self._disks.look)
            self._disks.tell()
            for session, one in tuple(held.items()):
                broadcast = shown(session)
                if broadcast.state is not State.ENDING:
                    await self._look(one, broadcast)

    async def _look(self, held: Held, broadcast: Shown) -> None:
        seconds, folder = self._config.stalled_seconds, self._root / held.session
        if broadcast.wanted is Wanted.LIVE:
            live = folder / "live" / self._config.renditions[0].name
            seen = await asyncio.to_thread(held.lookout.look)
            held.programme.report(
                advancing=held.shown.lately(live, broadcast.since, seconds),
                playlist_faults=seen.pop("playlist_faults", ()),
            )
            held.programme.looked = seen
        # In a closed part the public recording is cut: it need not grow.
        if held.recording and not held.closed:
            recording = folder / "recording"
            since = max(broadcast.since, held.opened_at or broadcast.since)
            held.programme.report(
                growing=held.written.lately(recording, since, seconds), recorded=size_of(recording)
            )
