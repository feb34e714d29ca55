"""``avctl check``: what a technician is told about a broken file, all at once and without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from avctl.check import faults, print_report
from avctl.driver import known

CONFIG = Path(__file__).parents[2] / "config"

HOUSE = """
[[rooms]]
id = "hall"
title = "Сесійна зала"

[[devices]]
id = "wall"
room = "hall"
driver = "samsung_mdc"
port = 1515
"""


def told(tmp_path: Path, text: str, **environment: str) -> dict[str, str]:
    file = tmp_path / "a.toml"
    file.write_text(text, encoding="utf-8")
    return {fault.key: fault.expected for fault in faults(file, environment)}


def test_the_demo_has_no_faults() -> None:
    assert faults(CONFIG / "demo.toml", {}) == []


def test_the_annotated_file_lacks_only_its_secrets() -> None:
    lacking = [fault.key for fault in faults(CONFIG / "avctl.toml", {})]
    assert sorted(lacking) == ["broadcast.pushes[0].url", "devices[0].options.password"]
    there = {"DICENTIS_PASSWORD": "secret", "YOUTUBE_URL": "rtmps://a.rtmps.youtube.com/live2/key"}
    assert faults(CONFIG / "avctl.toml", there) == []


def test_every_kind_of_fault_is_told_in_one_go(tmp_path: Path) -> None:
    text = """
        colour = "red"
        [web]
        port = 99999
        [[rooms]]
        id = "hall"
        title = 7
        [[devices]]
        id = "wall"
        room = "hall"
        driver = "samsung"
        [[devices]]
        id = "wall"
        room = "hal"
        driver = "samsung_mdc"
        options = { display = 2, poll = 0, pin = "env:PIN" }
        [[devices]]
        id = "encoder"
        room = "hall"
        driver = "streams.feed"
    """
    found = told(tmp_path, text)
    assert found.pop("colour").endswith("(there is no 'colour')")
    assert found.pop("devices[0].driver").endswith("(there is no 'samsung'; did you mean 'samsung_mdc'?)")
    assert found.pop("devices[1].options.display").endswith(
        "(there is no 'display'; did you mean 'display_id'?)"
    )
    assert found.pop("devices[2].options.url").startswith("a value, the key is missing")
    assert found == {
        "web.port": "a number from 1 to 65535 (got 99999)",
        "rooms[0].title": "text in quotes (got 7)",
        "devices[1].id": "an id of its own ('wall' is devices[0] too)",
        "devices[1].room": "a room of this file: hall (got 'hal'; did you mean 'hall'?)",
        "devices[1].options.pin": "the environment variable PIN (it is not set)",
        "devices[1].options.poll": "a number above 0 (got 0)",
    }


def test_an_unknown_driver_is_answered_with_those_that_are_there(tmp_path: Path) -> None:
    for name in ("", ".x", "samsung mdc", "nowhere", "drivers.sim", "avctl.check", "../x"):
        found = told(tmp_path, HOUSE.replace("samsung_mdc", name))
        assert found["devices[0].driver"].startswith(f"a driver: {', '.join(known())}"), name


def test_a_driver_of_ones_own_is_loaded_by_its_dotted_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "of_the_house"
    folder.mkdir()
    (folder / "bell.py").write_text(
        "from avctl.driver import Driver\nclass Bell(Driver): ...\nDRIVER = Bell\n", encoding="utf-8"
    )
    (folder / "torn.py").write_text("import nothing_like_it\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert told(tmp_path, HOUSE.replace("samsung_mdc", "of_the_house.bell")) == {}
    found = told(tmp_path, HOUSE.replace("samsung_mdc", "of_the_house.torn"))
    assert found == {
        "devices[0].driver": "a driver that can be imported (No module named 'nothing_like_it')",
    }


@pytest.mark.parametrize("url", ["hunter2", "ftp://a:hunter2@host/", "srt://:hunter2@host"])
def test_a_secret_is_never_repeated(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = HOUSE.replace("samsung_mdc", "streams.feed") + f'options = {{ url = "{url}", keys = "hunter2" }}\n'
    assert "devices[0].options.url" in told(tmp_path, text)
    assert print_report(tmp_path / "a.toml", {}) == 1
    assert "hunter2" not in capsys.readouterr().err


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    found = told(tmp_path, HOUSE + "options = { pin = 4711 }\n")
    assert found == {"devices[0].options.pin": "text in quotes"}


def test_a_serial_line_is_for_drivers_that_have_one(tmp_path: Path) -> None:
    line = HOUSE.replace("1515", '"/dev/ttyS0"')
    assert told(tmp_path, line) == {}
    assert told(tmp_path, line.replace("samsung_mdc", "bosch_dicentis")) == {
        "devices[0].port": "a port from 1 to 65535: bosch_dicentis has no serial line (got '/dev/ttyS0')"
    }


@pytest.mark.parametrize(
    ("port", "first", "second", "good"),
    [
        ("1515", "display_id = 1", "display_id = 2", True),
        ("1515", "display_id = 1", "", False),  # 1 is what it is when nothing is said
        ('"/dev/ttyS0"', "display_id = 1", "display_id = 2", False),  # a line has one owner
    ],
)
def test_one_address_is_for_devices_that_can_be_told_apart(
    tmp_path: Path, port: str, first: str, second: str, good: bool
) -> None:
    text = (HOUSE + f"options = {{ {first} }}\n").replace("1515", port)
    text += f'[[devices]]\nid = "other"\nroom = "hall"\ndriver = "samsung_mdc"\nport = {port}\n'
    found = told(tmp_path, text + f"options = {{ {second} }}\n")
    assert bool(found) is not good
    assert all(key == "devices[1].port" and "of its own" in said for key, said in found.items())


def test_cameras_share_a_serial_line_and_no_address_of_it(tmp_path: Path) -> None:
    camera = '[[devices]]\nid = "one"\nroom = "hall"\ndriver = "visca"\nport = "/dev/ttyS0"\n'
    other = camera.replace("one", "two") + "options = { address = 2 }\n"
    assert told(tmp_path, HOUSE + camera + other) == {}
    found = told(tmp_path, HOUSE + camera + other + other.replace("two", "three"))
    assert found == {
        "devices[3].port": "an address of its own, or another address (devices[2] has /dev/ttyS0 too)"
    }


def test_the_drivers_own_port_counts_too(tmp_path: Path) -> None:
    other = '[[devices]]\nid = "other"\nroom = "hall"\ndriver = "bosch_dicentis"\n'
    text = HOUSE + other + other.replace("other", "third") + "port = 31416\n"
    assert told(tmp_path, text) == {
        "devices[2].port": "an address of its own (devices[1] has 127.0.0.1:31416 too)"
    }


def test_a_preparation_the_driver_cannot_do_is_a_fault(tmp_path: Path) -> None:
    text = HOUSE + "[devices.prepare]\nset_powr = {}\nset_power = { on = 'yes' }\nset_input = {}\n"
    found = told(tmp_path, text)
    assert found.pop("devices[0].prepare.set_powr").endswith(
        "(there is no 'set_powr'; did you mean 'set_power'?)"
    )
    assert found == {
        "devices[0].prepare.set_power.on": "true or false (got 'yes')",
        "devices[0].prepare.set_input.name": "a value, the key is missing",
    }


def test_shots_are_by_cameras_of_seats_and_each_seat_once(tmp_path: Path) -> None:
    shots = """
        shots = [
            { camera = "wall", preset = 1, seats = [1] },
            { camera = "eye", preset = 2 },
            { camera = "eye", preset = 3, first = 1, last = 9 },
            { camera = "eye", preset = 4, seats = [9, 10] },
        ]
        [[devices]]
        id = "eye"
        room = "hall"
        driver = "visca"
    """
    found = told(tmp_path, HOUSE.replace('title = "Сесійна зала"', 'title = "Зала"' + shots))
    assert found == {
        "rooms[0].shots[0].camera": "a camera ('wall' is none)",
        "rooms[0].shots[1]": "the seats it shows: seats, or first and last",
        "rooms[0].shots[3]": "seats of its own for eye (seat 9 is in shots[2] too)",
    }


def test_two_rungs_of_a_ladder_have_two_names(tmp_path: Path) -> None:
    rung = "[[broadcast.renditions]]\nname = 'a'\nwidth = 640\nheight = 360\nvideo_kbps = 500\n"
    assert told(tmp_path, rung + rung) == {
        "broadcast.renditions[1].name": "a name of its own ('a' is used above)"
    }


def test_the_report_names_file_key_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text(HOUSE.replace("1515", "0"), encoding="utf-8")
    assert print_report(file, {}) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"{file}: devices[0].port: expected a port from 1 to 65535, or a serial line "
        "(/dev/ttyS0, rfc2217://...) (got 0) [line 10]\n"
    )


def test_a_good_file_is_said_to_be_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text(HOUSE, encoding="utf-8")
    assert print_report(file, {}) == 0
    assert capsys.readouterr().out == f"{file}: no faults\n"


@pytest.mark.parametrize("content", ["a = ", "devices = 7", "[devices]\nid = 1", "[[devices]]\ndriver = 7"])
def test_any_nonsense_ends_in_a_report(tmp_path: Path, content: str) -> None:
    assert told(tmp_path, content)


def test_a_missing_file_is_told_like_any_other_fault(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path / "none.toml", {})
    assert fault.expected == "a readable file (No such file or directory)"


def test_steps_of_a_room_that_cannot_be_done_in_any_order_are_named(tmp_path: Path) -> None:
    steps = """
