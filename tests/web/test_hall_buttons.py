"""The buttons of a discussion system: those its make has, and none that is dead."""

from __future__ import annotations

from typing import Any

import pytest

from avctl.capabilities import verbs_of
from avctl.driver import load
from avctl.events import now
from avctl.model.device import DeviceState
from avctl.model.floor import Floor, Place
from dashboards.buttons import of_hall

SEATS = {"1": {"name": "", "chairman": True}, "3": {"name": "", "chairman": False}}
FLOOR = Floor(
    device="hall",
    known=True,
    speakers=(Place(seat=3, since=now()),),
    waiting=(Place(seat=5, since=now()),),
    seats=SEATS,
)
TOLD = {"mode": "request", "modes": ("request", "open"), "max_open": 1, "all_muted": False}


def offered(driver: str, **readings: Any) -> list[str]:
    """The verbs that have a button, as the page of the room asks for them."""
    hall = DeviceState(id="hall", room="hall", title="", driver=driver, readings=readings)
    verbs = verbs_of(load(driver))
    return [verb for verb, button in of_hall(hall, FLOOR) if verb in verbs and button.label]


@pytest.mark.parametrize(
    ("driver", "more"),
    [
        ("shure_mxcw", ["mute_all", "set_mode", "set_max_open"]),
        ("bosch_wireless", ["take_priority", "set_mode", "set_max_open"]),
        ("bosch_dicentis", []),
    ],
)
def test_what_a_make_lacks_has_no_button(driver: str, more: list[str]) -> None:
    always = ["next_speaker", "close_all_mics", "clear_requests"]
    assert offered(driver, **TOLD) == [*always, *more]


def test_what_the_system_does_not_tell_is_not_offered() -> None:
    assert offered("shure_mxcw") == ["next_speaker", "close_all_mics", "clear_requests"]
