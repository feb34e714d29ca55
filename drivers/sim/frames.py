"""Simulators that hear frames or lines: half a frame is remembered, what is none is passed over."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Generic, TypeVar

from avctl.errors import ProtocolError
from drivers.polled import Codec
from drivers.sim.server import Peer, TcpSimulator

Frame = TypeVar("Frame")


class Talk(Peer, Generic[Frame]):
    """One connection with what was heard of its next frame."""

    def __init__(self, writer: asyncio.StreamWriter, codec: Codec[Frame]) -> None:
        super().__init__(writer)
        self.codec = codec


class FramedSimulator(TcpSimulator, Generic[Frame]):
    """A simulator that hears whole frames, on TCP or a serial line."""

    @abstractmethod
    def codec(self) -> Codec[Frame]:
        """The codec of what clients say."""

    @abstractmethod
    async def heard(self, peer: Peer, frame: Frame) -> None:
        """Deal with one frame; answer through ``reply``."""

    async def nonsense(self, peer: Peer) -> None:
        """Deal with what is no frame: most devices say nothing."""

    def meet(self, writer: asyncio.StreamWriter) -> Peer:
        return Talk(writer, self.codec())

    async def received(self, peer: Peer, data: bytes) -> None:
        assert isinstance(peer, Talk)
        while True:
            try:
                for frame in peer.codec.feed(data):
                    await self.heard(peer, frame)
                return
            except ProtocolError:
                await self.nonsense(peer)
                data = b""
