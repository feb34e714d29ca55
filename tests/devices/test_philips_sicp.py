"""Philips displays: the documents' bytes, the driver over TCP and a line, pyserial at the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.philips_sicp import ON, POWER, Frame, Frames, PhilipsSicp, encode
from drivers.sim.philips_sicp import SIMULATOR, PhilipsSicpSimulator

QUICK = {"poll": 20, "answer_seconds": 0.5, "boot_seconds": 0}

SEEN = [
    ("06 01 00 18 01 1E", "18 01"),
    ("06 01 00 18 02 1D", "18 02"),
    ("05 01 00 19 1D", "19"),
    ("06 01 00 19 02 1C", "19 02"),
    ("09 01 00 AC 0D 0D 01 00 A5", "AC 0D 0D 01 00"),
    ("05 01 00 AD A9", "AD"),
    ("06 01 00 72 00 75", "72 00"),
    ("06 01 00 72 01 74", "72 01"),
    ("06 01 00 00 06 01", "00 06"),
    ("06 01 00 00 15 12", "00 15"),
    ("06 01 00 00 18 1F", "00 18"),
]


@pytest.fixture
def display(device: Callable[..., Device]) -> PhilipsSicpSimulator:
    """A display that is on."""
    simulator = SIMULATOR(device("philips_sicp", **QUICK))
    simulator.values[POWER] = ON
    return simulator


def test_the_documents_bytes_both_ways_one_at_a_time() -> None:
    codec = Frames()
    for wire, data in SEEN:
        frame = Frame(monitor=1, data=bytes.fromhex(data))
        assert encode(frame) == bytes.fromhex(wire)
        assert [one for byte in bytes.fromhex(wire) for one in codec.feed(bytes([byte]))] == [frame]


def test_an_acknowledgement_may_have_another_last_byte_and_nothing_else_may() -> None:
    assert list(Frames().feed(bytes.fromhex("06 01 00 00 06 07"))) == [Frame(monitor=1, data=b"\x00\x06")]
    for broken in ("06 01 00 19 02 00", "02 01 00", "FF FF"):
        with pytest.raises(ProtocolError):
            list(Frames().feed(bytes.fromhex(broken)))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    codec = Frames()
    for _ in range(200):  # each error is progress
        try:
            assert all(isinstance(frame, Frame) for frame in codec.feed(data))
            return
        except ProtocolError:
            data = b""


async def test_everything_is_read_and_each_verb_shows(display, witness, served) -> None:
    display.other_check = True
    async with display, served(PhilipsSicp, display) as driver:
        await witness.report(power=True, input="hdmi1", volume=20, picture=True, fault="", model="55BDL4550D")
        await driver.set_input("dp1")
        await driver.set_volume(33)
        await driver.show_picture(False)
        await witness.report(input="dp1", volume=33, picture=False)
        assert bytes.fromhex("09 01 00 AC 0A 0A 01 00 A5") in display.said
        display.refuse()
        with pytest.raises(Rejected) as refusal:
            await driver.set_volume(3)
        assert refusal.value.code == "15"
        display.refuse(False)
        await driver.set_power(False)
        await witness.report(power=False)
        with pytest.raises(Rejected, match="now"):
            await driver.set_input("dp1")
        with pytest.raises(Unsupported):
            await driver.mute(on=True)
        for wrong in (driver.set_volume(101), driver.set_input("scart")):
            with pytest.raises(BadArgument):
                await wrong
        assert witness.links() == [Link.ONLINE]


async def test_what_happens_at_the_display_is_seen(display, witness, served) -> None:
    async with display, served(PhilipsSicp, display, poll=0.05):
        display.press_source("ops")
        display.lose_signal()
        await witness.report(input="ops", signal=False, fault="no signal")
        display.press_power()
        await witness.report(power=False, fault="")


async def test_the_same_on_a_serial_line(device, witness, served, tmp_path: Path) -> None:
    display = SIMULATOR(device("philips_sicp", port=str(tmp_path / "line"), **QUICK))
    async with display:

        def talk() -> bytes:
            with serial.Serial(str(display.bound), 9600, timeout=5) as line:
                for request in ("05 01 00 19 1D", "05 02 00 19 1E", "06 01 00 18 02 1D"):
                    line.write(bytes.fromhex(request))
                return line.read(12)

        told = await asyncio.to_thread(talk)
        assert told.hex(" ") == "06 01 00 19 01 1f 06 01 00 00 06 01"
        async with served(PhilipsSicp, display) as driver:
            await driver.set_input("hdmi3")
            await witness.report(input="hdmi3")


async def test_a_client_of_another_maker_asks_what_it_is_and_how_it_starts(display) -> None:
    async with display:
        reader, writer = await asyncio.open_connection(display.host, display.bound)
        for request, answer in (
            ("A1 01", b"\xa1FB03.11"),
            ("A2 00", b"\xa22.03"),
            ("A3 01", b"\x00\x06"),
            ("A4", b"\xa4\x01"),
            ("A3 07", b"\x00\x15"),
        ):
            data = bytes.fromhex(request)
            frame = bytes((len(data) + 4, 1, 0)) + data
            check = 0
            for byte in frame:
                check ^= byte
            writer.write(frame + bytes((check,)))
            size = (await reader.readexactly(1))[0]
            assert (await reader.readexactly(size - 1))[2:-1] == answer
        writer.close()
