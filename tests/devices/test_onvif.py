"""ONVIF cameras: the specification's bytes, the driver on a simulated camera, and somebody else's client."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from onvif import ONVIFCamera
from zeep.exceptions import Fault

from avctl.capabilities import verbs_of
from avctl.config import Device
from avctl.errors import AuthRefused, BadArgument, LinkError, ProtocolError, Rejected, Unsupported
from avctl.events import Link
from drivers.onvif import Onvif
from drivers.onvif.soap import content, digest, element, envelope, find, parse, security, text_of
from drivers.sim.onvif import OnvifSimulator

USER = {"user": "avctl", "password": "таємниця 7"}
QUICK = {"poll": 0.05, "answer_seconds": 2, "settle_seconds": 0.2}


@pytest.fixture
def camera(device: Callable[..., Device]) -> Callable[..., OnvifSimulator]:
    """A quick camera that wants a log-in."""

    def make(**options: Any) -> OnvifSimulator:
        simulator = OnvifSimulator(device("onvif", **{**USER, **QUICK, **options}))
        simulator.speed = 20.0
        return simulator

    return make


# --- bytes -----------------------------------------------------------------------------------------

STATUS = b"""<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"
 xmlns:timg="http://www.onvif.org/ver20/imaging/wsdl" xmlns:p="http://www.onvif.org/ver20/ptz/wsdl"
 xmlns:a="http://www.onvif.org/ver10/schema"><SOAP-ENV:Header/><SOAP-ENV:Body><p:GetStatusResponse><p:PTZStatus>
<a:Position><a:PanTilt x="-0.125" y="0.5" space="http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace"/>
<a:Zoom x="0.25"/></a:Position><a:MoveStatus><a:PanTilt>IDLE</a:PanTilt><a:Zoom>IDLE</a:Zoom></a:MoveStatus>
</p:PTZStatus></p:GetStatusResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>"""

REFUSAL = b"""<soapenv:Envelope xmlns:soapenv="http://www.w3.org/2003/05/soap-envelope"
 xmlns:ter="http://www.onvif.org/ver10/error"><soapenv:Body><soapenv:Fault><soapenv:Code>
