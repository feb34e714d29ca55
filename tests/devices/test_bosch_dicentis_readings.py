"""What the reference leaves open, read the other way too: the floor and the votes are the same."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from avctl.events import VoteClosed, VoteLost
from drivers.bosch_dicentis import DRIVER, BoschDicentis
from drivers.bosch_dicentis.hall import Hall
from drivers.bosch_dicentis.messages import number_of
from drivers.sim.bosch_dicentis import SIMULATOR, BoschDicentisSimulator
from drivers.sim.bosch_dicentis.call import Failure

Served = Callable[..., AbstractAsyncContextManager[BoschDicentis]]
Answer = Callable[[Any], Any]


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[BoschDicentisSimulator]:
    """A small hall: chairman in seat 1, deputies in 2 to 8."""
    async with SIMULATOR(device("bosch_dicentis"), roster="committee", seats=8, voting=True) as simulator:
        yield simulator


def answering(hall: BoschDicentisSimulator, operation: str, answer: Answer) -> None:
    """Let the server answer an operation by ``answer``, which is given its usual answer."""
    usual = hall.operations[operation.lower()]
    hall.operations[operation.lower()] = replace(usual, answer=lambda call: answer(usual.answer(call)))


def by_text(told: Any) -> Any:
    return {"votingResults": [{**row, "count": str(row["count"])} for row in told["votingResults"]]}


def only_chosen(told: Any) -> Any:
    return {"votingResults": [row for row in told["votingResults"] if row["count"]]}


def with_none(told: Any) -> Any:
    return {"votingResults": [*told["votingResults"], {"answer": "none", "count": 5}]}


def nothing(told: Any) -> Any:
    return dict.fromkeys(told)


@pytest.mark.parametrize(
    ("results", "seats", "counts"),
    [
        (by_text, None, {"yes": 2, "no": 1, "abstain": 0}),
        (only_chosen, None, {"yes": 2, "no": 1, "abstain": 0}),
        (with_none, None, {"yes": 2, "no": 1, "abstain": 0, "not_voting": 5}),
        (nothing, None, {"yes": 2, "no": 1, "abstain": 0}),  # by what the seats say
        (None, nothing, {"yes": 2, "no": 1, "abstain": 0}),  # by what the participants say
    ],
)
async def test_a_result_is_the_same_however_the_server_writes_it(
    hall: BoschDicentisSimulator,
    served: Served,
    witness: Any,
    results: Answer | None,
    seats: Answer | None,
    counts: dict[str, int],
) -> None:
    for operation, answer in (("GetVotingResults", results), ("GetSeatVotingResults", seats)):
        if answer is not None:
            answering(hall, operation, answer)
    async with served(DRIVER, hall) as driver:
        await witness.report(vote="none")
        await driver.open_vote("Про бюджет")
        await witness.report(vote="open")
        for seat, choice in ((2, "yes"), (3, "yes"), (4, "no")):
            hall.vote(seat, choice)
        await driver.close_vote()
        closed = await witness.sees(VoteClosed)
        assert closed.counts == counts
        assert closed.choices == {"2": "yes", "3": "yes", "4": "no"}


@pytest.mark.parametrize("odd", [lambda told: {}, lambda told: dict.fromkeys(told, [1, 2])])
async def test_what_a_hall_can_do_without_costs_no_link_when_it_is_not_understood(
    hall: BoschDicentisSimulator, served: Served, witness: Any, odd: Answer
) -> None:
    for operation in (
        *("GetParticipants", "GetParticipantSeats", "GetDiscussionOptions", "GetMeetingInfo"),
        *("GetAgendaTopics", "GetVotingInfo", "GetInterpreterBooths", "GetInterpretationRoutings"),
    ):
        answering(hall, operation, odd)
    answering(hall, "GetInterpretationLanguages", lambda told: {"languages": [{"id": "l0", "name": "Floor"}]})
    async with served(DRIVER, hall):
        await witness.report(
            interpretation=({"number": 0, "name": "Floor", "language": "", "active": False},)
        )
        hall.press(2)
        await witness.report(speakers=(2,))


async def test_a_result_that_cannot_be_read_is_none(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    answering(hall, "GetVotingResults", lambda told: {"votingResults": [{"answer": "yes", "count": "many"}]})
    for operation in ("GetSeatVotingResults", "GetIndividualVotingResults"):
        answering(hall, operation, nothing)
    async with served(DRIVER, hall) as driver:
        await witness.report(vote="none")
        await driver.open_vote("Про бюджет")
        await witness.report(vote="open")
        hall.vote(2, "yes")
        await driver.close_vote()
        assert "no result of the vote" in (await witness.sees(VoteLost)).reason


async def test_a_vote_is_noticed_counted_and_closed_without_a_single_event(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall, poll=0.05):
        await witness.report(vote="none")
        for session in hall.sessions:
            session.armed.clear()
            session.registered.clear()
        hall.secretary.put_to_vote("Про мости", "", "")
        hall.secretary.step("OpenVoting")
        await witness.report(vote="open", vote_title="Про мости")
        hall.vote(2, "no")
        await witness.report(voted=1)
        hall.secretary.step("CloseVoting")
        assert (await witness.sees(VoteClosed)).counts == {"yes": 0, "no": 1, "abstain": 0}


async def test_rights_in_capitals_are_the_same_rights(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    usual = hall.operations["getpermissions"]
    told = {"permissions": ["CanViewSynoptic", "CanControlVoting"]}
    hall.operations["getpermissions"] = replace(usual, answer=lambda call: told, rearms=())
    async with served(DRIVER, hall):
        await witness.report(permissions=("CanViewSynoptic", "CanControlVoting"))
        await witness.report(vote="none")


async def test_a_server_that_is_busy_for_a_moment_costs_no_vote(
    hall: BoschDicentisSimulator, served: Served, witness: Any
) -> None:
    busy = 0

    def refusing(told: Any) -> Any:
        nonlocal busy
        busy -= 1
        if busy >= 0:
            raise Failure("Unable to perform the operation")
        return told

    answering(hall, "GetVotingInfo", refusing)
    answering(hall, "GetVotingResults", refusing)
    async with served(DRIVER, hall, poll=0.05) as driver:
        await witness.report(vote="none")
        await driver.open_vote("Про бюджет")
        await witness.report(vote="open")
        busy = 3
        hall.vote(2, "yes")
        await witness.until(lambda: busy < 0, "the server to answer again")
        assert driver.vote is not None
        hall.secretary.step("CloseVoting")  # at the panel, and the result is asked for while it is busy
        busy = 2
        assert (await witness.sees(VoteClosed)).counts["yes"] == 1
        await driver.open_vote("Про мости")
        await witness.report(vote="open", vote_title="Про мости")
        busy = 1000
        assert "does not know" in (await witness.sees(VoteLost)).reason


def test_who_spoke_without_a_seat_has_none_afterwards() -> None:
    hall = Hall()
    hall.take_seats({"seats": [{"seatId": 1, "seatName": "Seat 1", "assignedParticipantId": 7}]})
    hall.take_participants(
        {"participants": [{"participantId": one, "firstName": "N", "lastName": str(one)} for one in (7, 8)]}
    )
    assert hall.reading["1"]["name"] == "N 7"
    remote = {"participantId": "8", "microphoneState": "on", "speakerType": "isSpeaker"}
    hall.take_list({"discussionList": [remote]})
    assert [row["name"] for row in hall.reading.values()] == ["N 7", "N 8"]
    hall.take_list({"discussionList": None})
    assert list(hall.reading) == ["1"]


@pytest.mark.parametrize(
    ("told", "number"), [(3, 3), ("3", 3), (3.0, 3), (3.5, None), (True, None), ("three", None), (None, None)]
)
def test_a_number_is_one_however_it_is_written(told: Any, number: int | None) -> None:
    assert number_of({"count": told}, "count") == number
