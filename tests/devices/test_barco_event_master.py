"""Barco Event Master: the sheet's JSON by hand, every verb on a simulator, the bytes of another client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import BadArgument, Rejected
from drivers.barco_event_master import BarcoEventMaster
from drivers.sim.barco_event_master import SIMULATOR

# The answers of an Event Master, as npm barco-eventmaster 6.2.1 takes them.
LISTED = (
    '{"jsonrpc":"2.0","result":{"success":0,"response":['
    '{"id":0,"Name":"Зала","presetSno":1.00,"LockMode":0},{"id":4,"Name":"Vote","presetSno":2.00,"LockMode":0}'
    ']},"id":"1"}'
)
# What that client sends to bring a preset into the programme.
THEIRS = b'{"method":"activatePreset","params":{"id":1,"type":1},"jsonrpc":"2.0","id":"0"}'
THEIR_ANSWER = {"jsonrpc": "2.0", "result": {"success": 0, "response": None}, "id": "0"}


async def test_the_makers_json_one_byte_a_segment(by_hand: Any, device: Any, witness: Any) -> None:
    async with by_hand({"POST /jsonrpc": (200, LISTED)}) as server:
        driver = BarcoEventMaster(
            device("barco_event_master", port=server.port, poll=600), witness.bus.publish
        )
        keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
        try:
            await witness.report(layouts=("Зала", "Vote"), layout="")
            assert json.loads(server.heard[0][2]) == {
                "method": "listPresets",
                "params": {"ScreenDest": -1, "AuxDest": -1},
                "jsonrpc": "2.0",
                "id": "1",
            }
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


async def test_presets_are_listed_and_recalled(
    device: Callable[..., Device], witness: Any, served: Any
) -> None:
    processor = SIMULATOR(device("barco_event_master", poll=0.05, answer_seconds=0.5))
    async with processor, served(BarcoEventMaster, processor) as driver:
        await witness.report(layouts=("Hall", "Speaker and slides", "Vote"))
        await driver.recall_layout("Vote")
        await witness.report(layout="Vote")
        assert processor.program == 2
        processor.save_preset("Memorial")
        processor.save_preset("Vote")
        await witness.until(lambda: "Vote (4)" in driver.readings["layouts"], "two of one name")
        assert "Vote" not in driver.readings["layouts"]
        await driver.recall_layout("Vote (4)")
        assert processor.program == 4
        await witness.until(lambda: "Memorial" in driver.readings["layouts"], "a preset made at the device")
        with pytest.raises(BadArgument, match="one of Hall"):
            await driver.recall_layout("Nothing")
        processor.refuse()
        with pytest.raises(Rejected, match="activatePreset"):
            await driver.recall_layout("Hall")
        assert driver.readings["layout"] == "Vote (4)"
        processor.refuse(False)
        await processor.unplug()
        await witness.link("offline")
        await processor.plug()
        await witness.link("online")
        await witness.report(layout="")  # somebody else may have changed it meanwhile


async def test_another_client_gets_what_it_expects(device: Callable[..., Device]) -> None:
    async with (
        SIMULATOR(device("barco_event_master")) as processor,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{processor.bound}") as client,
    ):
        assert (await client.post("/jsonrpc", content=THEIRS)).json() == THEIR_ANSWER
        assert processor.program == 1
        wrong = THEIRS.replace(b'"id":1', b'"id":9')
        assert (await client.post("/jsonrpc", content=wrong)).json()["result"]["success"] != 0
        unknown = await client.post("/jsonrpc", content=THEIRS.replace(b"activatePreset", b"fly"))
        assert unknown.json()["error"]["code"] == -32601


async def test_who_subscribed_is_told_of_presets_and_screens_until_it_restarts(
    device: Callable[..., Device],
) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        heard.put_nowait(await reader.readexactly(int(length[1]) if length else 0))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listener, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        SIMULATOR(device("barco_event_master")) as processor,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{processor.bound}") as client,
    ):

        async def ask(method: str, **params: object) -> int:
            said = {"method": method, "params": params, "jsonrpc": "2.0", "id": "0"}
            return int((await client.post("/jsonrpc", json=said)).json()["result"]["success"])

        kinds = ["ScreenDestChanged", "PresetChanged"]
        assert await ask("subscribe", hostname="127.0.0.1", port=port, notification=kinds) == 0
        assert await ask("activatePreset", presetName="Vote", type=0) == 0
        assert json.loads(await heard.get()) == {
            "result": {
                "method": "notification",
                "notificationType": "ScreenDestChanged",
                "change": {"add": [], "remove": [], "update": [0]},
            }
        }
        assert await ask("allTrans") == 0
        await heard.get()
        assert processor.program == 2
        processor.save_preset("Memorial")
        assert json.loads(await heard.get())["result"]["change"]["add"] == [3]
        assert await ask("subscribe", hostname=5) != 0
        assert await ask("unsubscribe", hostname="127.0.0.1", port=port, notification=kinds) == 0
        await processor.unplug()
        await processor.plug()
        assert processor.subscribed == {}
