"""Relay boards: the specification's bytes, the driver on a simulated board, pymodbus's client at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu.bit_message import ReadCoilsRequest, WriteSingleCoilRequest

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected
from avctl.events import Link
from drivers.modbus_relays import Messages, ModbusRelays, encode
from drivers.sim.modbus_relays import SIMULATOR, ModbusRelaysSimulator


@pytest.fixture
def board(device: Callable[..., Device]) -> ModbusRelaysSimulator:
    """An ADAM-6050: six relays, of which the first has a name, two contacts are watched."""
    options = {
        "poll": 0.05,
        "answer_seconds": 0.5,
        "contacts": 2,
        "names": ["Підсилювачі"],
        "off_seconds": 0.2,
    }
    return SIMULATOR(device("modbus_relays", **options))


def test_the_bytes_seen_with_another_server() -> None:
    off = WriteSingleCoilRequest(address=17, bits=[False], dev_id=1, transaction_id=1)
    assert encode(off) == bytes.fromhex("0001 0000 0006 01 05 0011 0000")
    read = ReadCoilsRequest(address=16, count=6, dev_id=1, transaction_id=2)
    assert encode(read) == bytes.fromhex("0002 0000 0006 01 01 0010 0006")
    codec = Messages()
    told = bytes.fromhex("0002 0000 0004 01 01 01 05 0003 0000 0003 01 81 02")
    bits, refusal = [one for byte in told for one in codec.feed(bytes([byte]))]
    assert (bits.transaction_id, list(bits.bits)[:6]) == (2, [True, False, True, False, False, False])
    assert (refusal.transaction_id, refusal.exception_code) == (3, 2)
    for broken in ("0001 0001 0006 01 05 00", "0001 0000 FFFF 01 05 00", "0001 0000 0003 01 77 00"):
        with pytest.raises(ProtocolError):
            list(Messages().feed(bytes.fromhex(broken)))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=100))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    codec = Messages()
    for _ in range(100):  # each error is progress
        try:
            assert all(one.function_code for one in codec.feed(data))
            return
        except ProtocolError:
            data = b""


async def test_a_look_leaves_nothing_behind(device, served, kept_of, witness) -> None:
    board = SIMULATOR(device("modbus_relays"))
    async with board, served(ModbusRelays, board) as driver:
        await witness.until(lambda: "outlets" in driver.readings, "the first look")
        assert await kept_of(driver, lambda: driver.ask_now(20)) < 50


async def test_relays_are_read_switched_and_cycled(board, witness, served) -> None:
    async with board, served(ModbusRelays, board) as driver:
        await witness.report(contacts=())
        assert driver.readings["outlets"]["1"] == {"name": "Підсилювачі", "on": False}
        await driver.switch_outlet(1, True)
        await driver.switch_outlet(6, True)
        await witness.until(lambda: driver.readings["outlets"]["6"]["on"], "the relay")
        assert (board.coils[16], board.coils[21]) == (True, True)
        board.press(3)
        board.close_contact(2)
        await witness.until(lambda: driver.readings["outlets"]["3"]["on"], "the button")
        await witness.report(contacts=(2,))
        await driver.cycle_outlet(1)
        await witness.until(lambda: not driver.readings["outlets"]["1"]["on"], "the relay off")
        await witness.until(lambda: driver.readings["outlets"]["1"]["on"], "the relay on again")
        board.refuse()
        with pytest.raises(Rejected, match="fault") as refusal:
            await driver.switch_outlet(2, True)
        assert refusal.value.code == "4"
        with pytest.raises(BadArgument):
            await driver.switch_outlet(7, True)
        assert witness.links() == [Link.ONLINE]


async def test_a_relay_that_was_cycled_comes_on_though_the_cable_was_out(board, witness, served) -> None:
    async with board, served(ModbusRelays, board) as driver:
        await driver.switch_outlet(2, True)
        await driver.cycle_outlet(2)
        await board.unplug()
        await witness.link("offline")
        assert board.coils[17] is False
        await board.plug()
        await witness.until(lambda: board.coils[17], "the relay on again")


async def test_addresses_that_are_not_there_and_another_unit(board, witness, served) -> None:
    async with board:
        async with served(ModbusRelays, board, online=False, unit=2):
            await witness.link("offline")
        reader, writer = await asyncio.open_connection(board.host, board.bound)
        for asked, told in (
            ("0001 0000 0006 01 05 0011 FF00", "0001 0000 0006 01 05 0011 FF00"),
            ("0002 0000 0006 01 01 0010 0006", "0002 0000 0004 01 01 01 02"),
            ("0003 0000 0006 01 01 0100 0006", "0003 0000 0003 01 81 02"),
            ("0006 0000 0008 01 0F 0010 0006 01 15", "0006 0000 0006 01 0F 0010 0006"),
            ("0007 0000 0006 01 03 0000 0001", "0007 0000 0003 01 83 01"),
        ):
            writer.write(bytes.fromhex(asked))
            answer = bytes.fromhex(told)
            assert await reader.readexactly(len(answer)) == answer
        writer.close()


async def test_pymodbus_client_reads_and_writes(board) -> None:
    async with board:
        client = AsyncModbusTcpClient("127.0.0.1", port=board.bound, timeout=5)
        assert await client.connect()
        await client.write_coil(17, True, device_id=1)
        assert (await client.read_coils(16, count=6, device_id=1)).bits[:6] == [False, True, *[False] * 4]
        assert (await client.read_coils(300, count=1, device_id=1)).exception_code == 2
        client.close()
