import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avctl.errors import ProtocolError
from avctl.events import FloorRequested, MicClosed, MicOpened
from drivers.shure_mxcw import DRIVER, ShureMxcw
from drivers.shure_mxcw.messages import Codec, Message, encode
from drivers.sim.shure_mxcw import SIMULATOR, ShureMxcwSimulator

Served = Callable[..., AbstractAsyncContextManager[ShureMxcw]]

SEEN = [  # Shure, command strings for MXCW
    (b"< GET 0 MIC_STATUS >", Message(verb="GET", index=0, key="MIC_STATUS")),
    (b"< SET 1 MIC_STATUS OFF >", Message(verb="SET", index=1, key="MIC_STATUS", value="OFF")),
    (b"< REP 1 MIC_STATUS OFF >", Message(verb="REP", index=1, key="MIC_STATUS", value="OFF")),
    (
        b"< REP 1 SPEAK_LIST_STATUS NOT_IN_LIST >",
        Message(verb="REP", index=1, key="SPEAK_LIST_STATUS", value="NOT_IN_LIST"),
    ),
    (b"< SET NEXT_MIC_ON TRUE >", Message(verb="SET", key="NEXT_MIC_ON", value="TRUE")),
    (b"< SET ALL_DELEGATE_MIC_OFF TRUE >", Message(verb="SET", key="ALL_DELEGATE_MIC_OFF", value="TRUE")),
    (b"< REP OPERATION_MODE FIFO >", Message(verb="REP", key="OPERATION_MODE", value="FIFO")),
    (b"< REP ERR >", Message(verb="REP", key="ERR")),
]


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[ShureMxcwSimulator]:
    async with SIMULATOR(device("shure_mxcw", poll=0.1, answer_seconds=0.5)) as simulator:
        yield simulator


@pytest.mark.parametrize(("data", "message"), SEEN)
def test_the_vendors_strings_both_ways(data: bytes, message: Message) -> None:
    assert encode(message) == data
    assert list(Codec().feed(data)) == [message]


def test_the_vendors_strings_one_byte_at_a_time() -> None:
    codec, heard = Codec(), []
    for byte in b"\r\n".join(data for data, _ in SEEN):
        heard += codec.feed(bytes((byte,)))
    assert heard == [message for _, message in SEEN]


def test_a_name_may_have_brackets_and_is_filled_up_with_spaces() -> None:
    text = "< REP 7 SEAT_NAME {Лук'ян <7>                   } >\r\n< REP 7 ROLE CHAIRMAN >".encode()
    assert [(one.index, one.key, one.value) for one in Codec().feed(text)] == [
        (7, "SEAT_NAME", "Лук'ян <7>"),
        (7, "ROLE", "CHAIRMAN"),
    ]


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad", b"REP 1 MIC_STATUS ON >", b"< >", b"<" + bytes(2000)])
def test_what_is_no_string_is_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Codec().feed(data))


@given(st.binary(max_size=400))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    with suppress(ProtocolError):
        list(Codec().feed(data))


async def test_names_batteries_and_signals_are_told_for_each_seat(
    hall: ShureMxcwSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        row = witness.readings["seats"]["2"]
        assert (row["name"], row["chairman"], row["fault"]) == (hall.units[2].name, False, "")
        assert (row["battery_percent"], row["battery_hours"], row["signal_dbm"]) == (87, 11, -52)
        hall.drain(2, charge=9, minutes=65535)
        await witness.until(lambda: witness.readings["seats"]["2"]["battery_percent"] == 9, "the battery")
        await witness.until(lambda: "battery_hours" not in witness.readings["seats"]["2"], "no guess")
        hall.sit(2, "Ганна Гостинна")
        await witness.until(lambda: witness.readings["seats"]["2"]["name"] == "Ганна Гостинна", "the name")


async def test_a_unit_that_is_lost_leaves_the_floor_and_shows_its_fault(
    hall: ShureMxcwSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(2)
        await witness.sees(MicOpened, seat=2)
        hall.connect_seat(2, False)
        await witness.sees(MicClosed, seat=2)
        await witness.until(lambda: witness.readings["seats"]["2"]["fault"] == "disconnected", "the fault")
        await driver.open_mic(2)  # it is not there, so nothing is answered: that is no end of the link
        assert driver.link == "online"


async def test_an_access_point_that_does_not_know_all_is_asked_key_by_key(
    hall: ShureMxcwSimulator, served: Served, witness: Any
) -> None:
    hall.knows_all = False
    async with served(DRIVER, hall):
        await witness.report(mode="request", max_open=4, all_muted=False)
        assert len(witness.readings["seats"]) == 15


async def test_who_waited_before_the_cut_keeps_the_place(
    hall: ShureMxcwSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        for seat in (9, 4, 7):
            hall.press(seat)
        await witness.report(waiting=(9, 4, 7))
        hall.drop()
        await witness.link("offline")
        await witness.link("online")
        await witness.report(waiting=(9, 4, 7))
        assert len([event for event in witness.events if isinstance(event, FloorRequested)]) == 3


async def test_only_the_speakers_list_may_say_that_a_microphone_closed(
    hall: ShureMxcwSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall) as driver:
        await driver.open_mic(3)
        await witness.report(speakers=(3,))
        for peer in hall.peers:
            peer.push(b"< REP 3 SPEAK_LIST_STATUS NOT_IN_LIST >")
        await witness.sees(MicClosed, seat=3)


# --- other people's client -------------------------------------------------------------------------


async def test_a_client_that_doubles_its_brackets_holds_a_meeting(hall: ShureMxcwSimulator) -> None:
    reader, writer = await asyncio.open_connection(hall.host, hall.bound)
    writer.write(b"< < GET ALL > >< < GET AUDIO_METER_RATE > >")
    told = await reader.readuntil(b"RSSI -52 >\r\n")
    while b"AUDIO_METER_RATE 0 >\r\n" not in told.partition(b"15 RSSI")[2]:
        told += await reader.read(4096)
    assert b"< REP OPERATION_MODE MANUAL >" in told
    assert b"AUX" not in told
    hall.press(3)
    assert b"< REP 3 REQUEST_LIST_STATUS IN_LIST >\r\n" in await reader.read(4096)
    writer.write(b"< SET NEXT_MIC_ON TRUE >")
    assert await reader.readuntil(b"REQUEST_LIST_STATUS NOT_IN_LIST >\r\n") == (
        b"< REP 3 MIC_STATUS ON >\r\n< REP 3 SPEAK_LIST_STATUS IN_LIST >\r\n"
        b"< REP 3 REQUEST_LIST_STATUS NOT_IN_LIST >\r\n"
    )
    writer.write(b"< SET 3 MIC_STATUS OFF >< BOGUS >")
    assert await reader.readuntil(b"ERR >\r\n") == (
        b"< REP 3 MIC_STATUS OFF >\r\n< REP 3 SPEAK_LIST_STATUS NOT_IN_LIST >\r\n< REP ERR >\r\n"
    )
    writer.close()
