"""Videohub routers: Blackmagic's own blocks, the driver on a simulated router, another client beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.blackmagic_videohub import BlackmagicVideohub, Block, Blocks, encode, numbered
from drivers.sim.blackmagic_videohub import SIMULATOR, BlackmagicVideohubSimulator

QUICK = {"poll": 20, "answer_seconds": 0.5}

PRELUDE = b"""PROTOCOL PREAMBLE:
Version: 2.7

VIDEOHUB DEVICE:
Device present: true
Model name: Blackmagic Smart Videohub 20 x 20
Video inputs: 20
Video outputs: 20

INPUT LABELS:
0 Camera 1
1 \xd0\x97\xd0\xb0\xd0\xbb\xd0\xb0

VIDEO OUTPUT ROUTING:
2 5

ACK

"""


@pytest.fixture
def router(device: Callable[..., Device]) -> BlackmagicVideohubSimulator:
    """A router that nobody has touched."""
    return SIMULATOR(device("blackmagic_videohub", **QUICK))


def test_blackmagics_blocks_both_ways_one_byte_at_a_time() -> None:
    codec = Blocks()
    heard = [block for byte in PRELUDE for block in codec.feed(bytes([byte]))]
    assert b"".join(map(encode, heard)) == PRELUDE
    assert numbered(heard[2]) == {"1": "Camera 1", "2": "Зала"}
    assert encode(Block(header="VIDEO OUTPUT ROUTING", lines=("2 5",))) == b"VIDEO OUTPUT ROUTING:\n2 5\n\n"
    for broken in (b"noise\n\n", bytes(300_000)):
        with pytest.raises(ProtocolError):
            list(Blocks().feed(broken))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    codec = Blocks()
    for _ in range(200):  # each error is progress
        try:
            assert all(block.header for block in codec.feed(data))
            return
        except ProtocolError:
            data = b""


@pytest.mark.parametrize(("version", "early"), [("2.8", False), ("2.7", True)])
async def test_everything_is_told_and_routes_are_switched(
    router, witness, served, version: str, early: bool
) -> None:
    router.version, router.early = version, early
    async with router, served(BlackmagicVideohub, router) as driver:
        await witness.report(model="Blackmagic Smart Videohub 20 x 20", fault="")
        assert driver.readings["sources"]["20"] == "Camera 20"
        assert driver.readings["routes"]["3"] == "1"
        await driver.route(output="3", source="6")
        await witness.until(lambda: driver.readings["routes"]["3"] == "6", "the route")
        assert router.tables["VIDEO OUTPUT ROUTING"][2] == "5"
        for wrong in (driver.route(output="21", source="1"), driver.route(output="1", source="0")):
            with pytest.raises(BadArgument):
                await wrong
        with pytest.raises(Unsupported):
            await driver.cut()
        assert witness.links() == [Link.ONLINE]


async def test_hands_at_the_panel_and_locks_are_seen(router, witness, served) -> None:
    async with router, served(BlackmagicVideohub, router) as driver:
        router.press(1, 7)
        router.name_source(7, "Трибуна")
        router.lock(2)
        await witness.until(lambda: driver.readings["routes"]["1"] == "7", "the button")
        await witness.until(lambda: driver.readings["sources"]["7"] == "Трибуна", "the name")
        await witness.until(lambda: driver.readings["locks"]["2"] == "another", "the lock")
        with pytest.raises(Rejected, match="locked") as refusal:
            await driver.route(output="2", source="1")
        assert refusal.value.code == "NAK"
        assert witness.links() == [Link.ONLINE]


@pytest.mark.parametrize("present", ["false", "needs_update"])
async def test_a_router_that_is_not_ready_says_so(router, witness, served, present: str) -> None:
    router.present = present
    async with router, served(BlackmagicVideohub, router):
        await witness.report(fault=f"device present: {present}")


async def test_another_client_hears_what_ours_changed(router, witness, served) -> None:
    async with router, served(BlackmagicVideohub, router) as driver:
        reader, writer = await asyncio.open_connection(router.host, router.bound)
        assert (await reader.readuntil(b"END PRELUDE:\n\n")).startswith(
            b"PROTOCOL PREAMBLE:\nVersion: 2.8\n\n"
        )
        await driver.route(output="1", source="2")
        assert await reader.readuntil(b"\n\n") == b"VIDEO OUTPUT ROUTING:\n0 1\n\n"
        writer.write(b"PING:\n\nVIDEO OUTPUT ROUTING:\n0 99\n\nVIDEO OUTPUT ROUTING:\n0 2\n\n")
        told = b"".join([await reader.readuntil(b"\n\n") for _ in range(4)])
        assert told == b"ACK\n\nNAK\n\nACK\n\nVIDEO OUTPUT ROUTING:\n0 2\n\n"
        await witness.until(lambda: driver.readings["routes"]["1"] == "3", "the other's change")
        writer.close()


async def test_what_one_client_locked_is_another_s_for_everybody_else(router) -> None:
    async with router:
        reader, writer = await asyncio.open_connection(router.host, router.bound)
        other, others = await asyncio.open_connection(router.host, router.bound)
        for line in (reader, other):
            await line.readuntil(b"END PRELUDE:\n\n")
        writer.write(b"VIDEO OUTPUT LOCKS:\n2 O\n\n")
        assert await reader.readuntil(b"2 O\n\n") == b"ACK\n\nVIDEO OUTPUT LOCKS:\n2 O\n\n"
        assert await other.readuntil(b"\n\n") == b"VIDEO OUTPUT LOCKS:\n2 L\n\n"
        for refused in (b"VIDEO OUTPUT ROUTING:\n2 1\n\n", b"VIDEO OUTPUT LOCKS:\n2 U\n\n"):
            others.write(refused)
            assert await other.readuntil(b"\n\n") == b"NAK\n\n"
        others.write(b"VIDEO OUTPUT LOCKS:\n2 F\n\n")
        assert await other.readuntil(b"2 U\n\n") == b"ACK\n\nVIDEO OUTPUT LOCKS:\n2 U\n\n"
        writer.close()
        others.close()
