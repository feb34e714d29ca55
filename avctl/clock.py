"""The time that everything goes by: the machine's own, unless ``main`` was handed another clock.

A clock holds for whatever is begun while it goes: tasks inherit it, other controllers of the same program do
not. What waits for the plan (``sleep``) waits by it too, so that a week can pass in seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime


class Clock:
    """The machine's."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""
        await asyncio.sleep(seconds)


_machine = Clock()
_going: ContextVar[Clock] = ContextVar("clock", default=_machine)


def now() -> datetime:
    """This moment, aware, in UTC."""
    return _going.get().now()


async def sleep(seconds: float) -> None:
    """Wait so long, by the same clock."""
    await _going.get().sleep(seconds)


@contextmanager
def going_by(clock: Clock) -> Iterator[None]:
    """Let everything begun in this context go by another clock."""
    token = _going.set(clock)
    try:
        yield
    finally:
        _going.reset(token)
