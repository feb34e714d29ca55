"""A room is brought to its wanted state, with proof, and what failed is named with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avctl.commands import (
    ArmBroadcast,
    BookSession,
    CancelPreparation,
    Operate,
    PrepareSession,
    RerunLine,
)
from avctl.config import Config, Device, Preparation, Room, RoomStep, Shot
from avctl.errors import Conflict, LinkError, NotFound
from avctl.events import LineBegun, LineJudged, SessionPreparing, SessionReady, Severity
from avctl.model.preparation import Stage, Verdict
from avctl.model.session import Phase
from avctl.services.preparation.due import Due

WANTED = {"set_power": {"on": True}, "set_input": {"name": "hdmi2"}, "set_brightness": {"level": 70}}
TILE = {"join_wall": {"rows": 2, "columns": 2, "tile": 3}}


def room(free_port: Callable[[], int], *steps: RoomStep, **settings: Any) -> Config:
    devices = (
        Device(
            id="wall",
            room="plenary",
            driver="samsung_mdc",
            title="Стіна",
            port=free_port(),
            options={"poll": 0.1, "boot_seconds": 0.5},
            prepare=WANTED | TILE,
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
    hall = Room(id="plenary", title="Сесійна зала", wide=(Shot(camera="camera", preset=5),), prepare=steps)
    usual = {"minutes_before": 0, "seconds": 8, "retry_seconds": 0.05, "answer_seconds": 1}
    return Config(rooms=(hall,), devices=devices, preparation=Preparation(**{**usual, **settings}))


async def book(one: Any, policy: str = "none", kind: str = "plenary", begins: int = 0) -> str:
    now = datetime.now(UTC) + timedelta(minutes=begins)
    details = {
        "title": "Пленарне засідання",
        "room": "plenary",
        "kind": kind,
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
        "policy": policy,
    }
    session = await one.desk.obey(BookSession(actor="olena", details=details))
    return str(session.id)


async def prepared(one: Any, session: str) -> dict[str, Any]:
    """The lines of a sheet once the room is ready."""
    await one.desk.obey(PrepareSession(actor="olena", session=session))
    await one.sees(SessionReady, session=session)
    return {line.id: line for line in one.preparations.sheets.get(session).lines}


async def test_every_device_reaches_its_wanted_state_and_is_proven(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one)
        lines = await prepared(one, session)
        assert {line.verdict for name, line in lines.items() if name != "clock"} == {Verdict.PASS}
        assert list(lines)[:2] == ["step.wall.set_power", "step.camera.recall_preset"]
        assert "answered in" in lines["answers.wall"].said
        assert "returned" in lines["moves.camera"].said
        assert one.sessions.get(session).faults == ()
        wall = one.house.state("wall").readings
        assert (wall["power"], wall["input"], wall["brightness"]) == (True, "hdmi2", 70)
        assert (wall["wall"], wall["rows"], wall["columns"], wall["tile"]) == (True, 2, 2, 3)
        assert one.house.state("camera").readings["preset"] == 5


async def test_one_device_that_fails_is_named_and_what_depends_on_it_is_left_out(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    late = RoomStep(
        id="late", device="wall", verb="set_volume", arguments={"level": 9}, after=("camera", "early")
    )
    early = RoomStep(id="early", device="wall", verb="mute", arguments={"on": True}, after=("wall",))
    other = RoomStep(id="other", device="wall", verb="mute", arguments={"on": False}, kinds=("hearing",))
    async with building(room(free_port, late, early, other)) as one:
        await one.all_online()
        await one.simulators["camera"].unplug()
        await one.until(lambda: not one.house.state("camera").online)
        session = await book(one)
        lines = await prepared(one, session)
        assert "step.other" not in lines
        verdicts = {name: line.verdict for name, line in lines.items() if name != "clock"}
        assert verdicts == {
            "step.wall.set_power": Verdict.PASS,
            "step.wall.set_input": Verdict.PASS,
            "step.wall.set_brightness": Verdict.PASS,
            "step.wall.join_wall": Verdict.PASS,
            "step.camera.recall_preset": Verdict.FAIL,
            "step.early": Verdict.PASS,
            "step.late": Verdict.SKIPPED,
            "answers.wall": Verdict.PASS,
            "answers.camera": Verdict.FAIL,
            "moves.camera": Verdict.SKIPPED,
        }
        assert "Камера: recall_preset 5" in lines["step.late"].said
        assert lines["answers.camera"].advice.startswith("Look at its power")
        faults = one.sessions.get(session).faults
        assert len(faults) == 2
        assert faults[0].startswith("Камера: recall_preset 5: camera is offline")

        # The cable is put back, and one line is done again, with what was left out for its sake.
        await one.simulators["camera"].plug()
        await one.until(lambda: one.house.state("camera").online)
        with pytest.raises(NotFound):
            await one.desk.obey(RerunLine(actor="olena", session=session, line="no"))
        for line in ("answers.camera", "step.camera.recall_preset"):
            asked = RerunLine(actor="olena", session=session, line=line)
            await asyncio.gather(one.desk.obey(asked), one.desk.obey(asked))  # pressed twice
            await one.sees(SessionReady, session=session)
            begun = [event for event in one.seen if isinstance(event, LineBegun) and event.line == line]
            assert len(begun) == 2
        sheet = one.preparations.sheets.get(session)
        assert sheet.count(Verdict.FAIL, Verdict.SKIPPED) == 0
        assert one.sessions.get(session).faults == ()
        assert (await one.preparations.sheets.all_of(session))[0] == sheet


async def test_a_broadcast_that_cannot_be_armed_is_a_fault_of_the_preparation(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async def no_disk(_: ArmBroadcast) -> None:
        raise LinkError("the runner does not start: no disk")

    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one, "live")
        one.desk.handle(ArmBroadcast, no_disk)
        lines = await prepared(one, session)
        assert lines["armed"].said == "the runner does not start: no disk"
        assert one.sessions.get(session).faults == (
            "The broadcast is armed: the runner does not start: no disk",
        )


async def test_preparing_twice_is_one_preparation_and_cancelling_brings_the_camera_back(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one)
        for _ in range(2):
            answered = await one.desk.obey(PrepareSession(actor="olena", session=session))
            assert answered.phase is Phase.PREPARING
        await one.sees(LineBegun, line="moves.camera", keeps={"preset": 5})
        with pytest.raises(Conflict):
            await one.desk.obey(RerunLine(actor="olena", session=session, line="answers.camera"))
        await one.until(lambda: one.house.state("camera").readings["preset"] is None)
        sheet = await one.desk.obey(CancelPreparation(actor="olena", session=session))
        assert sheet.stage is Stage.CANCELLED
        assert one.house.state("camera").readings["preset"] == 5
        assert sheet.line("moves.camera").said == "cancelled by olena"
        assert sheet.count(Verdict.WAITING, Verdict.RUNNING) == 0
        assert one.sessions.get(session).phase is Phase.PLANNED
        assert await one.desk.obey(CancelPreparation(actor="olena", session=session)) == sheet
        assert sum(isinstance(event, SessionPreparing) for event in one.seen) == 1


async def test_nothing_moves_in_the_sight_of_a_sitting(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        now, later = await book(one), await book(one, begins=90)
        await one.desk.obey(PrepareSession(actor="olena", session=now))
        await one.sees(LineBegun, line="moves.camera", keeps={"preset": 5})
        one.bus.publish(one.sessions.get(now).open("olena"))
        judged = await one.sees(LineJudged, line="moves.camera")
        assert judged.verdict == "skipped"
        assert one.house.state("camera").readings["preset"] == 5
        await one.until(lambda: one.preparations.sheets.get(now).stage is Stage.DONE)
        with pytest.raises(Conflict, match="is open in this room"):
            await one.desk.obey(RerunLine(actor="olena", session=now, line="moves.camera"))
        await one.desk.obey(RerunLine(actor="olena", session=now, line="answers.wall"))
        await one.sees(LineJudged, line="answers.wall")

        lines = await prepared(one, later)
        assert lines["step.wall.set_input"].verdict is Verdict.SKIPPED
        assert lines["moves.camera"].verdict is Verdict.SKIPPED
        assert lines["answers.camera"].verdict is Verdict.PASS


async def test_a_restart_goes_on_and_does_not_move_a_camera_twice(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(room(free_port)) as one:
        await one.all_online()
        session = await book(one)
        await one.desk.obey(PrepareSession(actor="olena", session=session))
        await one.sees(LineBegun, line="moves.camera", keeps={"preset": 5})
        # What a start finds after a power cut: the line under way, the camera somewhere else.
        sheet = one.preparations.sheets.get(session)
        await one.preparations.close()
        await one.desk.obey(
            Operate(actor="wind", device="camera", verb="recall_preset", arguments={"preset": 1})
        )
        assert one.preparations.sheets.get(session).line("moves.camera").verdict is Verdict.RUNNING
        await one.preparations.resume()
        await one.sees(SessionReady, session=session)
        taken_up = one.preparations.sheets.get(session)
        assert taken_up.id == sheet.id
        line = taken_up.line("moves.camera")
        assert (line.verdict, line.said[:10]) == (Verdict.FAIL, "broken off")
        assert one.house.state("camera").readings["preset"] == 5
        assert taken_up.count(Verdict.WAITING, Verdict.RUNNING) == 0


async def test_it_begins_by_itself_and_its_faults_weigh_more_as_the_start_comes_nearer(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    config = room(free_port, minutes_before=60)
    async with building(config) as one:
        await one.all_online()
        await one.simulators["wall"].unplug()
        await one.until(lambda: not one.house.state("wall").online)
        session = await book(one, begins=61)
        start = one.sessions.get(session).booking.starts_at
        moment = [start - timedelta(minutes=60, seconds=1)]
        due = Due(config, one.desk, one.sessions, one.preparations.sheets, one.alerts, lambda: moment[0])

        def told() -> list[Severity]:
            return [alert.severity for alert in one.alerts.raised() if alert.rule == "preparation_failed"]

        await due.look()
        assert one.sessions.get(session).phase is Phase.PLANNED
        moment[0] = start - timedelta(minutes=60)
        await due.look()
        assert one.preparations.sheets.get(session).by == "avctl"
        await one.sees(SessionReady, session=session)
        await due.look()  # not a second time
        assert (one.sessions.get(session).phase, told()) == (Phase.READY, [Severity.WARNING])
        moment[0] = start - timedelta(minutes=15)
        await due.look()
        assert told() == [Severity.CRITICAL]
        one.bus.publish(one.sessions.get(session).open("olena"))
        await due.look()
        assert told() == []


def test_the_order_has_no_circle_and_waits_through_what_is_left_out() -> None:
    from avctl.config.preparing import cycle_in, steps_of

    devices = [{"id": "wall", "prepare": {"set_power": {}, "set_input": {}}}, {"id": "mixer"}]
    table = {
        "prepare": [
            {"id": "scene", "device": "mixer", "verb": "recall_scene", "after": ["wall", "mixer"]},
            {
                "id": "quiet",
                "device": "mixer",
                "verb": "mute_channel",
                "after": ["scene"],
                "kinds": ["hearing"],
            },
            {"id": "last", "device": "mixer", "verb": "set_level", "after": ["quiet"]},
        ]
    }
    steps = {step.id: step.after for step in steps_of(table, devices, "plenary")}
    assert steps == {
        "wall.set_power": (),
        "wall.set_input": ("wall.set_power",),
        "scene": ("wall.set_input",),
        "last": ("scene",),
    }
    assert cycle_in(steps_of(table, devices)) == ()
    table["prepare"][0]["after"] = ["last"]
    assert cycle_in(steps_of(table, devices)) == ("scene", "last", "quiet", "scene")


async def test_seats_meters_and_devices_that_are_silent_refuse_or_are_slow_are_told_apart(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    def device(name: str, driver: str, **more: Any) -> Device:
        return Device(id=name, room="hall", driver=driver, port=free_port(), **more)

    quick = {"poll": 0.2, "answer_seconds": 0.5}
    loud = {"set_volume": {"level": 40}}
    config = Config(
        rooms=(Room(id="hall", title="Зала"),),
        devices=(
            device("seats", "shure_mxcw", options={"poll": 60}),
            device("mixer", "behringer_x32", options={"channels": 2}),
            device("refusing", "samsung_mdc", prepare={"set_power": {"on": True}} | loud),
            device("slow", "samsung_mdc", options=quick | {"answer_seconds": 5, "boot_seconds": 0.2}),
            device("silent", "samsung_mdc", options=quick, prepare=loud),
        ),
        preparation=Preparation(minutes_before=0, seconds=2, retry_seconds=0.1, answer_seconds=1.5),
    )
    async with building(config) as one:
        await one.all_online()
        simulated = one.simulators
        session = await one.desk.obey(
            BookSession(
                actor="olena",
                details={
                    "title": "Засідання",
                    "room": "hall",
                    "starts_at": datetime.now(UTC).isoformat(),
                    "ends_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
                    "policy": "none",
                },
            )
        )
        simulated["refusing"].refuse(on=True)
        simulated["slow"].delay(seconds=0.1)
        simulated["silent"].mute(on=True)
        simulated["seats"].connect_seat(3, connected=False)
        await one.until(lambda: one.house.state("seats").readings["seats"]["3"]["fault"])
        lines = await prepared(one, session.id)
        assert {name: line.verdict for name, line in lines.items() if name != "clock"} == {
            "step.refusing.set_power": Verdict.FAIL,
            "step.refusing.set_volume": Verdict.SKIPPED,
            "step.silent.set_volume": Verdict.FAIL,
            "answers.seats": Verdict.PASS,
            "seats.seats": Verdict.FAIL,
            "answers.mixer": Verdict.PASS,
            "meters.mixer": Verdict.WARN,
            "answers.refusing": Verdict.PASS,
            "answers.slow": Verdict.PASS,
            "answers.silent": Verdict.FAIL,
        }
        assert lines["seats.seats"].said.endswith("with a fault: 3")
        simulated["seats"].connect_seat(3)
        await one.until(lambda: not one.house.state("seats").readings["seats"]["3"]["fault"])
        await one.desk.obey(RerunLine(actor="olena", session=session.id, line="meters.mixer"))
        await one.sees(LineBegun, line="meters.mixer")
        simulated["mixer"].speak(1)
        assert (await one.sees(LineJudged, line="meters.mixer")).verdict == "pass"
        await one.sees(SessionReady)
        await one.desk.obey(RerunLine(actor="olena", session=session.id, line="seats.seats"))
        assert (await one.sees(LineJudged, line="seats.seats")).verdict == "pass"
