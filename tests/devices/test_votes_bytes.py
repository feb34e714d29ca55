"""The vendors' own bytes about votes: both ways, one at a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest

from avctl.config import Device
from avctl.driver import load, supervise
from avctl.events import VoteClosed, VoteLost, VoteOpened
from drivers.shure_mxcw import ShureMxcw
from drivers.shure_mxcw.messages import Codec, encode
from drivers.sim.control import load as simulator_of
from drivers.voting import VotingSystem

Served = Callable[..., AbstractAsyncContextManager[VotingSystem]]


@asynccontextmanager
async def driving(device: Device, witness: Any) -> AsyncIterator[VotingSystem]:
    driver = load(device.driver)(device, witness.bus.publish)
    serving = asyncio.create_task(supervise(driver, asyncio.Event()))
    try:
        assert isinstance(driver, VotingSystem)
        yield driver
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


# --- Shure DIS (DCS 6000 manual, 10.1.9.2) -------------------------------------------------------------

MANUAL = {
    b"voting_status": b"voting_configuration 1 3-button voting\r\nvoting_status_done\r\n",
    b"mic_status": b"seat_state 1 active Anna\r\nmic_status_done\r\n",
    b"start_voting 1": b"voting_started 1\r\ninterim_voting_result 1 0 Yes\r\n"
    b"interim_voting_result 2 0 Abstain\r\ninterim_voting_result 3 0 No\r\n",
    b"stop_voting": b"voting_stopped\r\nfinal_voting_result 1 2 Yes\r\n"
    b"final_voting_result 2 0 Abstain\r\nfinal_voting_result 3 1 No\r\n",
}


@asynccontextmanager
async def unit(said: dict[bytes, bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A central unit by hand: its port, and the lines it heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                line = (await reader.readuntil(b"\r\n")).strip()
                heard.append(line)
                for byte in said.get(line, b""):
                    writer.write(bytes((byte,)))
                    await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


async def test_a_central_unit_votes_as_in_its_manual(device: Callable[..., Any], witness: Any) -> None:
    async with (
        unit(MANUAL) as (port, heard),
        driving(device("shure_dis", port=port, poll=0.1), witness) as driver,
    ):
        await witness.report(vote="none")
        await driver.open_vote("Про бюджет")
        await witness.report(vote="open", voted=0, vote_counts={"yes": 0, "abstain": 0, "no": 0})
        await driver.close_vote()
        assert (await witness.sees(VoteClosed)).counts == {"yes": 2, "abstain": 0, "no": 1}
        assert [line for line in heard if b"t_voting" in line or b"p_voting" in line] == [
            b"start_voting 1",
            b"stop_voting",
        ]


async def test_a_central_unit_that_tells_no_result_gives_none(
    device: Callable[..., Any], witness: Any
) -> None:
    said = {**MANUAL, b"stop_voting": b"voting_stopped\r\n"}
    async with unit(said) as (port, _), driving(device("shure_dis", port=port, poll=0.1), witness) as driver:
        await witness.report(vote="none")
        await driver.open_vote("V")
        await driver.close_vote()
        assert "no result" in (await witness.sees(VoteLost)).reason


async def test_an_older_unit_that_knows_no_votes_has_none(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with simulator_of(device("shure_dis", poll=0.1)) as hall:
        hall.votes_known = False
        async with served(load("shure_dis"), hall):
            await witness.report(max_open=4)
            assert "vote" not in witness.readings


async def test_a_vote_that_the_chairman_begins_and_cancels_is_told(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with simulator_of(device("shure_dis", poll=0.1)) as hall, served(load("shure_dis"), hall):
        await witness.report(vote="none")
        hall._vote("start_voting", "3")
        assert (await witness.sees(VoteOpened)).title == "5-button voting"
        hall.cast(2, 0)
        await witness.report(vote_counts={"++": 1, "+": 0, "0": 0, "-": 0, "--": 0})
        hall._vote("cancel_voting", "")
        assert "cancelled" in (await witness.sees(VoteLost)).reason


# --- Shure MXCW (command strings) ----------------------------------------------------------------------

REPORTS = (
    *(b"< REP VOTING_CONFIGURATION 01 >", b"< REP 1 VOTING_CONFIGURATION_NAME {Yes Abstain No      } >"),
    *(b"< REP 1 1 VOTING_BUTTON_NAME {Yes} >", b"< REP 1 2 VOTING_BUTTON_NAME {Abstain} >"),
    *(b"< REP 1 3 VOTING_BUTTON_NAME {No} >", b"< REP VOTING_STATE ACTIVE >"),
    *(b"< REP 12 INTERIM_VOTING_SELECTION 1 >", b"< REP 1 INTERIM_VOTING_RESULT 1 >"),
)


async def test_what_an_access_point_reports_of_votes_is_understood(
    device: Callable[..., Any], witness: Any
) -> None:
    driver, codec = ShureMxcw(device("shure_mxcw"), witness.bus.publish), Codec()
    for byte in b"".join(REPORTS):
        for message in codec.feed(bytes((byte,))):
            assert driver.told_of_vote(message)
    assert witness.readings["vote_title"] == "Yes Abstain No"
    assert (witness.readings["voted"], witness.readings["vote_counts"]) == (1, {"yes": 1})
    assert [encode(message) for message in driver.questions()][:2] == [
        b"< GET 1 VOTING_CONFIGURATION_NAME >",
        b"< GET 1 1 VOTING_BUTTON_NAME >",
    ]


@pytest.mark.parametrize("name", [b"3 1", b"1 3"])
async def test_a_button_is_known_whichever_of_its_two_places_comes_first(
    device: Callable[..., Any], witness: Any, name: bytes
) -> None:
    driver, codec = ShureMxcw(device("shure_mxcw", configuration=1), witness.bus.publish), Codec()
    for message in codec.feed(b"< REP %s VOTING_BUTTON_NAME {No} >< REP VOTING_STATE ACTIVE >" % name):
        driver.told_of_vote(message)
    for message in codec.feed(b"< REP 3 INTERIM_VOTING_RESULT 7 >"):
        driver.told_of_vote(message)
    assert witness.readings["vote_counts"] == {"no": 7}


async def test_a_vote_that_is_cancelled_or_secret_on_an_access_point(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    secret = device("shure_mxcw", poll=0.1, configuration=2)
    async with simulator_of(secret) as hall, served(load("shure_mxcw"), hall) as driver:
        await driver.open_vote("Таємне")
        hall.cast(2, 0)
        await driver.close_vote()
        closed = await witness.sees(VoteClosed)
        assert (closed.counts, closed.choices) == ({"yes": 1, "abstain": 0, "no": 0}, {})
        await driver.open_vote("Скасоване")
        hall.polls.set("CANCEL_VOTE", "TRUE")
        assert "cancelled" in (await witness.sees(VoteLost, title="Скасоване")).reason


async def test_an_access_point_that_knows_no_votes_has_none(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with simulator_of(device("shure_mxcw", poll=0.1)) as hall:
        hall.votes_known = False
        async with served(load("shure_mxcw"), hall):
            await witness.report(max_open=4)
            assert "vote" not in witness.readings


# --- DICENTIS Wireless (REST API 1.7) --------------------------------------------------------------------

RESULTS = (
    '{"state":%d,"mode":1,"subject":"Про бюджет","results":[{"name":"for","value":2},'
    '{"name":"against","value":1},{"name":"abstain","value":0},{"name":"present","value":12},'
    '{"name":"notVoted","value":9}],"individuals":[]}'
)


async def test_an_access_point_over_rest_is_told_the_question_and_the_state(
    by_hand: Any, device: Callable[..., Any], witness: Any
) -> None:
    answers = {
        "POST /api/login": (200, '{"id":1,"sid":"s"}'),
        **{f"GET /api/{path}": (200, "[]") for path in ("seats", "participants", "speakers", "waiting-list")},
        "GET /api/participants/settings": (200, '{"identification_mode":3}'),
        "GET /api/discuss": (404, ""),
        "GET /api/voting": (200, '{"mode":4,"subject":"","hundredPercentMode":0,"individuals":false}'),
        "GET /api/voting/state": (200, '{"state":0}'),
        "GET /api/voting/results": (200, RESULTS % 1),
        "PUT /api/voting": (200, "{}"),
        "PUT /api/voting/state": (200, "{}"),
    }
    async with by_hand(answers) as server:
        access_point = device("bosch_wireless", port=server.port, hold_seconds=0, poll=0.05)
        async with driving(access_point, witness) as driver:
            await witness.report(vote="none")
            await driver.open_vote("Про бюджет")
            server.answers["GET /api/voting/state"] = (200, '{"state":1}')
            await witness.report(vote="open", voted=3, vote_title="Про бюджет")
            await driver.close_vote()
            server.answers["GET /api/voting/results"] = (200, RESULTS % 0)
            server.answers["GET /api/voting/state"] = (200, '{"state":0}')
            closed = await witness.sees(VoteClosed, present=12)
            assert closed.counts == {"yes": 2, "no": 1, "abstain": 0, "not_voting": 9}
            settings = {"mode": 1, "subject": "Про бюджет", "hundredPercentMode": 0, "individuals": True}
            assert [(asked, json.loads(body)) for asked, _, body in server.heard if asked[0:2] == "PU"] == [
                ("PUT /api/voting", settings),
                ("PUT /api/voting/state", {"state": 1}),
                ("PUT /api/voting/state", {"state": 0}),
            ]


async def test_what_an_access_point_keeps_to_itself_is_not_known_and_a_hold_is_a_pause(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with simulator_of(device("bosch_wireless", poll=0.1, hold_seconds=0.5, voting_mode=5)) as hall:
        hall.lag_seconds, hall.tells_early = 0.05, False
        async with served(load("bosch_wireless"), hall) as driver:
            await driver.open_vote("V")
            await witness.report(vote="open")
            hall.vote(2, "yes")
            hall.vote(3, "dnpv")
            hall.voting.step(2)
            await witness.report(vote="paused", voted=None)
            await driver.close_vote()
            closed = await witness.sees(VoteClosed)
            assert (closed.counts["yes"], closed.choices) == (1, {"2": "yes"})
            assert closed.counts["not_voting"] == len(hall.units) - 1


async def test_an_access_point_without_votes_has_none(
    device: Callable[..., Any], served: Served, witness: Any
) -> None:
    async with simulator_of(device("bosch_wireless", poll=0.1, hold_seconds=0.5)) as hall:
        hall.votes_known = False
        async with served(load("bosch_wireless"), hall):
            await witness.report(max_open=4)
            assert "vote" not in witness.readings


# --- other people's clients ------------------------------------------------------------------------------


async def test_a_client_of_a_central_unit_holds_votes(device: Callable[..., Any]) -> None:
    async with simulator_of(device("shure_dis")) as hall:
        reader, writer = await asyncio.open_connection(hall.host, hall.bound)

        async def told(lines: int) -> list[str]:
            return [(await reader.readline()).decode().rstrip() for _ in range(lines)]

        writer.write(b"voting_status\r\n")
        assert await told(5) == [
            "voting_configuration 1 3-button voting",
            "voting_configuration 2 3-button secret voting",
            "voting_configuration 3 5-button voting",
            "voting_configuration 4 5-button secret voting",
            "voting_status_done",
        ]
        writer.write(b"START_VOTING 1\r")
        assert (await told(4))[0] == "voting_started 1"
        hall.cast(3, 2)
        assert (await told(3))[2] == "interim_voting_result 3 1 No"
        writer.write(b"start_voting 1\nstop_voting\n")
        assert await told(5) == [
            "command_error syntax error",
            "voting_stopped",
            "final_voting_result 1 0 Yes",
            "final_voting_result 2 0 Abstain",
            "final_voting_result 3 1 No",
        ]
        writer.write(b"start_voting 2\nstart_attendance_check\ncancel_voting\nstop_attendance_check\n")
        assert await told(4) == [
            "voting_started 2",
            "attendance_check_started",
            "voting_cancelled",
            "attendance_check_stopped",
        ]
        writer.close()


async def test_a_client_of_an_access_point_holds_votes(device: Callable[..., Any]) -> None:
    async with simulator_of(device("shure_mxcw")) as hall:
        reader, writer = await asyncio.open_connection(hall.host, hall.bound)

        async def told(messages: int) -> list[str]:
            return [(await reader.readuntil(b">")).decode().strip() for _ in range(messages)]

        writer.write(b"< GET 3 2 VOTING_BUTTON_NAME >< GET VOTING_STATE >")
        assert await told(2) == [
            f"< REP 3 2 VOTING_BUTTON_NAME {{{'B':<31}}} >",
            "< REP VOTING_STATE INACTIVE >",
        ]
        writer.write(b"< SET START_VOTE 1 >")
        assert await told(2) == ["< REP VOTING_CONFIGURATION 01 >", "< REP VOTING_STATE ACTIVE >"]
        hall.cast(4, 0)
        assert (await told(4))[:2] == [
            "< REP 4 INTERIM_VOTING_SELECTION 1 >",
            "< REP 1 INTERIM_VOTING_RESULT 1 >",
        ]
        writer.write(b"< SET PAUSE_VOTE TRUE >")
        assert await told(1) == ["< REP VOTING_STATE PAUSE >"]
        hall.cast(5, 0)  # a vote that is paused takes none
        writer.write(b"< SET COMPLETE_VOTE TRUE >")
        assert await told(5) == [
            "< REP VOTING_STATE COMPLETE >",
            "< REP 1 FINAL_VOTING_RESULT 1 >",
            "< REP 2 FINAL_VOTING_RESULT 0 >",
            "< REP 3 FINAL_VOTING_RESULT 0 >",
            "< REP 4 FINAL_VOTING_SELECTION 1 >",
        ]
        writer.write(b"< SET CLOSE_VOTING_RESULTS TRUE >< SET RESUME_VOTE TRUE >")
        assert await told(2) == ["< REP VOTING_STATE INACTIVE >", "< REP ERR >"]
        writer.close()
