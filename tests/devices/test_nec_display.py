"""NEC displays: the SDK's own bytes, the driver over TCP and a line, the maker's SDK at the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nec_pd_sdk.nec_pd_sdk import NECPD

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected
from avctl.events import Link
from drivers.nec_display import Frame, Frames, NecDisplay, encode
from drivers.sim.nec_display import SIMULATOR, NecDisplaySimulator

QUICK = {"poll": 20, "answer_seconds": 0.5, "boot_seconds": 0}

# The maker's bytes, monitor id 1: (to, sender, kind, text, bytes before and after the text).
SEEN = [
    (0x41, 0x30, "A", "01D6", "01 30 41 30 41 30 36 02", "03 74 0D"),
    (0x30, 0x41, "B", "0200D60000040001", "01 30 30 41 42 31 32 02", "03 74 0D"),
    (0x41, 0x30, "A", "C203D60004", "01 30 41 30 41 30 43 02", "03 76 0D"),
    (0x30, 0x41, "B", "00C203D60004", "01 30 30 41 42 30 45 02", "03 73 0D"),
    (0x41, 0x30, "C", "0062", "01 30 41 30 43 30 36 02", "03 01 0D"),
    (0x30, 0x41, "D", "0000620000640014", "01 30 30 41 44 31 32 02", "03 04 0D"),
    (0x41, 0x30, "E", "00600012", "01 30 41 30 45 30 41 02", "03 71 0D"),
]


@pytest.fixture
def display(device: Callable[..., Device]) -> NecDisplaySimulator:
    """A display that is on."""
    simulator = SIMULATOR(device("nec_display", **QUICK))
    simulator.power = 1
    return simulator


def test_the_makers_bytes_both_ways_one_at_a_time() -> None:
    codec = Frames()
    for to, sender, kind, text, before, after in SEEN:
        wire = bytes.fromhex(before) + text.encode() + bytes.fromhex(after)
        frame = Frame(to=to, sender=sender, kind=kind, text=text)
        assert encode(frame) == wire
        assert [one for byte in wire for one in codec.feed(bytes([byte]))] == [frame]


def test_noise_is_passed_over_and_a_wrong_check_is_an_error() -> None:
    wire = encode(Frame(to=0x41, kind="A", text="01D6"))
    assert len(list(Frames().feed(b"noise" + wire))) == 1
    for broken in (wire[:-2] + b"\x00\r", bytes(100), b"\x010A0Axx"):
        with pytest.raises(ProtocolError):
            list(Frames().feed(broken))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    codec = Frames()
    for _ in range(300):  # each error is progress
        try:
            assert all(isinstance(frame, Frame) for frame in codec.feed(data))
            return
        except ProtocolError:
            data = b""


async def test_everything_is_read_and_each_verb_shows(display, witness, served) -> None:
    async with display, served(NecDisplay, display) as driver:
        await witness.report(
            power=True,
            state="on",
            input="hdmi1",
            volume=20,
            muted=False,
            brightness=60,
            picture=True,
            wall=False,
            temperature=36,
            hours=1234,
            fault="",
            model="V554",
            serial="95000123",
        )
        await driver.set_input("dp1")
        await driver.set_volume(33)
        await driver.mute(True)
        await driver.set_brightness(80)
        await driver.show_picture(False)
        await driver.join_wall(rows=2, columns=3, tile=4)
        await witness.report(
            input="dp1",
            volume=33,
            muted=True,
            brightness=80,
            picture=False,
            wall=True,
            rows=2,
            columns=3,
            tile=4,
        )
        await driver.leave_wall()
        await witness.report(wall=False)
        display.refuse()
        with pytest.raises(Rejected) as refusal:
            await driver.set_volume(3)
        assert refusal.value.code == "01"
        display.refuse(False)
        await driver.set_power(False)
        await witness.report(power=False, state="off")
        with pytest.raises(Rejected, match="now"):
            await driver.set_volume(3)
        for wrong in (
            driver.set_volume(101),
            driver.join_wall(rows=2, columns=2, tile=5),
            driver.set_input("scart"),
        ):
            with pytest.raises(BadArgument):
                await wrong
        assert witness.links() == [Link.ONLINE]


async def test_what_happens_at_the_display_is_seen(display, witness, served) -> None:
    display.new_model = True
    async with display, served(NecDisplay, display, poll=0.05) as driver:
        display.press_source("hdmi3")
        display.diagnose(0x80)
        await witness.report(input="hdmi3", fault="fan")
        await driver.set_input("dp2")
        await witness.report(input="dp2")
        display.press_power()
        await witness.report(power=False, fault="")


async def test_the_input_of_a_display_that_starts_is_asked_again(display, witness, served) -> None:
    display.power, display.settling = 1, True
    async with display, served(NecDisplay, display, **{**QUICK, "poll": 0.05}) as driver:
        await witness.report(power=True)
        display.settling = False
        await witness.report(input="hdmi1")
        await driver.set_input("hdmi2")
        await witness.report(input="hdmi2")


async def test_another_monitor_id_is_never_answered(display, witness, served) -> None:
    async with display, served(NecDisplay, display, online=False, monitor_id=4):
        await witness.link("offline")


async def test_the_same_on_a_serial_line(device, witness, served, tmp_path: Path) -> None:
    display = SIMULATOR(device("nec_display", port=str(tmp_path / "line"), **QUICK))
    async with display:
        async with served(NecDisplay, display) as driver:
            await driver.set_power(True)
            await witness.report(power=True, model="V554")
            await driver.set_input("hdmi2")
            await witness.report(input="hdmi2")
        await _the_sdk_reads_and_writes(NECPD.from_com_port(str(display.bound)))


async def test_the_makers_sdk_reads_and_writes(display) -> None:
    async with display:
        client = await asyncio.to_thread(NECPD.from_ip_address, "127.0.0.1", display.bound)
        await _the_sdk_reads_and_writes(client)


async def _the_sdk_reads_and_writes(client: NECPD) -> None:
    def talk() -> tuple[object, ...]:
        try:
            client.helper_set_destination_monitor_id(1)
            return (
                client.command_power_status_read(),
                client.command_set_parameter(0x0062, 44).current_value,
                client.command_get_parameter(0x0062).current_value,
                client.helper_get_temperature_sensor_values()[0],
                client.command_serial_number_read(),
                client.command_model_name_read(),
                client.command_self_diagnosis_status_read(),
                client.command_power_status_set(4),
                client.command_power_status_read(),
            )
        finally:
            client.close()

    told = await asyncio.to_thread(talk)
    assert told == (1, 44, 44, 36.5, "95000123", "V554", [0], 4, 4)


async def test_a_client_of_another_maker_asks_for_all_the_manual_lists(display) -> None:
    async with display:
        reader, writer = await asyncio.open_connection(display.host, display.bound)

        async def ask(kind: str, text: str) -> str:
            head = f"0A0{kind}{len(text) + 2:02X}".encode()
            body = head + b"\x02" + text.encode() + b"\x03"
            check = 0
            for byte in body:
                check ^= byte
            writer.write(b"\x01" + body + bytes((check, 13)))
            said = await reader.readuntil(b"\x03")
            await reader.readexactly(2)  # the check and the end
            return said[8:-1].decode()

        for kind, text, answer in (
            ("E", "00600077", "0100600000000000"),  # an input that no list has
            ("E", "00600012", "0000600000640012"),
            ("C", "00D6", "0000D60000040001"),
            ("C", "0012", "0000120000640032"),
            ("C", "027B", "00027B0000020001"),
            ("E", "027B0002", "01027B0000000000"),  # a fan is not told how to be
            ("C", "023E", "00023E0000640001"),
            ("C", "9999", "0199990000FF0000"),
            ("A", "07", "4E001A5E1770"),
            ("A", "CA0200", "CB020000R1.200"),
            ("A", "CA0301020201" + "1100", "CB030100"),
            ("A", "CA0301000001" + "1100", "CB030101"),
            ("C", "02D0", "0002D00000FF0002"),
            ("C", "02D3", "0002D30000020002"),
        ):
            assert await ask(kind, text) == answer
        writer.close()
