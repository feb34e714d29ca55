"""What every driver is, and the one supervisor that keeps each connected."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import random
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from avctl.back_off import BackOff
from avctl.config import Device
from avctl.errors import AuthRefused, ConfigError, DeviceError, LinkError, NoAnswer, Unsupported, Untrusted
from avctl.events import DeviceEvent, Event, Link, LinkChanged, ReadingsChanged

Publish = Callable[[Event], None]
Answer = TypeVar("Answer")

STOOD_STILL = 0.25  # seconds that a timer is late when it was not the device that took its time


class NoOptions(BaseModel):
    """The options of a driver that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Driver:
    """The code that speaks to one kind of device; ``serve`` is the one method you write.

    ``serial`` says that the port may be a serial line, ``told_apart_by`` which option tells apart
    several devices behind one network address (tiles of a wall), ``shares_line`` several on one serial line
    (cameras of a chain); empty: one address, one device.
    """

    title: ClassVar[str] = ""
    port: ClassVar[int] = 0
    serial: ClassVar[bool] = False
    told_apart_by: ClassVar[str] = ""
    shares_line: ClassVar[str] = ""
    Options: ClassVar[type[BaseModel]] = NoOptions

    def __init__(self, device: Device, publish: Publish) -> None:
        self.device = device
        self.options: Any = self.Options.model_validate(device.options)
        self.log = logging.getLogger(f"device.{device.id}")
        self.link = Link.CONNECTING
        self._reason = ""
        self.readings: dict[str, Any] = {}
        self._publish = publish
        self._rests = False
        self._resting: asyncio.Timeout | None = None
        self._ask_next: list[asyncio.Future[None]] = []  # who waits for a look that has not begun
        self._ask_present: list[asyncio.Future[None]] = []  # who waits for the present one

    @property
    def while_away(self) -> tuple[str, ...]:
        """The verbs that can be used while the device cannot be reached: one can be woken."""
        return ()

    @property
    def warming(self) -> float:
        """Seconds for which it may still refuse, or be silent to, what it does once it is up; 0: it is up."""
        return 0.0

    @property
    def asks_again_after(self) -> float | None:
        """Seconds until a refused secret is tried again; None: never, for many lock an account."""
        return None

    async def serve(self) -> None:
        """Connect, call ``online`` once the device has answered, and run until it fails."""
        raise NotImplementedError

    def online(self) -> None:
        """Say that the device has answered."""
        self.set_link(Link.ONLINE)

    async def rest(self, seconds: float, news: asyncio.Event | None = None) -> bool:
        """Wait between two looks at the device until the time is over, or there is ``news``: then true.

        To come here is to have been answered: whoever asks (``ask_now``) ends a rest and is told at the next.
        """
        self._rests = True
        for answered in self._ask_present:
            if not answered.done():
                answered.set_result(None)
        news = news or asyncio.Event()
        if not self._ask_next:
            try:
                async with asyncio.timeout(seconds) as self._resting:
                    await news.wait()
            except TimeoutError:
                pass
            finally:
                self._resting = None
        self._ask_present, self._ask_next = self._ask_next, []
        return news.is_set()

    async def ask_now(self, seconds: float) -> None:
        """Have the device asked now, whatever it said before: NoAnswer when it says nothing in time.

        Unsupported for a driver that does not ``rest`` between its looks.
        """
        if self.link is not Link.ONLINE:
            raise NoAnswer(f"{self.device.id} is {self.link}")
        if not self._rests:
            raise Unsupported("its driver asks at its own times only")
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        self._ask_next.append(answered)
        if self._resting is not None and not self._resting.expired():
            self._resting.reschedule(loop.time())
        try:
            async with asyncio.timeout(seconds):
                await answered
        except TimeoutError:
            raise NoAnswer(f"no answer within {seconds:g} s") from None

    def report(self, **readings: Any) -> None:
        """Publish those readings that differ from what was last reported."""
        changed = {name: value for name, value in readings.items() if self._differs(name, value)}
        if changed:
            self.readings.update(changed)
            self.publish(ReadingsChanged(device=self.device.id, readings=changed))

    def publish(self, event: DeviceEvent) -> None:
        """Tell the house what the device did."""
        self._publish(event)

    def set_link(self, link: Link, reason: str = "", *, news: bool = False) -> None:
        """Publish what we know of the connection, once for each change; ``news``: another reason is one."""
        same = link is self.link and not (news and reason != self._reason)
        if same and link is not Link.REFUSED:
            return
        self.link, self._reason = link, reason
        if link is Link.ONLINE:
            self.log.info("online")
        elif link in (Link.OFFLINE, Link.REFUSED):
            self.log.warning("%s: %s", link, reason)
        self.publish(LinkChanged(device=self.device.id, link=link, reason=reason))

    def _differs(self, name: str, value: Any) -> bool:
        # The same object is not compared: a hall's seats may be thousands.
        known = self.readings.get(name, self)
        return known is not value and (known is self or bool(known != value))


