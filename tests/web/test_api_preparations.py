"""Preparations and known-good settings over the API: rights, refusals, the sheet and what is brought back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from avctl.events import SessionReady
from avctl.model.account import Role
from drivers.sim.samsung_mdc import SamsungMdcSimulator


async def test_a_room_is_prepared_and_one_line_is_done_again(
    clients: Callable[..., httpx.AsyncClient],
    wall_online: SamsungMdcSimulator,
    booking: dict[str, Any],
    watch: Any,
) -> None:
    technician, manager = clients(Role.TECHNICIAN), clients(Role.MANAGER)
    booked = await clients(Role.SCHEDULER).post("/api/v1/sessions", json=booking)
    address = f"/api/v1/sessions/{booked.json()['id']}/preparation"
    assert (await manager.get(address)).status_code == 404
    assert (await manager.post(address)).status_code == 403
    assert (await clients().get(address)).status_code == 401
    begun = await technician.post(address)
    assert (begun.status_code, begun.json()["by"]) == (202, "technician"), begun.text
    await watch.sees(SessionReady)
    sheet = (await manager.get(address)).json()
    assert (sheet["stage"], sheet["by"], sheet["room"]) == ("done", "technician", "plenary")
    line = next(one for one in sheet["lines"] if one["id"] == "answers.wall")
    assert (line["verdict"], line["expected"], line["advice"]) == ("pass", "an answer within 1 s", "")
    assert line["what"] == "Відеостіна answers"
    assert line["measured"].startswith("answered in")
    assert sum(sheet["counts"].values()) == len(sheet["lines"])

    again = await technician.post(f"{address}/lines/answers.wall/rerun")
    assert again.status_code == 202
    await watch.sees(SessionReady)
    assert (await technician.post(f"{address}/lines/no/rerun")).status_code == 404
    refused = await technician.post(f"{address}/cancel")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert [one["id"] for one in (await technician.get(f"{address}/sheets")).json()] == [sheet["id"]]


async def test_what_is_known_to_be_good_is_kept_compared_and_brought_back(
    clients: Callable[..., httpx.AsyncClient], wall_online: SamsungMdcSimulator, admin: httpx.AsyncClient
) -> None:
    technician = clients(Role.TECHNICIAN)
    address = "/api/v1/rooms/plenary/golden"
    assert (await technician.get("/api/v1/rooms/nowhere/golden")).status_code == 404
    assert (await technician.get(address)).json()["saved_at"] is None
    assert (await technician.post(f"{address}/restore")).status_code == 409
    assert (await clients(Role.MANAGER).put(address)).status_code == 403
    kept = (await technician.put(address)).json()
    assert (kept["saved_by"], kept["differences"]) == ("technician", [])
    volume = kept["settings"]["wall"]["volume"]
    await admin.post("/api/v1/devices/wall/set_volume", json={"level": volume + 5})
    (differs,) = (await technician.get(address)).json()["differences"]
    assert differs["id"] == "wall.volume"
    assert (differs["wanted"], differs["found"], differs["by"]) == (volume, volume + 5, "admin")
    assert (await technician.post(f"{address}/restore", json={"settings": ["wall.no"]})).status_code == 422
    restored = await technician.post(f"{address}/restore", json={"settings": ["wall.volume"]})
    assert (restored.status_code, restored.json()["differences"]) == (202, [])
    assert restored.json()["restored_by"] == "technician"
