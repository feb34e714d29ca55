"""Kramer switchers: the manuals' lines, the driver over TCP and a serial line, pyserial at the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.kramer_p3000 import Answers, KramerP3000, Said
from drivers.sim.kramer_p3000 import SIMULATOR, KramerP3000Simulator

QUICK = {"poll": 20, "answer_seconds": 0.5}


@pytest.fixture
def switcher(device: Callable[..., Device]) -> KramerP3000Simulator:
    """A switcher that nobody has touched."""
    return SIMULATOR(device("kramer_p3000", **QUICK))


def test_the_manuals_lines_one_byte_at_a_time() -> None:
    codec = Answers()
    seen = (
        b"~01@ OK\r\n~01@ ok\r\n~01@VID 1>2 OK\r\n~01@ROUTE 1,2,1\r\n~01@INFO-IO IN 11,OUT 9\r\n"
        b"~01@ROUTE ERR003\r\n~02@ERR 002\r\n"
    )
    heard = [one for byte in seen for one in codec.feed(bytes([byte]))]
    assert heard == [
        Said(machine=1, command="OK", text=""),
        Said(machine=1, command="OK", text=""),
        Said(machine=1, command="VID", text="1>2 OK"),
        Said(machine=1, command="ROUTE", text="1,2,1"),
        Said(machine=1, command="INFO-IO", text="IN 11,OUT 9"),
        Said(machine=1, command="ROUTE", text="ERR003"),
        Said(machine=2, command="ERR", text="002"),
    ]
    assert [one.fault for one in heard] == ["", "", "", "", "", "003", "002"]
    for broken in (b"noise\r\n", bytes(1000)):
        with pytest.raises(ProtocolError):
            list(Answers().feed(b"~01@ OK\r\n" + broken))
    # A line that was just opened may begin with what was on it: so much, and no more.
    codec = Answers()
    spoken = b"\0\xffnoi\r\n\x13no~01@ OK\r\n"
    assert [one for byte in spoken for one in codec.feed(bytes([byte]))] == [
        Said(machine=1, command="OK", text="")
    ]
    with pytest.raises(ProtocolError):
        list(Answers().feed(b"noise\r\n" * 20))


@pytest.mark.parametrize(("old", "spaced", "nothing"), [(False, False, 0), (True, True, 12)])
async def test_routes_are_read_and_switched_in_either_dialect(
    switcher, witness, served, old: bool, spaced: bool, nothing: int
) -> None:
    switcher.old, switcher.spaced, switcher.nothing = old, spaced, nothing
    async with switcher, served(KramerP3000, switcher) as driver:
        routes = dict.fromkeys(map(str, range(1, 10)), "1")
        await witness.report(routes=routes, model="VS-911", firmware="1.10")
        assert len(driver.readings["sources"]) == 11
        await driver.route(output="2", source="3")
        assert ("#VID 3>2" if old else "#ROUTE 1,2,3") in switcher.said
        await driver.route(output="4", source="")
        await witness.report(routes=routes | {"2": "3", "4": ""})
        switcher.presets[4] = {1: 8}
        await driver.recall_routes(number=4)
        await witness.report(routes=routes | {"1": "8", "2": "3", "4": ""})
        with pytest.raises(Rejected) as refusal:
            await driver.recall_routes(number=5)
        assert refusal.value.code == "ERR003"
        for wrong in (driver.route(output="10", source="1"), driver.route(output="1", source="12")):
            with pytest.raises(BadArgument):
                await wrong
        with pytest.raises(Unsupported):
            await driver.cut()
        switcher.press(1, 2)
        await witness.report(routes=routes | {"1": "2", "2": "3", "4": ""})
        assert witness.links() == [Link.ONLINE]


async def test_a_machine_of_another_number_is_addressed(switcher, witness, served) -> None:
    switcher.options = switcher.options.model_copy(update={"machine": 2})
    async with switcher, served(KramerP3000, switcher, machine=2) as driver:
        await driver.route(output="2", source="3")
        assert "#02@ROUTE 1,2,3" in switcher.said
    async with switcher, served(KramerP3000, switcher, online=False, answer_seconds=1):
        assert (await witness.link("offline")).reason == "machine 1 does not answer, machine 2 does"


async def test_another_machine_of_the_line_is_not_listened_to(switcher, witness, served) -> None:
    async with switcher, served(KramerP3000, switcher, online=False, machine=2):
        await witness.link("offline")


async def test_the_same_on_a_serial_line(device, witness, served, tmp_path: Path) -> None:
    switcher = SIMULATOR(device("kramer_p3000", port=str(tmp_path / "line"), **QUICK))
    async with switcher:

        def talk() -> bytes:
            with serial.Serial(str(switcher.bound), 115200, timeout=5) as line:
                line.write(b"#\r#ROUTE 1,2,3|ROUTE? 1,2\r#02@MODEL?\r#SCART\r")
                return b"".join(line.readline() for _ in range(4))

        assert await asyncio.to_thread(talk) == (
            b"~01@ OK\r\n~01@ROUTE 1,2,3\r\n~01@ROUTE 1,2,3\r\n~01@SCART ERR002\r\n"
        )
        async with served(KramerP3000, switcher) as driver:
            await driver.route(output="1", source="8")
            await witness.until(lambda: driver.readings["routes"]["1"] == "8", "the route")


async def test_a_client_of_another_maker_speaks_the_older_words_and_the_newer(switcher) -> None:
    switcher.signals[2] = False
    async with switcher:
        reader, writer = await asyncio.open_connection(switcher.host, switcher.bound)
        for request, *answers in (
            ("#VID 1>2", "VID 1>2 OK"),
            ("#AV 3>2", "AV 3>2 OK"),
            ("#AUD 4>2", "AUD 4>2 OK"),
            ("#VID? 2", "VID 3>2"),
            ("#ROUTE? 2,2", "ROUTE 2,2,4"),
            ("#ROUTE 12,2,5", "ROUTE 12,2,5"),
            ("#ROUTE? 1,2|ROUTE? 2,2", "ROUTE 1,2,5", "ROUTE 2,2,5"),
            ("#INFO-PRST?", "INFO-PRST VID 60,AUD 0"),
            ("#SIGNAL? 2", "SIGNAL 2,0"),
            ("#VMUTE 2,1", "VMUTE 2,1"),
            ("#VID 1,2", "VID ERR001"),
            ("#ROUTE 1", "ROUTE ERR001"),
            ("#AV 99>2", "AV ERR003"),
            ("#SIGNAL? 99", "SIGNAL ERR003"),
        ):
            writer.write(request.encode() + b"\r")
            for answer in answers:
                assert await reader.readline() == f"~01@{answer}\r\n".encode()
        writer.write(b"#ROUTE? 1,*\r")
        assert [await reader.readline() for _ in range(9)][1] == b"~01@ROUTE 1,2,5\r\n"
        writer.close()