def load(name: str) -> type[Driver]:
    """The driver class of a name: ``samsung_mdc`` is drivers.samsung_mdc, a dotted name is itself."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"there is no driver {name!r}")
    module_name = name if "." in name else f"drivers.{name}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        if missing.name is not None and (module_name + ".").startswith(missing.name + "."):
            raise ConfigError(f"there is no driver {name!r}") from missing
        raise
    driver = getattr(module, "DRIVER", None)
    if not (isinstance(driver, type) and issubclass(driver, Driver)):
        raise ConfigError(f"{module_name} has no DRIVER")
    return driver


def known() -> tuple[str, ...]:
    """The names of the drivers that come with avctl, as a configuration writes them."""
    names = [found.name for found in pkgutil.iter_modules(importlib.import_module("drivers").__path__)]
    names += [
        f"streams.{found.name}" for found in pkgutil.iter_modules(importlib.import_module("streams").__path__)
    ]
    return tuple(name for name in names if _is_driver(name))


def _is_driver(name: str) -> bool:
    try:
        load(name)
    except ConfigError:
        return False
    return True


async def supervise(
    driver: Driver, again: asyncio.Event, first_pause: float = 0.5, longest: float = 30
) -> None:
    """Keep a driver serving until cancelled: back-off after a failure, none after a refused secret.

    ``again`` ends a pause at once; it alone tries a refused secret again, unless the driver
    ``asks_again_after`` a while. Pauses are in seconds and double up to ``longest``.
    """
    back_off = BackOff(first_pause, longest)
    asked = False  # a person wants to know, even where nothing is new
    while True:
        again.clear()
        untrusted = False
        try:
            await driver.serve()
            link, reason = Link.OFFLINE, "the device ended the connection"
        except AuthRefused as refusal:
            link, reason = Link.REFUSED, str(refusal)
        except DeviceError as fault:
            link, reason, untrusted = Link.OFFLINE, str(fault), isinstance(fault, Untrusted)
        except Exception as bug:  # a driver's own fault: one device down, the house goes on
            driver.log.exception("the driver failed")
            link, reason = Link.OFFLINE, f"driver fault: {type(bug).__name__}"
        if driver.link is Link.ONLINE:
            back_off.succeeded()
        if asked or link is not driver.link or link is not Link.REFUSED:
            driver.set_link(link, reason, news=untrusted)
        if link is Link.REFUSED:
            await _pause(again, driver.asks_again_after)
        else:
            # Devices of one switch come back together: they are not all asked in the same moment.
            await _pause(again, back_off.pause() * random.uniform(0.8, 1.2))
        asked = again.is_set()


async def together(*parts: Awaitable[None]) -> None:
    """Run the parts of a link until one fails or ends; the others end with it, its error is raised bare."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Turns(Generic[Answer]):
    """A link on which one request is outstanding at a time, each answered once.

    Run ``ended()`` beside the part that listens and calls ``heard``. A silence ends the link: an answer
    that came late would pass for the next one's.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._turn = asyncio.Lock()
        self._awaited: asyncio.Future[Answer] | None = None
        self._fits: Callable[[Answer], bool] = lambda _: True
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ask_present: set[asyncio.Task[Answer]] = set()

    async def ask(
        self,
        request: bytes,
        seconds: float,
        fits: Callable[[Answer], bool] = lambda _: True,
        forgive: bool = False,
    ) -> Answer:
        """The answer to a request; NoAnswer after so many seconds, LinkError when the link ends.

        Where answers say what they answer, ``fits`` tells; then a silence while it starts may be forgiven.
        """
        # A caller who stops waiting must not leave an answer behind for the next: the exchange goes on.
        exchange = asyncio.ensure_future(self._exchange(request, seconds, fits, forgive))
        self._ask_present.add(exchange)
        exchange.add_done_callback(self._asked_before)
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            # ``ended`` cancels what is under way; whoever is cancelled themselves is not told of a fault.
            asker = asyncio.current_task()
            if exchange.cancelled() and (asker is None or not asker.cancelling()):
                raise self._fault() from None
            raise

    def heard(self, answer: Answer) -> bool:
        """Hand in what the device said; false when nobody had asked for it."""
        if self._awaited is None or self._awaited.done() or not self._fits(answer):
            return False
        self._awaited.set_result(answer)
        return True

    async def ended(self) -> None:
        """Wait for the end: raises the fault of the request that was not answered."""
        try:
            await asyncio.shield(self._end)
        finally:
            if not self._end.done():
                self._end.set_result(None)
            for exchange in self._ask_present:
                exchange.cancel()

    def _fault(self) -> LinkError:
        return LinkError(str(self._end.exception() or "the link ended before the device answered"))

    def _asked_before(self, exchange: asyncio.Task[Answer]) -> None:
        self._ask_present.discard(exchange)
        if not exchange.cancelled():
            exchange.exception()  # its caller may have left

    async def _exchange(
        self, request: bytes, seconds: float, fits: Callable[[Answer], bool], forgive: bool
    ) -> Answer:
        async with self._turn:
            if self._end.done():
                raise self._fault()
            self._awaited, self._fits = asyncio.get_running_loop().create_future(), fits
            try:
                await self._send(request)
                return await _in_time(self._awaited, seconds)
            except TimeoutError:
                silence = f"no answer within {seconds:g} s"
                if not forgive and not self._end.done():
                    self._end.set_exception(LinkError(silence))
                raise NoAnswer(silence) from None
            finally:
                self._awaited = None


async def _in_time(answer: asyncio.Future[Answer], seconds: float) -> Answer:
    """The answer; TimeoutError when it does not come within so many seconds.

    A timer that comes late says that this program stood still, or all of the machine while it was moved to
    another. The device is given its time once more, before a house of thousands is said to be gone.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def late(due: float, again: bool) -> None:
        nonlocal timer
        if again and loop.time() - due >= STOOD_STILL:
            due = loop.time() + seconds
            timer = loop.call_at(due, late, due, False)
        elif not answer.done():
            answer.set_exception(TimeoutError())

    due = loop.time() + seconds
    timer = loop.call_at(due, late, due, True)
    try:
        return await answer
    finally:
        timer.cancel()


async def _pause(again: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await again.wait()
    except TimeoutError:
        pass
