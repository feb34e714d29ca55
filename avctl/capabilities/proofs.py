"""How a verb is proved: ``@proved_by`` says which readings show that it was done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from avctl.errors import Unsupported

Proof = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""(readings, arguments) -> whether the readings show that the verb was done."""

Verb = TypeVar("Verb", bound=Callable[..., Awaitable[None]])


def proved_by(proof: Proof) -> Callable[[Verb], Verb]:
    """Give a verb the proof that its effect shows in the readings."""

    def mark(verb: Verb) -> Verb:
        verb.__dict__["proof"] = proof
        return verb

    return mark


def reads(reading: str, argument: str) -> Proof:
    """Proved when the reading equals the argument."""
    return lambda readings, arguments: readings.get(reading) == arguments[argument]


def reads_value(reading: str, value: object) -> Proof:
    """Proved when the reading has this value."""
    return lambda readings, _: readings.get(reading) == value


def listed(reading: str, argument: str) -> Proof:
    """Proved when the argument is among the reading's values."""
    return lambda readings, arguments: arguments[argument] in readings.get(reading, ())


def unlisted(reading: str, argument: str) -> Proof:
    """Proved when the reading is known and the argument is not among its values."""
    return lambda readings, arguments: reading in readings and arguments[argument] not in readings[reading]


def emptied(reading: str) -> Proof:
    """Proved when the reading is known and has no values."""
    return lambda readings, _: reading in readings and not readings[reading]


def lacking(reason: str) -> Any:
    """What a driver has in the place of a verb that its make cannot do, with the reason."""

    async def verb(self: object, **_: object) -> None:
        raise Unsupported(reason)

    verb.__dict__["lacks"] = reason
    return verb
