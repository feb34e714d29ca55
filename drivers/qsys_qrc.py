"""QSC Q-SYS cores over QRC, on TCP 1710 (source: Q-SYS help; Companion, pyqsys).

JSON-RPC 2.0, each message ends with a zero byte. On connect, and when it changes, the core pushes
``EngineStatus``; a change group pushes what its controls become. It hangs up after 60 s of silence. Controls
have the names that the designer of the hall exported: the options say which channel has which.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from avctl.capabilities import Mixing, lacking
from avctl.errors import AuthRefused, BadArgument, ProtocolError, Rejected
from drivers.polled import Codec, Polled
from drivers.polled import Options as PolledOptions

LONGEST = 2**20
GROUP = "avctl"
SILENCE_DB = -90.0
STANDBY, UNKNOWN_CONTROL, LOGON_REQUIRED = -32604, 8, 10


def encode(message: Mapping[str, Any]) -> bytes:
    """The bytes of a message."""
    return json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode() + b"\0"


class Messages:
    """Messages out of bytes that come in any portions."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages complete so far; ProtocolError for what cannot be one."""
        *texts, self._kept = (self._kept + data).split(b"\0")
        if len(self._kept) > LONGEST:
            self._kept = b""
            raise ProtocolError("these are not messages of a core")
        for text in texts:
            try:
                message = json.loads(text)
            except (ValueError, RecursionError) as fault:
                raise ProtocolError(f"not JSON: {text[:80]!r}") from fault
            if not isinstance(message, dict):
                raise ProtocolError(f"not a message: {text[:80]!r}")
            yield message


