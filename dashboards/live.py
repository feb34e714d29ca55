"""Live pages: an event touches parts; each part is rendered once for all who see the same, and sent.

A viewer subscribes first, then gets the whole picture, then changes. What is sent is the HTML of the parts,
the same templates that made the page; the script puts each in the place of the one with its id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from avctl.events import AccountChanged, BroadcastMeasured, Event, LoggedOut, SoundMeasured, now
from avctl.model.account import Role
from avctl.services.controller import Controller
from dashboards.render import Renderer
from dashboards.sound import levels
from dashboards.touched import Touched

Builder = Callable[..., Any]  # of controller, subject, role, language; some: rooms seen
# Parts about the whole house.
WIDE = frozenset({"strip", "tiles", "mosaic", "alerts", "banner", "lobby", "mains", "queue", "waiting", "tv"})

GAP = 0.02  # seconds between two sendings; the first change goes out at once, later ones together
SHARE = 3  # rendering and sending take at most one part in so many of the time
BEAT = 1.0  # seconds between beats: a page that hears none for two says that it is cut off
FIGURES = 1.0  # seconds between two renderings of a programme's figures; meters go by themselves
AGAIN = 30.0  # seconds after which parts that depend on the hour are rendered again
EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Topic:
    """A part of something, as one kind of viewer sees it. ``subject`` is a room, a device or a session."""

    part: str
    subject: str
    language: str
    role: Role | None
    rooms: tuple[str, ...] = ()  # of a part about the whole house: the only ones this viewer sees; empty: all

    @property
    def id(self) -> str:
        """The id of its root element."""
        return f"part-{self.part}-{self.subject}" if self.subject else f"part-{self.part}"


class Rendered:
    """A topic that somebody looks at, and its text; stale once something touched it."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.text: Markup | None = None
        self.stale = True


class Viewer:
    """One open page: what it has not been sent yet, a topic's later text in place of its earlier one."""

    def __init__(self, topics: tuple[Topic, ...], meters: str, account: str) -> None:
        self.topics = topics
        self.meters = meters
        self.account = account
        self.ended = False
        self._waiting: dict[object, bytes] = {}
        self._wake = asyncio.Event()

    def put(self, key: object, message: bytes) -> None:
        """Have something sent."""
        self._waiting.pop(key, None)
        self._waiting[key] = message
        self._wake.set()

    def end(self) -> None:
        """Let the viewer go."""
        self.ended = True
        self._wake.set()

    async def next(self) -> bytes:
        """Everything that waits, waiting for something."""
        await self._wake.wait()
        self._wake.clear()
        messages = b"".join(self._waiting.values())
        self._waiting.clear()
        return messages


