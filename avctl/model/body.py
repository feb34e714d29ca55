"""Who sits: the council, its committees, the executive committee; and how their sittings usually are."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from avctl.model.booking import LONGEST_DELAY, LONGEST_MARGIN, AgendaItem, Kind, Policy


class BodyKind(StrEnum):
    """What sort of body it is."""

    COUNCIL = "council"
    COMMITTEE = "committee"
    EXECUTIVE = "executive"
    OTHER = "other"


class Template(BaseModel):
    """How a sitting of a body usually is: what a booking begins with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, description="What the secretariat calls it.")
    title: str = Field("", max_length=300, description="Title of the session.")
    kind: Kind = Field(Kind.COMMITTEE, description="What sort of sitting it is.")
    room: str = Field("", max_length=63, description="Id of the room.")
    clock: str = Field(
        "10:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Start, on the council's clock."
    )
    minutes: int = Field(120, ge=5, le=1440, description="How long it is planned.")
    setup_minutes: int = Field(0, ge=0, le=LONGEST_MARGIN, description="Minutes before the start.")
    breakdown_minutes: int = Field(0, ge=0, le=LONGEST_MARGIN, description="Minutes after the end.")
    policy: Policy = Field(Policy.LIVE, description="How the public sees it.")
    release_hours: float | None = Field(
        None, ge=0, le=LONGEST_DELAY, description="Policy delayed: hours after the end."
    )
    on_duty: tuple[str, ...] = Field((), max_length=50, description="Accounts of the people on duty.")
    agenda: tuple[AgendaItem, ...] = Field((), max_length=100, description="Items that every sitting has.")


class Body(BaseModel):
    """Who sits."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "example": {
                "id": "budget",
                "name": "Постійна комісія з питань бюджету",
                "name_en": "Standing Committee on Budget",
                "kind": "committee",
                "templates": [{"name": "щотижневе", "kind": "committee", "clock": "14:00", "minutes": 90}],
            }
        },
    )

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Short name used in addresses.", examples=["budget"]
    )
    name: str = Field(min_length=1, max_length=300, description="Name, as the public reads it.")
    name_en: str = Field("", max_length=300, description="The same in English.")
    kind: BodyKind = Field(BodyKind.COMMITTEE, description="What sort of body it is.")
    templates: tuple[Template, ...] = Field((), max_length=20, description="How its sittings usually are.")
