"""The door for control surfaces that speak OSC 1.0 over UDP: acts come in, the state of the rooms goes out.

OSC has no log-in. Only configured networks are heard, and every act is made as one configured account, which
is asked for anew each time: a surface can do what that account's role may, and nothing once it is disabled.

A surface sends 1 when a button is pressed and 0 when it is let go, and UDP may deliver twice what was sent
once; what cannot be taken back is asked for twice. The time tags of bundles are not obeyed: a surface's
clock is not ours, and whoever presses a button means now.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, cast
from weakref import WeakValueDictionary

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_message import OscMessage
from pythonosc.osc_packet import ParseError
from pythonosc.osc_server import AsyncIOOSCUDPServer
from sqlalchemy.exc import SQLAlchemyError

from avctl.api.osc_acts import SESSION_ACTS, TWICE, RoomActs
from avctl.api.osc_feedback import Feedback
from avctl.api.osc_messages import ROOT, Peer, Value, datagram, is_ours, messages_of, pressed
from avctl.commands import Command
from avctl.config import Osc
from avctl.errors import AvctlError, ConfigError, Conflict, Forbidden, NotFound
from avctl.events import AccountChanged, Reason
from avctl.model.account import Account, Act
from avctl.services.controller import Controller
from avctl.store.engine import cause_of

log = logging.getLogger(__name__)

MOST_ACTS = 128  # under way at once, from all surfaces
MOST_STRANGERS = 256  # addresses outside the networks that are remembered, each said in the log once
WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long things last, in seconds."""

    same: float = 0.1  # the same message again within this time is the same act
    sure: float = 4.0  # time to press again, for an act that is asked for twice
    keep: float = 60.0  # a surface that is silent for longer is shown nothing more


@asynccontextmanager
async def surfaces(controller: Controller, pace: Pace | None = None) -> AsyncIterator[None]:
    """Hear control surfaces while the context lasts, if the configuration names a port.

    Raises ConfigError when the port is taken.
    """
    if not controller.config.osc.port:
        yield
        return
    door = Surfaces(controller, pace or Pace())
    await door.open()
    try:
        yield
    finally:
        await door.close()


