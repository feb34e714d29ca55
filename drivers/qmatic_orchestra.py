"""Qmatic Orchestra, an electronic queue: REST on HTTP 8080 (source: Qmatic's gateway and working clients).

``POST servicepoint/branches/1/servicePoints/3/visits/next/`` calls the next ticket, answered with the state
of who asked: ``{"userState": "CALLED", "visit": {"ticketId": "A012"}}``. HTTP 200 with a ``userState`` of
INACTIVE means that nothing was done. A log-in's cookies are not sent back: a POST with them may get 403.
Events come by CometD, and are only taken as a reason to look: one that is lost costs a poll.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr

from avctl.capabilities import Counters
from avctl.config import Device
from avctl.driver import Driver, Publish, together
from avctl.errors import AuthRefused, BadArgument, DeviceError, LinkError, ProtocolError, Rejected
from avctl.http import Answer, Http, http
from avctl.wire import trusting
from drivers.bayeux import Bayeux
from drivers.polled import Options as PolledOptions
from drivers.queue import CALLED, DONE, NO_SHOW, REMOVED, SERVING, WAITING, Book, Listed

NOT_DONE = {
    "INACTIVE": "nobody works at the counter",
    "NO_STARTED_USER_SESSION": "the clerk is not logged in",
    "NO_STARTED_SERVICE_POINT_SESSION": "the counter is not open",
    "NO_PROFILE_SET": "the clerk has no work profile",
}
TOO_QUICK = "CALL_NEXT_TO_QUICK"
IN_DISPLAY_QUEUE = "VISIT_IN_DISPLAY_QUEUE"  # the displays are busy with earlier calls
DISPLAY_SECONDS = 5.0
OWN_SECONDS = 10.0  # within which a recall of ours comes back as an event
UNFINISHED = (
    "DELIVERED_SERVICE_NEEDED",
    "OUTCOME_NEEDED",
    "OUTCOME_FOR_DELIVERED_SERVICE_NEEDED",
    "OUTCOME_OR_DELIVERED_SERVICE_NEEDED",
)  # the clerk has to write down something before
OUTCOMES = {"VISIT_END": DONE, "VISIT_NOSHOW": NO_SHOW, "VISIT_REMOVE": REMOVED}
INIT = "/events/INIT"
VOICE, VOICE_TYPE = "QVoiceLight", 67  # the device as which we listen: one that speaks calls


class Options(PolledOptions):
    """What an Orchestra can be told in the configuration."""

    poll: float = Field(5, gt=0, le=600, description="Seconds between two looks at the queue.")
    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which the link is given up.")
    user: str = Field(description="Account that may see the branch and call visitors.")
    password: SecretStr = Field(description="Its password.")
    tls: bool = Field(False, description="Speak TLS; the port is then usually 8443.")
    path: str = Field("/rest", description="Where its interface begins; /qsystem/rest on some installations.")
    branch: int = Field(0, ge=0, description="Id of the branch; 0: the first.")
    clerk: str = Field("", description="Log-in name in whose name counters are opened; empty: the account's.")
    work_profile: int = Field(0, ge=0, description="Id of the profile they are opened with; 0: the first.")
    prefix: str = Field(
        "", description="The branch's prefix in events, such as CHA; empty: it is only polled."
    )
    events_path: str = Field("/cometd", description="Where its events are.")
    confirms: bool = Field(
        False, description="Whether clerks confirm that a called visitor came; it takes a prefix."
    )
    called_seconds: float = Field(
        60,
        ge=0,
        description="Seconds after which a called visitor is being served, where nobody has said so.",
    )


class QmaticOrchestra(Driver, Counters):
    """The queue of a branch; also reports branch, and whether its events are heard."""

    title = "Visitor queue (Qmatic Orchestra)"
    port = 8080
    told_apart_by = "branch"
    Options = Options

    _http: Http | None = None

    def __init__(self, device: Device, publish: Publish) -> None:
        super().__init__(device, publish)
        self._book = Book()  # tickets outlive a link
        self._confirmed: set[str] = set()
        self._rung: set[str] = set()  # tickets whose first call is known, or was heard of
        self._own_recalls: dict[str, float] = {}
        self._staff: Mapping[str, str] = {}
        self._names: Mapping[str, str] = {}

    async def serve(self) -> None:
        """Look at the queue until it fails to answer."""
        self._news = asyncio.Event()
        port = int(self.device.port or self.port)
        tls = trusting() if self.options.tls else None
        async with http(self.device.host, port, self.log, tls, cookies=False) as self._http:
            try:
                await self._find_branch()
                if self.options.prefix:
                    await together(self._watch(), self._listen(self._http))
                else:
                    await self._watch()
            finally:
                self._http = None

    # --- verbs -------------------------------------------------------------------------------------------

    async def call_next(self, counter: str) -> None:
        before = self._counter(counter)["ticket"]
        status = await self._act("POST", f"{self._points}/{counter}/visits/next/")
        visit = status.get("visit")
        ticket = visit.get("ticketId") if isinstance(visit, Mapping) else None
        if not ticket:
            raise Rejected("nobody waits for this counter", str(status.get("visitState", "")))
        state = str(status.get("visitState", ""))
        if ticket == before or state in UNFINISHED:
            raise Rejected(f"the visit of {ticket} is not over: {state}", state)

    async def recall(self, counter: str) -> None:
        ticket = self._counter(counter)["ticket"]
        if not ticket:
            raise Rejected("nobody was called to this counter")
        await self._act("PUT", f"{self._points}/{counter}/visit/recall/")
        self._book.called_again(ticket)
        self._own_recalls[ticket] = asyncio.get_running_loop().time() + OWN_SECONDS

    async def open_counter(self, counter: str) -> None:
        self._counter(counter)
        user = quote(self.options.clerk or self.options.user, safe="")
        await self._act("PUT", f"{self._points}/{counter}/users/{user}/", opening=True)
        profile = self.options.work_profile or await self._first_profile()
        if profile:
            await self._act("PUT", f"{self._branch}/users/{user}/workProfile/{profile}/", opening=True)

    async def close_counter(self, counter: str) -> None:
        self._counter(counter)
        user = quote(self._staff.get(counter) or self.options.clerk or self.options.user, safe="")
        await self._act("DELETE", f"{self._points}/{counter}/users/{user}/", opening=True)

    def _counter(self, counter: str) -> Mapping[str, Any]:
        known = self.readings.get("counters", {})
        if counter not in known:
            raise BadArgument(
                "counter", f"one of {', '.join(known) or 'none is known yet'} (got {counter!r})"
            )
        row: Mapping[str, Any] = known[counter]
        return row

    async def _act(self, method: str, path: str, *, opening: bool = False) -> Mapping[str, Any]:
        """Do something, and look at what became of it; Rejected when the answer says that it was not done."""
        answer = await self._ask(method, path)
        status = answer.json() if answer.text.strip() else {}
        if not isinstance(status, Mapping):
            raise ProtocolError(f"no state of the clerk: {answer.text[:80]!r}")
        self._news.set()
        user, visit = str(status.get("userState", "")), str(status.get("visitState", ""))
        if user in NOT_DONE and not opening:
            raise Rejected(f"it was not done: {NOT_DONE[user]}", user)
        if visit == TOO_QUICK:
            raise Rejected("it was not done: too soon after the last call", visit)
        if visit == IN_DISPLAY_QUEUE:
            asyncio.get_running_loop().call_later(DISPLAY_SECONDS, self._news.set)
        return status

    # --- what it says ------------------------------------------------------------------------------------

    @property
    def _branch(self) -> str:
        return f"servicepoint/branches/{self._id}"

    @property
    def _points(self) -> str:
        return f"{self._branch}/servicePoints"

    async def _find_branch(self) -> None:
        branches = await self._list("servicepoint/branches/")
        wanted = self.options.branch
        found = next((one for one in branches if not wanted or one.get("id") == wanted), None)
        if found is None or not isinstance(found.get("id"), int):
            raise LinkError(f"it does not tell of a branch {wanted or ''}".strip())
        self._id = found["id"]
        self.report(branch=str(found.get("name", "")))

    async def _first_profile(self) -> int:
        profiles = await self._list(f"{self._branch}/workProfiles")
        return next((one["id"] for one in profiles if isinstance(one.get("id"), int)), 0)

    async def _watch(self) -> None:
        while True:
            self._news.clear()
            await self._look()
            self.online()
            await self.rest(self.options.poll, self._news)

    async def _look(self) -> None:
        queues = await self._list(f"{self._branch}/queues/")
        points = await self._list(f"{self._points}/deviceTypes/SW_SERVICE_POINT")
        # What is served has the service's name, which the queues mostly bear too.
        self._names = {str(queue.get("name", "")): _id(queue) for queue in queues}
        listed: dict[str, Listed] = {}
        for queue in queues:
            if queue.get("customersWaiting"):
                for visit in await self._list(f"{self._branch}/queues/{_id(queue)}/visits"):
                    number = str(visit.get("ticketId") or "")
                    ago = visit.get("waitingTime")
                    listed[number] = Listed(
                        number=number,
                        state=WAITING,
                        service=_id(queue),
                        ago=ago if isinstance(ago, int | float) else None,
                    )
        # After the lists: a ticket that is called meanwhile is in both, never in neither, as if it had left.
        overview = await self._list(f"managementinformation/v2/branches/{self._id}/servicePoints")
        state = {_id(one): one for one in overview}
        self._staff = {point: str(one.get("staffName") or "") for point, one in state.items()}
        counters = {_id(point): self._row(point, state.get(_id(point), {}), listed) for point in points}
        listed.pop("", None)
        self._rung -= {number for number, one in listed.items() if one.state == WAITING}
        if "tickets" not in self.readings:  # the first look: their call was before us
            self._rung |= {number for number, one in listed.items() if one.state == CALLED}
        self.report(
            services={_id(queue): _service(queue) for queue in queues},
            counters=counters,
            tickets=self._book.take(listed),
            acts=("call_next", "recall", "open_counter", "close_counter"),
        )

    def _row(
        self, point: Mapping[str, Any], state: Mapping[str, Any], listed: dict[str, Listed]
    ) -> dict[str, Any]:
        """A counter; the ticket that it has joins the list."""
        closed = state.get("status") == "CLOSED"
        nobody = state.get("staffFullName") is None and state.get("workProfileName") is None
        ticket = str(state.get("currentTicketNumber") or "")
        if ticket:
            ago = state.get("currentTransactionTime")
            seconds = float(ago) if isinstance(ago, int | float) else 0.0
            if self.options.confirms:
                if not self._book.state(ticket) and seconds >= self.options.called_seconds:
                    self._confirmed.add(ticket)  # it was there before us: nobody told, and nobody will
                serving = ticket in self._confirmed
            else:
                serving = seconds >= self.options.called_seconds or self._book.state(ticket) == SERVING
            listed[ticket] = Listed(
                number=ticket,
                state=SERVING if serving else CALLED,
                service=self._names.get(str(state.get("currentServiceName") or ""), ""),
                counter=_id(point),
                ago=seconds,
            )
        return {"name": str(point.get("name", "")), "open": not (closed or nobody), "ticket": ticket}

    # --- its events --------------------------------------------------------------------------------------

    async def _listen(self, line: Http) -> None:
        """Hear events for as long as the link lasts; without them the queue is still looked at."""
        prefix = self.options.prefix
        while True:
            events = Bayeux(line, self.options.events_path, self.options.answer_seconds, self._headers())
            try:
                await events.subscribe(f"/events/{prefix}/{VOICE}")
                told = {"uid": f"{prefix}:{VOICE}", "type": VOICE_TYPE, "encoding": "QP_JSON"}
                await events.publish(
                    INIT, {"M": "C", "C": {"CMD": "INIT", "TGT": "CFM", "PRM": told}, "N": "0"}
                )
                self.report(events=True)
                # What was called before is not called by an event that is still to come.
                told = self.readings.get("tickets", ())
                self._rung |= {one["number"] for one in told if one["state"] == CALLED}
                self._news.set()  # what happened meanwhile, nobody tells
                while True:
                    for data in await events.hear():
                        self._happened(data)
            except DeviceError as fault:
                self.log.info("its events are not heard: %s", fault)
                self.report(events=False)
                await asyncio.sleep(self.options.poll)

    def _happened(self, data: object) -> None:
        try:
            event = json.loads(data)["E"] if isinstance(data, str) else {}
            name, told = str(event.get("evnt", "")), event.get("prm") or {}
            ticket = str(told.get("ticket") or told.get("ticketId") or "")
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise ProtocolError(f"no event: {str(data)[:80]}") from None
        if name in OUTCOMES:
            self._confirmed.discard(ticket)
            self._book.ends_as(ticket, OUTCOMES[name])
        elif name == "VISIT_CONFIRM":
            self._confirmed.add(ticket)
        elif name in ("VISIT_CALL", "VISIT_RECALL"):
            self._confirmed.discard(ticket)
            first = name == "VISIT_CALL" and ticket not in self._rung
            self._rung.add(ticket)
            # A call that the list tells of, or that we have counted ourselves, is no second one.
            if not first and self._own_recalls.pop(ticket, 0.0) < asyncio.get_running_loop().time():
                self._book.called_again(ticket)
        self._news.set()

    # --- requests ----------------------------------------------------------------------------------------

    async def _list(self, path: str) -> list[Mapping[str, Any]]:
        answer = await self._ask("GET", path)
        told = answer.json()
        if not isinstance(told, list) or not all(isinstance(one, Mapping) for one in told):
            raise ProtocolError(f"no list at {path}: {answer.text[:80]!r}")
        return told

    async def _ask(self, method: str, path: str) -> Answer:
        if self._http is None:
            raise LinkError("the queue is not connected")
        answer = await self._http.ask(
            method, f"{self.options.path}/{path}", self.options.answer_seconds, headers=self._headers()
        )
        if answer.status == 401:
            raise AuthRefused("it refuses the log-in")
        if not answer.ok:
            said = f"it refuses with HTTP {answer.status}"
            raise LinkError(said) if method == "GET" else Rejected(said, str(answer.status))
        return answer

    def _headers(self) -> Mapping[str, str]:
        pair = f"{self.options.user}:{self.options.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}", "Accept": "application/json"}


def _id(row: Mapping[str, Any]) -> str:
    return str(row.get("id", ""))


def _service(queue: Mapping[str, Any]) -> dict[str, Any]:
    waiting = queue.get("customersWaiting")
    return {
        "name": str(queue.get("name", "")),
        "waiting": waiting if isinstance(waiting, int) else 0,
        "average_wait": None,  # its waitingTime is that of the one who waits longest
    }


DRIVER = QmaticOrchestra
