"""Projectors: the standard's bytes, the driver on a simulated projector, an independent client at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiopjlink import PJLink
from aiopjlink.projector import Power, Sources

from avctl.config import Device
from avctl.errors import BadArgument, LinkError, NoAnswer, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.pjlink import Pjlink, digest, faults, input_code, input_name, lamp_hours
from drivers.polled import Lines
from drivers.sim.pjlink import SIMULATOR, PjlinkSimulator

QUICK = {"poll": 0.05, "answer_seconds": 0.5, "boot_seconds": 0}


@pytest.fixture
def projector(device: Callable[..., Device]) -> PjlinkSimulator:
    """A projector that is on."""
    simulator = SIMULATOR(device("pjlink", **QUICK))
    simulator.settings["POWR"] = "1"
    return simulator


# --- bytes -------------------------------------------------------------------------------------------


def test_the_standards_lines_one_byte_at_a_time() -> None:
    codec = Lines(b"\r", 256)
    seen = b"PJLINK 1 498e4a67\r%1POWR=OK\r%1POWR=1\r%1INPT=ERR3\r%2ACKN=00:11:22:33:44:55\r"
    heard = [line for byte in seen for line in codec.feed(bytes([byte]))]
    assert "".join(f"{line}\r" for line in heard).encode() == seen


def test_the_standards_digest() -> None:
    assert digest("498e4a67", "JBMIAProjectorLink") == "5d8409bc1c3fa39749434aa3a5c38682"


def test_what_a_projector_says_in_our_words() -> None:
    assert [input_name(code) for code in ("11", "32", "6A")] == ["rgb1", "digital2", "internala"]
    assert [input_code(name) for name in ("rgb1", "digital2", "internala", "hdmi")] == ["11", "32", "6A", ""]
    assert faults("010200") == "lamp (warning), cover"
    assert lamp_hours("1200 1 800 0") == (1200, 800)
    for broken in ("", "0000", "000003", "abcdef"):
        with pytest.raises(ProtocolError):
            faults(broken)
    with pytest.raises(ProtocolError):
        lamp_hours("on")


# --- the driver --------------------------------------------------------------------------------------


async def test_everything_is_read_and_each_verb_shows(projector, witness, served) -> None:
    async with projector, served(Pjlink, projector, poll=20) as driver:
        await witness.report(
            power=True,
            state="on",
            input="digital1",
            inputs=("rgb1", "digital1", "digital2", "network2", "internala"),
            picture=True,
            muted=False,
            fault="",
            lamp_hours=(1234,),
            filter_hours=500,
            resolution="1920x1080",
            signal=True,
            model="PX-1",
            serial="10002000",
            pjlink_class=2,
        )
        await driver.set_input("digital2")
        await witness.report(input="digital2")
        await driver.show_picture(False)
        await witness.report(picture=False, muted=False)
        await driver.mute(True)
        await witness.report(picture=False, muted=True)
        await driver.show_picture(True)
        await witness.report(picture=True, muted=True)
        await driver.show_picture(False)  # with the sound: on some, the picture alone would open it
        await witness.report(picture=False, muted=True)
        assert "%1AVMT 31" in projector.said
        await driver.set_power(False)
        await witness.report(power=False, state="standby")
        with pytest.raises(Rejected, match="not now") as refusal:
            await driver.set_input("rgb1")
        assert refusal.value.code == "ERR3"
        with pytest.raises(BadArgument, match="digital1"):
            await driver.set_input("video1")
        with pytest.raises(Unsupported):
            await driver.set_volume(level=3)
        assert witness.links() == [Link.ONLINE]


async def test_what_happens_at_the_projector_is_seen(projector, witness, served) -> None:
    async with projector, served(Pjlink, projector):
        projector.fail("lamp", 1)
        projector.fail("temperature")
        projector.age(4000)
        await witness.report(fault="lamp (warning), temperature", lamp_hours=(4000,))
        projector.warm_seconds = 0.2
        await projector.press_power()
        await witness.report(state="cooling", power=False)
        await witness.report(state="standby")
        await projector.press_power()
        await witness.report(state="warming", power=True)
        await witness.report(state="on")


async def test_a_notice_is_a_hint_to_look(device, free_port, witness, served) -> None:
    projector = SIMULATOR(device("pjlink", poll=20, notices_port=free_port()))
    async with projector, served(Pjlink, projector):
        await witness.report(power=False)
        await projector.press_power()
        await witness.report(power=True)


async def test_class_1_without_a_lamp(projector, witness, served) -> None:
    projector.level, projector.lamps = 1, []
    async with projector, served(Pjlink, projector):
        await witness.report(
            power=True, input="digital1", pjlink_class=1, inputs=("rgb1", "digital1", "digital2")
        )
        assert "lamp_hours" not in witness.readings
        assert "serial" not in witness.readings


async def test_one_that_hangs_up_after_each_command(projector, witness, served) -> None:
    projector.hangs_up = True
    async with projector, served(Pjlink, projector, one_command=True) as driver:
        await driver.set_input("rgb1")
        await witness.report(input="rgb1")
        assert witness.links() == [Link.ONLINE]
        projector.mute()
        with pytest.raises((NoAnswer, LinkError)):
            await driver.set_input("digital1")
        await witness.link("offline")


@pytest.mark.parametrize("one_command", [False, True])
async def test_a_password_and_a_wrong_one_which_is_tried_once(
    device, witness, served, caplog, one_command: bool
) -> None:
    caplog.set_level("DEBUG")
    projector = SIMULATOR(device("pjlink", password="JBMIAProjectorLink", **QUICK))
    async with projector:
        async with served(Pjlink, projector, one_command=one_command):
            await witness.report(power=False)
        assert projector.said[0].startswith("5d8409bc1c3fa39749434aa3a5c38682%1")
        assert "35 64 38 34" not in caplog.text  # the digest is nobody's business either
        projector.said.clear()
        async with served(Pjlink, projector, online=False, password="wrong", one_command=one_command):
            assert "password" in (await witness.link("refused")).reason
            await witness.until(lambda: not projector.peers, "the end of the connection")
        assert len(projector.said) == 1


async def test_one_that_accepts_and_never_greets(witness, device, served) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        projector = SIMULATOR(device("pjlink", port=silent.sockets[0].getsockname()[1], **QUICK))
        async with served(Pjlink, projector, online=False):
            assert "greet" in (await witness.link("offline")).reason


# --- somebody else's client --------------------------------------------------------------------------


async def test_an_independent_client_reads_and_writes(device) -> None:
    # It leaves its connection open when its password is refused: that is tried by our driver only.
    projector = SIMULATOR(device("pjlink", password="JBMIAProjectorLink"))
    async with projector:
        link = PJLink(address="127.0.0.1", port=projector.bound, password="JBMIAProjectorLink")
        async with link:
            await link.power.turn_on()
            assert await link.power.get() == Power.State.ON
            await link.sources.set(Sources.Mode.DIGITAL, 2)
            assert await link.sources.get() == (Sources.Mode.DIGITAL, "2")
            assert [hours for hours, _ in await link.lamps.status()] == [1234]


async def test_a_client_steps_the_volume_and_is_hung_up_on_when_it_says_nothing(device) -> None:
    projector = SIMULATOR(device("pjlink"))
    projector.settings["POWR"] = "1"
    async with projector:
        reader, writer = await asyncio.open_connection(projector.host, projector.bound)
        assert await reader.readuntil(b"\r") == b"PJLINK 0\r"
        for request, answer in (
            (b"%2SVOL 1\r", b"%2SVOL=OK\r"),
            (b"%2MVOL 0\r", b"%2MVOL=OK\r"),
            (b"%2SVOL 2\r", b"%2SVOL=ERR2\r"),
            (b"%1SVOL 1\r", b"%1SVOL=ERR1\r"),
        ):
            writer.write(request)
            assert await reader.readuntil(b"\r") == answer
        assert projector.steps == {"SVOL": 1, "MVOL": -1}
        projector.patient_seconds = 0.05  # half a minute, really
        writer.write(b"%1CLSS ?\r")
        assert await reader.read() == b"%1CLSS=2\r"
        writer.close()
