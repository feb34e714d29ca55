"""UPSes: NUT's own lines, the driver on a simulated server and Debian's real one, upsc at ours."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import ProtocolError
from avctl.events import Link
from drivers.nut_ups import Answers, NutUps, quoted, words
from drivers.sim.nut_ups import SIMULATOR, NutUpsSimulator

SEEN = (
    b'BEGIN LIST VAR hall\nVAR hall ups.status "OL CHRG"\nVAR hall ups.model "Smart \\"3000\\" \\\\ 1"\n'
    b'END LIST VAR hall\nVAR hall ups.status "OL"\nERR DATA-STALE\nOK Goodbye\n'
)


@pytest.fixture
def server(device: Callable[..., Device]) -> NutUpsSimulator:
    """A server whose UPS has mains."""
    return SIMULATOR(device("nut_ups", ups="hall", poll=0.05, answer_seconds=0.5))


def test_nuts_lines_one_byte_at_a_time() -> None:
    codec = Answers()
    listed, *rest = [one for byte in SEEN for one in codec.feed(bytes([byte]))]
    assert words(listed[2]) == ["VAR", "hall", "ups.model", 'Smart "3000" \\ 1']
    assert rest == [('VAR hall ups.status "OL"',), ("ERR DATA-STALE",), ("OK Goodbye",)]
    hard = 'a b"c\\'
    assert words(f"PASSWORD {quoted(hard)}") == ["PASSWORD", hard]
    for broken in (b"x" * 2000, b"BEGIN LIST VAR a\n" * 3000):
        with pytest.raises(ProtocolError):
            list(Answers().feed(broken))


async def test_mains_and_battery_are_told(server, witness, served) -> None:
    async with server, served(NutUps, server):
        await witness.report(
            on_battery=False,
            charge=100,
            runtime=1800,
            load=35,
            voltage=231.5,
            temperature=28.0,
            status="OL CHRG",
            fault="",
            model='APC Smart-UPS "3000"',
        )
        server.cut_mains()
        server.drain(15, 200)
        await witness.report(on_battery=True, charge=15, runtime=200, fault="battery low", voltage=0.0)
        server.lose_ups()
        await witness.report(on_battery=None, fault="the server has lost the UPS", status="")
        server.lose_ups(False)
        server.cut_mains(False)
        await witness.report(on_battery=False, status="OL CHRG")
        server.values["ups.status"] = "ALARM RB"
        server.values["ups.alarm"] = "Replace battery!"
        await witness.report(on_battery=None, fault="battery must be replaced, alarm, Replace battery!")
        assert witness.links() == [Link.ONLINE]


async def test_a_ups_that_the_server_does_not_know_is_said(server, witness, served) -> None:
    async with server, served(NutUps, server, ups="other"):
        await witness.report(on_battery=None, fault="upsd refuses: unknown ups")


async def test_a_password_and_a_wrong_one_which_is_tried_once(device, witness, served, caplog) -> None:
    caplog.set_level("DEBUG")
    server = SIMULATOR(device("nut_ups", user="avctl", password='gehe"im', poll=0.05))
    async with server:
        async with served(NutUps, server):
            await witness.report(on_battery=False)
        server.said.clear()
        async with served(NutUps, server, online=False, password="falsch"):
            assert "log-in" in (await witness.link("refused")).reason
            await witness.until(lambda: not server.peers, "the end of the connection")
        assert list(server.said) == ["USERNAME", "PASSWORD"]
    for secret in (b"gehe", b"falsch"):
        assert secret.hex(" ") not in caplog.text


# --- Debian's real server, and its client ----------------------------------------------------------


def _until_there(folder: Path, driver: asyncio.subprocess.Process) -> None:
    """Wait until the driver's socket is there: the server looks for it."""
    while not list(folder.glob("dummy-ups-hall*")):
        assert driver.returncode is None, "the dummy driver ended"
        time.sleep(0.02)


@asynccontextmanager
async def real_server(folder: Path, port: int) -> AsyncIterator[Path]:
    """upsd with its dummy driver on a file that can be changed; gives the file."""
    values = folder / "hall.dev"
    values.write_text("ups.status: OL\nbattery.charge: 90\nbattery.runtime: 1200\nups.load: 20\n")
    (folder / "ups.conf").write_text(f"[hall]\ndriver = dummy-ups\nport = {values}\nmode = dummy-loop\n")
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nMAXAGE 15\nSTATEPATH {folder}\n")
    (folder / "upsd.users").write_text("[avctl]\npassword = secret\n")
    for name in ("upsd.conf", "upsd.users", "ups.conf"):
        (folder / name).chmod(0o640)
    environment = {
        **os.environ,
        "NUT_CONFPATH": str(folder),
        "NUT_STATEPATH": str(folder),
        "NUT_ALTPIDPATH": str(folder),
    }
    user = ("-u", "root") if os.geteuid() == 0 else ()
    programs = []
    try:
        for command in (("/lib/nut/dummy-ups", "-F", "-a", "hall", *user), ("/lib/nut/upsd", "-F", *user)):
            programs.append(
                await asyncio.create_subprocess_exec(
                    *command,
                    env=environment,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
            )
            if len(programs) == 1:
                await asyncio.to_thread(_until_there, folder, programs[0])
        yield values
    finally:
        for program in programs:
            if program.returncode is None:
                program.terminate()
            await program.wait()


async def test_debians_real_server_is_understood(device, tmp_path, witness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port = trial.getsockname()[1]
    async with real_server(tmp_path, port) as values:
        driver = NutUps(
            device("nut_ups", port=port, ups="hall", user="avctl", password="secret", poll=0.1),
            witness.bus.publish,
        )
        keeper = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2))
        try:
            await witness.report(on_battery=False, charge=90, runtime=1200, load=20, fault="")
            values.write_text("ups.status: OB LB\nbattery.charge: 12\nTIMER 1\n")
            await witness.report(on_battery=True, charge=12, fault="battery low")
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


async def test_debians_client_reads_our_simulator(server) -> None:
    async with server:
        client = await asyncio.create_subprocess_exec(
            *("upsc", f"hall@127.0.0.1:{server.bound}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        told, _ = await client.communicate()
    assert client.returncode == 0
    assert b"ups.status: OL CHRG" in told
    assert b'ups.model: Smart-UPS "3000"' in told
