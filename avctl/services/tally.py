"""The on-air lamps of cameras: lit while viewers have the picture of the source that a camera feeds."""

from __future__ import annotations

import asyncio
import logging

from avctl.bus import Bus
from avctl.commands import Operate
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, Unsupported
from avctl.events import DeviceEvent, Link, LinkChanged, ReadingsChanged
from avctl.services.director import ACTOR, PROGRAMME
from avctl.services.house import House

log = logging.getLogger(__name__)


class Tally:
    """Keeps the lamps as the programmes are; a camera that says it has none is not asked again."""

    def __init__(self, config: Config, bus: Bus, desk: Desk, house: House) -> None:
        self._desk, self._house = desk, house
        self._feeds = {one.id: (one.room, one.feeds) for one in config.devices if one.feeds is not None}
        self._lit: dict[str, bool] = {}
        self._without: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        if self._feeds:
            bus.listen(self._changed, ReadingsChanged)
            bus.listen(self._linked, LinkChanged)

    async def close(self) -> None:
        """Let every act go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changed(self, event: ReadingsChanged) -> None:
        if event.device.startswith(PROGRAMME) and event.readings.keys() & {"live", "showing"}:
            self._look(event)

    def _linked(self, event: LinkChanged) -> None:
        if event.device in self._feeds and event.link is Link.ONLINE:
            self._lit.pop(event.device, None)  # a camera that was away may have forgotten
            self._light(event.device, *self._feeds[event.device])
        elif event.device.startswith(PROGRAMME):
            self._look(event)

    def _look(self, event: DeviceEvent) -> None:
        if event.device in self._house:
            room = self._house.state(event.device).room
            for camera, (place, feed) in self._feeds.items():
                if place == room:
                    self._light(camera, room, feed)

    def _light(self, camera: str, room: str, feed: str) -> None:
        """Ask a camera for its lamp, if it is to change and the camera has one."""
        programmes = (one for one in self._house.in_room(room) if one.id.startswith(PROGRAMME))
        on = any(
            one.online
            and one.readings.get("live") is True
            and one.readings.get("showing") == f"source:{feed}"
            for one in programmes
        )
        ours = self._house.state(camera)
        known = self._lit.get(camera, ours.readings.get("tally") is True)
        if camera in self._without or not ours.online or on == known:
            return
        self._lit[camera] = on
        task = asyncio.get_running_loop().create_task(self._ask(camera, on))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, camera: str, on: bool) -> None:
        try:
            await self._desk.obey(Operate(actor=ACTOR, device=camera, verb="set_tally", arguments={"on": on}))
        except Unsupported as refusal:
            self._without.add(camera)
            log.info("%s has no on-air lamp that can be lit: %s", camera, refusal)
        except AvctlError as fault:
            self._lit.pop(camera, None)
            log.warning("the on-air lamp of %s is not as it should be: %s", camera, fault)
