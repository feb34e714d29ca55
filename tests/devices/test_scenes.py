import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from avctl.events import FloorRequested, FloorRequestEnded, ItemStarted, MicClosed, MicOpened
from drivers.bosch_dicentis import DRIVER
from drivers.sim.bosch_dicentis import SIMULATOR, BoschDicentisSimulator
from drivers.sim.samsung_mdc import SIMULATOR as DISPLAY
from drivers.sim.scenes import sitting


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[BoschDicentisSimulator]:
    """The plenary hall."""
    async with SIMULATOR(device("bosch_dicentis")) as simulator:
        yield simulator


@contextlib.asynccontextmanager
async def playing(hall: BoschDicentisSimulator, pace: float) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(sitting({"hall": hall}, "hall", pace))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_sitting_opens_debates_takes_up_items_and_breaks(
    hall: BoschDicentisSimulator, served: Callable[..., Any], witness: Any
) -> None:
    async with served(DRIVER, hall), playing(hall, 30) as scene:
        await witness.sees(MicOpened, seat=121)
        await witness.sees(MicClosed, seat=121)
        first = await witness.sees(ItemStarted, title=hall.secretary.meeting.topics[0].subject)
        asked = await witness.sees(FloorRequested)
        await witness.sees(FloorRequestEnded, seat=asked.seat)
        await witness.sees(MicOpened)
        second = await witness.sees(ItemStarted, title=hall.secretary.meeting.topics[1].subject)
        assert first.number < asked.number < second.number
        await witness.until(lambda: not hall.hall.turns and hall.state()["item"] == "", "a break")
        assert not scene.done()


async def test_whoever_is_not_in_the_script_gets_the_floor_and_keeps_it(hall: Any, witness: Any) -> None:
    async with playing(hall, 30) as scene:
        await witness.until(lambda: hall.state()["mode"] == "manual", "the beginning")
        hall.press(77)
        await witness.until(lambda: 77 in hall.state()["speakers"], "the guest's microphone")
        hall.press(77)
        assert 77 not in hall.state()["speakers"]
        assert not scene.done()


async def test_a_sitting_survives_what_happens_to_the_hall(hall: Any, witness: Any) -> None:
    async with playing(hall, 100) as scene:
        await witness.until(lambda: hall.state()["item"] != "", "an item")
        await hall.unplug()
        hall.power(False)
        await hall.plug()
        await hall.restart()
        hall.power(True)
        await witness.until(lambda: hall.state()["waiting"], "somebody who asks for the floor")
        hall.hall.clear()
        await witness.until(lambda: hall.state()["waiting"], "the next debate")
        assert not scene.done()


async def test_a_sitting_needs_a_discussion_system(device: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="nobody knows how to hold a sitting at wall"):
        await sitting({"wall": DISPLAY(device("samsung_mdc"))}, "wall")