class Surfaces(Dispatcher):
    """Hears datagrams from the library's server, and takes the place of its table of handlers."""

    def __init__(self, controller: Controller, pace: Pace) -> None:
        super().__init__()
        self._controller, self._pace = controller, pace
        self._acts = RoomActs(controller)
        self._settings: Osc = controller.config.osc
        self._feedback = Feedback(controller, self._send, pace.keep)
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._last: dict[tuple[Peer, str, str], float] = {}
        self._asked: dict[tuple[Peer, str], tuple[str, asyncio.TimerHandle]] = {}
        self._said: set[str] = set()  # what stands in the log already
        self._strangers: set[str] = set()
        controller.bus.listen(self._changed, AccountChanged)

    async def open(self) -> None:
        """Take the port."""
        host, port = self._settings.host, self._settings.port
        loop = cast(asyncio.BaseEventLoop, asyncio.get_running_loop())
        try:
            transport, _ = await AsyncIOOSCUDPServer((host, port), self, loop).create_serve_endpoint()
        except OSError as fault:
            why = fault.strerror or str(fault)
            raise ConfigError(
                f"cannot listen on {host}:{port} (UDP): {why}",
                (("osc.port", f"a port nobody uses ({why})"),),
            ) from fault
        self._transport = cast(asyncio.DatagramTransport, transport)
        log.info("OSC surfaces are heard on %s:%s and act as %r", host, port, self._settings.account)
        self._start(self._look())

    async def close(self) -> None:
        """Let the port and every act under way go."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._feedback.close()
        for _, timer in self._asked.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- datagrams ---------------------------------------------------------------------------------------

    def call_handlers_for_packet(self, data: bytes, client_address: Peer) -> list[Any]:
        """Take in a datagram; nothing it holds can end or delay the program."""
        if not self._welcome(str(client_address[0])):
            return []
        peer = (client_address[0], self._settings.feedback_port or client_address[1], *client_address[2:])
        try:
            messages = messages_of(data)
        except (ParseError, ValueError, OverflowError) as fault:
            self._once(logging.DEBUG, "garbage", f"what is not OSC is passed over; the first: {fault!r}")
            return []
        for message in messages:
            if is_ours(message.address) and not self._heard_just_now(peer, message):
                if len(self._tasks) < MOST_ACTS:
                    self._start(self._do(peer, message))
                else:
                    self._once(
                        logging.WARNING, "busy", "too many acts of OSC surfaces at once: some are lost"
                    )
        return []

    def _welcome(self, host: str) -> bool:
        address = ip_address(host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._settings.allow):
            return True
        if host not in self._strangers and len(self._strangers) < MOST_STRANGERS:
            self._strangers.add(host)
            log.warning("OSC from %s is not heard: it is in none of the networks of osc.allow", host)
        return False

    def _heard_just_now(self, peer: Peer, message: OscMessage) -> bool:
        moment = asyncio.get_running_loop().time()
        if len(self._last) > MOST_ACTS:
            self._last = {one: at for one, at in self._last.items() if moment - at < self._pace.same}
        key = (peer, message.address, repr(message.params))
        if moment - self._last.get(key, -self._pace.same) < self._pace.same:
            return True
        self._last[key] = moment
        return False

    def _send(self, peer: Peer, data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data, peer)

    def _say(self, peer: Peer, address: str, value: Value) -> None:
        self._send(peer, datagram(f"{ROOT}/{address}", value))

    # --- acts --------------------------------------------------------------------------------------------

    async def _do(self, peer: Peer, message: OscMessage) -> None:
        """Do what a message asks for, after those that came before it to the same address."""
        words = message.address.split("/")[2:]
        room = words[0] if len(words) > 1 else ""
        try:
            async with self._turn:  # the record may answer the later question first
                account = await self._account()
            account.must_be_allowed(Act.SEE_CONTROL)
            self._feedback.heard(peer)
            async with self._lanes.setdefault(message.address, asyncio.Lock()):
                command = self._command(account, peer, message)
                if command is not None:
                    await self._controller.desk.obey(command)
        except AvctlError as refusal:
            log.debug("%r from %s was refused: %s", message.address, peer[0], refusal)
            if isinstance(refusal, Forbidden):
                self._once(logging.WARNING, str(refusal), f"OSC surfaces are refused: {refusal}")
            self._refuse(peer, room, str(refusal))
        except SQLAlchemyError as fault:
            log.error("%r from %s: the record cannot be used: %s", message.address, peer[0], cause_of(fault))
            self._refuse(peer, room, "the record cannot be used at the moment")

    async def _account(self) -> Account:
        """Who acts, as the record has it now; Forbidden when nobody may."""
        name = self._settings.account
        try:
            account = await self._controller.accounts.get(name)
        except NotFound as fault:
            self._feedback.close()
            raise Forbidden(f"{fault}: osc.account names it") from None
        if not account.may(Act.SEE_CONTROL):
            self._feedback.close()
        if account.disabled:
            raise Forbidden(f"the account {name!r} is disabled")
        return account

    def _command(self, account: Account, peer: Peer, message: OscMessage) -> Command | None:
        """What a message asks for; None when it has been answered, or is a button let go."""
        arguments = message.params
        match message.address.split("/")[2:]:
            case ["ping"]:
                self._say(peer, "pong", 1)
                return None
            case ["refresh"]:
                if pressed(arguments) is not False:
                    self._feedback.again(peer)
                return None
            case [room, *act] if act and room in {one.id for one in self._controller.config.rooms}:
                return self._in_room(account, peer, room, act, arguments)
            case [room, *act] if act:
                raise NotFound(f"there is no room {room!r}")
        raise NotFound(f"there is no act {message.address!r}")

    def _in_room(
        self, account: Account, peer: Peer, room: str, words: Sequence[str], arguments: Sequence[Any]
    ) -> Command | None:
        match words:
            case [act] if act in SESSION_ACTS:
                return self._session_act(account, peer, room, act, pressed(arguments))
        return self._acts.command(account, room, words, arguments)

    def _session_act(
        self, account: Account, peer: Peer, room: str, act: str, press: bool | None
    ) -> Command | None:
        if press is False:
            return None
        session = self._controller.sessions.in_room(room)
        if session is None:
            account.must_be_allowed(Act.RUN_SESSIONS, room)
            raise Conflict("this room has no session now")
        uncovers = act == "resume" and session.reason is Reason.CLOSED
        needed = Act.CLOSE_PARTS if uncovers or act == "closed" else Act.RUN_SESSIONS
        account.must_be_allowed(needed, room)
        if (act in TWICE or uncovers) and not self._sure(peer, f"{room}/{act}/sure", session.id):
            return None
        return SESSION_ACTS[act](account.name, session)

    def _sure(self, peer: Peer, question: str, session: str) -> bool:
        """Whether this press is the second one in time, about the same session; else it is the first."""
        before = self._asked.pop((peer, question), None)
        if before is not None:
            before[1].cancel()
            self._say(peer, question, 0)
            if before[0] == session:
                return True
        if len(self._asked) >= MOST_ACTS:
            raise Conflict("too many acts wait to be pressed again")
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._pace.sure, self._not_sure, peer, question)
        self._asked[peer, question] = session, timer
        self._say(peer, question, 1)
        return False

    def _not_sure(self, peer: Peer, question: str) -> None:
        del self._asked[peer, question]
        self._say(peer, question, 0)

    # --- what is said ------------------------------------------------------------------------------------

    def _refuse(self, peer: Peer, room: str, reason: str) -> None:
        self._say(peer, f"{room}/refused" if WORD.fullmatch(room) else "refused", reason)

    def _once(self, level: int, key: str, text: str) -> None:
        """Say something in the log, unless it stands there since the account last changed."""
        if key not in self._said:
            self._said.add(key)
            log.log(level, "%s", text)

    def _changed(self, event: AccountChanged) -> None:
        if event.account == self._settings.account and self._transport is not None:
            self._said.clear()
            self._start(self._look())

    async def _look(self) -> None:
        """Learn at once, before somebody presses a button, that surfaces have no account."""
        try:
            await self._account()
        except Forbidden as refusal:
            self._once(logging.WARNING, str(refusal), f"OSC surfaces are refused: {refusal}")
        except SQLAlchemyError as fault:
            log.error("the account of OSC surfaces cannot be read: %s", cause_of(fault))

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("an act of an OSC surface failed", exc_info=fault)
