"""Kiosks by their agent: MQTT's bytes by hand, mosquitto with an independent agent, the simulated one."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from avctl.config import Device
from avctl.driver import supervise
from avctl.errors import DeviceError, Rejected
from avctl.events import Link
from drivers.kiosk_mqtt import KioskMqtt
from drivers.sim.broker import fits, packet, text
from drivers.sim.kiosk_mqtt import SIMULATOR, KioskMqttSimulator

STATUS = b'{"page":"http://a/","browser":true}'
PUBLISHED = b"\x30" + bytes((2 + 18 + len(STATUS),)) + b"\x00\x12kiosks/hall/status" + STATUS
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


@pytest.fixture
def kiosk(device: Callable[..., Device]) -> KioskMqttSimulator:
    """An agent that speaks often."""
    return SIMULATOR(device("kiosk_mqtt", status_seconds=0.8, poll=0.05, answer_seconds=5))


def test_packets_are_those_of_the_standard() -> None:
    # MQTT 3.1.1, sections 3.2, 3.3 (figure 3.11 and its example a/b), 2.2.3 (table 2.4).
    assert packet(2, b"\x00\x05") == bytes.fromhex("20 02 00 05")
    assert packet(3, text("a/b") + b"hi", flags=1) == bytes.fromhex("31 07 00 03 61 2f 62 68 69")
    assert packet(3, bytes(128))[:3] == bytes.fromhex("30 80 01")
    assert packet(3, bytes(16_384))[:4] == bytes.fromhex("30 80 80 01")
    # Section 4.7.
    assert fits("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon")
    assert fits("sport/#", "sport")
    assert fits("sport/tennis/+", "sport/tennis/player1")
    assert not fits("sport/tennis/+", "sport/tennis/player1/ranking")


async def test_a_brokers_bytes_by_hand(device, witness) -> None:
    """CONNECT, SUBSCRIBE and PUBLISH as the standard writes them, one byte a segment."""
    heard = bytearray()

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(data: bytes) -> None:
            for byte in data:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)

        try:
            while first := await reader.readexactly(2):
                body = await reader.readexactly(first[1])  # all of them are short
                heard.extend(first + body)
                if first[0] == 0x10:
                    await say(bytes.fromhex("20 02 00 00"))
                elif first[0] == 0x82:
                    await say(bytes.fromhex("90 03") + body[:2] + b"\x01")
                    if body.endswith(b"status\x01"):
                        await say(PUBLISHED)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        driver = KioskMqtt(device("kiosk_mqtt", port=port, id="hall"), witness.bus.publish)
        keeper = asyncio.create_task(supervise(driver, asyncio.Event()))
        try:
            await witness.report(page="http://a/", showing="ok")
            await witness.until(lambda: b"hall/ack" in heard, "three subscriptions")
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
    assert heard[:1] == b"\x10"
    assert heard[2:9] == bytes.fromhex("00 04 4d 51 54 54 04")  # MQTT, level 4
    for topic in (b"kiosks/hall/online", b"kiosks/hall/status", b"kiosks/hall/ack"):
        assert text(topic) + b"\x01" in heard


def opened(folder: Path) -> None:
    """The broker may read it: it gives up being root."""
    for above in (folder, *list(folder.parents)[:2]):
        above.chmod(0o755)
    (folder / "passwords").chmod(0o644)


@asynccontextmanager
async def mosquitto(folder: Path, port: int) -> AsyncIterator[None]:
    """Debian's broker, with one account."""
    passwords = folder / "passwords"
    make = await asyncio.create_subprocess_exec(
        *("mosquitto_passwd", "-b", "-c", str(passwords), "avctl", "right-secret"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await make.wait() == 0
    opened(folder)
    (folder / "mosquitto.conf").write_text(  # noqa: ASYNC240
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\npersistence false\n"
        "user root\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(MOSQUITTO, "-c", str(folder / "mosquitto.conf")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(10):
            while True:
                with socket.socket() as trial:
                    if trial.connect_ex(("127.0.0.1", port)) == 0:
                        break
                await asyncio.sleep(0.02)
        yield
    finally:
        process.terminate()
        await process.wait()


def status(page: str, **more: Any) -> str:
    return json.dumps({"at": datetime.now(UTC).isoformat(), "page": page, "version": "9.9", **more})


async def test_mosquitto_carries_an_independent_agent_its_commands_and_its_will(
    device, free_port, witness, tmp_path
) -> None:
    port = free_port()
    options: dict[str, Any] = {
        "id": "hall",
        "status_seconds": 30,
        "user": "avctl",
        "password": "right-secret",
    }
    login: dict[str, Any] = {"username": "avctl", "password": "right-secret"}
    async with mosquitto(tmp_path, port):
        driver = KioskMqtt(device("kiosk_mqtt", port=port, poll=0.05, **options), witness.bus.publish)
        keeper = asyncio.create_task(supervise(driver, asyncio.Event(), first_pause=0.05, longest=0.2))
        left = False
        try:
            will = aiomqtt.Will("kiosks/hall/online", b"0", qos=1, retain=True)
            async with aiomqtt.Client("127.0.0.1", port, will=will, **login) as agent:
                await agent.subscribe("kiosks/hall/cmd", qos=1)
                await agent.publish("kiosks/hall/online", b"1", qos=1, retain=True)
                await agent.publish("kiosks/hall/status", status("http://a/"), qos=1, retain=True)
                await witness.report(page="http://a/", showing="ok", version="9.9")
                await witness.link("online")

                async def obey() -> None:
                    message = await anext(aiter(agent.messages))
                    asked = json.loads(message.payload)
                    assert asked["do"] == "show"
                    await agent.publish("kiosks/hall/ack", json.dumps({"id": asked["id"], "ok": True}), qos=1)
                    await agent.publish("kiosks/hall/status", status(asked["url"]), qos=1, retain=True)

                await asyncio.gather(driver.show_page("http://b/x"), obey())
                await witness.report(page="http://b/x", showing="ok")
                agent._client.socket().shutdown(socket.SHUT_RDWR)  # as a PC that loses its power
                await witness.report(showing="PC dead", fault="its agent has left")
                assert (await witness.link("offline")).reason == "its agent has left"
                left = True
        except aiomqtt.MqttError:
            assert left  # it says goodbye on a line that is gone
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        wrong = KioskMqtt(
            device("kiosk_mqtt", port=port, **{**options, "password": "wrong"}), witness.bus.publish
        )
        keeper = asyncio.create_task(supervise(wrong, asyncio.Event()))
        assert "refuses" in (await witness.link("refused")).reason
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def test_a_simulated_kiosk_shows_and_is_missed(kiosk, witness, served) -> None:
    async with kiosk, served(KioskMqtt, kiosk) as driver:
        await witness.report(page="http://127.0.0.1/start", showing="ok", version="1.0.0")
        await driver.show_page("http://127.0.0.1/queue")
        await witness.report(page="http://127.0.0.1/queue", showing="ok")
        await driver.reload_page()
        assert [one["do"] for one in kiosk.told] == ["show", "reload"]
        assert (await driver.screenshot()).startswith(b"\xff\xd8\xff")
        await kiosk.wander("http://127.0.0.1/games")
        await witness.report(page="http://127.0.0.1/games", showing="wrong page")
        await kiosk.kill_browser()
        await witness.report(showing="browser dead", page="")
        assert driver.link is Link.ONLINE
        await kiosk.kill_browser(False)
        await witness.report(showing="wrong page")
        kiosk.refuse()
        with pytest.raises(Rejected, match="not allowed"):
            await driver.show_page("http://127.0.0.1/other")
        kiosk.refuse(False)
        await kiosk.kill_agent()
        await witness.report(showing="PC dead")
        assert (await witness.link("offline")).reason == "its agent has left"
        with pytest.raises(DeviceError):
            await driver.reload_page()
        # Then it is silent, too: that says less than what is known.
        await asyncio.sleep(driver.options.status_seconds * 4)
        assert driver.readings["showing"] == "PC dead"
        await kiosk.kill_agent(False)
        await witness.link("online")
        kiosk.freeze_agent()  # its 1 is still there, as after a broker's crash
        await witness.report(showing="unknown", fault="its agent does not say anything")
        kiosk.freeze_agent(False)
        await witness.report(showing="wrong page")


async def test_what_was_retained_long_ago_says_nothing_of_now(kiosk, witness, served) -> None:
    async with kiosk:
        kiosk.freeze_agent()
        old = {"at": "2026-01-01T00:00:00+00:00", "page": "http://127.0.0.1/old", "browser": True}
        await kiosk.say("kiosks/device/status", json.dumps(old), retain=True)
        async with served(KioskMqtt, kiosk, online=False) as driver:
            assert (await witness.link("offline")).reason == "its agent does not say anything"
            assert driver.readings["showing"] == "unknown"
            kiosk.freeze_agent(False)
            await witness.link("online")
