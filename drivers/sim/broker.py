"""A small MQTT 3.1.1 broker for simulators: QoS 0 and 1, retained messages, wills, names and passwords."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterator

from avctl.config import Device
from drivers.sim.server import Peer, TcpSimulator

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14
NOT_AUTHORISED = 5
LONGEST = 2**20


class Nonsense(Exception):
    """Bytes that no client sends: the connection is ended."""


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A packet with its fixed header."""
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes((digit | (0x80 if left else 0),))
        if not left:
            return bytes((kind << 4 | flags,)) + length + body


def text(value: str | bytes) -> bytes:
    """A field with its length before it."""
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


class Fields:
    """Reads the fields of a packet's body, one after another."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        data = self._body[self._at : self._at + count]
        if len(data) < count:
            raise Nonsense
        self._at += count
        return data

    def number(self) -> int:
        """Two bytes."""
        return int.from_bytes(self.take(2), "big")

    def data(self) -> bytes:
        """A field with its length before it."""
        return self.take(self.number())

    def text(self) -> str:
        """The same, as text."""
        try:
            return self.data().decode()
        except UnicodeDecodeError:
            raise Nonsense from None

    @property
    def rest(self) -> bytes:
        """What is left."""
        return self._body[self._at :]


class Client(Peer):
    """A client: what it listens to, and its will."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.name: str | None = None
        self.filters: set[str] = set()
        self.will: tuple[str, bytes, bool] | None = None
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Kind, flags and body of the packets complete so far."""
        self._kept += data
        while (whole := self._whole()) is not None:
            yield whole

    def _whole(self) -> tuple[int, int, bytes] | None:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self._kept):
                return None
            digit = self._kept[at]
            length |= (digit & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not digit & 0x80:
                break
            if shift > 21:
                raise Nonsense
        if length > LONGEST:
            raise Nonsense
        if len(self._kept) < at + length:
            return None
        first, body = self._kept[0], self._kept[at : at + length]
        self._kept = self._kept[at + length :]
        return first >> 4, first & 0x0F, body


class Broker(TcpSimulator):
    """A simulated device that is spoken to through a broker: it is both."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.retained: dict[str, bytes] = {}

    @abstractmethod
    def lets_in(self, user: str, password: str) -> bool:
        """Whether a client may connect."""

    @abstractmethod
    async def heard(self, topic: str, data: bytes) -> None:
        """What a client said."""

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        client = Client(writer)
        serving = asyncio.current_task()
        assert serving is not None
        serving.add_done_callback(lambda _: self._left(client))
        return client

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, Client)
        try:
            for kind, flags, body in peer.feed(data):
                await self._packet(peer, kind, flags, Fields(body))
        except Nonsense:
            peer.writer.close()

    async def say(self, topic: str, data: str | bytes, retain: bool = False) -> None:
        """Publish, to whoever listens now and, retained, to whoever will."""
        content = data.encode() if isinstance(data, str) else data
        if retain:
            self.retained[topic] = content
        for peer in tuple(self.peers):
            if isinstance(peer, Client) and any(fits(one, topic) for one in peer.filters):
                await self.reply(peer, packet(PUBLISH, text(topic) + content))

    async def _packet(self, client: Client, kind: int, flags: int, fields: Fields) -> None:
        if (kind == CONNECT) is (client.name is not None):
            raise Nonsense  # first, and only once
        match kind:
            case 1:
                await self._connect(client, fields)
            case 3:
                topic = fields.text()
                number = fields.take(2) if flags & 0x06 else b""
                if number:
                    await self.reply(client, packet(PUBACK, number))
                if flags & 1:
                    self.retained[topic] = fields.rest
                await self.say(topic, fields.rest)
                await self.heard(topic, fields.rest)
            case 8:
                number, codes, wanted = fields.take(2), b"", []
                while fields.rest:
                    wanted.append(fields.text())
                    codes += bytes((min(fields.take(1)[0], 1),))
                client.filters.update(wanted)
                await self.reply(client, packet(SUBACK, number + codes))
                for topic, data in tuple(self.retained.items()):
                    if any(fits(one, topic) for one in wanted):
                        await self.reply(client, packet(PUBLISH, text(topic) + data, flags=1))
            case 10:
                number = fields.take(2)
                while fields.rest:
                    client.filters.discard(fields.text())
                await self.reply(client, packet(UNSUBACK, number))
            case 12:
                await self.reply(client, packet(PINGRESP, b""))
            case 14:
                client.will = None
                client.writer.close()
            case 4:
                pass
            case _:
                raise Nonsense

    async def _connect(self, client: Client, fields: Fields) -> None:
        if (fields.text(), fields.take(1)) != ("MQTT", b"\x04"):
            raise Nonsense
        flags = fields.take(1)[0]
        fields.number()  # the keep-alive
        client.name = fields.text()
        if flags & 0x04:
            client.will = fields.text(), fields.data(), bool(flags & 0x20)
        user = fields.text() if flags & 0x80 else ""
        password = fields.text() if flags & 0x40 else ""
        if self.lets_in(user, password):
            await self.reply(client, packet(CONNACK, b"\x00\x00"))
            return
        client.will = None
        await self.reply(client, packet(CONNACK, bytes((0, NOT_AUTHORISED))))
        client.writer.close()

    def _left(self, client: Client) -> None:
        if client.will is not None and self.plugged:
            topic, data, retain = client.will
            self.spawn(self.say(topic, data, retain))


def fits(wanted: str, topic: str) -> bool:
    """Whether a topic is one that is listened to: ``+`` is any level, ``#`` all that follow."""
    levels, own = wanted.split("/"), topic.split("/")
    for at, level in enumerate(levels):
        if level == "#":
            return True
        if at >= len(own) or level not in ("+", own[at]):
            return False
    return len(levels) == len(own)
