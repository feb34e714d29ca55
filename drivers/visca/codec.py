"""VISCA's bytes: packets ``8x … FF``, replies ``90 … FF``, and Sony's eight-byte header around them on UDP.

Header: type(2) length(2) sequence(4), big-endian. A reply carries the sequence number of its request.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from avctl.errors import ProtocolError

END = 0xFF
LONGEST = 16
HEADER = struct.Struct(">HHI")
RESET = b"\x01"
# On a serial line: each camera takes the next free address, then every one forgets what it was doing.
ADDRESS_SET, CLEAR_ALL = bytes.fromhex("88 30 01 FF"), bytes.fromhex("88 01 00 01 FF")
NETWORK_CHANGE = 0x38  # a camera was switched on, or put on the line: addresses must be set again
SEQUENCE_ABNORMAL, KIND_ABNORMAL = b"\x0f\x01", b"\x0f\x02"


class Kind(IntEnum):
    """What a Sony datagram carries."""

    COMMAND = 0x0100
    INQUIRY = 0x0110
    REPLY = 0x0111
    SETTING = 0x0120
    CONTROL = 0x0200
    CONTROL_REPLY = 0x0201


@dataclass(frozen=True, kw_only=True)
class Message:
    """A datagram of Sony's transport."""

    kind: Kind
    sequence: int
    payload: bytes


def wrap(kind: Kind, sequence: int, payload: bytes) -> bytes:
    """The datagram of a message."""
    return HEADER.pack(kind, len(payload), sequence) + payload


def unwrap(datagram: bytes) -> Message:
    """The message of a datagram; ProtocolError when it is none."""
    if len(datagram) < HEADER.size:
        raise ProtocolError(f"shorter than its header: {datagram.hex(' ')}")
    kind, length, sequence = HEADER.unpack_from(datagram)
    payload = datagram[HEADER.size :]
    if length != len(payload):
        raise ProtocolError(f"says {length} bytes and has {len(payload)}: {datagram.hex(' ')}")
    try:
        return Message(kind=Kind(kind), sequence=sequence, payload=payload)
    except ValueError:
        raise ProtocolError(f"no such type: {datagram.hex(' ')}") from None


class Packets:
    """Packets out of bytes that come in any portions; so much ``noise`` may come before the first."""

    def __init__(self, noise: int = 0) -> None:
        self._kept = bytearray()
        self._noise = noise

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The packets complete so far, each with its FF; ProtocolError when none can begin or end here."""
        self._kept += data
        self._pass_noise()
        while (end := self._kept.find(END)) >= 0 or len(self._kept) >= LONGEST:
            packet = bytes(self._kept[: end + 1 or LONGEST])
            del self._kept[: len(packet)]
            if not 3 <= len(packet) <= LONGEST or packet[-1] != END or packet[0] < 0x80:
                raise ProtocolError(f"not a packet: {packet.hex(' ')}")
            self._noise = 0
            yield packet

    def _pass_noise(self) -> None:
        """Drop what no packet begins with, as far as that is forgiven."""
        if self._noise:
            starts = (at for at, byte in enumerate(self._kept) if 0x80 <= byte < END)
            begins = min(next(starts, len(self._kept)), self._noise)
            del self._kept[:begins]
            self._noise -= begins


class Says(Enum):
    """What a reply means."""

    ACCEPTED = auto()
    COMPLETED = auto()
    ANSWER = auto()
    ERROR = auto()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a camera says to a request; ``socket`` 0 stands for none."""

    says: Says
    socket: int = 0
    data: bytes = b""
    code: int = 0


SYNTAX, BUFFER_FULL, CANCELLED, NO_SOCKET, NOT_EXECUTABLE = 0x02, 0x03, 0x04, 0x05, 0x41
ERRORS: Mapping[int, str] = {
    0x01: "wrong message length",
    SYNTAX: "syntax error",
    BUFFER_FULL: "command buffer full",
    CANCELLED: "cancelled",
    NO_SOCKET: "no such socket",
    NOT_EXECUTABLE: "not executable now",
}
OF_A_SOCKET = {CANCELLED, NO_SOCKET}  # these errors are about a command accepted before


def read_reply(packet: bytes) -> Reply | None:
    """What a packet from a camera says; None for one that answers nothing (a notice, a network change)."""
    said, body = packet[1] >> 4, packet[2:-1]
    socket = packet[1] & 0x0F
    match said:
        case 0x4 if not body:
            return Reply(says=Says.ACCEPTED, socket=socket)
        case 0x5 if body:
            return Reply(says=Says.ANSWER, data=body)
        case 0x5:
            return Reply(says=Says.COMPLETED, socket=socket)
        case 0x6 if len(body) == 1:
            return Reply(says=Says.ERROR, socket=socket, code=body[0])
        case 0x0 | 0x3:
            return None
    raise ProtocolError(f"no such reply: {packet.hex(' ')}")


def command(*values: int) -> bytes:
    """The packet of a command or an inquiry to the camera at address 1, the only one over IP."""
    return bytes((0x81, *values, END))


def to(address: int, packet: bytes) -> bytes:
    """The same packet to the camera at another address of a serial line."""
    return bytes((0x80 | address, *packet[1:]))


def speaker(packet: bytes) -> int:
    """The address of the camera a reply comes from; 0 for what goes round the whole line."""
    return packet[0] - 0x80 >> 4 & 0x07


def nibbles(value: int, count: int = 4) -> tuple[int, ...]:
    """A number as VISCA writes it, one hexadecimal digit in each byte; negative ones in two's complement."""
    return tuple(value >> 4 * place & 0x0F for place in reversed(range(count)))


def number(digits: bytes, signed: bool = False) -> int:
    """The number of such digits."""
    value = 0
    for digit in digits:
        value = value << 4 | digit & 0x0F
    sign = 1 << (4 * len(digits) - 1)
    return value - 2 * sign if signed and value & sign else value
