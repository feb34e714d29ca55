import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from avctl.errors import LinkError, NoAnswer
from avctl.events import FloorRequested, MicClosed, MicOpened
from drivers.bosch_dicentis import DRIVER, BoschDicentis, Options
from drivers.sim.bosch_dicentis import SIMULATOR, BoschDicentisSimulator

Served = Callable[..., AbstractAsyncContextManager[BoschDicentis]]


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[BoschDicentisSimulator]:
    """A small hall: chairman in seat 1, deputies in 2 to 8."""
    async with SIMULATOR(device("bosch_dicentis"), roster="committee", seats=8) as simulator:
        yield simulator


async def test_silence_ends_the_link_and_every_wait(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, poll=0.1) as driver:
        hall.mute()
        with pytest.raises((NoAnswer, LinkError)):
            await driver.open_mic(2)
        lost = await witness.link("offline")
        assert "no answer" in lost.reason
        hall.mute(False)
        await witness.link("online")


async def test_nonsense_ends_the_link(hall: BoschDicentisSimulator, served: Served, witness: Any) -> None:
    async with served(DRIVER, hall, poll=0.1):
        hall.garble()
        assert "not JSON" in (await witness.link("offline")).reason
        hall.garble(False)
        await witness.link("online")


async def test_an_answer_of_another_kind_is_nonsense(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    right = hall.operations["getdiscussionlist"]
    async with served(DRIVER, hall, poll=0.1):
        hall.press(2)
        await witness.report(speakers=(2,))
        hall.operations["getdiscussionlist"] = replace(right, answer=lambda call: {})
        assert "no list of discussionList" in (await witness.link("offline")).reason
        assert witness.readings["speakers"] == (2,)
        hall.operations["getdiscussionlist"] = right
        await witness.link("online")


async def test_a_server_that_forgot_the_log_in_is_told_again(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, poll=0.1):
        for session in hall.sessions:
            session.user = ""
        assert "forgotten our log-in" in (await witness.link("offline")).reason
        await witness.link("online")


async def test_a_burst_of_presses_is_told_whole_and_in_order(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with SIMULATOR(device("bosch_dicentis")) as hall, served(DRIVER, hall, poll=60):
        hall.set_mode("manual", max_requests=200)
        for seat in range(120, 0, -1):
            hall.press(seat)
            await asyncio.sleep(0)
        await witness.report(waiting=tuple(range(120, 0, -1)))
        told = [event.seat for event in witness.events if isinstance(event, FloorRequested)]
        assert told == list(range(120, 0, -1))


async def test_a_power_cut_is_survived_and_compared(
    hall: BoschDicentisSimulator, served: Served, witness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "device.device")
    async with served(DRIVER, hall):
        hall.press(2)
        await witness.sees(MicOpened, seat=2)
        await hall.unplug()
        await witness.link("offline")
        hall.press(2)
        hall.press(3)
        await hall.plug()
        await witness.link("online")
        await witness.sees(MicClosed, seat=2)
        await witness.sees(MicOpened, seat=3)
        await witness.report(speakers=(3,))
    own = [record.getMessage() for record in caplog.records if record.name == "device.device"]
    assert len([line for line in own if line.startswith("offline")]) == 1
    assert own.count("online") == 2


async def test_a_restarted_server_is_asked_until_it_is_ready(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        hall.press(2)
        await witness.sees(MicOpened, seat=2)
        await hall.restart()
        await witness.link("offline")
        await witness.link("online")
        await witness.sees(MicClosed, seat=2)
        hall.press(4)
        await witness.sees(MicOpened, seat=4)


async def test_a_changed_state_of_the_server_is_looked_at_as_a_whole(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, poll=60):
        hall.hall.max_requests = 7
        hall.changed("ApiStateChanged")
        await witness.report(max_requests=7)
        hall.ready = False
        hall.changed("ApiStateChanged")
        assert "not ready" in (await witness.link("offline")).reason


async def test_no_secret_is_in_the_log(
    device: Callable[..., Any], served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        SIMULATOR(device("bosch_dicentis", password="right-secret")) as hall,
        served(DRIVER, hall),
    ):
        assert "right-secret" not in caplog.text
        assert '"loggedIn": true, "token":…' in caplog.text


async def test_the_right_to_look_is_needed(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    hall.forget_licence("canViewSynoptic")
    async with served(DRIVER, hall, online=False):
        lost = await witness.link("offline")
        assert "no permission for GetSeats" in lost.reason
        hall.renew_licence("canViewSynoptic")
        await witness.link("online")


def test_a_certificate_that_is_none_is_no_option(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="certificate in PEM form"):
        Options(certificate=str(tmp_path / "nothing.pem"))
