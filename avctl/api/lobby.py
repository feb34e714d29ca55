"""Screens: what they show, what they should show, emergencies on all of them, and the content they play."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.problems import documented
from avctl.commands.building import (
    ApproveContent,
    KeepContent,
    KeepPlaylist,
    LiftEmergency,
    RemoveContent,
    RemovePlaylist,
    ShowEmergency,
)
from avctl.errors import BadArgument
from avctl.events import now
from avctl.model.account import Act
from avctl.model.emergency import LONGEST_TEXT, LONGEST_TITLE
from avctl.model.playing import UPLOADED, Content, ContentKind, Entry, Hours, Person, Playlist
from avctl.services.reach import must_reach_screens, room_of

ContentId = Annotated[str, Path(description="Id of the content.", max_length=63, examples=["poster"])]
PlaylistId = Annotated[str, Path(description="Id of the playlist.", max_length=63, examples=["weekdays"])]
Kind = Annotated[str, Path(description="`text`, or `air_raid`.", max_length=16, examples=["text"])]
DeviceId = Annotated[str, Path(description="Id of the screen.", max_length=63, examples=["kiosk-1"])]

router = APIRouter(prefix="/api/v1/lobby", tags=["screens"], responses=documented(401, 403))
see, fill = allowed(Act.SEE_CONTROL), allowed(Act.FILL_SCREENS)


class ScreenAnswer(BaseModel):
    """A screen: what it says it shows, and what it should show."""

    device: str
    title: str
    room: str
    link: str
    showing: str = Field(description="Empty for a display, which shows an input.")
    page: str = Field(description="The address it really shows, or the input of a display.")
    since: datetime = Field(description="Since when it is so.")
    memorial: bool = Field(description="A memorial wall: nothing but an air raid interrupts it.")
    playlist: str | None = Field(description="Id of what it should play now; null: nothing.")
    now: str | None = Field(description="Id of the content that is due now.")
    next: str | None = Field(description="Id of the content that comes next.")


class OrderAnswer(BaseModel):
    """An emergency."""

    kind: str
    title: str
    text: str
    by: str
    at: datetime


class EmergencyAnswer(BaseModel):
    """What every screen is to show, and how far that came."""

    shown: OrderAnswer | None = Field(description="null: there is no emergency.")
    orders: list[OrderAnswer] = Field(description="All that are ordered; the air raid goes before a text.")
    reached: dict[str, float] = Field(description="Screens that show it, with the seconds it took.")
    missed: dict[str, str] = Field(description="Screens that do not follow, and why; they are tried on.")
    returning: list[str] = Field(description="Screens that do not have again yet what they had before.")

    @classmethod
    def of(cls, asked: Asking) -> EmergencyAnswer:
        """The answer as things stand."""
        state = asked.controller.everywhere.state
        orders = [
            OrderAnswer(kind=one.kind, title=one.title, text=one.text, by=one.by, at=one.at)
            for one in state.orders.values()
        ]

        def mine(screen: str) -> bool:
            return asked.account.reaches(room_of(asked.controller, screen))

        shown = next((one for one in orders if state.shown and one.kind == state.shown.kind), None)
        return cls(
            shown=shown,
            orders=orders,
            reached={screen: took for screen, took in state.reached.items() if mine(screen)},
            missed={screen: why for screen, why in state.missed.items() if mine(screen)},
            returning=[] if shown else [screen for screen in state.before if mine(screen)],
        )


class EmergencyBody(BaseModel):
    """What everybody must read; nothing is needed for the air raid, whose page says where the shelter is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Увага", "text": "Вийдіть через схід."}}
    )

    title: str = Field("", max_length=LONGEST_TITLE, description="A heading.")
    text: str = Field("", max_length=LONGEST_TEXT, description="The text.")


class ContentBody(BaseModel):
    """A content without a file: pictures and videos are sent to `/contents/{content}/file`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"kind": "page", "title": "Сайт міста", "url": "https://avctl.example/"}
        },
    )

    kind: ContentKind = Field(description="What sort of content it is.")
    title: str = Field(min_length=1, max_length=200, description="Name people know it by.")
    url: str = Field("", max_length=2000, description="Address of a page or a live stream.")
    room: str = Field("", max_length=63, description="Of which hall.")
    people: list[Person] = Field([], max_length=5000, description="Whom a memorial remembers.")


class PlaylistBody(BaseModel):
    """A playlist as it should be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "Будні",
                "screens": ["kiosk-1"],
                "entries": [{"content": "poster", "seconds": 20}],
                "hours": {"days": [0, 1, 2, 3, 4], "since": "08:00", "until": "20:00"},
            }
        },
    )

    title: str = Field(min_length=1, max_length=200, description="Name people know it by.")
    screens: list[str] = Field([], max_length=500, description="Ids of the screens that show it.")
    entries: list[Entry] = Field([], max_length=500, description="What is shown, in order.")
    hours: Hours = Field(Hours(), description="When it is shown.")
    rank: int = Field(0, ge=0, le=100, description="Which goes first when several could be shown.")


