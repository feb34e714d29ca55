"""What may come in: bodies of limited size that are JSON which every part behind can hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avctl.api.problems import problem

LARGEST = 1024 * 1024
# Read on and thrown away: who is cut off while sending never reads why.
FORGIVEN = 8 * LARGEST
DEEPEST = 32
# Beyond this, a JavaScript client and we would not mean the same number.
LARGEST_NUMBER = 2**53
UNREADABLE = "\x00"
PEOPLE_AT = re.compile(r"/api/v1/sessions/[^/]+/participants/import")
"""Where a file of any kind comes in: whoever reads it says what is wrong with it."""
SCREENS_AT = re.compile(r"/api/v1/lobby/contents/[^/]+/file")
"""Where a film may come in: it is read by its own door, which says how large it may be."""
JSON = "application/json"
FILES_AT = ("/api/v1/imports", "/api/v1/blackouts/import")
FILES = (
    "text/csv",
    "text/calendar",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)


class Refused(Exception):
    """A request that is not let in, with its status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Bodies:
    """Lets a request of the API in only when its address and its body can be read by everybody behind."""

    def __init__(self, app: ASGIApp, prefix: str = "/api/") -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the request, then hand it on."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        try:
            if UNREADABLE in scope["path"] or b"\x00" in unquote_to_bytes(scope["query_string"]):
                raise Refused(400, "no address holds the character NUL")
            streamed = scope["method"] == "POST" and SCREENS_AT.fullmatch(scope["path"])
            if scope["method"] in ("POST", "PUT", "PATCH", "DELETE") and not streamed:
                receive = await _checked(Headers(scope=scope), receive, _kinds(scope["path"]))
        except Refused as refused:
            answer = problem(scope["path"].replace(UNREADABLE, "�"), refused.status, str(refused))
            if refused.status == 413:
                answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _checked(headers: Headers, receive: Receive, kinds: tuple[str, ...]) -> Receive:
    """The same body again, once it has been read and found good."""
    body = await _read(receive)
    if body and kinds:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in kinds:
            raise Refused(415, f"the body must be declared as {' or '.join(kinds)}")
        if kind == JSON:
            _look(body)
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _kinds(path: str) -> tuple[str, ...]:
    """What a body may be: JSON, and where lists are brought the kinds of file they are; none named: any."""
    if PEOPLE_AT.fullmatch(path):
        return ()
    return FILES if path in FILES_AT else (JSON,)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body ended early")
        size += len(message.get("body", b""))
        if size <= LARGEST:
            parts.append(message.get("body", b""))
        ended = not message.get("more_body", False)
        if size > LARGEST and (ended or size > FORGIVEN):
            raise Refused(413, "a body may have 1 MiB")
        if ended:
            return b"".join(parts)


def _look(body: bytes) -> None:
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_not_a_number)
    except UnicodeDecodeError:
        raise Refused(400, "the body is not UTF-8") from None
    except RecursionError:
        raise Refused(400, f"the body is nested deeper than {DEEPEST}") from None
    except ValueError as fault:
        raise Refused(400, f"the body is not JSON: {str(fault)[:200]}") from None
    for leaf in _leaves(value, 0):
        if isinstance(leaf, str):
            if UNREADABLE in leaf or any("\ud800" <= letter <= "\udfff" for letter in leaf):
                raise Refused(400, "no text holds the character NUL or half of a surrogate pair")
        elif isinstance(leaf, int | float) and not abs(leaf) <= LARGEST_NUMBER:
            # An exponent may have made it infinite, which JSON cannot say again.
            wrong = not isinstance(leaf, float) or math.isinf(leaf)
            if wrong:
                raise Refused(400, "a number is larger than 2^53")


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if depth > DEEPEST:
        raise Refused(400, f"the body is nested deeper than {DEEPEST}")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, depth + 1)
    else:
        yield value
