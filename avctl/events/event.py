"""What every event has."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from avctl.clock import now

Frozen = TypeVar("Frozen")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. ``actor`` is the account that caused it; empty when nobody did."""

    transient: ClassVar[bool] = False  # true: shown to viewers, not worth the journal

    at: datetime = field(default_factory=now)
    actor: str = ""
    number: int = 0


def changed(one: Frozen, **fields: Any) -> Frozen:
    """As ``dataclasses.replace`` at a fifth of its cost, for what changes at each event.

    Of a dataclass that keeps its values in its dictionary and computes none when it is made.
    """
    other = object.__new__(type(one))
    other.__dict__.update(one.__dict__, **fields)
    return other
