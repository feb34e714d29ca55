"""APC power strips: net-snmp's bytes, the driver on simulated strips, net-snmp's tools at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avctl.config import Device
from avctl.errors import BadArgument, NoAnswer, ProtocolError, Rejected
from avctl.events import Link
from drivers.apc_pdu import FAMILIES, ApcPdu
from drivers.apc_pdu.snmp import Message, decode, encode
from drivers.sim.apc_pdu import SIMULATOR, ApcPduSimulator

QUICK = {"poll": 0.05, "answer_seconds": 0.5, "outlets": 10}

# As `snmpget -v2c -c public` sends it for sysDescr.0, but for its request number.
SNMPGET = (
    "30 26 02 01 01 04 06 70 75 62 6C 69 63 A0 19 02 01 07 02 01 00 02 01 00"
    " 30 0E 30 0C 06 08 2B 06 01 02 01 01 01 00 05 00"
)


@pytest.fixture
def strip(device: Callable[..., Device]) -> ApcPduSimulator:
    """Ten outlets that are on."""
    return SIMULATOR(device("apc_pdu", **QUICK))


def test_net_snmps_bytes_both_ways() -> None:
    asked = Message(community="public", kind="get", number=7, values={"1.3.6.1.2.1.1.1.0": None})
    assert encode(asked) == bytes.fromhex(SNMPGET)
    assert decode(bytes.fromhex(SNMPGET)) == asked
    values = {
        "1.3.6.1.4.1.318.1.1.26.9.2.3.1.3.1": "Екран",
        "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.1": 2,
        "1.3.6.1": None,
    }
    for version in ("1", "2c"):
        told = Message(version=version, community="public", kind="answer", number=8, values=values)
        assert decode(encode(told)) == told


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=120))
def test_no_bytes_whatever_upset_the_codec(data: bytes) -> None:
    for datagram in (data, bytes.fromhex(SNMPGET)[: len(data)] + data):
        try:
            assert decode(datagram).number is not None
        except ProtocolError:
            continue


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("family", FAMILIES)
async def test_outlets_are_read_switched_and_cycled(
    device, witness, served, family: str, version: str
) -> None:
    strip = SIMULATOR(device("apc_pdu", family=family, version=version, **QUICK))
    async with strip, served(ApcPdu, strip) as driver:
        await witness.report(model="AP8953", serial="ZA1234567890", fault="")
        assert driver.readings["outlets"]["10"] == {"name": "Outlet 10", "on": True}
        assert driver.readings.get("amperes") == (4.2 if FAMILIES[family].load else None)
        await driver.switch_outlet(2, False)
        await witness.until(lambda: driver.readings["outlets"]["2"]["on"] is False, "the outlet off")
        strip.press(3)
        await witness.until(lambda: driver.readings["outlets"]["3"]["on"] is False, "the button")
        assert witness.links() == [Link.ONLINE]


async def test_an_outlet_is_cycled_and_shows_what_the_strip_says(device, witness, served) -> None:
    strip = SIMULATOR(device("apc_pdu", **QUICK | {"outlets": 2}))
    strip.reboot_seconds, strip.lag_seconds = 1.0, 0.3
    async with strip, served(ApcPdu, strip) as driver:
        await driver.cycle_outlet(1)
        await witness.until(lambda: driver.readings["outlets"]["1"]["on"] is False, "the outlet off")
        await witness.until(lambda: driver.readings["outlets"]["1"]["on"] is True, "the outlet on again")


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_what_is_refused_lost_or_not_there(strip, witness, served, version: str) -> None:
    async with strip, served(ApcPdu, strip, version=version, outlets=11) as driver:
        await witness.report(fault="it has no outlet 11")
        strip.lose(1)
        await driver.switch_outlet(1, False)
        await witness.until(lambda: driver.readings["outlets"]["1"]["on"] is False, "the outlet off")
        strip.refuse()
        with pytest.raises(Rejected, match="may not switch") as refusal:
            await driver.switch_outlet(1, True)
        assert refusal.value.code == ("noSuchName" if version == "1" else "noAccess")
        with pytest.raises(BadArgument):
            await driver.switch_outlet(12, True)
        strip.refuse(False)
        strip.mute()
        with pytest.raises(NoAnswer):
            await driver.switch_outlet(1, True)
        await witness.link("offline")


async def test_a_wrong_community_looks_like_a_dead_device(strip, witness, served, caplog) -> None:
    caplog.set_level("DEBUG")
    async with strip, served(ApcPdu, strip):
        await witness.report(model="AP8953")
    assert b"public".hex(" ") not in caplog.text
    async with strip, served(ApcPdu, strip, online=False, community="0ther"):
        assert "community" in (await witness.link("offline")).reason
    assert "0ther" not in caplog.text
    assert b"0ther".hex(" ") not in caplog.text


async def test_net_snmps_tools_read_walk_and_switch(strip, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SNMP_PERSISTENT_DIR", str(tmp_path))
    monkeypatch.setenv("MIBS", "")
    (tmp_path / "cert_indexes").mkdir()  # it would tell that it makes this
    async with strip:
        address = f"127.0.0.1:{strip.bound}"
        rpdu2 = FAMILIES["rpdu2"]
        assert await run("snmpget", "-v2c", "-cpublic", "-Oqv", address, f"{rpdu2.name}.1") == '"Outlet 1"'
        assert await run("snmpget", "-v1", "-cpublic", "-Oqv", address, f"{rpdu2.state}.1") == "2"
        walked = await run("snmpwalk", "-v2c", "-cpublic", "-Oqv", address, rpdu2.state)
        assert walked.split() == ["2"] * 10
        done = await run("snmpset", "-v2c", "-cprivate", "-Oqv", address, f"{rpdu2.command}.4", "i", "2")
        assert done == "2"
        assert await run("snmpget", "-v2c", "-cpublic", "-Oqv", address, f"{rpdu2.state}.4") == "1"
        refused = await run("snmpset", "-v2c", "-cpublic", address, f"{rpdu2.command}.4", "i", "1")
        assert "noAccess" in refused
        missing = await run("snmpget", "-v1", "-cpublic", address, f"{rpdu2.state}.99")
        assert "noSuchName" in missing
        silent = await run("snmpget", "-v2c", "-cother", "-t0.3", "-r0", address, f"{rpdu2.state}.1")
        assert "Timeout" in silent


async def run(*command: str) -> str:
    """What a program said, whichever way."""
    program = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await program.communicate()
    return told.decode().strip()
