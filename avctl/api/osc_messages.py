"""OSC 1.0 messages, in and out: only what can be read safely is given to the library that reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket, ParseError
from pythonosc.parsing import osc_types

from avctl.errors import BadArgument

Value = int | str
Peer = tuple[str | int, ...]
"""Address and port of a surface, as the socket gives them."""

ROOT = "/avctl"
SHOWN = frozenset(
    {"phase", "reason", "on-air", "title", "speaker", "name", "floor", "waiting", "alerts", "refused"}
)
"""What avctl says of a room."""

LONGEST = 4096  # bytes of a datagram; an act takes 50, a bundle of a whole fader bank some 2000
DEEPEST = 4  # bundles within bundles
TAGS = frozenset("ihfdsbrmtTFN[]")  # the types of arguments that can be read
MOST_TAGS = 16
NUMBER = re.compile(r"[0-9]{1,6}")


def datagram(address: str, value: Value) -> bytes:
    """One message; text is UTF-8."""
    message = OscMessageBuilder(address)
    if isinstance(value, str):
        text = value.replace("\0", "").encode("utf-8", "replace").decode()  # a device may send half a letter
        message.add_arg(text, OscMessageBuilder.ARG_TYPE_STRING)
    else:
        message.add_arg(int(value), OscMessageBuilder.ARG_TYPE_INT)
    return message.build().dgram


def is_ours(address: str) -> bool:
    """Whether an address is one that avctl hears; what it only sends comes from a surface that echoes."""
    match address.split("/"):
        case ["", "avctl", "pong" | "refused"]:
            return False
        case ["", "avctl", _, shown] if shown in SHOWN:
            return False
        case ["", "avctl", _, act, "sure"] if act != "preset":
            return False
        case ["", "avctl", _, *_]:
            return True
    return False


def messages_of(data: bytes) -> list[OscMessage]:
    """The messages of a datagram, in order; ParseError (or ValueError) when it is not OSC."""
    if len(data) > LONGEST:
        raise ParseError(f"longer than {LONGEST} bytes")
    _must_be_sound(data, 0)
    return [timed.message for timed in OscPacket(data).messages]


def _must_be_sound(data: bytes, depth: int) -> None:
    """ParseError for what the library would read without end, or complain of in a log that is not ours."""
    if not OscBundle.dgram_is_bundle(data):
        if not OscMessage.dgram_is_message(data):
            raise ParseError("neither a message nor a bundle")
        try:
            _, at = osc_types.get_string(data, 0)
            tags = osc_types.get_string(data, at)[0] if data[at:] else ","
        except osc_types.ParseError as fault:
            raise ParseError(str(fault)) from fault
        if not tags.startswith(",") or len(tags) > MOST_TAGS or not TAGS.issuperset(tags[1:]):
            raise ParseError(f"arguments of the types {tags[:MOST_TAGS]!r}")
        return
    at = 16  # after "#bundle", its null byte and the time tag
    if len(data) < at or depth > DEEPEST:
        raise ParseError("a bundle that is cut off, or too deep")
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big", signed=True)
        if size <= 0 or size % 4 or at + 4 + size > len(data):
            raise ParseError(f"an element of {size} bytes")
        _must_be_sound(data[at + 4 : at + 4 + size], depth + 1)
        at += 4 + size


def pressed(arguments: Sequence[Any]) -> bool | None:
    """Whether a button is pressed or let go; None when the message says neither."""
    match arguments:
        case [] | [None]:
            return None
        case [bool() | int() | float() as value] if value in (0, 1):
            return bool(value)
    raise BadArgument("argument", "1 when pressed, 0 when let go, or none")


def whole(arguments: Sequence[Any]) -> int:
    """The one whole number of a message; many surfaces send every number as a float."""
    match arguments:
        case [int() | float() as value] if not isinstance(value, bool) and value == value // 1:
            return int(value)
    raise BadArgument("argument", "one whole number, that of the preset")


def numbered(name: str, word: str) -> int:
    """A number that stands in an address."""
    if not NUMBER.fullmatch(word):
        raise BadArgument(name, f"a number in the address (got {word!r})")
    return int(word)
