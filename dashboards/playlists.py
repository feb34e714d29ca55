"""Playlists: what screens show, in which order, at which times and days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from avctl.commands.building import (
    KeepPlaylist,
    RemovePlaylist,
)
from avctl.errors import BadArgument, Conflict, NotFound
from avctl.model.account import Act
from avctl.model.playing import Playlist, must_be_newest
from avctl.services.reach import must_reach_screens
from dashboards import views
from dashboards.building_words import DAYS, of_screens
from dashboards.front import Front
from dashboards.words import _

SPARE = 3  # empty places below those of a playlist
EMPTY: Mapping[str, str] = dict.fromkeys(
    ("id", "title", "since", "until", "first", "last", "version"), ""
) | {"rank": "0"}


def router(front: Front) -> APIRouter:
    """The list and its form."""
    routes = front.router()
    controller = front.controller
    lobby = controller.lobby

    @routes.get("/lobby/playlists")
    async def playlists(request: Request, playlist: str = "", version: int = 0) -> Response:
        """One of them in the form; by ``version`` an earlier one, to be kept again."""
        if not playlist:
            return await page(request, dict(EMPTY), (), (), ())
        shown = lobby.playlist(playlist)
        if version:
            versions = await lobby.playlist_versions(playlist)
            shown = next((one for one in versions if one.version == version), shown)
        days = tuple(str(day) for day in shown.hours.days)
        places = tuple((one.content, str(one.seconds)) for one in shown.entries)
        return await page(request, values_of(shown), shown.screens, days, places, chosen=playlist)

    @routes.post("/lobby/playlists")
    async def keep(request: Request) -> Response:
        sent = await front.fields(request)
        values = {**EMPTY, **{name: str(value) for name, value in sent.items()}}
        actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
        screens, days = _many(sent, "screens"), _many(sent, "days")
        places = tuple(zip(_many(sent, "content"), _many(sent, "seconds"), strict=False))
        chosen = values.get("chosen", "")
        visitor = await front.allowed(request, Act.FILL_SCREENS)
        must_reach_screens(controller, visitor.account, values["id"].strip(), screens)
        try:
            details = details_of(values, screens, days, places)
            newest = next((one for one in lobby.playlists if one.id == details["id"]), None)
            try:
                must_be_newest(newest, chosen, values["version"])
            except Conflict as refusal:
                faults = {"kept": str(refusal)}
                return await page(request, values, screens, days, places, chosen=chosen, faults=faults)
            kept = await controller.desk.obey(KeepPlaylist(actor=actor, details=details))
        except BadArgument as refusal:
            faults = {refusal.field.removeprefix("hours.").partition(".")[0]: refusal.expected}
        except (Conflict, NotFound) as refusal:
            faults = {"screens": str(refusal)}
        else:
            return RedirectResponse(f"/lobby/playlists?playlist={kept.id}", 303)
        return await page(request, values, screens, days, places, chosen=chosen, faults=faults)

    @routes.post("/lobby/playlists/{playlist}/remove")
    async def remove(request: Request, playlist: str) -> Response:
        values = await front.form(request)
        actor = await front.asked(request, Act.FILL_SCREENS, values.get("csrf", ""))
        visitor = await front.allowed(request, Act.FILL_SCREENS)
        must_reach_screens(controller, visitor.account, playlist)
        await controller.desk.obey(RemovePlaylist(actor=actor, playlist=playlist))
        return RedirectResponse("/lobby/playlists", 303)

    async def page(
        request: Request,
        values: Mapping[str, str],
        screens: tuple[str, ...],
        days: tuple[str, ...],
        places: tuple[tuple[str, str], ...],
        *,
        chosen: str = "",
        faults: Mapping[str, str] | None = None,
    ) -> Response:
        visitor = await front.allowed(request, Act.SEE_CONTROL)
        chrome = front.chrome(request, visitor, _("Playlists"))
        known = [
            one
            for one in controller.everywhere.screens()
            if "Pages" in one.capabilities and visitor.account.reaches(one.room)
        ]
        shown = views.PlaylistsPage(
            chrome=chrome,
            playlists=tuple(
                row(one, partial(front.renderer.say, chrome.language)) for one in lobby.playlists
            ),
            values=values,
            chosen=chosen,
            version=lobby.playlist(chosen).version if chosen else 0,
            screens=tuple(
                views.Choice(value=one.id, word=one.title, chosen=one.id in screens) for one in known
            ),
            days=tuple(
                views.Choice(value=str(day), word=word, chosen=str(day) in days)
                for day, word in enumerate(DAYS)
            ),
            contents=tuple(views.Choice(value=one.id, word=one.title) for one in lobby),
            places=(*(one for one in places if one[0]), *((("", "15"),) * SPARE)),
            versions=tuple(
                views.VersionRow(
                    version=one.version,
                    made_by=one.made_by,
                    made_at=one.made_at,
                    approved_by="",
                    shown=one.version == lobby.playlist(chosen).version,
                    waits=False,
                    may_approve=False,
                )
                for one in (await lobby.playlist_versions(chosen) if chosen else ())
            ),
            faults=of_screens(faults or {}),
            may_change=visitor.account.may(Act.FILL_SCREENS),
        )
        return front.answer("playlists", shown, 422 if faults else 200)

    def row(playlist: Playlist, say: Callable[[str], str]) -> views.PlaylistRow:
        titles = [controller.house.state(one).title for one in playlist.screens if one in controller.house]
        hours = playlist.hours
        clock = f"{hours.since or '00:00'}–{hours.until or '24:00'}" if hours.since or hours.until else ""
        days = sorted(set(hours.days))
        week = "" if len(days) == len(DAYS) else " ".join(say(DAYS[day]) for day in days)
        dates = "–".join(f"{day:%d.%m.%Y}" if day is not None else "…" for day in (hours.first, hours.last))
        return views.PlaylistRow(
            id=playlist.id,
            title=playlist.title,
            screens=", ".join(titles),
            length=str(len(playlist.entries)),
            hours=", ".join(filter(None, (week, clock, dates.removeprefix("…–…")))) or say(_("always")),
        )

    return routes


def _many(sent: FormData, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in sent.getlist(name))


def values_of(playlist: Playlist) -> dict[str, str]:
    """A playlist as its form has it."""
    hours = playlist.hours
    return {
        "id": playlist.id,
        "title": playlist.title,
        "rank": str(playlist.rank),
        "since": hours.since,
        "until": hours.until,
        "first": str(hours.first or ""),
        "last": str(hours.last or ""),
    }


def details_of(
    values: Mapping[str, str],
    screens: tuple[str, ...],
    days: tuple[str, ...],
    places: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    """What a form said, as a playlist has it."""
    return {
        "id": values["id"].strip(),
        "title": values["title"].strip(),
        "screens": list(screens),
        "entries": [
            {"content": content, "seconds": seconds or "15"} for content, seconds in places if content
        ],
        "rank": values["rank"] or "0",
        "hours": {
            "days": [int(day) for day in days if day.isdecimal()],
            "since": values["since"],
            "until": values["until"],
            "first": values["first"] or None,
            "last": values["last"] or None,
        },
    }
