"""Kiosks by the debugging protocol: a real Chromium, its bytes by hand, and a raw client at the simulator."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import BadArgument, NoAnswer, Rejected, Unsupported
from avctl.events import Link
from drivers.kiosk import same_page
from drivers.kiosk_cdp import HUNG, NOT_COMING, KioskCdp
from drivers.sim.http import HttpSimulator
from drivers.sim.kiosk_cdp import SIMULATOR, KioskCdpSimulator

HASTE = {"poll": 0.2, "answer_seconds": 1}
JPEG = b"\xff\xd8\xff"
# From Chromium 156: answers on the WebSocket, and what it tells unasked.
VERSION = (
    '{"Browser":"Chrome/156.0.7000.0","Protocol-Version":"1.3","User-Agent":"Mozilla/5.0","V8-Version":"15.6",'
    '"WebKit-Version":"537.36","webSocketDebuggerUrl":"ws://127.0.0.1:9222/devtools/browser/0b7f"}'
)
PAGES = (
    '[{"description":"","devtoolsFrontendUrl":"","id":"7F0C2B7F2D9F4E0C8E2B1E6C0A3D4F5A","title":"worker",'
    '"type":"service_worker","url":"http://127.0.0.1/worker.js"},{"description":"","id":'
    '"A1B2C3D4E5F60718293A4B5C6D7E8F90","title":"","type":"page","url":"http://127.0.0.1/"}]'
)
UNKNOWN = '{"code":-32601,"message":"\'Page.navigate\' wasn\'t found"}'


SCRIPTS = {
    "broken": "setTimeout(() => queue.call(), 0)",
    "asking": "setTimeout(() => alert('Увага!'), 0)",
    "hanging": "setTimeout(() => { for (;;); }, 0)",
}


class Site(HttpSimulator):
    """Pages that a browser can be sent to."""

    def routes(self) -> list[Route]:
        async def page(request: Any) -> Response:
            name = request.path_params["name"]
            if name == "moved":
                return RedirectResponse("/first")
            return HTMLResponse(
                f"<title>{name}</title><h1>{name}</h1><script>{SCRIPTS.get(name, '')}</script>"
            )

        return [Route("/{name}", page)]


@pytest.fixture
def kiosk(device: Callable[..., Device]) -> KioskCdpSimulator:
    """A browser with one page."""
    return SIMULATOR(device("kiosk_cdp", poll=0.05, answer_seconds=1.5))


@asynccontextmanager
async def chromium(profile: Path, port: int = 0) -> AsyncIterator[int]:
    """A real browser without a screen, and its debugging port."""
    shutil.rmtree(profile, ignore_errors=True)
    process = await asyncio.create_subprocess_exec(
        *("/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--remote-debugging-port={port}", f"--user-data-dir={profile}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        told = profile / "DevToolsActivePort"
        async with asyncio.timeout(25):
            while not told.is_file() or len(told.read_text().split()) < 2:
                await asyncio.sleep(0.05)
        yield int(told.read_text().split()[0])
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.timeout(90)
async def test_a_real_chromium_shows_reloads_is_pictured_fails_and_crashes(
    device, free_port, witness, tmp_path
) -> None:
    witness.deadline = 40
    async with Site(device("site")) as site, chromium(tmp_path / "profile") as port:
        base = f"http://127.0.0.1:{site.bound}"
        made = device("kiosk_cdp", port=port, poll=0.2, answer_seconds=15)
        driver = KioskCdp(made, witness.bus.publish)
        keeper = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2))
        try:
            await witness.report(showing="wrong page", page="")  # a blank one
            assert driver.readings["browser"].startswith(("Chrome/", "HeadlessChrome/"))
            await driver.show_page(f"{base}/first")
            await witness.report(page=f"{base}/first", showing="ok", fault="")
            assert (await driver.screenshot()).startswith(JPEG)
            await driver.reload_page()
            await witness.report(page=f"{base}/first", showing="ok")

            await driver.show_page(f"{base}/broken")
            await witness.until(
                lambda: "queue is not defined" in driver.readings["fault"], "the script's error"
            )

            with pytest.raises(Rejected, match="ERR_CONNECTION_REFUSED"):
                await driver.show_page(f"http://127.0.0.1:{free_port()}/nobody")
            await witness.report(page="", showing="wrong page")
            await witness.until(lambda: "cannot be loaded" in driver.readings["fault"], "why")

            await driver.show_page(f"{base}/second")
            await witness.report(page=f"{base}/second", showing="ok")
            await by_another(port, "Page.navigate", url="chrome://crash")
            await witness.report(showing="browser dead", page="")
            assert "crashed" in driver.readings["fault"]
            assert driver.link is Link.ONLINE  # it can still be told what to show
            await driver.show_page(f"{base}/third")
            await witness.report(page=f"{base}/third", showing="ok", fault="")
            await by_another(port, "Page.navigate", url=f"{base}/elsewhere")
            await witness.report(page=f"{base}/elsewhere", showing="wrong page")
            assert driver.readings["heartbeat"]

            await driver.show_page(f"{base}/moved")  # its server sends the browser on
            await witness.report(page=f"{base}/moved", showing="ok")
            await driver.show_page(f"{base}/asking")  # nobody answers what it asks
            await witness.report(page=f"{base}/asking", showing="ok", fault="the page asks: Увага!")
            async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as hand:
                opened = (await hand.put(f"/json/new?{base}/over")).json()["id"]
                await witness.report(page=f"{base}/over", showing="wrong page")
                await hand.get(f"/json/close/{opened}")
                await witness.report(page=f"{base}/asking", showing="ok")
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

        # A page whose script never ends can neither be sent elsewhere nor loaded again.
        impatient = KioskCdp(made.model_copy(update={"options": HASTE}), witness.bus.publish)
        keeper = asyncio.create_task(supervise(impatient, asyncio.Event(), first_pause=0.05, longest=0.2))
        try:
            await witness.until(lambda: impatient.readings.get("showing") == "ok", "the page before it")
            await impatient.show_page(f"{base}/hanging")
            await witness.until(lambda: impatient.readings["showing"] == "browser dead", "that it hangs")
            assert (impatient.readings["fault"], impatient.link) == (HUNG, Link.ONLINE)
            await impatient.show_page(f"{base}/fourth")
            await witness.until(lambda: impatient.readings["page"] == f"{base}/fourth", "another page")
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


async def by_another(port: int, method: str, **params: Any) -> dict[str, Any]:
    """What an independent client asks of the first page; it need not be answered."""
    async with httpx.AsyncClient(trust_env=False) as client:
        pages = (await client.get(f"http://127.0.0.1:{port}/json/list")).json()
    url = next(one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page")
    async with websockets.connect(url, compression=None, proxy=None) as line:
        await line.send(json.dumps({"id": 7, "method": method, "params": params}))
        try:
            async with asyncio.timeout(2):
                while True:
                    told: dict[str, Any] = json.loads(await line.recv())
                    if told.get("id") == 7:
                        return told
        except (TimeoutError, websockets.ConnectionClosed):
            return {}


async def test_chromiums_bytes_by_hand(by_hand, device, witness) -> None:
    """HTTP a byte at a time, then a WebSocket whose answers are Chromium's own."""
    said: list[str] = []
    page = "A1B2C3D4E5F60718293A4B5C6D7E8F90"
    frame = (
        '{"method":"Page.frameNavigated","params":{"frame":{"id":"' + page + '","loaderId":"5C","url":'
        '"chrome-error://chromewebdata/","domainAndRegistry":"","securityOrigin":"://","mimeType":"text/html",'
        '"unreachableUrl":"http://127.0.0.1:1/","adFrameStatus":{"adFrameType":"none"}},"type":"Navigation"}}'
    )
    value = '{"type":"object","value":["chrome-error://chromewebdata/","complete","visible"]}'

    async def browser(connection: Any) -> None:
        async for text in connection:
            said.append(text)
            asked = json.loads(text)
            if asked["method"] == "Runtime.evaluate":
                await connection.send(frame)
                await connection.send(f'{{"id":{asked["id"]},"result":{{"result":{value}}}}}')
            elif asked["method"] == "Page.navigate":
                await connection.send(f'{{"id":{asked["id"]},"error":{UNKNOWN}}}')
            else:
                await connection.send(f'{{"id":{asked["id"]},"result":{{}}}}')

    async with by_hand({"GET /json/version": (200, VERSION), "GET /json/list": (200, PAGES)}) as server:
        async with websockets.serve(browser, "127.0.0.1", 0, compression=None) as socket:
            far = next(iter(socket.sockets)).getsockname()[1]
            async with split(server.port, far) as port:
                driver = KioskCdp(device("kiosk_cdp", port=port, poll=600), witness.bus.publish)
                keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
                try:
                    await witness.report(
                        browser="Chrome/156.0.7000.0",
                        page="",
                        showing="wrong page",
                        fault="cannot be loaded: http://127.0.0.1:1/",
                    )
                    with pytest.raises(Rejected, match="wasn't found"):
                        await driver.show_page("http://127.0.0.1/")
                finally:
                    keeper.cancel()
                    await asyncio.gather(keeper, return_exceptions=True)
        assert {one["host"] for _, one, _ in server.heard} == {"localhost"}
    assert said[0] == '{"id": 1, "method": "Page.enable", "params": {}}'


