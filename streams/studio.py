"""OBS in a room is told what the programme shows: a slate, a closed part, a name, when to send.

It is a source, never what the public gets: nothing waits for it, and what it does not do changes nothing. It
is told when something changes, and what it missed when it comes back. Whoever presses buttons in it is not
fought.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from avctl.bus import Bus
from avctl.commands import Operate
from avctl.desk import Desk
from avctl.errors import AvctlError
from avctl.events import (
    BroadcastArmed,
    BroadcastEnded,
    BroadcastWentLive,
    ClosedPartEntered,
    ClosedPartLeft,
    Link,
    LinkChanged,
    Reason,
    SessionEvent,
    SessionResumed,
    SessionSuspended,
    SpeakerShown,
)
from avctl.services.house import House
from avctl.services.sessions import Sessions
from streams.held import Held

log = logging.getLogger(__name__)

ACTOR = "broadcast"
OBS = "streams.obs"
HALL = "hall"  # what its option calls the scene that is no slate
STREAM, SCENE, NAME = "stream", "scene", "name"  # of each kind the newest word counts


class Studios:
    """Tells every OBS; ``held`` are the broadcasts there are now."""

    def __init__(
        self, bus: Bus, desk: Desk, house: House, sessions: Sessions, held: Mapping[str, Held]
    ) -> None:
        self._desk, self._house, self._sessions, self._held = desk, house, sessions, held
        self._owed: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._last: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._telling: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._begun: set[str] = set()  # sessions whose studios have been told to send
        bus.listen(self._begin, BroadcastArmed, BroadcastWentLive)
        bus.listen(self._turn, BroadcastEnded, ClosedPartEntered, ClosedPartLeft)
        bus.listen(self._turn, SessionSuspended, SessionResumed, SpeakerShown)
        bus.listen(self._link, LinkChanged)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What is being told now."""
        return tuple(self._telling.values())

    def _begin(self, event: SessionEvent) -> None:
        """Have them send, once the runner listens: a first connection that is refused is a dialog in OBS."""
        if event.session not in self._begun:
            self._begun.add(event.session)
            for studio in self._studios(event.session):
                self._tell(studio, STREAM, "go_live")

    def _studios(self, session: str) -> tuple[str, ...]:
        room = self._sessions.get(session).room
        return tuple(state.id for state in self._house.in_room(room) if state.driver == OBS)

    def _turn(self, event: SessionEvent) -> None:
        for studio in self._studios(event.session):
            match event:
                case BroadcastEnded():
                    self._tell(studio, STREAM, "end")
                case SpeakerShown():
                    self._tell(studio, NAME, "show_lower_third", name=event.name, role=event.role)
                case _:
                    self._show(studio, self._slate(event.session))

    def _link(self, event: LinkChanged) -> None:
        """One that came back is told to send, which slate there is, and what it missed."""
        if event.link is not Link.ONLINE or event.device not in self._house:
            return
        state = self._house.state(event.device)
        if state.driver != OBS:
            return
        session = self._sessions.in_room(state.room)
        if session is not None and (held := self._held.get(session.id)) and held.up.is_set():
            self._tell(event.device, STREAM, "go_live")
            if slate := self._slate(session.id):  # the hall is not insisted on: somebody may have chosen
                self._last.pop((event.device, SCENE), None)
                self._show(event.device, slate)
        for studio, kind in tuple(self._owed):
            if studio == event.device:
                self._start(studio, kind)

    def _slate(self, session: str) -> str:
        """The slate of a session; empty for the hall."""
        held, reason = self._held.get(session), self._sessions.get(session).reason
        return str(Reason.CLOSED if held is not None and held.closed else reason or "")

    def _show(self, studio: str, slate: str) -> None:
        self._tell(studio, SCENE, "show", scene=f"slate:{slate}" if slate else f"source:{studio}")

    def _tell(self, studio: str, kind: str, verb: str, **arguments: Any) -> None:
        # A scene or a name that was said already is not said again: somebody may have chosen another since.
        word = verb, arguments
        if self._is_set_up(studio, verb, arguments) and (
            kind == STREAM or self._last.get((studio, kind)) != word
        ):
            self._owed[studio, kind] = self._last[studio, kind] = word
            self._start(studio, kind)

    def _is_set_up(self, studio: str, verb: str, arguments: Mapping[str, Any]) -> bool:
        options = self._house.driver(studio).options
        match verb:
            case "show":
                what, _, name = arguments["scene"].partition(":")
                return (name if what == "slate" else HALL) in options.scenes
            case "show_lower_third":
                return bool(options.lower_third)
            case _:
                return bool(options.stream)

    def _start(self, studio: str, kind: str) -> None:
        if (studio, kind) not in self._telling:
            task = asyncio.get_running_loop().create_task(self._pay(studio, kind))
            self._telling[studio, kind] = task
            task.add_done_callback(partial(self._told, studio, kind))

    def _told(self, studio: str, kind: str, task: asyncio.Task[None]) -> None:
        del self._telling[studio, kind]
        if not task.cancelled() and (studio, kind) in self._owed and self._house.state(studio).online:
            self._start(studio, kind)

    async def _pay(self, studio: str, kind: str) -> None:
        while self._house.state(studio).online and (owed := self._owed.pop((studio, kind), None)):
            verb, arguments = owed
            try:
                await self._desk.obey(Operate(actor=ACTOR, device=studio, verb=verb, arguments=arguments))
            except AvctlError as refusal:
                log.warning("%s did not %s: %s", studio, verb, refusal)
