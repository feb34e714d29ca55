"""Files for screens, by the API: read as they come, for a film fits in no memory."""

from __future__ import annotations

from typing import IO, Any

from fastapi import APIRouter, HTTPException, Request
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from avctl.api.asking import Asked, allowed
from avctl.api.bodies import FORGIVEN
from avctl.api.lobby import ContentId
from avctl.api.problems import documented
from avctl.errors import BadArgument
from avctl.model.account import Act
from avctl.model.playing import Content
from avctl.services.uploads import HEAD, kind_of

MB = 1_000_000
AROUND = 1024 * 1024  # bytes of a form beside its file
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A form with the file, and the title where it is not to be what it was.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "title": {"type": "string", "maxLength": 200},
                    },
                }
            }
        },
    }
}
REFUSED = documented(400, 409, 413, 415, 422)
REFUSED[413] = {**REFUSED[413], "description": "The file is larger than `lobby.largest_mb`."}
REFUSED[415] = {**REFUSED[415], "description": "The body is not declared as multipart/form-data."}

router = APIRouter(prefix="/api/v1/lobby", tags=["screens"], responses=documented(401, 403))


@router.post(
    "/contents/{content}/file",
    status_code=201,
    dependencies=[allowed(Act.FILL_SCREENS)],
    responses=REFUSED,
    openapi_extra=FILE,
)
async def upload(asked: Asked, request: Request, content: ContentId) -> Content:
    """Enter a picture or a video, or its next version: type, size, pixels, and it must decode.

    `curl -H "Authorization: Bearer $TOKEN" -F file=@poster.png -F title=Афіша .../lobby/contents/poster/file`
    """
    lobby = asked.controller.lobby
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(415, "the body must be declared as multipart/form-data")
    form = await _form(request, asked.controller.config.lobby.largest_mb)
    try:
        sent, title = form.get("file"), form.get("title")
        if not isinstance(sent, UploadFile) or not sent.filename:
            raise BadArgument("file", "a file in the field file of the form")
        known = next((one for one in lobby if one.id == content), None)
        details = {
            "id": content,
            "kind": known.kind.value if known is not None else kind_of(_begin(sent.file)).value,
            "title": title if isinstance(title, str) and title.strip() else _usual(known, sent.filename),
        }
        command = await lobby.bring(asked.actor, details, sent.file)
    finally:
        await form.close()
    kept: Content = await asked.controller.desk.obey(command)
    return kept


def _begin(sent: IO[bytes]) -> bytes:
    head = sent.read(HEAD)
    sent.seek(0)
    return head


def _usual(known: Content | None, filename: str) -> str:
    return known.title if known is not None else filename[:200]


async def _form(request: Request, largest_mb: int) -> FormData:
    """The form of a request; 413 as soon as it is known to be too large, whatever it said of its length."""
    left = largest_mb * MB + AROUND

    async def counted() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise await _too_large(request, message, largest_mb)
        return message

    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > left:
        raise await _too_large(request, await request.receive(), largest_mb)
    return await Request(request.scope, counted).form(max_files=1, max_fields=10)


async def _too_large(request: Request, message: Message, largest_mb: int) -> HTTPException:
    """The refusal, once a little more was read: who is cut off while sending never reads why."""
    read = 0
    while message.get("more_body", False) and read < FORGIVEN:
        message = await request.receive()
        read += len(message.get("body", b""))
    return HTTPException(413, f"a file may have {largest_mb} MB", headers={"Connection": "close"})
