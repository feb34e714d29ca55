"""The votes of a sitting: real drivers, a simulated hall, a real record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avctl.commands import BookSession, EndVote, PutToVote, ShowOverlay, SubstituteParticipant
from avctl.config import Body, Config, Device, Room, Voting
from avctl.errors import AvctlError, BadArgument, Conflict, Unsupported
from avctl.events import (
    QuestionDecided,
    QuestionLost,
    QuestionPut,
    Reason,
    SessionClosed,
    SessionResumed,
    SessionSuspended,
)
from avctl.model.account import Role
from avctl.model.vote import Outcome, Standing, Threshold, Vote
from avctl.services.scoreboard import Scoreboard, values_of
from avctl.services.votes import visible
from avctl.store import records

BUDGET = "Комісія з бюджету"
Building = Callable[[Config], Any]


def hall(free_port: Callable[[], int], driver: str = "bosch_dicentis", **options: Any) -> Config:
    system = Device(
        id="committee-hall", room="room", driver=driver, port=free_port(), options={"poll": 0.1, **options}
    )
    body = Body(body=BUDGET, elected=15)
    return Config(
        rooms=(Room(id="room", title="к. 1017"), Room(id="mute", title="к. 514")),
        devices=(system,),
        voting=Voting(bodies=(body,), result_seconds=1),
    )


async def open_session(one: Any, room: str = "room", **changes: Any) -> str:
    now = datetime.now(UTC)
    details = {
        "title": "Засідання",
        "body": BUDGET,
        "room": room,
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
        **changes,
    }
    session = await one.desk.obey(BookSession(actor="olena", details=details))
    one.bus.publish(one.sessions.get(session.id).open("olena"))
    return str(session.id)


async def put(one: Any, session: str, title: str = "Про бюджет", **more: Any) -> Vote:
    vote = await one.desk.obey(PutToVote(actor="olena", session=session, title=title, **more))
    assert isinstance(vote, Vote)
    return vote


async def end(one: Any, vote: Vote) -> Vote:
    ended = await one.desk.obey(EndVote(actor="olena", session=vote.session, vote=vote.number))
    assert isinstance(ended, Vote)
    return ended


async def test_a_question_is_put_counted_decided_and_written_once(
    building: Building, free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one)
        # The second press is the same vote.
        vote, same = await asyncio.gather(put(one, session), put(one, session))
        assert (vote, vote.number, vote.rule.quorum) == (same, 1, 8)
        told = await one.sees(QuestionPut, session=session)
        assert (told.actor, told.threshold) == ("olena", "elected")
        with pytest.raises(Conflict, match="Про бюджет"):
            await put(one, session, "Про інше")
        system = one.simulators["committee-hall"]
        for seat in range(2, 11):
            system.vote(seat, "yes")
        system.vote(11, "no")
        await one.until(lambda: one.votes.count(vote).voted == 10)
        await one.desk.obey(
            SubstituteParticipant(actor="olena", session=session, seat=11, name="Новий Депутат", group="Нова")
        )
        assert one.votes.count(vote).counts["yes"] == 9
        closed, again = await asyncio.gather(end(one, vote), end(one, vote))
        assert closed == again
        assert (closed.outcome, closed.present, closed.voted) == (Outcome.ADOPTED, 10, 10)
        rows = one.house.state("committee-hall").readings["seats"]
        names = {seat: rows[str(seat)]["name"] for seat in range(1, 16)} | {11: "Новий Депутат"}
        assert [(row.seat, row.name, row.choice) for row in closed.ballots] == [
            (
                seat,
                names[seat],
                "yes" if 2 <= seat <= 10 else "no" if seat == 11 else "not_voting",
            )
            for seat in range(1, 16)
        ]
        assert all(row.group for row in closed.ballots)
        repeated = await put(one, session)
        assert repeated.number == 2
        await end(one, repeated)
        async with one.store.read() as connection:
            written = await records.votes_of(connection, session)
        assert written[0] == closed
        assert written[1].outcome is Outcome.NO_QUORUM
        async with one.store.write() as connection:  # a row that is there stays as it is
            await records.save_vote(connection, Vote.put(told))
            assert (await records.votes_of(connection, session))[0] == closed


async def test_what_cannot_be_put_to_the_vote_is_refused_with_what_is_missing(
    building: Building, free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        silent = await open_session(one, "mute")
        with pytest.raises(Unsupported, match="does not vote"):
            await put(one, silent)
        session = await open_session(one)
        with pytest.raises(BadArgument, match="no agenda item"):
            await put(one, session, "  ")
        with pytest.raises(BadArgument, match="two_thirds"):
            await put(one, session, threshold="all")
        with pytest.raises(BadArgument, match="from 0 to 15"):
            await put(one, session, present=16)
        one.bus.publish(SessionSuspended(session=session, reason=Reason.BREAK))
        with pytest.raises(Conflict, match="break"):
            await put(one, session)
        one.bus.publish(SessionResumed(session=session))
        system = one.simulators["committee-hall"]
        system.secretary.open_topic(system.secretary.meeting.topics[0].id)
        await one.until(lambda: bool(one.sessions.get(session).item))
        vote = await put(one, session, "", threshold="present", present=11)
        assert vote.title == vote.item == one.sessions.get(session).item
        assert (vote.rule.threshold, vote.needed) == (Threshold.PRESENT, 6)
        one.bus.publish(SessionClosed(session=session))
        assert "session ended" in (await one.sees(QuestionLost, vote=1)).reason
        with pytest.raises(Conflict, match="is lost"):
            await end(one, vote)


async def test_a_vote_of_the_chairmans_panel_is_recorded_and_one_of_nobody_is_ended_first(
    building: Building, free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        system = one.simulators["committee-hall"]
        system.secretary.put_to_vote("Нічиє", "", "")
        system.secretary.step("OpenVoting")
        await one.until(lambda: one.house.state("committee-hall").readings.get("vote") == "open")
        session = await open_session(one)
        assert one.votes.held(session) == ()
        mine = await put(one, session)
        assert (await end(one, mine)).number == 1
        system.secretary.put_to_vote("Процедурне", "", "")
        system.secretary.step("OpenVoting")
        told = await one.sees(QuestionPut, vote=2)
        assert (told.title, told.actor) == ("Процедурне", "")
        system.vote(2, "yes")
        system.secretary.step("CloseVoting")
        decided = await one.sees(QuestionDecided, vote=2)
        assert decided.ballots["2"]["choice"] == "yes"


@pytest.mark.parametrize("driver", ["bosch_dicentis", "shure_dis"])
async def test_a_system_that_is_cut_off_gives_no_result_that_nobody_cast(
    building: Building, free_port: Callable[[], int], driver: str
) -> None:
    async with building(hall(free_port, driver)) as one:
        await one.all_online()
        session = await open_session(one)
        vote = await put(one, session)
        system = one.simulators["committee-hall"]
        await system.unplug()
        if driver == "shure_dis":
            lost = await one.sees(QuestionLost, vote=1)
            assert "link was lost" in lost.reason
            assert (await one.votes.get(session, 1)).state is Standing.LOST
            return
        await one.until(lambda: not one.votes.count(vote).known)
        old = replace(one.votes.count(vote), voted=3, counts={"yes": 3})
        shown = values_of(vote, old)  # viewers see no count that may be old
        assert (shown["counted"], shown.keys() & {"voted", "votes_for"}) == ("no", set())
        with pytest.raises(AvctlError):
            await end(one, vote)
        assert (await one.votes.get(session, 1)).state is Standing.OPEN
        system.secretary.step("CloseVoting")  # at the panel, meanwhile
        await system.plug()
        decided = await one.sees(QuestionDecided, vote=1)  # it tells it under its own number
        assert decided.outcome == Outcome.NO_QUORUM


async def test_a_restart_finds_the_votes_of_a_sitting_again(
    building: Building, free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one)
        first = await end(one, await put(one, session))
        second = await put(one, session, "Про інше")
        await one.journal.settled()
        one.votes._votes.clear()
        await one.votes.restore()
        assert one.votes.held(session) == (first, second)
        one.votes.expect()
        assert one.house.driver("committee-hall").vote.id == second.round
        assert (await end(one, second)).number == 2


async def test_votes_of_a_closed_part_are_for_those_who_may_close_parts(
    building: Building, free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()
        session = await open_session(one, policy="live")
        shown: list[ShowOverlay] = []

        async def show(command: ShowOverlay) -> None:
            shown.append(command)

        one.desk.handle(ShowOverlay, show)
        board = Scoreboard(one.config, one.bus, one.desk, one.sessions, one.votes)
        try:
            vote = await end(one, await put(one, session))
            found = one.sessions.get(session)
            assert visible(found, vote, None)
            async with asyncio.timeout(10):  # the result is shown, and taken off by itself
                while [command.show for command in shown[-2:]] != [True, False]:
                    await asyncio.sleep(0.01)
            said = next(command.values for command in reversed(shown) if command.show)
            assert (said["question"], said["taken"]) == ("Про бюджет", "quorum")
            one.bus.publish(SessionSuspended(session=session, reason=Reason.CLOSED))
            before = len(shown)
            secret = await end(one, await put(one, session, "Таємне"))
            one.bus.publish(SessionResumed(session=session))
            assert secret.closed_part
            found = one.sessions.get(session)
            assert {role for role in Role if visible(found, secret, role)} == {
                Role.TECHNICIAN,
                Role.SECRETARY,
                Role.ADMIN,
            }
            assert not visible(found, secret, None)
            assert all("Таємне" not in str(command.values) for command in shown[before:])
        finally:
            with suppress(asyncio.CancelledError):
                await board.close()
