"""What every answer gets: headers that keep browsers careful, a line in the log, a figure."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avctl.api.asking import SAFE
from avctl.api.health import Metrics
from avctl.api.problems import problem

log = logging.getLogger("avctl.access")

CAREFUL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Others may show a player of ours in their pages, and nothing else.
FRAMED = "/embed/"
NOT_FRAMED = "frame-ancestors 'none'"
SECRET = "/calendar/people/"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"})


class Answers:
    """Wraps the whole application, pages included."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _be_careful(scope["path"], MutableHeaders(scope=message))
                self._note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:  # the outermost place: one request failed, the rest go on
            log.exception("%s %s failed", scope["method"], _shown(scope["path"]))
            if started:
                raise  # the server cuts the connection, so that nobody takes a part for the whole
            await problem(scope["path"], 500)(scope, receive, answer)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The query may hold what nobody else should read: only the path is written.
        level = logging.DEBUG if scope["method"] in SAFE else logging.INFO
        log.log(level, "%s %s %d %.1f ms", scope["method"], _shown(scope["path"]), status, seconds * 1000)
        route = getattr(scope.get("route"), "path", None)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.requests.labels(method, route or "other", str(status)).observe(seconds)


def _shown(path: str) -> str:
    """A path that cannot forge a line of the log, and without the secret of somebody's calendar."""
    if path.startswith(SECRET):
        return f"{SECRET}..."
    return path.encode("unicode_escape").decode("ascii")


def _be_careful(path: str, headers: MutableHeaders) -> None:
    for name, value in CAREFUL.items():
        headers.setdefault(name, value)
    if not path.startswith(FRAMED):
        policy = headers.get("Content-Security-Policy", "")
        if "frame-ancestors" not in policy:
            headers["Content-Security-Policy"] = f"{policy}; {NOT_FRAMED}" if policy else NOT_FRAMED
