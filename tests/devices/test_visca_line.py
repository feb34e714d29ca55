"""VISCA cameras on a serial line, over a real pseudo-terminal; lamps, speeds, and a second controller."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import serial

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import LinkError, Rejected, Unsupported
from avctl.events import Link
from drivers.sim.visca import SIMULATOR, SerialCamera
from drivers.visca import Visca
from drivers.visca.codec import ADDRESS_SET, CLEAR_ALL, command, speaker, to

QUICK = {"poll": 0.05, "answer_seconds": 0.1, "settle_seconds": 0.2}


@pytest.fixture
def on_line(device: Callable[..., Device], tmp_path: Path) -> Callable[..., SerialCamera]:
    """A quick camera on a serial line of its own."""

    def make(**options: Any) -> SerialCamera:
        head = SIMULATOR(device("visca", port=str(tmp_path / "line"), **QUICK | options))
        assert isinstance(head, SerialCamera)
        head.steps_per_second = 100_000
        return head

    return make


def test_the_vendors_bytes_of_a_line() -> None:
    assert bytes.fromhex("88 30 01 FF") == ADDRESS_SET
    assert bytes.fromhex("88 01 00 01 FF") == CLEAR_ALL
    assert to(3, command(0x01, 0x04, 0x3F, 0x02, 0x03)) == bytes.fromhex("83 01 04 3F 02 03 FF")
    said = ("90 41 FF", "A0 50 02 FF", "F0 60 02 FF", "88 30 02 FF")
    assert [speaker(bytes.fromhex(packet)) for packet in said] == [1, 2, 7, 0]


async def test_pyserial_hears_the_vendors_bytes_from_the_line(on_line) -> None:
    async with on_line() as head:

        def talk() -> list[bytes]:
            with serial.Serial(str(head.bound), 9600, timeout=5) as line:
                heard = []
                for sent, ends in (
                    ("88 30 01 FF", 1),
                    ("88 01 00 01 FF", 1),
                    ("81 01 04 3F 02 03 FF", 2),
                    ("81 09 04 00 FF", 1),
                    ("81 01 55 55 FF", 1),
                ):
                    line.write(bytes.fromhex(sent))
                    heard.append(b"".join(line.read_until(b"\xff") for _ in range(ends)))
                return heard

        assert [answer.hex(" ") for answer in await asyncio.to_thread(talk)] == [
            "88 30 02 ff",
            "88 01 00 01 ff",
            "90 41 ff 90 51 ff",
            "90 50 02 ff",
            "90 60 02 ff",
        ]


@pytest.mark.parametrize("address", [1, 5])
async def test_a_camera_on_a_serial_line_is_driven(on_line, witness, served, address: int) -> None:
    head = on_line(address=address)
    async with head, served(Visca, head) as driver:
        await witness.report(power=True, model="SRG-300H")
        await driver.recall_preset(3)
        await witness.report(preset=3, moving=False)
        head.joystick(pan=500)
        await witness.report(preset=None)
        await driver.store_preset(7)
        assert head.presets[7] == head.position
        await driver.set_tally(True)
        assert head.tally
        head.press_power()
        await witness.report(power=False)
        with pytest.raises(Rejected):
            await driver.recall_preset(1)
        assert witness.links() == [Link.ONLINE]


async def test_a_line_that_is_pulled_out_and_put_back(on_line, witness, served) -> None:
    head = on_line()
    async with head, served(Visca, head) as driver:
        await head.unplug()
        await witness.link("offline")
        with pytest.raises(LinkError):
            await driver.recall_preset(1)
        await head.plug()
        await witness.link("online")
        await driver.recall_preset(1)
        await witness.report(preset=1)


@pytest.mark.parametrize("fault", ["mute", "garble"])
async def test_silence_and_nonsense_on_the_line_end_the_link(on_line, witness, served, fault: str) -> None:
    head = on_line()
    async with head, served(Visca, head):
        getattr(head, fault)()
        await witness.link("offline")
        getattr(head, fault)(False)
        await witness.link("online")


async def test_another_camera_of_the_line_is_not_listened_to(on_line, witness, served) -> None:
    head = on_line()
    async with head, served(Visca, head, poll=60) as driver:
        await witness.report(moving=False)
        head.mute()
        recalled = asyncio.create_task(driver.recall_preset(2))
        far = head.line.far
        os.write(far, bytes.fromhex("A0 41 FF A0 51 FF"))  # accepted and completed, by the second camera
        os.write(far, bytes.fromhex("90 41 FF"))
        await recalled
        assert driver.readings["preset"] is None


async def test_a_camera_that_joins_the_line_has_addresses_set_again(on_line, witness, served) -> None:
    head = on_line()
    async with head, served(Visca, head) as driver:
        await head.join_line()
        assert "cameras of the line" in (await witness.link("offline")).reason
        await witness.link("online")
        await driver.recall_preset(2)
        await witness.report(preset=2)


async def test_cameras_of_one_line_are_driven_side_by_side(on_line, served, witness) -> None:
    heads = [on_line(address=address) for address in (1, 2, 7)]
    witnesses = [type(witness)() for _ in heads]
    async with AsyncExitStack() as stack:
        for head in heads:
            await stack.enter_async_context(head)
        drivers = [
            await stack.enter_async_context(driven(head, seen))
            for head, seen in zip(heads, witnesses, strict=True)
        ]
        for seen in witnesses:
            await seen.report(power=True, model="SRG-300H")
        assert [head.addressed for head in heads] == [1, 1, 1]  # the line was opened once
        await asyncio.gather(*(one.recall_preset(place) for place, one in enumerate(drivers, 3)))
        for place, seen in enumerate(witnesses, 3):
            await seen.report(preset=place, moving=False)
        assert len({head.position for head in heads}) == 3

        heads[1].mute()  # one falls silent: the others stand still as little as before
        await witnesses[1].link("offline")
        await drivers[2].recall_preset(9)
        await witnesses[2].report(preset=9)
        assert witnesses[0].links() == witnesses[2].links() == [Link.ONLINE]

        heads[1].mute(False)
        await witnesses[1].link("online")
        await heads[1].join_line()  # a chain that changed is addressed again, for all of them
        for seen in witnesses:
            assert "cameras of the line" in (await seen.link("offline")).reason
            await seen.link("online")
        assert len({head.addressed for head in heads}) == 1
        await drivers[0].recall_preset(4)
        await witnesses[0].report(preset=4)


async def test_two_that_cannot_share_a_line_are_told_why(on_line, served, witness) -> None:
    first, second = on_line(address=2), type(witness)()
    async with first, driven(first, witness):
        await witness.link("online")
        for options, reason in (({"address": 2}, "the address 2 too"), ({"baud_rate": 38400}, "9600 baud")):
            async with driven(first, second, **options):
                assert reason in (await second.link("offline")).reason
        assert witness.links() == [Link.ONLINE]


@asynccontextmanager
async def driven(head: SerialCamera, witness: Any, **options: Any) -> AsyncIterator[Visca]:
    """A driver that its own witness watches."""
    changed = {"options": {**head.device.options, **options}}
    driver = Visca(head.device.model_copy(update=changed), witness.bus.publish)
    task = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2))
    try:
        yield driver
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# --- lamps and speeds ------------------------------------------------------------------------------------


@pytest.fixture
def camera(device: Callable[..., Device]) -> Callable[..., Any]:
    """A quick camera on the network."""

    def make(**options: Any) -> Any:
        head = SIMULATOR(device("visca", **QUICK | options))
        head.steps_per_second = 100_000
        return head

    return make


async def test_the_lamp_of_a_ptzoptics_camera_has_a_command_of_its_own(camera, witness, served) -> None:
    head = camera(family="ptzoptics", transport="tcp")
    async with head, served(Visca, head) as driver:
        await driver.set_tally(True)
        assert head.tally
        await driver.set_tally(False)
        assert not head.tally
    lamps = [packet.hex(" ") for packet in head.heard if packet[1] == 0x0A]
    assert lamps == ["81 0a 02 02 02 ff", "81 0a 02 02 03 ff"]


async def test_a_camera_without_a_lamp_says_so(camera, witness, served) -> None:
    head = camera()
    head.lamp = False
    async with head, served(Visca, head) as driver:
        with pytest.raises(Unsupported, match="no on-air lamp"):
            await driver.set_tally(True)
        assert "tally" not in driver.readings


async def test_the_speed_of_recalls_is_told_once(camera, witness, served) -> None:
    sony, other = camera(recall_speed=24), camera(recall_speed=9, family="ptzoptics", transport="tcp")
    async with sony, served(Visca, sony) as driver:
        await driver.recall_preset(3)
        await witness.report(preset=3)
    told = [packet.hex(" ") for packet in sony.heard if packet[1:3] == b"\x01\x7e"]
    assert told == ["81 01 7e 04 1b 02 ff", "81 01 7e 04 1c 01 08 ff"]
    async with other, served(Visca, other) as driver:
        for preset in (3, 4, 3):
            await driver.recall_preset(preset)
            await witness.report(preset=preset)
    told = [packet.hex(" ") for packet in other.heard if packet[1:4] == b"\x01\x06\x01"]
    assert told == ["81 01 06 01 03 09 ff", "81 01 06 01 04 09 ff"]


# --- two controllers ---------------------------------------------------------------------------------------


async def test_two_controllers_share_a_camera(camera, witness, served) -> None:
    head = camera()

    def other(preset: int, sequence: int) -> list[str]:
        """A keyboard on the same network, with sequence numbers of its own."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as keyboard:
            keyboard.settimeout(5)
            keyboard.connect((head.host, head.bound))
            header = bytes.fromhex("01 00 00 07") + sequence.to_bytes(4, "big")
            keyboard.send(header + command(0x01, 0x04, 0x3F, 0x02, preset))
            return [keyboard.recv(64).hex(" ") for _ in range(2)]

    async with head, served(Visca, head) as driver:
        await driver.recall_preset(3)
        await witness.report(preset=3)
        said = await asyncio.to_thread(other, 5, 1)  # its number is lower than ours: neither is refused
        assert said == ["01 11 00 03 00 00 00 01 90 41 ff", "01 11 00 03 00 00 00 01 90 51 ff"]
        await witness.report(preset=None, pan=head.presets[5][0])
        head.steps_per_second = 5_000
        await driver.recall_preset(8)
        await asyncio.to_thread(other, 6, 2)  # it takes the camera away from us, on its way
        await witness.report(preset=None, moving=False, pan=head.presets[6][0])
        head.steps_per_second = 100_000
        await driver.recall_preset(8)
        await witness.report(preset=8)
        assert witness.links() == [Link.ONLINE]


async def test_a_caller_who_leaves_takes_nothing_from_the_line(camera, witness, served) -> None:
    head = camera()
    async with head, served(Visca, head) as driver:
        head.delay(0.05)
        recalled = asyncio.create_task(driver.recall_preset(4))
        await witness.until(lambda: driver._recall is not None, "the recall")
        recalled.cancel()
        head.delay(0)
        await witness.report(preset=4)
        assert witness.links() == [Link.ONLINE]
