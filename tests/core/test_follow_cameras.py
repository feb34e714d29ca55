"""Two cameras that feed the programme: the unseen one moves first, then the cut; people go first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from avctl.bus import Bus
from avctl.capabilities import Scenes
from avctl.commands import (
    BookSession,
    CutTo,
    ForgetShot,
    HoldCameras,
    Operate,
    ReleaseCameras,
    ShowSpeaker,
    StoreShot,
)
from avctl.config import Config, Device, Follow, Room, Shot
from avctl.desk import Desk
from avctl.driver import Driver
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import (
    CamerasHeld,
    CamerasReleased,
    MicClosed,
    MicOpened,
    ReadingsChanged,
    SessionEvent,
    ShotForgotten,
    ShotStored,
    SourceCut,
    SpeakerShown,
    VerbAsked,
    now,
)
from avctl.services.framings import Framings
from avctl.services.journal import Journal

CHAIR, FIRST, SECOND, THIRD = 121, 12, 34, 56
FEEDS = ("feed-1", "feed-2")


class Programme(Driver, Scenes):
    """A programme as the house sees it: what it shows is what it was last told."""

    async def serve(self) -> None:
        self.report(live=True, showing=f"source:{FEEDS[0]}")
        self.online()
        await asyncio.Event().wait()  # it lives as long as its house

    async def show(self, scene: str) -> None:
        self.report(showing=scene)

    async def show_lower_third(self, name: str, role: str = "") -> None:
        self.report(lower_third=name)


class Hall:
    """A hall with two cameras on air, seen by whoever tests it."""

    def __init__(self, one: Any, session: str) -> None:
        self.one, self.session = one, session
        self.floor = one.simulators["hall-dicentis"]
        self.floor.set_mode("open", max_speakers=4)

    async def speaks(self, seat: int) -> None:
        self.floor.speak(seat)
        await self.one.sees(MicOpened, seat=seat)

    async def falls_silent(self, seat: int) -> None:
        self.floor.release(seat)
        await self.one.sees(MicClosed, seat=seat)

    async def cut(self, source: str) -> None:
        await self.one.sees(SourceCut, source=source, actor="follow")

    def asked(self) -> list[tuple[str, int]]:
        """Every shot that was recalled so far: camera and preset."""
        return [
            (event.device, event.arguments["preset"])
            for event in self.one.seen
            if isinstance(event, VerbAsked) and event.verb == "recall_preset"
        ]

    def cuts(self) -> list[str]:
        return [event.source for event in self.one.seen if isinstance(event, SourceCut)]


@pytest.fixture
def hall(building: Callable[[Config], Any], free_port: Callable[[], int]) -> Callable[..., Any]:
    """Opens a sitting in a hall whose seats both cameras show; camera 1 is on air."""

    @asynccontextmanager
    async def make(**follow: Any) -> AsyncIterator[Hall]:
        both = [
            Shot(camera=camera, preset=preset, first=first, last=last)
            for preset, first, last in ((2, 1, 20), (3, 21, 40), (13, 121, 123))
            for camera in ("camera-1", "camera-2")
        ]
        only = Shot(camera="camera-1", preset=4, seats=(THIRD,))
        wide = (Shot(camera="camera-1", preset=0), Shot(camera="camera-2", preset=0))
        room = Room(id="plenary", title="Сесійна зала", wide=wide, shots=(*both, only))
        real = (
            Device(id="hall-dicentis", room="plenary", driver="bosch_dicentis", port=free_port()),
            *(
                Device(
                    id=f"camera-{number}",
                    room="plenary",
                    driver="visca",
                    port=free_port(),
                    feeds=FEEDS[number - 1],
                    options={"poll": 0.2},
                )
                for number in (1, 2)
            ),
        )
        feeds = tuple(
            Device(
                id=feed,
                room="plenary",
                driver="streams.feed",
                options={"url": "srt://127.0.0.1:9?mode=listener"},
            )
            for feed in FEEDS
        )
        settings = Follow(**{"wide_after": 0, "shortest_shot": 0, **follow})
        config = Config(rooms=(room,), devices=(*real, *feeds), follow=settings)
        async with building(config, Config(rooms=(room,), devices=real)) as one:
            for number in (1, 2):
                one.simulators[f"camera-{number}"].steps_per_second = 100_000
            await one.until(lambda: all(one.house.state(device.id).online for device in real))
            starts_at = now()
            details = {
                "title": "Пленарне засідання",
                "room": "plenary",
                "starts_at": starts_at.isoformat(),
                "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
            }
            session = await one.desk.obey(BookSession(actor="olena", details=details))
            device = Device(id=f"programme-{session.id}", room="plenary", driver="streams.engine")
            programme = Programme(device, one.bus.publish)
            one.house.add(programme)

            async def cut(command: CutTo) -> None:
                assert command.source in FEEDS
                if programme.readings["showing"] != f"source:{command.source}":
                    await programme.show(f"source:{command.source}")
                    told = SourceCut(session=command.session, actor=command.actor, source=command.source)
                    one.bus.publish(told)

            async def name(command: ShowSpeaker) -> None:
                shown = SpeakerShown(session=command.session, name=command.name, role=command.role)
                one.bus.publish(shown)

            one.desk.handle(CutTo, cut)
            one.desk.handle(ShowSpeaker, name)
            await one.until(lambda: one.house.state(device.id).online)
            one.bus.publish(one.sessions.get(session.id).open("olena"))
            await one.sees(SessionEvent)
            yield Hall(one, session.id)

    return make


# --- the camera that nobody sees ----------------------------------------------------------------------


async def test_the_unseen_camera_moves_arrives_and_only_then_the_programme_cuts(hall) -> None:
    async with hall() as plenary:
        await plenary.speaks(FIRST)
        await plenary.cut("feed-2")
        told = [
            type(event)
            for event in plenary.one.seen
            if isinstance(event, SourceCut)
            or (isinstance(event, ReadingsChanged) and event.readings.get("preset") == 2)
        ]
        assert told == [ReadingsChanged, SourceCut]
        await plenary.speaks(SECOND)  # both are open: the whole hall, from the other camera
        await plenary.cut("feed-1")
        assert plenary.asked() == [("camera-2", 2), ("camera-1", 0)]


async def test_a_shot_that_stands_on_air_stays(hall) -> None:
    async with hall(wide_after=60) as plenary:
        await plenary.speaks(FIRST)
        await plenary.cut("feed-2")
        await plenary.falls_silent(FIRST)
        await plenary.speaks(13)  # the neighbour, in the same shot
        await plenary.speaks(CHAIR)  # not shown while another speaks
        await plenary.falls_silent(13)
        await plenary.cut("feed-1")
        assert plenary.asked() == [("camera-2", 2), ("camera-1", 13)]


async def test_a_word_too_short_to_be_seen_still_turns_the_camera(hall) -> None:
    async with hall(wide_after=60) as plenary:
        for event in (MicOpened, MicClosed):  # in the same moment
            plenary.one.bus.publish(event(device="hall-dicentis", seat=FIRST))
        await plenary.cut("feed-2")
        assert plenary.asked() == [("camera-2", 2)]


async def test_a_camera_that_alone_shows_a_seat_moves_on_air(hall) -> None:
    async with hall() as plenary:
        await plenary.speaks(THIRD)
        await plenary.one.until(lambda: plenary.one.house.state("camera-1").readings.get("preset") == 4)
        assert plenary.cuts() == []


async def test_a_camera_that_does_not_say_it_has_arrived_is_cut_to_after_a_time(hall) -> None:
    async with hall(arrive_within=0.2) as plenary:
        plenary.one.simulators["camera-2"].steps_per_second = 10
        await plenary.speaks(FIRST)
        await plenary.cut("feed-2")
        assert plenary.one.house.state("camera-2").readings["preset"] is None


async def test_a_picture_stays_for_its_shortest_time(hall) -> None:
    async with hall(shortest_shot=20) as plenary:
        await plenary.speaks(FIRST)
        await plenary.cut("feed-2")
        await plenary.falls_silent(FIRST)
        await plenary.speaks(SECOND)  # the other camera makes ready, and waits
        await plenary.one.until(lambda: plenary.one.house.state("camera-1").readings.get("preset") == 3)
        assert plenary.cuts() == ["feed-2"]


async def test_the_next_picture_comes_when_the_shortest_time_is_over(hall) -> None:
    async with hall(shortest_shot=0.5, wide_after=60) as plenary:
        for seat, feed in ((FIRST, "feed-2"), (SECOND, "feed-1"), (FIRST, "feed-2")):
            await plenary.speaks(seat)
            await plenary.cut(feed)
            await plenary.falls_silent(seat)


# --- cameras that are away ------------------------------------------------------------------------------


async def test_the_next_camera_that_shows_the_seat_stands_in_for_one_that_is_away(hall) -> None:
    async with hall() as plenary:
        await plenary.one.simulators["camera-2"].unplug()
        await plenary.one.until(lambda: not plenary.one.house.state("camera-2").online)
        await plenary.speaks(FIRST)
        await plenary.one.until(lambda: plenary.one.house.state("camera-1").readings.get("preset") == 2)
        assert plenary.asked() == [("camera-1", 2)]
        assert plenary.cuts() == []


async def test_a_camera_that_fails_on_air_is_left_for_the_other(hall) -> None:
    async with hall() as plenary:
        await plenary.speaks(FIRST)
        await plenary.cut("feed-2")
        await plenary.one.simulators["camera-2"].unplug()
        await plenary.cut("feed-1")
        assert plenary.asked()[-1] == ("camera-1", 2)


async def test_a_camera_that_refuses_its_shot_is_passed_over(hall) -> None:
    async with hall() as plenary:
        plenary.one.simulators["camera-2"].refuse()
        await plenary.speaks(FIRST)
        await plenary.one.until(lambda: plenary.one.house.state("camera-1").readings.get("preset") == 2)
        assert plenary.cuts() == []


async def test_with_no_camera_at_all_everything_stays(hall) -> None:
    async with hall() as plenary:
        for camera in ("camera-1", "camera-2"):
            await plenary.one.simulators[camera].unplug()
            await plenary.one.until(lambda camera=camera: not plenary.one.house.state(camera).online)
        await plenary.speaks(FIRST)
        await plenary.one.sees(SpeakerShown)
        assert (plenary.asked(), plenary.cuts()) == ([], [])


# --- the chairman ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "shot"), [("ignore", 2), ("show", 13), ("wide", 0)])
async def test_the_rule_for_a_chairman_who_speaks_while_another_does(hall, rule: str, shot: int) -> None:
    async with hall(chairman=rule) as plenary:
        await plenary.speaks(CHAIR)
        await plenary.cut("feed-2")
        await plenary.speaks(FIRST)
        if rule != "show":
            await plenary.cut("feed-1")
        assert plenary.asked()[-1][1] == shot
        seats = plenary.one.house.state("hall-dicentis").readings["seats"]
        shown = CHAIR if rule == "show" else FIRST
        names = [event.name for event in plenary.one.seen if isinstance(event, SpeakerShown)]
        assert names[-1] == seats[str(shown)]["name"]


# --- people go first --------------------------------------------------------------------------------------


async def test_cameras_that_a_person_holds_do_not_follow_until_they_are_released(hall) -> None:
    async with hall() as plenary:
        await plenary.one.desk.obey(HoldCameras(actor="olena", room="plenary"))
        held = await plenary.one.sees(CamerasHeld, actor="olena")
        assert held.until is None
        await plenary.speaks(FIRST)
        await plenary.one.sees(SpeakerShown)  # the name is no matter of cameras
        assert plenary.asked() == []
        await plenary.one.desk.obey(ReleaseCameras(actor="olena", room="plenary"))
        await plenary.cut("feed-2")


async def test_a_cut_by_hand_holds_the_cameras_for_a_while(hall) -> None:
    async with hall(hand_seconds=0.5) as plenary:
        await plenary.one.desk.obey(CutTo(actor="olena", session=plenary.session, source="feed-2"))
        held = await plenary.one.sees(CamerasHeld, actor="olena")
        assert held.until is not None
        await plenary.speaks(FIRST)
        await plenary.one.sees(CamerasReleased)
        assert plenary.asked() == []
        await plenary.cut("feed-1")


async def test_a_shot_by_hand_holds_the_cameras_too(hall) -> None:
    async with hall() as plenary:
        command = Operate(actor="olena", device="camera-1", verb="recall_preset", arguments={"preset": 7})
        await plenary.one.desk.obey(command)
        await plenary.one.sees(CamerasHeld, actor="olena")
        await plenary.speaks(FIRST)
        await plenary.one.sees(SpeakerShown)
        assert plenary.asked() == [("camera-1", 7)]
        await plenary.one.desk.obey(HoldCameras(actor="olena", room="plenary"))
        assert plenary.one.framings.get("plenary").held_until is None


# --- lamps ------------------------------------------------------------------------------------------------


async def test_the_lamp_is_lit_on_the_camera_that_viewers_see(hall) -> None:
    async with hall() as plenary:
        lamps = [plenary.one.simulators[f"camera-{number}"] for number in (1, 2)]
        await plenary.one.until(lambda: plenary.one.house.state("camera-1").readings.get("tally") is True)
        await plenary.speaks(FIRST)
        await plenary.one.until(lambda: plenary.one.house.state("camera-2").readings.get("tally") is True)
        await plenary.one.until(lambda: plenary.one.house.state("camera-1").readings.get("tally") is False)
        assert [lamp.tally for lamp in lamps] == [False, True]
        programme = plenary.one.house.driver(f"programme-{plenary.session}")
        await programme.show("slate:break")
        await plenary.one.until(lambda: plenary.one.house.state("camera-2").readings.get("tally") is False)


# --- shots stored at seats ----------------------------------------------------------------------------------


async def test_a_stored_shot_of_a_seat_goes_before_the_table_and_outlives_a_restart(hall) -> None:
    async with hall() as plenary:
        one, head = plenary.one, plenary.one.simulators["camera-2"]
        head.joystick(pan=333)
        shot = {"room": "plenary", "seat": FIRST, "camera": "camera-2"}
        await one.desk.obey(StoreShot(actor="olena", **shot))
        await one.sees(ShotStored, seat=FIRST, camera="camera-2", preset=20, actor="olena")
        assert head.presets[20][0] == 333
        await plenary.speaks(FIRST)
        await plenary.cut("feed-2")
        assert plenary.asked() == [("camera-2", 20)]
        await one.desk.obey(StoreShot(actor="olena", **shot))  # again: the same number
        await one.desk.obey(StoreShot(actor="olena", room="plenary", seat=SECOND, camera="camera-2"))
        await one.sees(ShotStored, seat=SECOND, preset=21)

        journal = Journal(one.store, Bus())
        after = Framings(one.config, Bus(), Desk(), one.store, journal, one.house)
        await after.restore()
        assert after.get("plenary") == one.framings.get("plenary")
        assert [shot.preset for shot in after.shots_of("plenary", FIRST)] == [20, 2]

        await one.desk.obey(ForgetShot(actor="olena", **shot))
        await one.sees(ShotForgotten, seat=FIRST)
        assert [shot.preset for shot in one.framings.shots_of("plenary", FIRST)] == [2, 2]
        with pytest.raises(NotFound):
            await one.desk.obey(ForgetShot(actor="olena", **shot))


async def test_what_cannot_be_stored_is_said(hall) -> None:
    async with hall(store_first=20, store_last=20) as plenary:
        desk = plenary.one.desk
        for field, wrong in (
            ("seat", {"seat": 0, "camera": "camera-1"}),
            ("camera", {"seat": 1, "camera": "hall-dicentis"}),
            ("preset", {"seat": 1, "camera": "camera-1", "preset": 255}),
        ):
            with pytest.raises(BadArgument, match=field):
                await desk.obey(StoreShot(actor="olena", room="plenary", **wrong))
        await desk.obey(StoreShot(actor="olena", room="plenary", seat=1, camera="camera-1"))
        with pytest.raises(Conflict, match="no free preset from 20 to 20"):
            await desk.obey(StoreShot(actor="olena", room="plenary", seat=2, camera="camera-1"))
        with pytest.raises(NotFound):
            await desk.obey(HoldCameras(actor="olena", room="nowhere"))
