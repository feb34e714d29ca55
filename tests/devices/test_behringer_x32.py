"""The mixer: the maker's bytes, the driver on a simulated mixer, and hands on its faders."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avctl.config import Device
from avctl.errors import BadArgument, LinkError, NoAnswer, ProtocolError
from avctl.events import Link
from drivers.behringer_x32 import BehringerX32, decibels, decode, encode, fader, meters
from drivers.sim.behringer_x32 import BehringerX32Simulator

QUICK = {"poll": 0.05, "answer_seconds": 0.2, "channels": 4}

MUTE_1 = "2F 63 68 2F 30 31 2F 6D 69 78 2F 6F 6E 00 00 00 2C 69 00 00 00 00 00 00"
FADER_1 = "2F 63 68 2F 30 31 2F 6D 69 78 2F 66 61 64 65 72 00 00 00 00 2C 66 00 00 3F 40 00 00"


@pytest.fixture
def mixer(device: Callable[..., Device]) -> BehringerX32Simulator:
    """A mixer of four channels, asked quickly."""
    simulator = BehringerX32Simulator(device("behringer_x32", **QUICK))
    simulator.values["/ch/01/config/name"] = "Трибуна"
    return simulator


# --- bytes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "address", "arguments"),
    [
        ("2F 78 72 65 6D 6F 74 65 00 00 00 00", "/xremote", ()),
        ("2F 63 68 2F 30 31 2F 6D 69 78 2F 6F 6E 00 00 00", "/ch/01/mix/on", ()),
        (MUTE_1, "/ch/01/mix/on", (0,)),
        (FADER_1, "/ch/01/mix/fader", (0.75,)),
    ],
)
def test_the_makers_bytes_both_ways(written: str, address: str, arguments: tuple[Any, ...]) -> None:
    assert encode(address, *arguments) == bytes.fromhex(written)
    assert decode(bytes.fromhex(written)) == (address, arguments)


@pytest.mark.parametrize("broken", [b"", b"x", b"/ch/01", b"/a\0\0,i\0\0\0", bytes(range(64))])
def test_what_is_no_osc_is_an_error(broken: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(broken)


def test_the_law_of_the_faders() -> None:
    law = {1.0: 10, 0.75: 0, 0.5: -10, 0.25: -30, 0.0625: -60}
    assert {place: decibels(place) for place in law} == law
    assert decibels(0.0) is None
    assert [fader(level) for level in (10, 0, -10, -30, -60, -90)] == [1.0, 0.75, 0.5, 0.25, 0.0625, 0.0]


@given(level=st.floats(-89, 10))
def test_a_level_comes_back_as_it_was_set(level: float) -> None:
    assert decibels(round(fader(level) * 1023) / 1023) == pytest.approx(level, abs=0.35)


def test_the_meters_are_the_other_way_round() -> None:
    blob = bytes.fromhex("60 00 00 00") + struct.pack("<96f", 0.5, *[0.0] * 95)
    assert meters(blob, 32)[:2] == (0.5, 0.0)
    with pytest.raises(ProtocolError):
        meters(blob[:50], 32)


# --- the driver --------------------------------------------------------------------------------------


async def test_everything_is_read_at_the_start(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer) as driver:
        await witness.report(model="X32", firmware="4.06", scene=0, signal=())
        assert sorted(driver.readings["channels"]) == ["0", "1", "2", "3", "4"]
        assert driver.readings["channels"]["1"] == {"name": "Трибуна", "muted": False, "level": 0.0}


async def test_each_verb(mixer, witness, served) -> None:
    mixer.scenes[7] = {"/ch/02/mix/on": 0, "/ch/03/config/name": "Гості"}
    async with mixer, served(BehringerX32, mixer) as driver:
        await driver.mute_channel(1, True)
        assert driver.readings["channels"]["1"]["muted"] is True
        assert mixer.values["/ch/01/mix/on"] == 0
        await driver.set_level(0, -20)
        assert driver.readings["channels"]["0"]["level"] == pytest.approx(-20, abs=0.2)
        await driver.set_level(2, -90)
        assert driver.readings["channels"]["2"]["level"] is None
        await driver.recall_scene(7)
        assert driver.readings["scene"] == 7
        await witness.until(lambda: driver.readings["channels"]["2"]["muted"], "what the scene muted")
        await witness.until(lambda: driver.readings["channels"]["3"]["name"] == "Гості", "its name")
        for wrong in (
            driver.mute_channel(5, True),
            driver.set_level(1, 11),
            driver.set_level(1, float("nan")),
            driver.recall_scene(100),
        ):
            with pytest.raises(BadArgument):
                await wrong


async def test_hands_on_the_mixer_are_seen(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer, poll=8) as driver:
        await mixer.press_mute(3)
        await witness.until(lambda: driver.readings["channels"]["3"]["muted"], "the mute button")
        await mixer.move_fader(3, -30)
        await witness.until(lambda: driver.readings["channels"]["3"]["level"] == -30, "the fader")


async def test_channels_that_sound_are_told(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer):
        mixer.speak(2)
        await witness.report(signal=(2,))
        mixer.speak(2, 0)
        await witness.report(signal=())


async def test_a_mixer_that_ignores_us_shows_what_it_has(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer) as driver:
        mixer.refuse()
        await driver.mute_channel(1, True)
        assert driver.readings["channels"]["1"]["muted"] is False


async def test_lost_datagrams_are_asked_for_again(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer, poll=8) as driver:
        mixer.lose(2)  # the set and the first question: what was lost does not show as done
        await driver.mute_channel(1, True)
        assert driver.readings["channels"]["1"]["muted"] is False
        await driver.mute_channel(1, True)
        assert driver.readings["channels"]["1"]["muted"] is True
        assert witness.links() == [Link.ONLINE]


async def test_silence_ends_the_link(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer) as driver:
        mixer.mute()
        with pytest.raises((NoAnswer, LinkError)):
            await driver.mute_channel(1, True)
        assert "does not answer" in (await witness.link("offline")).reason
        mixer.mute(False)
        await witness.link("online")


async def test_bytes_without_sense_end_the_link(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer):
        mixer.garble()
        await witness.link("offline")
        mixer.garble(False)
        await witness.link("online")


async def test_a_power_cut_and_the_return(mixer, witness, served) -> None:
    async with mixer, served(BehringerX32, mixer) as driver:
        await mixer.unplug()
        await witness.link("offline")
        with pytest.raises(LinkError):
            await driver.mute_channel(1, True)
        await mixer.plug()
        await witness.link("online")
        await driver.mute_channel(1, True)
        assert driver.readings["channels"]["1"]["muted"] is True


# --- somebody else at the simulator ------------------------------------------------------------------------


async def test_four_listeners_are_told_and_the_one_who_sets_is_not(mixer) -> None:
    async with mixer:
        peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
        try:
            for peer in peers:
                peer.settimeout(5)
                peer.connect((mixer.host, mixer.bound))
                peer.send(bytes.fromhex("2F 78 72 65 6D 6F 74 65 00 00 00 00"))
                peer.send(encode("/info"))
                assert b"V2.07" in await asyncio.to_thread(peer.recv, 512)
            peers[0].send(bytes.fromhex(MUTE_1))
            for peer in peers[1:4]:
                assert await asyncio.to_thread(peer.recv, 512) == bytes.fromhex(MUTE_1)
            for peer in (peers[0], peers[4]):  # it set; the table was full
                peer.send(encode("/node", "ch/01/mix"))
                assert (await asyncio.to_thread(peer.recv, 512)).startswith(b"node\0")
        finally:
            for peer in peers:
                peer.close()