class Live:
    """Renders what changes, for those who look."""

    def __init__(
        self, controller: Controller, renderer: Renderer, parts: dict[str, tuple[str, Builder]]
    ) -> None:
        self._controller, self._renderer, self.parts = controller, renderer, parts
        self._touched = Touched(controller)
        self._topics: dict[Topic, Rendered] = {}
        self._by_part: dict[tuple[str, str], set[Topic]] = {}
        self._viewers: set[Viewer] = set()
        self._refreshed = 0.0
        self._measured_at: dict[str, datetime] = {}
        self._touched_topics: set[Topic] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        controller.bus.listen(self._hear)

    @property
    def watched(self) -> int:
        """How many parts somebody looks at."""
        return len(self._topics)

    def text(self, topic: Topic) -> Markup:
        """A part as it is now."""
        known = self._topics.get(topic)
        if known is not None and not known.stale and known.text is not None:
            return known.text
        template, build = self.parts[topic.part]
        more = {"seen": topic.rooms} if topic.part in WIDE else {}
        view = build(self._controller, topic.subject, topic.role, topic.language, **more)
        return self._renderer.part(template, topic.language, view, topic.id)

    async def watch(
        self, topics: Iterable[Topic], meters: str = "", account: str = ""
    ) -> AsyncIterator[bytes]:
        """Server-sent events for a page: the whole picture, then changes, a beat each second.

        ``meters``: the room whose programme is measured for this page, ``*`` for all, empty for none.
        ``account``: who looks; when it changes or logs out, the stream ends and must be asked for anew.
        """
        with self._looking(Viewer(tuple(topics), meters, account)) as viewer:
            number = self._controller.bus.last_number
            yield _message("parts", "\n".join(self._first(topic) for topic in viewer.topics), number)
            yield self._beat(viewer)
            with _every(BEAT, lambda: viewer.put("beat", self._beat(viewer))):
                while not viewer.ended:
                    yield await viewer.next()

    def touch(self, part: str, subject: str) -> None:
        """Something about a part may have changed."""
        for topic in self._by_part.get((part, subject), ()):
            self._topics[topic].stale = True
            self._touched_topics.add(topic)
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_at(max(loop.time(), self._not_before), self._send)

    def _hear(self, event: Event) -> None:
        if not self._viewers:
            return
        if isinstance(event, BroadcastMeasured):
            self._measured(event)
            return
        if isinstance(event, SoundMeasured):
            self._heard(event)
            return
        if isinstance(event, AccountChanged | LoggedOut):
            for viewer in self._viewers:
                if viewer.account == event.account:
                    viewer.end()
        for part, subject in self._touched.by(event):
            self.touch(part, subject)

    def _measured(self, event: BroadcastMeasured) -> None:
        room = self._touched.room(event)
        if (event.at - self._measured_at.get(room, EVER)).total_seconds() >= FIGURES:
            self._measured_at[room] = event.at
            self.touch("programme", room)
            self.touch("tiles", "")
            self.touch("mosaic", "")
        message = b""
        for viewer in self._viewers:
            if room and viewer.meters in ("*", room):
                message = message or _message("meters", json.dumps({"room": room, **event.meters}))
                viewer.put(("meters", room), message)

    def _heard(self, event: SoundMeasured) -> None:
        """Send a room's levels to those who look at its page: twenty times a second, and no part of it."""
        room = self._touched.room(event)
        message = b""
        for viewer in self._viewers:
            if viewer.meters == room and self._controller.sounds.of(room) is not None:
                message = message or _message("sound", json.dumps(levels(self._controller, room, event)))
                viewer.put(("sound", room), message)

    def _send(self) -> None:
        """Render what was touched and hand it to whoever looks at it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._timer = None
        touched, self._touched_topics = self._touched_topics, set()
        for topic in touched:
            known = self._topics.get(topic)
            if known is None:
                continue
            before = known.text
            text = self._current(topic)
            if text != before:
                message = _message("parts", text, self._controller.bus.last_number)
                for viewer in known.viewers:
                    viewer.put(topic, message)
        took = loop.time() - began
        self._not_before = began + max(GAP, SHARE * took)

    def _current(self, topic: Topic) -> Markup:
        known = self._topics[topic]
        known.text = self.text(topic)
        known.stale = False
        return known.text

    def _first(self, topic: Topic) -> Markup:
        """What a new viewer gets; a change on its way to the others stays on its way."""
        return self.text(topic) if topic in self._touched_topics else self._current(topic)

    def _beat(self, viewer: Viewer) -> bytes:
        """The server's time, and the number of the last event that the page shows already."""
        self._refresh()
        behind = any(self._topics[topic].stale for topic in viewer.topics)
        beat = {"now": now().isoformat(), "number": 0 if behind else self._controller.bus.last_number}
        return _message("beat", json.dumps(beat))

    def _refresh(self) -> None:
        """Parts say different things at different hours ("starts soon"), without any event."""
        time = asyncio.get_running_loop().time()
        if time - self._refreshed >= AGAIN:
            self._refreshed = time
            for part, subject in tuple(self._by_part):
                self.touch(part, subject)

    @contextmanager
    def _looking(self, viewer: Viewer) -> Iterator[Viewer]:
        for topic in viewer.topics:
            self._topics.setdefault(topic, Rendered()).viewers.add(viewer)
            self._by_part.setdefault((topic.part, topic.subject), set()).add(topic)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            for topic in viewer.topics:
                self._leave(topic, viewer)

    def _leave(self, topic: Topic, viewer: Viewer) -> None:
        known = self._topics[topic]
        known.viewers.discard(viewer)
        if known.viewers:
            return
        del self._topics[topic]
        same = self._by_part[topic.part, topic.subject]
        same.discard(topic)
        if not same:
            del self._by_part[topic.part, topic.subject]


def _message(event: str, data: str, number: int | None = None) -> bytes:
    """A server-sent event; ``number`` is that of the last event it takes into account."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() if line.strip())
    mark = "" if number is None else f"id: {number}\n"
    return f"event: {event}\n{mark}{lines}\n".encode()


@contextmanager
def _every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Do something again and again while the context lasts."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def again() -> None:
        nonlocal timer
        timer = loop.call_later(seconds, again)
        act()

    timer = loop.call_later(seconds, again)
    try:
        yield
    finally:
        timer.cancel()
