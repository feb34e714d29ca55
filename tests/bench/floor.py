"""Row 1: a microphone opens -> the bytes that move the camera, among 200 devices and 50 events a second.

For the plain lines that Node-RED is given too, and for each make of discussion system that speaks unasked.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from avctl.config import Config, read
from bench import node_red, tap
from bench.programs import avctl, healthy, program, spread, until
from drivers.sim.control import load as simulator_of

ROUNDS = 400
ROUNDS_OF_A_MAKE = 200
WARM_UP = 20
GAP = 0.07
SEATS = 14
DISPLAYS = 36
METERS = 148
RATE = 50.0
OPENS: dict[str, Callable[[Any], object]] = {
    "bosch_dicentis": lambda hall: hall.set_mode("open", 4),
    "shure_mxcw": lambda hall: hall.settings.update(OPERATION_MODE="AUTO"),
    "shure_dis": lambda hall: hall.settings.update(mic_mode="auto"),
    "televic_dcerno": lambda hall: hall.settings["mmo"].update(mmo=1),
    "bosch_wireless": lambda hall: None,
    "televic_confero": lambda hall: hall.settings.update(microphoneMode="directSpeak"),
    "televic_cocon": lambda hall: setattr(hall, "mode", "DirectSpeak"),
}
"""The makes, and how a press opens a microphone at once there."""
ASKED = ("bosch_dicentis", "bosch_wireless", "televic_confero", "televic_cocon")
"""Those that do not say who speaks before they are asked, or answer a question that waits."""


class Lines:
    """The plain hall: its lines, as Node-RED gets them."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.begun = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        await reader.read()
        self.writers.remove(writer)
        writer.close()

    def since(self, _out: int) -> int:
        return self.begun

    def press(self, seat: int, on: bool) -> None:
        self.begun = time.time_ns()
        self.writers[0].write(b"%d %d\n" % (seat, on))


async def rounds(
    camera: tap.Camera, press: Callable[[int, bool], object], count: int, *since: Callable[[int], int]
) -> list[dict[str, float]]:
    """Milliseconds until the bytes for the camera, after the warm-up, as a spread for each of ``since``.

    Those give, in nanoseconds, when the bytes of the microphone were on their way; they are told when the
    camera's were.
    """
    await _awake(camera, press)
    taken = []
    for number in range(WARM_UP + count):
        seat = number % SEATS + 2
        arrival = camera.expect(seat)
        press(seat, True)
        async with asyncio.timeout(10):
            out = await arrival
        taken.append([(out - one(out)) / 1e6 for one in since])
        await asyncio.sleep(GAP / 2)
        press(seat, False)
        await asyncio.sleep(GAP / 2)
    return [spread(list(one)) for one in zip(*taken[WARM_UP:], strict=True)]


async def _awake(camera: tap.Camera, press: Callable[[int, bool], object]) -> None:
    """Wait until the other side not only listens but acts: what comes too early may be lost there."""
    other = SEATS + 1  # not the first of the rounds: a camera that stands there is not asked again
    arrival = camera.expect(other)
    while not arrival.done():
        press(other, True)
        await asyncio.wait((arrival,), timeout=0.5)
        press(other, False)
        await asyncio.sleep(GAP)


def configuration(ports: dict[str, int]) -> str:
    """A hall for each make and one with plain lines, each with its camera, and the crowd around them."""
    parts = [f"[web]\nport = {ports['web']}\n[follow]\nwide_after = 3600\nshortest_shot = 0\n"]
    for room in ("lines", *OPENS):
        shots = ", ".join(
            f'{{ camera = "{room}-camera", preset = {seat}, seats = [{seat}] }}'
            for seat in range(2, SEATS + 2)
        )
        driver = "bench.hall" if room == "lines" else room
        parts.append(f'[[rooms]]\nid = "{room}"\ntitle = "{room}"\nshots = [{shots}]\n')
        parts.append(
            f'[[devices]]\nid = "{room}-hall"\nroom = "{room}"\ndriver = "{driver}"\nport = {ports[room]}\n'
        )
        if room == "televic_dcerno":
            seats = ", ".join(f'"10{seat:06x}" = {seat}' for seat in range(2, SEATS + 2))
            parts.append(f"options = {{ seats = {{ {seats} }} }}\n")
        parts.append(
            f'[[devices]]\nid = "{room}-camera"\nroom = "{room}"\ndriver = "visca"\n'
            f"port = {ports[f'{room}-camera']}\n"
        )
    for place in range(METERS):
        parts.append(
            f'[[devices]]\nid = "meter-{place}"\nroom = "lines"\ndriver = "bench.meter"\n'
            f"port = {ports['meters']}\noptions = {{ place = {place} }}\n"
        )
    for place in range(DISPLAYS):
        parts.append(
            f'[[devices]]\nid = "display-{place}"\nroom = "lines"\ndriver = "samsung_mdc"\n'
            f"port = {ports[f'display-{place}']}\n"
        )
    return "\n".join(parts)


