import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avctl.errors import ProtocolError
from avctl.events import FloorRequestEnded, MicClosed, MicOpened
from drivers.shure_dis import DRIVER, Codec, ShureDis, encode
from drivers.sim.shure_dis import SIMULATOR, ShureDisSimulator

Served = Callable[..., AbstractAsyncContextManager[ShureDis]]

SEEN = [  # Shure, command strings for MXC; DCS 6000 manual
    (b"mic_on 12\r\n", ("mic_on", "12")),
    (b"mic_request_off 3\r\n", ("mic_request_off", "3")),
    (b"seat_state 3 active Anna Alpha\r\n", ("seat_state", "3 active Anna Alpha")),
    (b"seat_state 4 passive\r\n", ("seat_state", "4 passive")),
    (b"mic_mode manual+reply\r\n", ("mic_mode", "manual+reply")),
    (b"command_error unknown command\r\n", ("command_error", "unknown command")),
    (b"mic_status_done\r\n", ("mic_status_done", "")),
]


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[ShureDisSimulator]:
    options = {"poll": 0.1, "answer_seconds": 0.5, "chairmen": (1,)}
    async with SIMULATOR(device("shure_dis", **options)) as simulator:
        yield simulator


def test_the_vendors_commands_leave_as_they_are_written() -> None:
    assert encode("mic_status") == b"mic_status\r\n"
    assert encode("mic_on", 12) == b"mic_on 12\r\n"
    assert encode("mic_mute_all", "activate") == b"mic_mute_all activate\r\n"


@pytest.mark.parametrize(("data", "line"), SEEN)
def test_the_vendors_lines_are_understood(data: bytes, line: tuple[str, str]) -> None:
    assert list(Codec().feed(data)) == [line]
    assert list(Codec().feed(data.replace(b"\r\n", b"\n"))) == [line]
    assert list(Codec().feed(data.replace(b"\r\n", b"\r"))) == [line]


def test_the_vendors_lines_one_byte_at_a_time() -> None:
    codec, heard = Codec(), []
    for byte in b"".join(data for data, _ in SEEN):
        heard += codec.feed(bytes((byte,)))
    assert heard == [line for _, line in SEEN]


def test_names_come_in_either_alphabet() -> None:
    told = "seat_state 1 active Лук'ян\r\n".encode() + b"seat_state 2 active Bj\xf8rn\r\n"
    assert [data for _, data in Codec().feed(told)] == ["1 active Лук'ян", "2 active Bjørn"]


@pytest.mark.parametrize("data", [b"<html>\r\n", b"\x00\x01\r\n", b"7 mics\r\n", b"x" * 600])
def test_what_is_no_line_is_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Codec().feed(data))


@given(st.binary(max_size=400))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    with suppress(ProtocolError):
        list(Codec().feed(data))


async def test_names_come_and_go_with_who_logs_in(
    hall: ShureDisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        assert witness.readings["seats"]["2"]["name"] == hall.seats[2]
        hall.sit(2, "Ганна Гостинна")
        await witness.until(lambda: witness.readings["seats"]["2"]["name"] == "Ганна Гостинна", "the name")


async def test_an_old_unit_tells_no_names_and_its_seats_are_numbers(
    hall: ShureDisSimulator, served: Served, witness: Any
) -> None:
    hall.names = False
    async with served(DRIVER, hall):
        assert {row["name"] for row in witness.readings["seats"].values()} == {""}
        hall.connect_seat(4, False)
        await witness.until(lambda: witness.readings["seats"]["4"]["fault"] == "disconnected", "the fault")


async def test_whoever_gets_the_floor_waits_no_more_even_if_that_is_not_told(
    hall: ShureDisSimulator, served: Served, witness: Any
) -> None:
    hall.tells_requests_off = False
    async with served(DRIVER, hall, poll=60):
        hall.press(3)
        await witness.report(waiting=(3,))
        hall._open(3)
        await witness.sees(MicOpened, seat=3)
        await witness.sees(FloorRequestEnded, seat=3)


async def test_a_change_that_was_not_told_is_found_at_the_next_look(
    hall: ShureDisSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(3)
        await witness.sees(MicOpened, seat=3)
        hall.speakers.clear()
        await witness.sees(MicClosed, seat=3)


async def test_who_speaks_keeps_the_order_in_which_the_microphones_were_opened(
    hall: ShureDisSimulator, served: Served, witness: Any
) -> None:
    """A microphone opened by us is told before the unit tells its whole list, in which it comes last."""
    async with served(DRIVER, hall) as driver:
        orders = []
        for seat in (7, 2, 5):
            await driver.open_mic(seat)
            orders.append(witness.readings["speakers"])
        for seat in (9, 3):
            hall.press(seat)
            await witness.until(lambda seat=seat: seat in witness.readings["waiting"], "who waits")
        await driver.grant_request(9)
        assert [*orders, witness.readings["speakers"]] == [(7,), (7, 2), (7, 2, 5), (7, 2, 5, 9)]


async def test_a_mode_with_replies_keeps_them(hall: ShureDisSimulator, served: Served, witness: Any) -> None:
    hall.settings["mic_mode"] = "auto+reply"
    async with served(DRIVER, hall) as driver:
        await witness.report(mode="open")
        await driver.set_mode("request")
        await witness.report(mode="request")
        assert hall.settings["mic_mode"] == "manual+reply"


# --- other people's client -------------------------------------------------------------------------


async def test_a_client_that_reads_the_whole_and_follows_holds_a_meeting(hall: ShureDisSimulator) -> None:
    reader, writer = await asyncio.open_connection(hall.host, hall.bound)
    writer.write(b"mic_status\r\n")
    told = (await reader.readuntil(b"mic_status_done\r\n")).decode().split("\r\n")
    assert f"seat_state 2 active {hall.seats[2]}" in told
    hall.press(3)
    assert await reader.readline() == b"mic_request_on 3\r\n"
    writer.write(b"MIC_NEXT_ON\r")
    assert [await reader.readline() for _ in "12"] == [b"mic_request_off 3\r\n", b"mic_on 3\r\n"]
    writer.write(b"mic_on 3\nmic_off 3\nmic_on x\nfly\n")  # nothing happened, so nothing is said to the first
    assert [await reader.readline() for _ in "123"] == [
        b"mic_off 3\r\n",
        b"command_error syntax error\r\n",
        b"command_error unknown command\r\n",
    ]
    writer.close()
