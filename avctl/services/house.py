"""Every device of the house: its driver kept serving, its state folded from its events, its verbs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import ValidationError

from avctl.bus import Bus
from avctl.capabilities import Proof, arguments_of, capabilities_of, verbs_of
from avctl.commands import Operate, Reconnect
from avctl.config import Config
from avctl.driver import Driver, load, supervise
from avctl.errors import BadArgument, DeviceError, NoAnswer, NotFound, Unsupported
from avctl.events import DeviceEvent, Event, VerbAsked, VerbDone, VerbRefused
from avctl.faults import faults_of
from avctl.model.device import DeviceState

ANSWER_SECONDS = 20.0


class House:
    """Knows each device by its id; also those that come and go, such as a programme."""

    def __init__(self, config: Config, bus: Bus, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.config = config
        self._bus = bus
        self._answer_seconds = answer_seconds
        self._states: dict[str, DeviceState] = {}
        self._drivers: dict[str, Driver] = {}
        self._again: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[str, set[_Watch]] = {}
        bus.listen(self._fold, DeviceEvent)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep every configured device connected while the context lasts."""
        try:
            for device in self.config.devices:
                self.add(load(device.driver)(device, self._bus.publish))
            yield
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def add(self, driver: Driver) -> None:
        """Take a device in and keep it connected."""
        device = driver.device
        self._drivers[device.id] = driver
        self._states[device.id] = DeviceState(
            id=device.id,
            room=device.room,
            title=device.title or device.id,
            driver=device.driver,
            capabilities=capabilities_of(driver),
        )
        self._again[device.id] = asyncio.Event()
        self._tasks[device.id] = asyncio.create_task(
            supervise(driver, self._again[device.id]), name=f"device {device.id}"
        )

    async def remove(self, device: str) -> None:
        """Let a device go."""
        task = self._tasks.pop(device, None)
        self._drivers.pop(device, None)
        self._states.pop(device, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def __iter__(self) -> Iterator[DeviceState]:
        return iter(tuple(self._states.values()))

    def __contains__(self, device: str) -> bool:
        return device in self._states

    def state(self, device: str) -> DeviceState:
        """What is known of a device; NotFound when there is none."""
        try:
            return self._states[device]
        except KeyError:
            raise NotFound(f"there is no device {device!r}") from None

    def driver(self, device: str) -> Driver:
        """The driver of a device; NotFound when there is none."""
        self.state(device)
        return self._drivers[device]

    def in_room(self, room: str, capability: str = "") -> tuple[DeviceState, ...]:
        """The devices of a room, or those of them that can do something."""
        return tuple(
            state
            for state in self._states.values()
            if state.room == room and (not capability or capability in state.capabilities)
        )

    async def reconnect(self, command: Reconnect) -> None:
        """Try a device again now."""
        self.state(command.device)
        self._again[command.device].set()

    async def operate(self, command: Operate) -> Event:
        """Use a verb; gives the device's own event that confirmed it.

        Raises Unsupported, BadArgument, NoAnswer when the device is away or its readings do not follow
        in time, and Rejected when the device says no. Every use is told: asked, then done or refused.
        """
        driver = self.driver(command.device)
        verb = verbs_of(driver).get(command.verb)
        if verb is None:
            able = ", ".join(sorted(verbs_of(driver))) or "nothing"
            raise Unsupported(f"{command.device} cannot {command.verb}; it can {able}")
        arguments = validated(verb, command.arguments)
        told: dict[str, Any] = {"device": command.device, "verb": command.verb, "arguments": arguments}
        asked: list[Event] = [VerbAsked(actor=command.actor, **told)]

        def tell() -> None:
            while asked:
                self._bus.publish(asked.pop())

        # The verb's bytes go out first: a camera should not wait until everybody knows it was asked.
        asyncio.get_running_loop().call_soon(tell)
        try:
            proof = await self._done(driver, command.verb, getattr(verb, "proof", None), arguments)
        except DeviceError as refusal:
            tell()
            self._bus.publish(VerbRefused(actor=command.actor, reason=str(refusal), **told))
            raise
        tell()
        done = VerbDone(actor=command.actor, **told)
        self._bus.publish(done)
        return proof or done

    async def _done(
        self, driver: Driver, verb: str, proof: Proof | None, arguments: Mapping[str, Any]
    ) -> Event | None:
        device = driver.device.id
        state = self.state(device)
        if not state.online:
            raise NoAnswer(f"{device} is {state.link}: {state.reason or 'no connection yet'}")
        with self._watching(device) as watch:
            try:
                async with asyncio.timeout(self._answer_seconds):
                    await getattr(driver, verb)(**arguments)
                    while proof is not None and not proof(self.state(device).readings, arguments):
                        watch.news.clear()
                        await watch.news.wait()
                    return watch.last
            except TimeoutError:
                raise NoAnswer(f"{device} did not {verb} within {self._answer_seconds:g} s") from None

    @contextlib.contextmanager
    def _watching(self, device: str) -> Iterator[_Watch]:
        watch = _Watch()
        watches = self._watches.setdefault(device, set())
        watches.add(watch)
        try:
            yield watch
        finally:
            watches.discard(watch)

    def _fold(self, event: DeviceEvent) -> None:
        state = self._states.get(event.device)
        if state is not None:
            self._states[event.device] = state.after(event)
        if not isinstance(event, VerbAsked):  # our question is no answer of the device
            for watch in self._watches.get(event.device, ()):
                watch.last = event
                watch.news.set()


class _Watch:
    """Wakes who waits for one device, and nobody else: most events are about other devices."""

    def __init__(self) -> None:
        self.last: Event | None = None
        self.news = asyncio.Event()


def validated(verb: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the verb's signature wants them; BadArgument names the one that is wrong."""
    model = arguments_of(verb)
    try:
        return model.model_validate(dict(arguments)).model_dump()
    except ValidationError as problem:
        raise BadArgument(*next(faults_of(problem, model))) from problem
