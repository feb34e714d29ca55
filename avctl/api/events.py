"""The stream of events: everything that happens, in order, without gap or repeat."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

import anyio
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from avctl.api.asking import Asked, Asking, allowed
from avctl.api.problems import documented
from avctl.bus import Lagging, Subscription
from avctl.errors import BadArgument
from avctl.events import AccountEvent, Event, encode, kinds
from avctl.model.account import Account, Act, Role
from avctl.services.doors import visitor_of
from avctl.services.reach import Reach
from avctl.services.secrecy import masked

log = logging.getLogger(__name__)

WAITING = 2000  # events kept for a reader who is slow
SILENT_SECONDS = 15  # a comment after so long: proxies end a connection that says nothing
UNREAD_SECONDS = 30  # a reader who takes nothing for so long is let go
GOODBYE_SECONDS = 1  # what a stream may take to end when the server does
HIGHEST = 2**53


class EventStream(EventSourceResponse):
    """A stream that lets a reader go who no longer reads."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader leaves, or is let go."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("a reader of the events took nothing for %d s and was let go", UNREAD_SECONDS)


router = APIRouter(prefix="/api/v1", tags=["events"], responses=documented(401, 403))


@router.get(
    "/events",
    dependencies=[allowed(Act.SEE_CONTROL)],
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `id` is the number, `event` the kind, `data` the JSON.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": (
                        'id: 4711\nevent: MicOpened\ndata: {"event": "MicOpened", '
                        '"at": "2027-02-11T08:00:00.120Z", "actor": "", "number": 4711, '
                        '"device": "plenary-discussion", "seat": 12}\n\n'
                    ),
                }
            },
        },
        **documented(422),
    },
)
async def events(
    request: Request,
    asked: Asked,
    transient: Annotated[bool, Query(description="Also what the journal leaves out: meters.")] = False,
    kind: Annotated[
        list[str] | None, Query(alias="kinds", max_length=100, description="Only these kinds; commas too.")
    ] = None,
    last: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=HIGHEST,
            description="Number of the last event the client has; a browser sends it by itself.",
        ),
    ] = None,
    last_in_address: Annotated[
        int | None,
        Query(alias="last_event_id", ge=0, le=HIGHEST, description="The same, where no header can be set."),
    ] = None,
) -> Response:
    """Everything that happens, from now on or from `Last-Event-ID` on, without gap or repeat.

    Who is limited to some rooms is told of these; votes of closed parts, and what the discussion systems
    themselves say of votes, is told to those who may close parts.

    The stream ends when its reader is too slow or its log-in has ended; connect again with the last number.
    """
    wanted = frozenset(name for part in kind or () for name in part.split(",") if name)
    if unknown := sorted(wanted - set(kinds())):
        raise BadArgument("kinds", f"kinds of event (there is no {', '.join(unknown)})")
    after = last if last is not None else last_in_address
    goodbye = anyio.Event()
    told = _told(request, asked, transient, wanted, after, goodbye)
    return EventStream(
        told,
        ping=SILENT_SECONDS,
        send_timeout=UNREAD_SECONDS,
        sep="\n",
        shutdown_event=goodbye,
        shutdown_grace_period=GOODBYE_SECONDS,
    )


async def _told(
    request: Request,
    asked: Asking,
    transient: bool,
    wanted: frozenset[str],
    after: int | None,
    goodbye: anyio.Event,
) -> AsyncIterator[ServerSentEvent]:
    people = asked.account.may(Act.SEE_JOURNAL)
    with asked.controller.bus.subscribe(WAITING) as live, _closed_at(goodbye, live):
        yield ServerSentEvent(comment="listening", retry=1000)
        reach = Reach(asked.controller, asked.account)
        async for every in _in_order(request, asked, live, after):
            if (event := reach.told(every)) is None:
                continue
            if (
                (transient or not event.transient)
                and (not wanted or type(event).__name__ in wanted)
                and (people or not isinstance(event, AccountEvent))
            ):
                yield ServerSentEvent(
                    id=str(event.number),
                    event=type(event).__name__,
                    data=json.dumps(masked(encode(event)), ensure_ascii=False),
                )


@contextmanager
def _closed_at(goodbye: anyio.Event, live: Subscription) -> Iterator[None]:
    """End the subscription when the server ends, so that the stream ends whole."""

    async def close() -> None:
        await goodbye.wait()
        live.close()

    closing = asyncio.create_task(close(), name="events: goodbye")
    try:
        yield
    finally:
        closing.cancel()


async def _in_order(
    request: Request, asked: Asking, live: Subscription, after: int | None
) -> AsyncIterator[Event]:
    """The journal after a number, then what is live; ends when the reader is slow or may no longer read."""
    controller, last = asked.controller, 0
    if after is not None:
        # A number from another record (a restored copy) must not silence what happens now.
        last = min(after, controller.bus.last_number)
        async for event in controller.journal.replay(last):
            last = event.number
            yield event
    try:
        async for event in live:
            if isinstance(event, AccountEvent):
                visitor = await visitor_of(request, controller)
                if visitor is None or _rights(visitor.account) != _rights(asked.account):
                    return
            if event.number > last:
                yield event
    except Lagging:
        log.info("a reader of the events was too slow and was let go")


def _rights(account: Account) -> tuple[Role, tuple[str, ...]]:
    """What decides which events somebody may be told."""
    return account.role, account.rooms
