"""What screens show: contents, playlists with times and days, the memorial; and announced blackouts.

What a screen shows at a moment follows from the clock alone: every player of a playlist is at the same place
without being told, the controller knows which, and a player that is cut off goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from avctl.errors import Conflict

CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d)?$"
IDENTIFIER = r"^[a-z0-9][a-z0-9-]{0,62}$"
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]


class ContentKind(StrEnum):
    """What sort of content it is."""

    PAGE = "page"
    PICTURE = "picture"
    VIDEO = "video"
    STREAM = "stream"
    HALL = "hall"
    QUEUE = "queue"
    MEMORIAL = "memorial"


UPLOADED = (ContentKind.PICTURE, ContentKind.VIDEO)


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Plain):
    """An uploaded file as it was found to be."""

    name: str = Field(description="Its name in our folder.")
    media_type: str = Field(description="What it is.", examples=["image/jpeg"])
    size: int = Field(ge=1, description="Bytes.")
    width: int = Field(ge=1, description="Pixels.")
    height: int = Field(ge=1, description="Pixels.")
    seconds: float = Field(0, ge=0, description="How long it plays; 0: a picture.")
    checksum: str = Field(description="SHA-256 of its bytes.")


class Person(_Plain):
    """Somebody whom a memorial wall remembers."""

    name: str = Field(min_length=1, max_length=200, description="Name.")
    dates: str = Field("", max_length=100, description="Dates of birth and death.")
    words: str = Field("", max_length=500, description="Who it was.")
    portrait: str = Field("", max_length=63, description="Id of a picture; empty: none.")


class Content(_Plain):
    """Something that screens can show, in one of its versions."""

    id: Identifier = Field(description="Short name used in addresses.")
    kind: ContentKind = Field(description="What sort of content it is.")
    title: str = Field(min_length=1, max_length=200, description="Name people know it by.")
    url: str = Field(
        "", max_length=2000, pattern=r"^(https?://\S+)?$", description="Address of a page or a live stream."
    )
    room: str = Field("", max_length=63, description="Of which hall, while a session is in progress there.")
    people: tuple[Person, ...] = Field((), max_length=5000, description="Whom a memorial remembers.")
    file: File | None = Field(None, description="The file of a picture or a video.")
    version: int = Field(1, ge=1, description="Counted from 1.")
    made_at: AwareDatetime | None = None
    made_by: str = ""
    approved_at: AwareDatetime | None = None
    approved_by: str = ""
    removed: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind in (ContentKind.PAGE, ContentKind.STREAM) and not self.url:
            raise ValueError("url: an address that begins with https:// or http://")
        if self.kind is ContentKind.HALL and not self.room:
            raise ValueError("room: the id of a room")
        if self.kind in UPLOADED and self.file is None:
            raise ValueError("file: a file, for a picture or a video")
        if self.kind is ContentKind.MEMORIAL and not self.people:
            raise ValueError("people: at least one name")
        return self


def must_be_newest(newest: Content | Playlist | None, chosen: str, version: str) -> None:
    """Conflict when a form would take an id that is used, or put aside what somebody saved meanwhile.

    ``chosen`` and ``version``: from which of them the form was made, and as what; empty: for a new one.
    """
    if newest is not None and not chosen:
        raise Conflict(f"this short name has {newest.title} already")
    if newest is not None and version != str(newest.version):
        by, last = newest.made_by, newest.version
        raise Conflict(f"{by} has saved version {last} meanwhile; saved once more, yours stands")


class Hours(_Plain):
    """When something is shown, on the council's clock."""

    days: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(
        (), max_length=7, description="Days of the week, 0 is Monday; none: every day."
    )
    since: str = Field("", pattern=CLOCK, description="HH:MM; empty: from midnight.")
    until: str = Field("", pattern=CLOCK, description="HH:MM, not included; empty: to midnight.")
    first: date | None = Field(None, description="The first day.")
    last: date | None = Field(None, description="The last day.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("last: not before the first day")
        return self

    def hold(self, moment: datetime) -> bool:
        """Whether a moment of the council's clock is within."""
        day, clock = moment.date(), moment.time()
        since = time.fromisoformat(self.since) if self.since else time.min
        until = time.fromisoformat(self.until) if self.until else None
        if until is not None and until <= since:  # over midnight: the early hours are the day's before
            if clock < until:
                return self._of_day(day - timedelta(days=1))
            return clock >= since and self._of_day(day)
        return self._of_day(day) and clock >= since and (until is None or clock < until)

    def _of_day(self, day: date) -> bool:
        return (
            (not self.days or day.weekday() in self.days)
            and (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
        )


class Entry(_Plain):
    """A place in a playlist."""

    content: Identifier = Field(description="Id of what is shown.")
    seconds: int = Field(15, ge=1, le=86400, description="For how long; a video as long as it is.")


class Playlist(_Plain):
    """What screens show, in which order, and when. The highest ``rank`` goes first."""

    id: Identifier = Field(description="Short name used in addresses.")
    title: str = Field(min_length=1, max_length=200, description="Name people know it by.")
    screens: tuple[str, ...] = Field((), max_length=500, description="Ids of the screens that show it.")
    entries: tuple[Entry, ...] = Field((), max_length=500, description="What is shown, in order.")
    hours: Hours = Field(Hours(), description="When it is shown.")
    rank: int = Field(0, ge=0, le=100, description="Which goes first when several could be shown.")
    version: int = Field(1, ge=1, description="Counted from 1.")
    made_at: AwareDatetime | None = None
    made_by: str = ""
    removed: bool = False


class Blackout(_Plain):
    """Announced hours without mains."""

    id: Identifier = Field(description="Short name used in addresses.")
    begins_at: AwareDatetime = Field(description="From when.")
    ends_at: AwareDatetime = Field(description="Until when.")
    note: str = Field("", max_length=200, description="Who announced it, how certain it is.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta() < self.ends_at - self.begins_at <= timedelta(days=7):
            raise ValueError("ends_at: later than begins_at, by at most 7 days")
        return self

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is within."""
        return self.begins_at <= moment < self.ends_at

    def hits(self, since: datetime, until: datetime) -> bool:
        """Whether some of the time between two moments is without mains."""
        return self.begins_at < until and since < self.ends_at

    def hours(self, zone: ZoneInfo) -> str:
        """From when until when on the council's clock, in no language."""
        begins, ends = self.begins_at.astimezone(zone), self.ends_at.astimezone(zone)
        last = f"{ends:%H:%M}" if ends.date() == begins.date() else f"{ends:%d.%m.%Y %H:%M}"
        return f"{begins:%d.%m.%Y %H:%M}–{last}" + (f" ({self.note})" if self.note else "")


class Place(_Plain):
    """An entry of a playlist as a player needs it."""

    content: Content
    seconds: float


class Shown(_Plain):
    """A playlist as a player needs it: only what may be shown."""

    id: str
    title: str
    hours: Hours
    rank: int
    places: tuple[Place, ...]


def chosen(lists: Iterable[Shown], moment: datetime, zone: ZoneInfo) -> Shown | None:
    """The playlist that a screen shows at a moment; None when none of its lists holds."""
    local = moment.astimezone(zone).replace(tzinfo=None)
    holding = [one for one in lists if one.places and one.hours.hold(local)]
    return max(holding, key=lambda one: (one.rank, one.id), default=None)


def place_at(
    shown: Shown, moment: datetime, free: frozenset[str] = frozenset()
) -> tuple[Place | None, Place | None]:
    """What a playlist is at, and what comes next; places of ``free`` halls are left out."""
    places = [
        one for one in shown.places if not (one.content.kind is ContentKind.HALL and one.content.room in free)
    ]
    total = sum(one.seconds for one in places)
    if not places or not total:
        return None, None
    at = moment.timestamp() % total
    for number, one in enumerate(places):
        if at < one.seconds:
            return one, places[(number + 1) % len(places)] if len(places) > 1 else None
        at -= one.seconds
    return places[-1], places[0]
