"""What capabilities call settings can be read, and is brought back by verbs of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from avctl.capabilities import CAPABILITIES, arguments_of, settings_of, verbs_of
from avctl.settings import same

READINGS: dict[str, Any] = {
    "power": True,
    "input": "hdmi1",
    "volume": 20,
    "muted": False,
    "brightness": 70,
    "wall": True,
    "rows": 2,
    "columns": 3,
    "tile": 5,
    "mode": "request",
    "max_open": 4,
    "all_muted": False,
    "scene": 7,
    "routes": {"3": "1", "program": "2"},
    "channels": {
        "0": {"name": "Main", "muted": False, "level": -3.5},
        "bus-2": {"muted": True, "level": None},
    },
}


def test_every_setting_is_brought_back_by_a_verb_of_its_capability() -> None:
    restored: dict[str, tuple[str, Any]] = {}
    for capability in CAPABILITIES:
        kind = type("Some", (capability,), {})
        for setting in settings_of(kind):
            assert setting.read({}) == {}
            for name, value in setting.read(READINGS).items():
                verb, arguments = setting.restore(name, value)
                arguments_of(verbs_of(kind)[verb]).model_validate(dict(arguments))
                restored[name] = verb, dict(arguments)
    assert restored["wall"] == ("join_wall", {"rows": 2, "columns": 3, "tile": 5})
    assert restored["channels.0.level"] == ("set_level", {"channel": 0, "decibels": -3.5})
    assert restored["channels.bus-2.muted"] == ("mute_channel", {"channel": "bus-2", "on": True})
    assert restored["channels.bus-2.level"] == ("set_level", {"channel": "bus-2", "decibels": -90.0})
    assert restored["max_open"] == ("set_max_open", {"count": 4})
    assert restored["routes.3"] == ("route", {"output": "3", "source": "1"})
    assert len(restored) == 15


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [(-3.5, -3.2, True), (-3.5, -9.0, False), (None, -90.0, False), (1, True, True), (7, 8, False)],
)
def test_a_fader_is_the_same_within_its_step(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) is alike
