"""The closed part from the controller: entered whatever the runner does, left when a person asks."""

from __future__ import annotations

import logging
from pathlib import Path

from avctl.bus import Bus
from avctl.errors import DeviceError
from avctl.events import BroadcastDegraded, ClosedPartEntered, ClosedPartLeft
from streams.held import Held
from streams.keeper import gone, running
from streams.wanted import forbid

log = logging.getLogger(__name__)


class ClosedParts:
    """Enters and leaves closed parts of the broadcasts under ``root``."""

    def __init__(self, bus: Bus, root: Path) -> None:
        self._bus, self._root = bus, root

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
        held.closed, held.leaving = False, True
        await held.programme.leave_closed()
        held.leaving = False
        self._bus.publish(ClosedPartLeft(session=held.session, actor=actor))
