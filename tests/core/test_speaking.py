"""The speaking-time clock: told once when the time is over, and the microphone closed if that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from avctl.commands import BookSession
from avctl.config import Config, Device, FloorRules, Follow, Room
from avctl.events import MicClosed, MicOpened, SpeakingTimeOver, VerbDone
from avctl.model.booking import Kind

CHAIR, FIRST, SECOND = 121, 12, 34


def hall(free_port: Callable[[], int], **rules: Any) -> Config:
    device = Device(id="hall-dicentis", room="plenary", driver="bosch_dicentis", port=free_port())
    return Config(
        rooms=(Room(id="plenary", title="Зала"),),
        devices=(device,),
        follow=Follow(wide_after=0),
        floor=FloorRules(**rules),
    )


async def opened(one: Any) -> str:
    now = datetime.now(UTC)
    details = {
        "title": "Засідання",
        "kind": "committee",
        "room": "plenary",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
    }
    session = str((await one.desk.obey(BookSession(actor="olena", details=details))).id)
    one.bus.publish(one.sessions.get(session).open("olena"))
    return session


async def test_the_end_of_the_time_is_told_once_and_the_chairman_has_no_limit(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    limits = {Kind.COMMITTEE: 0.2}
    async with building(hall(free_port, speaking_limit=900, speaking_limits=limits)) as one:
        await one.all_online()
        session = await opened(one)
        system = one.simulators["hall-dicentis"]
        system.set_mode("open", max_speakers=4)
        system.speak(CHAIR)
        await one.sees(MicOpened, seat=CHAIR)
        system.speak(FIRST)
        over = await one.sees(SpeakingTimeOver, session=session, seat=FIRST)
        assert over.limit == 0.2
        assert over.name
        system.speak(SECOND)  # the others are looked at again, and nobody is told twice
        await one.sees(SpeakingTimeOver, seat=SECOND)
        system.release(FIRST)
        await one.sees(MicClosed, seat=FIRST)
        told = [event.seat for event in one.seen if isinstance(event, SpeakingTimeOver)]
        assert told == [FIRST, SECOND]
        floor = one.follow.floor("plenary")
        limits_now = {
            place.seat: one.speaking.limit(one.sessions.get(session), place) for place in floor.speakers
        }
        assert limits_now == {CHAIR: None, SECOND: 0.2}


async def test_the_microphone_is_closed_at_the_limit_if_that_is_wanted(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port, speaking_limit=0.2, close_at_limit=True)) as one:
        await one.all_online()
        await opened(one)
        one.simulators["hall-dicentis"].speak(FIRST)
        await one.sees(SpeakingTimeOver, seat=FIRST)
        await one.sees(MicClosed, seat=FIRST)
        done = await one.sees(VerbDone, verb="close_mic")
        assert done.actor == "clock"