<soapenv:Value>soapenv:Sender</soapenv:Value><soapenv:Subcode><soapenv:Value>ter:InvalidArgVal</soapenv:Value>
<soapenv:Subcode><soapenv:Value>ter:NoToken</soapenv:Value></soapenv:Subcode></soapenv:Subcode></soapenv:Code>
<soapenv:Reason><soapenv:Text xml:lang="en">No such preset</soapenv:Text></soapenv:Reason>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>"""


def test_the_digest_of_the_specification() -> None:
    nonce = base64.b64decode("6eUtPQsWMVykZeywAqYX7A==")
    assert digest(nonce, "2024-05-01T10:00:00.000Z", "pass") == "4WVKjyMaBairwVnkGGIZi70ugEY="
    header = security("admin", "pass", nonce, datetime(2024, 5, 1, 10, tzinfo=UTC))
    whole = parse(envelope(element("tds:GetDeviceInformation"), header))
    token = find(whole, "s:Header/wsse:Security/wsse:UsernameToken")
    assert token is not None
    assert text_of(token, "wsse:Password") == "4WVKjyMaBairwVnkGGIZi70ugEY="
    assert text_of(token, "wsu:Created") == "2024-05-01T10:00:00.000Z"
    assert b"pass<" not in envelope(element("tds:GetDeviceInformation"), header)


def test_a_devices_own_prefixes_make_no_difference() -> None:
    status = find(content(STATUS), "tptz:PTZStatus")
    assert status is not None
    assert find(status, "tt:Position/tt:PanTilt").get("x") == "-0.125"
    assert text_of(status, "tt:MoveStatus/tt:Zoom") == "IDLE"


def test_a_fault_says_who_must_act() -> None:
    with pytest.raises(Rejected, match="No such preset") as refusal:
        content(REFUSAL)
    assert refusal.value.code == "NoToken"
    with pytest.raises(AuthRefused):
        content(REFUSAL.replace(b"ter:NoToken", b"ter:NotAuthorized"))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"<html><body>Not found</body></html>",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        STATUS[:-30],
        STATUS.replace(b"2003/05/soap-envelope", b"soap/envelope"),
        bytes(range(256)),
    ],
)
def test_what_is_no_soap_is_an_error(broken: bytes) -> None:
    with pytest.raises(ProtocolError):
        content(broken)


# --- the driver --------------------------------------------------------------------------------------


async def test_a_shot_is_reported_when_the_camera_has_arrived(camera, witness, served) -> None:
    head = camera()
    head.speed = 2.0
    async with head, served(Onvif, head) as driver:
        await witness.report(model="Simulated PTZ-1", preset=None, moving=False)
        assert driver.readings["presets"] == tuple(range(21))
        await driver.recall_preset(3)
        await witness.report(moving=True)
        assert driver.readings["preset"] is None
        await witness.report(preset=3, moving=False)
        assert driver.readings["pan"] == pytest.approx(head.presets["3"][1][0], abs=0.006)
        head.joystick(pan=0.1)
        await witness.report(preset=None)


async def test_a_camera_that_tells_no_positions_of_presets_has_arrived_when_it_rests(
    camera, witness, served
) -> None:
    head = camera()
    head.tells_positions = False
    async with head, served(Onvif, head) as driver:
        await driver.recall_preset(5)
        await witness.report(preset=5, moving=False)


async def test_each_verb(camera, witness, served) -> None:
    head = camera()
    head.speed = 0.2
    async with head, served(Onvif, head) as driver:
        await driver.drive(pan="right", tilt="down", speed=24)
        await witness.report(moving=True)
        await driver.drive()
        await witness.report(moving=False)
        pan, tilt, _ = head.position
        assert pan > 0 > tilt
        await driver.zoom("tele", speed=7)
        await witness.until(lambda: driver.readings["zoom"] > 0, "a longer lens")
        await driver.zoom("stop")
        await driver.store_preset(77)  # a new one, and then the same again
        stored = next(token for token, (name, _) in head.presets.items() if name == "77")
        assert head.presets[stored][1] == head.position
        head.joystick(pan=-0.5)
        await driver.store_preset(77)
        assert head.presets[stored][1] == head.position
        await driver.recall_preset(77)
        await witness.report(preset=77)
        assert "set_tally" not in verbs_of(driver)
        with pytest.raises(Unsupported):
            await driver.set_tally(on=True)
        for wrong in (driver.recall_preset(200), driver.drive(speed=25), driver.zoom("in")):
            with pytest.raises(BadArgument):
                await wrong


async def test_an_older_camera_tells_its_services_another_way(camera, witness, served) -> None:
    head = camera()
    head.old = True
    async with head, served(Onvif, head) as driver:
        await driver.recall_preset(2)
        await witness.report(preset=2)
        assert "GetCapabilities" in head.heard


async def test_a_refusal_bears_the_cameras_word(camera, witness, served) -> None:
    head = camera()
    async with head, served(Onvif, head) as driver:
        head.refuse()
        for verb in (driver.recall_preset(1), driver.store_preset(1), driver.drive(pan="left")):
            with pytest.raises(Rejected) as refusal:
                await verb
            assert refusal.value.code == "Action"
        head.refuse(False)
        del head.presets["4"]  # somebody removed it at the camera
        with pytest.raises(Rejected) as refusal:
            await driver.recall_preset(4)
        assert refusal.value.code == "NoToken"
        assert witness.links() == [Link.ONLINE]


async def test_a_wrong_secret_is_tried_once(camera, witness, served) -> None:
    head = camera()
    async with head, served(Onvif, head, online=False, password="wrong"):
        assert "refuses the account" in (await witness.link("refused")).reason
        asked = head.heard.count("GetDeviceInformation")
    assert asked == 1


@pytest.mark.parametrize("ahead", [-7200, 86_400])
async def test_a_camera_whose_clock_is_wrong_is_logged_in_to(camera, witness, served, ahead: int) -> None:
    head = camera()
    head.set_clock(ahead)
    async with head, served(Onvif, head) as driver:
        await driver.recall_preset(1)
        await witness.report(preset=1)
        head.set_clock(0)  # it has found its time server
        await driver.recall_preset(2)
        await witness.report(preset=2)
        assert witness.links() == [Link.ONLINE]


async def test_a_camera_without_accounts_is_asked_without_a_log_in(camera, witness, served) -> None:
    head = camera(user="", password="")
    async with head, served(Onvif, head) as driver:
        await driver.recall_preset(1)
        await witness.report(preset=1)


async def test_a_profile_that_is_not_there_is_said(camera, witness, served) -> None:
    head = camera()
    async with head, served(Onvif, head, online=False, profile="profile_0"):
        assert "those that can: profile_1" in (await witness.link("offline")).reason


async def test_a_power_cut_and_the_return(camera, witness, served) -> None:
    head = camera()
    async with head, served(Onvif, head) as driver:
        await head.unplug()
        await witness.link("offline")
        with pytest.raises(LinkError):
            await driver.recall_preset(1)
        await head.plug()
        await witness.link("online")
        await driver.recall_preset(1)
        await witness.report(preset=1)


@pytest.mark.parametrize("fault", ["mute", "garble"])
async def test_silence_and_nonsense_end_the_link(camera, witness, served, fault: str) -> None:
    head = camera()
    async with head, served(Onvif, head, answer_seconds=0.2):
        getattr(head, fault)()
        await witness.link("offline")
        getattr(head, fault)(False)
        await witness.link("online")


async def test_no_secret_is_in_the_log(camera, served, witness, caplog) -> None:
    caplog.set_level("DEBUG")
    head = camera()
    async with head, served(Onvif, head) as driver:
        await driver.recall_preset(1)
        await witness.report(preset=1)
    assert "GotoPreset" in caplog.text
    assert "таємниця" not in caplog.text
    assert "Nonce" not in caplog.text


# --- somebody else's client ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_independent_client_uses_the_camera_for_a_whole_meeting(camera) -> None:
    head = camera()
    head.set_clock(3600)
    async with head:
        client = ONVIFCamera(head.host, head.bound, USER["user"], USER["password"], adjust_time=True)
        try:
            await client.update_xaddrs()
            told = await (await client.create_devicemgmt_service()).GetDeviceInformation()
            assert (told.Manufacturer, told.Model) == ("Simulated", "PTZ-1")
            profiles = await (await client.create_media_service()).GetProfiles()
            profile = next(one.token for one in profiles if one.PTZConfiguration is not None)
            ptz = await client.create_ptz_service()
            presets = await ptz.GetPresets({"ProfileToken": profile})
            assert [one.token for one in presets][:3] == ["0", "1", "2"]

            async def arrived() -> Any:
                while (status := await ptz.GetStatus({"ProfileToken": profile})).MoveStatus.PanTilt != "IDLE":
                    await asyncio.sleep(0)
                return status.Position

            await ptz.GotoPreset({"ProfileToken": profile, "PresetToken": "3"})
            place = await arrived()
            assert place.PanTilt.x == pytest.approx(head.presets["3"][1][0], abs=1e-4)
            await ptz.AbsoluteMove(
                {
                    "ProfileToken": profile,
                    "Position": {"PanTilt": {"x": 0.5, "y": -0.25}, "Zoom": {"x": 0.75}},
                }
            )
            await arrived()
            assert head.position == pytest.approx((0.5, -0.25, 0.75))
            stored = await ptz.SetPreset({"ProfileToken": profile, "PresetName": "Трибуна"})
            assert head.presets[stored][0] == "Трибуна"
            await ptz.ContinuousMove({"ProfileToken": profile, "Velocity": {"PanTilt": {"x": -0.1, "y": 0}}})
            await ptz.Stop({"ProfileToken": profile, "PanTilt": True, "Zoom": True})
            assert head.position[0] < 0.5
            with pytest.raises(Fault, match="preset token does not exist"):
                await ptz.GotoPreset({"ProfileToken": profile, "PresetToken": "nowhere"})
        finally:
            await client.close()
        stranger = ONVIFCamera(head.host, head.bound, "avctl", "wrong", adjust_time=True)
        try:
            await stranger.update_xaddrs()
            with pytest.raises(Fault, match="authorization"):
                await (await stranger.create_devicemgmt_service()).GetDeviceInformation()
        finally:
            await stranger.close()
