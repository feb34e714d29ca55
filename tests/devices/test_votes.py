"""Votes at the seats, on every system that has them: one result, and only one that was cast."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from avctl.driver import load, supervise
from avctl.errors import Conflict, DeviceError, NoAnswer
from avctl.events import VoteClosed, VoteLost, VoteOpened
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.bosch_dicentis.meeting import Voting
from drivers.sim.control import load as simulator_of
from drivers.voting import VotingSystem, choice_of

Served = Callable[..., AbstractAsyncContextManager[VotingSystem]]

SYSTEMS: dict[str, dict[str, Any]] = {
    "televic_confero": {"token": "t", "choices": ("За", "Проти", "Утримався")},
    "televic_cocon": {},
    "bosch_dicentis": {},
    "bosch_wireless": {"hold_seconds": 0.5},
    "shure_mxcw": {},
    "shure_dis": {},
}
NUMBERED = ("televic_confero", "televic_cocon", "bosch_dicentis")  # their votes have ids
ANSWERS = ("yes", "no", "abstain")
BUTTONS: dict[str, tuple[int, int, int]] = {"shure_mxcw": (0, 2, 1), "shure_dis": (0, 2, 1)}
"""Where the buttons of yes, no and abstain are, on systems that have them in another order."""
TELLS = {"bosch_dicentis", "bosch_wireless", "shure_mxcw", "shure_dis"}  # how many have voted, before the end


@pytest.fixture(params=SYSTEMS)
async def hall(request: pytest.FixtureRequest, device: Callable[..., Any]) -> AsyncIterator[Any]:
    if request.param == "bosch_dicentis":
        async with BoschDicentisSimulator(
            device("bosch_dicentis"), roster="committee", seats=8, voting=True
        ) as server:
            yield server
        return
    options = {"poll": 0.3, "answer_seconds": 2, **SYSTEMS[request.param]}
    async with simulator_of(device(request.param, **options)) as simulator:
        if request.param == "bosch_wireless":
            simulator.lag_seconds = 0.05
        yield simulator


def cast(hall: Any, seat: int, choice: int) -> None:
    """The voting button at a seat, by the place of the answer among ours."""
    name = hall.device.driver
    if isinstance(hall, BoschDicentisSimulator):
        hall.vote(seat, Voting.answers[choice])
    elif name == "bosch_wireless":
        hall.vote(seat, ("for", "against", "abstain")[choice])
    else:
        hall.cast(seat, BUTTONS.get(name, (0, 1, 2))[choice])


@pytest.fixture
def kind(hall: Any) -> Any:
    return load(hall.device.driver)


def told(witness: Any, kind: Any) -> list[Any]:
    return [event for event in witness.events if isinstance(event, kind)]


async def test_a_vote_is_opened_counted_and_closed_once(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        await witness.report(vote="none")
        await driver.open_vote("Про бюджет")
        opened = await witness.sees(VoteOpened, title="Про бюджет")
        await witness.report(vote="open", vote_title="Про бюджет")
        with pytest.raises(Conflict, match="Про бюджет"):
            await driver.open_vote("Інше")
        for seat, choice in ((2, 0), (3, 0), (4, 1), (4, 2)):  # the last press counts
            cast(hall, seat, choice)
        if hall.device.driver in TELLS:
            await witness.report(voted=3)
        else:
            assert witness.readings["voted"] is None
        await driver.close_vote()
        closed = await witness.sees(VoteClosed, vote=opened.vote, title="Про бюджет")
        assert {name: closed.counts[name] for name in ANSWERS} == {"yes": 2, "no": 0, "abstain": 1}
        assert closed.choices in ({}, {"2": "yes", "3": "yes", "4": "abstain"})
        await witness.report(vote="closed", voted=3, vote_counts=closed.counts)
        with pytest.raises(Conflict, match="no vote is open"):
            await driver.close_vote()
        await driver.open_vote("Про бюджет")  # a repeated vote is another
        await witness.until(lambda: len(told(witness, VoteOpened)) == 2, "the second vote")
        assert len({event.vote for event in told(witness, VoteOpened)}) == 2
        assert len(told(witness, VoteClosed)) == 1


async def test_a_vote_in_which_nobody_voted_has_a_result_of_zeros(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        driver.stop_seconds = 0.02
        await driver.open_vote("V")
        await witness.report(vote="open")
        await driver.close_vote()
        counts = (await witness.sees(VoteClosed)).counts
        assert [counts[name] for name in ANSWERS] == [0, 0, 0]


@pytest.mark.parametrize("hall", ["televic_confero", "televic_cocon"], indirect=True)
async def test_a_stop_that_did_not_stop_is_tried_again(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    hall.deaf_stops = 1
    async with served(kind, hall) as driver:
        driver.stop_seconds = 0.02
        await driver.open_vote("V")
        await witness.report(vote="open")
        cast(hall, 2, 1)
        await driver.close_vote()
        assert (await witness.sees(VoteClosed)).counts["no"] == 1


@pytest.mark.parametrize("hall", ["televic_confero", "televic_cocon"], indirect=True)
async def test_a_stop_that_never_stops_gives_no_result(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    hall.deaf_stops = 100
    async with served(kind, hall) as driver:
        driver.stop_seconds = 0.02
        await driver.open_vote("V")
        await witness.report(vote="open")
        cast(hall, 2, 1)
        with pytest.raises(NoAnswer, match="says that"):
            await driver.close_vote()
        assert told(witness, VoteClosed) == []
        assert witness.readings["vote"] in ("open", "lost")


async def test_a_vote_whose_system_restarted_is_lost_and_has_no_result(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        await driver.open_vote("V")
        opened = await witness.sees(VoteOpened)
        cast(hall, 2, 0)
        await hall.restart()
        lost = await witness.sees(VoteLost, vote=opened.vote)
        assert "know" in lost.reason or "link was lost" in lost.reason
        await witness.report(vote="lost", vote_counts={}, voted=None)
        with pytest.raises((Conflict, DeviceError)):
            await driver.close_vote()
    assert told(witness, VoteClosed) == []


@pytest.mark.parametrize("hall", NUMBERED, indirect=True)
async def test_a_vote_that_outlived_a_cut_is_closed_with_what_was_cast(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        await driver.open_vote("V")
        await witness.sees(VoteOpened)
        cast(hall, 2, 0)
        await hall.unplug()
        await witness.link("offline")
        cast(hall, 3, 1)
        await hall.plug()
        await witness.link("online")
        if hall.device.driver in TELLS:
            await witness.report(voted=2)
        await driver.close_vote()
        assert (await witness.sees(VoteClosed)).counts == {"yes": 1, "no": 1, "abstain": 0}
        assert told(witness, VoteLost) == []


@pytest.mark.parametrize("hall", [name for name in SYSTEMS if name not in NUMBERED], indirect=True)
async def test_a_vote_without_a_number_is_lost_with_the_link_and_never_told_later(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        await driver.open_vote("V")
        opened = await witness.sees(VoteOpened)
        cast(hall, 2, 0)
        await hall.unplug()
        assert "link was lost" in (await witness.sees(VoteLost, vote=opened.vote)).reason
        await witness.link("offline")
        await hall.plug()
        await witness.link("online")
        with pytest.raises(Conflict, match="no vote is open"):
            await driver.close_vote()
        assert witness.readings["vote"] == "lost"
        await driver.open_vote("V")  # what still runs there is ended first, and its votes are gone
        second = await witness.sees(VoteOpened, title="V")
        assert second.vote != opened.vote
        cast(hall, 3, 1)
        await driver.close_vote()
        closed = await witness.sees(VoteClosed, vote=second.vote)
        assert {name: closed.counts[name] for name in ANSWERS} == {"yes": 0, "no": 1, "abstain": 0}
        assert len(told(witness, VoteClosed)) == 1


async def test_a_vote_that_was_open_before_a_restart_of_ours_is_told_under_its_number_or_lost(
    hall: Any, kind: Any, served: Served, witness: Any
) -> None:
    async with served(kind, hall) as driver:
        await driver.open_vote("V")
        opened = await witness.sees(VoteOpened)
        cast(hall, 2, 0)
    before = len(witness.events)
    driver = kind(hall.device, witness.bus.publish)
    driver.expect_vote(opened.vote, opened.title)
    serving = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2))
    try:
        await witness.link("online")
        if hall.device.driver in NUMBERED:
            await driver.close_vote()
            assert (await witness.sees(VoteClosed, vote=opened.vote)).counts["yes"] == 1
        else:
            assert isinstance(witness.events[before + 1], VoteLost)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert len(told(witness, VoteOpened)) == 1


async def test_a_unit_that_is_busy_after_the_start_is_waited_for(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with simulator_of(device("televic_confero", token="t")) as hall:
        hall.busy, hall.raw_ids = 1, False
        async with served(load("televic_confero"), hall) as driver:
            await driver.open_vote("V")
            assert (await witness.sees(VoteOpened)).vote == hall.vote["id"]
            hall.vote["id"] = "another"
            with pytest.raises(DeviceError):
                await driver.close_vote()
            await witness.sees(VoteLost)
            assert told(witness, VoteClosed) == []


async def test_a_vote_that_somebody_else_starts_and_stops_is_told_too(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with (
        simulator_of(device("televic_cocon", poll=60)) as hall,
        served(load("televic_cocon"), hall),
    ):
        hall._add_vote("3_Vote_Public")
        hall.counts_early = True
        hall._set_voting("Start")
        assert (await witness.sees(VoteOpened)).title == "Instant vote"
        hall.cast(5, 2)
        hall._set_voting("Pause")
        await witness.report(vote="paused", voted=1)
        hall._set_voting("Stop")
        assert (await witness.sees(VoteClosed)).choices == {"5": "abstain"}


# --- the words of choices ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *(
            ("Yes", "yes"),
            ("for", "yes"),
            ("За", "yes"),
            ("Against", "no"),
            ("ПРОТИ", "no"),
            ("Abst", "abstain"),
        ),
        *(("Утримався", "abstain"), ("notVoted", "not_voting"), ("Do not participate", "not_voting")),
        *(("Не голосував", "not_voting"), ("++", "++"), ("-", "-"), (" Марчук О. ", "Марчук О."), ("B", "B")),
    ],
)
def test_makers_words_for_choices_are_ours_or_stay(theirs: str, ours: str) -> None:
    assert choice_of(theirs) == ours
