"""A child program of a broadcast: its place among the others goes by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import avctl.child
from avctl.child import MEMORY_SECONDS, leashed, resident
from streams.priority import rank_of

__all__ = ["MEMORY_SECONDS", "Child", "leashed", "resident"]


class Child(avctl.child.Child):
    """Runs one program of a broadcast inside ``async with``."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        pass_fds: Sequence[int] = (),
        wants_input: bool = False,
        secrets: Sequence[str] = (),
        heard: Callable[[str], None] | None = None,
        memory: int = 0,
    ) -> None:
        super().__init__(
            name,
            command,
            pass_fds=pass_fds,
            wants_input=wants_input,
            secrets=secrets,
            heard=heard,
            memory=memory,
            rank=rank_of(name),
        )
