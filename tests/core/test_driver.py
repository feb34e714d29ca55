"""The base of every driver: how it is found, what it tells, and how the supervisor keeps it serving."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from avctl.bus import Bus
from avctl.config import Device
from avctl.driver import Driver, Turns, known, load, supervise, together
from avctl.errors import AuthRefused, ConfigError, LinkError, NoAnswer, Unsupported
from avctl.events import Event, Link, LinkChanged, ReadingsChanged

DEVICE = Device(id="thing", room="hall", driver="its.own")
Life = Callable[[Driver], Awaitable[None]]


class Scripted(Driver):
    """A driver whose lives are written by the test; each ``serve`` is the next of them."""

    lives: list[Life]

    async def serve(self) -> None:
        await self.lives.pop(0)(self)


@asynccontextmanager
async def supervised(bus: Bus, *lives: Life) -> AsyncIterator[tuple[Scripted, asyncio.Event]]:
    driver, again = Scripted(DEVICE, bus.publish), asyncio.Event()
    driver.lives = [*lives, forever]
    task = asyncio.create_task(supervise(driver, again, first_pause=0.001, longest=0.002))
    try:
        yield driver, again
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def forever(driver: Driver) -> None:
    driver.online()
    await asyncio.Event().wait()


def fails(fault: Exception, *, online: bool = False) -> Life:
    async def live(driver: Driver) -> None:
        if online:
            driver.online()
        raise fault

    return live


async def links(bus: Bus, count: int, *lives: Life) -> list[tuple[Link, str]]:
    with bus.subscribe() as heard:
        async with supervised(bus, *lives), asyncio.timeout(5):
            found = [await heard.next() for _ in range(count)]
    return [(event.link, event.reason) for event in found if isinstance(event, LinkChanged)]


async def test_a_device_that_fails_is_tried_again_and_told_once(bus: Bus) -> None:
    away = fails(LinkError("no answer"))
    assert await links(bus, 2, away, away, away) == [(Link.OFFLINE, "no answer"), (Link.ONLINE, "")]


async def test_a_link_that_ends_without_a_fault_is_offline_too(bus: Bus) -> None:
    async def leaves(driver: Driver) -> None:
        driver.online()

    assert await links(bus, 3, leaves) == [
        (Link.ONLINE, ""),
        (Link.OFFLINE, "the device ended the connection"),
        (Link.ONLINE, ""),
    ]


async def test_a_drivers_own_mistake_takes_one_device_down_and_is_logged(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    told = await links(bus, 2, fails(ZeroDivisionError("oops")))
    assert told == [(Link.OFFLINE, "driver fault: ZeroDivisionError"), (Link.ONLINE, "")]
    assert "the driver failed" in caplog.text


async def test_a_refused_secret_waits_for_a_person(bus: Bus) -> None:
    refusal = fails(AuthRefused("wrong password"))
    with bus.subscribe() as heard:
        async with supervised(bus, refusal, refusal) as (driver, again), asyncio.timeout(5):
            for left in (2, 1):  # told each time somebody tries, for somebody waits for the answer
                event = await heard.next()
                assert isinstance(event, LinkChanged)
                assert event.link is Link.REFUSED
                assert len(driver.lives) == left, "it was tried again by itself"
                again.set()
            event = await heard.next()
            assert isinstance(event, LinkChanged)
            assert event.link is Link.ONLINE


async def test_only_readings_that_differ_are_published(bus: Bus) -> None:
    heard: list[Event] = []
    bus.listen(heard.append)
    driver = Driver(DEVICE, bus.publish)
    driver.report(power=True, input="hdmi1")
    driver.report(power=True, input="hdmi2")
    driver.report(power=True)
    told = [event.readings for event in heard if isinstance(event, ReadingsChanged)]
    assert told == [{"power": True, "input": "hdmi1"}, {"input": "hdmi2"}]


@pytest.mark.parametrize("name", ["", ".", "a b", "nowhere", "nowhere.at_all", "drivers.sim", "avctl.bus"])
def test_what_is_no_driver_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no driver|has no DRIVER"):
        load(name)


def test_every_driver_that_is_known_can_be_loaded() -> None:
    assert known()
    for name in known():
        driver = load(name)
        assert driver.title, f"{name} needs a title"
        assert not driver.told_apart_by or driver.told_apart_by in driver.Options.model_fields


async def test_the_parts_of_a_link_end_with_the_first_that_fails() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def breaks() -> None:
        raise LinkError("the cable")

    with pytest.raises(LinkError, match="the cable"):
        await together(waits(), breaks())
    assert ended.is_set()


async def test_requests_take_turns_and_each_gets_its_own_answer() -> None:
    sent: list[bytes] = []

    async def send(data: bytes) -> None:
        sent.append(data)
        asyncio.get_running_loop().call_soon(turns.heard, data.upper())

    turns: Turns[bytes] = Turns(send)
    asked = [turns.ask(word, seconds=5) for word in (b"a", b"b", b"c")]
    assert await asyncio.gather(*asked) == [b"A", b"B", b"C"]
    assert sent == [b"a", b"b", b"c"]
    assert turns.heard(b"late") is False


async def test_a_device_gets_its_time_again_when_it_was_us_who_stood_still() -> None:
    loop = asyncio.get_running_loop()

    async def send(data: bytes) -> None:
        def stand_still() -> None:
            time.sleep(1)  # such as a virtual machine that is moved to another host
            loop.call_later(0, turns.heard, data.upper())  # it comes after the timer that is late

        loop.call_soon(stand_still)

    turns: Turns[bytes] = Turns(send)
    assert await turns.ask(b"a", seconds=0.5) == b"A"


async def test_a_silence_ends_the_link_and_everybody_who_waits() -> None:
    async def send(data: bytes) -> None: ...

    turns: Turns[bytes] = Turns(send)
    first, second = (asyncio.create_task(turns.ask(b"?", seconds=0.01)) for _ in range(2))
    with pytest.raises(LinkError, match="no answer within"):
        await turns.ended()
    for waiting in (first, second):
        with pytest.raises((NoAnswer, LinkError), match="no answer within"):
            await waiting


async def test_a_device_is_asked_at_once_by_whoever_wants_to_know_now(bus: Bus) -> None:
    looks: list[str] = []
    silent = asyncio.Event()

    async def polls(driver: Driver) -> None:
        while True:
            looks.append("look")
            if silent.is_set():
                await asyncio.Event().wait()
            driver.online()
            await driver.rest(3600)

    async with supervised(bus, polls) as (driver, _), asyncio.timeout(5):
        while driver.link is not Link.ONLINE:
            await asyncio.sleep(0)
        await driver.ask_now(5)
        await driver.ask_now(5)
        assert len(looks) == 3
        silent.set()
        with pytest.raises(NoAnswer, match="no answer within"):
            await driver.ask_now(0.05)


async def test_a_driver_that_never_rests_cannot_be_asked_now(bus: Bus) -> None:
    async with supervised(bus) as (driver, _), asyncio.timeout(5):
        with pytest.raises(NoAnswer):
            await driver.ask_now(1)
        while driver.link is not Link.ONLINE:
            await asyncio.sleep(0)
        with pytest.raises(Unsupported):
            await driver.ask_now(1)
