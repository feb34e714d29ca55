"""The bus: one order for everybody."""

from __future__ import annotations

import asyncio

import pytest

from avctl.bus import Bus, Lagging
from avctl.events import Event, MicClosed, MicOpened


def opened(seat: int) -> MicOpened:
    return MicOpened(device="hall", seat=seat)


def closed(seat: int) -> MicClosed:
    return MicClosed(device="hall", seat=seat)


def test_events_are_numbered_from_the_last_one_known() -> None:
    bus = Bus(last_number=41)
    heard: list[Event] = []
    bus.listen(heard.append)
    bus.publish(opened(1))
    bus.publish(opened(2))
    assert [event.number for event in heard] == [42, 43]
    assert bus.last_number == 43


def test_a_listener_hears_only_the_kinds_it_asked_for(bus: Bus) -> None:
    heard: list[MicOpened] = []
    bus.listen(heard.append, MicOpened)
    bus.publish(opened(1))
    bus.publish(closed(1))
    assert [type(event) for event in heard] == [MicOpened]


def test_an_event_published_during_delivery_waits_its_turn_for_everybody(bus: Bus) -> None:
    first: list[tuple[str, int]] = []
    second: list[tuple[str, int]] = []

    def answers(event: Event) -> None:
        first.append((type(event).__name__, event.number))
        if isinstance(event, MicOpened):
            bus.publish(closed(event.seat))

    bus.listen(answers)
    bus.listen(lambda event: second.append((type(event).__name__, event.number)))
    bus.publish(opened(1))
    assert first == second == [("MicOpened", 1), ("MicClosed", 2)]


def test_a_failing_listener_silences_nobody_and_is_logged(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []

    def fails(event: Event) -> None:
        raise RuntimeError("a bug")

    bus.listen(fails)
    bus.listen(heard.append)
    bus.publish(opened(1))
    bus.publish(opened(2))
    assert len(heard) == 2
    assert [record.getMessage() for record in caplog.records] == ["a listener failed on MicOpened"] * 2


async def test_a_subscription_gets_everything_from_then_on_in_order(bus: Bus) -> None:
    bus.publish(opened(1))
    with bus.subscribe() as queue:
        for seat in (2, 3):
            bus.publish(opened(seat))
        assert [(await queue.next()).number for _ in range(2)] == [2, 3]


async def test_a_listener_has_folded_before_a_waiting_task_wakes(bus: Bus) -> None:
    folded: list[int] = []
    bus.listen(lambda event: folded.append(event.number))
    with bus.subscribe() as queue:
        waiting = asyncio.create_task(queue.next())
        await asyncio.sleep(0)
        bus.publish(opened(1))
        assert (await waiting).number == 1
        assert folded == [1]


async def test_a_subscription_that_is_closed_ends_after_what_is_queued(bus: Bus) -> None:
    with bus.subscribe() as queue:
        bus.publish(opened(1))
        bus.publish(opened(2))
    bus.publish(opened(3))
    assert [event.number async for event in queue] == [1, 2]


async def test_a_closed_subscription_tells_a_task_that_waits(bus: Bus) -> None:
    heard: list[Event] = []

    async def read() -> None:
        async for event in queue:
            heard.append(event)

    with bus.subscribe() as queue:
        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await reading
    assert heard == []


async def test_a_reader_that_is_too_slow_is_let_go_and_the_others_are_not(bus: Bus) -> None:
    with bus.subscribe(size=2) as slow, bus.subscribe(size=3) as quick:
        for seat in (1, 2, 3):
            bus.publish(opened(seat))
        with pytest.raises(Lagging):
            await slow.next()
        with pytest.raises(Lagging):  # and it stays let go
            await slow.next()
        assert [(await quick.next()).number for _ in range(3)] == [1, 2, 3]


async def test_everything_waiting_can_be_taken_at_once(bus: Bus) -> None:
    with bus.subscribe() as queue:
        for seat in (1, 2):
            bus.publish(opened(seat))
        assert [event.number for event in queue.waiting()] == [1, 2]
        assert queue.waiting() == ()
