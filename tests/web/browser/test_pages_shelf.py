"""The forms of what screens show, as a browser sends them: nobody's work is put aside unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from avctl.model.account import Role

PASSWORD = "dovhyi parol 7"


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
    assert "спершу приберіть його там" in kept.text
    large = controller.config.lobby.largest_mb * 1_000_000 + 2_000_000
    refused = await first.post("/lobby/contents?kind=video", content=bytes(large))
    assert (refused.status_code, "щонайбільше" in refused.text) == (422, True)
    assert 'name="kind" value="video"' in refused.text
