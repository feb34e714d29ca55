"""Memory that a program needed once and does not need now."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return what is free to the machine. The C library keeps it otherwise, for as long as anything that came
    later is in use; where it cannot (musl), nothing happens. Source: malloc_trim(3)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
