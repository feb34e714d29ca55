"""An ONVIF camera that is not there: device, media and PTZ services.

It moves with a finite speed. Log-ins are checked as a device does: digest, a moment near its own clock, no
nonce twice. Knobs beyond the acts: ``speed`` (range each second), ``old`` (no GetServices),
``tells_positions`` (of presets), ``heard`` (names of every question).
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from avctl.config import Device
from avctl.errors import ProtocolError
from drivers.onvif import ENTRY, Options
from drivers.onvif.soap import DIGEST, SPACES, digest, element, envelope, find, parse, text_of
from drivers.sim.http import HttpSimulator
from drivers.sim.server import act

Position = tuple[float, float, float]
LOW, HIGH = (-1.0, -1.0, 0.0), (1.0, 1.0, 1.0)
FRESH = timedelta(seconds=30)
PROFILE, NODE, CONFIGURATION = "profile_1", "node_1", "ptz_1"
OPEN = ("GetSystemDateAndTime", "GetServices", "GetCapabilities")
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "NotAuthorized": (400, "s:Sender", "The action requested requires authorization"),
    "NoToken": (400, "s:Sender", "The requested preset token does not exist"),
    "NoProfile": (400, "s:Sender", "The requested profile token does not exist"),
    "ActionNotSupported": (500, "s:Receiver", "Optional action not implemented"),
    "Action": (500, "s:Receiver", "The device says no"),
}


class Refused(Exception):
    """A fault to answer with."""


class OnvifSimulator(HttpSimulator):
    """The camera."""

    title = "PTZ camera"
    port = 80

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = Options.model_validate(device.options)
        self.speed = 1.0
        self.old = False
        self.tells_positions = True
        self.presets: dict[str, tuple[str, Position]] = {
            str(number): (str(number), (number / 40 - 0.9, number / 80 - 0.3, number / 100))
            for number in range(21)
        }
        self.heard: list[str] = []
        self._skew = timedelta(0)
        self._nonces: set[bytes] = set()
        self._start: Position = (0.0, 0.0, 0.0)
        self._end: Position = self._start
        self._began = 0.0
        self._seconds = 0.0

    @property
    def position(self) -> Position:
        """Where it looks now: pan, tilt, zoom."""
        passed = asyncio.get_running_loop().time() - self._began
        part = 1.0 if passed >= self._seconds else passed / self._seconds
        pan, tilt, zoom = (a + (b - a) * part for a, b in zip(self._start, self._end, strict=True))
        return pan, tilt, zoom

    @property
    def moving(self) -> bool:
        """Whether it is between two positions."""
        return asyncio.get_running_loop().time() < self._began + self._seconds

    @act
    def joystick(self, pan: float = 0, tilt: float = 0, zoom: float = 0) -> None:
        """Move it by hand, by so much, at once."""
        now = self.position
        self._go((now[0] + pan, now[1] + tilt, now[2] + zoom), at_once=True)

    @act
    def set_clock(self, seconds: float) -> None:
        """Set its clock so many seconds ahead of the true one."""
        self._skew = timedelta(seconds=seconds)

    def state(self) -> Mapping[str, Any]:
        pan, tilt, zoom = (round(value, 4) for value in self.position)
        return {**super().state(), "pan": pan, "tilt": tilt, "zoom": zoom, "moving": self.moving}

    # --- HTTP ------------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        return [Route("/onvif/{service}", self._post, methods=["POST"])]

    async def _post(self, request: Request) -> Response:
        status, said = self._answer(await request.body())
        return Response(said, status, media_type="application/soap+xml; charset=utf-8")

    def _answer(self, body: bytes) -> tuple[int, bytes]:
        try:
            whole = parse(body)
        except ProtocolError:
            return 400, b""
        question = whole.find("s:Body", dict(SPACES))
        if question is None or not len(question):
            return 400, b""
        asked = question[0].tag.rpartition("}")[2]
        self.heard.append(asked)
        try:
            if asked not in OPEN:
                self._check(whole)
            return 200, envelope(element(*_response(question[0]), *self._do(asked, question[0])))
        except Refused as refusal:
            return _fault(str(refusal))

    def _check(self, whole: Element) -> None:
        """Whether whoever asks may: the digest, a moment that is now, and a nonce that is new."""
        if not self.options.user:
            return
        token = find(whole, "s:Header/wsse:Security/wsse:UsernameToken")
        if token is None:
            raise Refused("NotAuthorized")
        nonce, created = b64decode(text_of(token, "wsse:Nonce")), text_of(token, "wsu:Created")
        password = find(token, "wsse:Password")
        wanted = digest(nonce, created, self.options.password.get_secret_value())
        moment = datetime.fromisoformat(created)
        if (
            password is None
            or password.get("Type") != DIGEST
            or (text_of(token, "wsse:Username"), (password.text or "").strip()) != (self.options.user, wanted)
            or abs(datetime.now(UTC) + self._skew - moment) > FRESH
            or nonce in self._nonces
        ):
            raise Refused("NotAuthorized")
        self._nonces.add(nonce)

    # --- what it does ------------------------------------------------------------------------------------

    def _do(self, asked: str, question: Element) -> list[Element]:
        acts: Mapping[str, Callable[[Element], list[Element]]] = {
            "GetSystemDateAndTime": self._date,
            "GetServices": self._services,
            "GetCapabilities": self._capabilities,
            "GetDeviceInformation": self._information,
            "GetProfiles": self._profiles,
            "GetPresets": self._get_presets,
            "GotoPreset": self._goto,
            "SetPreset": self._set_preset,
            "RemovePreset": self._remove,
            "GetStatus": self._status,
            "ContinuousMove": self._continuous,
            "AbsoluteMove": self._absolute,
            "Stop": self._halt,
        }
        if asked not in acts or (self.old and asked == "GetServices"):
            raise Refused("ActionNotSupported")
        moves = ("GotoPreset", "SetPreset", "RemovePreset", "ContinuousMove", "AbsoluteMove", "Stop")
        if self.refusing and asked in moves:
            raise Refused("Action")
        if (
            question.tag.startswith(f"{{{SPACES['tptz']}}}")
            and text_of(question, "tptz:ProfileToken") != PROFILE
        ):
            raise Refused("NoProfile")
        return acts[asked](question)

    def _date(self, question: Element) -> list[Element]:
        moment = datetime.now(UTC) + self._skew
        time = (("Hour", moment.hour), ("Minute", moment.minute), ("Second", moment.second))
        date = (("Year", moment.year), ("Month", moment.month), ("Day", moment.day))
        return [
            element(
                "tds:SystemDateAndTime",
                element("tt:DateTimeType", text="Manual"),
                element("tt:DaylightSavings", text="false"),
                element(
                    "tt:UTCDateTime",
                    element("tt:Time", *(element(f"tt:{unit}", text=str(value)) for unit, value in time)),
                    element("tt:Date", *(element(f"tt:{unit}", text=str(value)) for unit, value in date)),
                ),
            )
        ]

    def _at(self, path: str) -> str:
        return f"http://{self.host}:{self.bound}{path}"

    def _services(self, question: Element) -> list[Element]:
        paths = (("tds", ENTRY), ("trt", "/onvif/media_service"), ("tptz", "/onvif/ptz_service"))
        version = (("Major", "2"), ("Minor", "60"))
        return [
            element(
                "tds:Service",
                element("tds:Namespace", text=SPACES[space]),
                element("tds:XAddr", text=self._at(path)),
                element("tds:Version", *(element(f"tt:{part}", text=value) for part, value in version)),
            )
            for space, path in paths
        ]

    def _capabilities(self, question: Element) -> list[Element]:
        media, ptz = self._at("/onvif/media_service"), self._at("/onvif/ptz_service")
        streaming = element("tt:StreamingCapabilities")
        return [
            element(
                "tds:Capabilities",
                element("tt:Device", element("tt:XAddr", text=self._at(ENTRY))),
                element("tt:Media", element("tt:XAddr", text=media), streaming),
                element("tt:PTZ", element("tt:XAddr", text=ptz)),
            )
        ]

    def _information(self, question: Element) -> list[Element]:
        told = {
            "Manufacturer": "Simulated",
            "Model": "PTZ-1",
            "FirmwareVersion": "1.0",
            "SerialNumber": "1",
            "HardwareId": "1",
        }
        return [element(f"tds:{word}", text=value) for word, value in told.items()]

    def _profiles(self, question: Element) -> list[Element]:
        bounds = element("tt:Bounds", x="0", y="0", width="1920", height="1080")
        source = element(
            "tt:VideoSourceConfiguration",
            element("tt:Name", text="source"),
            element("tt:UseCount", text="1"),
            element("tt:SourceToken", text="video_1"),
            bounds,
            token="source_1",
        )
        ptz = element(
            "tt:PTZConfiguration",
            element("tt:Name", text="ptz"),
            element("tt:UseCount", text="1"),
            element("tt:NodeToken", text=NODE),
            token=CONFIGURATION,
        )
        fixed = element("trt:Profiles", element("tt:Name", text="sound"), token="profile_0", fixed="true")
        moved = element(
            "trt:Profiles", element("tt:Name", text="main"), source, ptz, token=PROFILE, fixed="true"
        )
        return [fixed, moved]

    def _get_presets(self, question: Element) -> list[Element]:
        return [
            element(
                "tptz:Preset",
                element("tt:Name", text=named),
                *([_place("tt:PTZPosition", place)] if self.tells_positions else []),
                token=token,
            )
            for token, (named, place) in self.presets.items()
        ]

    def _goto(self, question: Element) -> list[Element]:
        self._go(self.presets[self._token(question)][1])
        return []

    def _set_preset(self, question: Element) -> list[Element]:
        token = text_of(question, "tptz:PresetToken")
        if token and token not in self.presets:
            raise Refused("NoToken")
        token = token or f"Preset{len(self.presets) + 1}"
        self.presets[token] = (text_of(question, "tptz:PresetName") or token, self.position)
        return [element("tptz:PresetToken", text=token)]

    def _remove(self, question: Element) -> list[Element]:
        del self.presets[self._token(question)]
        return []

    def _token(self, question: Element) -> str:
        token = text_of(question, "tptz:PresetToken")
        if token not in self.presets:
            raise Refused("NoToken")
        return token

    def _status(self, question: Element) -> list[Element]:
        word = "MOVING" if self.moving else "IDLE"
        moves = element("tt:MoveStatus", *(element(f"tt:{axis}", text=word) for axis in ("PanTilt", "Zoom")))
        moment = (datetime.now(UTC) + self._skew).strftime("%Y-%m-%dT%H:%M:%SZ")
        time = element("tt:UtcTime", text=moment)
        return [element("tptz:PTZStatus", _place("tt:Position", self.position), moves, time)]

    def _continuous(self, question: Element) -> list[Element]:
        now = self.position
        velocity = find(question, "tptz:Velocity")
        wanted = _vector(velocity, now) if velocity is not None else now
        speeds = [
            wanted[at] if velocity is not None and find(velocity, f"tt:{axis}") is not None else 0.0
            for at, axis in enumerate(("PanTilt", "PanTilt", "Zoom"))
        ]
        seconds = 60.0
        for at, speed in enumerate(speeds):
            if speed:
                seconds = min(seconds, ((HIGH if speed > 0 else LOW)[at] - now[at]) / (speed * self.speed))
        end = [place + speed * self.speed * seconds for place, speed in zip(now, speeds, strict=True)]
        self._set(now, (end[0], end[1], end[2]), seconds if any(speeds) else 0.0)
        return []

    def _absolute(self, question: Element) -> list[Element]:
        place = find(question, "tptz:Position")
        if place is not None:
            self._go(_vector(place, self.position))
        return []

    def _halt(self, question: Element) -> list[Element]:
        self._go(self.position, at_once=True)
        return []

    def _go(self, wanted: Position, *, at_once: bool = False) -> None:
        now = self.position
        kept = [min(max(value, low), high) for value, low, high in zip(wanted, LOW, HIGH, strict=True)]
        farthest = max(abs(a - b) for a, b in zip(now, kept, strict=True))
        self._set(now, (kept[0], kept[1], kept[2]), 0.0 if at_once else farthest / self.speed)

    def _set(self, start: Position, end: Position, seconds: float) -> None:
        self._start, self._end, self._seconds = start, end, seconds
        self._began = asyncio.get_running_loop().time()


def _response(question: Element) -> tuple[str]:
    space, _, asked = question.tag[1:].partition("}")
    short = next((short for short, known in SPACES.items() if known == space), "tds")
    return (f"{short}:{asked}Response",)


def _place(tag: str, place: Position) -> Element:
    pan, tilt, zoom = (f"{value:.5f}" for value in place)
    return element(tag, element("tt:PanTilt", x=pan, y=tilt), element("tt:Zoom", x=zoom))


def _vector(place: Element, now: Position) -> Position:
    pan_tilt, zoom = find(place, "tt:PanTilt"), find(place, "tt:Zoom")
    pan = float(pan_tilt.get("x", "0")) if pan_tilt is not None else now[0]
    tilt = float(pan_tilt.get("y", "0")) if pan_tilt is not None else now[1]
    return pan, tilt, float(zoom.get("x", "0")) if zoom is not None else now[2]


def _fault(word: str) -> tuple[int, bytes]:
    status, code, said = ERRORS[word]
    reason = element("s:Text", text=said)
    reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    subcode = element("s:Subcode", element("s:Value", text=f"ter:{word}"))
    body = element(
        "s:Fault", element("s:Code", element("s:Value", text=code), subcode), element("s:Reason", reason)
    )
    # The code is a name with a prefix, in a text: only that keeps the prefix from being declared.
    declared = f'<s:Envelope xmlns:ter="{SPACES["ter"]}" '
    return status, envelope(body).replace(b"<s:Envelope ", declared.encode(), 1)


SIMULATOR = OnvifSimulator
