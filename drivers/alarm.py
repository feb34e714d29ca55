"""What the services of the civil alarm share: what cannot be believed is *unknown*, never *clear*."""

from __future__ import annotations

import asyncio
import json
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from pydantic import Field, SecretStr

from avctl.capabilities import Alarm
from avctl.driver import Driver
from avctl.errors import AuthRefused, LinkError, ProtocolError
from avctl.events import now
from avctl.http import Answer, Http, http
from drivers.polled import Options as PolledOptions

State = Literal["active", "partly", "clear", "unknown"]
MOST_PATIENCE_SECONDS = 600.0  # a service that asks for more is asked all the same: unknown is no answer
PATIENCE_SECONDS = 60.0  # after "too many requests" without a word on how long


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a service says of a region; ``since`` in ISO 8601, empty where it is not told."""

    alarm: State
    level: str = ""
    since: str = ""
    threats: tuple[str, ...] = ()
    fault: str = ""


class TooOften(Exception):
    """The service wants to be asked less often; ``seconds`` until it may be asked again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked too often; again in {seconds:g} s")
        self.seconds = seconds


class Options(PolledOptions):
    """What a service of the civil alarm can be told."""

    token: SecretStr = Field(description="The key that the service gave the council.")
    poll: float = Field(20, gt=0, le=300, description="Seconds between two looks; too often is refused.")
    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which the link is given up.")
    tls: bool = Field(True, description="Speak TLS, with a certificate that is checked.")
    skew_seconds: float = Field(
        120, gt=0, description="An answer so many seconds from our clock is not believed."
    )
    refused_seconds: float = Field(
        300, gt=0, le=86400, description="Seconds until a token that was refused is tried again."
    )


class AlarmService(Driver, Alarm, ABC):
    """A service that is asked for the alarm of one region."""

    port = 443
    Options = Options

    _http: Http | None = None
    _believed_at = ""

    @property
    def asks_again_after(self) -> float | None:
        """A service in trouble refuses right tokens too; it locks nobody out for asking now and then."""
        seconds: float = self.options.refused_seconds
        return seconds

    @abstractmethod
    async def hear(self) -> Heard:
        """Ask for the region; every failure is raised, and then nothing is known."""

    async def serve(self) -> None:
        """Look at the alarm until the service fails to answer; then it is unknown."""
        if "alarm" not in self.readings:  # later it is unknown already, with the reason
            self._report(Heard(alarm="unknown"))
        port = int(self.device.port or self.port)
        tls = ssl.create_default_context() if self.options.tls else None
        try:
            async with http(self.device.host, port, self.log, tls) as self._http:
                while True:
                    pause = self.options.poll
                    try:
                        self._report(await self.hear())
                    except TooOften as refusal:
                        pause = refusal.seconds
                        self._report(Heard(alarm="unknown", fault=str(refusal)))
                    self.online()
                    await asyncio.sleep(pause)
        finally:
            self._http = None
            self._report(Heard(alarm="unknown", fault="the service cannot be heard"))

    async def get(self, path: str, authorization: str, modified: str = "") -> Answer:
        """An answer that may be believed; 304 where nothing changed since ``modified``."""
        if self._http is None:
            raise LinkError("the service is not connected")
        headers = {"Accept": "application/json", "Authorization": authorization}
        if modified:
            headers["If-Modified-Since"] = modified
        answer = await self._http.ask("GET", path, self.options.answer_seconds, headers=headers)
        match answer.status:
            case 401:
                raise AuthRefused("the service refuses the token")
            case 429:
                wait = answer.headers.get("retry-after", "")
                seconds = float(wait) if wait.isascii() and wait.isdigit() else PATIENCE_SECONDS
                raise TooOften(min(seconds, MOST_PATIENCE_SECONDS))
            case 304 if modified:
                pass
            case 404:
                raise LinkError(f"the service does not know {path}")
            case status if status != 200:
                raise LinkError(f"the service answers HTTP {status}")
        self._must_be_now(answer)
        return answer

    def _must_be_now(self, answer: Answer) -> None:
        """An old copy from a cache, or a clock that is wrong: what it says may be long over."""
        try:
            said = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, ValueError):
            return  # it does not say
        if abs(now() - said.astimezone(UTC)) > timedelta(seconds=self.options.skew_seconds):
            raise LinkError(f"the answer is of {said:%Y-%m-%d %H:%M:%S}: an old copy, or our clock is wrong")

    def _report(self, heard: Heard) -> None:
        # Told when it is over: a time that goes on would be news at every look.
        known = heard.alarm != "unknown"
        if known:
            self._believed_at = now().isoformat(timespec="seconds")
        self.report(
            alarm=heard.alarm,
            level=heard.level,
            alarm_since=heard.since,
            threats=heard.threats,
            fault=heard.fault,
            heard_at="" if known else self._believed_at,
        )


def content(answer: Answer) -> Any:
    """The JSON of an answer; a page in its place, as of a hotel's log-in, is a ProtocolError."""
    if not answer.text.lstrip().startswith(("{", "[", '"')):
        raise ProtocolError(f"not the service's JSON: {answer.text[:60]!r}")
    try:
        return json.loads(answer.text)
    except (ValueError, RecursionError) as fault:
        raise ProtocolError(f"not JSON: {answer.text[:60]!r}") from fault
