"""Every device of the house: its driver kept serving, its state folded from its events, its verbs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Any

from pydantic import ValidationError

from avctl.bus import Bus
from avctl.capabilities import Proof, arguments_of, capabilities_of, lacks_of, verbs_of
from avctl.commands import Operate, Reconnect
from avctl.config import Config
from avctl.driver import Driver, load, supervise
from avctl.errors import (
    AvctlError,
    BadArgument,
    DeviceError,
    LinkError,
    NoAnswer,
    NotFound,
    Rejected,
    Unsupported,
)
from avctl.events import DeviceEvent, Event, VerbAsked, VerbDone, VerbRefused
from avctl.faults import faults_of
from avctl.model.device import DeviceState

ANSWER_SECONDS = 20.0
AGAIN_SECONDS = 0.5  # before a device that is warming up is asked once more
MOST_SECONDS = 150.0  # that are spent on a verb, however long it says that it is warming up


class House:
    """Knows each device by its id; also those that come and go, such as a programme."""

    def __init__(self, config: Config, bus: Bus, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.config = config
        self._bus = bus
        self._answer_seconds = answer_seconds
        self._states: dict[str, DeviceState] = {}
        self._by_room: dict[str, list[str]] = {}  # asked at each event, in a house of thousands
        self._drivers: dict[str, Driver] = {}
        self._again: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[str, set[_Watch]] = {}
        self._newest: dict[tuple[str, str], _Watch] = {}  # the last use of a verb of a device
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
        self._by_room.setdefault(device.room, []).append(device.id)
        self._again[device.id] = asyncio.Event()
        self._tasks[device.id] = asyncio.create_task(
            supervise(driver, self._again[device.id]), name=f"device {device.id}"
        )

    async def remove(self, device: str) -> None:
        """Let a device go."""
        task = self._tasks.pop(device, None)
        self._drivers.pop(device, None)
        state = self._states.pop(device, None)
        if state is not None:
            self._by_room[state.room].remove(device)
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
        mine = (self._states[device] for device in self._by_room.get(room, ()))
        return tuple(state for state in mine if not capability or capability in state.capabilities)

    async def reconnect(self, command: Reconnect) -> None:
        """Try a device again now."""
        self.state(command.device)
        self._again[command.device].set()

    def operate(self, command: Operate) -> Coroutine[Any, Any, Event]:
        """Use a verb; awaited, gives the device's own event that confirmed it.

        The verb is called at once, before anybody is told: a camera's bytes are out when this returns.
        Awaited, it raises Unsupported, with the reason where the make lacks the verb, BadArgument, NoAnswer
        when the device is away or its readings do not follow in time, and Rejected when the device says no.
        A device that was just switched on is given the time it needs, if the verb leaves a state behind that
        can be proven: to ask for that twice does no harm.
        Every use is told: asked, then done or refused.
        """
        try:
            return self._begin(command)
        except AvctlError as refusal:
            return _refused(refusal)

    def _begin(self, command: Operate) -> Coroutine[Any, Any, Event]:
        driver = self.driver(command.device)
        verb = verbs_of(driver).get(command.verb)
        if verb is None:
            if lack := lacks_of(driver).get(command.verb):
                raise Unsupported(f"{command.device} cannot {command.verb}: {lack}")
            able = ", ".join(sorted(verbs_of(driver))) or "nothing"
            raise Unsupported(f"{command.device} cannot {command.verb}; it can {able}")
        arguments = validated(verb, command.arguments)
        state, watch = self.state(command.device), _Watch()
        try:
            if not (state.online or command.verb in driver.while_away or driver.warming):
                away = f"{state.id} is {state.link}: {state.reason or 'no connection yet'}"
                raise NoAnswer(away)
            doing: Awaitable[None] = getattr(driver, command.verb)(**arguments)
        except DeviceError as refusal:
            doing = _refused(refusal)
        self._watches.setdefault(command.device, set()).add(watch)
        self._newest[command.device, command.verb] = watch
        return self._confirmed(command, arguments, doing, watch, getattr(verb, "proof", None))

    async def _confirmed(
        self,
        command: Operate,
        arguments: Mapping[str, Any],
        doing: Awaitable[None],
        watch: _Watch,
        proof: Proof | None,
    ) -> Event:
        device, verb = command.device, command.verb
        told: dict[str, Any] = {
            "actor": command.actor,
            "device": device,
            "verb": verb,
            "arguments": arguments,
        }
        asked: list[Event] = [VerbAsked(**told)]

        def tell() -> None:
            while asked:
                self._bus.publish(asked.pop())

        # A verb that begins when it is awaited has its bytes out first, too.
        asyncio.get_running_loop().call_soon(tell)
        try:
            async with asyncio.timeout(self._answer_seconds) as limit:
                if proof is None:
                    await doing
                else:
                    proves = partial(_proven, proof, arguments)
                    await self._once_warm(command, arguments, doing, proves, watch, limit)
                    await watch.until(proves, _told(self.state(device)))
        except (DeviceError, TimeoutError) as fault:
            tell()
            late = NoAnswer(f"{device} did not {verb} within {self._answer_seconds:g} s")
            refusal = fault if isinstance(fault, DeviceError) else late
            self._bus.publish(VerbRefused(reason=str(refusal), **told))
            raise refusal from None
        finally:
            self._watches[device].discard(watch)
        tell()
        done = VerbDone(**told)
        self._bus.publish(done)
        return watch.last or done

    async def _once_warm(
        self,
        command: Operate,
        arguments: Mapping[str, Any],
        doing: Awaitable[None],
        proves: Callable[[Mapping[str, Any]], bool],
        watch: _Watch,
        limit: asyncio.Timeout,
    ) -> None:
        """Have a verb done, again and again while its device warms up and nobody wants something newer."""
        driver, loop = self.driver(command.device), asyncio.get_running_loop()
        latest = loop.time() + MOST_SECONDS
        while True:
            refusal: DeviceError | None = None
            try:
                await doing
            except (Rejected, NoAnswer, LinkError) as why:
                refusal = why
            warming = driver.warming
            if warming:
                limit.reschedule(min(latest, loop.time() + warming + self._answer_seconds))
            if refusal is None:
                return
            if warming:
                await asyncio.sleep(min(AGAIN_SECONDS, warming))
                if proves(_told(self.state(command.device))):
                    return  # only its answer was lost
            if not warming or self._newest[command.device, command.verb] is not watch:
                raise refusal
            doing = getattr(driver, command.verb)(**arguments)

    def _fold(self, event: DeviceEvent) -> None:
        state = self._states.get(event.device)
        if state is not None:
            state = self._states[event.device] = state.after(event)
        if not isinstance(event, VerbAsked):  # our question is no answer of the device
            for watch in self._watches.get(event.device, ()):
                watch.heard(event, _told(state))


class _Watch:
    """Wakes who waits for a device once its readings prove it: many may wait, most events prove nothing."""

    def __init__(self) -> None:
        self.last: Event | None = None
        self._proves: Callable[[Mapping[str, Any]], bool] | None = None
        self._proved: asyncio.Future[None] | None = None

    async def until(self, proves: Callable[[Mapping[str, Any]], bool], readings: Mapping[str, Any]) -> None:
        """Wait until the device's readings, beginning with the present ones, prove it."""
        if not proves(readings):
            self._proves, self._proved = proves, asyncio.get_running_loop().create_future()
            await self._proved

    def heard(self, event: Event, readings: Mapping[str, Any]) -> None:
        """Something happened at the device, and these are its readings now."""
        self.last = event
        if self._proves is None or self._proved is None or self._proved.done():
            return
        if self._proves(readings):
            self._proved.set_result(None)


def _told(state: DeviceState | None) -> Mapping[str, Any]:
    """What a device says; while it is away its readings are what it said once, and prove nothing."""
    return state.readings if state is not None and state.online else {}


def _proven(proof: Proof, arguments: Mapping[str, Any], readings: Mapping[str, Any]) -> bool:
    return proof(readings, arguments)


async def _refused(refusal: AvctlError) -> Any:
    raise refusal


def validated(verb: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the verb's signature wants them; BadArgument names the one that is wrong."""
    if all(isinstance(value, int | float) for value in arguments.values()):
        return dict(_known(verb, **arguments))  # the same few presets and seats again and again
    return _checked(verb, arguments)


@lru_cache(4096, typed=True)
def _known(verb: Any, /, **arguments: Any) -> Mapping[str, Any]:
    return _checked(verb, arguments)


def _checked(verb: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    model = arguments_of(verb)
    try:
        return model.model_validate(dict(arguments)).model_dump()
    except ValidationError as problem:
        raise BadArgument(*next(faults_of(problem, model))) from problem
