"""Without mains: loads go in order and come back, what is on air stays, a silent UPS sheds nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from avctl.commands import BookSession, CloseSession, PrepareSession
from avctl.commands.building import (
    KeepBlackout,
    RemoveBlackout,
)
from avctl.errors import BadArgument
from avctl.events import (
    LineJudged,
    LoadRestored,
    LoadShed,
    LoadSpared,
    MainsLost,
    MainsReturned,
    Severity,
    now,
)
from kiosks.place import place_of


@pytest.fixture
def settings(free_port: Callable[[], int]) -> dict[str, Any]:
    def device(name: str, driver: str, **options: Any) -> dict[str, Any]:
        options = {"poll": 0.05, **options}
        return {"id": name, "room": "lobby", "driver": driver, "port": free_port(), "options": options}

    return {
        "web": {"port": free_port()},
        "preparation": {"minutes_before": 0},
        "power": {
            "shed_after": 0.1,
            "shed_below": 40,
            "step_seconds": 0,
            "return_after": 0.1,
            "loads": [
                {"id": "wall", "device": "wall"},
                {"id": "kiosks", "device": "strip", "outlet": 1, "ups": "ups"},
                {"id": "encoder", "device": "strip", "outlet": 2, "rooms": ["plenary"]},
            ],
        },
        "rooms": [{"id": "plenary", "title": "Сесійна зала"}, {"id": "lobby", "title": "Вестибюль"}],
        "devices": [
            device("ups", "nut_ups"),
            device("wall", "samsung_mdc", boot_seconds=0.1),
            device("strip", "netio"),
        ],
    }


@pytest.fixture
def place(settings: dict[str, Any], tmp_path: Path) -> Callable[..., Any]:
    return partial(place_of, settings, tmp_path / "data")


async def ready(here: Any) -> None:
    """The wall is on, and so are the outlets."""
    here.devices["wall"].settings[0x11] = 1
    house = here.controller.house
    await here.until(
        lambda: (
            house.state("wall").readings.get("power") is True
            and house.state("strip").readings.get("outlets", {}).get("1", {}).get("on") is True
            and house.state("ups").readings.get("on_battery") is False
        )
    )


async def on_battery(here: Any) -> None:
    """Everything is on, and the mains are lost."""
    await ready(here)
    here.devices["ups"].cut_mains()
    await here.sees(MainsLost)


def outlet(here: Any, number: int) -> bool:
    return bool(here.controller.house.state("strip").readings["outlets"][str(number)]["on"])


async def test_loads_go_in_order_never_what_is_on_air_and_come_back_in_the_other(place) -> None:
    async with place() as here:
        await ready(here)
        session = await here.session()
        await here.obey(
            KeepBlackout(
                actor="olena",
                details={
                    "begins_at": (now() - timedelta(minutes=5)).isoformat(),
                    "ends_at": (now() + timedelta(hours=1)).isoformat(),
                },
            )
        )
        here.devices["ups"].cut_mains()
        assert (await here.sees(MainsLost, device="ups")).blackout.startswith("blackout-")
        assert (await here.sees(LoadShed)).load == "wall"
        assert (await here.sees(LoadShed)).load == "kiosks"
        await here.sees(LoadSpared, load="encoder")
        assert not outlet(here, 1)
        assert outlet(here, 2)
        (alert,) = (one for one in here.controller.alerts.raised() if one.rule == "on_battery")
        assert (alert.severity, alert.text) == (Severity.INFO, "On battery, as announced")
        # The sitting is over: its encoder is on air no more.
        await here.obey(CloseSession(actor="olena", session=session))
        await here.sees(LoadShed, load="encoder", fault="")
        here.devices["ups"].cut_mains(False)
        await here.sees(MainsReturned)
        assert [(await here.sees(LoadRestored)).load for _ in range(3)] == ["encoder", "kiosks", "wall"]
        assert outlet(here, 1)
        assert outlet(here, 2)
        assert not here.controller.mains.state.shed


async def test_a_lost_ups_sheds_nothing_more_and_gives_back_only_when_it_is_heard(place, settings) -> None:
    settings["power"]["shed_after"] = 3600
    async with place() as here:
        await on_battery(here)
        here.devices["ups"].lose_ups()
        house = here.controller.house
        await here.until(lambda: house.state("ups").readings["on_battery"] is None)
        here.devices["ups"].drain(10, 60)  # nobody hears it
        assert here.controller.mains.on_battery("ups") is None
        await here.controller.journal.settled()
        assert not here.controller.mains.state.shed
        # Heard again, and low: now it is time, however short it has been.
        here.devices["ups"].lose_ups(False)
        await here.sees(LoadShed, load="wall")
        await here.until(lambda: len(here.controller.mains.state.shed) == 3)
        await here.devices["ups"].unplug()
        await here.until(lambda: not house.state("ups").online)
        assert len(here.controller.mains.state.shed) == 3
        devices = here.devices
        await here.controller.journal.settled()

    # The controller is started again, and only then the mains are back.
    devices["ups"].values["ups.status"] = "OL CHRG"
    async with devices["ups"], devices["strip"], devices["wall"], place(devices, ("wall",)) as again:
        assert set(again.controller.mains.state.shed) == {"wall", "kiosks", "encoder"}
        await again.until(lambda: not again.controller.mains.state.shed)
        assert outlet(again, 1)


async def test_a_ups_that_says_its_battery_is_low_sheds_whatever_charge_it_tells(place, settings) -> None:
    settings["power"]["shed_after"] = 3600
    async with place() as here:
        await on_battery(here)
        here.devices["ups"].values["ups.status"] = "OB DISCHRG LB"
        await here.sees(LoadShed, load="wall")
        (alert,) = (one for one in here.controller.alerts.raised() if one.rule == "on_battery")
        assert (alert.severity, alert.text) == (Severity.CRITICAL, "On battery, and it is low")


async def test_blackouts_are_a_calendar(place) -> None:
    async with place() as here:
        begins = now() + timedelta(hours=3)
        details = {"begins_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=4)).isoformat()}
        kept = await here.obey(KeepBlackout(actor="olena", details=details))
        assert here.controller.blackouts.at(begins + timedelta(minutes=1)) == kept
        assert here.controller.blackouts.coming() == (kept,)
        with pytest.raises(BadArgument, match="ends_at"):
            await here.obey(KeepBlackout(actor="olena", details={**details, "ends_at": begins.isoformat()}))
        await here.obey(RemoveBlackout(actor="olena", blackout=kept.id))
        assert here.controller.blackouts.coming() == ()


async def test_a_blackout_is_told_before_it_begins_with_what_it_hits(place) -> None:
    async with place() as here:

        def warnings() -> list[Any]:
            return [one for one in here.controller.alerts.raised() if one.rule == "blackout_ahead"]

        def window(hours: float) -> dict[str, str]:
            begins = now() + timedelta(hours=hours)
            return {"begins_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=2)).isoformat()}

        await here.obey(KeepBlackout(actor="olena", details={**window(5), "id": "later"}))
        kept = await here.obey(
            KeepBlackout(actor="olena", details={**window(1), "id": "soon", "note": "черга 3.1"})
        )
        await here.until(lambda: bool(warnings()))
        (alert,) = warnings()
        hours = kept.hours(here.controller.config.site.zone)
        assert (alert.subject, alert.severity, alert.text) == ("soon", Severity.INFO, hours)
        assert hours.endswith("(черга 3.1)")
        # Somebody books into it: the alert weighs more, and the preparation says so.
        times = {"starts_at": kept.begins_at.isoformat(), "ends_at": kept.ends_at.isoformat()}
        details = {"title": "Комісія", "room": "plenary", "policy": "none", **times}
        booked = await here.obey(BookSession(actor="olena", details=details))
        await here.until(lambda: [one.severity for one in warnings()] == [Severity.WARNING])
        assert "Комісія" in warnings()[0].text
        assert warnings()[0].text.endswith("Сесійна зала")
        await here.obey(PrepareSession(actor="olena", session=booked.id))
        line = await here.sees(LineJudged, line="mains")
        assert (line.verdict, line.values["hours"]) == ("warn", hours)
        # It will not come.
        await here.obey(RemoveBlackout(actor="olena", blackout="soon"))
        await here.until(lambda: not warnings())
