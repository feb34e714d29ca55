"""How many people watch: who fetched a playlist of a session in the last seconds, counted and forgotten.

A viewer is an address with a program. Of both only a short hash is kept, salted anew at each start, in
memory, for as long as it counts: nobody can be found again by it, here or anywhere else.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b

SECONDS = 15.0  # a player asks once a segment, which has ten seconds at most
MOST = 100_000  # viewers held at once, some 20 MB; those beyond are not counted
HASH_BYTES = 8


class Viewers:
    """Counts while the context of a controller lasts."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds, self._most = seconds, most
        self._salt = secrets.token_bytes(16)
        self._seen: dict[str, OrderedDict[bytes, float]] = {}
        self._held = 0

    def saw(self, session: str, address: str, program: str) -> None:
        """Somebody fetched a playlist of a session that is public."""
        now = time.monotonic()
        self._forget(now)
        said = f"{address}\0{program}".encode(errors="replace")
        viewer = blake2b(said, key=self._salt, digest_size=HASH_BYTES).digest()
        seen = self._seen.get(session)
        if seen is not None and viewer in seen:
            seen.move_to_end(viewer)
        elif self._held < self._most:
            self._held += 1
            seen = self._seen.setdefault(session, OrderedDict())
        else:
            return
        seen[viewer] = now

    def of(self, session: str) -> int:
        """Who watches a session now."""
        return self.counts().get(session, 0)

    def counts(self) -> Mapping[str, int]:
        """The sessions somebody watches, each with how many."""
        self._forget(time.monotonic())
        return {session: len(seen) for session, seen in self._seen.items()}

    def total(self) -> int:
        """Who watches anything; somebody with two sessions open is one."""
        self._forget(time.monotonic())
        return len(set().union(*self._seen.values()))

    def _forget(self, now: float) -> None:
        """Let go who has not asked again, oldest first: each is looked at once."""
        for session, seen in tuple(self._seen.items()):
            while seen and now - next(iter(seen.values())) > self._seconds:
                seen.popitem(last=False)
                self._held -= 1
            if not seen:
                del self._seen[session]
