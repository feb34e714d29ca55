"""Datagrams that come twice, in bundles, or are nonsense; and the settings of the door."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies
from hypothesis import settings as examples
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import ParseError

from avctl.api.osc import Pace, surfaces
from avctl.api.osc_messages import messages_of
from avctl.config import parse
from avctl.errors import ConfigError
from avctl.model.session import Phase
from avctl.services.controller import Controller

DEADLINE = 10.0
Asked = list[tuple[str, str, dict[str, Any]]]


# --- datagrams ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [Pace(same=DEADLINE)])
async def test_a_datagram_that_comes_twice_is_one_act(
    session: str, surface: Any, house: Controller, asked: Asked
) -> None:
    for _ in range(2):
        surface.press("plenary/mic/2", None)
        surface.press("plenary/go-live")
    await surface.sees(mic__2=1, go_live__sure=1)
    surface.press("plenary/mic/3", None)
    await surface.sees(mic__3=1)
    assert [arguments["seat"] for _, _, arguments in asked] == [2, 3]
    assert house.sessions.get(session).phase is Phase.PLANNED


async def test_bundles_are_understood_also_within_bundles(surface: Any) -> None:
    inner = OscBundleBuilder(IMMEDIATELY)
    outer = OscBundleBuilder(2_000_000_000.5)  # a surface whose clock is wrong
    for seat, bundle in ((1, inner), (2, outer)):
        message = OscMessageBuilder(f"/avctl/plenary/mic/{seat}")
        message.add_arg(1)
        bundle.add_content(message.build())
    outer.add_content(inner.build())
    surface.send(outer.build())
    await surface.sees(mic__1=1, mic__2=1)


BUNDLE = b"#bundle\0" + b"\0\0\0\0\0\0\0\1"
MESSAGE = b"/avctl/plenary/mic/1\0\0\0\0" + b",i\0\0" + b"\0\0\0\1"
GARBAGE = [
    b"",
    b"\0",
    b"GET / HTTP/1.1\r\n\r\n",
    b"/avctl",  # no end
    b"/\xff\xfe\0",  # no UTF-8
    b"/avctl/ping\0i\0\0\0",  # no comma
    b"/avctl/ping\0,I\0\0",  # a type that is not in the specification
    b"/avctl/ping\0,i\0\0",  # the number is missing
    b"/avctl/ping\0,b\0\0" + b"\xff\xff\xff\xf0",
    b"/avctl/ping\0,[\0\0",
    b"/avctl/ping\0,t\0\0" + b"\xff" * 8,
    BUNDLE[:12],
    BUNDLE + b"\xff\xff\xff\xfc",  # an element of -4 bytes, for ever
    BUNDLE + b"\0\0\0\0",
    BUNDLE + struct.pack(">i", 64) + MESSAGE,
    BUNDLE + struct.pack(">i", 8) + b"nonsense",
    MESSAGE + b"\0" * 5000,
]


def nested(depth: int) -> bytes:
    data = MESSAGE
    for _ in range(depth):
        data = BUNDLE + struct.pack(">i", len(data)) + data
    return data


async def test_garbage_is_passed_over_and_said_once(
    surface: Any, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    surface.told.clear()
    with caplog.at_level(logging.DEBUG):
        for data in (*GARBAGE, nested(50)):
            surface.raw(data)
        surface.press("plenary/mic/2")
        await surface.sees(mic__2=1)
    assert asked == [("board", "open_mic", {"seat": 2})]
    assert not [address for address, _ in surface.told if address.endswith("refused")]
    assert caplog.text.count("not OSC") == 1
    assert not [record for record in caplog.records if record.name in ("root", "asyncio")]


@examples(max_examples=300, deadline=None)
@given(
    strategies.one_of(
        strategies.binary(max_size=200),
        strategies.binary(max_size=100).map(lambda rest: BUNDLE + rest),
        strategies.binary(max_size=60).map(lambda rest: b"/a\0\0," + rest),
        strategies.text("ihfdsbrmtTFN[]", max_size=15).flatmap(
            lambda tags: strategies.binary(max_size=80).map(
                lambda rest: (
                    b"/a\0\0" + f",{tags}".encode().ljust(20, b"\0")[: 4 * (len(tags) // 4 + 1) + 4] + rest
                )
            )
        ),
    )
)
def test_no_bytes_do_more_than_make_no_sense(data: bytes) -> None:
    try:
        messages_of(data)
    except (ParseError, ValueError, OverflowError):
        return


def test_four_bundles_within_bundles_are_enough() -> None:
    assert [message.params for message in messages_of(nested(4))] == [[1]]
    with pytest.raises(ParseError, match="too deep"):
        messages_of(nested(6))


# --- the settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("osc", [{"feedback_port": None}])
async def test_surfaces_that_listen_on_a_port_of_their_own_are_answered_there(
    house: Controller, surface_of: Callable[..., Any]
) -> None:
    sends, listens = surface_of(), surface_of(("127.0.0.1", house.config.osc.feedback_port))
    sends.press("plenary/mic/1")
    await listens.sees(mic__1=1)
    assert sends.told == []


async def test_a_port_that_is_taken_is_said_with_its_key(house: Controller) -> None:
    with pytest.raises(ConfigError, match="cannot listen") as fault:
        async with surfaces(house):
            pass
    assert fault.value.faults[0][0] == "osc.port"


@pytest.mark.parametrize(
    ("osc", "key", "expected"),
    [
        ({"port": 8001}, "osc.account", "the name of an account"),
        ({"port": 70000, "account": "board"}, "osc.port", "from 0 to 65535"),
        ({"allow": ["10.0.0.0/8", "10.1.2.3/8"]}, "osc.allow[1]", "a network such as 192.0.2.0/24"),
        ({"allow": [7]}, "osc.allow[0]", "network"),
        ({"prot": 1}, "osc.prot", "did you mean 'port'"),
    ],
)
def test_faults_of_the_settings_are_named(osc: dict[str, Any], key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as fault:
        parse({"osc": osc}, "test", {})
    assert [key for key, _ in fault.value.faults] == [key]
    assert expected in fault.value.faults[0][1]


@pytest.mark.parametrize("osc", [{"port": 0}])
async def test_without_a_port_there_is_no_door(controller: Controller) -> None:
    before = asyncio.all_tasks()
    async with surfaces(controller):
        assert asyncio.all_tasks() == before
