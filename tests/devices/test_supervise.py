import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from avctl.back_off import BackOff
from avctl.capabilities import Power
from avctl.config import Device
from avctl.driver import Driver, Turns, load, supervise, together
from avctl.errors import AuthRefused, ConfigError, LinkError, NoAnswer, Rejected
from avctl.events import Link, ReadingsChanged
from drivers.samsung_mdc import SamsungMdc


class Moody(Driver, Power):
    """Does in each attempt what its plan says, and stays online when the plan has ended."""

    def __init__(self, device: Device, publish: Any, plan: list[BaseException | None]) -> None:
        super().__init__(device, publish)
        self.plan = plan
        self.attempts: list[float] = []
        self.fall = asyncio.Event()

    async def serve(self) -> None:
        self.attempts.append(asyncio.get_running_loop().time())
        mood = self.plan.pop(0) if self.plan else None
        if mood is not None:
            raise mood
        self.online()
        self.report(power=True)
        await self.fall.wait()
        self.fall.clear()
        raise LinkError("the cable was pulled")

    async def set_power(self, on: bool) -> None:
        raise Rejected("no", code="1")


@pytest.fixture
def moody(device: Callable[..., Device], witness: Any) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(*plan: BaseException | None, **pauses: float) -> AsyncIterator[tuple[Moody, asyncio.Event]]:
        driver, again = Moody(device("moody"), witness.bus.publish, list(plan)), asyncio.Event()
        keeper = asyncio.create_task(
            supervise(driver, again, **({"first_pause": 0.01, "longest": 0.05} | pauses))
        )
        try:
            yield driver, again
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    return run


async def test_offline_is_logged_once_and_the_return_once(moody, witness, caplog) -> None:
    caplog.set_level(logging.INFO)
    async with moody(*[LinkError("nobody answers")] * 4) as (driver, _):
        await witness.link("online")
        assert len(driver.attempts) == 5
    assert [record.message for record in caplog.records if record.name == "device.device"] == [
        "offline: nobody answers",
        "online",
    ]
    assert witness.links() == [Link.OFFLINE, Link.ONLINE]


async def test_each_fall_is_told_again(moody, witness) -> None:
    async with moody() as (driver, _):
        for _ in range(3):
            await witness.link("online")
            driver.fall.set()
            assert (await witness.link("offline")).reason == "the cable was pulled"
        await witness.link("online")


def test_pauses_grow_up_to_a_limit_and_start_over_after_success() -> None:
    back_off = BackOff(1, 5)
    assert [back_off.pause() for _ in range(5)] == [1, 2, 4, 5, 5]
    back_off.succeeded()
    assert [back_off.pause() for _ in range(2)] == [1, 2]


async def test_a_wrong_secret_is_tried_once_until_somebody_asks(moody, witness) -> None:
    refusals = [AuthRefused("wrong password"), AuthRefused("wrong password")]
    async with moody(*refusals) as (driver, again):
        assert (await witness.link("refused")).reason == "wrong password"
        assert len(driver.attempts) == 1
        again.set()
        await witness.link("refused")
        assert len(driver.attempts) == 2
        again.set()
        await witness.link("online")


async def test_somebody_can_end_a_pause(moody, witness) -> None:
    async with moody(LinkError("no"), first_pause=1000, longest=1000) as (_, again):
        await witness.link("offline")
        again.set()
        await witness.link("online")


async def test_a_drivers_own_fault_is_one_device_down(moody, witness, caplog) -> None:
    async with moody(ZeroDivisionError("oops")):
        assert (await witness.link("offline")).reason == "driver fault: ZeroDivisionError"
        await witness.link("online")
    assert "the driver failed" in caplog.text


async def test_only_differences_are_published(moody, witness) -> None:
    async with moody() as (driver, _):
        await witness.report(power=True)
        driver.report(power=True, input="dp1")
        driver.report(power=True, input="dp1")
        driver.report(input=None)
    changes = [event.readings for event in witness.events if isinstance(event, ReadingsChanged)]
    assert changes == [{"power": True}, {"input": "dp1"}, {"input": None}]


def test_a_driver_is_found_by_its_name() -> None:
    assert load("samsung_mdc") is SamsungMdc
    assert load("drivers.samsung_mdc") is SamsungMdc
    for name in ("there_is_none", "nowhere.at_all", "streams"):
        with pytest.raises(ConfigError, match=name):
            load(name)


# --- parts of a link -------------------------------------------------------------------------------


async def test_when_one_part_fails_the_others_end_and_its_error_is_bare() -> None:
    ended = asyncio.Event()

    async def listens() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async def fails() -> None:
        raise LinkError("gone")

    with pytest.raises(LinkError, match="gone"):
        await together(listens(), fails())
    assert ended.is_set()


async def test_when_one_part_returns_the_others_end_too() -> None:
    async def returns() -> None:
        return

    await together(asyncio.sleep(1000), returns())


async def test_cancelling_the_whole_cancels_the_parts() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def listens() -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    whole = asyncio.create_task(together(listens(), listens()))
    await begun.wait()
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert ended.is_set()


# --- one request at a time -------------------------------------------------------------------------


class Device_:
    """The other end of some turns: remembers what was sent, answers when told."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.news = asyncio.Event()
        self.turns: Turns[str] = Turns(self.send)

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.news.set()

    async def hears(self, data: bytes) -> None:
        while data not in self.sent:
            self.news.clear()
            await self.news.wait()


async def test_a_request_waits_for_the_answer_to_the_one_before() -> None:
    there = Device_()
    first = asyncio.create_task(there.turns.ask(b"1", 5))
    second = asyncio.create_task(there.turns.ask(b"2", 5))
    await there.hears(b"1")
    assert there.turns.heard("one")
    assert await first == "one"
    await there.hears(b"2")
    assert there.turns.heard("two")
    assert await second == "two"
    assert not there.turns.heard("three")
    assert there.sent == [b"1", b"2"]


async def test_a_silence_ends_the_link_for_everybody() -> None:
    there = Device_()
    ended = asyncio.create_task(there.turns.ended())
    first = asyncio.create_task(there.turns.ask(b"1", 0.01))
    second = asyncio.create_task(there.turns.ask(b"2", 5))
    with pytest.raises(NoAnswer):
        await first
    for waiting in (ended, second):
        with pytest.raises(LinkError, match="no answer"):
            await waiting
    with pytest.raises(LinkError):
        await there.turns.ask(b"3", 5)
    assert there.sent == [b"1"]


async def test_when_the_link_ends_nobody_is_left_waiting() -> None:
    there = Device_()
    ended = asyncio.create_task(there.turns.ended())
    asked = asyncio.create_task(there.turns.ask(b"1", 1000))
    await there.hears(b"1")
    ended.cancel()
    with pytest.raises(LinkError):
        await asked


async def test_an_answer_to_somebody_who_left_is_not_given_to_the_next() -> None:
    there = Device_()
    left = asyncio.create_task(there.turns.ask(b"1", 5))
    await there.hears(b"1")
    left.cancel()
    next_ = asyncio.create_task(there.turns.ask(b"2", 5))
    with pytest.raises(asyncio.CancelledError):
        await left
    there.turns.heard("one")
    await there.hears(b"2")
    there.turns.heard("two")
    assert await next_ == "two"
