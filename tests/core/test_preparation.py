"""A room is brought to its wanted state, with proof, and what failed is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from avctl.commands import ArmBroadcast, BookSession, PrepareSession
from avctl.config import Config, Device, Preparation, Room, Shot
from avctl.errors import LinkError
from avctl.events import SessionPreparing, SessionReady
from avctl.model.session import Phase


def room(free_port: Callable[[], int]) -> Config:
    wanted = {"set_power": {"on": True}, "set_input": {"name": "hdmi2"}, "set_brightness": {"level": 70}}
    tile = {"join_wall": {"rows": 2, "columns": 2, "tile": 3}}
    devices = (
        Device(
            id="wall",
            room="plenary",
            driver="samsung_mdc",
            title="Стіна",
            port=free_port(),
            options={"poll": 0.1, "boot_seconds": 0.5},
            prepare=wanted | tile,
        ),
        Device(
            id="camera",
            room="plenary",
            driver="visca",
            title="Камера",
            port=free_port(),
            prepare={"recall_preset": {"preset": 5}},
        ),
    )
    hall = Room(id="plenary", title="Сесійна зала", wide=(Shot(camera="camera", preset=5),))
    return Config(rooms=(hall,), devices=devices, preparation=Preparation(seconds=8, retry_seconds=0.05))


async def book(one: Any, policy: str) -> str:
    now = datetime.now(UTC)
    details = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
        "policy": policy,
    }
    session = await one.desk.obey(BookSession(actor="olena", details=details))
    one.desk.handle(PrepareSession, one.preparation.prepare)
    return str(session.id)


async def test_every_device_of_the_room_reaches_its_wanted_state(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one, "none")
        await one.desk.obey(PrepareSession(actor="olena", session=session))
        ready = await one.sees(SessionReady, session=session)
        assert ready.faults == ()
        wall = one.house.state("wall").readings
        assert (wall["power"], wall["input"], wall["brightness"]) == (True, "hdmi2", 70)
        assert (wall["wall"], wall["rows"], wall["columns"], wall["tile"]) == (True, 2, 2, 3)
        assert one.house.state("camera").readings["preset"] == 5


async def test_one_device_that_fails_is_named_and_does_not_stop_the_rest(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        await one.simulators["camera"].unplug()
        await one.until(lambda: not one.house.state("camera").online)
        session = await book(one, "none")
        await one.desk.obey(PrepareSession(actor="olena", session=session))
        ready = await one.sees(SessionReady, session=session)
        assert len(ready.faults) == 1
        assert ready.faults[0].startswith("Камера: camera is offline")
        assert one.house.state("wall").readings["input"] == "hdmi2"
        assert one.sessions.get(session).faults == ready.faults


async def test_a_broadcast_that_cannot_be_armed_is_a_fault_of_the_preparation(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async def no_disk(_: ArmBroadcast) -> None:
        raise LinkError("the runner does not start: no disk")

    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one, "live")
        one.desk.handle(ArmBroadcast, no_disk)
        await one.desk.obey(PrepareSession(actor="olena", session=session))
        ready = await one.sees(SessionReady, session=session)
        assert ready.faults == ("the runner does not start: no disk",)


async def test_preparing_twice_is_one_preparation(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one, "none")
        for _ in range(2):
            answered = await one.desk.obey(PrepareSession(actor="olena", session=session))
            assert answered.phase is Phase.PREPARING
        await one.sees(SessionReady, session=session)
        assert sum(isinstance(event, SessionPreparing) for event in one.seen) == 1
