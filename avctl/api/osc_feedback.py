"""What control surfaces are shown: the whole picture first, then what changes.

The picture is a value for each address. A surface is sent the difference to what it has, a share at a time:
a burst of events becomes one sending, and no surface is flooded. UDP loses datagrams, so a surface may ask
for the whole picture again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from avctl.api.osc_acts import muted_in
from avctl.api.osc_messages import ROOT, Peer, Value, datagram
from avctl.errors import NotFound
from avctl.events import AlertEvent, DeviceEvent, Event, RoomEvent, SessionEvent
from avctl.services.controller import Controller
from avctl.services.sound import PARTS

log = logging.getLogger(__name__)

MOST_PEERS = 16
GAP = 0.02  # seconds between two sendings; the first change goes out at once
SHARE = 40  # messages to one surface in a sending: small enough for a tablet on Wi-Fi
PROGRAMME = "programme-"


@dataclass
class _Known:
    """A surface: when it was last heard, and what it has been sent."""

    heard: float
    sent: dict[str, Value] = field(default_factory=dict)


class Feedback:
    """Keeps the surfaces that were heard lately up to date."""

    def __init__(self, controller: Controller, send: Callable[[Peer, bytes], None], keep: float) -> None:
        self._controller, self._send, self._keep = controller, send, keep
        self._peers: dict[Peer, _Known] = {}  # the one that is silent longest comes first
        self._timer: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        controller.bus.listen(self._hear, SessionEvent, DeviceEvent, AlertEvent, RoomEvent)

    def heard(self, peer: Peer) -> None:
        """A surface sent something: it is shown what changes from now on."""
        known = self._peers.pop(peer, None) or _Known(0)
        known.heard = asyncio.get_running_loop().time()
        if not known.sent:
            log.debug("an OSC surface at %s port %s is shown the rooms", *peer[:2])
            self._touch()
        self._peers[peer] = known
        while len(self._peers) > MOST_PEERS:
            self._peers.pop(next(iter(self._peers)))

    def again(self, peer: Peer) -> None:
        """Send a surface the whole picture once more."""
        if peer in self._peers:
            self._peers[peer].sent.clear()
            self._touch()

    def close(self) -> None:
        """Forget every surface."""
        self._peers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hear(self, event: Event) -> None:
        if self._peers and not event.transient:
            self._touch()

    def _touch(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._not_before), self._tell)

    def _tell(self) -> None:
        self._timer = None
        moment = asyncio.get_running_loop().time()
        self._not_before = moment + GAP
        for peer in [peer for peer, known in self._peers.items() if moment - known.heard > self._keep]:
            del self._peers[peer]
        if not self._peers:
            return
        picture = dict(picture_of(self._controller))
        more = [self._differences(peer, known.sent, picture) for peer, known in self._peers.items()]
        if any(more):
            self._touch()

    def _differences(self, peer: Peer, sent: dict[str, Value], picture: Mapping[str, Value]) -> bool:
        """Send what differs, at most a share of it; whether there is more."""
        gone = {address: type(sent[address])() for address in sent.keys() - picture.keys() if sent[address]}
        new = {address: value for address, value in picture.items() if sent.get(address) != value}
        todo = [*gone.items(), *new.items()]
        for address, value in todo[:SHARE]:
            self._send(peer, datagram(address, value))
            sent[address] = value
        return len(todo) > SHARE


def picture_of(controller: Controller) -> Iterator[tuple[str, Value]]:
    """Every address and its value at this moment."""
    for room in controller.config.rooms:
        for name, value in _room(controller, room.id):
            yield f"{ROOT}/{room.id}/{name}", value


def _room(controller: Controller, room: str) -> Iterator[tuple[str, Value]]:
    session = controller.sessions.in_room(room)
    floor = controller.follow.floor(room)
    yield "phase", str(session.phase) if session else "free"
    yield "reason", str(session.reason) if session and session.reason else ""
    yield "title", session.title if session else ""
    yield "on-air", int(session is not None and _on_air(controller, session.id))
    yield "alerts", sum(_room_of(controller, one.subject) in ("", room) for one in controller.alerts.raised())
    yield "floor", int(floor is not None and floor.known)
    yield "waiting", len(floor.waiting) if floor is not None else 0
    yield "hold", int(controller.framings.get(room).held)
    yield "name", session.speaker if session else ""
    if controller.sounds.of(room) is not None:
        yield from ((f"mute/{what}", int(muted_in(controller, room, what))) for what in PARTS)
    if floor is not None and "all_muted" in (readings := controller.house.state(floor.device).readings):
        yield "mute-all", int(readings["all_muted"] is True)
    speaker = floor.speakers[-1] if floor is not None and floor.speakers else None
    yield "speaker", (speaker.name or str(speaker.seat)) if speaker else ""
    if floor is not None:
        speaking = {place.seat for place in floor.speakers}
        seats = {int(seat) for seat in floor.seats or () if seat.isdecimal()}
        for seat in sorted(seats | speaking):
            yield f"mic/{seat}", int(seat in speaking)


def _on_air(controller: Controller, session: str) -> bool:
    # Not by ``get``: it looks on the disk for a broadcast that never was.
    return any(one.on_air for one in controller.broadcasts if one.session == session)


def _room_of(controller: Controller, subject: str) -> str:
    """The room an alert is about; empty when it concerns them all."""
    if subject in controller.house:
        return controller.house.state(subject).room
    try:
        return controller.sessions.get(subject.removeprefix(PROGRAMME)).room
    except NotFound:
        return ""
