import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from avctl.errors import ProtocolError
from avctl.events import FloorRequested, MicOpened
from drivers.sim.televic_dcerno import SIMULATOR, TelevicDcernoSimulator
from drivers.televic_dcerno import DRIVER, Codec, Options, Packet, TelevicDcerno, encode

Served = Callable[..., AbstractAsyncContextManager[TelevicDcerno]]

SENT = [  # by the one client that is in use, caught on the wire
    (
        b'\x0202:con0000021O00000C00000000000000:{"typ":"CoCon","nam":"CoCon Emulator","ver":"0.01",'
        b'"inf":"","svr":0,"tim":""}\x03',
        "con",
        {"typ": "CoCon", "nam": "CoCon Emulator", "ver": "0.01", "inf": "", "svr": 0, "tim": ""},
    ),
    (
        b'\x0202:get0001021O00000C00000000000000:{"nam":"gmicstat","uid":0}\x03',
        "get",
        {"nam": "gmicstat", "uid": 0},
    ),
]
TOLD = [
    (
        b'\x0202:rep0001021C00000O00000000000000:{"inf":"..","con":{"typ":"CU","nam":"","ver":"","svr":0}}\x03',
        Packet(kind="rep", data={"inf": "..", "con": {"typ": "CU", "nam": "", "ver": "", "svr": 0}}),
    ),
    (
        b'\x0202:evt0002021C00000O00000000000000:{"nam":"micstat","uid":"101008d2","stat":1}\x03',
        Packet(kind="evt", data={"nam": "micstat", "uid": "101008d2", "stat": 1}),
    ),
    (
        b'\x0202:rep0003021C00000O00000000000000:{"nam":"mmo","mmo":0,"mio":0,"mat":0}\x03',
        Packet(kind="rep", data={"nam": "mmo", "mmo": 0, "mio": 0, "mat": 0}),
    ),
]


@pytest.fixture
async def hall(device: Callable[..., Any]) -> AsyncIterator[TelevicDcernoSimulator]:
    options = {
        "poll": 0.1,
        "answer_seconds": 0.5,
        "seats": {"11000001": 1, "101008D2": 14, "101008d3": 15},
    }
    async with SIMULATOR(device("televic_dcerno", **options)) as simulator:
        yield simulator


@pytest.mark.parametrize(("data", "kind", "content"), SENT)
def test_what_is_sent_is_what_the_unit_is_known_to_take(
    data: bytes, kind: str, content: dict[str, Any]
) -> None:
    number = [sent for sent, *_ in SENT].index(data)
    assert encode(Packet(kind=kind, number=number, data=content)) == data
    assert list(Codec().feed(data)) == [Packet(kind=kind, data=content)]


def test_what_the_unit_tells_is_understood_one_byte_at_a_time() -> None:
    codec, heard = Codec(), []
    for byte in b"\r\n".join(data for data, _ in TOLD):
        heard += codec.feed(bytes((byte,)))
    assert heard == [packet for _, packet in TOLD]


@pytest.mark.parametrize("data", [b"HTTP", b"\x0202:rep\x03", b"\x0202:rep0:{,}\x03", b'\x02{"a":1}\x03'])
def test_what_is_no_frame_is_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Codec().feed(data))


@given(st.binary(max_size=400))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    with suppress(ProtocolError):
        list(Codec().feed(data))


async def test_a_microphone_is_known_by_the_seat_of_its_serial_number(
    hall: TelevicDcernoSimulator, served: Served, witness: Any
) -> None:
    async with served(DRIVER, hall):
        hall.press(14)
        await witness.sees(FloorRequested, seat=14)
        assert list(witness.readings["seats"]) == ["1", "14", "15"]
        assert witness.readings["seats"]["1"]["chairman"] is True
        for peer in hall.peers:
            peer.push(
                b'\x0202:evt0002021C00000O00000000000000:{"nam":"micstat","uid":"101008D2","stat":"1"}\x03'
                b'\x0202:evt0003021C00000O00000000000000:{"nam":"micstat","uid":"00000000","stat":0}\x03'
                b'\x0202:evt0004021C00000O00000000000000:{"nam":"micstat","uid":"10ffffff","stat":8}\x03'
            )
        await witness.sees(MicOpened, seat=14)
        stranger = await witness.sees(MicOpened)
        assert stranger.seat >= 10_000  # a number, never somebody's seat
        assert witness.readings["seats"][str(stranger.seat)]["name"] == ""


async def test_all_microphones_may_be_told_in_one_list(
    hall: TelevicDcernoSimulator, served: Served, witness: Any
) -> None:
    hall.lists = True
    hall.press(15)
    hall.press(14)
    async with served(DRIVER, hall):
        await witness.report(waiting=(15, 14))


def test_two_microphones_never_share_a_seat() -> None:
    with pytest.raises(ValidationError, match="a number of its own"):
        Options(seats={"101008d2": 1, "101008d3": 1})


def test_a_serial_number_in_place_of_a_seat_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ValidationError, match="a seat from 1 to 9999"):
        Options.model_validate({"seats": {"1": "10100842"}})


# --- other people's client -------------------------------------------------------------------------


async def test_a_client_that_greets_and_asks_holds_a_meeting(hall: TelevicDcernoSimulator) -> None:
    reader, writer = await asyncio.open_connection(hall.host, hall.bound)
    for data, *_ in SENT:
        writer.write(data)
    told = b""
    while told.count(b"\x03") < 4:
        told += await reader.read(4096)
    assert b'rep0001021C00000O00000000000000:{"inf":"connected","con":{"typ":"CU"' in told
    assert b'{"nam":"micstat","uid":"101008d2","stat":0}' in told
    header = "\x0202:set0002021O00000C00000000000000:"
    writer.write(f'{header}{{"nam":"smicstat","uid":"101008d2","stat":"3"}}\x03'.encode())
    assert b'{"nam":"micstat","uid":"101008d2","stat":1}' in await reader.readuntil(b"\x03")
    writer.write(f'{header}{{"nam":"smicstat","uid":0,"stat":"0"}}\x03'.encode())
    assert b'{"nam":"micstat","uid":"101008d2","stat":0}' in await reader.readuntil(b"\x03")
    writer.write(f'{header}{{"nam":"smam","mam":99}}\x03nonsense\x03'.encode())
    assert b"02:err" in await reader.readuntil(b"\x03")
    assert b"bad packet" in await reader.readuntil(b"\x03")
    writer.close()
