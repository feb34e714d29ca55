"""PTZ cameras over ONVIF: SOAP 1.2 posts, PTZ service ver20 (sources: ONVIF Core and PTZ specifications).

A preset's number is its name, if that is a number, else its token. The camera never speaks unasked: it is
polled, faster while it moves. Its clock is asked first: a log-in is only good for its own present moment.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from avctl.capabilities import Camera, lacking
from avctl.driver import Driver
from avctl.errors import AuthRefused, BadArgument, LinkError, ProtocolError, Rejected
from avctl.http import Http, http
from drivers.onvif.soap import SPACES, content, element, envelope, find, security, text_of

ENTRY = "/onvif/device_service"
SERVICES: Mapping[str, str] = {"trt": "Media", "tptz": "PTZ"}  # as GetCapabilities names them
PAN: Mapping[str, int] = {"left": -1, "right": 1, "stop": 0}
TILT: Mapping[str, int] = {"down": -1, "up": 1, "stop": 0}
ZOOM: Mapping[str, int] = {"wide": -1, "tele": 1, "stop": 0}
FASTEST = 24
NEAR = 0.005  # of a range of 2: a camera at rest may seem to move, and comes back not quite to its shot
MOVING_POLL = 0.2
DRIFT = timedelta(seconds=2)  # a clock that has moved on by more explains a refused log-in

Position = tuple[float, ...]


class Options(BaseModel):
    """What an ONVIF camera can be told in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field("", description="Account on the camera; empty: it wants none.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    profile: str = Field("", description="Token of the media profile; empty: the first that can be moved.")
    poll: float = Field(1, gt=0, le=60, description="Seconds between two looks at a camera at rest.")
    answer_seconds: float = Field(3, gt=0, le=30, description="Silence after which a question is lost.")
    recall_seconds: float = Field(15, gt=0, le=60, description="Seconds after which a recall is given up.")
    settle_seconds: float = Field(
        1, gt=0, le=10, description="Rest after which a camera whose shot has no known position has arrived."
    )


class _Recall:
    """A shot on its way."""

    def __init__(self, preset: int, goal: Position, begun: float) -> None:
        self.preset, self.goal, self.begun = preset, goal, begun


class Onvif(Driver, Camera):
    """A pan-tilt-zoom camera; also reports model and presets. Positions are -1 to 1, zoom is 0 to 1."""

    title = "PTZ camera (ONVIF)"
    port = 80
    Options = Options

    _http: Http | None = None
    _profile = ""
    _tokens: Mapping[int, str] = {}  # what the camera had when it was last asked
    _goals: Mapping[str, Position] = {}

    async def serve(self) -> None:
        """Log in, find what can be moved, and poll it until it fails to answer."""
        self._offset = timedelta(0)
        self._paths: dict[str, str] = {"tds": ENTRY}
        self._recall: _Recall | None = None
        self._there: Position = ()
        self._position: Position = ()
        self._rests_since = 0.0
        self._news = asyncio.Event()
        port = int(self.device.port or self.port)
        options = self.options
        login = (options.user, options.password.get_secret_value()) if options.user else None
        async with http(self.device.host, port, self.log, login=login) as self._http:
            try:
                await self._meet()
                while True:
                    self._news.clear()
                    await self._look()
                    self.online()
                    busy = self._recall is not None or self.readings.get("moving")
                    await self.rest(min(options.poll, MOVING_POLL) if busy else options.poll, self._news)
            finally:
                self._http = None

    async def recall_preset(self, preset: int) -> None:
        if self._http is None:
            raise LinkError("the camera is not connected")
        token = self._token(preset)
        goal = self._goals.get(token, ())
        recall = self._recall = _Recall(preset, goal, asyncio.get_running_loop().time())
        taken = False
        try:
            await self._ptz("GotoPreset", element("tptz:PresetToken", text=token))
            taken = True
        finally:  # one that was refused, or given up, is waited for no more
            if not taken and self._recall is recall:
                self._recall = None
        if self._recall is recall:
            self.report(preset=None, moving=True)
        self._news.set()

    async def store_preset(self, preset: int) -> None:
        if preset < 0:
            raise BadArgument("preset", f"a number from 0 (got {preset})")
        parts = [element("tptz:PresetName", text=str(preset))]
        if preset in self._tokens:
            parts.append(element("tptz:PresetToken", text=self._tokens[preset]))
        await self._ptz("SetPreset", *parts)
        await self._learn_presets()

    async def drive(
        self,
        pan: Literal["left", "right", "stop"] = "stop",
        tilt: Literal["up", "down", "stop"] = "stop",
        speed: int = 8,
    ) -> None:
        if not 1 <= speed <= FASTEST:
            raise BadArgument("speed", f"a number from 1 to {FASTEST} (got {speed})")
        x, y = _one_of("pan", pan, PAN), _one_of("tilt", tilt, TILT)
        if x or y:
            fast = speed / FASTEST
            await self._move(element("tt:PanTilt", x=f"{x * fast:.4f}", y=f"{y * fast:.4f}"))
        else:
            await self._stop(pan_tilt=True)

    async def zoom(self, direction: Literal["tele", "wide", "stop"], speed: int = 3) -> None:
        if not 0 <= speed <= 7:
            raise BadArgument("speed", f"a number from 0 to 7 (got {speed})")
        way = _one_of("direction", direction, ZOOM)
        if way:
            await self._move(element("tt:Zoom", x=f"{way * (speed + 1) / 8:.4f}"))
        else:
            await self._stop(pan_tilt=False)

    set_tally = lacking("ONVIF knows no on-air lamp")

    # --- meeting the camera ----------------------------------------------------------------------------

    async def _meet(self) -> None:
        self._offset = await self._clock()
        try:
            for one in await self._ask(
                "tds", element("tds:GetServices", _flag("tds:IncludeCapability", False))
            ):
                space, path = text_of(one, "tds:Namespace"), urlsplit(text_of(one, "tds:XAddr")).path
                self._paths.update({short: path for short, known in SPACES.items() if known == space})
        except Rejected:  # an older device
            answer = await self._ask(
                "tds", element("tds:GetCapabilities", element("tds:Category", text="All"))
            )
            for short, named in SERVICES.items():
                address = text_of(answer, f"tds:Capabilities/tt:{named}/tt:XAddr")
                self._paths[short] = urlsplit(address).path
        missing = [named for short, named in SERVICES.items() if not self._paths.get(short)]
        if missing:
            raise LinkError(f"the camera has no {' and no '.join(missing)} service")
        told = await self._ask("tds", element("tds:GetDeviceInformation"))
        self.report(model=f"{text_of(told, 'tds:Manufacturer')} {text_of(told, 'tds:Model')}".strip())
        self._profile = await self._find_profile()
        await self._learn_presets()

    async def _clock(self) -> timedelta:
        """How far the camera's clock is ahead of ours; asked without a log-in, as the specification says."""
        question = element("tds:GetSystemDateAndTime")
        try:
            answer = await self._post("tds", question, None)
        except AuthRefused:  # some want one all the same
            answer = await self._post("tds", question, self._header())
        utc = find(answer, "tds:SystemDateAndTime/tt:UTCDateTime")
        if utc is None:
            return timedelta(0)
        parts = (
            "Date/tt:Year",
            "Date/tt:Month",
            "Date/tt:Day",
            "Time/tt:Hour",
            "Time/tt:Minute",
            "Time/tt:Second",
        )
        try:
            year, month, day, hour, minute, second = (int(text_of(utc, f"tt:{part}")) for part in parts)
            theirs = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        except ValueError as fault:
            raise ProtocolError("the camera's clock shows no time") from fault
        return theirs - datetime.now(UTC)

    async def _find_profile(self) -> str:
        found = list(await self._ask("trt", element("trt:GetProfiles")))
        moved = [one.get("token", "") for one in found if find(one, "tt:PTZConfiguration") is not None]
        wanted = self.options.profile
        if not moved or (wanted and wanted not in moved):
            known = ", ".join(moved) or "none"
            raise LinkError(f"no profile {wanted or 'that can be moved'}; those that can: {known}")
        return wanted or moved[0]

    async def _learn_presets(self) -> None:
        tokens: dict[int, str] = {}
        goals: dict[str, Position] = {}
        for one in await self._ptz("GetPresets"):
            token, named = one.get("token", ""), text_of(one, "tt:Name")
            number = named if named.isdecimal() else token
            if token and number.isdecimal():
                tokens.setdefault(int(number), token)
            if (place := find(one, "tt:PTZPosition")) is not None:
                goals[token] = _position(place)
        self._tokens, self._goals = tokens, goals
        self.report(presets=tuple(sorted(self._tokens)))

    # --- looking ---------------------------------------------------------------------------------------

    async def _look(self) -> None:
        recall, now = self._recall, asyncio.get_running_loop().time()
        status = find(await self._ptz("GetStatus"), "tptz:PTZStatus")
        if status is None:
            raise ProtocolError("a status without a status")
        place = find(status, "tt:Position")
        position = _position(place) if place is not None else self._position
        still = _near(position, self._position)
        if not still:
            self._rests_since = now
        self._position = position
        words = {text_of(status, f"tt:MoveStatus/tt:{axis}").upper() for axis in ("PanTilt", "Zoom")}
        moving = "MOVING" in words or not still
        if position:
            self.report(**dict(zip(("pan", "tilt", "zoom"), position, strict=False)))
        if self.readings.get("preset") is None or not _near(position, self._there):
            self.report(preset=None)  # never recalled, or moved by hand since
        if recall is not None and recall is self._recall:
            rested = not moving and now - max(recall.begun, self._rests_since) >= self.options.settle_seconds
            arrived = not moving and _near(position, recall.goal)
            if arrived or (rested and not recall.goal):
                self._recall, self._there, moving = None, position, False
                self.report(preset=recall.preset)
            elif now - recall.begun >= self.options.recall_seconds:
                self._recall = None
        self.report(moving=moving or self._recall is not None)

    # --- asking ----------------------------------------------------------------------------------------

    def _token(self, preset: int) -> str:
        if preset not in self._tokens:
            known = ", ".join(str(number) for number in sorted(self._tokens)) or "it has none"
            raise BadArgument("preset", f"one that the camera has: {known} (got {preset})")
        return self._tokens[preset]

    async def _move(self, velocity: Element) -> None:
        self._recall = None
        await self._ptz("ContinuousMove", element("tptz:Velocity", velocity))
        self._news.set()

    async def _stop(self, *, pan_tilt: bool) -> None:
        self._recall = None
        await self._ptz("Stop", _flag("tptz:PanTilt", pan_tilt), _flag("tptz:Zoom", not pan_tilt))
        self._news.set()

    async def _ptz(self, act: str, *parts: Element) -> Element:
        if self._http is None:
            raise LinkError("the camera is not connected")
        profile = element("tptz:ProfileToken", text=self._profile)
        return await self._ask("tptz", element(f"tptz:{act}", profile, *parts))

    async def _ask(self, service: str, question: Element) -> Element:
        """Ask as the configured account; a refusal stands unless the camera's clock was set meanwhile."""
        used = self._offset
        try:
            return await self._post(service, question, self._header())
        except AuthRefused:
            if abs(self._offset - used) < DRIFT:  # no other question has found that out already
                self._offset = await self._clock()
            if abs(self._offset - used) < DRIFT:
                raise
        return await self._post(service, question, self._header())

    def _header(self) -> Element | None:
        options = self.options
        if not options.user:
            return None
        moment, secret = datetime.now(UTC) + self._offset, options.password.get_secret_value()
        return security(options.user, secret, secrets.token_bytes(16), moment)

    async def _post(self, service: str, question: Element, header: Element | None) -> Element:
        if self._http is None:
            raise LinkError("the camera is not connected")
        space, _, act = question.tag[1:].partition("}")
        kind = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{space}/{act}"'}
        body, seconds = envelope(question, header), self.options.answer_seconds
        told = await self._http.ask("POST", self._paths[service], seconds, body, kind, shown=act)
        if told.status == 401:
            raise AuthRefused("the camera refuses the account")
        answer = content(told.data)
        if not told.ok or answer.tag != name_of_answer(question):
            raise ProtocolError(f"an answer to {act} that is none: {told.status} {answer.tag}")
        return answer


def name_of_answer(question: Element) -> str:
    """What the answer to a question is called."""
    return f"{question.tag}Response"


def _flag(tag: str, on: bool) -> Element:
    return element(tag, text="true" if on else "false")


def _position(place: Element) -> Position:
    """Pan, tilt and zoom, as far as they are told; empty when they are not."""
    told = [
        (one, axis)
        for one, axes in ((find(place, "tt:PanTilt"), "xy"), (find(place, "tt:Zoom"), "x"))
        if one is not None
        for axis in axes
    ]
    try:
        return tuple(round(float(one.get(axis, "")), 4) for one, axis in told)
    except ValueError as fault:
        raise ProtocolError("a position that is no number") from fault


def _near(one: Position, other: Position) -> bool:
    return len(one) == len(other) > 0 and all(abs(a - b) <= NEAR for a, b in zip(one, other, strict=True))


def _one_of(field: str, value: str, ways: Mapping[str, int]) -> int:
    if value not in ways:
        raise BadArgument(field, f"one of {', '.join(ways)} (got {value!r})")
    return ways[value]


DRIVER = Onvif
