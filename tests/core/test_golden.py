"""What a room is known to be good with: kept, compared with what devices say, and brought back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avctl.commands import Operate, RestoreGolden, SaveGolden
from avctl.config import Config, Device, Room
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.events import GoldenCompared, GoldenRestored
from avctl.services.golden import GoldenStates


def hall(free_port: Callable[[], int]) -> Config:
    devices = (
        Device(
            id="wall",
            room="plenary",
            driver="samsung_mdc",
            title="Стіна",
            port=free_port(),
            options={"poll": 0.1, "boot_seconds": 0.3},
        ),
        Device(
            id="mixer",
            room="plenary",
            driver="behringer_x32",
            title="Мікшер",
            port=free_port(),
            options={"poll": 0.1, "channels": 4},
        ),
    )
    return Config(rooms=(Room(id="plenary", title="Сесійна зала"),), devices=devices)


async def test_what_somebody_changed_is_shown_with_the_name_and_brought_back(
    building: Callable[[Config], Any], free_port: Callable[[], int]
) -> None:
    async with building(hall(free_port)) as one:
        await one.all_online()

        async def use(device: str, verb: str, **arguments: Any) -> None:
            await one.desk.obey(Operate(actor="petro", device=device, verb=verb, arguments=arguments))

        with pytest.raises(NotFound):
            await one.desk.obey(SaveGolden(actor="olena", room="nowhere"))
        with pytest.raises(Conflict):
            await one.desk.obey(RestoreGolden(actor="olena", room="plenary"))
        await use("wall", "set_power", on=True)
        await use("wall", "set_input", name="hdmi2")
        await use("wall", "join_wall", rows=2, columns=2, tile=3)
        await use("mixer", "mute_channel", channel=2, on=False)
        await one.until(lambda: one.house.state("wall").readings.get("tile") == 3)
        golden = await one.desk.obey(SaveGolden(actor="olena", room="plenary"))
        assert golden.saved_by == "olena"
        assert golden.settings["wall"]["wall"] == "2 x 2, 3"
        assert one.golden.differences("plenary") == ()

        await use("wall", "set_input", name="hdmi1")
        await use("wall", "leave_wall")
        await use("mixer", "mute_channel", channel=2, on=True)
        await one.until(lambda: len(one.golden.differences("plenary")) == 3)
        told = {one.id: (one.wanted, one.found, one.by) for one in one.golden.differences("plenary")}
        assert told == {
            "wall.input": ("hdmi2", "hdmi1", "petro"),
            "wall.wall": ("2 x 2, 3", "", "petro"),
            "mixer.channels.2.muted": (False, True, "petro"),
        }
        with pytest.raises(BadArgument):
            await one.desk.obey(RestoreGolden(actor="olena", room="plenary", settings=("wall.volume",)))
        await one.desk.obey(RestoreGolden(actor="olena", room="plenary", settings=("wall.input",)))
        assert {one.id for one in one.golden.differences("plenary")} == {
            "wall.wall",
            "mixer.channels.2.muted",
        }

        # After a night in standby, at another volume; a device that is away is not called different.
        await use("wall", "set_volume", level=3)
        await use("wall", "set_power", on=False)
        await one.until(lambda: one.house.state("wall").readings["power"] is False)
        assert {one.setting for one in one.golden.differences("plenary") if one.device == "wall"} == {"power"}
        await one.desk.obey(RestoreGolden(actor="olena", room="plenary"))
        told = await one.sees(GoldenRestored, actor="olena", faults=())
        while one.golden.differences("plenary"):
            await one.sees(GoldenCompared)
        assert one.house.state("wall").readings["input"] == "hdmi2"
        await one.simulators["wall"].unplug()
        await one.until(lambda: not one.house.state("wall").online)
        assert [state.id for state in one.golden.unknown("plenary")] == ["wall"]

        again = GoldenStates(one.config, one.bus, one.desk, one.store, one.journal, one.house)
        await one.journal.settled()
        await again.restore()
        assert again.get("plenary") == one.golden.get("plenary")
