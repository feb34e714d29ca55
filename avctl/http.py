"""Requests to devices that speak HTTP: the wire of drivers for which a connection is not a conversation.

Logs like the other wires, and turns every failure into LinkError, every silence into NoAnswer. Apart from
``avctl.wire`` so that nobody else pays for loading the library.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx

from avctl.errors import LinkError, NoAnswer, ProtocolError
from avctl.wire import failed, trust

IDLE_SECONDS = 3  # small servers close an idle connection early; a request on a closed one would fail
SHOWN = 2000  # characters of an answer in the log


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a device answered."""

    status: int
    text: str
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it did what was asked: devices differ in which 2xx they like."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The content; ProtocolError when it makes no sense."""
        try:
            return json.loads(self.text.removeprefix("\ufeff"))  # services on Windows put a mark before it
        except (ValueError, RecursionError) as fault:
            raise ProtocolError(f"not JSON: {self.text[:80]!r}") from fault


class Http:
    """Asks one device."""

    def __init__(self, client: httpx.AsyncClient, log: logging.Logger) -> None:
        self._client, self._log = client, log

    async def ask(
        self,
        method: str,
        path: str,
        seconds: float,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        secret: bool = False,
        shown: str = "",
        named: str = "",
    ) -> Answer:
        """The answer to a request, whose body is sent as it is (bytes) or as JSON.

        What is ``secret`` stays out of the log, as do all headers; ``shown`` stands there for a body alone,
        ``named`` for a path that may hold a key, in errors too.
        """
        content = body if body is None or isinstance(body, bytes) else _json(body)
        sent = {**({} if content is None else {"Content-Type": "application/json"}), **(headers or {})}
        said = "" if content is None else " …" if secret else f" {shown or content.decode(errors='replace')}"
        place = named or path
        self._log.debug(">> %s %s%s", method, place, said)
        try:
            answer = await self._client.request(
                method, path, content=content, headers=sent, timeout=httpx.Timeout(seconds, pool=None)
            )
        except httpx.ConnectTimeout as fault:
            raise LinkError("cannot connect: no answer") from fault
        except httpx.TimeoutException as fault:
            raise NoAnswer(f"no answer to {method} {place} within {seconds:g} s") from fault
        except (httpx.LocalProtocolError, UnicodeError) as fault:  # its text may repeat a header
            raise LinkError(f"{method} {place} cannot be sent as it is") from fault
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise failed(f"{method} {place}", fault) from fault
        self._log.debug("<< %s%s", answer.status_code, " …" if secret else f" {answer.text[:SHOWN]}")
        return Answer(
            status=answer.status_code, text=answer.text, data=answer.content, headers=answer.headers
        )


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


@asynccontextmanager
async def http(
    host: str,
    port: int,
    log: logging.Logger,
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    cookies: bool = True,
) -> AsyncIterator[Http]:
    """Requests to one device, in TLS when a context is given; never through a proxy, never redirected.

    ``login``: name and password, for a device that asks for HTTP Digest. Without ``cookies``
    none is sent back.
    """
    for library in ("httpx", "httpcore"):  # they would write each request at info, and cookies at debug
        logging.getLogger(library).setLevel(logging.WARNING)
    named = f"[{host}]" if ":" in host else host
    async with httpx.AsyncClient(
        base_url=f"{'https' if tls else 'http'}://{named}:{port}",
        verify=tls or False,
        auth=httpx.DigestAuth(*login) if login else None,
        trust_env=False,
        timeout=trust.CONNECT_SECONDS,
        limits=httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS),
    ) as client:
        if not cookies:
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        yield Http(client, log)
