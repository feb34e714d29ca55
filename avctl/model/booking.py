"""What the secretariat enters for a sitting."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from avctl.errors import BadArgument

LONGEST = timedelta(hours=24)
LONGEST_DELAY = 24 * 366  # hours
LONGEST_MARGIN = 12 * 60  # minutes
LONGEST_ITEM = 24 * 60  # minutes
BREAKS = frozenset({"Cc", "Zl", "Zp"})
YEARS = range(2000, 2100)  # beyond lie moments that some time zone, or some database, cannot hold


class Kind(StrEnum):
    """What sort of sitting it is."""

    PLENARY = "plenary"
    COMMITTEE = "committee"
    EXECUTIVE = "executive"
    HEARING = "hearing"
    BRIEFING = "briefing"
    ONLINE = "online"


class Policy(StrEnum):
    """How the public sees it (law 3590-IX; design, section 2)."""

    LIVE = "live"
    DELAYED = "delayed"
    RECORD = "record"
    NONE = "none"


def _one_line(text: str) -> str:
    """Text without line breaks and control characters, which calendars and tables stumble over."""
    return " ".join("".join(" " if unicodedata.category(one) in BREAKS else one for one in text).split())


Line = Annotated[str, AfterValidator(_one_line)]


class AgendaItem(BaseModel):
    """One question of the agenda."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Line = Field(max_length=20, description="Number as the agenda prints it.", examples=["1", "2.3"])
    title: Line = Field(min_length=1, max_length=1000, description="What is considered.")
    speaker: Line = Field("", max_length=300, description="Who reports on it.")
    document: HttpUrl | None = Field(None, description="Where its draft can be read.")
    closed: bool = Field(False, description="Considered without the public.")
    minutes: int | None = Field(
        None,
        ge=1,
        le=LONGEST_ITEM,
        description="How long it is planned; null: its share of the rest.",
    )


class Place(BaseModel):
    """Which occurrence of a series a booking is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    series: str = Field(max_length=64, description="Id that the occurrences share.")
    rule: str = Field(max_length=500, description="The rule (RFC 5545, RRULE) on the council's clock.")
    # The format "date-time" would promise an offset.
    at: Annotated[datetime, WithJsonSchema({"type": "string", "examples": ["2027-03-04T10:00:00"]})] = Field(
        description="When the rule puts it, on the council's clock, without an offset."
    )
    moved: bool = Field(False, description="It has a time of its own: a change of the series leaves that.")


class Booking(BaseModel):
    """What the secretariat enters."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "example": {
                "title": "Пленарне засідання",
                "body": "Київська міська рада",
                "kind": "plenary",
                "room": "plenary",
                "starts_at": "2027-02-11T10:00:00+02:00",
                "ends_at": "2027-02-11T18:00:00+02:00",
                "setup_minutes": 60,
                "breakdown_minutes": 30,
                "policy": "live",
                "agenda": [
                    {
                        "number": "1",
                        "title": "Про бюджет міста Києва на 2027 рік",
                        "speaker": "Департамент фінансів",
                    }
                ],
            }
        },
    )

    title: Line = Field(min_length=1, max_length=300, description="Title, as the public reads it.")
    body: Line = Field("", max_length=300, description="Who sits: the council, a committee.")
    kind: Kind = Field(Kind.PLENARY, description="What sort of sitting it is.")
    off_site: bool = Field(
        False, description="Held elsewhere: booked, never broadcast; it has no room and no source then."
    )
    room: str = Field("", max_length=63, description="Id of the room; empty when off-site, and only then.")
    starts_at: AwareDatetime = Field(description="Planned start, with its offset from UTC.")
    ends_at: AwareDatetime = Field(description="Planned end, with its offset from UTC.")
    setup_minutes: int = Field(
        0, ge=0, le=LONGEST_MARGIN, description="Minutes the room is needed before the start."
    )
    breakdown_minutes: int = Field(
        0, ge=0, le=LONGEST_MARGIN, description="Minutes the room is needed after the end."
    )
    policy: Policy = Field(Policy.LIVE, description="How the public sees it.")
    release_at: AwareDatetime | None = Field(
        None, description="Policy delayed: when the recording becomes public; null: `release_hours` counts."
    )
    release_hours: float | None = Field(
        None,
        ge=0,
        le=LONGEST_DELAY,
        description="Policy delayed: hours after the end until it becomes public; null: the setting.",
    )
    agenda: tuple[AgendaItem, ...] = Field((), max_length=1000, description="The agenda, in order.")
    on_duty: tuple[str, ...] = Field((), max_length=50, description="Accounts of the people on duty.")
    remote_link: HttpUrl | None = Field(None, description="Where remote participants join; not public.")
    remote_source: str = Field(
        "", max_length=63, description="Id of the room's source that brings the picture of the conference."
    )
    place: Place | None = Field(None, description="Which occurrence of a series it is; null: of none.")
    key: str = Field("", max_length=300, description="By what a list that is imported again finds it.")

    @property
    def since(self) -> datetime:
        """From when it needs its room and its people."""
        return self.starts_at - timedelta(minutes=self.setup_minutes)

    @property
    def until(self) -> datetime:
        """Until when it needs them."""
        return self.ends_at + timedelta(minutes=self.breakdown_minutes)

    @property
    def broadcastable(self) -> bool:
        """Whether it may ever have a broadcast or a recording."""
        return not self.off_site and self.policy is not Policy.NONE

    @field_validator("room", "remote_source")
    @classmethod
    def _nowhere_when_off_site(cls, value: str, info: ValidationInfo) -> str:
        # Held elsewhere, it takes no room from anybody: not on a page, not from the next who sits there.
        return "" if info.data.get("off_site") else value

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for field in ("starts_at", "ends_at", "release_at"):
            moment = getattr(self, field)
            if moment is not None and moment.year not in YEARS:
                raise ValueError(f"{field}: a year from {YEARS.start} to {YEARS.stop - 1}")
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at: later than starts_at")
        if self.ends_at - self.starts_at > LONGEST:
            raise ValueError("ends_at: at most 24 hours after starts_at")
        if not self.room and not self.off_site:
            raise ValueError("room: the id of a room, unless the session is off-site")
        if self.release_at is not None and self.release_at < self.ends_at:
            raise ValueError("release_at: not before ends_at")
        return self


def booking_of(details: Mapping[str, Any]) -> Booking:
    """The booking of what somebody entered; BadArgument names the first field that is wrong."""
    try:
        return Booking.model_validate(details)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        if not field and ": " in message:
            field, _, message = message.partition(": ")
        raise BadArgument(field, message) from fault


def amended(booking: Booking, details: Mapping[str, Any]) -> Booking:
    """The booking with some fields changed; BadArgument as ``booking_of``."""
    return booking_of({**booking.model_dump(mode="json"), **details})


def changes(before: Booking, after: Booking) -> dict[str, Any]:
    """The fields that differ, as an event keeps them."""
    old = before.model_dump(mode="json")
    return {name: value for name, value in after.model_dump(mode="json").items() if value != old[name]}
