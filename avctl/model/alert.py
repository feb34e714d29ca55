"""Something a person must see: raised once, cleared once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from avctl.errors import Conflict
from avctl.events import AlertAcknowledged, AlertCleared, AlertEvent, AlertRaised, Severity


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert per rule and subject while it is raised."""

    id: str
    rule: str
    subject: str
    severity: Severity
    text: str
    raised_at: datetime
    cleared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_reason: str = ""

    @property
    def raised(self) -> bool:
        """Whether the cause is still there."""
        return self.cleared_at is None

    @classmethod
    def of(cls, event: AlertRaised) -> Alert:
        """The alert that was raised."""
        return cls(
            id=event.alert,
            rule=event.rule,
            subject=event.subject,
            severity=event.severity,
            text=event.text,
            raised_at=event.at,
        )

    def acknowledge(self, reason: str, actor: str) -> AlertAcknowledged | None:
        """Take it in hand; once is enough."""
        if not self.raised:
            raise Conflict("the alert has been cleared already")
        if self.acknowledged_at is not None:
            return None
        return AlertAcknowledged(alert=self.id, actor=actor, reason=reason)

    def after(self, event: AlertEvent) -> Self:
        """The alert once ``event`` has happened."""
        match event:
            case AlertCleared():
                return replace(self, cleared_at=event.at)
            case AlertAcknowledged():
                return replace(
                    self,
                    acknowledged_at=event.at,
                    acknowledged_by=event.actor,
                    acknowledged_reason=event.reason,
                )
            case AlertRaised():
                return replace(self, text=event.text, severity=event.severity)
            case _:
                return self
