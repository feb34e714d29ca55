"""Command strings: ``< VERB [index [second index]] KEY [value] >``; a text is in braces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from avctl.errors import ProtocolError

LONGEST = 1024  # bytes; a seat's name has up to 128
_MESSAGE = re.compile(r"(?:(\d{1,5}) )?(?:(\d{1,5}) )?([A-Z][A-Z0-9_]*)(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of either direction; ``index`` is None where the key is about the whole system."""

    verb: str
    key: str
    index: int | None = None
    value: str = ""
    second: int | None = None


def encode(message: Message) -> bytes:
    """The bytes of a message, as the vendor writes them."""
    places = (str(place) for place in (message.index, message.second) if place is not None)
    parts = (message.verb, *places, message.key, message.value)
    return f"< {' '.join(part for part in parts if part)} >".encode()


class Codec:
    """Messages out of bytes that come in any portions; a ``>`` inside braces ends none."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages complete so far; ProtocolError for what is none."""
        self._kept += data
        while (end := self._end()) is not None:
            text = bytes(self._kept[:end]).decode(errors="replace").strip()
            del self._kept[: end + 1]
            yield _message(text)
        begun = self._kept.lstrip()
        if len(self._kept) > LONGEST or (begun and not begun.startswith(b"<")):
            self._kept.clear()
            raise ProtocolError("these are not command strings")

    def _end(self) -> int | None:
        first = self._kept.find(b">")
        if first < 0 or self._kept.find(b"{", 0, first) < 0:  # most have no text
            return first if first >= 0 else None
        inside = False
        for at, byte in enumerate(self._kept):
            if byte in b"{}":
                inside = byte == ord("{")
            elif byte == ord(">") and not inside:
                return at
        return None


def _message(text: str) -> Message:
    verb, _, rest = text.removeprefix("<").strip().partition(" ")
    found = _MESSAGE.fullmatch(rest.strip())
    if not text.startswith("<") or found is None:
        raise ProtocolError(f"not a command string: {text[:80]!r}")
    value = (found[4] or "").strip()
    if value.startswith("{") and value.endswith("}"):
        value = value[1:-1].strip()  # texts are filled up with spaces
    index, second = (int(place) if place else None for place in found.group(1, 2))
    return Message(verb=verb, index=index, key=found[3], value=value, second=second)
