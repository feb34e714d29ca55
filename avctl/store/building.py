"""Questions about the building: what stands at the moment, what screens show, announced blackouts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from avctl.model.playing import Blackout, Content, Playlist
from avctl.store import tables
from avctl.store.records import upsert

T = TypeVar("T")

_standing, _contents, _playlists, _blackouts = (
    tables.standing,
    tables.contents,
    tables.playlists,
    tables.blackouts,
)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


# --- what stands at the moment: one row for each service that must know it after a restart ----------------


async def save_standing(connection: AsyncConnection, named: tuple[str, Any]) -> None:
    """What stands under a name: a dataclass."""
    name, value = named
    kind: Any = type(value)
    state = _adapter(kind).dump_python(value, mode="json")
    await upsert(connection, _standing, {"name": name, "state": state})


async def standing(connection: AsyncConnection, name: str, kind: type[T]) -> T | None:
    """What stood under a name; None when there never was anything."""
    found = await connection.execute(select(_standing.c.state).where(_standing.c.name == name))
    state = found.scalar()
    if state is None:
        return None
    wanted: Any = kind
    known: T = _adapter(wanted).validate_python(state)
    return known


# --- what screens show: every version stays ---------------------------------------------------------------


async def save_content(connection: AsyncConnection, content: Content) -> None:
    """A version of a content as it is now."""
    row = {"id": content.id, "version": content.version, "state": content.model_dump(mode="json")}
    await upsert(connection, _contents, row)


async def contents(connection: AsyncConnection) -> tuple[Content, ...]:
    """Every version of everything, the oldest first."""
    found = select(_contents.c.state).order_by(_contents.c.id, _contents.c.version)
    return tuple(Content.model_validate(state) for state in (await connection.execute(found)).scalars())


async def save_playlist(connection: AsyncConnection, playlist: Playlist) -> None:
    """A version of a playlist."""
    row = {"id": playlist.id, "version": playlist.version, "state": playlist.model_dump(mode="json")}
    await upsert(connection, _playlists, row)


async def forget_playlist(connection: AsyncConnection, playlist: str) -> None:
    """No screen shows it any more; its versions stay."""
    last = (await playlist_versions(connection, playlist))[0]
    await save_playlist(connection, last.model_copy(update={"removed": True}))


async def playlists(connection: AsyncConnection) -> tuple[Playlist, ...]:
    """The newest version of each."""
    newest = (
        select(_playlists.c.id, func.max(_playlists.c.version).label("version"))
        .group_by(_playlists.c.id)
        .subquery()
    )
    same = (_playlists.c.id == newest.c.id) & (_playlists.c.version == newest.c.version)
    found = await connection.execute(select(_playlists.c.state).join(newest, same))
    return tuple(Playlist.model_validate(state) for state in found.scalars())


async def playlist_versions(connection: AsyncConnection, playlist: str) -> tuple[Playlist, ...]:
    """Every version of one, the newest first."""
    found = (
        select(_playlists.c.state).where(_playlists.c.id == playlist).order_by(_playlists.c.version.desc())
    )
    return tuple(Playlist.model_validate(state) for state in (await connection.execute(found)).scalars())


# --- announced blackouts ----------------------------------------------------------------------------------


async def save_blackout(connection: AsyncConnection, blackout: Blackout) -> None:
    """Announced hours without mains."""
    row: Mapping[str, Any] = {
        "id": blackout.id,
        "ends_at": blackout.ends_at,
        "state": blackout.model_dump(mode="json"),
    }
    await upsert(connection, _blackouts, row)


async def forget_blackout(connection: AsyncConnection, blackout: str) -> None:
    """They will not come."""
    await connection.execute(delete(_blackouts).where(_blackouts.c.id == blackout))


async def blackouts_after(connection: AsyncConnection, moment: datetime) -> tuple[Blackout, ...]:
    """Those that are not over at a moment."""
    found = await connection.execute(select(_blackouts.c.state).where(_blackouts.c.ends_at > moment))
    return tuple(Blackout.model_validate(state) for state in found.scalars())
