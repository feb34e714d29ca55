"""A request sent twice with one key is done once (the header Idempotency-Key)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from avctl.errors import BadArgument


@dataclass
class Claim:
    """What became of a request; ``answer`` is None until it has been done."""

    asked: Mapping[str, Any]
    answer: str | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Once:
    """Remembers the last so many keys while the controller runs.

    After a restart a repeated booking is refused all the same: it clashes with itself in its room.
    """

    def __init__(self, remembered: int = 1000) -> None:
        self._remembered = remembered
        self._claims: OrderedDict[tuple[str, str], Claim] = OrderedDict()

    @asynccontextmanager
    async def claim(self, actor: str, key: str | None, asked: Mapping[str, Any]) -> AsyncIterator[Claim]:
        """Do it inside, unless ``answer`` says that it has been done; a failure may be tried again."""
        if not key:
            yield Claim(asked=asked)
            return
        claim = self._claims.setdefault((actor, key), Claim(asked=asked))
        if claim.asked != asked:
            raise BadArgument("Idempotency-Key", "a key of its own: this one was used for another request")
        while len(self._claims) > self._remembered:
            self._claims.popitem(last=False)
        async with claim.turn:
            yield claim
