"""Row 1: a microphone opens -> the bytes that move the camera, among 200 devices and 50 events a second."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from avctl.config import read
from bench import node_red
from bench.programs import avctl, healthy, program, spread, until
from drivers.sim.visca import UdpCamera

ROUNDS = 600
WARM_UP = 50
GAP = 0.1
SEATS = 40
DISPLAYS = 48
METERS = 150
RATE = 50.0


class Floor:
    """The hall's lines and the camera, in one program: both ends of what is measured share a clock."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.arrived: dict[int, asyncio.Future[float]] = {}

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        await reader.read()
        self.writers.remove(writer)
        writer.close()

    def saw(self, packet: bytes, at: float) -> None:
        """A packet for the camera: a recall answers the microphone that waits for it."""
        place = packet.find(b"\x81\x01\x04\x3f\x02")
        if place >= 0 and (waiting := self.arrived.pop(packet[place + 5], None)) is not None:
            waiting.set_result(at)

    async def measure(self) -> list[float]:
        """Milliseconds from the line to the recall, for each round after the warm-up."""
        taken = []
        (writer,) = self.writers
        await self._awake(writer)
        for number in range(WARM_UP + ROUNDS):
            seat = number % SEATS + 1
            arrival = self.arrived[seat] = asyncio.get_running_loop().create_future()
            begun = perf_counter()
            writer.write(b"%d 1\n" % seat)
            async with asyncio.timeout(10):
                taken.append((await arrival - begun) * 1000)
            await asyncio.sleep(GAP / 2)
            writer.write(b"%d 0\n" % seat)
            await asyncio.sleep(GAP / 2)
        return taken[WARM_UP:]

    async def _awake(self, writer: asyncio.StreamWriter) -> None:
        """Wait until the other side not only listens but acts: what comes too early may be lost there."""
        arrival = self.arrived[SEATS + 1] = asyncio.get_running_loop().create_future()
        while not arrival.done():
            writer.write(b"%d 1\n%d 0\n" % (SEATS + 1, SEATS + 1))
            await asyncio.wait((arrival,), timeout=0.5)


class WatchedCamera(UdpCamera):
    """The simulated camera, with a watch at its socket."""

    saw: Callable[[bytes, float], None]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.saw(data, perf_counter())
        super().datagram_received(data, addr)


def configuration(ports: dict[str, int]) -> str:
    """A hall, its camera, and 198 devices around them."""
    shots = ", ".join(
        f'{{ camera = "camera", preset = {seat}, seats = [{seat}] }}' for seat in range(1, SEATS + 2)
    )
    parts = [
        f"[web]\nport = {ports['web']}\n[follow]\nwide_after = 3600\nlower_third = true\n",
        f'[[rooms]]\nid = "hall"\ntitle = "Hall"\nshots = [{shots}]\n',
        f'[[devices]]\nid = "floor"\nroom = "hall"\ndriver = "bench.hall"\nport = {ports["floor"]}\n',
        f'[[devices]]\nid = "camera"\nroom = "hall"\ndriver = "visca"\nport = {ports["camera"]}\n',
    ]
    for place in range(METERS):
        parts.append(
            f'[[devices]]\nid = "meter-{place}"\nroom = "hall"\ndriver = "bench.meter"\n'
            f"port = {ports['meters']}\noptions = {{ place = {place} }}\n"
        )
    for place in range(DISPLAYS):
        parts.append(
            f'[[devices]]\nid = "display-{place}"\nroom = "hall"\ndriver = "samsung_mdc"\n'
            f"port = {ports[f'display-{place}']}\n"
        )
    return "\n".join(parts)


@asynccontextmanager
async def controller(folder: Path, ports: dict[str, int]) -> AsyncIterator[None]:
    """avctl with everything online and a session open in the hall."""
    file, data = folder / "house.toml", folder / "data"
    url = f"http://127.0.0.1:{ports['web']}"
    await avctl(
        "user", "add", "bench", "--role", "admin", "--password", "a long enough one", "--data", str(data)
    )
    token = (await avctl("user", "token", "bench", "--data", str(data))).split()[-1]
    crowd = program(sys.executable, "-m", "bench.crowd", str(file), str(RATE), log=folder / "crowd.log")
    run = ("-m", "avctl", "run", "--config", str(file), "--data", str(data))
    async with crowd, program(sys.executable, *run, log=folder / "controller.log"):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            await until(lambda: healthy(client))

            async def everything_online() -> bool:
                return all(
                    device["link"] == "online" for device in (await client.get("/api/v1/devices")).json()
                )

            await until(everything_online, pause=0.5)
            now = datetime.now(UTC)
            booking = {"title": "Row 1", "body": "Bench", "kind": "plenary", "room": "hall", "policy": "none"}
            times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
            answer = await client.post("/api/v1/sessions", json={**booking, **times})
            session = answer.raise_for_status().json()["id"]
            (await client.post(f"/api/v1/sessions/{session}/prepare")).raise_for_status()

            async def ready() -> bool:
                return bool((await client.get(f"/api/v1/sessions/{session}")).json()["phase"] == "ready")

            await until(ready)
            (await client.post(f"/api/v1/sessions/{session}/open")).raise_for_status()
        yield


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """avctl in its crowd, then Node-RED alone with the same wires, in one run."""
    ports = {name: free_port() for name in ("web", "floor", "camera", "meters", "red", "udp")}
    ports |= {f"display-{place}": free_port() for place in range(DISPLAYS)}
    (folder / "house.toml").write_text(configuration(ports), encoding="utf-8")
    config = read(folder / "house.toml", {})
    results: dict[str, Any] = {}

    floor = Floor()
    camera = WatchedCamera(next(device for device in config.devices if device.id == "camera"))
    camera.saw = floor.saw
    hall = await asyncio.start_server(floor.meet, "127.0.0.1", ports["floor"])
    async with hall, camera, controller(folder, ports):
        results["avctl"] = spread(await floor.measure())

    floor = Floor()
    loop = asyncio.get_running_loop()

    class Target(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            floor.saw(data, perf_counter())

    async def connected() -> bool:
        return bool(floor.writers)

    transport, _ = await loop.create_datagram_endpoint(Target, local_addr=("127.0.0.1", ports["udp"]))
    hall = await asyncio.start_server(floor.meet, "127.0.0.1", ports["floor"])
    red = folder / "node-red"
    red.mkdir()
    try:
        async with hall, node_red.running(red, ports["floor"], ports["udp"], ports["red"]):
            await until(connected)
            results["node_red"] = {"version": node_red.VERSION, **spread(await floor.measure())}
    finally:
        transport.close()
    return {
        "what": "microphone event in -> camera preset bytes out",
        "wanted": {"p50_ms": 0.5, "p99_ms": 2},
        "devices": 2 + METERS + DISPLAYS,
        "events_per_second": RATE,
        "node_red_has": "no other devices and no background",
        **results,
    }
