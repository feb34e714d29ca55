"""Keeps secrets out of the journal: values are hidden by the name they go under, and inside addresses.

And votes of closed parts from those who may not see them, wherever events and readings are told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "•••"

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SECRET = {
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "pin",
    "token",
    "key",
    "apikey",
    "credentials",
    "card",
}
# rtmp://user:password@host, https://host/join?pwd=1234
_IN_URL = re.compile(
    r"(?<=://)[^/@\s]+(?=@)|(?<=[?&])((?:pwd|pass\w*|token|key|secret|streamid)=)[^&\s]+", re.IGNORECASE
)


VOTE_READINGS = ("vote_title", "vote_counts", "voted")
_VOTES: Mapping[str, tuple[str, ...]] = {
    # A system does not know of closed parts: what may be known of its votes, the sitting's own events tell.
    **{"VoteOpened": ("title",), "VoteClosed": ("title", "counts", "choices", "present")},
    **{"VoteLost": ("title",), "QuestionLost": ("title",)},
    "QuestionPut": ("title", "item"),
    "QuestionDecided": ("title", "outcome", "present", "counts", "ballots"),
}


@lru_cache(maxsize=4096)
def secret_named(name: str) -> bool:
    """Whether what goes under this name is a secret: ``pin``, ``streamKey``, ``new_password``."""
    words = {word.lower() for word in _WORDS.findall(name)}
    return bool(words & _SECRET) or "password" in name.lower()


def masked(data: Mapping[str, Any]) -> dict[str, Any]:
    """JSON data without its secrets, in a form that every database takes."""
    return {
        name: HIDDEN if value not in (None, "", False, True) and secret_named(name) else _clean(value)
        for name, value in data.items()
    }


def without_votes(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event, for somebody who may not see votes of closed parts."""
    hidden: tuple[str, ...]
    if kind.startswith("Verb"):
        hidden = ("arguments",) if data.get("verb") == "open_vote" else ()
    elif kind == "ReadingsChanged":
        return {**data, "readings": without_vote(data.get("readings") or {})}
    else:
        hidden = _VOTES.get(kind, ()) if data.get("closed_part") is not False else ()
    return {name: _nothing(value) if name in hidden else value for name, value in data.items()}


def without_vote(readings: Mapping[str, Any]) -> dict[str, Any]:
    """A system's readings, for somebody who may not see its vote."""
    return {name: value for name, value in readings.items() if name not in VOTE_READINGS}


def _nothing(value: Any) -> Any:
    return {} if isinstance(value, Mapping) else HIDDEN if isinstance(value, str) else None


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, int):  # most of it, such as hundreds of seats that wait
        return value
    match value:
        case Mapping():
            return masked(value)
        case list() | tuple():
            return [_clean(inner) for inner in value]
        case str():
            # Devices send anything; a lone surrogate or a NUL has no place in a database.
            text = value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
            text = text.replace("\0", "")
            return _IN_URL.sub(lambda found: (found[1] or "") + HIDDEN, text)
        case float() if not math.isfinite(value):
            return None
    return value
