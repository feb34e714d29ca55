"""A PTZ camera that is not there: VISCA with Sony's header, over plain UDP, over TCP or on a serial line."""

from __future__ import annotations

import asyncio

from avctl.config import Device
from avctl.errors import ProtocolError
from drivers.sim.server import Peer, TcpSimulator, UdpSimulator, act
from drivers.sim.shared_line import SerialSimulator
from drivers.sim.visca.head import Head, error
from drivers.visca import Options
from drivers.visca.codec import (
    ADDRESS_SET,
    CLEAR_ALL,
    RESET,
    SEQUENCE_ABNORMAL,
    SYNTAX,
    Kind,
    Message,
    Packets,
    command,
    to,
    unwrap,
    wrap,
)


class UdpCamera(Head, UdpSimulator):
    """A camera on UDP, with Sony's header or without."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.framed = self.options.transport == "sony-udp"
        self.forgetful = False
        self.to_lose = self.to_lose_answers = self.to_misnumber = 0
        self._last: dict[tuple[str, int], tuple[int, list[bytes]]] = {}

    @act
    def lose(self, count: int = 1, answers: bool = False) -> None:
        """Lose the next datagrams on their way here, or the answers on their way back."""
        if answers:
            self.to_lose_answers = count
        else:
            self.to_lose = count

    @act
    def wrong_sequence(self, count: int = 1) -> None:
        """Answer the next requests under a wrong sequence number."""
        self.to_misnumber = count

    @act
    def forget_sequence(self) -> None:
        """Refuse every sequence number until it is reset, as after a restart."""
        self.forgetful = True

    async def received(self, peer: tuple[str, int], data: bytes) -> None:
        if self.to_lose:
            self.to_lose -= 1
            return
        try:
            if self.framed:
                await self._framed(peer, unwrap(data))
            else:
                for packet in Packets().feed(data):
                    await self.obey(packet, lambda answer: self._back(peer, answer))
        except ProtocolError:
            self.log.debug("passed over: %s", data.hex(" "))

    async def _framed(self, peer: tuple[str, int], message: Message) -> None:
        if message.kind is Kind.CONTROL:
            if message.payload == RESET:
                self.forgetful = False
                for known in [known for known in self._last if known[0] == peer[0]]:
                    del self._last[known]
            await self._back(peer, wrap(Kind.CONTROL_REPLY, message.sequence, RESET))
            return
        last, said = self._last.get(peer, (-1, []))
        if self.forgetful or message.sequence < last:
            await self._back(peer, wrap(Kind.CONTROL_REPLY, message.sequence, SEQUENCE_ABNORMAL))
            return
        if message.sequence == last:  # heard before: the same answers, not a second time the same deed
            for answer in tuple(said):
                await self._back(peer, answer)
            return
        answers: list[bytes] = []
        self._last[peer] = (message.sequence, answers)
        wrong = self.to_misnumber > 0
        self.to_misnumber -= wrong

        async def say(packet: bytes) -> None:
            number = message.sequence + 1000 * wrong
            answer = wrap(Kind.REPLY, number, packet)
            answers.append(answer)
            await self._back(peer, answer)

        for packet in Packets().feed(message.payload):
            await self.obey(packet, say)

    async def _back(self, peer: tuple[str, int], answer: bytes) -> None:
        if self.to_lose_answers:
            self.to_lose_answers -= 1
        else:
            await self.reply(peer, answer)


class _Talk(Peer):
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.packets = Packets()


class TcpCamera(Head, TcpSimulator):
    """A camera on TCP; one byte at a time is as good as a packet."""

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        return _Talk(writer)

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, _Talk)
        try:
            for packet in peer.packets.feed(data):
                await self.obey(packet, lambda answer: self.reply(peer, answer))
        except ProtocolError:
            await self.reply(peer, error(SYNTAX))


class SerialCamera(Head, SerialSimulator):
    """A camera on a serial line, at the address its options say."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.addressed = 0  # how often addresses were set
        self._packets = Packets()

    @act
    async def join_line(self) -> None:
        """Be switched on while the line is in use: it asks for addresses."""
        await self._say(b"\x90\x38\xff")

    async def received(self, data: bytes) -> None:
        for packet in self._packets.feed(data):
            if packet == ADDRESS_SET:
                self.addressed += 1
                if self._is_last():  # what goes round comes back from the end of the chain
                    await self.reply(bytes((0x88, 0x30, self.options.address + 1, 0xFF)))
            elif packet == CLEAR_ALL:
                await self.obey(command(0x01, 0x00, 0x01), self._nothing)
                if self._is_last():
                    await self.reply(packet)
            elif packet[0] == 0x80 | self.options.address:
                await self.obey(to(1, packet), self._say)

    def _is_last(self) -> bool:
        chain = self.line.members if self.line is not None else []
        addresses = [one.options.address for one in chain if isinstance(one, SerialCamera)]
        return self.options.address == max(addresses, default=0)

    async def _say(self, answer: bytes) -> None:
        await self.reply(bytes((0x80 | self.options.address << 4, *answer[1:])))

    async def _nothing(self, answer: bytes) -> None:
        """To what goes round the line only the line answers."""


def SIMULATOR(device: Device) -> Head:
    """The simulated camera that speaks as the device's options say."""
    options = Options.model_validate(device.options)
    if isinstance(device.port, str):
        return SerialCamera(device)
    return TcpCamera(device) if options.transport == "tcp" else UdpCamera(device)
