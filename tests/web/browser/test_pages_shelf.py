"""The forms of what screens show, as a browser sends them: nobody's work is put aside unseen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from avctl.model.account import Role
from avctl.model.playing import Hours

PASSWORD = "dovhyi parol 7"


@pytest.fixture
def settings(settings: dict[str, Any], free_port: Callable[[], int]) -> dict[str, Any]:
    settings["devices"].append(
        {"id": "kiosk", "room": "committee", "driver": "kiosks.plain", "title": "Кіоск", "port": free_port()}
    )
    return settings


@pytest.fixture
async def people(url: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two who logged in."""
    async with AsyncExitStack() as stack:
        found = []
        for role in (Role.TECHNICIAN, Role.ADMIN):
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
            said = await client.post("/api/v1/login", json={"name": role.value, "password": PASSWORD})
            client.headers["X-CSRF-Token"] = said.json()["csrf"]
            found.append(client)
        yield found


async def test_forms_of_the_shelf_keep_what_somebody_else_saved(
    people: list[httpx.AsyncClient], controller: Any
) -> None:
    first, second = people

    async def save(who: Any, at: str, **fields: str) -> Any:
        sent = {"csrf": who.headers["X-CSRF-Token"], "id": "news", "title": "Новини", **fields}
        return await who.post(at, files={name: (None, value) for name, value in sent.items()})

    page = {"kind": "page", "url": "https://example.org/"}
    for at, more in (("/lobby/contents", page), ("/lobby/playlists", {"rank": "1"})):
        assert (await save(first, at, **more)).status_code == 303
        taken = await save(second, at, **more, title="Інші")
        assert (taken.status_code, "цю коротку назву вже має" in taken.text) == (422, True)
        known = {**more, "chosen": "news", "version": "1"}
        assert (await save(second, at, **known, title="Другі")).status_code == 303
        late = await save(first, at, **known, title="Перші")
        assert (late.status_code, "тим часом збережено версію № 2" in late.text) == (422, True)
        assert "Перші" in late.text
        assert 'name="version" value="2"' in late.text
        assert (await save(first, at, **(known | {"version": "2"}), title="Перші")).status_code == 303
    used = {"csrf": first.headers["X-CSRF-Token"], "chosen": "news", "version": "3", "id": "news"}
    used |= {"title": "Новини", "rank": "1", "content": "news", "seconds": "5"}
    assert (await first.post("/lobby/playlists", data=used)).status_code == 303
    kept = await first.post("/lobby/contents/news/remove", data={"csrf": used["csrf"]})
    assert "спершу приберіть" in kept.text
    large = controller.config.lobby.largest_mb * 1_000_000 + 2_000_000
    refused = await first.post("/lobby/contents?kind=video", content=bytes(large))
    assert (refused.status_code, "щонайбільше" in refused.text) == (422, True)
    assert 'name="kind" value="video"' in refused.text


# The council's clock goes forward on 28 March 2027 and back on 31 October 2027, both Sundays; 0 is Monday.
LISTS: dict[str, dict[str, Any]] = {
    "night": {"days": [6], "since": "22:00", "until": "06:00"},
    "weekdays": {"days": [0, 1, 2, 3, 4], "since": "08:00", "until": "18:00"},
    "saturday": {"days": [5], "since": "20:00", "until": "02:00"},
    "season": {"since": "10:00", "until": "10:30", "first": "2027-10-31", "last": "2027-10-31"},
    "morning": {"days": [6], "since": "03:00", "until": "04:00"},
}
MOMENTS = (
    *("2027-03-28T21:30Z", "2027-03-29T02:59Z", "2027-03-29T03:00Z", "2027-03-29T05:00Z"),
    *("2027-03-27T23:59Z", "2027-03-28T00:00Z", "2027-03-28T00:30Z", "2027-03-28T01:30Z"),
    *("2027-10-31T00:30Z", "2027-10-31T01:30Z", "2027-10-31T02:30Z", "2027-10-31T08:10Z"),
    *("2027-10-31T22:30Z", "2027-11-01T04:01Z", "2027-11-01T15:59Z", "2027-11-01T16:00Z"),
)


async def test_screens_and_controller_agree_about_hours_also_on_days_of_another_length(visit: Any) -> None:
    """A screen reckons by itself: what it shows is what the model says, at each moment."""
    page = await visit("/login")
    await page.add_init_script("delete Navigator.prototype.serviceWorker")  # it would ask beside the route
    programme = {"zone": "Europe/Kyiv", "emergency": "", "silence": None, "free": [], "screen": "kiosk"}
    place = {"version": 1, "kind": "memorial", "seconds": 10, "url": "", "room": ""}
    person = {"name": "Х", "dates": "", "words": "", "portrait": ""}
    models = {name: Hours.model_validate(hours) for name, hours in LISTS.items()}
    lists = [
        {
            "id": name,
            "rank": 0,
            "hours": json.loads(hours.model_dump_json()),
            "places": [{**place, "id": name, "title": name, "people": [person]}],
        }
        for name, hours in models.items()
    ]
    said = dict[str, Any]()
    await page.route("**/programme.json", lambda route: route.fulfill(json=said))
    zone, address = ZoneInfo("Europe/Kyiv"), page.url.replace("/login", "/screens/kiosk")
    for moment in MOMENTS:
        at = datetime.fromisoformat(moment)
        said |= {**programme, "now": at.isoformat(), "lists": lists}
        held = [name for name, one in models.items() if one.hold(at.astimezone(zone).replace(tzinfo=None))]
        wanted = max(held, default="")
        await page.evaluate("localStorage.clear()")
        await page.goto(address)
        await page.wait_for_selector(".memorial-title" if wanted else ".screen-word.nothing")
        shown = await page.locator(".memorial-title").all_inner_texts()
        assert shown == [wanted] * bool(wanted), moment
