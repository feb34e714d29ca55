"""What holds for every discussion system, whoever made it: one floor, the same verbs, the same accidents."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from avctl.capabilities import lacks_of, verbs_of
from avctl.driver import load
from avctl.errors import BadArgument, Conflict, LinkError, NoAnswer, Rejected
from avctl.events import FloorRequested, FloorRequestEnded, Link, MicClosed, MicOpened
from drivers.discussion import DiscussionSystem
from drivers.sim.control import load as simulator_of

Served = Callable[..., AbstractAsyncContextManager[DiscussionSystem]]

PUSHES = {"poll": 0.1, "answer_seconds": 0.8}
SYSTEMS: dict[str, dict[str, Any]] = {
    "shure_mxcw": PUSHES,
    "shure_dis": {**PUSHES, "chairmen": (1,)},
    "televic_dcerno": {
        **PUSHES,
        "seats": {f"{'11' if seat == 1 else '10'}{seat:06x}": seat for seat in range(1, 16)},
    },
    "bosch_wireless": {"poll": 2, "answer_seconds": 0.8, "hold_seconds": 0.5},
    "televic_confero": {"poll": 1, "answer_seconds": 0.8, "hold_seconds": 1.5, "token": "right-secret"},
    "televic_cocon": {"poll": 5, "answer_seconds": 0.8, "hold_seconds": 1.5},
}
KNOBS: dict[str, dict[str, Any]] = {
    "bosch_wireless": {"asks": True, "lag_seconds": 0.02},
    "televic_confero": {"hold_seconds": 0.4},
    "televic_cocon": {"hold_seconds": 0.4},
}
EVERYWHERE = {"open_mic", "close_mic", "grant_request", "deny_request", "close_all_mics", "clear_requests"}


@pytest.fixture(params=SYSTEMS)
async def hall(request: pytest.FixtureRequest, device: Callable[..., Any]) -> AsyncIterator[Any]:
    """A hall in which who presses waits until somebody gives the floor; the chair is in seat 1."""
    async with simulator_of(device(request.param, **SYSTEMS[request.param])) as simulator:
        for knob, value in KNOBS.get(request.param, {}).items():
            setattr(simulator, knob, value)
        yield simulator


@pytest.fixture
def kind(hall: Any) -> Any:
    return load(hall.device.driver)


async def test_who_speaks_and_who_waits_is_told_as_it_happens(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        assert witness.readings["seats"]["1"]["chairman"] is True
        for seat in (5, 3):
            hall.press(seat)
            await witness.sees(FloorRequested, seat=seat)
        await witness.report(waiting=(5, 3), speakers=())
        await driver.next_speaker()
        await witness.sees(FloorRequestEnded, seat=5)
        await witness.sees(MicOpened, seat=5)
        await witness.report(waiting=(3,), speakers=(5,))
        hall.press(5)
        await witness.sees(MicClosed, seat=5)
        await witness.report(waiting=(3,), speakers=())


async def test_the_floor_is_given_refused_and_taken(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        for seat in (2, 3, 4, 5):
            hall.press(seat)
            await witness.sees(FloorRequested, seat=seat)
        await driver.grant_request(3)
        await witness.report(speakers=(3,), waiting=(2, 4, 5))
        await driver.deny_request(2)
        await witness.report(waiting=(4, 5))
        await driver.open_mic(6)
        await witness.report(speakers=(3, 6))
        await driver.close_mic(3)
        await witness.report(speakers=(6,))
        await driver.open_mic(1)
        await witness.report(speakers=(6, 1))
        await driver.close_all_mics()  # the chairman's too
        await witness.report(speakers=(), waiting=(4, 5))
        await driver.clear_requests()
        await witness.report(speakers=(), waiting=())
        await driver.clear_requests()  # of an empty list some systems say nothing
        assert witness.links() == [Link.ONLINE]


async def test_every_setting_that_is_offered_shows_in_the_readings(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        verbs = verbs_of(driver)
        assert set(verbs) >= EVERYWHERE
        assert all(reason and reason[0].islower() for reason in lacks_of(driver).values())
        if "set_mode" in verbs:
            first = witness.readings["mode"]
            assert first in witness.readings["modes"]
            for mode in (*reversed(witness.readings["modes"]), first):
                await driver.set_mode(mode)
                await witness.report(mode=mode)
            with pytest.raises(BadArgument, match=f"mode: one of .*{first}"):
                await driver.set_mode("telepathy")
        if "set_max_open" in verbs:
            await driver.set_max_open(2)
            await witness.report(max_open=2)
            with pytest.raises(BadArgument, match="count"):
                await driver.set_max_open(0)
        if "mute_all" in verbs:
            for on in (True, False):
                await driver.mute_all(on)
                await witness.report(all_muted=on)
        if "take_priority" in verbs:
            await driver.open_mic(4)
            await driver.take_priority(1)
            await witness.until(lambda: 1 in witness.readings["speakers"], "the chairman")


async def test_wrong_seats_and_wrong_moments_never_leave(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        with pytest.raises(BadArgument, match="seat"):
            await driver.open_mic(999)
        with pytest.raises(Conflict, match="seat 2 does not wait"):
            await driver.grant_request(2)
        with pytest.raises(Conflict):
            await driver.deny_request(2)
        with pytest.raises(Conflict, match="nobody waits"):
            await driver.next_speaker()


async def test_a_refusal_is_told_and_the_link_stays(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        hall.refuse()
        with pytest.raises(Rejected):
            await driver.open_mic(2)
        hall.refuse(False)
        await driver.open_mic(2)
        await witness.report(speakers=(2,))
        assert witness.links() == [Link.ONLINE]


async def test_silence_ends_the_link_and_every_wait(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        hall.mute()
        with pytest.raises((NoAnswer, LinkError)):
            await driver.open_mic(2)
        assert "no answer" in (await witness.link("offline")).reason
        hall.mute(False)
        await witness.link("online")


async def test_a_power_cut_is_survived_and_compared(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        hall.press(2)
        await witness.report(waiting=(2,))
        await driver.grant_request(2)
        await witness.sees(MicOpened, seat=2)
        await hall.unplug()
        await witness.link("offline")
        with pytest.raises(LinkError):
            await driver.open_mic(3)
        hall.press(2)
        hall.press(3)
        await hall.plug()
        await witness.link("online")
        await witness.sees(MicClosed, seat=2)
        await witness.sees(FloorRequested, seat=3)
        await witness.report(speakers=(), waiting=(3,))


async def test_a_burst_of_presses_is_told_whole_and_in_order(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall):
        for seat in range(15, 1, -1):
            hall.press(seat)
            await asyncio.sleep(0)
        await witness.report(waiting=tuple(range(15, 1, -1)))
