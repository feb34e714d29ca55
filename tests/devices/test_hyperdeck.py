"""HyperDeck recorders: their own lines, the driver on a simulated recorder, another client beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from avctl.config import Device
from avctl.errors import ProtocolError, Rejected
from avctl.events import Link
from drivers.hyperdeck import Answers, Hyperdeck, Said, encode
from drivers.sim.hyperdeck import SIMULATOR, HyperdeckSimulator

SEEN = (
    b"500 connection info:\r\nprotocol version: 1.11\r\nmodel: HyperDeck Studio HD Plus\r\n\r\n"
    b"200 ok\r\n120 connection rejected\r\n508 transport info:\r\nstatus: record\r\n\r\n"
)


@pytest.fixture
def recorder(device: Callable[..., Device]) -> HyperdeckSimulator:
    """A recorder with one disk of two hours."""
    return SIMULATOR(device("hyperdeck", poll=20, answer_seconds=0.5))


def test_its_lines_both_ways_one_byte_at_a_time() -> None:
    codec = Answers()
    assert [one for byte in SEEN for one in codec.feed(bytes([byte]))] == [
        Said(
            code=500,
            text="connection info",
            fields={"protocol version": "1.11", "model": "HyperDeck Studio HD Plus"},
        ),
        Said(code=200, text="ok"),
        Said(code=120, text="connection rejected"),
        Said(code=508, text="transport info", fields={"status": "record"}),
    ]
    assert encode("transport info") == b"transport info\r\n"
    assert encode("slot info", slot_id="2") == b"slot info:\r\nslot id: 2\r\n\r\n"
    for broken in (b"noise\r\n", bytes(70_000)):
        with pytest.raises(ProtocolError):
            list(Answers().feed(broken))


@pytest.mark.parametrize("early", [False, True])
async def test_a_recording_is_started_and_stopped(recorder, witness, served, early: bool) -> None:
    recorder.early = early
    async with recorder, served(Hyperdeck, recorder) as driver:
        await witness.report(
            model="HyperDeck Studio HD Plus",
            recording=False,
            transport="preview",
            remaining_minutes=120,
            video_format="1080p25",
            fault="",
        )
        await driver.start_recording()
        await witness.report(recording=True, transport="record")
        await driver.stop_recording()
        await witness.report(recording=False, transport="stopped")
        recorder.remote = False  # somebody pressed the button: it is pressed back
        await driver.start_recording()
        await witness.report(recording=True)
        assert witness.links() == [Link.ONLINE]


async def test_hands_at_its_front_and_its_disks_are_seen(recorder, witness, served) -> None:
    async with recorder, served(Hyperdeck, recorder) as driver:
        recorder.press_record()
        await witness.report(recording=True)
        recorder.fill(5)
        await witness.report(remaining_minutes=5, fault="disk nearly full")
        recorder.press_stop()
        recorder.eject()
        await witness.report(recording=False, remaining_minutes=0, fault="no disk")
        with pytest.raises(Rejected, match="no disk") as refusal:
            await driver.start_recording()
        assert refusal.value.code == "105"
        recorder.fill(60)
        recorder.lose_signal()
        with pytest.raises(Rejected, match="no input"):
            await driver.start_recording()


async def test_one_that_has_connections_enough(recorder, witness, served) -> None:
    recorder.full = True
    async with recorder, served(Hyperdeck, recorder, online=False):
        assert "connections enough" in (await witness.link("offline")).reason


async def test_another_client_is_served_beside_ours(recorder, witness, served) -> None:
    async with recorder, served(Hyperdeck, recorder):
        reader, writer = await asyncio.open_connection(recorder.host, recorder.bound)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ping\r\nnotify: transport: true\r\nrecord\r\nwatchdog:\r\nperiod: 2\r\n\r\n")
        told = [await reader.readline() for _ in range(3)]
        assert told == [b"200 ok\r\n"] * 3
        assert await reader.readuntil(b"\r\n\r\n") == b"508 transport info:\r\nstatus: record\r\n\r\n"
        await witness.report(recording=True)
        writer.close()
