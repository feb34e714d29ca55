"""What framed protocols of displays share: where a frame begins, and what noise before one is bearable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Generic, TypeVar

from avctl.errors import ProtocolError

Frame = TypeVar("Frame")

NOISE = 64  # bytes of line noise forgiven before a header


class Frames(ABC, Generic[Frame]):
    """Frames out of bytes that come in any portions; noise before a ``header`` is passed over."""

    header: ClassVar[int]
    told: ClassVar[str]  # what they are not, when it is all noise

    def __init__(self) -> None:
        self._kept = bytearray()
        self._noise = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames complete so far; ProtocolError for a wrong check or for too much noise."""
        self._kept += data
        while (frame := self._next()) is not None:
            yield frame

    @abstractmethod
    def size(self, begun: bytes) -> int | None:
        """The length of the frame that has begun, once it can be known; ProtocolError when it cannot be."""

    @abstractmethod
    def read(self, frame: bytes) -> Frame:
        """A whole frame; ProtocolError for a wrong check."""

    def _next(self) -> Frame | None:
        start = self._kept.find(self.header)
        passed = len(self._kept) if start < 0 else start
        del self._kept[:passed]
        self._noise += passed
        if self._noise > NOISE:
            self._noise = 0
            raise ProtocolError(f"these are not {self.told}")
        try:
            end = self.size(bytes(self._kept))
        except ProtocolError:
            del self._kept[:1]
            raise
        if end is None or len(self._kept) < end:
            return None
        frame = bytes(self._kept[:end])
        del self._kept[:end]
        self._noise = 0
        return self.read(frame)