[[devices]]
id = "camera"
room = "hall"
driver = "visca"
port = 1516

[[rooms]]
id = "other"
title = "Інша"
prepare = [{ id = "far", device = "wall", verb = "mute", arguments = { on = true } }]
"""
    room = HOUSE.replace(
        'title = "Сесійна зала"\n',
        'title = "Сесійна зала"\nwide = [{ camera = "camera", preset = 19 }]\n'
        'prepare = [{ id = "a", device = "wall", verb = "dance", after = ["b"] },'
        ' { id = "b", device = "wall", verb = "mute", arguments = { on = true }, after = ["c"],'
        ' kinds = ["ball"] },'
        ' { id = "c", device = "wall", verb = "mute", arguments = { on = true }, after = ["wall", "a"] },'
        ' { id = "d", device = "nothing", verb = "mute", after = ["none"] },'
        ' { id = "d", device = "wall", verb = "leave_wall" }]\n',
    )
    found = told(tmp_path, room)
    assert "a waits for b waits for c waits for a" in found["rooms[0].prepare[0].after"]
    assert found["rooms[0].prepare[0].verb"].startswith("a verb of this driver")
    assert "plenary" in found["rooms[0].prepare[1].kinds[0]"]
    assert found["rooms[0].prepare[4].id"] == "an id of its own ('d' is prepare[3] too)"
    assert found["rooms[0].prepare[3].device"] == "a device of this room (got 'nothing')"
    assert "a step or a device of this room" in found["rooms[0].prepare[3].after[0]"]
    assert "another number: 19" in found["rooms[0].wide[0].preset"]
    elsewhere = told(tmp_path, HOUSE + steps)
    assert elsewhere == {"rooms[1].prepare[0].device": "a device of this room (got 'wall')"}


def test_what_cannot_show_an_emergency_or_be_shed_is_named(tmp_path: Path) -> None:
    file = tmp_path / "building.toml"
    file.write_text(
        """
[lobby]
inputs = { ups = "hdmi1", nobody = "hdmi1" }

[[power.loads]]
id = "wall"
device = "ups"
outlet = 1
ups = "wall"

[[power.loads]]
id = "wall"
device = "strip"
rooms = ["nowhere"]

[[rooms]]
id = "lobby"
title = "Вестибюль"

[[devices]]
id = "ups"
room = "lobby"
driver = "nut_ups"

[[devices]]
id = "wall"
room = "lobby"
driver = "samsung_mdc"

[[devices]]
id = "strip"
room = "lobby"
driver = "netio"
""",
        encoding="utf-8",
    )
    found = {fault.key: fault.expected for fault in faults(file, {})}
    assert "'ups' is none" in found["lobby.inputs.ups"]
    assert "there is no 'nobody'" in found["lobby.inputs.nobody"]
    assert "outlets" in found["power.loads[0].device"]
    assert "'wall' is none" in found["power.loads[0].ups"]
    assert "power of its own" in found["power.loads[1].device"]
    assert "taken" in found["power.loads[1].id"]
    assert "nowhere" in found["power.loads[1].rooms"]
