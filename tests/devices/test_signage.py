"""Players of signage, Xibo and Anthias: their JSON by hand, the drivers on simulated ones, plain clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from avctl.driver import supervise
from avctl.errors import BadArgument, Rejected
from avctl.events import Link
from drivers.anthias import Anthias
from drivers.sim.anthias import SIMULATOR as ANTHIAS
from drivers.sim.xibo import SIMULATOR as XIBO
from drivers.xibo import Xibo

XIBO_LOGIN = {"client_id": "avctl", "client_secret": "right-secret", "display": 7, "tls": False}
TOKEN = '{"access_token":"eyJ0eXAi.abc","token_type":"Bearer","expires_in":3600}'
DISPLAY = (
    '[{"displayId":7,"display":"Lobby","license":"b19","licensed":1,"loggedIn":1,"lastAccessed":1764320000,'
    '"mediaInventoryStatus":2,"currentLayoutId":12,"displayGroupId":40,"clientVersion":"4.1.0"}]'
)
LAYOUTS = '[{"layoutId":11,"layout":"Welcome"},{"layoutId":12,"layout":"Sittings"}]'
# As Anthias' own tests and its Python client have it.
ASSET = (
    '{"asset_id":"572a7750ed0e4d74b757e1cd36e343b7","mimetype":"webpage","name":"Hacker News","end_date":'
    '"2025-04-27T09:42:00+00:00","is_enabled":1,"nocache":0,"is_active":1,'
    '"uri":"https://news.ycombinator.com","skip_asset_check":0,"duration":"10","play_order":0,'
    '"start_date":"2019-05-26T09:42:00+00:00","is_processing":0}'
)
INFO = '{"viewlog":"","loadavg":0.2,"anthias_version":"master@2f3a1c0","under_voltage":false}'


@asynccontextmanager
async def serving(kind: Any, made: Any, witness: Any) -> AsyncIterator[Any]:
    driver = kind(made, witness.bus.publish)
    keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
    try:
        yield driver
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def test_xibos_json_one_byte_a_segment(by_hand, device, witness, caplog) -> None:
    caplog.set_level("DEBUG")
    answers = {
        "POST /api/authorize/access_token": (200, TOKEN),
        "GET /api/layout?length=1000": (200, LAYOUTS),
        "GET /api/display?displayId=7": (200, DISPLAY),
        "POST /api/displaygroup/40/action/changeLayout": (204, ""),
    }
    async with by_hand(answers) as server:
        made = device("xibo", port=server.port, poll=600, **XIBO_LOGIN)
        async with serving(Xibo, made, witness) as driver:
            await witness.report(page="Sittings", pages=("Welcome", "Sittings"), player="4.1.0", showing="ok")
            assert "downloaded" in driver.readings["fault"]
            assert driver.readings["heartbeat"] == "2025-11-28T08:53:20+00:00"
            await driver.show_page("Welcome")
    sent = {asked: (headers, body) for asked, headers, body in server.heard}
    assert sent["POST /api/authorize/access_token"][1] == (
        "grant_type=client_credentials&client_id=avctl&client_secret=right-secret"
    )
    headers, body = sent["POST /api/displaygroup/40/action/changeLayout"]
    assert headers["authorization"] == "Bearer eyJ0eXAi.abc"
    assert body == "layoutId=11&changeMode=replace&downloadRequired=1"
    assert "right-secret" not in caplog.text
    assert "eyJ0eXAi" not in caplog.text


async def test_a_players_layouts_are_shown_when_it_says_so(device, witness, served) -> None:
    cms = XIBO(device("xibo", poll=0.05, answer_seconds=5, **XIBO_LOGIN))
    async with cms, served(Xibo, cms) as driver:
        await witness.report(page="Вітання", showing="ok")
        await driver.show_page("Черга")
        await witness.report(page="Черга", showing="ok")
        cms.schedule(12)
        await witness.report(page="Розклад засідань", showing="wrong page")
        await driver.reload_page()
        await driver.wake()
        assert (cms.collected, cms.woken) == (1, 1)
        assert (await driver.screenshot()).startswith(b"\xff\xd8\xff")
        cms.end_tokens()  # another is asked for, nobody notices
        await driver.show_page("Вітання")
        await witness.report(page="Вітання", showing="ok")
        with pytest.raises(BadArgument, match="Черга"):
            await driver.show_page("http://127.0.0.1/")
        cms.lose_player()
        await witness.report(page="", showing="unknown", fault="the player is not in touch with the CMS")
        cms.lose_player(False)
        await witness.report(page="Вітання")
        cms.refuse()
        with pytest.raises(Rejected, match="403"):
            await driver.show_page("Черга")
        assert witness.links() == [Link.ONLINE]
    async with (
        cms,
        httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{cms.bound}/api") as client,
    ):
        form = {"grant_type": "client_credentials", "client_id": "avctl", "client_secret": "right-secret"}
        assert (await client.get("/display")).status_code == 401
        token = (await client.post("/authorize/access_token", data=form)).json()["access_token"]
        shown = await client.get("/display", headers={"Authorization": f"Bearer {token}"})
        assert (shown.headers["x-total-count"], shown.json()[0]["display"]) == ("1", "Хол")


async def test_anthias_json_one_byte_a_segment(by_hand, device, witness) -> None:
    asset = "572a7750ed0e4d74b757e1cd36e343b7"
    answers = {
        "GET /api/v2/info": (200, INFO),
        "GET /api/v1/viewer_current_asset": (200, ASSET),
        "GET /api/v2/assets": (200, f"[{ASSET}]"),
        f"GET /api/v2/assets/control/asset&{asset}": (200, '"Asset switched"'),
    }
    async with by_hand(answers) as server:
        made = device("anthias", port=server.port, poll=600, page="https://news.ycombinator.com/")
        async with serving(Anthias, made, witness) as driver:
            await witness.report(page="https://news.ycombinator.com/", showing="ok", player="master@2f3a1c0")
            await driver.show_page("https://news.ycombinator.com/")
            await driver.reload_page()
    assert server.asked().count(f"GET /api/v2/assets/control/asset&{asset}") == 2


async def test_a_player_plays_a_page_alone(device, witness, served) -> None:
    login = {"user": "avctl", "password": "right-secret"}
    player = ANTHIAS(device("anthias", poll=0.05, answer_seconds=5, **login))
    other = player.add("http://127.0.0.1/other")
    async with player, served(Anthias, player) as driver:
        await witness.report(page="http://127.0.0.1/start", showing="ok")
        await driver.show_page("http://127.0.0.1/queue")
        await witness.report(page="http://127.0.0.1/queue", showing="ok")
        assert not player.assets[other]["is_enabled"]
        player.play_next()  # it has nothing else
        await driver.show_page("http://127.0.0.1/other")
        await witness.report(page="http://127.0.0.1/other", showing="ok")
        assert len(player.assets) == 3
        player.assets[other]["uri"] = "http://127.0.0.1/changed"
        await witness.report(page="http://127.0.0.1/changed", showing="wrong page")
        switched = player.switched
        await driver.reload_page()
        assert player.switched == switched + 1
        player.weaken()
        await witness.report(fault="the power supply is too weak")
        player.refuse()
        with pytest.raises(Rejected, match="403"):
            await driver.show_page("http://127.0.0.1/queue")
        await player.unplug()
        await witness.report(showing="browser dead")
    another = ANTHIAS(device("anthias", **login))
    url = f"http://127.0.0.1:{another.bound}"
    async with another, httpx.AsyncClient(trust_env=False, base_url=url) as client:
        assert (await client.get("/api/v2/assets")).status_code == 401
        client.auth = httpx.BasicAuth("avctl", "right-secret")
        refused = await client.post("/api/v2/assets", json={"name": "a"})
        assert (refused.status_code, "uri" in refused.json()) == (400, True)
