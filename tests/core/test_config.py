"""The configuration: TOML in, checked models out, every fault of its structure at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from avctl.config import Config, Shot, parse, read
from avctl.errors import ConfigError

ROOM = {"id": "hall", "title": "Сесійна зала"}


def faults(data: dict[str, Any], **environment: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as broken:
        parse(data, "a.toml", environment)
    return dict(broken.value.faults)


def device(**fields: Any) -> dict[str, Any]:
    return {"id": "camera", "room": "hall", "driver": "visca", **fields}


def test_an_empty_file_is_the_defaults() -> None:
    assert parse({}, "a.toml", {}) == Config()


def test_what_the_file_says_is_read() -> None:
    text = """
        [site]
        council = "Рада"
        [[rooms]]
        id = "hall"
        title = "Зала"
        shots = [{ camera = "camera", preset = 3, first = 1, last = 4, seats = [9] }]
        [[devices]]
        id = "camera"
        room = "hall"
        driver = "visca"
        port = "rfc2217://10.0.0.9:4001"
    """
    config = parse(tomllib.loads(text), "a.toml", {})
    assert config.site.council == "Рада"
    assert [config.room("hall").shots[0].shows(seat) for seat in (1, 4, 5, 9)] == [True, True, False, True]
    assert [device.port for device in config.in_room("hall")] == ["rfc2217://10.0.0.9:4001"]


def test_all_faults_are_named_at_once_by_key() -> None:
    found = faults(
        {
            "sitee": {},
            "site": {"timezone": "Europe/Kiyv", "language": "ua"},
            "web": {"port": 70000, "secure_cookies": "maybe"},
            "broadcast": {"preset": "fastest", "fps": 24.5, "renditions": []},
            "rooms": [ROOM, {"id": "Hall 2", "title": "x"}],
            "devices": [device(port=0), device(room="hal"), "nonsense"],
        }
    )
    assert found == {
        "sitee": f"one of the keys {', '.join(Config.model_fields)} "
        "(there is no 'sitee'; did you mean 'site'?)",
        "site.timezone": "a time zone such as Europe/Kyiv (got 'Europe/Kiyv')",
        "site.language": "'uk' or 'en' (got 'ua')",
        "web.port": "a number from 1 to 65535 (got 70000)",
        "web.secure_cookies": "true or false (got 'maybe')",
        "broadcast.preset": "'ultrafast', 'superfast', 'veryfast', 'faster', 'fast' or 'medium' "
        "(got 'fastest')",
        "broadcast.fps": "a whole number (got 24.5)",
        "broadcast.renditions": "at least 1",
        "rooms[1].id": "small Latin letters, digits, - and _, at most 63, a letter or digit first "
        "(got 'Hall 2')",
        "devices[0].port": "a port from 1 to 65535, or a serial line (/dev/ttyS0, rfc2217://...) (got 0)",
        "devices[1].id": "an id of its own ('camera' is devices[0] too)",
        "devices[1].room": "a room of this file: hall, Hall 2 (got 'hal'; did you mean 'hall'?)",
        "devices[2]": "a table (got 'nonsense')",
    }


@pytest.mark.parametrize("port", [True, 1.5, [1], -1, 65536, "COM-one", ""])
def test_a_port_is_a_number_or_a_line(port: object) -> None:
    found = faults({"rooms": [ROOM], "devices": [device(port=port)]})
    assert list(found) == ["devices[0].port"]
    assert found["devices[0].port"].startswith("a port from 1 to 65535, or a serial line")


def test_a_port_from_the_environment_is_a_number() -> None:
    config = parse({"rooms": [ROOM], "devices": [device(port="env:PORT")]}, "a.toml", {"PORT": "5000"})
    assert config.devices[0].port == 5000


def test_a_secret_that_is_not_set_is_one_fault_at_its_key() -> None:
    options = {"password": "env:PASSWORD", "keys": ["env:KEY"]}
    found = faults({"rooms": [ROOM], "devices": [device(options=options)], "web": {"port": "env:PORT"}})
    assert found == {
        "devices[0].options.password": "the environment variable PASSWORD (it is not set)",
        "devices[0].options.keys[0]": "the environment variable KEY (it is not set)",
        "web.port": "the environment variable PORT (it is not set)",
    }


def test_what_came_from_the_environment_is_never_repeated() -> None:
    found = faults({"site": {"language": "env:SECRET"}}, SECRET="hunter2")
    assert found == {"site.language": "'uk' or 'en'"}


@pytest.mark.parametrize("wrong", [{"id": 7}, {"id": ["a"]}, {"id": {"a": 1}}, 7, [], None])
def test_nonsense_in_a_list_spoils_nothing_else(wrong: object) -> None:
    found = faults({"rooms": [ROOM, wrong], "devices": [device(room="nowhere"), wrong]})
    assert found["devices[0].room"].startswith("a room of this file")
    assert any(key.startswith("rooms[1]") for key in found)
    assert any(key.startswith("devices[1]") for key in found)


@pytest.mark.parametrize("section", ["rooms", "devices", "site", "broadcast"])
def test_a_section_of_the_wrong_shape_is_named(section: str) -> None:
    assert list(faults({section: 7})) == [section]


def test_a_shot_by_a_camera_of_another_room_is_a_fault() -> None:
    rooms = [{**ROOM, "shots": [{"camera": "camera", "preset": 1, "seats": [1]}]}, {"id": "b", "title": "B"}]
    found = faults({"rooms": rooms, "devices": [device(room="b")]})
    assert found == {"rooms[0].shots[0].camera": "a device of this room (got 'camera')"}


@pytest.mark.parametrize(("first", "last"), [(5, None), (None, 5), (6, 5)])
def test_a_range_of_seats_has_two_ends_in_order(first: int | None, last: int | None) -> None:
    with pytest.raises(ValueError, match=r"both first and last|first not after last"):
        Shot(camera="camera", preset=1, first=first, last=last)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "a readable file (No such file or directory)"),
        (b"a = ", "valid TOML"),
        (b"a = 1\na = 2", "valid TOML"),
        ("council = 'Рада'".encode("cp1251"), "valid TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_fault(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    file = tmp_path / "a.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as broken:
        read(file, {})
    (key, said), *others = broken.value.faults
    assert key == ""
    assert said.startswith(expected)
    assert not others
