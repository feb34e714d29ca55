"""Row 4: 2,000 simulated devices, each polled once a second: the controller's processor and memory.

The devices are simulators in processes of their own, of makes that are asked in different ways: frames and
lines on TCP, datagrams. MINUTES of the environment makes it longer (60: whether it is flat).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import psutil

from bench.programs import program, until

DEVICES = 2_000
AT_ONCE = 500  # simulated devices a process
MINUTES = float(os.environ.get("MINUTES", "1"))
SETTLED = 20.0
WEIGHED = 5.0
# Make -> its options; equally many of each.
MAKES: dict[str, dict[str, Any]] = {
    "samsung_mdc": {"poll": 1, "boot_seconds": 0},
    "nec_display": {"poll": 1},
    "extron_sis": {"poll": 1},
    "modbus_relays": {"poll": 1},
}
ROOMS = 50


def configuration(folder: Path, free_port: Callable[[], int]) -> list[Path]:
    """The controller's file first, then those of the simulators' processes."""
    head = f"[web]\nport = {free_port()}\n"
    rooms = "".join(f'[[rooms]]\nid = "room-{at}"\ntitle = "Room {at}"\n' for at in range(ROOMS))
    makes = list(MAKES.items())
    devices = []
    for at in range(DEVICES):
        make, options = makes[at % len(makes)]
        told = ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
        # An address of its own for each: 127.x.y.z are all this machine.
        host = f"127.77.{at // 250}.{at % 250 + 1}"
        devices.append(
            f'[[devices]]\nid = "d{at}"\nroom = "room-{at % ROOMS}"\ndriver = "{make}"\n'
            f'host = "{host}"\nport = 9000\noptions = {{ {told} }}\n'
        )
    files = [folder / "controller.toml"]
    counted = devices[1].replace('id = "d1"', 'id = "counted"').replace("nec_display", "bench.counted")
    files[0].write_text(head + rooms + "".join(devices) + counted, encoding="utf-8")
    for first in range(0, DEVICES, AT_ONCE):
        file = folder / f"simulators-{first}.toml"
        part = "".join(devices[first : first + AT_ONCE])
        file.write_text(f"[simulators]\nport = {free_port()}\n" + rooms + part, encoding="utf-8")
        files.append(file)
    return files


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """Let them be polled for a while."""
    controller, *simulated = configuration(folder, free_port)
    data = folder / "data"
    running = [
        program(sys.executable, "-m", "avctl", "simulate", str(one), log=folder / "sim.log")
        for one in simulated
    ]
    for one in running:
        await one.__aenter__()
    try:
        await asyncio.sleep(SETTLED / 2)
        return await polled(controller, data, folder)
    finally:
        for one in running:
            await one.__aexit__(None, None, None)


async def polled(file: Path, data: Path, folder: Path) -> dict[str, Any]:
    """The controller's figures."""
    port = file.read_text(encoding="utf-8").split("port = ", 1)[1].split("\n", 1)[0]
    command = (sys.executable, "-m", "avctl", "run", "--config", str(file), "--data", str(data))
    begun = perf_counter()
    async with (
        program(*command, log=folder / "run.log", LOOKS=str(folder / "looks")) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        controller = psutil.Process(process.pid)

        async def online() -> bool:
            answer = await client.get("/metrics")
            found = re.search(r'avctl_devices\{link="online"\} ([0-9.]+)', answer.text)
            return found is not None and float(found[1]) >= DEVICES

        await until(online, patience=180, pause=1.0)
        started = perf_counter() - begun
        await asyncio.sleep(SETTLED)
        times = controller.cpu_times()
        looks = int((folder / "looks").read_text())
        first, began = times.user + times.system, perf_counter()
        sizes = []
        while perf_counter() - began < MINUTES * 60:
            await asyncio.sleep(WEIGHED)
            sizes.append(round(controller.memory_info().rss / 1e6, 1))
        passed = perf_counter() - began
        times = controller.cpu_times()
        looks = int((folder / "looks").read_text()) - looks
        return {
            "what": "2,000 polled simulated devices at 1 Hz",
            "wanted": {"core": 0.6, "rss_mb": 500},
            "devices": DEVICES,
            "makes": MAKES,
            "all_online_after_s": round(started, 1),
            "looks_a_second": round(looks / passed, 3),
            "core": round((times.user + times.system - first) / passed, 3),
            "rss_mb": {"begin": sizes[0], "end": sizes[-1], "most": max(sizes)},
            "rss_mb_by_tenths": sizes[:: max(1, len(sizes) // 10)],
            "seconds": round(passed, 1),
        }
