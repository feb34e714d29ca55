"""Visitor queues with a simple feed: JSON over HTTP, wherever in it things stand, under whatever names.

Where nothing is configured it is ``GET /queue.json`` answered ``{"services": [{"id": "1", "name": "...",
"waiting": 3}], "counters": [{"id": "2", "name": "2", "open": true, "ticket": "A012"}], "tickets":
[{"number": "A012", "service": "1", "state": "called", "counter": "2", "since": "2026-11-28T09:00:00Z"}]}``;
any part may be missing.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from avctl.capabilities import Counters
from avctl.config import Device
from avctl.driver import Driver, Publish
from avctl.errors import AuthRefused, BadArgument, LinkError, ProtocolError, Rejected, Unsupported
from avctl.events import now
from avctl.http import Answer, Http, http
from avctl.wire import trusting
from drivers.polled import Options as PolledOptions
from drivers.queue import CALLED, OVER, SERVING, STATES, WAITING, Book, Listed

FIELDS: Mapping[str, str] = {
    **{f"services.{name}": name for name in ("id", "name", "waiting", "average_wait")},
    **{f"counters.{name}": name for name in ("id", "name", "open", "ticket")},
    **{f"tickets.{name}": name for name in ("number", "service", "state", "since", "counter")},
}
VERBS = ("call_next", "recall", "open_counter", "close_counter")
YES = ("true", "1", "yes", "open", "opened")


class Options(PolledOptions):
    """Where a feed is, and where in it things stand."""

    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which the link is given up.")
    path: str = Field("/queue.json", pattern="^/", description="Address of the feed.")
    user: str = Field("", description="Account for HTTP Basic; empty: none is wanted.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    tls: bool = Field(False, description="Speak TLS; the port is then usually 443.")
    services: str = Field("services", description="Place of the services in the JSON, such as data.0.queues.")
    counters: str = Field("counters", description="Place of the counters.")
    tickets: str = Field("tickets", description="Place of the tickets.")
    fields: Mapping[str, str] = Field(
        default_factory=dict, description="Places in a row that differ, such as tickets.number = ticket_id."
    )
    states: Mapping[str, str] = Field(
        default_factory=dict,
        description="What its words for a ticket's state mean, such as INVITED = called.",
    )
    call_next: str = Field("", description="Request that calls the next, as POST /counters/{counter}/next.")
    recall: str = Field("", description="Request that calls once more.")
    open_counter: str = Field("", description="Request that opens a counter.")
    close_counter: str = Field("", description="Request that closes a counter.")

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, fields: Mapping[str, str]) -> Mapping[str, str]:
        if wrong := sorted(set(fields) - set(FIELDS)):
            raise ValueError(f"fields that are known: {', '.join(FIELDS)} (got {wrong[0]!r})")
        return fields

    @field_validator("states")
    @classmethod
    def _known_states(cls, states: Mapping[str, str]) -> Mapping[str, str]:
        if wrong := sorted(set(states.values()) - set(STATES)):
            raise ValueError(f"states that are known: {', '.join(STATES)} (got {wrong[0]!r})")
        return states

    @field_validator(*VERBS)
    @classmethod
    def _request(cls, text: str) -> str:
        method, _, path = text.partition(" ")
        if text and (method not in ("GET", "POST", "PUT", "DELETE") or not path.startswith("/")):
            raise ValueError(
                f"a method and an address, such as POST /counters/{{counter}}/next (got {text!r})"
            )
        return text


class QueueHttp(Driver, Counters):
    """A queue that is read from a feed."""

    title = "Visitor queue (JSON feed)"
    port = 80
    told_apart_by = "path"
    Options = Options

    _http: Http | None = None

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._book = Book()  # tickets outlive a link
        self._places = {**FIELDS, **self.options.fields}

    async def serve(self) -> None:
        """Look at the feed until it fails."""
        self._news = asyncio.Event()
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        async with http(self.device.host, port, self.log, tls) as self._http:
            try:
                while True:
                    self._news.clear()
                    self._take((await self._ask("GET", self.options.path)).json())
                    self.online()
                    await self.rest(self.options.poll, self._news)
            finally:
                self._http = None

    async def call_next(self, counter: str) -> None:
        await self._act("call_next", counter)

    async def recall(self, counter: str) -> None:
        await self._act("recall", counter)
        self._book.called_again(str(self.readings["counters"][counter]["ticket"]))

    async def open_counter(self, counter: str) -> None:
        await self._act("open_counter", counter)

    async def close_counter(self, counter: str) -> None:
        await self._act("close_counter", counter)

    async def _act(self, verb: str, counter: str) -> None:
        method, _, path = getattr(self.options, verb).partition(" ")
        if not path:
            raise Unsupported(f"the configuration names no request for {verb}")
        known = self.readings.get("counters", {})
        if counter not in known:
            raise BadArgument(
                "counter", f"one of {', '.join(known) or 'none is known yet'} (got {counter!r})"
            )
        await self._ask(method, path.replace("{counter}", quote(counter, safe="")))
        self._news.set()

    async def _ask(self, method: str, path: str) -> Answer:
        if self._http is None:
            raise LinkError("the feed is not connected")
        headers = {"Accept": "application/json"}
        if self.options.user:
            pair = f"{self.options.user}:{self.options.password.get_secret_value()}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        answer = await self._http.ask(method, path, self.options.answer_seconds, headers=headers)
        reads = path == self.options.path
        if answer.status in (401, 403) and reads:
            raise AuthRefused("it refuses the log-in")
        if not answer.ok:
            said = f"it answers HTTP {answer.status}"
            raise LinkError(said) if reads else Rejected(said, str(answer.status))
        return answer

    # --- what the feed says ------------------------------------------------------------------------------

    def _take(self, told: Any) -> None:
        listed = {one.number: one for one in self._tickets(told)}
        for row in self._rows(told, "counters"):
            number, counter = _text(self._of(row, "counters.ticket")), _text(self._of(row, "counters.id"))
            if number and number not in listed:
                state = SERVING if self._book.state(number) == SERVING else CALLED
                listed[number] = Listed(number=number, state=state, counter=counter)
        at = {one.counter: one.number for one in listed.values() if one.state in (CALLED, SERVING)}
        waiting = [one.service for one in listed.values() if one.state == WAITING]
        services = {}
        for row in self._rows(told, "services"):
            name = _text(self._of(row, "services.id"))
            services[name] = {
                "name": _text(self._of(row, "services.name")) or name,
                "waiting": _count(self._of(row, "services.waiting"), waiting.count(name)),
                "average_wait": _seconds(self._of(row, "services.average_wait")),
            }
        for name in waiting:
            usual = {"name": name, "waiting": waiting.count(name), "average_wait": None}
            services.setdefault(name, usual)
        counters = {}
        for row in self._rows(told, "counters"):
            name = _text(self._of(row, "counters.id"))
            counters[name] = {
                "name": _text(self._of(row, "counters.name")) or name,
                "open": str(self._of(row, "counters.open")).lower() in YES,
                "ticket": _text(self._of(row, "counters.ticket")) or at.get(name, ""),
            }
        self.report(
            services=services,
            counters=counters,
            tickets=self._book.take(listed),
            acts=tuple(verb for verb in VERBS if getattr(self.options, verb)),
        )

    def _tickets(self, told: Any) -> Iterator[Listed]:
        for row in self._rows(told, "tickets"):
            number = _text(self._of(row, "tickets.number"))
            said = _text(self._of(row, "tickets.state"))
            counter = _text(self._of(row, "tickets.counter"))
            state = self.options.states.get(said, said.lower() or (CALLED if counter else WAITING))
            if not number or state not in STATES:
                raise ProtocolError(f"no ticket: {str(row)[:80]}")
            yield Listed(
                number=number,
                state=state,
                service=_text(self._of(row, "tickets.service")),
                counter="" if state == WAITING or state in OVER else counter,
                ago=_ago(self._of(row, "tickets.since")),
            )

    def _rows(self, told: Any, kind: str) -> list[Mapping[str, Any]]:
        rows = place(told, getattr(self.options, kind))
        if isinstance(rows, Mapping):  # by their ids
            named = ((name, row if isinstance(row, Mapping) else {}) for name, row in rows.items())
            rows = [{self._places.get(f"{kind}.id", "number"): name, **row} for name, row in named]
        if rows is None:
            if not isinstance(told, Mapping | list):
                raise ProtocolError(f"no feed of a queue: {str(told)[:80]}")
            return []
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise ProtocolError(f"no list of {kind}: {str(rows)[:80]}")
        return rows

    def _of(self, row: Mapping[str, Any], field: str) -> Any:
        return place(row, self._places[field])


def place(told: Any, path: str) -> Any:
    """What stands at a place such as ``data.0.queues``; None when there is nothing."""
    for part in path.split(".") if path else ():
        if isinstance(told, Mapping):
            told = told.get(part)
        elif isinstance(told, list) and part.isdecimal() and int(part) < len(told):
            told = told[int(part)]
        else:
            return None
    return told


def _text(value: object) -> str:
    """An id or a number as text: nothing is counted with it."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _count(value: object, usual: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else usual


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _ago(value: object) -> float | None:
    try:
        since = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if since is None:
        return None
    return max(0.0, (now() - (since if since.tzinfo else since.replace(tzinfo=UTC))).total_seconds())


DRIVER = QueueHttp
