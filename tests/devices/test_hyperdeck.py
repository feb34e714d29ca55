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
        pushed = await reader.readuntil(b"\r\n\r\n")
        assert pushed == b"508 transport info:\r\nstatus: record\r\nclip id: 3\r\n\r\n"
        await witness.report(recording=True)
        writer.close()


async def test_a_client_finds_its_clips_its_disks_and_its_watchdog(recorder) -> None:
    async with recorder:
        reader, writer = await asyncio.open_connection(recorder.host, recorder.bound)
        await reader.readuntil(b"\r\n\r\n")

        async def ask(command: str) -> list[str]:
            writer.write(command.encode() + b"\r\n")
            first = await reader.readline()
            rest = await reader.readuntil(b"\r\n\r\n") if first.endswith(b":\r\n") else b""
            return (first + rest).decode().split("\r\n")[: -2 if rest else -1]

        assert await ask("clips count") == ["214 clips count:", "clip count: 2"]
        clips = ["1: opening.mov 00:00:00:00 00:01:00:00", "2: anthem.mov 00:01:00:00 00:01:00:00"]
        assert await ask("clips get") == ["205 clips info:", "clip count: 2", *clips]
        assert await ask("disk list") == [
            "206 disk list:",
            "slot id: 1",
            "1: opening.mov QuickTimeProRes 1080p25 00:01:00:00",
            "2: anthem.mov QuickTimeProRes 1080p25 00:01:00:00",
        ]
        assert "slot count: 2" in await ask("device info")
        assert await ask("slot info: slot id: 2") == [
            "202 slot info:",
            "slot id: 2",
            "status: empty",
            "recording time: 0",
            "video format: 1080p25",
        ]
        for command, answer in (
            ("goto: clip id: 2", "200 ok"),
            ("goto: clip id: +1", "109 out of range"),
            ("goto: clip id: two", "102 invalid value"),
            ("slot info: slot id: 9", "102 invalid value"),
            ("slot select: slot id: 2", "105 no disk"),
            ("disk list: slot id: 2", "105 no disk"),
            ("record spill", "150 invalid state"),
            ("PLAY", "200 ok"),
            ("notify: nothing: true", "101 unsupported parameter"),
            ("play the anthem", "103 unsupported"),
        ):
            assert await ask(command) == [answer]
        shown = await ask("transport info")
        assert {"status: play", "speed: 100", "clip id: 2", "single clip: false"} <= set(shown)
        notified = ["transport: true", "slot: true", "remote: true"]
        assert await ask("\r\n".join(("notify:", *notified, ""))) == ["200 ok"]
        assert await ask("notify") == ["209 notify:", *notified, "configuration: false"]
        recorder.fill(60, slot=2)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(
            b"502 slot info:\r\nslot id: 2\r\nstatus: mounted\r\n"
        )
        assert await ask("slot select: slot id: 2") == ["200 ok"]
        selected = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert selected[0] == "508 transport info:"
        assert {"slot id: 2", "clip id: none", "status: stopped"} <= {*selected}
        assert await ask("play") == ["107 timeline empty"]
        recorder.press_remote(False)
        assert await reader.readuntil(b"\r\n\r\n") == b"510 remote info:\r\nenabled: false\r\n\r\n"
        assert await ask("record: name: sitting_12") == ["111 remote control disabled"]
        assert await ask("remote") == ["210 remote info:", "enabled: false", "override: false"]
        assert await ask("remote: enable: true") == ["200 ok"]
        await reader.readuntil(b"\r\n\r\n")
        assert await ask("record: name: sitting_12") == ["200 ok"]
        assert recorder.clips[2] == ["sitting_12.mov"]
        await reader.readuntil(b"\r\n\r\n")
        recorder.eject(2)
        ended = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
        assert b"508 transport info:\r\nstatus: stopped\r\nclip id: none\r\n\r\n" in ended
        assert await ask("watchdog:\r\nperiod: soon\r\n") == ["102 invalid value"]
        assert await ask("watchdog:\r\nperiod: 1\r\n") == ["200 ok"]
        assert await reader.read() == b""  # a second of silence, and it hangs up
        writer.close()
