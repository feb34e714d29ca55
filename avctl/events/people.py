"""What people must see, and what they did with their accounts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from avctl.events.event import Event


class Severity(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class AlertEvent(Event):
    """Something about an alert."""

    alert: str


@dataclass(frozen=True, kw_only=True)
class AlertRaised(AlertEvent):
    """Something a person must see."""

    rule: str
    subject: str
    severity: Severity
    text: str


@dataclass(frozen=True, kw_only=True)
class AlertCleared(AlertEvent):
    """The cause is gone."""


@dataclass(frozen=True, kw_only=True)
class AlertAcknowledged(AlertEvent):
    """A person has it in hand."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountEvent(Event):
    """Something about an account."""

    account: str


@dataclass(frozen=True, kw_only=True)
class LoggedIn(AccountEvent):
    """A person logged in, from a network address."""

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class LoggedOut(AccountEvent):
    """A person logged out."""


@dataclass(frozen=True, kw_only=True)
class LoginRefused(AccountEvent):
    """Somebody tried a wrong name or password, from a network address."""

    address: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountChanged(AccountEvent):
    """An account was added, disabled, or given a new password or token; ``change`` says which."""

    change: str