@asynccontextmanager
async def controller(
    folder: Path, ports: dict[str, int], rooms: tuple[str, ...]
) -> AsyncIterator[httpx.AsyncClient]:
    """avctl with everything online and a session open in each room."""
    file, data = folder / "house.toml", folder / "data"
    url = f"http://127.0.0.1:{ports['web']}"
    await avctl(
        "user", "add", "bench", "--role", "admin", "--password", "a long enough one", "--data", str(data)
    )
    token = (await avctl("user", "token", "bench", "--data", str(data))).split()[-1]
    run = ("-m", "avctl", "run", "--config", str(file), "--data", str(data))
    async with program(sys.executable, *run, log=folder / "controller.log"):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            await until(lambda: healthy(client))

            async def everything_online() -> bool:
                return all(
                    device["link"] == "online" for device in (await client.get("/api/v1/devices")).json()
                )

            await until(everything_online, pause=0.5)
            for room in rooms:
                await opened(client, room)
            yield client


async def opened(client: httpx.AsyncClient, room: str) -> str:
    """A sitting that is open in a room."""
    now = datetime.now(UTC)
    booking = {"title": room, "body": "Bench", "kind": "plenary", "room": room, "policy": "none"}
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
    answer = await client.post("/api/v1/sessions", json={**booking, **times})
    session: str = answer.raise_for_status().json()["id"]
    (await client.post(f"/api/v1/sessions/{session}/prepare")).raise_for_status()

    async def ready() -> bool:
        return bool((await client.get(f"/api/v1/sessions/{session}")).json()["phase"] == "ready")

    await until(ready)
    (await client.post(f"/api/v1/sessions/{session}/open")).raise_for_status()
    return session


@asynccontextmanager
async def halls(
    config: Config, ports: dict[str, int], free: Callable[[], int]
) -> AsyncIterator[dict[str, Any]]:
    """Every room's camera, and the simulators of the makes behind their taps."""
    found: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        for device in config.devices:
            room = device.room
            if device.driver == "visca":
                behind = await stack.enter_async_context(
                    simulator_of(device.model_copy(update={"port": free()}))
                )
                camera = tap.Camera(ports[f"{room}-camera"], ("127.0.0.1", int(behind.bound)))
                found[f"{room}-camera"] = stack.enter_context(camera)
            elif device.driver in OPENS:
                behind = await stack.enter_async_context(
                    simulator_of(device.model_copy(update={"port": free()}))
                )
                OPENS[room](behind)
                hall = tap.Hall()
                await stack.enter_async_context(hall.relaying(ports[room], lambda it=behind: int(it.bound)))
                found[room] = hall, behind
        yield found


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """avctl in its crowd, then Node-RED alone with the same wires, in one run."""
    names = (
        "web",
        "lines",
        "meters",
        "red",
        "udp",
        "lines-camera",
        *OPENS,
        *(f"{one}-camera" for one in OPENS),
    )
    ports = {name: free_port() for name in (*names, *(f"display-{place}" for place in range(DISPLAYS)))}
    (folder / "house.toml").write_text(configuration(ports), encoding="utf-8")
    config = read(folder / "house.toml", {})
    makes: dict[str, Any] = {}
    gc.freeze()

    lines = Lines()
    server = await asyncio.start_server(lines.meet, "127.0.0.1", ports["lines"])
    crowd = program(
        sys.executable, "-m", "bench.crowd", str(folder / "house.toml"), str(RATE), log=folder / "crowd.log"
    )
    rooms = ("lines", *OPENS)
    async with server, crowd, halls(config, ports, free_port) as found, controller(folder, ports, rooms):
        (ours,) = await rounds(found["lines-camera"], lines.press, ROUNDS, lines.since)
        for make in OPENS:
            hall, behind = found[make]

            def press(seat: int, on: bool, hall: tap.Hall = hall, behind: Any = behind) -> None:
                if on:
                    hall.arm()
                behind.press(seat)

            camera = found[f"{make}-camera"]
            since = (lambda out, it=hall: it.begun, hall.said_before)
            whole, own = await rounds(camera, press, ROUNDS_OF_A_MAKE, *since)
            makes[make] = {**whole, "from_its_last_word": own} if make in ASKED else whole
    return {
        "what": "microphone event in -> camera preset bytes out",
        "wanted": {"p50_ms": 0.5, "p99_ms": 2},
        "devices": len(config.devices),
        "events_per_second": RATE,
        "avctl": ours,
        "makes": makes,
        "makes_note": "from_its_last_word: where it tells only that something changed, and is asked",
        "node_red_has": "no other devices and no background",
        "node_red": await _node_red(folder, ports),
    }


async def _node_red(folder: Path, ports: dict[str, int]) -> dict[str, Any]:
    lines = Lines()

    async def connected() -> bool:
        return bool(lines.writers)

    server = await asyncio.start_server(lines.meet, "127.0.0.1", ports["lines"])
    red = folder / "node-red"
    red.mkdir()
    async with AsyncExitStack() as stack:
        camera = stack.enter_context(tap.Camera(ports["udp"]))
        await stack.enter_async_context(server)
        await stack.enter_async_context(node_red.running(red, ports["lines"], ports["udp"], ports["red"]))
        await until(connected)
        (taken,) = await rounds(camera, lines.press, ROUNDS, lines.since)
    return {"version": node_red.VERSION, **taken}
