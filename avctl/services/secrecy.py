"""Keeps secrets out of the journal: values are hidden by the name they go under, and inside addresses."""

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
