"""What screens show: contents in versions, approved where that is asked for, and playlists of them."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from avctl.bus import Bus
from avctl.commands.building import (
    ApproveContent,
    KeepContent,
    KeepPlaylist,
    RemoveContent,
    RemovePlaylist,
)
from avctl.config import Config
from avctl.desk import Desk
from avctl.errors import BadArgument, Conflict, Forbidden, NotFound
from avctl.events import (
    ContentApproved,
    ContentKept,
    ContentRemoved,
    Event,
    LobbyEvent,
    PlaylistKept,
    PlaylistRemoved,
    now,
)
from avctl.faults import faults_of
from avctl.model.playing import Content, ContentKind, Entry, File, Place, Playlist, Shown, chosen, place_at
from avctl.services.everywhere import Everywhere
from avctl.services.journal import Journal, Write
from avctl.services.sessions import Sessions
from avctl.services.uploads import examined
from avctl.store import Store, building

STORED = re.compile(r"[0-9a-f]{32}\.(jpg|png|webp|mp4|webm)")
UNSEEN = File(name="unseen", media_type="", size=1, width=1, height=1, checksum="")
DRAFT = "upload-"
LOOKED_AT = 2  # uploads at once: a picture of the largest size takes a quarter of a gigabyte while it is
MEMORIAL_SECONDS = 12.0  # for each of those who are remembered


class Lobby:
    """Holds every version of every content, and the playlists."""

    def __init__(
        self,
        config: Config,
        data: Path,
        bus: Bus,
        store: Store,
        journal: Journal,
        sessions: Sessions,
        everywhere: Everywhere,
    ) -> None:
        self._config, self._bus, self._store, self._settled = config, bus, store, journal.settled
        self._sessions, self._everywhere = sessions, everywhere
        self.folder = data / "lobby"
        self._contents: dict[str, list[Content]] = {}
        self._playlists: dict[str, Playlist] = {}
        self._looking = asyncio.Semaphore(LOOKED_AT)
        bus.listen(self._fold, LobbyEvent)
        journal.keep(self._kept, LobbyEvent)

    def handle(self, desk: Desk) -> None:
        """Answer the commands that concern what screens show."""
        desk.handle(KeepContent, self.keep)
        desk.handle(ApproveContent, self.approve)
        desk.handle(RemoveContent, self.remove)
        desk.handle(KeepPlaylist, self.keep_playlist)
        desk.handle(RemovePlaylist, self.remove_playlist)

    async def restore(self) -> None:
        """Take in what the record holds, at start."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        for left in self.folder.glob(f"{DRAFT}*"):  # of uploads that were under way when we were killed
            left.unlink(missing_ok=True)
        async with self._store.read() as connection:
            for content in await building.contents(connection):
                self._contents.setdefault(content.id, []).append(content)
            found = await building.playlists(connection)
        self._playlists = {one.id: one for one in found if not one.removed}
        self._spare()

    # --- contents --------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Content]:
        """The newest version of everything on the shelf."""
        newest = (versions[-1] for versions in self._contents.values())
        return iter(sorted((one for one in newest if not one.removed), key=lambda one: one.title.casefold()))

    def versions(self, content: str) -> tuple[Content, ...]:
        """Every version of a content, the newest first; NotFound when there is none."""
        try:
            return tuple(reversed(self._contents[content]))
        except KeyError:
            raise NotFound(f"there is no content {content!r}") from None

    def showable(self, content: Content) -> bool:
        """Whether a version may be shown: approved by a second person where that is asked for."""
        asked = self._config.lobby.approve or content.kind is ContentKind.MEMORIAL
        return not content.removed and (content.approved_at is not None or not asked)

    def current(self, content: str) -> Content | None:
        """The newest version that may be shown; None when there is none, or it is off the shelf."""
        versions = self._contents.get(content, [])
        if not versions or versions[-1].removed:
            return None
        return next((one for one in reversed(versions) if self.showable(one)), None)

    async def bring(self, actor: str, details: Mapping[str, Any], sent: IO[bytes]) -> KeepContent:
        """The command that enters an uploaded file; BadArgument says what is wrong, and nothing is left."""
        draft = self.drafted(KeepContent(actor=actor, details=details), file=UNSEEN)
        file = await self.receive(sent, draft.kind)
        return KeepContent(actor=actor, details={**details, "file": file.model_dump(mode="json")})

    async def receive(self, sent: IO[bytes], kind: ContentKind) -> File:
        """Look at an uploaded file and keep it; BadArgument says what is wrong, and then nothing is left."""
        draft = self.folder / f"{DRAFT}{secrets.token_hex(8)}"
        try:
            try:
                await asyncio.to_thread(_copied, sent, draft)
            except OSError as full:
                raise Conflict(f"the file cannot be kept: {full.strerror}") from full
            async with self._looking:
                file = await examined(draft, kind, self._config.broadcast.ffmpeg)
            await asyncio.to_thread(draft.replace, self.folder / file.name)
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)
        return file

    def file(self, name: str) -> tuple[Path, str]:
        """An uploaded file and what it is; NotFound when there is none of that name."""
        for versions in self._contents.values():
            for content in versions:
                if content.file is not None and content.file.name == name and STORED.fullmatch(name):
                    return self.folder / name, content.file.media_type
        raise NotFound(f"there is no file {name!r}")

    def public(self, name: str) -> bool:
        """Whether a file may be had by any screen: it is that of something that may be shown."""
        return any(
            content.file is not None and content.file.name == name and self.showable(content)
            for versions in self._contents.values()
            for content in versions
        )

    def drafted(self, command: KeepContent, *, file: File | None = None) -> Content:
        """What a command would enter; BadArgument says why it cannot, before any ``file`` is looked at."""
        details = dict(command.details)
        if file is not None:
            details["file"] = file.model_dump(mode="json")
        known = self._contents.get(str(details.get("id", "")), [])
        last = known[-1] if known else None
        if last is not None and details.get("kind") != last.kind.value and not last.removed:
            raise BadArgument("kind", f"{last.kind}, as it is; make another content for another kind")
        if details.get("file") is None and last is not None and last.file is not None:
            details["file"] = last.file.model_dump(mode="json")
        written = {"made_at": now(), "made_by": command.actor, "approved_at": None, "approved_by": ""}
        details |= written | {"version": last.version + 1 if last is not None else 1, "removed": False}
        content: Content = _valid(Content, details)
        rooms = {room.id for room in self._config.rooms}
        if content.kind is ContentKind.HALL and content.room not in rooms:
            raise BadArgument("room", f"one of {', '.join(sorted(rooms))} (got {content.room!r})")
        for person in content.people:
            portrait = self.current(person.portrait) if person.portrait else None
            if person.portrait and (portrait is None or portrait.kind is not ContentKind.PICTURE):
                raise BadArgument("people", f"portraits that are pictures here (no {person.portrait!r})")
        return content

    async def keep(self, command: KeepContent) -> Content:
        """Enter a content, or its next version; a picture without a new file keeps the one it has."""
        content = self.drafted(command)
        self._bus.publish(
            ContentKept(
                content=content.id,
                version=content.version,
                actor=command.actor,
                details=content.model_dump(mode="json"),
            )
        )
        await self._settled()
        return content

    async def approve(self, command: ApproveContent) -> Content:
        """Let a version be shown; Forbidden for whoever made it."""
        content = self._version(command.content, command.version)
        if content.removed:
            raise Conflict("this content is off the shelf")
        if content.approved_at is not None:
            return content
        if content.made_by == command.actor:
            raise Forbidden("somebody else approves what one has made oneself")
        self._bus.publish(ContentApproved(content=content.id, version=content.version, actor=command.actor))
        await self._settled()
        return self._version(command.content, command.version)

    async def remove(self, command: RemoveContent) -> None:
        """Take a content off the shelf; Conflict while a playlist has it."""
        self.versions(command.content)
        users = [one.title for one in self._playlists.values() if _has(one, command.content)]
        if users:
            raise Conflict(f"it is in {', '.join(users)}; take it out there first")
        if not self._contents[command.content][-1].removed:
            self._bus.publish(ContentRemoved(content=command.content, actor=command.actor))
            await self._settled()

    def _version(self, content: str, version: int) -> Content:
        found = next((one for one in self.versions(content) if one.version == version), None)
        if found is None:
            raise NotFound(f"there is no version {version} of {content!r}")
        return found

    # --- playlists -------------------------------------------------------------------------------------

    @property
    def playlists(self) -> tuple[Playlist, ...]:
        """Every playlist, by title."""
        return tuple(sorted(self._playlists.values(), key=lambda one: one.title.casefold()))

    def playlist(self, playlist: str) -> Playlist:
        """The playlist of an id; NotFound when there is none."""
        try:
            return self._playlists[playlist]
        except KeyError:
            raise NotFound(f"there is no playlist {playlist!r}") from None

    async def playlist_versions(self, playlist: str) -> tuple[Playlist, ...]:
        """Every version of one, the newest first."""
        await self._settled()
        async with self._store.read() as connection:
            return await building.playlist_versions(connection, playlist)

    async def keep_playlist(self, command: KeepPlaylist) -> Playlist:
        """Enter a playlist, or its next version."""
        details = dict(command.details)
        async with self._store.read() as connection:
            before = await building.playlist_versions(connection, str(details.get("id", "")))
        last = before[0].version if before else 0
        details |= {"version": last + 1, "made_at": now(), "made_by": command.actor, "removed": False}
        playlist: Playlist = _valid(Playlist, details)
        known = {state.id for state in self._everywhere.screens() if "Pages" in state.capabilities}
        if strangers := sorted(set(playlist.screens) - known):
            raise BadArgument("screens", f"screens that show pages (there is no {', '.join(strangers)})")
        for entry in playlist.entries:
            self.versions(entry.content)
        self._leave_memorials(playlist)
        self._bus.publish(
            PlaylistKept(
                playlist=playlist.id,
                version=playlist.version,
                actor=command.actor,
                details=playlist.model_dump(mode="json"),
            )
        )
        await self._settled()
        return playlist

    async def remove_playlist(self, command: RemovePlaylist) -> None:
        """Screens no longer show it."""
        self.playlist(command.playlist)
        self._bus.publish(PlaylistRemoved(playlist=command.playlist, actor=command.actor))
        await self._settled()

    def _leave_memorials(self, playlist: Playlist) -> None:
        """Conflict when something else would come upon a memorial wall."""
        mine = self._is_memorial(playlist)
        for other in self._playlists.values():
            shared = set(playlist.screens) & set(other.screens)
            if other.id != playlist.id and shared and (mine or self._is_memorial(other)):
                raise Conflict(
                    f"{', '.join(sorted(shared))}: a memorial wall shows nothing else ({other.title})"
                )
        kinds = {self.versions(entry.content)[0].kind for entry in playlist.entries}
        if mine and kinds != {ContentKind.MEMORIAL}:
            raise Conflict("a playlist with a memorial has nothing else in it")

    def _is_memorial(self, playlist: Playlist) -> bool:
        return any(
            self._contents[entry.content][-1].kind is ContentKind.MEMORIAL
            for entry in playlist.entries
            if entry.content in self._contents
        )

    def memorials(self) -> frozenset[str]:
        """The screens that are memorial walls."""
        lists = (one for one in self._playlists.values() if self._is_memorial(one))
        return frozenset(screen for one in lists for screen in one.screens)

    # --- what a screen shows -----------------------------------------------------------------------------

    def lists_of(self, screen: str) -> tuple[Shown, ...]:
        """The playlists of a screen with what may be shown of them."""
        return tuple(
            Shown(
                id=one.id,
                title=one.title,
                hours=one.hours,
                rank=one.rank,
                places=tuple(self._places(one)),
            )
            for one in self.playlists
            if screen in one.screens
        )

    def free(self) -> frozenset[str]:
        """Halls of which there is nothing to show: no session, or a closed part."""
        rooms = {room.id for room in self._config.rooms}
        running = ((room, self._sessions.running_in(room)) for room in rooms)
        return frozenset(room for room, session in running if session is None or session.closed_part)

    def now_and_next(self, screen: str, moment: datetime) -> tuple[Shown | None, Place | None, Place | None]:
        """What a screen should show at a moment, and next."""
        shown = chosen(self.lists_of(screen), moment, self._config.site.zone)
        if shown is None:
            return None, None, None
        return shown, *place_at(shown, moment, self.free())

    def _places(self, playlist: Playlist) -> Iterator[Place]:
        for entry in playlist.entries:
            content = self.current(entry.content)
            if content is not None:
                yield Place(content=content, seconds=_length(entry, content))

    # --- what happens ----------------------------------------------------------------------------------

    def _fold(self, event: LobbyEvent) -> None:
        match event:
            case ContentKept():
                self._contents.setdefault(event.content, []).append(Content.model_validate(event.details))
            case ContentApproved():
                for at, one in enumerate(self._contents[event.content]):
                    if one.version == event.version:
                        approved = {"approved_at": event.at, "approved_by": event.actor}
                        self._contents[event.content][at] = one.model_copy(update=approved)
            case ContentRemoved():
                versions = self._contents[event.content]
                versions[-1] = versions[-1].model_copy(update={"removed": True})
            case PlaylistKept():
                self._playlists[event.playlist] = Playlist.model_validate(event.details)
            case PlaylistRemoved():
                self._playlists.pop(event.playlist, None)
        self._spare()

    def _spare(self) -> None:
        self._everywhere.spare(self.memorials())

    def _kept(self, event: Event) -> Write | None:
        match event:
            case ContentKept() | ContentApproved():
                found = self._version(event.content, event.version)
                return Write(building.save_content, found)
            case ContentRemoved():
                return Write(building.save_content, self._contents[event.content][-1])
            case PlaylistKept():
                return Write(building.save_playlist, Playlist.model_validate(event.details))
            case PlaylistRemoved():
                return Write(building.forget_playlist, event.playlist)
            case _:
                return None


def _copied(sent: IO[bytes], draft: Path) -> None:
    with draft.open("xb") as file:
        shutil.copyfileobj(sent, file)


def _has(playlist: Playlist, content: str) -> bool:
    return any(entry.content == content for entry in playlist.entries)


def _length(entry: Entry, content: Content) -> float:
    """A video as long as it is, a memorial as long as everybody in it takes, anything else as it was said."""
    if content.kind is ContentKind.VIDEO and content.file is not None:
        return content.file.seconds
    if content.kind is ContentKind.MEMORIAL:
        return max(float(entry.seconds), MEMORIAL_SECONDS * len(content.people))
    return float(entry.seconds)


def _valid(kind: Any, details: Mapping[str, Any]) -> Any:
    try:
        return kind.model_validate(dict(details))
    except ValidationError as problem:
        key, expected = next(faults_of(problem, kind))
        named, _, rest = expected.partition(": ")
        if not key and rest:  # said of the whole, about one field
            key, expected = named.rpartition(" ")[2], rest
        elif rest and named.isidentifier():
            key, expected = f"{key}.{named}", rest
        raise BadArgument(key or "details", expected) from problem
