"""Q-SYS cores: their own messages, the driver on a simulated core, another client beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from avctl.config import Device
from avctl.errors import BadArgument, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.qsys_qrc import Messages, QsysQrc, encode
from drivers.sim.qsys_qrc import SIMULATOR, QsysQrcSimulator

CHANNELS = {
    "channels": [
        {"name": "Трибуна", "mute": "RostrumMute", "level": "RostrumGain"},
        {"name": "Зала", "mute": "HallMute"},
    ],
    "main": {"name": "Вихід", "level": "MainGain"},
}
ENGINE = (
    b'{"jsonrpc":"2.0","method":"EngineStatus","params":{"Platform":"Core 110f","State":"Active",'
    b'"DesignName":"A","DesignCode":"B","IsRedundant":false,"IsEmulator":true,"Status":{"Code":0,"String":"OK"}}}\0'
)


@pytest.fixture
def core(device: Callable[..., Device]) -> QsysQrcSimulator:
    """A core with two channels and a main output."""
    return SIMULATOR(device("qsys_qrc", poll=20, answer_seconds=0.5, **CHANNELS))


def test_its_messages_one_byte_at_a_time() -> None:
    codec = Messages()
    (heard,) = [one for byte in ENGINE for one in codec.feed(bytes([byte]))]
    assert heard["params"]["Status"] == {"Code": 0, "String": "OK"}
    assert json.loads(encode({"method": "NoOp", "params": {}})[:-1]) == {
        "jsonrpc": "2.0",
        "method": "NoOp",
        "params": {},
    }
    for broken in (b"noise\0", b"[1]\0", bytes(1) + b"{" * 2_000_000, b"[" * 100_000 + b"\0"):
        with pytest.raises(ProtocolError):
            list(Messages().feed(broken))


async def test_channels_are_read_muted_and_set(core, witness, served) -> None:
    async with core, served(QsysQrc, core) as driver:
        await witness.report(
            state="Active",
            design="Hall",
            fault="",
            channels={
                "0": {"name": "Вихід", "muted": None, "level": 0.0},
                "1": {"name": "Трибуна", "muted": False, "level": 0.0},
                "2": {"name": "Зала", "muted": False, "level": None},
            },
        )
        await driver.mute_channel(1, True)
        await driver.set_level(0, -12.5)
        await witness.until(
            lambda: (
                driver.readings["channels"]["1"]["muted"] is True
                and driver.readings["channels"]["0"]["level"] == -12.5
            ),
            "what was set",
        )
        core.press_mute("HallMute")
        core.move_fader("RostrumGain", -100)
        await witness.until(
            lambda: (
                driver.readings["channels"]["2"]["muted"] is True
                and driver.readings["channels"]["1"]["level"] is None
            ),
            "what hands did",
        )
        core.refuse()
        with pytest.raises(Rejected) as refusal:
            await driver.mute_channel(1, False)
        assert refusal.value.code == "-32602"
        for wrong in (driver.mute_channel(0, True), driver.set_level(2, 0), driver.set_level(0, 21)):
            with pytest.raises(BadArgument):
                await wrong
        with pytest.raises(Unsupported):
            await driver.recall_scene(number=1)
        assert witness.links() == [Link.ONLINE]


async def test_a_core_on_standby_and_a_control_that_is_not_exported(core, witness, served) -> None:
    async with core, served(QsysQrc, core, poll=0.05) as driver:
        core.stand_by()
        await witness.report(state="Standby")
        await witness.until(lambda: "standby" in driver.readings["fault"], "the fault")
        with pytest.raises(Rejected, match="standby"):
            await driver.mute_channel(1, True)
        core.stand_by(False)
        await witness.report(state="Active", fault="")
        del core.controls["HallMute"]
        await witness.until(lambda: "HallMute" in driver.readings["fault"], "the control")


async def test_a_password_and_a_wrong_one_which_is_tried_once(device, witness, served, caplog) -> None:
    caplog.set_level("DEBUG")
    core = SIMULATOR(device("qsys_qrc", user="tech", password="4711-geheim", poll=20, **CHANNELS))
    async with core:
        async with served(QsysQrc, core):
            await witness.report(state="Active")
        for wrong in ({"password": "8822-falsch"}, {"user": ""}):
            core.said.clear()
            async with served(QsysQrc, core, online=False, **wrong):
                await witness.link("refused")
                await witness.until(lambda: not core.peers, "the end of the connection")
            assert len(core.said) == 1
    for secret in ("4711-geheim", "8822-falsch"):
        assert secret not in caplog.text
        assert secret.encode().hex(" ") not in caplog.text


async def test_another_client_reads_and_changes(core, witness, served) -> None:
    async with core, served(QsysQrc, core) as driver:
        reader, writer = await asyncio.open_connection(core.host, core.bound)
        assert json.loads((await reader.readuntil(b"\0"))[:-1])["method"] == "EngineStatus"
        # pyqsys sends no parameters with this one
        writer.write(b'{"jsonrpc":"2.0","method":"StatusGet","id":1}\0')
        assert json.loads((await reader.readuntil(b"\0"))[:-1])["result"]["State"] == "Active"
        writer.write(
            b'{"jsonrpc":"2.0","method":"Control.Set","params":{"Name":"HallMute","Value":1},"id":2}\0'
        )
        assert json.loads((await reader.readuntil(b"\0"))[:-1])["id"] == 2
        await witness.until(lambda: driver.readings["channels"]["2"]["muted"], "the other's change")
        writer.write(b"noise\0")
        assert json.loads((await reader.readuntil(b"\0"))[:-1])["error"]["code"] == -32700
        writer.close()


async def test_a_client_of_another_maker_follows_groups_and_components(device) -> None:
    """Alone, without a channel in its options, it has a design of one: what a client tries first is there."""
    core = SIMULATOR(device("qsys_qrc"))
    async with core:
        reader, writer = await asyncio.open_connection(core.host, core.bound)

        async def heard() -> dict:
            return json.loads((await reader.readuntil(b"\0"))[:-1])

        async def ask(method: str, params: object) -> object:
            said = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
            writer.write(json.dumps(said).encode() + b"\0")
            answer = await heard()
            return answer["result"] if "result" in answer else answer["error"]["code"]

        assert (await heard())["method"] == "EngineStatus"
        assert await ask("Logon", {"User": "anybody", "Password": "1"}) is True  # it has no users
        gain = {"Name": "gain", "String": "0.0dB", "Value": 0.0, "Position": 0.833333}
        muted = {"Name": "mute", "String": "muted", "Value": True, "Position": 1.0}
        assert await ask("Control.Get", ["gain"]) == [gain]
        assert await ask("Control.Set", {"Name": "mute", "String": "muted"}) == muted
        assert (await ask("Control.Set", {"Name": "gain", "Position": 0.5}))["Value"] == -40
        assert await ask("Component.GetComponents", None) == [
            {"Name": "Main", "Type": "gain", "Properties": []}
        ]
        described = await ask("Component.GetControls", {"Name": "Main"})
        assert [one["Name"] for one in described["Controls"]] == ["mute", "gain"]
        asked = {"Name": "Main", "Controls": [{"Name": "mute"}]}
        assert await ask("Component.Get", asked) == {"Name": "Main", "Controls": [muted]}
        put = {"Name": "Main", "Controls": [{"Name": "gain", "Value": -12.5}, {"Name": "mute", "Value": 0}]}
        assert await ask("Component.Set", put) is True
        assert (await ask("Control.Get", ["gain"]))[0]["String"] == "-12.5dB"
        # a group tells once what changed since it was asked last
        assert await ask("ChangeGroup.AddControl", {"Id": "g", "Controls": ["gain", "mute"]}) is True
        of_component = {"Name": "Main", "Controls": [{"Name": "mute"}]}
        assert await ask("ChangeGroup.AddComponentControl", {"Id": "g", "Component": of_component}) is True
        first = await ask("ChangeGroup.Poll", {"Id": "g"})
        assert [one["Name"] for one in first["Changes"]] == ["gain", "mute", "mute"]
        assert await ask("ChangeGroup.Poll", {"Id": "g"}) == {"Id": "g", "Changes": []}
        core.press_mute("mute")
        second = await ask("ChangeGroup.Poll", {"Id": "g"})
        assert second["Changes"] == [muted, {"Component": "Main", **muted}]
        assert await ask("ChangeGroup.Invalidate", {"Id": "g"}) is True
        assert len((await ask("ChangeGroup.Poll", {"Id": "g"}))["Changes"]) == 3
        assert await ask("ChangeGroup.Remove", {"Id": "g", "Controls": ["gain"]}) is True
        assert await ask("ChangeGroup.AutoPoll", {"Id": "g", "Rate": 0.1}) is True
        core.move_fader("gain", -3)
        core.press_mute("mute")
        pushed = await heard()
        assert (pushed["method"], len(pushed["params"]["Changes"])) == ("ChangeGroup.Poll", 2)
        assert await ask("ChangeGroup.Clear", {"Id": "g"}) is True
        assert await ask("ChangeGroup.Destroy", {"Id": "g"}) is True
        for fault, method, params in (
            (6, "ChangeGroup.Poll", {"Id": "g"}),
            (7, "Component.Get", {"Name": "Nobody", "Controls": []}),
            (8, "Component.Get", {"Name": "Main", "Controls": [{"Name": ["gain"]}]}),
            (8, "Control.Set", {"Name": "nothing", "Value": 1}),
            (-32602, "Control.Set", {"Name": "gain", "Value": "loud"}),
            (-32602, "Control.Get", "gain"),
            (-32601, "Mixer.Nothing", {}),
            (-32600, 5, {}),
        ):
            assert await ask(method, params) == fault
        for number in "abcd":
            assert await ask("ChangeGroup.AddControl", {"Id": number, "Controls": ["gain"]}) is True
        assert await ask("ChangeGroup.AddControl", {"Id": "e", "Controls": ["gain"]}) == 5
        core.patient_seconds = 0.05  # a minute, really: whoever says nothing is hung up on
        assert await ask("StatusGet", 0)
        assert await reader.read() == b""
        writer.close()
