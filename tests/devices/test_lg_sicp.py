"""LG displays: the manuals' lines, the driver over TCP and a serial line, pyserial at the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected
from avctl.events import Link
from drivers.lg_sicp import Answer, Answers, LgSicp, encode
from drivers.sim.lg_sicp import SIMULATOR, LgSicpSimulator

QUICK = {"poll": 20, "answer_seconds": 0.5, "boot_seconds": 0}


@pytest.fixture
def display(device: Callable[..., Device]) -> LgSicpSimulator:
    """A display that is on."""
    simulator = SIMULATOR(device("lg_sicp", **QUICK))
    simulator.settings["ka"] = 1
    return simulator


def test_the_manuals_lines_one_byte_at_a_time() -> None:
    assert encode("ka", 1, "01") == b"ka 01 01\r"
    assert encode("ka", 1000, digits=3) == b"ka 3E8 FF\r"
    codec = Answers()
    heard = [one for byte in b"a 01 OK01x\r\nb 0a NG90x" for one in codec.feed(bytes([byte]))]
    assert heard == [
        Answer(letter="a", display=1, ok=True, data="01"),
        Answer(letter="b", display=10, ok=False, data="90"),
    ]


def test_what_is_no_answer_is_an_error() -> None:
    for broken in (b"noise x", b"a 01 XX01x", b"\xff" * 100, b"a 01 OK" + b"0" * 100):
        with pytest.raises(ProtocolError):
            list(Answers().feed(b"a 01 OK01x" + broken))
    # A line that was just opened may begin with what was on it: so much, and no more.
    codec = Answers()
    heard = [one for byte in b"\0\xffnoi x \x13a 01 OK01x" for one in codec.feed(bytes([byte]))]
    assert heard == [Answer(letter="a", display=1, ok=True, data="01")]
    with pytest.raises(ProtocolError):
        list(Answers().feed(b"noise x" * 10))


async def test_everything_is_read_and_each_verb_shows(display, witness, served) -> None:
    async with display, served(LgSicp, display) as driver:
        await witness.report(
            power=True,
            input="hdmi1",
            volume=20,
            muted=False,
            brightness=60,
            picture=True,
            wall=False,
            temperature=36,
            hours=1234,
            state="normal",
            fault="",
            serial="901KCHK00007",
        )
        await driver.set_input("dp")
        await driver.set_volume(33)
        await driver.mute(True)
        await driver.set_brightness(80)
        await driver.show_picture(False)
        await driver.join_wall(rows=2, columns=3, tile=4)
        await witness.report(
            input="dp",
            volume=33,
            muted=True,
            brightness=80,
            picture=False,
            wall=True,
            rows=2,
            columns=3,
            tile=4,
        )
        assert "dd 01 32" in display.said  # columns first
        await driver.leave_wall()
        await witness.report(wall=False)
        await driver.set_power(False)
        await witness.report(power=False)
        with pytest.raises(Rejected):
            await driver.set_volume(3)
        for wrong in (
            driver.set_volume(101),
            driver.join_wall(rows=15, columns=15, tile=1),
            driver.set_input("scart"),
        ):
            with pytest.raises(BadArgument):
                await wrong
        assert witness.links() == [Link.ONLINE]


async def test_what_happens_at_the_display_is_seen(display, witness, served) -> None:
    display.lower = True
    async with display, served(LgSicp, display, poll=0.05):
        display.press_source("ops")
        display.heat(61)
        display.lose_signal()
        await witness.report(input="ops", temperature=61, fault="no signal")
        display.press_power()
        await witness.report(power=False, fault="")


async def test_an_input_is_asked_for_by_its_other_code_when_the_first_is_refused(
    display, witness, served
) -> None:
    display.computer = True
    async with display, served(LgSicp, display) as driver:
        await driver.set_input("hdmi2")
        await witness.report(input="hdmi2")
        assert display.settings["xb"] == 0xA1


async def test_the_other_reading_of_the_dark_picture(display, witness, served) -> None:
    display.settings["kd"] = 1
    async with display, served(LgSicp, display, dark_value="00") as driver:
        await witness.report(picture=True)
        await driver.show_picture(False)
        await witness.report(picture=False)
        assert display.settings["kd"] == 0


async def test_one_that_answers_once_it_is_up_stays_online(device, witness, served) -> None:
    display = SIMULATOR(device("lg_sicp", **QUICK | {"boot_seconds": 0.5, "answer_seconds": 0.2}))
    async with display, served(LgSicp, display) as driver:  # it is up at the last moment that is given it
        await driver.set_power(True)
        await witness.report(power=True, input="hdmi1")
        assert witness.links() == [Link.ONLINE]


async def test_another_set_id_is_never_answered(display, witness, served) -> None:
    async with display, served(LgSicp, display, online=False, set_id=4):
        await witness.link("offline")


async def test_the_same_on_a_serial_line(device, witness, served, tmp_path: Path) -> None:
    display = SIMULATOR(device("lg_sicp", port=str(tmp_path / "line"), **QUICK))
    async with display:

        def talk() -> bytes:
            with serial.Serial(str(display.bound), 9600, timeout=5) as line:
                line.write(b"ka 01 FF\rka 00 FF\rka 01 01\r")
                return line.read_until(b"x") + line.read_until(b"x")

        assert await asyncio.to_thread(talk) == b"a 01 OK00xa 01 OK01x"
        async with served(LgSicp, display) as driver:
            await driver.set_input("hdmi3")
            await witness.report(input="hdmi3")
            await display.unplug()
            await witness.link("offline")
            await display.plug()
            await witness.link("online")


async def test_a_client_of_another_maker_sets_a_wall_and_learns_why_it_is_off(display) -> None:
    async with display:
        reader, writer = await asyncio.open_connection(display.host, display.bound)
        for request, answer in (
            (b"di 01 02\r", b"i 01 NG02x"),  # there is no wall yet: one tile
            (b"dd 01 22\r", b"d 01 OK22x"),
            (b"di 01 03\r", b"i 01 OK03x"),
            (b"di 01 05\r", b"i 01 NG05x"),
            (b"di 01 00\r", b"i 01 NG00x"),
            (b"di 01 ff\r", b"i 01 OK03x"),
            (b"de 01 14\r", b"e 01 OK14x"),
            (b"df 01 15\r", b"f 01 NG15x"),
            (b"dg 01 64\r", b"g 01 OK64x"),
            (b"dh 01 ff\r", b"h 01 OK32x"),
            (b"kz 01 ff\r", b"z 01 OK00x"),
            (b"ka 01 00\r", b"a 01 OK00x"),
            (b"kz 01 ff\r", b"z 01 OK04x"),
        ):
            writer.write(request)
            assert await reader.readuntil(b"x") == answer
        writer.close()
