"""Messages through an MQTT 3.1.1 broker: the wire of drivers whose device speaks by way of one.

Apart from ``avctl.wire`` so that nobody else pays for loading the library.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiomqtt

from avctl.errors import AuthRefused, LinkError
from avctl.wire import trust

REFUSED = {
    4,
    5,
    134,
    135,
}  # bad name or password, not authorised: of MQTT 3.1.1, and as the library renames them
KEEP_ALIVE = 15  # seconds; a broker that is gone is noticed after at most twice that
LONGEST = 2**20
SHOWN = 2000  # characters of a message in the log


@dataclass(frozen=True, kw_only=True)
class Message:
    """What came on a topic; ``retained``: it was said before we listened, nobody knows when."""

    topic: str
    text: str
    retained: bool


class _Client(aiomqtt.Client):
    """The library's client, on lines that are worse than it expects."""

    def _on_disconnect(self, *arguments: Any, **more: Any) -> None:
        super()._on_disconnect(*arguments, **more)
        if not self._connected.done():  # it would wait for an answer until time is up
            self._connected.set_exception(aiomqtt.MqttError("it hung up"))
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # looked at: whoever waits for it still gets it

    def _on_message(self, *arguments: Any, **more: Any) -> None:
        with suppress(UnicodeDecodeError):  # a topic that is no text is none of ours
            super()._on_message(*arguments, **more)

    def abandon(self) -> None:
        """Let go of whatever an attempt, or a connection that ended badly, has left open."""
        self._disconnected.cancel()
        line = self._client.socket()
        if line is not None and line.fileno() >= 0:
            self._loop.remove_reader(line.fileno())
            self._loop.remove_writer(line.fileno())
            line.close()


class Mqtt:
    """A connection to a broker."""

    def __init__(self, client: aiomqtt.Client, log: logging.Logger) -> None:
        self._client, self._log = client, log
        self._messages = aiter(client.messages)

    async def publish(self, topic: str, text: str, shown: str = "") -> None:
        """Say something on a topic, and wait until the broker has it; the log gets ``shown`` for a secret."""
        self._log.debug(">> %s %s", topic, shown or text)
        try:
            await self._client.publish(topic, text.encode(), qos=1, timeout=trust.CONNECT_SECONDS)
        except (aiomqtt.MqttError, ValueError) as fault:
            raise LinkError(f"the broker did not take it: {fault}") from fault

    async def hear(self) -> Message:
        """The next message, waiting for it."""
        try:
            got = await anext(self._messages)
        except (aiomqtt.MqttError, StopAsyncIteration) as fault:
            raise LinkError(f"the broker closed the connection: {fault}") from fault
        payload: Any = got.payload
        text = (
            payload[:LONGEST].decode(errors="replace")
            if isinstance(payload, bytes | bytearray)
            else str(payload)
        )
        self._log.debug("<< %s %s", got.topic, text[:SHOWN])
        return Message(topic=str(got.topic), text=text, retained=bool(got.retain))


@asynccontextmanager
async def mqtt(
    host: str,
    port: int,
    log: logging.Logger,
    topics: Collection[str],
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[Mqtt]:
    """A connection to a broker that hears these topics; AuthRefused when it does not let us in."""
    library = log.getChild("mqtt")
    library.setLevel(logging.CRITICAL)  # what is wrong is raised; its own lines would say it again
    client = _Client(
        host,
        port,
        username=login[0] if login else None,
        password=login[1] if login else None,
        # Of our own: two clients of one name throw each other out in turn.
        identifier=f"avctl-{secrets.token_hex(6)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        keepalive=KEEP_ALIVE,
        timeout=trust.CONNECT_SECONDS,
        logger=library,
        tls_context=tls,
    )
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as fault:
        client.abandon()
        raise _failed(fault) from fault
    except asyncio.CancelledError:
        client.abandon()
        raise
    try:
        try:
            for topic in topics:
                await client.subscribe(topic, qos=1, timeout=trust.CONNECT_SECONDS)
        except aiomqtt.MqttError as fault:
            raise LinkError(f"the broker does not let us listen: {fault}") from fault
        yield Mqtt(client, log)
    finally:
        try:
            await client.__aexit__(None, None, None)
        except aiomqtt.MqttError as fault:
            log.debug("the broker did not say goodbye: %s", fault)
        client.abandon()


def _failed(fault: aiomqtt.MqttError) -> LinkError | AuthRefused:
    code = getattr(fault, "rc", None)
    code = getattr(code, "value", code)
    if code in REFUSED:
        return AuthRefused("the broker refuses the name or the password")
    if "timed out" in str(fault).lower():
        return LinkError("cannot connect: no answer from the broker")
    return LinkError(f"cannot connect to the broker: {fault}")
