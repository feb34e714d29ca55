"""Pictures and sound: the public playlist and its segments, the archive, and a look at the programme.

Public addresses answer 404 until the broadcast has been published: what is not public does not exist.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from avctl.api.asking import Asked, allowed, controller_of
from avctl.api.problems import documented
from avctl.errors import Forbidden, NotFound, NotLoggedIn
from avctl.events import now
from avctl.model.account import Act
from avctl.model.booking import Policy
from avctl.services.controller import Controller
from avctl.services.doors import address_of, visitor_of

PLAYLIST = "application/vnd.apple.mpegurl"
KINDS: Mapping[str, str] = {
    ".m3u8": PLAYLIST,
    ".ts": "video/mp2t",
    ".mp4": "video/mp4",
    ".m4s": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
}
FRESH = "public, max-age=1"  # a playlist changes with each segment
FOREVER = "public, max-age=31536000, immutable"  # a segment never changes
ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, Accept-Ranges",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT = {
    **ANYWHERE,
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range, If-None-Match, If-Modified-Since",
    "Access-Control-Max-Age": "86400",
}
SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
SMALL = 1400  # bytes that fit in one packet are not worth packing

router = APIRouter(tags=["media"])


def _file(media_type: str, description: str) -> dict[int | str, dict[str, object]]:
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


@router.get(
    "/live/{session}/{path:path}",
    response_class=Response,
    responses={**_file(PLAYLIST, "A playlist, or a segment."), **documented(404)},
)
async def live(request: Request, session: str, path: str) -> Response:
    """The public programme: `master.m3u8`, and what it names."""
    controller = controller_of(request)
    folder = _folder(controller, session)
    # Whatever was public before: nothing is from the moment on that it is booked for later, or never.
    is_live = (await controller.sessions.find(session)).booking.policy is Policy.LIVE
    if not is_live or not controller.broadcasts.get(session).published:
        raise NotFound("this broadcast is not public")
    kind = KINDS.get(Path(path).suffix)
    if kind is None or not all(PART.fullmatch(part) for part in path.split("/")):
        raise NotFound("there is no such part of the broadcast")
    found = _inside(folder / "live", path)
    if kind is PLAYLIST:
        if request.method == "GET":
            program = request.headers.get("user-agent", "")
            controller.viewers.saw(session, address_of(request), program)
        return await _small(request, found, kind, FRESH, ANYWHERE)
    return _large(found, kind, FOREVER)


@router.get(
    "/archive/{session}/video.mp4",
    response_class=Response,
    responses={
        **_file("video/mp4", "The recording; parts of it may be asked for."),
        **documented(401, 403, 404),
    },
)
async def recording(request: Request, session: str) -> Response:
    """The recording of a session that is over."""
    cache = await _archived(request, session)
    return _large(_inside(_folder(controller_of(request), session), "archive/video.mp4"), "video/mp4", cache)


@router.get(
    "/archive/{session}/chapters.vtt",
    response_class=Response,
    responses={**_file("text/vtt", "The chapters, as WebVTT."), **documented(401, 403, 404)},
)
async def chapters(request: Request, session: str) -> Response:
    """Where in the recording each agenda item and speaker begins."""
    cache = await _archived(request, session)
    found = _inside(_folder(controller_of(request), session), "archive/chapters.vtt")
    return await _small(request, found, KINDS[".vtt"], cache, ANYWHERE)


@router.get(
    "/api/v1/broadcasts/{session}/preview.jpg",
    response_class=Response,
    dependencies=[allowed(Act.SEE_CONTROL)],
    responses={**_file("image/jpeg", "The picture, about once a second."), **documented(401, 403, 404)},
)
async def preview(request: Request, asked: Asked, session: str) -> Response:
    """What the programme shows now, for those who run it."""
    folder = _folder(asked.controller, session)
    return await _small(request, _inside(folder, "preview.jpg"), "image/jpeg", "private, no-cache", {})


@router.get(
    "/api/v1/broadcasts/{session}/sources/{source}.jpg",
    response_class=Response,
    dependencies=[allowed(Act.SEE_CONTROL)],
    responses={**_file("image/jpeg", "The picture, about once a second."), **documented(401, 403, 404)},
)
async def source(request: Request, asked: Asked, session: str, source: str) -> Response:
    """What a source sends now; in a closed part for those only who may close parts."""
    folder = _folder(asked.controller, session)
    if asked.controller.broadcasts.hidden(session):
        asked.account.must_be_allowed(Act.CLOSE_PARTS)
    found = _inside(folder, f"source-{source}.jpg")
    return await _small(request, found, "image/jpeg", "private, no-cache", {})


@router.options("/live/{session}/{path:path}", include_in_schema=False)
@router.options("/archive/{session}/{path:path}", include_in_schema=False)
async def may_i(session: str, path: str) -> Response:
    """Players in other sites' pages may read what is public."""
    return Response(status_code=204, headers=PREFLIGHT)


# A player asks HEAD for a length; the document need not say it twice.
for address, answer in (
    ("/live/{session}/{path:path}", live),
    ("/archive/{session}/video.mp4", recording),
    ("/archive/{session}/chapters.vtt", chapters),
):
    router.add_api_route(address, answer, methods=["HEAD"], response_class=Response, include_in_schema=False)


async def _archived(request: Request, session: str) -> str:
    """How long others may keep the recording; raised when the one who asks may not see it."""
    controller = controller_of(request)
    _inside(_folder(controller, session), "archive/video.mp4")
    found = await controller.sessions.find(session)
    if found.released(now()):
        return "public, max-age=300"
    visitor = await visitor_of(request, controller)
    if visitor is None:
        raise NotLoggedIn("this recording is not public")
    if not any(visitor.account.may(act) for act in (Act.RUN_SESSIONS, Act.APPROVE_PUBLICATION)):
        raise Forbidden("this recording is not public")
    return "private, no-store"


def _folder(controller: Controller, session: str) -> Path:
    if not SESSION.fullmatch(session):
        raise NotFound("there is no such session")
    return controller.broadcasts.folder(session)


def _inside(folder: Path, path: str) -> Path:
    """A file of the folder; NotFound when there is none, or when a link leads out."""
    try:
        found = (folder / path).resolve(strict=True)
        if found.is_relative_to(folder.resolve(strict=True)) and found.is_file():
            return found
    except (OSError, ValueError):
        pass
    raise NotFound("there is no such file")


def _large(path: Path, kind: str, cache: str) -> Response:
    return FileResponse(path, media_type=kind, headers={"Cache-Control": cache, **ANYWHERE})


async def _small(request: Request, path: Path, kind: str, cache: str, headers: Mapping[str, str]) -> Response:
    """A file that is replaced under way: read whole, so that its length and its content agree."""
    try:
        body, tag = await asyncio.to_thread(_read, path)
    except OSError:
        raise NotFound("there is no such file") from None
    said = {"Cache-Control": cache, "ETag": tag, **headers}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=said)
    if kind is PLAYLIST:
        said["Vary"] = "Accept-Encoding"
        # The playlist of a whole day has thousands of lines and is asked for every two seconds.
        if len(body) > SMALL and "gzip" in request.headers.get("accept-encoding", ""):
            body = await asyncio.to_thread(gzip.compress, body, 1)
            said["Content-Encoding"] = "gzip"
    return Response(body, media_type=kind, headers=said)


def _read(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as file:
        body = file.read()
        moment = os.fstat(file.fileno()).st_mtime_ns
    return body, f'"{moment:x}-{len(body):x}"'
