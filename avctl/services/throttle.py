"""Slows down whoever guesses passwords: wrong tries are counted for each name and each address."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from avctl.errors import TooManyTries

MINUTES = 5


class Throttle:
    """Allows ``tries`` wrong ones in five minutes for each name and for each address."""

    def __init__(self, tries: int) -> None:
        self._item = RateLimitItemPerMinute(tries, MINUTES)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def check(self, name: str, address: str) -> None:
        """TooManyTries, unless one more is allowed."""
        wait = 0.0
        for key in _keys(name, address):
            if not await self._limiter.test(self._item, *key):
                window = await self._limiter.get_window_stats(self._item, *key)
                wait = max(wait, window.reset_time - time.time(), 1.0)
        if wait:
            raise TooManyTries("too many wrong log-ins", retry_after=math.ceil(wait))

    async def wrong(self, name: str, address: str) -> None:
        """Count a wrong one."""
        for key in _keys(name, address):
            await self._limiter.hit(self._item, *key)

    async def right(self, name: str) -> None:
        """Forget the wrong ones of a name. Those of an address stay: its owner may have an account too."""
        await self._limiter.clear(self._item, "name", name)


def _keys(name: str, address: str) -> tuple[tuple[str, str], ...]:
    return (("name", name), ("address", _network(address))) if name else (("address", _network(address)),)


def _network(address: str) -> str:
    """An IPv6 customer has 2^64 addresses; the network counts as one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
