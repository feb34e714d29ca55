"""Messages of Chromium's debugging protocol, taken apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from avctl.errors import ProtocolError


def page_id(told: object) -> str:
    """The id of a page, as a list or a new one tells it."""
    name = str(table(told).get("id", ""))
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", name):
        raise ProtocolError(f"a page without an id: {str(told)[:80]}")
    return name


def mapping(value: object) -> Mapping[str, Any]:
    """A part of a message; an empty one where it is no object."""
    return value if isinstance(value, Mapping) else {}


def table(value: object) -> Mapping[str, Any]:
    """A message; ProtocolError for what is no object."""
    if not isinstance(value, Mapping):
        raise ProtocolError(f"no JSON object: {str(value)[:80]}")
    return value
