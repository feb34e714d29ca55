"""Row 13: a room of 20 devices is prepared and proven, asked for and read as a technician would."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from bench.programs import healthy, program, until

TIMES = 5
PATIENCE = 180.0  # for everything to be there; it is not what is measured
DISPLAYS, CAMERAS, DEVICES = 12, 4, 20


def house(folder: Path, free_port: Callable[[], int]) -> tuple[Path, str]:
    """A hall with a discussion system, a mixer, displays in a wall, cameras of two makes and an encoder."""
    web, control, feed = free_port(), free_port(), free_port()
    lines = [
        f"[web]\nport = {web}",
        f"[simulators]\nport = {control}",
        "[preparation]\nminutes_before = 0",
        '[broadcast]\npreset = "ultrafast"',
        '[[rooms]]\nid = "hall"\ntitle = "Зала"',
    ]

    def device(name: str, driver: str, **more: Any) -> None:
        table = {"id": name, "room": "hall", "driver": driver, "port": free_port(), **more}
        lines.append("[[devices]]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in table.items()))

    device("discussion", "bosch_dicentis", options={"user": "admin", "password": ""})
    device("mixer", "behringer_x32", prepare={"recall_scene": {"number": 3}})
    for number in range(DISPLAYS):
        wanted = {
            "set_power": {"on": True},
            "set_input": {"name": "hdmi2"},
            "join_wall": {"rows": 3, "columns": 4, "tile": number + 1},
        }
        device(f"display-{number}", "samsung_mdc", options={"boot_seconds": 2}, prepare=wanted)
    for number in range(CAMERAS):
        driver = "visca" if number % 2 else "onvif"
        device(f"camera-{number}", driver, prepare={"recall_preset": {"preset": 1}})
    device("preview", "samsung_mdc", options={"boot_seconds": 2}, prepare={"set_power": {"on": True}})
    lines.append(
        '[[devices]]\nid = "encoder"\nroom = "hall"\ndriver = "streams.feed"\n'
        f'options = {{ url = "srt://127.0.0.1:{feed}?mode=listener" }}'
    )
    file = folder / "house.toml"
    file.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return file, f"http://127.0.0.1:{web}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


async def measure(folder: Path, free_port: Callable[[], int]) -> dict[str, Any]:
    """A sitting after the other is booked and prepared; the first finds everything in standby."""
    file, url = house(folder, free_port)
    data = folder / "data"
    token = await _token(data)
    run = (sys.executable, "-m", "avctl")
    async with (
        program(*run, "simulate", str(file), log=folder / "simulators.log"),
        program(*run, "run", "--config", str(file), "--data", str(data), log=folder / "controller.log"),
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client,
    ):
        await until(lambda: healthy(client), PATIENCE)

        async def all_online() -> bool:
            found = (await client.get("/api/v1/devices")).json()
            return all(one["link"] == "online" for one in found if one["id"] != "encoder")

        await until(all_online, PATIENCE)
        runs = [await _once(client, number) for number in range(TIMES)]
    seconds = [one["seconds"] for one in runs]
    return {
        "what": "prepare asked for -> every line of the sheet judged, the broadcast rehearsed too",
        "wanted": {"seconds": 15},
        "devices": DEVICES,
        "lines": runs[-1]["lines"],
        "seconds": {"first": seconds[0], "later": sorted(seconds[1:])},
        "verdicts": runs[-1]["counts"],
        "longest_lines": runs[-1]["longest"],
        "compared_with": {"the_same_lines_one_after_another_s": runs[-1]["one_by_one"]},
    }


async def _token(data: Path) -> str:
    """An account's token, made as the demo makes its own."""
    from avctl.main.record import accounts_of
    from avctl.model.account import Role

    async with accounts_of(data) as accounts:
        await accounts.add("olena", Role.ADMIN, "dovhyi parol 7", actor="bench")
        return str(await accounts.make_token("olena", "bench", actor="bench"))


async def _once(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(hours=3 * number + 1)
    booking = {
        "title": f"Засідання {number}",
        "room": "hall",
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=2)).isoformat(),
    }
    session = (await client.post("/api/v1/sessions", json=booking)).raise_for_status().json()["id"]
    address = f"/api/v1/sessions/{session}/preparation"
    begun = perf_counter()
    (await client.post(address)).raise_for_status()

    async def over() -> Any:
        sheet = (await client.get(address)).json()
        return sheet if sheet["stage"] != "running" else None

    sheet = await until(over)
    seconds = perf_counter() - begun
    took = {
        line["id"]: _moment(line["ended_at"]) - _moment(line["began_at"])
        for line in sheet["lines"]
        if line["began_at"]
    }
    longest = sorted(took, key=lambda line: -took[line])[:5]
    await client.post(f"/api/v1/sessions/{session}/cancel")
    await asyncio.sleep(1)  # its runner is gone before the next is measured
    return {
        "seconds": round(seconds, 2),
        "lines": len(sheet["lines"]),
        "counts": {verdict: count for verdict, count in sheet["counts"].items() if count},
        "longest": {line: round(took[line], 2) for line in longest},
        "one_by_one": round(sum(took.values()), 1),
    }


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
