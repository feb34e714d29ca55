"""Alerts: what a person must see, and who has it in hand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, allowed
from avctl.api.problems import documented
from avctl.commands import AcknowledgeAlert
from avctl.events import Severity
from avctl.model.account import Act
from avctl.model.alert import Alert
from avctl.services.reach import room_of


class AlertAnswer(BaseModel):
    """One alert per rule and subject while its cause lasts."""

    id: str
    rule: str = Field(description="Which rule raised it.", examples=["device_offline"])
    subject: str = Field(description="The device or session it is about.", examples=["plenary-camera-1"])
    severity: Severity
    text: str = Field(description="What is wrong, for a person.")
    raised: bool = Field(description="Whether the cause is still there.")
    raised_at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str = Field(description="The account that has it in hand; empty when nobody has.")
    acknowledged_reason: str

    @classmethod
    def of(cls, alert: Alert) -> AlertAnswer:
        """The answer about an alert."""
        return cls(raised=alert.raised, **vars(alert))


class Acknowledgement(BaseModel):
    """Why somebody takes an alert in hand."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "the camera is being replaced"}}
    )

    reason: str = Field(min_length=1, max_length=500, description="Why, in a few words.")


router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], responses=documented(401, 403))


@router.get("", dependencies=[allowed(Act.SEE_CONTROL)], responses=documented(422))
async def alerts(
    asked: Asked,
    raised: Annotated[bool | None, Query(description="Only those whose cause is (or is not) there.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 500,
) -> list[AlertAnswer]:
    """Raised ones first, the gravest first, then the latest."""
    found = [
        alert
        for alert in asked.controller.alerts
        if (raised is None or alert.raised is raised)
        and asked.account.reaches(room_of(asked.controller, alert.subject))
    ]
    return [AlertAnswer.of(alert) for alert in found[:limit]]


@router.post(
    "/{alert}/acknowledge",
    dependencies=[allowed(Act.ACKNOWLEDGE_ALERTS)],
    responses=documented(400, 404, 409, 413, 415, 422),
)
async def acknowledge(
    asked: Asked,
    alert: Annotated[str, Path(max_length=64, description="Id of the alert.")],
    acknowledgement: Acknowledgement,
) -> AlertAnswer:
    """Take an alert in hand; the first to do so is named."""
    room = room_of(asked.controller, asked.controller.alerts.get(alert).subject)
    asked.account.must_be_allowed(Act.ACKNOWLEDGE_ALERTS, room)
    command = AcknowledgeAlert(actor=asked.actor, alert=alert, reason=acknowledgement.reason)
    return AlertAnswer.of(await asked.controller.desk.obey(command))
