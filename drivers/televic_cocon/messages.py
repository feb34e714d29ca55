"""What is in the answers of a CoCon server: JSON in a JSON text, numbers as numbers or as texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from avctl.errors import ProtocolError
from avctl.http import Answer

Lists = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Who speaks, who asks, who asks to reply."""


def content(answer: Answer) -> Any:
    """What is in an answer: JSON in a JSON text, JSON, or only a text."""
    found = answer.json() if answer.text.strip() else ""
    if isinstance(found, str):
        with suppress(ValueError, RecursionError):
            return json.loads(found)
    return found


def rows(found: Any, name: str, needed: bool = False) -> list[Mapping[str, Any]]:
    rows = found.get(name) if isinstance(found, dict) else None
    if rows is None and not needed:
        return []  # no meeting runs, or this server does not know the question
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolError(f"no list of {name}")
    return rows


def items(found: Any) -> Iterator[Mapping[str, Any]]:
    """The agenda items of an answer, wherever they are in it."""
    if isinstance(found, dict):
        if "Type" in found and "State" in found:
            yield found
        found = list(found.values())
    for inner in found if isinstance(found, list) else ():
        yield from items(inner)


def lists(state: Mapping[str, Any]) -> Lists:
    return numbers(state.get("Speakers")), numbers(state.get("Requests")), numbers(state.get("Replies"))


def number(value: object) -> int | None:
    """A seat; 0 is none. Numbers come as numbers or as texts."""
    text = str(value)
    return int(text) if text.isdecimal() and int(text) > 0 else None


def numbers(found: Any) -> tuple[int, ...]:
    if not isinstance(found, list | None):
        raise ProtocolError("no list of seats")
    return tuple(dict.fromkeys(seat for one in found or () if (seat := number(one)) is not None))
