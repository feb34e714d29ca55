"""Who sits in the seats, by the API: looked at, confirmed, substituted; by whom it may be."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from avctl.model.account import Role

LIST = "Місце;ПІБ;Фракція\n1;Олена Марчук;Кияни\n1;Тарас Вітрук;\n14;Лук’ян Дзвінчук;Каштани\n"


@pytest.fixture
async def people(admin: httpx.AsyncClient, booking: dict[str, Any]) -> str:
    """Where the people of a booked session are."""
    booked = await admin.post("/api/v1/sessions", json=booking)
    return f"/api/v1/sessions/{booked.json()['id']}/participants"


async def test_a_list_is_looked_at_then_confirmed_then_one_seat_is_changed(
    clients: Any, admin: httpx.AsyncClient, people: str
) -> None:
    secretary = clients(Role.SECRETARY)
    sent = await secretary.post(f"{people}/import", files={"file": ("deputies.csv", LIST.encode("cp1251"))})
    assert sent.status_code == 200, sent.text
    preview = sent.json()
    assert (preview["source"], preview["good"], preview["bad"]) == ("deputies.csv", 2, 1)
    bad = preview["rows"][1]
    assert (bad["row"], bad["good"]) == (3, False)
    assert bad["faults"] == [
        {
            "column": "seat",
            "code": "same_seat",
            "message": "the seat is taken by an earlier row",
            "value": "1, 2",
        }
    ]
    assert (await secretary.get(people)).json()["seats"] == []  # nothing is written yet
    done = await secretary.post(f"{people}/import/{preview['preview']}")
    assert done.status_code == 200, done.text
    assert done.json()["seats"] == [
        {"seat": 1, "name": "Олена Марчук", "group": "Кияни", "origin": "import"},
        {"seat": 14, "name": "Лук’ян Дзвінчук", "group": "Каштани", "origin": "import"},
    ]
    assert (await secretary.post(f"{people}/import/{preview['preview']}")).status_code == 404

    put = await secretary.put(f"{people}/14", json={"name": "Тарас Вітрук"})
    assert put.json()["seats"][1] == {
        "seat": 14,
        "name": "Тарас Вітрук",
        "group": "",
        "origin": "substitution",
    }
    assert (await secretary.delete(f"{people}/14")).json()["seats"][1]["origin"] == "import"
    assert (await secretary.delete(f"{people}/14")).status_code == 404
    journal = (await admin.get("/api/v1/journal", params={"kind": "SeatSubstituted"})).json()
    assert [(line["actor"], line["data"]["name"]) for line in journal] == [("secretary", "Тарас Вітрук")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "a file that is not empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "CSV"),
        (b"PK\x03\x04", "an XLSX file that is whole"),
        ("Місце;Фракція\n1;Кияни\n".encode(), "ПІБ"),
        ("ПІБ;Фракція\nОлена;Кияни\n".encode(), "місце"),
    ],
)
async def test_nonsense_is_refused_with_the_reason(
    admin: httpx.AsyncClient, people: str, body: bytes, said: str
) -> None:
    answer = await admin.post(f"{people}/import", content=body, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
    assert said in answer.json()["errors"][0]["expected"]
    assert answer.json()["errors"][0]["field"] == "file"


async def test_who_may_not_and_what_is_not_there(clients: Any, admin: httpx.AsyncClient, people: str) -> None:
    manager = clients(Role.MANAGER)
    assert (await manager.get(people)).status_code == 200
    assert (await manager.put(f"{people}/1", json={"name": "X"})).status_code == 403
    assert (await manager.post(f"{people}/import", content=LIST.encode())).status_code == 403
    assert (await admin.put(f"{people}/0", json={"name": "X"})).status_code == 422
    assert (await admin.put(f"{people}/1", json={"name": "X\n\u200bY\x07"})).status_code == 422
    assert (await admin.post(f"{people}/last")).status_code == 404
    assert (await admin.get("/api/v1/sessions/none/participants")).status_code == 404
    large = b"seat,name\n" + b"1,A\n" * 300_000
    assert (await admin.post(f"{people}/import", content=large)).status_code == 413
    assert (await admin.get("/api/v1/rooms/plenary/sound")).json()["mixer"] is None
    assert (await admin.put("/api/v1/rooms/plenary/sound/programme", json={"muted": True})).status_code == 422
    assert (await admin.get("/api/v1/rooms/attic/sound")).status_code == 404
