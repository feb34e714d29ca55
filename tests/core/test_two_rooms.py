"""Two makes in two rooms at once: nobody's name, camera or picture is the other room's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from avctl.commands import BookSession, Command, CutTo, ListParticipants, ShowSpeaker
from avctl.config import Config, Device, Follow, Room, Shot
from avctl.events import ChapterMarked, MicClosed, MicOpened, SourceCut, SpeakerShown, VerbAsked

ROOMS = ("plenary", "committee")
SEAT = 5  # the same number in both


def council(free_port: Callable[[], int]) -> Config:
    devices, rooms = [], []
    for room, driver in zip(ROOMS, ("bosch_dicentis", "shure_mxcw"), strict=True):
        devices.append(Device(id=f"{room}-system", room=room, driver=driver, port=free_port()))
        shots = []
        for number in (1, 2):
            camera = f"{room}-camera-{number}"
            devices.append(
                Device(
                    id=camera,
                    room=room,
                    driver="visca",
                    port=free_port(),
                    feeds=f"{room}-feed-{number}",
                    options={"poll": 0.2},
                )
            )
            devices.append(
                Device(
                    id=f"{room}-feed-{number}",
                    room=room,
                    driver="streams.feed",
                    options={"url": f"srt://127.0.0.1:{free_port()}?mode=listener"},
                )
            )
            first, last = (1, 9) if number == 1 else (10, 15)
            shots.append(Shot(camera=camera, preset=number, first=first, last=last))
        wide = (Shot(camera=f"{room}-camera-2", preset=0),)
        rooms.append(Room(id=room, title=room, wide=wide, shots=tuple(shots)))
    follow = Follow(wide_after=0, shortest_shot=0)
    return Config(rooms=tuple(rooms), devices=tuple(devices), follow=follow)


async def test_a_microphone_in_each_room_moves_only_its_own(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(council(free_port)) as one:
        machines = [state.id for state in one.house if state.driver != "streams.feed"]
        await one.until(lambda: all(one.house.state(device).online for device in machines))
        sessions: dict[str, str] = {}
        for room in ROOMS:
            now = datetime.now(UTC)
            details = {
                "title": room,
                "room": room,
                "starts_at": now.isoformat(),
                "ends_at": (now + timedelta(hours=1)).isoformat(),
            }
            sessions[room] = (await one.desk.obey(BookSession(actor="olena", details=details))).id
        rooms = {session: room for room, session in sessions.items()}

        async def show(command: Command) -> None:
            assert isinstance(command, ShowSpeaker)
            one.bus.publish(SpeakerShown(session=command.session, name=command.name, role=command.role))

        async def cut(command: Command) -> None:
            assert isinstance(command, CutTo)
            one.bus.publish(SourceCut(session=command.session, source=command.source, actor=command.actor))

        one.desk.handle(ShowSpeaker, show)
        one.desk.handle(CutTo, cut)
        names = {"plenary": "Ярина Росяненко", "committee": "Гнат Орлюк"}
        for room, session in sessions.items():
            text = f"seat,name\n{SEAT},{names[room]}\n12,{names[room]} молодша\n"
            preview = await one.participants.look(session, text.encode(), "list.csv")
            await one.desk.obey(ListParticipants(actor="olena", session=session, preview=preview.id))
            one.bus.publish(one.sessions.get(session).open("olena"))
        hall, committee = (one.simulators[f"{room}-system"] for room in ROOMS)
        hall.set_mode("open", max_speakers=4)
        committee.settings["OPERATION_MODE"] = "FIFO"

        for seat in (SEAT, 12):  # in both at the same moment
            hall.speak(seat)
            committee.press(seat)
            opened: set[str] = set()
            while len(opened) < len(ROOMS):
                opened.add((await one.sees(MicOpened, seat=seat)).device)
            number = 1 if seat == SEAT else 2
            await one.until(
                lambda number=number: all(
                    one.house.state(f"{room}-camera-{number}").readings.get("preset") == number
                    for room in ROOMS
                )
            )
            for room, session in sessions.items():
                assert one.follow.floor(room).speakers[0].name.startswith(names[room])
                assert one.sessions.get(session).speaker.startswith(names[room])
            hall.release(seat)
            committee.press(seat)
            closed: set[str] = set()
            while len(closed) < len(ROOMS):
                closed.add((await one.sees(MicClosed, seat=seat)).device)

        # Everything that was done in one room was done with what belongs to it.
        for event in one.seen:
            match event:
                case SpeakerShown() | ChapterMarked(kind="speaker"):
                    told = event.name if isinstance(event, SpeakerShown) else event.title
                    assert not told or told.startswith(names[rooms[event.session]])
                case SourceCut():
                    assert event.source.startswith(rooms[event.session])
        moved = {event.device for event in one.seen if isinstance(event, VerbAsked)}
        assert moved == {f"{room}-camera-{number}" for room in ROOMS for number in (1, 2)}
        assert {rooms[e.session] for e in one.seen if isinstance(e, SourceCut)} == set(ROOMS)
