"""config/council.toml, the full building: nothing is wrong with it, and every device of it comes online."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from avctl.check import faults
from avctl.config import Config, read
from avctl.driver import known

HOUSE = Path(__file__).parents[2]
COUNCIL = HOUSE / "config" / "council.toml"
PATIENCE = 80.0


@pytest.fixture
def council() -> Config:
    return read(COUNCIL)


def test_nothing_is_wrong_with_it_and_no_driver_is_missing(council: Config) -> None:
    assert faults(COUNCIL) == []
    assert {device.driver for device in council.devices} == set(known())
    assert len(council.devices) >= 60
    halls = [room for room in council.rooms if not room.id.startswith(("committee", "ground", "racks"))]
    assert len(halls) == 2
    assert sum(room.id.startswith("committee") for room in council.rooms) == 6
    assert {device.room for device in council.devices} == {room.id for room in council.rooms}


def test_every_table_of_it_is_explained_and_every_address_is_on_this_machine(council: Config) -> None:
    text = COUNCIL.read_text(encoding="utf-8")
    assert text.count("# ---") == len(council.rooms)
    assert all(re.match(r"127\.|239\.", device.host) for device in council.devices)


@asynccontextmanager
async def avctl(*words: str, log: Path) -> AsyncIterator[None]:
    """A command that runs while the context lasts."""
    with log.open("wb") as output:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "avctl", *words),
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(HOUSE)},
        )
    try:
        yield
    finally:
        if program.returncode is None:
            program.terminate()
        await program.wait()


async def until(address: str, pattern: str, wanted: int, log: Path) -> None:
    """Wait until the number in an answer is as great as wanted."""
    found = None
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as client:
            while found is None or float(found[1]) < wanted:
                await asyncio.sleep(0.2)
                try:
                    found = re.search(pattern, (await client.get(address)).text)
                except httpx.TransportError:
                    continue
    except TimeoutError:
        told = await asyncio.to_thread(log.read_text, encoding="utf-8")
        raise AssertionError(f"{found and found[1]} of {wanted}\n{told[-3000:]}") from None


@pytest.mark.timeout(200)  # 86 simulated devices, and the controller that drives them
async def test_it_is_simulated_and_driven(
    council: Config, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """At other addresses, so that several may be tried at once on one machine."""
    text, net = COUNCIL.read_text(encoding="utf-8"), os.getpid() % 200 + 20
    text = text.replace('"127.10.', f'"127.{net}.').replace('"239.255.12.', f'"239.255.{net}.')
    text = text.replace('interface = "127.0.0.1"', 'interface = "127.0.0.1", pictures = false')
    text = re.sub(r"srt://127\.0\.0\.1:\d+", lambda _: f"srt://127.0.0.1:{free_port()}", text)
    pages, faulty = free_port(), free_port()
    text = text.replace("port = 8001", f"port = {pages}").replace("port = 8091", f"port = {faulty}")
    file = tmp_path / "council.toml"
    file.write_text(text, encoding="utf-8")
    feeds = sum(device.driver == "streams.feed" for device in council.devices)  # they wait for a broadcast
    simulated, run = tmp_path / "simulate.log", tmp_path / "run.log"
    async with avctl("simulate", str(file), log=simulated):
        listed = f"http://127.0.0.1:{faulty}/simulators"
        async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE):
            while True:
                try:
                    assert len((await client.get(listed)).json()) == len(council.devices)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
        async with avctl("run", "--config", str(file), "--data", str(tmp_path / "data"), log=run):
            wanted = len(council.devices) - feeds
            metrics = f"http://127.0.0.1:{pages}/metrics"
            await until(metrics, r'avctl_devices\{link="online"\} ([0-9.]+)', wanted, run)
