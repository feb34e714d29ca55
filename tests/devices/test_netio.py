"""NETIO sockets: the document's JSON by hand, the driver on simulated sockets, NETIO's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from Netio import Netio as TheirNetio

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import BadArgument, Rejected
from avctl.events import Link
from drivers.netio import Netio
from drivers.sim.netio import SIMULATOR, NetioSimulator

SEEN = (
    '{"Agent":{"Model":"NETIO 4C","Version":"3.4.2","JSONVer":"2.4","DeviceName":"rack","NumOutputs":4},'
    '"GlobalMeasure":{"Voltage":230.1,"Frequency":50.0,"TotalCurrent":0,"TotalLoad":0},'
    '"Outputs":[{"ID":1,"Name":"output_1","State":1,"Action":6,"Delay":5000,"Current":0,"Energy_NR":12}]}'
)
ACCOUNTS = {"user": "read", "password": "r-secret", "writer": "write", "writer_password": "w-secret"}


@pytest.fixture
def sockets(device: Callable[..., Device]) -> NetioSimulator:
    """Four sockets that are on."""
    return SIMULATOR(device("netio", poll=0.05, answer_seconds=0.5, off_seconds=0.3))


@pytest.mark.parametrize(("said", "volts"), [("230.1", 230.1), ("999", None)])
async def test_the_documents_json_one_byte_a_segment(
    by_hand, device, witness, said: str, volts: float | None
) -> None:
    async with by_hand({"GET /netio.json": (200, SEEN.replace("230.1", said))}) as server:
        driver = Netio(device("netio", port=server.port, poll=600), witness.bus.publish)
        keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
        try:
            await witness.report(
                model="NETIO 4C",
                firmware="3.4.2",
                voltage=volts,
                outlets={"1": {"name": "output_1", "on": True, "amperes": 0.0}},
            )
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


async def test_sockets_are_read_switched_and_cycled(sockets, witness, served) -> None:
    async with sockets, served(Netio, sockets) as driver:
        await witness.until(lambda: len(driver.readings.get("outlets", ())) == 4, "the sockets")
        await driver.switch_outlet(2, False)
        assert driver.readings["outlets"]["2"] == {"name": "output_2", "on": False, "amperes": 0.0}
        sockets.press(3)
        await witness.until(lambda: driver.readings["outlets"]["3"]["on"] is False, "the button")
        await driver.cycle_outlet(1)
        assert driver.readings["outlets"]["1"]["on"] is False
        await witness.until(lambda: driver.readings["outlets"]["1"]["on"] is True, "the power's return")
        sockets.refuse()
        with pytest.raises(Rejected, match="400"):
            await driver.switch_outlet(1, False)
        with pytest.raises(BadArgument):
            await driver.switch_outlet(5, True)
        assert witness.links() == [Link.ONLINE]


async def test_accounts_to_read_and_to_write(device, witness, served, caplog) -> None:
    caplog.set_level("DEBUG")
    sockets = SIMULATOR(device("netio", poll=0.05, answer_seconds=0.5, **ACCOUNTS))
    sockets.measures = False
    async with sockets:
        async with served(Netio, sockets) as driver:
            await driver.switch_outlet(2, False)
            assert driver.readings["outlets"]["2"] == {"name": "output_2", "on": False}
        async with served(Netio, sockets, writer="") as driver:
            with pytest.raises(Rejected, match="only read"):
                await driver.switch_outlet(2, True)
        async with served(Netio, sockets, online=False, password="wrong"):
            assert "log-in" in (await witness.link("refused")).reason
    assert "secret" not in caplog.text


async def test_netios_own_client_reads_and_switches(device, monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sockets = SIMULATOR(device("netio", **ACCOUNTS))
    async with sockets:

        def talk() -> tuple[object, ...]:
            theirs = TheirNetio(
                f"http://127.0.0.1:{sockets.bound}/netio.json",
                auth_r=("read", "r-secret"),
                auth_rw=("write", "w-secret"),
            )
            before = [one.State for one in theirs.get_outputs()]
            theirs.set_output(3, TheirNetio.ACTION.OFF)
            return before, theirs.get_output(3).State, theirs.get_output(3).Name

        assert await asyncio.to_thread(talk) == ([1, 1, 1, 1], 0, "output_3")
