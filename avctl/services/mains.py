"""Without mains: what spares the battery is switched off in the declared order, and on again afterwards.

Only a UPS that says so itself, now, sheds anything: one whose link is lost, or that does not know, sheds
nothing more, and what was shed stays so until it says that the mains are back. What is on air is never shed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from avctl.bus import Bus
from avctl.commands import Operate
from avctl.config import Config, Load
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import (
    DeviceEvent,
    Event,
    LinkChanged,
    LoadRestored,
    LoadShed,
    LoadSpared,
    MainsLost,
    MainsReturned,
    PowerEvent,
    ReadingsChanged,
    SessionClosed,
    Severity,
    now,
)
from avctl.model.mains import Mains
from avctl.services.alerts import Alerts
from avctl.services.blackouts import Blackouts
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.services.sessions import Sessions
from avctl.store import Store, building

NAME = "mains"
ACTOR = "power"
AGAIN = 30.0  # seconds before what could not be switched, or is on air, is tried again


class MainsWatch:
    """Watches every UPS, and switches loads."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        desk: Desk,
        store: Store,
        journal: Journal,
        house: House,
        sessions: Sessions,
        alerts: Alerts,
        blackouts: Blackouts,
    ) -> None:
        self._settings, self._bus, self._desk, self._store = config.power, bus, desk, store
        self._house, self._sessions, self._alerts, self._blackouts = house, sessions, alerts, blackouts
        self._state = Mains()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._not_before: dict[str, float] = {}  # a load that could not be switched is let be for a while
        bus.listen(self._fold, PowerEvent)
        journal.keep(self._kept, PowerEvent)
        bus.listen(self._hear, ReadingsChanged, LinkChanged)
        bus.listen(self._closed, SessionClosed)
        bus.listen(self._lost, MainsLost)
        bus.listen(self._returned, MainsReturned)

    async def restore(self) -> None:
        """Take in what the record holds, at start."""
        async with self._store.read() as connection:
            self._state = await building.standing(connection, NAME, Mains) or Mains()

    def resume(self) -> None:
        """Go on with what was under way before a restart; once the house is running."""
        for ups in {*self._state.lost, *self._state.shed.values()}:
            if ups in self._house:
                self._begin(ups, self._shed if ups in self._state.lost else self._give_back)

    async def close(self) -> None:
        """Let every task go."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    @property
    def state(self) -> Mains:
        """What is known of the mains."""
        return self._state

    @property
    def loads(self) -> tuple[Load, ...]:
        """What can be shed, in order."""
        return self._settings.loads

    def on_battery(self, ups: str) -> bool | None:
        """What a UPS says now; None: it does not say."""
        state = self._house.state(ups)
        said = state.readings.get("on_battery")
        return said if state.online and isinstance(said, bool) else None

    # --- hearing -------------------------------------------------------------------------------------

    def _hear(self, event: DeviceEvent) -> None:
        if event.device not in self._house or "Ups" not in self._house.state(event.device).capabilities:
            return
        ups = event.device
        said = self.on_battery(ups)
        if said is True and ups not in self._state.lost:
            announced = self._blackouts.at(now())
            self._bus.publish(MainsLost(device=ups, blackout=announced.id if announced is not None else ""))
        elif said is False and ups in self._state.lost:
            self._bus.publish(MainsReturned(device=ups))
        if said is True:
            self._tell(ups)
        if (news := self._news.get(ups)) is not None:
            news.set()

    def _closed(self, event: SessionClosed) -> None:
        for news in self._news.values():
            news.set()

    def _lost(self, event: MainsLost) -> None:
        self._begin(event.device, self._shed)

    def _returned(self, event: MainsReturned) -> None:
        self._alerts.say("on_battery", event.device, "")
        self._begin(event.device, self._give_back)

    def _tell(self, ups: str) -> None:
        announced, low = self._blackouts.at(now()), self._low(ups)
        text = "On battery"
        if low:
            text = "On battery, and it is low"
        if announced is not None:
            text += ", as announced"
        grave = Severity.CRITICAL if low else Severity.INFO if announced is not None else Severity.WARNING
        self._alerts.say("on_battery", ups, text, grave)

    def _low(self, ups: str) -> bool:
        """Whether it is time: an old battery says so at a charge that looks good, some tell no charge."""
        readings = self._house.state(ups).readings
        charge = readings.get("charge")
        return readings.get("low") is True or (isinstance(charge, int) and charge < self._settings.shed_below)

    # --- switching -----------------------------------------------------------------------------------

    def _begin(self, ups: str, what: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        if (task := self._tasks.pop(ups, None)) is not None:
            task.cancel()
        self._news[ups] = asyncio.Event()
        self._tasks[ups] = asyncio.create_task(what(ups), name=f"mains {ups}")

    async def _shed(self, ups: str) -> None:
        """Wait until it is time, then switch off one load after the other while that is needed."""
        since = self._state.lost[ups]
        while True:
            left = (since + timedelta(seconds=self._settings.shed_after) - now()).total_seconds()
            if self.on_battery(ups) is True and (left <= 0 or self._low(ups)):
                await self._shed_all(ups)
                left = AGAIN
            await self._wait(ups, left if left > 0 else AGAIN)

    async def _shed_all(self, ups: str) -> None:
        for load in self._of(ups):
            if self.on_battery(ups) is not True:
                return
            waits = asyncio.get_running_loop().time() < self._not_before.get(load.id, 0)
            if waits or load.id in self._state.shed or self._is_on(load) is not True:
                continue
            if self._on_air(load):
                if load.id not in self._state.spared:
                    self._bus.publish(LoadSpared(device=ups, load=load.id))
                continue
            fault = await self._switch(load, False)
            self._not_before[load.id] = asyncio.get_running_loop().time() + (AGAIN if fault else 0)
            if fault != self._state.faults.get(load.id):
                self._bus.publish(LoadShed(device=ups, load=load.id, fault=fault))
            if not fault:
                await asyncio.sleep(self._settings.step_seconds)

    async def _give_back(self, ups: str) -> None:
        """Once the mains have stayed for a while, power again for what was shed, in the other order."""
        since = now()
        while mine := [load for load, of in self._state.shed.items() if of == ups]:
            left = (since + timedelta(seconds=self._settings.return_after) - now()).total_seconds()
            if self.on_battery(ups) is not False:
                await self._wait(ups, AGAIN)
                continue
            if left > 0:
                await self._wait(ups, left)
                continue
            for name in reversed(mine):
                load = next((one for one in self.loads if one.id == name), None)
                fault = "" if load is None else await self._switch(load, True)
                if not fault or fault != self._state.faults.get(name):
                    self._bus.publish(LoadRestored(device=ups, load=name, fault=fault))
                if not fault:
                    await asyncio.sleep(self._settings.step_seconds)
            if any(of == ups for of in self._state.shed.values()):
                await self._wait(ups, AGAIN)

    async def _wait(self, ups: str, seconds: float) -> None:
        self._news[ups].clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news[ups].wait()

    def _of(self, ups: str) -> Iterator[Load]:
        return (load for load in self.loads if load.ups in (None, ups))

    def _on_air(self, load: Load) -> bool:
        return any(self._sessions.running_in(room) is not None for room in load.rooms)

    def _is_on(self, load: Load) -> bool | None:
        if load.device not in self._house:
            return None
        readings = self._house.state(load.device).readings
        on = (
            readings.get("outlets", {}).get(str(load.outlet), {}).get("on")
            if load.outlet
            else readings.get("power")
        )
        return on if isinstance(on, bool) else None

    async def _switch(self, load: Load, on: bool) -> str:
        """Switch a load; empty when its device says that it is so, else why not."""
        verb = "switch_outlet" if load.outlet else "set_power"
        arguments: dict[str, Any] = {"outlet": load.outlet} if load.outlet else {}
        arguments["on"] = on
        try:
            await self._desk.obey(Operate(actor=ACTOR, device=load.device, verb=verb, arguments=arguments))
        except AvctlError as refusal:
            return str(refusal) or type(refusal).__name__
        return ""

    def _fold(self, event: PowerEvent) -> None:
        self._state = self._state.after(event)

    def _kept(self, event: Event) -> Write | None:
        return Write(building.save_standing, (NAME, self._state))
