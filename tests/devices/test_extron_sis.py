"""Extron matrices: the manuals' lines, the driver over TCP and a serial line, pyserial at the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.extron_sis import ExtronSis, Lines
from drivers.sim.extron_sis import SIMULATOR, Commands, ExtronSisSimulator

QUICK = {"poll": 20, "answer_seconds": 0.5}


@pytest.fixture
def matrix(device: Callable[..., Device]) -> ExtronSisSimulator:
    """A matrix that nobody has touched."""
    return SIMULATOR(device("extron_sis", **QUICK))


def test_the_manuals_lines_one_byte_at_a_time() -> None:
    codec = Lines()
    seen = (
        b"(c) Copyright 2015, Extron Electronics, DTPCP84, V1.02, 60-1368-01\r\nWed, 21 Sep 2016 16:39:23\r\n"
        b"\r\nPassword:\r\nLogin Administrator\r\nOut02 In03 All\r\n03\r\nE12\r\n"
    )
    heard = [line for byte in seen for line in codec.feed(bytes([byte]))]
    assert heard[2:] == ["Password:", "Login Administrator", "Out02 In03 All", "03", "E12"]
    with pytest.raises(ProtocolError):
        list(Lines().feed(bytes(1000)))
    commands = Commands()
    spoken = b"3*2!2%\x1b1CV\r4.4,2*1BQx"
    assert [one for byte in spoken for one in commands.feed(bytes([byte]))] == [
        *("3*2!", "2%", "\x1b1CV", "4.", "4,", "2*1B", "Q", "x")
    ]


@pytest.mark.parametrize("wide", [1, 2, 3])
async def test_routes_are_read_and_switched_whatever_the_width_of_numbers(
    matrix, witness, served, wide: int
) -> None:
    matrix.wide = wide
    async with matrix, served(ExtronSis, matrix) as driver:
        await witness.report(
            routes={"1": "1", "2": "1", "3": "1", "4": "1"}, model="60-1368-01", firmware="1.02"
        )
        await driver.route(output="2", source="3")
        await driver.route(output="4", source="")
        await witness.report(routes={"1": "1", "2": "3", "3": "1", "4": ""})
        assert "3*2!" in matrix.said
        matrix.presets[4] = {1: 8}
        await driver.recall_routes(number=4)
        await witness.report(routes={"1": "8", "2": "3", "3": "1", "4": ""})
        with pytest.raises(Rejected) as refusal:
            await driver.recall_routes(number=5)
        assert refusal.value.code == "E11"
        for wrong in (driver.route(output="5", source="1"), driver.route(output="1", source="9")):
            with pytest.raises(BadArgument):
                await wrong
        with pytest.raises(Unsupported):
            await driver.cut()
        matrix.press(1, 2)
        await witness.report(routes={"1": "2", "2": "3", "3": "1", "4": ""})
        assert witness.links() == [Link.ONLINE]


async def test_a_password_and_a_wrong_one_which_is_tried_once(device, witness, served, caplog) -> None:
    caplog.set_level("DEBUG")
    matrix = SIMULATOR(device("extron_sis", password="Geheim7", **QUICK))
    async with matrix:
        async with served(ExtronSis, matrix):
            await witness.report(model="60-1368-01")
        async with served(ExtronSis, matrix, online=False, password="Falsch8"):
            assert "refuses the password" in (await witness.link("refused")).reason
        async with served(ExtronSis, matrix, online=False, password=""):
            assert "none is configured" in (await witness.link("refused")).reason
    for secret in (b"Geheim7", b"Falsch8"):
        assert secret.hex(" ") not in caplog.text


async def test_a_serial_line_that_begins_with_noise_is_understood(device, witness, served) -> None:
    """A server of serial lines gives what its line heard while nobody was connected."""

    async def line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\0\xff\x13noi")
        commands, answers = Commands(), {"\x1b1CV": b"Vrb1", "N": b"60-1368-01", "Q": b"1.02", "1%": b"03"}
        while data := await reader.read(100):
            for command in commands.feed(data):
                writer.write(answers[command] + b"\r\n")
        writer.close()

    server = await asyncio.start_server(line, "127.0.0.1", 0)
    port = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    matrix = SIMULATOR(device("extron_sis", port=port, **QUICK | {"outputs": 1}))
    async with server, served(ExtronSis, matrix):
        await witness.report(routes={"1": "3"}, model="60-1368-01")


async def test_the_same_on_a_serial_line(device, witness, served, tmp_path: Path) -> None:
    matrix = SIMULATOR(device("extron_sis", port=str(tmp_path / "line"), **QUICK))
    async with matrix:

        def talk() -> bytes:
            with serial.Serial(str(matrix.bound), 9600, timeout=5) as line:
                line.write(b"3*2!2%9*1!W1CV|")
                return b"".join(line.readline() for _ in range(4))

        assert await asyncio.to_thread(talk) == b"Out02 In03 All\r\n03\r\nE01\r\nVrb1\r\n"
        async with served(ExtronSis, matrix) as driver:
            await driver.route(output="1", source="8")
            await witness.report(routes={"1": "8", "2": "3", "3": "1", "4": "1"})


async def test_a_client_mutes_asks_for_signals_and_is_hung_up_on_when_it_says_nothing(matrix) -> None:
    matrix.lose_signal(2)
    async with matrix:
        reader, writer = await asyncio.open_connection(matrix.host, matrix.bound)
        other, writer_of_other = await asyncio.open_connection(matrix.host, matrix.bound)
        for one in (reader, other):
            await one.readuntil(b"16:39:23\r\n")
        for command, answer in (
            (b"2*1B", b"Vmt02*1"),
            (b"2*1Z", b"Amt02*1"),
            (b"1*B", b"Vmt1"),
            (b"2*0b", b"Vmt02*0"),
            (b"9*1B", b"E12"),
            (b"\x1b0LS\r", b"1*0*1*1*1*1*1*1"),
            (b"WD1*-293GRPM|", b"GrpmD01*-00293"),
            (b"4,", b"Spr04"),
            (b"4.", b"Rpr04"),
        ):
            writer.write(command)
            assert await reader.readline() == answer + b"\r\n"
        told = [await other.readline() for _ in range(6)]  # what others do is told unasked
        assert told[0] == b"Vmt02*1\r\n"
        assert told[-1] == b"Rpr04\r\n"
        assert (matrix.state()["dark"], matrix.state()["silent"]) == ([1, 3, 4], [2])
        matrix.patient_seconds = 0.05  # five minutes, really
        writer.write(b"Q")
        assert await reader.read() == b"1.02\r\n"
        for one in (writer, writer_of_other):
            one.close()
