"""One order of events for everybody.

Folding is synchronous, fan-out is by queue: whoever wakes later sees a state at least as new as the event.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from avctl.events import Event, changed

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)
Listener = Callable[[Any], None]


class Lagging(Exception):
    """A queue was too slow and has been let go; its owner starts over."""


class Subscription:
    """A queue of events for one task; ends with Lagging when its owner is too slow."""

    def __init__(self, size: int) -> None:
        self._events: deque[Event] = deque()
        self._size = size
        self._wake = asyncio.Event()
        self._ended: BaseException | None = None

    def put(self, event: Event) -> None:
        """Called by the bus."""
        if self._ended is None:
            if self._size and len(self._events) >= self._size:
                self._ended = Lagging()
            else:
                self._events.append(event)
            self._wake.set()

    def close(self) -> None:
        """Let the owner read what is queued, then stop."""
        self._ended = self._ended or StopAsyncIteration()
        self._wake.set()

    async def next(self) -> Event:
        """The next event, waiting for it."""
        while not self._events:
            if self._ended is not None:
                raise self._ended
            self._wake.clear()
            await self._wake.wait()
        if isinstance(self._ended, Lagging):
            raise self._ended
        return self._events.popleft()

    def waiting(self) -> tuple[Event, ...]:
        """Everything queued now, taken at once."""
        taken = tuple(self._events)
        self._events.clear()
        return taken

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            try:
                event = await self.next()
            except StopAsyncIteration:
                return
            yield event


class Bus:
    """Carries events from where they happen to whoever listens, each in the same order."""

    def __init__(self, last_number: int = 0) -> None:
        self.last_number = last_number
        self._listeners: list[tuple[type[Event] | tuple[type[Event], ...], Listener]] = []
        self._concerned_by: dict[type[Event], tuple[Listener, ...]] = {}
        self._subscriptions: set[Subscription] = set()
        self._waiting: deque[Event] = deque()
        self._delivering = False

    def listen(self, listener: Callable[[E], None], *kinds: type[E], first: bool = False) -> None:
        """Call ``listener`` with every event of these kinds, at once; it must not wait.

        ``first``: before all others, for what has to lead to bytes at once; nobody has folded the event then.
        """
        self._listeners.insert(0 if first else len(self._listeners), (kinds or Event, listener))
        self._concerned_by.clear()

    @contextmanager
    def subscribe(self, size: int = 0) -> Iterator[Subscription]:
        """A queue of everything published from now on; ``size`` 0 has no bound."""
        subscription = Subscription(size)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            subscription.close()

    def publish(self, event: Event) -> None:
        """Tell everybody; an event published while another is delivered waits its turn."""
        self._waiting.append(event)
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._waiting:
                self._deliver(self._waiting.popleft())
        finally:
            self._delivering = False

    def _deliver(self, event: Event) -> None:
        self.last_number += 1
        event = changed(event, number=self.last_number)
        for listener in self._concerned(type(event)):
            try:
                listener(event)
            except Exception:  # one listener's fault must not silence the rest
                log.exception("a listener failed on %s", type(event).__name__)
        for subscription in tuple(self._subscriptions):
            subscription.put(event)

    def _concerned(self, kind: type[Event]) -> tuple[Listener, ...]:
        concerned = self._concerned_by.get(kind)
        if concerned is None:
            concerned = tuple(listener for kinds, listener in self._listeners if issubclass(kind, kinds))
            self._concerned_by[kind] = concerned
        return concerned
