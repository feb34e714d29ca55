"""What every prover is: it knows which lines a session's preparation has, and does one of them when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from avctl.model.preparation import Line, Verdict
from avctl.model.session import Session

ACTOR = "preparation"  # as which devices are used: the sheet says who asked for it

Keep = Callable[[Mapping[str, Any]], None]
"""Says, before it is moved, what must be put back should we die meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a line. ``text`` is a message of ``preparation_words``."""

    verdict: Verdict
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Prover(Protocol):
    """Who proves some kinds of lines."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its lines."""

    def lines(self, session: Session) -> Iterable[Line]:
        """Its lines for a session, those that wait after those they wait for."""

    async def prove(self, session: Session, line: Line, keep: Keep) -> Result:
        """Do it; an AvctlError is a failure with that reason. Cancelled, it puts everything back."""

    async def put_back(self, line: Line) -> None:
        """Put back what a line kept when the controller died."""


def passed(text: str, **values: Any) -> Result:
    """As it should be."""
    return Result(verdict=Verdict.PASS, text=text, values=values)


def warned(text: str, **values: Any) -> Result:
    """Not as it should be, and not in the way."""
    return Result(verdict=Verdict.WARN, text=text, values=values)


def failed(text: str, **values: Any) -> Result:
    """Somebody must look."""
    return Result(verdict=Verdict.FAIL, text=text, values=values)