class Channel(BaseModel):
    """The controls of a channel, by the names that the design gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", description="Name people know it by.")
    mute: str = Field("", description="Named control that mutes it; empty: none.")
    level: str = Field("", description="Named control of its level in dB; empty: none.")


class Options(PolledOptions):
    """What a Q-SYS core can be told in the configuration."""

    channels: tuple[Channel, ...] = Field((), description="Controls of each channel, from channel 1.")
    main: Channel = Field(Channel(), description="Controls of the main output, which is channel 0.")
    user: str = Field("", description="User of the core's access management; empty: none is wanted.")
    password: SecretStr = Field(SecretStr(""), description="PIN or password of that user.")
    poll: float = Field(10, gt=0, le=30, description="Seconds between two looks; it hangs up after 60 s.")


class QsysQrc(Polled[dict[str, Any]], Mixing):
    """A core; also reports state (Active, Standby, Idle), design, platform and fault."""

    title = "DSP (QSC Q-SYS)"
    port = 1710
    Options = Options

    recall_scene = lacking("a design has snapshots of its own and does not tell which one is loaded")

    def codec(self) -> Codec[dict[str, Any]]:
        self._numbers = count(1)
        self._strips: dict[str, dict[str, Any]] = {}
        return Messages()

    async def begin(self) -> None:
        if self.options.user:
            password = self.options.password.get_secret_value()
            try:
                await self._say("Logon", {"User": self.options.user, "Password": password})
            except Rejected as refusal:
                raise AuthRefused(f"the core refuses the log-in: {refusal}") from refusal
        for number, channel in self._channels():
            self._strips[number] = {"name": channel.name or number, "muted": None, "level": None}
        self.report(fault="", channels={number: dict(strip) for number, strip in self._strips.items()})
        if names := self._names():
            try:
                await self._say("ChangeGroup.AddControl", {"Id": GROUP, "Controls": names})
                await self._say("ChangeGroup.AutoPoll", {"Id": GROUP, "Rate": 0.2})
            except Rejected as refusal:  # then it is only looked at
                self.report(fault=str(refusal))

    def shown(self, request: bytes) -> str:
        return "Logon (password)" if b'"Logon"' in request else ""

    def screen(self, answer: dict[str, Any]) -> None:
        error = answer.get("error")
        if isinstance(error, Mapping) and error.get("code") == LOGON_REQUIRED:
            raise AuthRefused("the core wants a log-in")

    def unasked(self, answer: dict[str, Any]) -> None:
        parameters = answer.get("params")
        match answer.get("method"):
            case "EngineStatus" if isinstance(parameters, Mapping):
                self._status(parameters)
            case "ChangeGroup.Poll" if isinstance(parameters, Mapping):
                self._fold(parameters.get("Changes"))
            case None:
                super().unasked(answer)

    async def _say(self, method: str, parameters: object) -> Any:
        """The result; Rejected when the core says no."""
        number = next(self._numbers)
        message = {"method": method, "params": parameters, "id": number}
        # An error may come without the id of what it is about: one question is under way at a time.
        said = await self.ask(
            encode(message),
            fits=lambda one: "method" not in one and one.get("id") in (number, None),
        )
        error = said.get("error")
        if isinstance(error, Mapping):
            code = error.get("code")
            reason = "it is on standby" if code == STANDBY else str(error.get("message", "an error"))
            raise Rejected(f"the core refuses: {reason}", str(code))
        return said.get("result")

    # --- channels ----------------------------------------------------------------------------------------

    def _channels(self) -> Iterator[tuple[str, Channel]]:
        if self.options.main != Channel():
            yield "0", self.options.main
        for number, channel in enumerate(self.options.channels, 1):
            yield str(number), channel

    def _names(self) -> list[str]:
        return [name for _, channel in self._channels() for name in (channel.mute, channel.level) if name]

    def _control(self, channel: int | str, kind: str) -> str:
        found = dict(self._channels()).get(str(channel))
        name = getattr(found, kind, "")
        if not name:
            known = ", ".join(number for number, one in self._channels() if getattr(one, kind)) or "none"
            raise BadArgument("channel", f"a channel with a control for its {kind}: {known} (got {channel})")
        return str(name)

    async def mute_channel(self, channel: int | str, on: bool) -> None:
        await self._set(self._control(channel, "mute"), on)

    async def set_level(self, channel: int | str, decibels: float) -> None:
        if not -100 <= decibels <= 20:
            raise BadArgument("decibels", f"a number from -100 (silence) to 20 (got {decibels:g})")
        await self._set(self._control(channel, "level"), decibels)

    async def _set(self, name: str, value: object) -> None:
        await self._say("Control.Set", {"Name": name, "Value": value})
        self.look_again()

    # --- looking -----------------------------------------------------------------------------------------

    async def look(self) -> None:
        status = await self._say("StatusGet", 0)
        if isinstance(status, Mapping):
            self._status(status)
        if names := self._names():
            try:
                self._fold(await self._say("Control.Get", names))
            except Rejected as refusal:  # on standby, or a control is not exported
                self.report(fault=str(refusal))

    def _status(self, status: Mapping[str, Any]) -> None:
        told = status.get("Status")
        code = told.get("Code", 0) if isinstance(told, Mapping) else 0
        text = str(told.get("String", "")) if isinstance(told, Mapping) else ""
        state = str(status.get("State", ""))
        self.report(
            state=state,
            design=str(status.get("DesignName", "")),
            platform=str(status.get("Platform", "")),
            fault=text if code else "" if state in ("Active", "") else state.lower(),
        )

    def _fold(self, controls: object) -> None:
        if not isinstance(controls, list):
            raise ProtocolError(f"no controls: {str(controls)[:80]}")
        for control in controls:
            if not isinstance(control, Mapping):
                raise ProtocolError(f"no control: {str(control)[:80]}")
            for number, channel in self._channels():
                strip = self._strips[number]
                if channel.mute and control.get("Name") == channel.mute:
                    strip["muted"] = bool(control.get("Value"))
                elif channel.level and control.get("Name") == channel.level:
                    strip["level"] = _level(control.get("Value"))
        self.report(channels={number: dict(strip) for number, strip in self._strips.items()})


def _level(value: object) -> float | None:
    """A level in dB, None for silence."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ProtocolError(f"no level: {value!r}")
    return round(float(value), 1) if value > SILENCE_DB else None


DRIVER = QsysQrc
