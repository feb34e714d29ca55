"""Requests to devices that speak HTTP: the wire of drivers for which a connection is not a conversation.

Logs like the other wires, and turns every failure into LinkError, every silence into NoAnswer. Apart from
``avctl.wire`` so that nobody else pays for loading the library.
"""

from __future__ import annotations

import asyncio
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
REDIRECTS = 5
WHOLE_SECONDS = 30.0  # for all of what is fetched: a server may trickle for ever


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


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What was found at an address that may lead elsewhere, and where it was found at last."""

    status: int
    data: bytes
    url: str

    @property
    def ok(self) -> bool:
        """Whether it was there."""
        return 200 <= self.status < 300


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

    async def fetch(
        self, url: str, seconds: float, most: int, named: str, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """What is at an address, of this server or another; redirects are followed, but never out of TLS.

        No more than ``most`` bytes are taken; ``named`` stands for the address everywhere: it may hold a key.
        """
        self._log.debug(">> GET %s", named)
        try:
            async with asyncio.timeout(max(seconds, WHOLE_SECONDS)):
                request = self._client.build_request(
                    "GET", url, headers=headers, timeout=httpx.Timeout(seconds, pool=None)
                )
                for _ in range(1 + REDIRECTS):
                    answer = await self._client.send(request, stream=True)
                    try:
                        if answer.next_request is None:
                            data = await self._taken(answer, most, named)
                            self._log.debug("<< %s, %d bytes", answer.status_code, len(data))
                            return Fetched(status=answer.status_code, data=data, url=str(answer.url))
                        secure, request = request.url.scheme == "https", answer.next_request
                    finally:
                        await answer.aclose()
                    if secure and request.url.scheme != "https":
                        raise ProtocolError(f"{named} is redirected out of TLS")
        except (httpx.TimeoutException, TimeoutError) as fault:
            raise NoAnswer(f"no answer to GET {named} in time") from fault
        except (httpx.LocalProtocolError, UnicodeError) as fault:
            raise LinkError(f"GET {named} cannot be sent as it is") from fault
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise failed(f"GET {named}", fault) from fault
        raise ProtocolError(f"{named} is redirected in a circle")

    @staticmethod
    async def _taken(answer: httpx.Response, most: int, named: str) -> bytes:
        taken = bytearray()
        async for piece in answer.aiter_bytes(65536):
            taken += piece
            if len(taken) > most:
                raise ProtocolError(f"{named} has no end (over {most} bytes)")
        return bytes(taken)


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
    others: ssl.SSLContext | None = None,
) -> AsyncIterator[Http]:
    """Requests to one device, in TLS when a context is given; never through a proxy, never redirected.

    What is fetched may lead to ``others``: how they are trusted, in TLS.

    ``login``: name and password, for a device that asks for HTTP Digest. Without ``cookies``
    none is sent back.
    """
    for library in ("httpx", "httpcore"):  # they would write each request at info, and cookies at debug
        logging.getLogger(library).setLevel(logging.WARNING)
    named = f"[{host}]" if ":" in host else host
    async with httpx.AsyncClient(
        base_url=f"{'https' if tls else 'http'}://{named}:{port}",
        verify=tls or others or False,
        auth=httpx.DigestAuth(*login) if login else None,
        trust_env=False,
        timeout=trust.CONNECT_SECONDS,
        limits=httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS),
    ) as client:
        if not cookies:
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        yield Http(client, log)
