"""Everywhere at once: an emergency on every screen, what failed, and back to what each had before.

Each screen has one task of its own that brings it to what is wanted and tries on: one that is off, slow or
gone holds up nobody. What it had is on disk before it is touched.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from avctl.back_off import BackOff
from avctl.bus import Bus
from avctl.commands import Operate
from avctl.commands.building import (
    LiftEmergency,
    ShowEmergency,
)
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import AvctlError, BadArgument, NotFound, Unsupported
from avctl.events import (
    DeviceEvent,
    EmergencyEvent,
    EmergencyLifted,
    EmergencyMissed,
    EmergencyOrdered,
    EmergencyReached,
    Event,
    Link,
    LinkChanged,
    ReadingsChanged,
    ScreenNotRestored,
    ScreenRestored,
    now,
)
from avctl.model.device import DeviceState
from avctl.model.emergency import AIR_RAID, KINDS, LONGEST_TEXT, LONGEST_TITLE, Before, Emergency, Order
from avctl.services.house import House
from avctl.services.journal import Journal, Write
from avctl.store import Store, building

NAME = "emergency"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between tries with a screen that says no


class Everywhere:
    """Knows every screen that can show an emergency, and brings it there and back."""

    def __init__(
        self, config: Config, bus: Bus, desk: Desk, store: Store, journal: Journal, house: House
    ) -> None:
        self._lobby, self._bus, self._desk, self._house = config.lobby, bus, desk, house
        self._store, self._settled = store, journal.settled
        self._state = Emergency()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._links: dict[str, asyncio.Event] = {}
        self._doing: dict[str, asyncio.Future[Any]] = {}
        self._pages: dict[str, str] = {}  # what each screen last had: one that is away does not say
        self._spared: frozenset[str] = frozenset()
        web = config.web
        self.base = (
            config.lobby.url.rstrip("/") or web.url.rstrip("/") or f"http://{_named(web.host)}:{web.port}"
        )
        bus.listen(self._fold, EmergencyEvent)
        journal.keep(self._kept, EmergencyEvent)
        bus.listen(self._hear, LinkChanged, ReadingsChanged)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern emergencies."""
        desk.handle(ShowEmergency, self.show)
        desk.handle(LiftEmergency, self.lift)

    async def restore(self) -> None:
        """Take in what the record holds, at start."""
        async with self._store.read() as connection:
            self._state = await building.standing(connection, NAME, Emergency) or Emergency()

    def resume(self) -> None:
        """Go on with what was under way before a restart; once the house is running."""
        for device in self._state.before:
            if device in self._house:
                self._bring(device)

    async def close(self) -> None:
        """Let every task go; what is under way goes on after a restart."""
        for task in (*self._tasks.values(), *self._doing.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._doing.values(), return_exceptions=True)

    @property
    def state(self) -> Emergency:
        """What is ordered, and how far it came."""
        return self._state

    @property
    def page(self) -> str:
        """The address of the page that screens show in an emergency."""
        return f"{self.base}/screens/emergency"

    def player(self, device: str) -> str:
        """The address of our own player for a screen."""
        return f"{self.base}/screens/{device}"

    def spare(self, devices: frozenset[str]) -> None:
        """Screens that nothing but an air raid may interrupt: memorial walls."""
        self._spared = devices

    def screens(self) -> Iterator[DeviceState]:
        """Every device that can show an emergency."""
        return (state for state in self._house if self._is_screen(state))

    async def show(self, command: ShowEmergency) -> Order:
        """Order an emergency; answered when every screen was asked, not when it shows it."""
        if command.kind not in KINDS:
            raise BadArgument("kind", f"one of {', '.join(KINDS)} (got {command.kind!r})")
        title, text = command.title.strip(), command.text.strip()
        if command.kind != AIR_RAID and not text:
            raise BadArgument("text", "what everybody must read")
        if len(title) > LONGEST_TITLE or len(text) > LONGEST_TEXT:
            raise BadArgument("text", f"at most {LONGEST_TEXT} characters, the title {LONGEST_TITLE}")
        known = self._state.orders.get(command.kind)
        if known is not None and (known.title, known.text) == (title, text):
            return known
        mine = [state for state in self.screens() if command.kind == AIR_RAID or state.id not in self._spared]
        before = {state.id: self._has(state) for state in mine if state.id not in self._state.before}
        self._bus.publish(
            EmergencyOrdered(
                actor=command.actor,
                emergency=secrets.token_hex(6),
                kind=command.kind,
                title=title,
                text=text,
                before=before,
            )
        )
        # On disk before the first screen is touched: after a kill nobody would know what it had.
        await self._settled()
        for state in mine:
            self._bring(state.id)
        return self._state.orders[command.kind]

    async def lift(self, command: LiftEmergency) -> None:
        """End an emergency; the other one, if there is one, is shown then."""
        order = self._state.orders.get(command.kind)
        if order is None:
            raise NotFound(f"there is no emergency of the kind {command.kind!r}")
        self._bus.publish(EmergencyLifted(actor=command.actor, emergency=order.id, kind=order.kind))
        await self._settled()
        for device in self._state.before:
            if device in self._house:
                self._bring(device)

    # --- one screen ------------------------------------------------------------------------------------

    def _is_screen(self, state: DeviceState) -> bool:
        return "Pages" in state.capabilities or (
            state.id in self._lobby.inputs and {"Power", "Inputs"} <= set(state.capabilities)
        )

    def _has(self, state: DeviceState) -> dict[str, Any]:
        """What a screen shows now, as far as it says."""
        readings = state.readings
        page = readings.get("page") or self._pages.get(state.id)
        had: dict[str, Any] = {}
        if "Pages" in state.capabilities:
            had["page"] = page if page and page != self.page else None
        if state.id in self._lobby.inputs:
            had |= {"power": readings.get("power"), "input": readings.get("input")}
        return had

    def _wanted(self, device: str) -> Order | None:
        """What a screen should show for the moment's sake; None: what it had."""
        order = self._state.shown
        return None if order is not None and order.kind != AIR_RAID and device in self._spared else order

    def _bring(self, device: str) -> None:
        """Begin, or begin anew, to bring a screen to what is wanted."""
        if (task := self._tasks.pop(device, None)) is not None:
            task.cancel()
        self._news[device], self._links[device] = asyncio.Event(), asyncio.Event()
        order = self._wanted(device)
        doing = self._restore(device) if order is None else self._reach(device, order)
        self._tasks[device] = asyncio.create_task(doing, name=f"screen {device}")

    async def _reach(self, device: str, order: Order) -> None:
        """Have a screen show the emergency, and again whenever it shows something else meanwhile."""
        back_off, within = BackOff(FIRST_PAUSE, LONGEST_PAUSE), self._lobby.emergency_seconds
        loop = asyncio.get_running_loop()
        late = loop.call_later(within, self._late, device, order)
        if device in self._state.reached:  # before a restart
            late.cancel()
        try:
            while True:
                await self._there(device, order)
                try:
                    if device not in self._state.reached or not self._shows_it(device):
                        await self._act(device, order)
                except AvctlError as refusal:
                    self._miss(device, order, str(refusal))
                    await self._pause(device, back_off.pause())
                    continue
                late.cancel()
                back_off.succeeded()
                if device not in self._state.reached:
                    took = round((now() - order.at).total_seconds(), 3)
                    self._bus.publish(EmergencyReached(emergency=order.id, device=device, seconds=took))
                while self._shows_it(device):
                    self._news[device].clear()
                    await self._news[device].wait()
        finally:
            late.cancel()

    async def _restore(self, device: str) -> None:
        """Give a screen back what it had, however long it is away meanwhile."""
        had, back_off = self._state.before[device], BackOff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            await self._there(device, None)
            try:
                await self._give_back(device, had)
            except AvctlError as refusal:
                self._left(device, str(refusal))
                await self._pause(device, back_off.pause())
            else:
                self._bus.publish(ScreenRestored(emergency=NAME, device=device))
                return

    async def _there(self, device: str, order: Order | None) -> None:
        """Wait until a screen answers, woken where it can be: who is away need not be asked."""
        woken = False
        while not (state := self._house.state(device)).online and not self._wakes(device):
            if state.link is not Link.CONNECTING:
                said = f"{state.link}: {state.reason or 'no answer'}"
                self._miss(device, order, said) if order is not None else self._left(device, said)
            self._links[device].clear()
            if not woken and order is not None and "wake" in self._house.driver(device).while_away:
                woken = True
                with suppress(AvctlError):
                    await self._operate(order.by or NAME, device, "wake")
            await self._links[device].wait()

    async def _pause(self, device: str, seconds: float) -> None:
        """Wait before the next try; a screen that comes back is tried at once."""
        self._links[device].clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._links[device].wait()

    async def _act(self, device: str, order: Order) -> None:
        state = self._house.state(device)
        actor = order.by or "emergency"
        if device in self._lobby.inputs and {"Power", "Inputs"} <= set(state.capabilities):
            if state.readings.get("power") is not True:
                await self._operate(actor, device, "set_power", on=True)
            await self._operate(actor, device, "set_input", name=self._lobby.inputs[device])
        if "Pages" in state.capabilities:
            await self._operate(actor, device, "show_page", url=self._page_of(state))

    async def _give_back(self, device: str, had: Before) -> None:
        state = self._house.state(device)
        if "Pages" in state.capabilities:
            page = had.page or ("" if state.readings.get("pages") else self.player(device))
            try:
                if page:
                    await self._operate(NAME, device, "show_page", url=page)
            except BadArgument:  # a page that nobody can ask for, such as a browser's own first one
                await self._operate(NAME, device, "show_page", url=self.player(device))
        if device in self._lobby.inputs and {"Power", "Inputs"} <= set(state.capabilities):
            if had.input:
                await self._operate(NAME, device, "set_input", name=had.input)
            if had.power is False:
                await self._operate(NAME, device, "set_power", on=False)

    def _page_of(self, state: DeviceState) -> str:
        """The emergency's page for a screen: by its address, or by its name where names are listed."""
        if not state.readings.get("pages"):
            return self.page
        named = self._lobby.named_pages.get(state.id, "")
        if not named:
            raise Unsupported("it shows listed pages only, and lobby.named_pages names none for it")
        return named

    async def _operate(self, actor: str, device: str, verb: str, **arguments: Any) -> None:
        """Use a verb of a screen after the one before it: one that was left half-way would arrive later."""
        if (before := self._doing.get(device)) is not None and not before.done():
            await asyncio.wait((before,))
        command = Operate(actor=actor, device=device, verb=verb, arguments=arguments)
        self._doing[device] = doing = asyncio.ensure_future(self._desk.obey(command))
        doing.add_done_callback(lambda over: over.cancelled() or over.exception())
        await asyncio.shield(doing)

    def _shows_it(self, device: str) -> bool:
        state = self._house.state(device)
        if not state.online:
            return False
        if device in self._lobby.inputs:
            wanted: Mapping[str, Any] = {"power": True, "input": self._lobby.inputs[device]}
            if any(state.readings.get(name, value) != value for name, value in wanted.items()):
                return False
        with suppress(Unsupported):
            if "Pages" not in state.capabilities:
                return True
            page = state.readings.get("page")
            loading = not page and state.readings.get("showing") == "loading"  # it will say which
            return loading or page == self._page_of(state)
        return False

    def _wakes(self, device: str) -> bool:
        return device in self._lobby.inputs and "set_power" in self._house.driver(device).while_away

    def _miss(self, device: str, order: Order, reason: str) -> None:
        if self._state.missed.get(device) != reason:
            self._bus.publish(EmergencyMissed(emergency=order.id, device=device, reason=reason))

    def _late(self, device: str, order: Order) -> None:
        if device not in self._state.missed:  # that it is away says more
            self._miss(device, order, f"not within {self._lobby.emergency_seconds:g} s")

    def _left(self, device: str, reason: str) -> None:
        if self._state.missed.get(device) != reason:
            self._bus.publish(ScreenNotRestored(emergency=NAME, device=device, reason=reason))

    # --- what happens ----------------------------------------------------------------------------------

    def _hear(self, event: DeviceEvent) -> None:
        page = event.readings.get("page") if isinstance(event, ReadingsChanged) else None
        if page and page != self.page and event.device not in self._state.before:
            self._pages[event.device] = str(page)
        for events in (self._news, self._links) if isinstance(event, LinkChanged) else (self._news,):
            if (waiting := events.get(event.device)) is not None:
                waiting.set()

    def _fold(self, event: EmergencyEvent) -> None:
        self._state = self._state.after(event)

    def _kept(self, event: Event) -> Write | None:
        return Write(building.save_standing, (NAME, self._state))


def _named(host: str) -> str:
    """An address that a screen can ask: one that listens everywhere is no address."""
    known = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"[{known}]" if ":" in known and not known.startswith("[") else known
