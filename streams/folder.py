"""The folder of a broadcast as the controller sees it: its plan, what it was, whether its files grow."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from avctl.config import Config
from avctl.errors import Conflict
from avctl.events import RecordingReady
from avctl.model.broadcast import Broadcast, State, Wanted
from avctl.model.session import Session
from streams.feed import Feed
from streams.plan import (
    PLAN_FILE,
    ClosedPlan,
    LimitsPlan,
    OverlaysPlan,
    Plan,
    PushPlan,
    RecordPlan,
    RenditionPlan,
    SourcePlan,
    WatchPlan,
    load_plan,
)
from streams.remux import published
from streams.status import read_status, replace_file

PLANNED = {
    "fps",
    "templates",
    "arms",
    "music",
    "music_db",
    "disk_floor_mb",
    "disk_reserve_mb",
    "audio_only_kbps",
    "preset",
    "encoder",
    "encoder_device",
    "segments",
    "segment_seconds",
    "dvr_seconds",
    "grace_seconds",
    "hold_seconds",
    "return_seconds",
}


def make_private(folder: Path) -> None:
    """Make a folder for its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_plan(folder: Path, config: Config, session: Session, feeds: tuple[Feed, ...]) -> None:
    """Leave the runner its plan; Conflict when there is nothing to show."""
    plan = plan_of(config, session, feeds)
    make_private(folder)
    save_plan(folder, plan)


def plan_of(config: Config, session: Session, feeds: tuple[Feed, ...]) -> Plan:
    """What the broadcast of a session is to do; Conflict when there is nothing to show."""
    if not feeds:
        raise Conflict("this room has no encoder: a device whose driver is streams.feed")
    site, wanted = config.site, config.broadcast
    copied = {feed.options.stream_copy for feed in feeds}
    if len(copied) > 1:
        raise Conflict("the feeds of this room are to be alike: stream_copy for all of them, or for none")
    return Plan(
        session=session.id,
        title=session.title,
        council=site.council,
        language="en" if site.language == "en" else "uk",
        timezone=site.timezone,
        sources=sources_of(feeds),
        stream_copy=copied == {True},
        renditions=tuple(RenditionPlan(**one.model_dump()) for one in wanted.renditions),
        council_en=site.council_en,
        planned_start=session.booking.starts_at,
        overlays=OverlaysPlan(**wanted.overlays.model_dump()),
        planned_end=session.booking.ends_at,
        ffmpeg=wanted.ffmpeg or None,
        record=RecordPlan(second_folder=wanted.recording.second_folder or None),
        pushes=pushes_of(config, session.room),
        watch=WatchPlan(**wanted.watch.model_dump(include=set(WatchPlan.model_fields))),
        limits=LimitsPlan(**wanted.limits.model_dump()),
        closed=ClosedPlan(**wanted.closed.model_dump()),
        **wanted.model_dump(include=PLANNED) | ({"segments": "ts"} if True in copied else {}),
    )


def mind_sources(folder: Path, feeds: tuple[Feed, ...]) -> bool:
    """Give an old plan the encoders' present addresses; true when they have changed meanwhile."""
    plan, sources = load_plan(folder), sources_of(feeds)
    if not sources or sources == plan.sources:
        return False
    save_plan(folder, plan.model_copy(update={"sources": sources}))
    return True


def pushes_of(config: Config, room: str) -> tuple[PushPlan, ...]:
    """The platforms that get what is broadcast from a room, with their keys."""
    return tuple(
        PushPlan(id=one.id, title=one.title, url=one.url.get_secret_value())
        for one in config.broadcast.pushes
        if not one.rooms or room in one.rooms
    )


def sources_of(feeds: tuple[Feed, ...]) -> tuple[SourcePlan, ...]:
    """The feeds of a room as the runner wants them, with their secrets."""
    return tuple(
        SourcePlan(
            id=feed.device.id,
            url=feed.url,
            title=feed.device.title,
            fetch=feed.options.fetch,
            loop=feed.options.loop,
            backup_for=feed.options.backup_for or None,
        )
        for feed in feeds
    )


def save_plan(folder: Path, plan: Plan) -> None:
    """Leave the runner its plan."""
    replace_file(folder / PLAN_FILE, plan.model_dump_json().encode(), 0o600)  # stream keys are in it


def remembered(folder: Path) -> Broadcast | None:
    """The broadcast as its runner left it; None when there never was one."""
    try:
        status = read_status(folder)
    except (OSError, ValueError):
        return None
    ended = status.phase == "ended"
    wanted = Wanted.DARK if ended else Wanted.LIVE if status.published else Wanted.ARMED
    found = Broadcast(
        session=status.session,
        since=status.published_at or status.started_at,
        wanted=wanted,
        state=State.ENDED if ended else State.ARMING,
        published=status.published,
        closed_at=status.closed_at if status.closed else None,
    )
    recording = published(folder)
    if recording is None:
        return found
    ready = RecordingReady(session=status.session, seconds=recording.seconds, size=recording.size)
    return found.after(ready)


class Growth:
    """Whether what is in a folder goes on being written, whoever sets the machine's clock meanwhile."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._known: tuple[int, ...] = ()
        self._moved = 0.0

    def lately(self, folder: Path, since: datetime, seconds: float) -> bool:
        """Whether something was written within so many seconds; a beginning has that time too."""
        found = [entry.stat() for entry in _entries(folder)]
        known = (len(found), sum(one.st_size for one in found), sum(one.st_mtime_ns for one in found))
        if known != self._known or since != self._since:
            self._known, self._since, self._moved = known, since, time.monotonic()
        return time.monotonic() - self._moved < seconds


def announced(folder: Path) -> bool:
    """Whether its viewers are shown the slate before the start."""
    try:
        status = read_status(folder)
    except (OSError, ValueError):
        return False
    return status.published and status.wanted == "slate:starting"


def size_of(folder: Path) -> int:
    """The bytes of a folder's files."""
    return sum(entry.stat().st_size for entry in _entries(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []
