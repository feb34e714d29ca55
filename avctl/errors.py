"""Every error avctl raises on purpose, sorted by who must act next.

AvctlError
 |- ConfigError       a person edits the file          never retried
 |- DeviceError
 |   |- LinkError     the supervisor                   retried, with back-off
 |   |   `- Untrusted a person pins another certificate, or finds out who answers
 |   |- AuthRefused   a person gives a new secret      not retried, alert
 |   |- Rejected      the caller; the device said no   (.code)
 |   |- NoAnswer      the caller; the device was silent
 |   `- ProtocolError us; the bytes made no sense      link ended, retried
 |- BadArgument       the caller; a value is wrong     (.field)
 |- Conflict          the caller; wrong moment
 |   |- Clashing      the caller; what is wanted is taken (.clashes)
 |   `- Stale         the caller looks again: somebody was quicker (.current, .changed)
 |- Unsupported       the caller; wrong device
 |- NotFound          the caller; no such thing
 |- NotLoggedIn       the caller logs in
 |- Forbidden         the caller; not this role
 `- TooManyTries      the caller waits                 (.retry_after)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AvctlError(Exception):
    """The root: whatever avctl raises on purpose."""


class ConfigError(AvctlError):
    """The configuration cannot be used. ``faults`` names each as (key, what was expected)."""

    def __init__(self, message: str, faults: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class DeviceError(AvctlError):
    """Something between us and a device went wrong."""


class LinkError(DeviceError):
    """The wire broke or could not be made; the supervisor tries again."""


class Untrusted(LinkError):
    """Whoever answers shows another certificate than the pinned one: nothing was sent there."""


class AuthRefused(DeviceError):
    """The device refused our secret; nobody tries again until a person gives a new one."""


class Rejected(DeviceError):
    """The device understood and said no. ``code`` is the vendor's own word for it."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NoAnswer(DeviceError):
    """The device did not answer, or did not do what it confirmed, in time."""


class ProtocolError(DeviceError):
    """The device sent bytes that make no sense in its protocol."""


class BadArgument(AvctlError):
    """A value from outside is wrong. ``field`` names it, the message says what was expected."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


class Conflict(AvctlError):
    """Right request, wrong moment."""


class Clashing(Conflict):
    """What is wanted is taken. ``clashes`` says by what, as plain data."""

    def __init__(self, message: str, clashes: tuple[Mapping[str, Any], ...]) -> None:
        super().__init__(message)
        self.clashes = clashes


class Stale(Conflict):
    """Somebody else changed it meanwhile: ``current`` is how it stands, ``changed`` who changed what."""

    def __init__(self, message: str, current: Any, changed: tuple[Mapping[str, Any], ...]) -> None:
        super().__init__(message)
        self.current = current
        self.changed = changed


class Unsupported(AvctlError):
    """This device cannot do that."""


class NotFound(AvctlError):
    """There is no such thing."""


class NotLoggedIn(AvctlError):
    """Nobody is logged in, or the log-in has ended."""


class Forbidden(AvctlError):
    """The one who asks has not the role for it."""


class TooManyTries(AvctlError):
    """Too many attempts; ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
