"""A room is run and watched from a surface: bytes as OSC 1.0 prints them, and python-osc's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from avctl.api.osc import Pace
from avctl.events import (
    BroadcastArmed,
    BroadcastWanted,
    BroadcastWentLive,
    FloorRequested,
    SessionClosed,
    SessionOpened,
    SessionReady,
    SessionResumed,
    SessionSuspended,
    VerbAsked,
    VerbDone,
    now,
)
from avctl.model.broadcast import Broadcast
from avctl.model.session import Phase
from avctl.services.controller import Controller
from drivers.sim.bosch_dicentis import BoschDicentisSimulator
from drivers.sim.visca import UdpCamera

SEATS = 6


# --- what a surface is shown ----------------------------------------------------------------------------


async def test_a_new_surface_is_shown_the_whole_picture_and_then_what_changes(
    session: str, surface: Any, hall: BoschDicentisSimulator, house: Controller
) -> None:
    await surface.sees(phase="planned", reason="", title="Пленарне засідання", on_air=0, floor=1, speaker="")
    await surface.sees(**{f"mic__{seat}": 0 for seat in range(1, SEATS + 1)})
    assert surface.shown["/avctl/committee/phase"] == "free"
    assert surface.shown["/avctl/committee/floor"] == 0
    surface.told.clear()
    hall.speak(3)
    name = house.house.state("hall").readings["seats"]["3"]["name"]
    await surface.sees(mic__3=1, speaker=name)
    assert sorted(surface.told) == [("/avctl/plenary/mic/3", 1), ("/avctl/plenary/speaker", name)]


async def test_alerts_are_counted_for_the_room_they_are_in(
    surface: Any, camera: UdpCamera, hall: BoschDicentisSimulator
) -> None:
    await surface.until(lambda: surface.shown["/avctl/committee/alerts"] == 1)  # its display is away
    await surface.sees(alerts=0)
    await hall.unplug()
    await surface.sees(alerts=1, floor=0)
    await hall.plug()
    await surface.sees(alerts=0, floor=1)


async def test_on_air_is_what_viewers_have(session: str, surface: Any, house: Controller) -> None:
    known: dict[str, Broadcast] = house.broadcasts._broadcasts
    known[session] = Broadcast(session=session, since=now())
    house.bus.publish(BroadcastArmed(session=session))
    house.bus.publish(BroadcastWanted(session=session, live=True))
    await surface.sees(on_air=0)
    house.bus.publish(BroadcastWentLive(session=session))
    await surface.sees(on_air=1)


async def test_a_surface_that_lost_something_asks_for_the_picture_again(surface: Any) -> None:
    before = {address for address in surface.shown if address != "/avctl/pong"}
    surface.shown.clear()
    surface.press("refresh")
    await surface.until(lambda: surface.shown.keys() == before)


async def test_of_more_than_sixteen_surfaces_the_one_silent_longest_is_dropped(
    surface: Any, surface_of: Callable[..., Any], hall: BoschDicentisSimulator
) -> None:
    others = [surface_of() for _ in range(16)]
    for other in others:
        await other.join()
    hall.speak(2)
    for other in others:
        await other.sees(mic__2=1)
    assert surface.shown["/avctl/plenary/mic/2"] == 0
    await surface.join()
    await surface.sees(mic__2=1)


@pytest.mark.parametrize("pace", [Pace(same=0, keep=0.2)])
async def test_a_surface_that_falls_silent_is_shown_nothing_more(
    surface: Any, surface_of: Callable[..., Any], hall: BoschDicentisSimulator
) -> None:
    other = surface_of()
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.3
    while loop.time() < end:
        other.told.clear()
        other.press("ping", None)
        await other.until(lambda: ("/avctl/pong", 1) in other.told)
    hall.speak(2)
    await other.sees(mic__2=1)
    assert surface.shown["/avctl/plenary/mic/2"] == 0


# --- microphones and cameras ------------------------------------------------------------------------------


async def test_the_bytes_of_the_specification_open_a_microphone(
    surface: Any, hall: BoschDicentisSimulator, watch: Any
) -> None:
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",i\0\0" + b"\0\0\0\1")
    told = await watch.sees(VerbAsked, device="hall")
    assert (told.actor, told.verb, told.arguments) == ("board", "open_mic", {"seat": 3})
    await surface.sees(mic__3=1)
    assert [seat.number for seat in hall.hall.speaking()] == [3]
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",F\0\0")
    await surface.sees(mic__3=0)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",T\0\0")
    await surface.sees(mic__3=1)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",f\0\0" + b"\0\0\0\0")
    await surface.sees(mic__3=0)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0")  # old programs leave out the types
    await surface.sees(mic__3=1)
    surface.raw(b"/avctl/plenary/mic/3\0\0\0\0" + b",\0\0\0")
    await surface.sees(mic__3=0)


async def test_a_quick_tap_does_not_leave_a_microphone_open(
    surface: Any, hall: BoschDicentisSimulator, watch: Any
) -> None:
    hall.delay(0.05)
    surface.press("plenary/mic/4", 1)
    surface.press("plenary/mic/4", 0)
    await watch.sees(VerbDone, verb="close_mic")
    await surface.sees(mic__4=0)
    assert hall.hall.speaking() == []


async def test_all_microphones_go_off_and_the_first_who_waits_gets_the_floor(
    surface: Any, hall: BoschDicentisSimulator, watch: Any
) -> None:
    hall.speak(1)
    hall.speak(2)
    await surface.sees(mic__1=1, mic__2=1)
    hall.set_mode("manual", max_speakers=2, max_requests=5)
    surface.press("plenary/mics-off", 0)
    surface.press("plenary/mics-off", 1)
    await surface.sees(mic__1=0, mic__2=0)
    await watch.sees(VerbDone, verb="close_all_mics")
    surface.press("plenary/next")
    await surface.refused("nobody waits")
    hall.press(4)
    hall.press(3)
    await watch.sees(FloorRequested, seat=3)
    surface.press("plenary/next", 1.0)
    await surface.sees(mic__4=1, mic__3=0)


async def test_a_shot_is_recalled_by_number_or_by_a_button_of_its_own(
    surface: Any, watch: Any, house: Controller
) -> None:
    surface.press("plenary/preset/camera", 3)
    done = await watch.sees(VerbDone, device="camera")
    assert (done.actor, done.arguments) == ("board", {"preset": 3})
    surface.press("plenary/preset/camera", 5.0)
    await watch.sees(VerbDone, device="camera", arguments={"preset": 5})
    surface.press("plenary/preset/camera/4", 0)
    surface.press("plenary/preset/camera/7", 1)
    await watch.sees(VerbDone, device="camera", arguments={"preset": 7})
    assert house.house.state("camera").readings["preset"] == 7


# --- the sitting ------------------------------------------------------------------------------------------


async def test_a_sitting_is_run_from_a_surface(session: str, surface: Any, watch: Any) -> None:
    surface.press("plenary/prepare")
    await watch.sees(SessionReady, session=session)
    await surface.sees(phase="ready")
    surface.press("plenary/prepare", 0)
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    surface.press("plenary/go-live", 0)
    surface.press("plenary/go-live")
    assert (await watch.sees(SessionOpened, session=session)).actor == "board"
    await surface.sees(phase="open", go_live__sure=0)
    surface.press("plenary/break", True)
    assert (await watch.sees(SessionSuspended, session=session)).actor == "board"
    await surface.sees(phase="suspended", reason="break")
    surface.press("plenary/technical", None)
    await surface.sees(phase="suspended", reason="technical")
    surface.press("plenary/resume", 1.0)
    assert (await watch.sees(SessionResumed, session=session)).actor == "board"
    await surface.sees(phase="open", reason="")
    surface.press("plenary/end")
    await surface.sees(end__sure=1)
    surface.press("plenary/end")
    assert (await watch.sees(SessionClosed, session=session)).actor == "board"
    await surface.sees(phase="free", title="")


async def test_a_closed_part_is_entered_and_left_by_pressing_twice(
    session: str, surface: Any, house: Controller
) -> None:
    house.bus.publish(house.sessions.get(session).open("olena") or pytest.fail("it does not open"))
    surface.press("plenary/closed")
    await surface.sees(closed__sure=1, phase="open")
    surface.press("plenary/closed")
    await surface.sees(reason="closed")
    surface.press("plenary/break")
    await surface.refused("closed part")
    surface.press("plenary/resume")
    await surface.sees(resume__sure=1, reason="closed")
    surface.press("plenary/resume")
    await surface.sees(phase="open", reason="")


@pytest.mark.parametrize("pace", [Pace(same=0, sure=0.1)])
async def test_a_second_press_that_comes_too_late_is_a_first_one(
    session: str, surface: Any, house: Controller
) -> None:
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    await surface.sees(go_live__sure=0)
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    assert house.sessions.get(session).phase is Phase.PLANNED


async def test_the_second_press_counts_on_the_same_surface_about_the_same_sitting(
    session: str, surface: Any, surface_of: Callable[..., Any], house: Controller, book: Any
) -> None:
    other = surface_of()
    await other.join()
    surface.press("plenary/go-live")
    await surface.sees(go_live__sure=1)
    other.press("plenary/go-live")
    await other.sees(go_live__sure=1)
    assert house.sessions.get(session).phase is Phase.PLANNED
    house.bus.publish(house.sessions.get(session).cancel("olena") or pytest.fail("it cannot be cancelled"))
    later = await book()
    surface.told.clear()
    surface.press("plenary/go-live")
    await surface.until(lambda: ("/avctl/plenary/go-live/sure", 1) in surface.told)
    assert house.sessions.get(later).phase is Phase.PLANNED


async def test_cameras_are_held_the_list_is_kept_in_hand_and_what_a_make_lacks_is_said(
    session: str, surface: Any, hall: BoschDicentisSimulator, house: Controller
) -> None:
    hall.set_mode("manual")
    surface.press("plenary/hold")
    await surface.sees(hold=1)
    assert house.framings.get("plenary").held_by == "board"
    surface.press("plenary/hold", 1)  # it is so already
    surface.press("plenary/hold", 0)
    await surface.sees(hold=0)
    for seat in (2, 3, 4):
        hall.press(seat)
    await surface.sees(waiting=3)
    surface.press("plenary/deny/3")
    await surface.sees(waiting=2)
    surface.press("plenary/grant/4")
    await surface.sees(mic__4=1, waiting=1)
    surface.press("plenary/clear")
    await surface.sees(waiting=0)
    surface.press("plenary/mute-all")
    await surface.refused("its microphones are closed, not muted")
    surface.press("plenary/up/2")
    await surface.refused("the system keeps its own order")
    surface.press("plenary/mute/programme")
    await surface.refused("has no mixer")
    surface.press("plenary/cut/nothing")
    await surface.refused("")
