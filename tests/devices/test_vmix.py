"""vMix: its own lines, the driver on a simulated mixer, another client beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.sim.vmix import SIMULATOR, VmixSimulator
from drivers.vmix import Answers, Said, Vmix, document

SEEN = (
    b"VERSION OK 26.0.0.40\r\nXML 15\r\n<vmix></vmix>\r\nTALLY OK 120\r\nXML 13\r\n<vmix></vmix>\r\n"
    b"FUNCTION OK Completed\r\nSUBSCRIBE OK TALLY\r\nACTS OK Input 1 1\r\n"
)


@pytest.fixture
def mixer(device: Callable[..., Device]) -> VmixSimulator:
    """A mixer with three inputs."""
    return SIMULATOR(device("vmix", poll=20, answer_seconds=0.5))


def test_vmixs_lines_one_byte_at_a_time() -> None:
    codec = Answers()
    heard = [one for byte in SEEN for one in codec.feed(bytes([byte]))]
    assert [one.line for one in heard] == [
        *("VERSION OK 26.0.0.40", "XML 15", "TALLY OK 120", "XML 13"),
        *("FUNCTION OK Completed", "SUBSCRIBE OK TALLY", "ACTS OK Input 1 1"),
    ]
    assert heard[1].document.strip() == heard[3].document == b"<vmix></vmix>"
    assert heard[6] == Said(line="ACTS OK Input 1 1")
    for broken in (b"XML 99999999\r\n", bytes(5000)):
        with pytest.raises(ProtocolError):
            list(Answers().feed(broken))
    for broken in (b"<vmix>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b""):
        with pytest.raises(ProtocolError):
            document(broken)


@pytest.mark.parametrize("counted", [True, False])
async def test_inputs_are_read_and_cut_to(mixer, witness, served, counted: bool) -> None:
    mixer.counted = counted
    async with mixer, served(Vmix, mixer) as driver:
        await witness.report(
            version="26.0.0.40",
            sources={"1": "Трибуна", "2": "Зала", "3": "Заставка"},
            routes={"program": "1", "preview": "2"},
            tallies={"1": "program", "2": "preview"},
            recording=False,
        )
        await driver.route(output="preview", source="3")
        await witness.report(routes={"program": "1", "preview": "3"})
        await driver.cut()
        await witness.report(routes={"program": "3", "preview": "1"})
        await driver.route(output="program", source="2")
        await witness.report(routes={"program": "2", "preview": "1"})
        assert "FUNCTION Cut Input=2" in mixer.said
        mixer.record()
        mixer.press_cut()
        await witness.report(routes={"program": "1", "preview": "2"}, recording=True)
        mixer.refuse()
        with pytest.raises(Rejected, match="Function not found"):
            await driver.cut()
        for wrong in (driver.route(output="aux", source="1"), driver.route(output="program", source="4")):
            with pytest.raises(BadArgument):
                await wrong
        with pytest.raises(Unsupported):
            await driver.recall_routes(number=1)
        assert witness.links() == [Link.ONLINE]


async def test_another_client_hears_what_ours_cut(mixer, witness, served) -> None:
    async with mixer, served(Vmix, mixer) as driver:
        reader, writer = await asyncio.open_connection(mixer.host, mixer.bound)
        writer.write(b"SUBSCRIBE TALLY\r\nPING\r\n")
        assert [await reader.readline() for _ in range(3)] == [
            *(b"VERSION OK 26.0.0.40\r\n", b"SUBSCRIBE OK TALLY\r\n", b"PING OK PONG\r\n")
        ]
        await driver.cut()
        assert await reader.readline() == b"TALLY OK 210\r\n"
        writer.write(b"FUNCTION Cut Input=3\r\n")
        await witness.report(routes={"program": "3", "preview": "1"})
        writer.close()


async def test_a_control_surface_follows_activators_alone(mixer) -> None:
    async with mixer:
        reader, writer = await asyncio.open_connection(mixer.host, mixer.bound)
        await reader.readline()
        for command, answer in (
            (b"SUBSCRIBE ACTS", b"SUBSCRIBE OK ACTS"),
            (b"ACTS Input 1", b"ACTS OK Input 1 1"),
            (b"ACTS InputPreview", b"ACTS OK InputPreview 2 1"),
            (b"ACTS Recording", b"ACTS OK Recording 0"),
            (b"ACTS Input 9", b"ACTS ER No Input"),
            (b"TALLY", b"TALLY OK 120"),
            (b"FUNCTION Cut Input=3", b"FUNCTION OK Completed"),
        ):
            writer.write(command + b"\r\n")
            assert await reader.readline() == answer + b"\r\n"
        assert {await reader.readline() for _ in range(2)} == {
            b"ACTS OK Input 1 0\r\n",
            b"ACTS OK Input 3 1\r\n",
        }
        mixer.record()
        assert await reader.readline() == b"ACTS OK Recording 1\r\n"
        writer.write(b"UNSUBSCRIBE ACTS\r\n")
        assert await reader.readline() == b"UNSUBSCRIBE OK ACTS\r\n"
        mixer.press_cut()
        writer.write(b"PING\r\n")
        assert await reader.readline() == b"PING OK PONG\r\n"
        writer.close()