@router.get("/screens", dependencies=[see])
async def screens(asked: Asked) -> list[ScreenAnswer]:
    """Every screen that the caller has to do with."""
    controller, found = asked.controller, []
    for state in controller.everywhere.screens():
        if not asked.account.reaches(state.room):
            continue
        pages = "Pages" in state.capabilities
        playing, here, after = controller.lobby.now_and_next(state.id, now()) if pages else (None, None, None)
        readings = state.readings
        found.append(
            ScreenAnswer(
                device=state.id,
                title=state.title,
                room=state.room,
                link=state.link,
                showing=str(readings.get("showing") or ""),
                page=str(readings.get("page") or readings.get("input") or ""),
                since=controller.pictures.since(state.id),
                memorial=state.id in controller.lobby.memorials(),
                playlist=playing.id if playing is not None else None,
                now=here.content.id if here is not None else None,
                next=after.content.id if after is not None else None,
            )
        )
    return found


PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}, "image/png": {}}, "description": "The picture."},
    **documented(404),
}


@router.get("/screens/{device}/picture", dependencies=[see], response_class=Response, responses=PICTURE)
async def picture(asked: Asked, device: DeviceId) -> Response:
    """What a screen really shows; `X-Taken` says when the picture was taken."""
    found = await asked.controller.pictures.of(device)
    headers = {"Cache-Control": "no-store", "X-Taken": found.taken_at.isoformat(timespec="milliseconds")}
    return Response(found.data, media_type=found.media_type, headers=headers)


@router.get("/emergency", dependencies=[see])
async def emergency(asked: Asked) -> EmergencyAnswer:
    """The emergency of this moment, and which screens do not follow."""
    return EmergencyAnswer.of(asked)


@router.put(
    "/emergency/{kind}",
    dependencies=[allowed(Act.SHOW_EMERGENCIES)],
    responses=documented(400, 409, 413, 415, 422),
)
async def show(asked: Asked, kind: Kind, wanted: EmergencyBody) -> EmergencyAnswer:
    """Have every screen show it at once; ask again to learn how far it came."""
    await asked.controller.desk.obey(
        ShowEmergency(actor=asked.actor, kind=kind, title=wanted.title, text=wanted.text)
    )
    return EmergencyAnswer.of(asked)


@router.delete(
    "/emergency/{kind}", dependencies=[allowed(Act.SHOW_EMERGENCIES)], responses=documented(404, 409)
)
async def lift(asked: Asked, kind: Kind) -> EmergencyAnswer:
    """End it: every screen gets back what it had before, unless there is another one."""
    await asked.controller.desk.obey(LiftEmergency(actor=asked.actor, kind=kind))
    return EmergencyAnswer.of(asked)


@router.get("/contents", dependencies=[see])
async def contents(asked: Asked) -> list[Content]:
    """The newest version of everything that screens can show."""
    return list(asked.controller.lobby)


@router.get("/contents/{content}/versions", dependencies=[see], responses=documented(404))
async def versions(asked: Asked, content: ContentId) -> list[Content]:
    """Every version of a content, the newest first."""
    return list(asked.controller.lobby.versions(content))


@router.put("/contents/{content}", dependencies=[fill], responses=documented(400, 404, 409, 413, 415, 422))
async def keep(asked: Asked, content: ContentId, wanted: ContentBody) -> Content:
    """Enter a content, or its next version; that of a picture or a video keeps the file it has."""
    details = {"id": content, **wanted.model_dump(mode="json")}
    if wanted.kind in UPLOADED and not any(one.id == content for one in asked.controller.lobby):
        raise BadArgument("kind", "another kind: send a picture or a video to /contents/{content}/file")
    kept: Content = await asked.controller.desk.obey(KeepContent(actor=asked.actor, details=details))
    return kept


@router.post(
    "/contents/{content}/versions/{version}/approve",
    dependencies=[allowed(Act.APPROVE_CONTENT)],
    responses=documented(404, 409, 422),
)
async def approve(
    asked: Asked, content: ContentId, version: Annotated[int, Path(ge=1, le=100000)]
) -> Content:
    """Let a version be shown; not by the one who made it."""
    command = ApproveContent(actor=asked.actor, content=content, version=version)
    found: Content = await asked.controller.desk.obey(command)
    return found


@router.delete("/contents/{content}", status_code=204, dependencies=[fill], responses=documented(404, 409))
async def remove(asked: Asked, content: ContentId) -> Response:
    """Take a content off the shelf."""
    await asked.controller.desk.obey(RemoveContent(actor=asked.actor, content=content))
    return Response(status_code=204)


@router.get("/playlists", dependencies=[see])
async def playlists(asked: Asked) -> list[Playlist]:
    """Every playlist."""
    return list(asked.controller.lobby.playlists)


@router.put("/playlists/{playlist}", dependencies=[fill], responses=documented(400, 404, 409, 413, 415, 422))
async def keep_playlist(asked: Asked, playlist: PlaylistId, wanted: PlaylistBody) -> Playlist:
    """Enter a playlist, or its next version."""
    must_reach_screens(asked.controller, asked.account, playlist, wanted.screens)
    details = {"id": playlist, **wanted.model_dump(mode="json")}
    kept: Playlist = await asked.controller.desk.obey(KeepPlaylist(actor=asked.actor, details=details))
    return kept


@router.delete("/playlists/{playlist}", status_code=204, dependencies=[fill], responses=documented(404))
async def remove_playlist(asked: Asked, playlist: PlaylistId) -> Response:
    """Screens no longer show it."""
    must_reach_screens(asked.controller, asked.account, playlist)
    await asked.controller.desk.obey(RemovePlaylist(actor=asked.actor, playlist=playlist))
    return Response(status_code=204)
