"""What the pages of screens, of the air raid and of the mains are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboards.views.pages import Choice, Chrome
from dashboards.views.parts import Button


@dataclass(frozen=True, kw_only=True)
class BannerLine:
    """What a session could do for the air raid."""

    session: str
    title: str
    room: str
    word: str
    acts_at: datetime | None
    url: str
    buttons: tuple[Button, ...]


@dataclass(frozen=True, kw_only=True)
class Banner:
    """parts/banner.html: on every page of the staff; ``look`` empty: there is nothing to say."""

    look: str
    word: str
    level: str
    since: datetime | None
    lost_since: datetime | None
    heard_at: datetime | None
    lines: tuple[BannerLine, ...]
    emergency: str
    missed: int


@dataclass(frozen=True, kw_only=True)
class EmergencyView:
    """parts/emergency.html: what every screen shows; ``kind`` empty: nothing any more."""

    kind: str
    title: str
    text: str
    shelter: str
    shelter_en: str
    council: str


@dataclass(frozen=True, kw_only=True)
class ScreenTile:
    """One screen of the lobby."""

    id: str
    title: str
    place: str
    look: str
    word: str
    since: datetime
    reason: str
    page: str
    picture: str
    every: int
    now: str
    then: str
    playlist: str
    memorial: bool
    missed: str
    url: str
    buttons: tuple[Button, ...]


@dataclass(frozen=True, kw_only=True)
class LobbyView:
    """parts/lobby.html."""

    kind: str
    text: str
    by: str
    at: datetime | None
    reached: int
    slowest: float
    wanted: int
    returning: int
    missed: tuple[tuple[str, str], ...]
    may: bool
    raid: Button | None
    show: Button | None
    lift: tuple[Button, ...]
    screens: tuple[ScreenTile, ...]


@dataclass(frozen=True, kw_only=True)
class UpsRow:
    """A UPS."""

    title: str
    look: str
    word: str
    since: datetime | None
    charge: int | None
    minutes: int | None


@dataclass(frozen=True, kw_only=True)
class LoadRow:
    """A load that can be shed."""

    title: str
    look: str
    word: str
    fault: str


@dataclass(frozen=True, kw_only=True)
class BlackoutRow:
    """Announced hours without mains."""

    id: str
    begins_at: datetime
    ends_at: datetime
    note: str
    now: bool
    hits: tuple[tuple[str, str], ...]
    remove: Button | None


@dataclass(frozen=True, kw_only=True)
class MainsView:
    """parts/mains.html."""

    units: tuple[UpsRow, ...]
    loads: tuple[LoadRow, ...]
    blackouts: tuple[BlackoutRow, ...]


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """A version of a content or a playlist."""

    version: int
    made_by: str
    made_at: datetime | None
    approved_by: str
    shown: bool
    waits: bool
    may_approve: bool


@dataclass(frozen=True, kw_only=True)
class ContentRow:
    """A content on the shelf."""

    id: str
    title: str
    kind: str
    detail: str
    preview: str
    word: str
    waits: bool


@dataclass(frozen=True, kw_only=True)
class ShelfPage:
    """shelf.html: contents, and the form of one."""

    chrome: Chrome
    contents: tuple[ContentRow, ...]
    kinds: tuple[Choice, ...]
    rooms: tuple[Choice, ...]
    values: Mapping[str, str]
    chosen: str
    kind: str
    preview: str
    media: str
    versions: tuple[VersionRow, ...]
    faults: Mapping[str, str]
    may_change: bool
    largest_mb: int
    version: int  # of what is changed, as it was when the form was made


@dataclass(frozen=True, kw_only=True)
class PlaylistRow:
    """A playlist."""

    id: str
    title: str
    screens: str
    length: str
    hours: str


@dataclass(frozen=True, kw_only=True)
class PlaylistsPage:
    """playlists.html: playlists, and the form of one."""

    chrome: Chrome
    playlists: tuple[PlaylistRow, ...]
    values: Mapping[str, str]
    version: int  # of what is changed, as it was when the form was made
    chosen: str
    screens: tuple[Choice, ...]
    days: tuple[Choice, ...]
    contents: tuple[Choice, ...]
    places: tuple[tuple[str, str], ...]
    versions: tuple[VersionRow, ...]
    faults: Mapping[str, str]
    may_change: bool


@dataclass(frozen=True, kw_only=True)
class LobbyPage:
    """lobby.html."""

    chrome: Chrome
    parts: Mapping[str, str]
    may_plan: bool
    zone: str
    fault: str


@dataclass(frozen=True, kw_only=True)
class PlayerPage:
    """player.html: a screen's own page."""

    chrome: Chrome
    screen: str