@asynccontextmanager
async def split(plain: int, socket: int) -> AsyncIterator[int]:
    """One port for two servers: whoever asks for /devtools is passed on to the second."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readline()
        far, near = await asyncio.open_connection("127.0.0.1", socket if b"/devtools" in first else plain)
        near.write(first)

        async def pump(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            while data := await one.read(4096):
                other.write(data)
            other.close()

        await asyncio.gather(pump(reader, near), pump(far, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_what_happens_at_a_kiosk_is_seen(kiosk, witness, served) -> None:
    async with kiosk, served(KioskCdp, kiosk, page="http://127.0.0.1/queue", lost_seconds=0.2) as driver:
        await witness.report(showing="wrong page", page="http://127.0.0.1/start")
        await driver.show_page("http://127.0.0.1/queue")
        await witness.report(showing="ok", page="http://127.0.0.1/queue")
        await kiosk.wander("http://127.0.0.1/games")
        await witness.report(showing="wrong page", page="http://127.0.0.1/games")
        loaded = kiosk.loaded
        await driver.reload_page()
        assert kiosk.loaded == loaded + 1
        # What could not be loaded is tried again, and told for a while; what a script stumbled on stays.
        await kiosk.lose_resource("Failed to load resource: net::ERR_CONNECTION_REFUSED")
        await witness.report(fault="Failed to load resource: net::ERR_CONNECTION_REFUSED")
        await witness.report(fault="")
        await kiosk.complain("ReferenceError: tickets is not defined")
        await witness.report(fault="ReferenceError: tickets is not defined")
        await kiosk.lose_resource("Failed to load resource: net::ERR_CONNECTION_REFUSED")
        await asyncio.sleep(0.3)
        assert driver.readings["fault"] == "ReferenceError: tickets is not defined"
        await kiosk.crash()
        await witness.report(showing="browser dead", fault="the page crashed, or ran out of memory")
        await driver.show_page("http://127.0.0.1/queue")
        await witness.report(showing="ok", fault="")
        assert (await driver.screenshot()).startswith(JPEG)
        for wrong in ("javascript:alert(1)", "file:///etc/passwd", "http://user:pw@127.0.0.1/", "http://["):
            with pytest.raises(BadArgument):
                await driver.show_page(wrong)
        kiosk.refuse()
        with pytest.raises(Rejected, match="Not allowed"):
            await driver.show_page("http://127.0.0.1/other")
        kiosk.refuse(False)
        kiosk.moved["http://127.0.0.1/"] = "http://127.0.0.1/uk/"
        await driver.show_page("http://127.0.0.1/")
        await witness.report(showing="ok", page="http://127.0.0.1/")
        await kiosk.ask_visitor("Вийти?")
        await witness.report(fault="the page asks: Вийти?")
        await witness.until(lambda: not kiosk.asking, "the answer to what the page asks")
        kiosk.stall()
        await witness.report(showing="loading", fault=NOT_COMING, page="http://127.0.0.1/")
        kiosk.hang()
        kiosk.stall(False)
        await witness.report(showing="browser dead", fault=HUNG)
        assert driver.link is Link.ONLINE
        await driver.show_page("http://127.0.0.1/other")
        await witness.report(showing="ok", page="http://127.0.0.1/other")
        kiosk.open_page("http://127.0.0.1/games")
        await witness.report(showing="wrong page", page="http://127.0.0.1/games")
        await kiosk.close_page()
        await witness.report(showing="ok", page="http://127.0.0.1/other")
        await kiosk.close_page()  # another is opened, with what it should show
        await witness.report(showing="ok", page="http://127.0.0.1/other")


async def test_a_dead_browser_is_told_from_a_dead_pc(kiosk, witness, served, free_port) -> None:
    async with kiosk, served(KioskCdp, kiosk) as driver:
        await witness.report(showing="ok", wakes=False)
        with pytest.raises(Unsupported, match="MAC"):
            await driver.wake()
        kiosk.hang()
        await witness.report(showing="browser dead", page="")
        kiosk.hang(False)
        await witness.report(showing="ok")
        await kiosk.unplug()  # the PC refuses a connection: it is there
        await witness.report(showing="browser dead")
        await kiosk.plug()
        await witness.report(showing="ok")


async def test_a_pc_that_does_not_answer_is_dead_and_is_woken(kiosk, witness, served, free_port) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    loop = asyncio.get_running_loop()
    ear, _ = await loop.create_datagram_endpoint(Ear, ("127.0.0.1", 0))
    wake = {"mac": "00:16:32:AA:BB:CC", "wake_host": "127.0.0.1"}
    wake["wake_port"] = ear.get_extra_info("sockname")[1]
    try:
        # No name of a machine: as silent as one that is off.
        async with served(KioskCdp, kiosk, online=False, **wake, pc_host="kiosk.invalid") as driver:
            await witness.report(showing="PC dead", wakes=True)
            assert "wake" in driver.while_away
            with pytest.raises((NoAnswer, Exception), match="not connected"):
                await driver.reload_page()
            await driver.wake()
            packets = [await heard.get() for _ in range(3)]
            assert packets == [bytes.fromhex("FF" * 6 + "001632AABBCC" * 16)] * 3
            async with kiosk:
                await witness.report(showing="ok")
    finally:
        ear.close()


async def test_a_raw_client_at_the_simulator_sees_chromiums_port(kiosk) -> None:
    async with (
        kiosk,
        httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{kiosk.bound}") as client,
    ):
        refused = await client.get("/json/new?http://127.0.0.1/")
        assert (refused.status_code, refused.text[:30]) == (405, "Using unsafe HTTP verb GET to ")
        stranger = await client.get("/json/version", headers={"Host": "evil.example"})
        assert (stranger.status_code, "Host header" in stranger.text) == (500, True)
        pages = (await client.get("/json")).json()
        assert [one["type"] for one in pages] == ["service_worker", "page"]
        opened = (await client.put("/json/new?http://127.0.0.1/new")).json()
        assert opened["url"] == "http://127.0.0.1/new"
        missing = await client.get("/json/activate/ABC")
        assert (missing.status_code, missing.text) == (404, "No such target id: ABC")
        with pytest.raises(websockets.InvalidStatus) as foreign:
            await websockets.connect(opened["webSocketDebuggerUrl"], origin="http://evil.example", proxy=None)
        assert foreign.value.response.status_code == 403
    async with kiosk:
        assert await by_another(int(kiosk.bound), "Foo.bar") == {
            "id": 7,
            "error": {"code": -32601, "message": "'Foo.bar' wasn't found"},
        }


def test_addresses_that_a_browser_writes_another_way_are_the_same() -> None:
    assert same_page("http://Council.example", "http://council.example/")
    assert same_page("https://council.example:443/queue", "https://council.example/queue#call")
    assert not same_page("http://council.example/queue#a", "http://council.example/queue#b")
    assert not same_page("http://council.example/queue?lang=uk", "http://council.example/queue")
